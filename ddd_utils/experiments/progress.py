"""Progress of training in a terminal: section, network, epoch, time left."""

import shutil
import sys
import time
from collections.abc import Callable


class Progress:
    """
    Follows a set of runs.

    Parameters
    ----------
    runs : dict of (str, str) to (str, int)
        Title and number of epochs by folder and run.
    say : callable
        Takes a line; used for what should stay on the screen.
    """

    def __init__(self, runs: dict[tuple[str, str], tuple[str, int]], say: Callable):
        self.runs, self.say = runs, say
        self.done = dict.fromkeys(runs, 0)
        self.total = sum(epochs for _, epochs in runs.values())
        self.started = time.monotonic()
        self.live = sys.stderr.isatty()

    def update(self, folder: str, run: str, epoch: int) -> None:
        """Take note of a finished epoch (0: the run has started)."""
        title, epochs = self.runs[folder, run]
        self.done[folder, run] = epoch
        line = f"{title}  {run}  epoch {epoch}/{epochs}  {self._left()}"
        if self.live:
            self._show(line)
        elif epoch == epochs:
            self.say(line)

    def close(self) -> None:
        """Clear the live line."""
        if self.live:
            self._show("")

    def _left(self) -> str:
        finished = sum(self.done.values())
        networks = sum(done == epochs for done, (_, epochs) in zip(self.done.values(), self.runs.values(), strict=True))
        count = f"[{networks}/{len(self.runs)} runs]"
        if not finished:
            return count
        left = (time.monotonic() - self.started) * (self.total - finished) / finished
        return f"{count} about {f'{left / 60:.0f} min' if left >= 90 else f'{left:.0f} s'} left"

    def _show(self, line: str) -> None:
        width = shutil.get_terminal_size().columns - 1
        sys.stderr.write(f"\r{line[:width]:<{width}}" if line else f"\r{'':<{width}}\r")
        sys.stderr.flush()
