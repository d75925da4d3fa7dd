"""Progress in the output of a notebook's cell: a row a network, redrawn in place, and one line in the end."""

import sys
import threading
from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING

from ddd_utils import mime

if TYPE_CHECKING:
    from ddd_utils.experiments.machine.progress import Progress

REDRAW_SECONDS = 0.25


def in_notebook() -> bool:
    """Say whether this process is a notebook's kernel."""
    ipython = sys.modules.get("IPython")  # a kernel has imported it
    return getattr(ipython.get_ipython() if ipython else None, "kernel", None) is not None


class Cell:
    """
    Shows progress in the output of the cell that is running.

    Networks that are trained side by side end their epochs in one moment, and a model answers many times a second: so
    whoever does the work only takes note, and a thread of our own redraws the table a few times a second, in whatever
    cell it was shown first.
    """

    def __init__(self, progress: "Progress", say: Callable):
        from IPython.display import display

        self.progress, self.note = progress, say
        self._shown = _table(progress)
        self._output = display(_bundle(progress, self._shown), raw=True, display_id=True)
        self._closed = threading.Event()
        self._painter = threading.Thread(target=self._paint, daemon=True)
        self._painter.start()

    def moved(self, key: tuple[str, str]) -> None:
        """Do nothing: the next drawing has it."""

    def ended(self, line: str) -> None:
        """Do nothing: the table has what the line says."""

    def close(self, line: str) -> None:
        """Leave one line, or what has become of the networks."""
        self._closed.set()
        self._painter.join()
        self._draw(_settled(self.progress, line))

    def _paint(self) -> None:
        while not self._closed.wait(REDRAW_SECONDS):
            self._draw(_table(self.progress))

    def _draw(self, html: str) -> None:
        if html != self._shown:
            self._output.update(_bundle(self.progress, html), raw=True)
            self._shown = html


def _bundle(progress: "Progress", html: str) -> dict:
    """Wrap a drawing so that a notebook shows it and the report knows to leave it out."""
    rows = [{"run": key[1], "done": progress.done[key], "of": steps.epochs} for key, steps in progress.runs.items()]
    return {mime.PROGRESS: {"runs": rows}, "text/html": html, "text/plain": progress.summary()}


def _table(progress: "Progress") -> str:
    """Draw a row a network. Nothing has a colour of ours: the reader's theme may be light or dark."""
    head = ", ".join(filter(None, (progress.summary(), progress.time_left())))
    rows = "".join(_row(progress, key) for key in progress.runs)
    return f'<div class="ddd-progress">{escape(head)}<table style="margin: .5em 0">{rows}</table></div>'


def _row(progress: "Progress", key: tuple[str, str]) -> str:
    steps, done = progress.runs[key], progress.done[key]
    name = escape(steps.name or key[1])
    state = f"{progress.kind.unit} {done:,} of {steps.epochs:,}" if key in progress.seen else "waiting"
    bar = f'<progress max="{steps.epochs}" value="{done}" aria-label="{name}"></progress>'
    state = f"failed: {progress.troubles[key]}" if progress.troubles[key] else progress.remarks[key] or state
    # A reason may be long, and must not squeeze the names.
    left, whole = "text-align: left", "text-align: left; white-space: nowrap"
    return f'<tr><td style="{whole}">{name}</td><td>{bar}</td><td style="{left}">{escape(state)}</td></tr>'


def _settled(progress: "Progress", line: str) -> str:
    """Say what has become of the networks; those that failed are named."""
    troubles = (f"{progress.runs[key].name or key[1]} failed: {why}" for key, why in progress.troubles.items() if why)
    lines = "<br>".join(map(escape, [line or progress.summary(), *troubles]))
    return f'<div class="ddd-progress">{lines}</div>'
