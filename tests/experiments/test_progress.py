"""Progress tells section, network, epoch and time left, and counts work, not runs."""

import time
from types import SimpleNamespace

import pytest
from bs4 import BeautifulSoup

from ddd_utils import logs
from ddd_utils.experiments import progress
from ddd_utils.experiments.progress import INFERENCE, Progress, Steps


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


def test_a_finished_run_is_a_line_with_the_time_left(clock, caplog):
    runs = {("a", "small"): Steps("controls", 2, 10), ("b", "large"): Steps("training_variants", 2, 90)}
    follow = Progress(runs)
    follow.update("a", "small", 0)
    clock[0] = 30.0
    follow.update("a", "small", 1)
    assert caplog.messages == []
    follow.update("a", "small", 2)
    # A tenth of the work took 30 s.
    assert caplog.messages == ["controls  small  epoch 2/2  [1/2 runs] about 4 min left"]
    clock[0] = 300.0
    follow.update("b", "large", 2)
    assert caplog.messages[-1] == "training_variants  large  epoch 2/2  [2/2 runs] about 0 s left"


def test_in_a_terminal_one_line_is_rewritten(clock, monkeypatch, capsys):
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: True)
    follow = Progress({("a", "x"): Steps("controls", 3, 1)})
    follow.update("a", "x", 0)
    clock[0] = 5.0
    follow.update("a", "x", 1)
    follow.close()
    written = capsys.readouterr().err
    assert "controls  x  epoch 1/3  [0/1 runs] about 10 s left  |█████" in written
    assert "\n" not in written


def test_in_a_terminal_lines_that_stay_stand_above_the_one_that_is_rewritten(clock, monkeypatch, capsys):
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: True)
    follow = Progress({("", name): Steps("photographs", 100, 0) for name in ("vgg11", "alexnet")}, INFERENCE)
    follow.add("", "vgg11", 40)
    follow.end("", "vgg11", "20 images/s", "photographs: vgg11  20 images/s")
    follow.add("", "alexnet", 10)
    follow.close("all seen")
    shown, *more = capsys.readouterr().err.split("\n")
    assert "photographs  vgg11  image 40/100  [0/2 models]" in shown
    assert shown.endswith("\rphotographs: vgg11  20 images/s")
    assert "photographs  alexnet  image 10/100  [1/2 models]" in more[0]
    assert more[0].endswith("\rall seen") and more[1:] == [""]


def test_epochs_of_an_earlier_start_say_nothing_about_the_time_left(clock):
    follow = Progress({("a", "x"): Steps("controls", 10, 1)})
    follow.update("a", "x", 6)
    clock[0] = 20.0
    follow.update("a", "x", 8)
    assert follow.time_left() == "about 20 s left"


def test_a_network_that_failed_is_no_work_that_is_left(clock):
    runs = {("a", name): Steps("controls", 10, 1) for name in ("good", "bad")}
    follow = Progress(runs)
    for name in ("good", "bad"):
        follow.update("a", name, 0)
    clock[0] = 10.0
    follow.update("a", "good", 5)
    follow.fail("a", "bad", "RuntimeError: no")
    assert follow.time_left() == "about 10 s left"
    follow.update("a", "good", 10)
    assert follow.summary() == "1 of 2 networks trained in 10 s"


def test_where_work_is_unknown_nothing_is_said_of_the_time_left_and_each_end_is_a_line(clock, caplog):
    runs = {("", name): Steps("photographs", 100, 0) for name in ("vgg11", "alexnet")}
    follow = Progress(runs, INFERENCE)
    follow.add("", "vgg11", 40)
    clock[0] = 5.0
    follow.add("", "vgg11", 60)
    assert follow.time_left() == "" and caplog.messages == []
    follow.end("", "vgg11", "20 images/s", "photographs: vgg11  20 images/s")
    follow.fail("", "alexnet", "no weights", "photographs: 'alexnet': no weights")
    follow.close()
    assert caplog.messages == ["photographs: vgg11  20 images/s", "photographs: 'alexnet': no weights"]
    assert follow.summary() == "1 of 2 models tested in 5 s"


@pytest.mark.parametrize(
    ("seconds", "written"), [(0.4, "0 s"), (89, "89 s"), (90, "2 min"), (5399, "90 min"), (5400, "1.5 h")]
)
def test_a_duration_has_the_unit_that_fits(seconds, written):
    assert progress.duration(seconds) == written


def rows(bundle):
    found = BeautifulSoup(bundle["text/html"], "html.parser").select("tr")
    return [[each.text for each in row.select("td")] + [row.progress["value"]] for row in found]


def wait_for(shown, state):
    for _ in range(500):
        if any(state in row for row in rows(shown[-1])):
            return
        time.sleep(0.01)
    raise AssertionError(f"never shown: {state}")


def test_in_a_notebook_each_network_has_a_row_that_is_redrawn_and_one_line_is_left(clock, cell, capsys):
    runs = {
        ("a", "base"): Steps("gaussian", 4, 2, "base, plus_1_epoch"),
        ("a", "x"): Steps("gaussian", 2, 1),
        ("a", "<y>"): Steps("gaussian", 2, 1),
    }
    follow = Progress(runs)
    assert rows(cell[-1]) == [
        ["base, plus_1_epoch", "", "waiting", "0"],
        ["x", "", "waiting", "0"],
        ["<y>", "", "waiting", "0"],
    ]
    for name in ("base", "x", "<y>"):
        follow.update("a", name, 0)
    clock[0] = 4.0
    follow.update("a", "base", 2)
    wait_for(cell, "epoch 2 of 4")
    assert "0 of 3 networks trained in 4 s, about 8 s left" in cell[-1]["text/html"]
    follow.fail("a", "<y>", "RuntimeError: <no>")
    wait_for(cell, "failed: RuntimeError: <no>")
    follow.update("a", "x", 2, "its loss is not finite")
    wait_for(cell, "failed: its loss is not finite")
    follow.update("a", "base", 4)
    follow.close()
    settled = BeautifulSoup(cell[-1]["text/html"], "html.parser")
    assert settled.get_text("|") == (
        "1 of 3 networks trained in 4 s|x failed: its loss is not finite|<y> failed: RuntimeError: <no>"
    )
    assert capsys.readouterr() == ("", "")
    assert all(logs.PROGRESS in bundle for bundle in cell)


def test_in_a_notebook_a_models_row_says_how_it_was(clock, cell, caplog):
    follow = Progress({("", name): Steps("photographs", 1_000, 0) for name in ("a", "b")}, INFERENCE)
    follow.add("", "a", 200)
    wait_for(cell, "image 200 of 1,000")
    follow.end("", "a", "53 images/s", "photographs: a  53 images/s")
    wait_for(cell, "53 images/s")
    follow.end("", "b", "54 images/s", "photographs: b  54 images/s")
    follow.close()
    assert cell[-1]["text/html"] == '<div class="ddd-progress">2 models tested in 0 s</div>'
    assert cell[-1]["text/plain"] == "2 models tested in 0 s"
    assert caplog.messages == []


def test_this_is_no_notebook():
    assert not progress.in_notebook()
