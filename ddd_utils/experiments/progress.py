"""Progress of training in a terminal: section, network, epoch, time left."""

import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass


def tell(line: str) -> None:
    """Write a line of progress; standard error never reaches a report."""
    print(line, file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Steps:
    """A run as progress sees it: what to call its experiment, its epochs, and the work in each (in any one unit)."""

    title: str
    epochs: int
    work: float


class Progress:
    """
    Follows a set of runs.

    Parameters
    ----------
    runs : dict of (str, str) to Steps
        By folder and run.
    say : callable
        Takes a line; used for what should stay on the screen.
    """

    def __init__(self, runs: dict[tuple[str, str], Steps], say: Callable):
        self.runs, self.say = runs, say
        self.done = dict.fromkeys(runs, 0)
        # Epochs that were there before: they say nothing about how long the others will take.
        self.resumed = dict.fromkeys(runs, 0)
        self.seen = set()
        self.started = time.monotonic()
        self.live = sys.stderr.isatty()

    def update(self, folder: str, run: str, epoch: int) -> None:
        """Take note of finished epochs; the first time, of those that were finished before."""
        steps = self.runs[folder, run]
        if (folder, run) not in self.seen:
            self.seen.add((folder, run))
            self.resumed[folder, run] = epoch
        self.done[folder, run] = epoch
        line = f"{steps.title}  {run}  epoch {epoch}/{steps.epochs}  {self._left()}"
        if self.live:
            self._show(line)
        elif epoch == steps.epochs:
            self.say(line)

    def close(self) -> None:
        """Clear the live line."""
        if self.live:
            self._show("")

    def note(self, line: str) -> None:
        """Write a line that stays on the screen."""
        if self.live:
            self._show("")
        self.say(line)

    def _left(self) -> str:
        finished = sum((epochs - self.resumed[key]) * self.runs[key].work for key, epochs in self.done.items())
        left = sum((run.epochs - self.done[key]) * run.work for key, run in self.runs.items())
        count = f"[{sum(epochs == self.runs[key].epochs for key, epochs in self.done.items())}/{len(self.runs)} runs]"
        if not finished:
            return count
        seconds = (time.monotonic() - self.started) * left / finished
        return f"{count} about {f'{seconds / 60:.0f} min' if seconds >= 90 else f'{seconds:.0f} s'} left"

    def _show(self, line: str) -> None:
        width = shutil.get_terminal_size().columns - 1
        sys.stderr.write(f"\r{line[:width]:<{width}}" if line else f"\r{'':<{width}}\r")
        sys.stderr.flush()
