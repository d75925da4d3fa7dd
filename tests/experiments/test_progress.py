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


def follow(*runs, kind=progress.TRAINING):
    """Follow runs of (title, name, epochs, work), each known by its name."""
    return Progress({name: Steps(title, name, *rest) for title, name, *rest in runs}, kind)


def photographs(*names, images=100):
    return follow(*(("photographs", name, images) for name in names), kind=INFERENCE)


def test_a_finished_run_is_a_line_with_the_time_left(clock, caplog):
    runs = follow(("controls", "small", 2, 10), ("training_variants", "large", 2, 90))
    runs.update("small", 0)
    clock[0] = 30.0
    runs.update("small", 1)
    assert caplog.messages == []
    runs.update("small", 2)
    # A tenth of the work took 30 s.
    assert caplog.messages == ["controls  small  epoch 2/2  [1/2 runs] about 4 min left"]
    clock[0] = 300.0
    runs.update("large", 2)
    assert caplog.messages[-1] == "training_variants  large  epoch 2/2  [2/2 runs] about 0 s left"


def test_in_a_terminal_one_line_is_rewritten(clock, monkeypatch, capsys):
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: True)
    runs = follow(("controls", "x", 3, 1))
    runs.update("x", 0)
    clock[0] = 5.0
    runs.update("x", 1)
    runs.close()
    written = capsys.readouterr().err
    assert "controls  x  epoch 1/3  [0/1 runs] about 10 s left  |█████" in written
    assert "\n" not in written


def test_in_a_terminal_lines_that_stay_stand_above_the_one_that_is_rewritten(clock, monkeypatch, capsys):
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: True)
    runs = photographs("vgg11", "alexnet")
    runs.add("vgg11", 40)
    runs.end("vgg11", "photographs: vgg11  20 images/s", remark="20 images/s")
    runs.add("alexnet", 10)
    runs.close("all seen")
    shown, *more = capsys.readouterr().err.split("\n")
    assert "photographs  vgg11  image 40/100  [0/2 models]" in shown
    assert shown.endswith("\rphotographs: vgg11  20 images/s")
    assert "photographs  alexnet  image 10/100  [1/2 models]" in more[0]
    assert more[0].endswith("\rall seen") and more[1:] == [""]


def test_neither_earlier_epochs_nor_failed_networks_count_for_the_time_left(clock):
    runs = follow(("controls", "good", 10, 1), ("controls", "bad", 10, 1))
    for name in ("good", "bad"):
        runs.update(name, 6)
    clock[0] = 20.0
    runs.update("good", 8)
    assert runs.time_left() == "about 60 s left"
    runs.end("bad", "", trouble="RuntimeError: no")
    assert runs.time_left() == "about 20 s left"
    runs.update("good", 10)
    assert runs.summary() == "1 of 2 networks trained in 20 s"


def test_where_work_is_unknown_nothing_is_said_of_the_time_left_and_each_end_is_a_line(clock, caplog):
    runs = photographs("vgg11", "alexnet")
    runs.add("vgg11", 40)
    clock[0] = 5.0
    runs.add("vgg11", 60)
    assert runs.time_left() == "" and caplog.messages == []
    runs.end("vgg11", "photographs: vgg11  20 images/s", remark="20 images/s")
    runs.end("alexnet", "photographs: 'alexnet': no weights", trouble="no weights")
    runs.close()
    assert caplog.messages == ["photographs: vgg11  20 images/s", "photographs: 'alexnet': no weights"]
    assert runs.summary() == "1 of 2 models tested in 5 s"


@pytest.mark.parametrize(
    ("seconds", "written"), [(0.4, "0 s"), (89, "89 s"), (90, "2 min"), (5399, "90 min"), (5400, "1.5 h")]
)
def test_a_duration_has_the_unit_that_fits(seconds, written):
    assert progress.duration(seconds) == written


def rows(bundle):
    found = BeautifulSoup(bundle["text/html"], "html.parser").select("tr")
    return [[each.text for each in row.select("td")] + [row.progress["value"]] for row in found]


def wait_for(shown, text):
    for _ in range(6_000):
        if text in BeautifulSoup(shown[-1]["text/html"], "html.parser").get_text():
            return
        time.sleep(0.01)
    raise AssertionError(f"never shown: {text}")


def test_in_a_notebook_each_network_has_a_row_that_is_redrawn_and_one_line_is_left(clock, cell, capsys):
    runs = follow(("gaussian", "base", 4, 2, "base, plus_1_epoch"), ("gaussian", "x", 2, 1), ("gaussian", "<y>", 2, 1))
    assert rows(cell[-1]) == [[name, "", "waiting", "0"] for name in ("base, plus_1_epoch", "x", "<y>")]
    for name in ("base", "x", "<y>"):
        runs.update(name, 0)
    clock[0] = 4.0
    runs.update("base", 2)
    wait_for(cell, "epoch 2 of 4")
    wait_for(cell, "0 of 3 networks trained in 4 s, about 8 s left")
    runs.end("<y>", "", trouble="RuntimeError: <no>")
    wait_for(cell, "failed: RuntimeError: <no>")
    runs.update("x", 2, "its loss is not finite")
    wait_for(cell, "failed: its loss is not finite")
    runs.update("base", 4)
    runs.close()
    settled = BeautifulSoup(cell[-1]["text/html"], "html.parser")
    assert settled.get_text("|") == (
        "1 of 3 networks trained in 4 s|x failed: its loss is not finite|<y> failed: RuntimeError: <no>"
    )
    assert capsys.readouterr() == ("", "")
    assert all(logs.PROGRESS in bundle for bundle in cell)


def test_in_a_notebook_a_models_row_says_how_it_was(clock, cell, caplog):
    runs = photographs("a", "b", images=1_000)
    runs.add("a", 200)
    wait_for(cell, "image 200 of 1,000")
    runs.end("a", "photographs: a  53 images/s", remark="53 images/s")
    wait_for(cell, "53 images/s")
    runs.end("b", "photographs: b  54 images/s", remark="54 images/s")
    runs.close()
    assert cell[-1]["text/html"] == '<div class="ddd-progress">2 models tested in 0 s</div>'
    assert cell[-1]["text/plain"] == "2 models tested in 0 s"
    assert caplog.messages == []


def test_this_is_no_notebook():
    assert not progress.in_notebook()
