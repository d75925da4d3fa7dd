"""How far networks are and the time left: followed in one way, shown in a terminal's line or in a notebook's cell."""

import shutil
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from ddd_utils.experiments.machine import progress_cell


def tell(line: str) -> None:
    """Write a line of progress; standard error never reaches a report."""
    print(line, file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Steps:
    """
    A run as progress sees it.

    Attributes
    ----------
    title : str
        What to call its experiment.
    epochs : int
        How many epochs it has, or images, or whatever it is counted in.
    work : float
        The work in each, in any one unit; 0 if it is not known, and so neither is the time left.
    name : str
        What to call it where there is room; empty = as its file.
    """

    title: str
    epochs: int
    work: float
    name: str = ""


@dataclass(frozen=True)
class Kind:
    """What is done: what it is counted in, and what is done in the end. ``told``: a line tells of each one's end."""

    unit: str
    runs: str
    noun: str
    verb: str
    told: bool = False


TRAINING = Kind("epoch", "runs", "network", "trained", told=True)
SHOWING = Kind("image", "models", "model", "shown the images")
DECODING = Kind("image", "", "set of images", "decoded")


class Progress:
    """
    Follows a set of runs.

    Parameters
    ----------
    runs : dict of (str, str) to Steps
        By folder and run.
    say : callable
        Takes a line; used for what should stay on the screen.
    kind : Kind
        What is done.
    """

    def __init__(self, runs: dict[tuple[str, str], Steps], say: Callable, kind: Kind = TRAINING):
        self.runs, self.kind = runs, kind
        self.done = dict.fromkeys(runs, 0)
        # Epochs that were there before: they say nothing about how long the others will take.
        self.resumed = dict.fromkeys(runs, 0)
        self.remarks, self.troubles = dict.fromkeys(runs, ""), dict.fromkeys(runs, "")
        self.seen = set()
        self._counting = threading.Lock()
        self.started = time.monotonic()
        # When the first of them was at work: processes take long to start, and that says nothing about the time left.
        self.begun = None
        self.view = (progress_cell.Cell if progress_cell.in_notebook() else _Line)(self, say)

    def update(self, folder: str, run: str, epoch: int, trouble: str = "") -> None:
        """Take note of finished epochs; the first time, of those that were finished before."""
        if self.begun is None:
            self.begun = time.monotonic()
        if (folder, run) not in self.seen:
            self.seen.add((folder, run))
            self.resumed[folder, run] = epoch
        self.done[folder, run] = epoch
        self.troubles[folder, run] = trouble or self.troubles[folder, run]
        self.view.moved((folder, run))

    def add(self, folder: str, run: str, more: int) -> None:
        """Take note of some more that are finished, whichever thread finds them so."""
        with self._counting:
            self.seen.add((folder, run))
            self.update(folder, run, self.done[folder, run] + more)

    def end(self, folder: str, run: str, remark: str, line: str) -> None:
        """Take note of how a run has ended, and write the line where there is no table that has the remark."""
        self.done[folder, run] = self.runs[folder, run].epochs
        self.remarks[folder, run] = remark
        self.view.ended(line)

    def fail(self, folder: str, run: str, trouble: str, line: str = "") -> None:
        """Take note of what went wrong, and write the line, if any, where there is no table that has it."""
        self.troubles[folder, run] = trouble
        self.view.ended(line)

    def note(self, line: str) -> None:
        """Write a line that stays on the screen."""
        self.view.note(line)

    def close(self, line: str = "") -> None:
        """Show nothing live any more, but the line, if any, and in a notebook how it has ended."""
        self.view.close(line)

    def finished(self, key: tuple[str, str]) -> bool:
        """Say whether a run is at its end."""
        return self.done[key] == self.runs[key].epochs

    def _left(self) -> str:
        count = f"[{sum(map(self.finished, self.runs))}/{len(self.runs)} {self.kind.runs}]" if self.kind.runs else ""
        return f"{count} {self.time_left()}".strip()

    def time_left(self) -> str:
        """Estimate the time left for all runs: "about 20 s left", or nothing where nothing is known of it."""
        finished = sum((epochs - self.resumed[key]) * self.runs[key].work for key, epochs in self.done.items())
        going = [key for key in self.runs if not self.troubles[key]]
        left = sum((self.runs[key].epochs - self.done[key]) * self.runs[key].work for key in going)
        return f"about {_duration((time.monotonic() - self.begun) * left / finished)} left" if finished else ""

    def summary(self) -> str:
        """Return how it has ended: "13 networks trained in 41 s"."""
        good = sum(self.finished(key) and not self.troubles[key] for key in self.runs)
        of = f" of {len(self.runs)}" if good < len(self.runs) else ""
        noun = self.kind.noun + "s" * (len(self.runs) > 1)
        return f"{good}{of} {noun} {self.kind.verb} in {_duration(time.monotonic() - self.started)}"


class _Line:
    """Shows progress in a terminal: one line, rewritten, or a line for each run where nothing can be rewritten."""

    def __init__(self, progress: Progress, say: Callable):
        self.progress, self.say = progress, say
        self.live = sys.stderr.isatty()

    def moved(self, key: tuple[str, str]) -> None:
        steps, kind = self.progress.runs[key], self.progress.kind
        line = f"{steps.title}  {key[1]}  {kind.unit} {self.progress.done[key]}/{steps.epochs}  {self.progress._left()}"
        if self.live:
            self._show(line)
        elif kind.told and self.progress.finished(key):
            self.say(line)

    def ended(self, line: str) -> None:
        if line:
            self.note(line)

    def note(self, line: str) -> None:
        if self.live:
            self._show("")
        self.say(line)

    def close(self, line: str) -> None:
        if self.live:
            self._show("")
        self.ended(line)

    def _show(self, line: str) -> None:
        width = shutil.get_terminal_size().columns - 1
        sys.stderr.write(f"\r{line[:width]:<{width}}" if line else f"\r{'':<{width}}\r")
        sys.stderr.flush()


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"
