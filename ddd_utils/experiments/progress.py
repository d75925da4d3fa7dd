"""How far networks are and the time left: a bar in a terminal, a table in a notebook's cell, or else a line each."""

import logging
import sys
import threading
import time
from dataclasses import dataclass
from html import escape

from tqdm import tqdm

from ddd_utils import logs

log = logging.getLogger(__name__)

REDRAW_SECONDS = 0.25


@dataclass(frozen=True)
class Steps:
    """A run as progress sees it: so many epochs, or images, or whatever it is counted in, and the work in each."""

    title: str  # of its experiment
    epochs: int
    work: float  # in any one unit; 0 if it is not known, and so neither is the time left
    name: str = ""  # where there is room for one; empty = as its file


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
    """Follows runs, each known by its folder and its name."""

    def __init__(self, runs: dict[tuple[str, str], Steps], kind: Kind = TRAINING):
        self.runs, self.kind = runs, kind
        self.done = dict.fromkeys(runs, 0)
        # Epochs that were there before: they say nothing about how long the others will take.
        self.resumed = dict.fromkeys(runs, 0)
        self.remarks, self.troubles = dict.fromkeys(runs, ""), dict.fromkeys(runs, "")
        self.seen: set[tuple[str, str]] = set()
        self._counting = threading.Lock()
        self.started = time.monotonic()
        # When the first of them was at work: processes take long to start, and that says nothing about the time left.
        self.begun: float | None = None
        self._cell = _Cell(self) if in_notebook() else None
        self._bar: tqdm | None = None
        if not self._cell and sys.stderr.isatty():
            total = sum(steps.epochs * (steps.work or 1) for steps in runs.values())
            drawn = "{desc}  |{bar:16}| {percentage:3.0f}%"
            self._bar = tqdm(total=total, leave=False, dynamic_ncols=True, bar_format=drawn)

    def update(self, folder: str, run: str, epoch: int, trouble: str = "") -> None:
        """Take note of finished epochs; the first time, of those that were finished before."""
        key = folder, run
        if self.begun is None:
            self.begun = time.monotonic()
        if key not in self.seen:
            self.seen.add(key)
            self.resumed[key] = epoch
        self.done[key] = epoch
        self.troubles[key] = trouble or self.troubles[key]
        if self._bar is not None:
            self._bar.n = sum(done * (self.runs[each].work or 1) for each, done in self.done.items())
            self._bar.set_description_str(self._line(key))
        elif not self._cell and self.kind.told and self._finished(key):
            log.info(self._line(key))

    def add(self, folder: str, run: str, more: int) -> None:
        """Take note of some more that are finished, whichever thread finds them so."""
        with self._counting:
            self.seen.add((folder, run))
            self.update(folder, run, self.done[folder, run] + more)

    def end(self, folder: str, run: str, remark: str, line: str) -> None:
        """Take note of how a run has ended, and log the line where no table has the remark."""
        self.done[folder, run] = self.runs[folder, run].epochs
        self.remarks[folder, run] = remark
        self._tell(line)

    def fail(self, folder: str, run: str, trouble: str, line: str = "") -> None:
        """Take note of what went wrong, and log the line, if any, where no table has it."""
        self.troubles[folder, run] = trouble
        self._tell(line)

    def close(self, line: str = "") -> None:
        """Show nothing live any more; the line, if any, stays, and in a notebook how all has ended."""
        if self._cell:
            self._cell.close(line)
        if self._bar is not None:
            self._bar.close()
        self._tell(line)

    def _finished(self, key: tuple[str, str]) -> bool:
        return self.done[key] == self.runs[key].epochs

    def time_left(self) -> str:
        """Estimate the time left for all runs: "about 20 s left", or nothing where nothing is known of it."""
        done = sum((epochs - self.resumed[key]) * self.runs[key].work for key, epochs in self.done.items())
        going = [key for key in self.runs if not self.troubles[key]]
        left = sum((self.runs[key].epochs - self.done[key]) * self.runs[key].work for key in going)
        seconds = remaining(time.monotonic() - (self.begun or 0), done, left)
        return "" if seconds is None else f"about {duration(seconds)} left"

    def summary(self) -> str:
        """Return how it has ended: "13 networks trained in 41 s"."""
        good = sum(self._finished(key) and not self.troubles[key] for key in self.runs)
        of = f" of {len(self.runs)}" if good < len(self.runs) else ""
        noun = self.kind.noun + "s" * (len(self.runs) > 1)
        return f"{good}{of} {noun} {self.kind.verb} in {duration(time.monotonic() - self.started)}"

    def _line(self, key: tuple[str, str]) -> str:
        steps, kind = self.runs[key], self.kind
        count = f"[{sum(map(self._finished, self.runs))}/{len(self.runs)} {kind.runs}] " if kind.runs else ""
        epoch = f"{kind.unit} {self.done[key]}/{steps.epochs}"
        return f"{steps.title}  {key[1]}  {epoch}  {count}{self.time_left()}".strip()

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

        self.progress, self._shown = progress, _table(progress)
        self._output = display(_bundle(progress, self._shown), raw=True, display_id=True)
        self._closed = threading.Event()
        # Networks that train side by side end their epochs in one moment, and a model answers many times a second: a
        # thread of our own redraws the table a few times a second.
        self._painter = threading.Thread(target=self._paint, daemon=True)
        self._painter.start()

    def close(self, line: str) -> None:
        """Leave the line, or what has become of the networks; those that failed are named."""
        self._closed.set()
        self._painter.join()
        runs, troubles = self.progress.runs, self.progress.troubles
        failed = (f"{runs[key].name or key[1]} failed: {why}" for key, why in troubles.items() if why)
        lines = "<br>".join(map(escape, [line or self.progress.summary(), *failed]))
        self._draw(f'<div class="ddd-progress">{lines}</div>')

    def _paint(self) -> None:
        while not self._closed.wait(REDRAW_SECONDS):
            self._draw(_table(self.progress))

    def _draw(self, html: str) -> None:
        if html != self._shown:
            self._output.update(_bundle(self.progress, html), raw=True)
            self._shown = html


def _bundle(progress: Progress, html: str) -> dict:
    """Wrap a drawing so that a notebook shows it and the report knows to leave it out."""
    rows = [{"run": key[1], "done": progress.done[key], "of": steps.epochs} for key, steps in progress.runs.items()]
    return {logs.PROGRESS: {"runs": rows}, "text/html": html, "text/plain": progress.summary()}


def _table(progress: Progress) -> str:
    """Draw a row a network, in no colour of ours: the reader's theme may be light or dark."""
    head = ", ".join(filter(None, (progress.summary(), progress.time_left())))
    rows = "".join(_row(progress, key) for key in progress.runs)
    return f'<div class="ddd-progress">{escape(head)}<table style="margin: .5em 0">{rows}</table></div>'


def _row(progress: Progress, key: tuple[str, str]) -> str:
    steps, done = progress.runs[key], progress.done[key]
    name = escape(steps.name or key[1])
    state = f"{progress.kind.unit} {done:,} of {steps.epochs:,}" if key in progress.seen else "waiting"
    state = f"failed: {progress.troubles[key]}" if progress.troubles[key] else progress.remarks[key] or state
    bar = f'<progress max="{steps.epochs}" value="{done}" aria-label="{name}"></progress>'
    # A reason may be long, and must not squeeze the names.
    left, whole = "text-align: left", "text-align: left; white-space: nowrap"
    return f'<tr><td style="{whole}">{name}</td><td>{bar}</td><td style="{left}">{escape(state)}</td></tr>'
