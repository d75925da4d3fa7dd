"""Progress of training in a terminal: section, network, epoch, time left."""

import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass


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
        self.total = sum(run.epochs * run.work for run in runs.values())
        self.started = time.monotonic()
        self.live = sys.stderr.isatty()

    def update(self, folder: str, run: str, epoch: int) -> None:
        """Take note of a finished epoch (0: the run has started)."""
        steps = self.runs[folder, run]
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

    def _left(self) -> str:
        pairs = [(epochs, self.runs[key]) for key, epochs in self.done.items()]
        finished = sum(epochs * run.work for epochs, run in pairs)
        count = f"[{sum(epochs == run.epochs for epochs, run in pairs)}/{len(pairs)} runs]"
        if not finished:
            return count
        left = (time.monotonic() - self.started) * (self.total - finished) / finished
        return f"{count} about {f'{left / 60:.0f} min' if left >= 90 else f'{left:.0f} s'} left"

    def _show(self, line: str) -> None:
        width = shutil.get_terminal_size().columns - 1
        sys.stderr.write(f"\r{line[:width]:<{width}}" if line else f"\r{'':<{width}}\r")
        sys.stderr.flush()
