"""Progress tells section, network, epoch and time left, and counts work, not runs."""

import pytest

from ddd_utils.experiments import progress
from ddd_utils.experiments.progress import Progress, Steps


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_a_finished_run_is_a_line_with_the_time_left(clock):
    lines = []
    runs = {("a", "small"): Steps("controls", 2, 10), ("b", "large"): Steps("training_variants", 2, 90)}
    follow = Progress(runs, lines.append)
    follow.update("a", "small", 0)
    clock[0] = 30.0
    follow.update("a", "small", 1)
    assert lines == []
    follow.update("a", "small", 2)
    # A tenth of the work took 30 s.
    assert lines == ["controls  small  epoch 2/2  [1/2 runs] about 4 min left"]
    clock[0] = 300.0
    follow.update("b", "large", 2)
    assert lines[-1] == "training_variants  large  epoch 2/2  [2/2 runs] about 0 s left"


def test_in_a_terminal_one_line_is_rewritten(clock, monkeypatch, capsys):
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: True)
    follow = Progress({("a", "x"): Steps("controls", 3, 1)}, lambda line: pytest.fail(line))
    follow.update("a", "x", 0)
    clock[0] = 5.0
    follow.update("a", "x", 1)
    follow.close()
    written = capsys.readouterr().err
    assert "controls  x  epoch 1/3  [0/1 runs] about 10 s left" in written
    assert "\n" not in written


def test_epochs_of_an_earlier_start_say_nothing_about_the_time_left(clock):
    lines = []
    follow = Progress({("a", "x"): Steps("controls", 10, 1)}, lines.append)
    follow.update("a", "x", 6)
    clock[0] = 20.0
    follow.update("a", "x", 8)
    assert follow._left() == "[0/1 runs] about 20 s left"
    follow.note("a file was set aside")
    assert lines == ["a file was set aside"]
