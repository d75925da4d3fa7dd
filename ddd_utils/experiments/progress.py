"""How far networks are and the time left: a bar in a terminal, a table in a notebook's cell, or else a line each."""

import logging
import sys
import threading
import time
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from html import escape

from tqdm import tqdm

from ddd_utils import logs

log = logging.getLogger(__name__)

REDRAW_SECONDS = 0.25


@dataclass
class Steps:
    """A run as progress sees it: so many epochs, or images, or whatever it is counted in, and how far it is."""

    title: str  # of its experiment
    name: str
    epochs: int
    work: float = 0  # in any one unit, for an epoch; 0 if it is not known, and so neither is the time left
    label: str = ""  # a longer name, where there is room for one
    done: int | None = None
    resumed: int = 0  # epochs that were there before: they say nothing about how long the others will take
    remark: str = ""
    trouble: str = ""

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do."""
        return self.done == self.epochs


@dataclass(frozen=True)
class Kind:
    """What is done, in words; with ``told`` a line tells of each run's end."""

    unit: str
    runs: str
    noun: str
    verb: str
    told: bool = False


TRAINING = Kind("epoch", "runs", "network", "trained", told=True)
INFERENCE = Kind("image", "models", "model", "tested")
DECODING = Kind("image", "", "set of images", "decoded")


class Progress:
    """Follows runs, each known by a key."""

    def __init__(self, runs: Mapping[Hashable, Steps], kind: Kind = TRAINING):
        self.runs, self.kind = runs, kind
        self._counting = threading.Lock()
        self.started = time.monotonic()
        # When the first of them was at work: processes take long to start, and that says nothing about the time left.
        self.begun: float | None = None
        self._cell = _Cell(self) if in_notebook() else None
        self._bar: tqdm | None = None
        if not self._cell and sys.stderr.isatty():
            total = sum(run.epochs * (run.work or 1) for run in runs.values())
            drawn = "{desc}  |{bar:16}| {percentage:3.0f}%"
            self._bar = tqdm(total=total, leave=False, dynamic_ncols=True, bar_format=drawn)

    def update(self, key: Hashable, done: int, trouble: str = "") -> None:
        """Take note of finished epochs; the first time, of those that were finished before."""
        run = self.runs[key]
        if self.begun is None:
            self.begun = time.monotonic()
        if run.done is None:
            run.resumed = done
        run.done, run.trouble = done, trouble or run.trouble
        if self._bar is not None:
            self._bar.n = sum((each.done or 0) * (each.work or 1) for each in self.runs.values())
            self._bar.set_description_str(self._line(run))
        elif self.kind.told and run.finished:
            self._tell(self._line(run))

    def add(self, key: Hashable, more: int) -> None:
        """Take note of some more that are finished, whichever thread finds them so."""
        with self._counting:
            self.runs[key].done = self.runs[key].done or 0
            self.update(key, self.runs[key].done + more)

    def end(self, key: Hashable, line: str, remark: str = "", trouble: str = "") -> None:
        """Take note of how a run has ended, and log the line, if any, where no table shows it."""
        run = self.runs[key]
        run.remark, run.trouble = remark, trouble
        if not trouble:
            run.done = run.epochs
        self._tell(line)

    def close(self, line: str = "") -> None:
        """Show nothing live any more; the line, if any, stays, and in a notebook how all has ended."""
        if self._cell:
            self._cell.close(line)
        if self._bar is not None:
            self._bar.close()
        self._tell(line)

    def time_left(self) -> str:
        """Estimate the time left for all runs: "about 20 s left", or nothing where nothing is known of it."""
        runs = self.runs.values()
        done = sum(((run.done or 0) - run.resumed) * run.work for run in runs)
        left = sum((run.epochs - (run.done or 0)) * run.work for run in runs if not run.trouble)
        seconds = remaining(time.monotonic() - (self.begun or 0), done, left)
        return "" if seconds is None else f"about {duration(seconds)} left"

    def summary(self) -> str:
        """Return how it has ended: "13 networks trained in 41 s"."""
        good, count = sum(run.finished and not run.trouble for run in self.runs.values()), len(self.runs)
        number = str(good) if good == count else f"{good} of {count}"
        noun = self.kind.noun if count == 1 else f"{self.kind.noun}s"
        return f"{number} {noun} {self.kind.verb} in {duration(time.monotonic() - self.started)}"

    def _line(self, run: Steps) -> str:
        finished, kind = sum(each.finished for each in self.runs.values()), self.kind
        count = f"[{finished}/{len(self.runs)} {kind.runs}] " if kind.runs else ""
        return f"{run.title}  {run.name}  {kind.unit} {run.done}/{run.epochs}  {count}{self.time_left()}".strip()

    def _tell(self, line: str) -> None:
        if line and not self._cell:
            log.info(line)


def remaining(seconds: float, done: float, left: float, processes: int = 1) -> float | None:
    """Estimate the seconds for the work that is left, from those that other work took; None if none is done yet."""
    return seconds * left / done / processes if done else None


def duration(seconds: float) -> str:
    """Write a duration with its unit."""
    if seconds >= 5400:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"


def in_notebook() -> bool:
    """Say whether this process is a notebook's kernel."""
    ipython = sys.modules.get("IPython")  # a kernel has imported it
    return getattr(ipython.get_ipython() if ipython else None, "kernel", None) is not None


class _Cell:
    """A table in the output of the cell that is running, a row a network; in the end one line is left."""

    def __init__(self, progress: Progress):
        from IPython.display import display

        self.progress, self._shown = progress, self._table(progress)
        self._output = display(self._bundle(), raw=True, display_id=True)
        self._closed = threading.Event()
        # Networks that train side by side end their epochs in one moment, and a model answers many times a second: a
        # thread of our own redraws the table a few times a second.
        self._painter = threading.Thread(target=self._paint, daemon=True)
        self._painter.start()

    def close(self, line: str) -> None:
        """Leave the line, or what has become of the networks; those that failed are named."""
        self._closed.set()
        self._painter.join()
        runs = self.progress.runs.values()
        failed = (f"{run.label or run.name} failed: {run.trouble}" for run in runs if run.trouble)
        lines = "<br>".join(map(escape, [line or self.progress.summary(), *failed]))
        self._draw(f'<div class="ddd-progress">{lines}</div>')

    def _paint(self) -> None:
        while not self._closed.wait(REDRAW_SECONDS):
            self._draw(self._table(self.progress))

    def _draw(self, html: str) -> None:
        if html != self._shown:
            self._shown = html
            self._output.update(self._bundle(), raw=True)

    def _bundle(self) -> dict:
        """Wrap the drawing so that a notebook shows it and the report knows to leave it out."""
        rows = [{"run": run.name, "done": run.done or 0, "of": run.epochs} for run in self.progress.runs.values()]
        return {logs.PROGRESS: {"runs": rows}, "text/html": self._shown, "text/plain": self.progress.summary()}

    @staticmethod
    def _table(progress: Progress) -> str:
        """Draw a row a network, in no colour of ours: the reader's theme may be light or dark."""
        head = ", ".join(filter(None, (progress.summary(), progress.time_left())))
        rows = "".join(_row(run, progress.kind.unit) for run in progress.runs.values())
        return f'<div class="ddd-progress">{escape(head)}<table style="margin: .5em 0">{rows}</table></div>'


def _row(run: Steps, unit: str) -> str:
    name = escape(run.label or run.name)
    state = "waiting" if run.done is None else f"{unit} {run.done:,} of {run.epochs:,}"
    state = f"failed: {run.trouble}" if run.trouble else run.remark or state
    bar = f'<progress max="{run.epochs}" value="{run.done or 0}" aria-label="{name}"></progress>'
    # A reason may be long, and must not squeeze the names.
    left, whole = "text-align: left", "text-align: left; white-space: nowrap"
    return f'<tr><td style="{whole}">{name}</td><td>{bar}</td><td style="{left}">{escape(state)}</td></tr>'
