"""Find out what is missing and have it computed, once, however many processes ask; tell how far all of it is."""

import logging
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ddd_utils import logs, paths
from ddd_utils.errors import ExperimentError, InputError
from ddd_utils.experiments.evaluations import Evaluation
from ddd_utils.experiments.plans import Run
from ddd_utils.experiments.progress import duration, remaining
from ddd_utils.experiments.store import Experiment
from ddd_utils.experiments.training import processes
from ddd_utils.experiments.training.processes import Group, Task, grouped
from ddd_utils.files import TornFile, read_metadata
from ddd_utils.machine import devices, is_locked

log = logging.getLogger(__name__)

POLL_SECONDS = 1
# A run that is "stopped" has a checkpoint, and nobody trains it.
STATES = ("done", "diverged", "running", "stopped", "missing")


def compute(experiments: Sequence[Experiment], titles: Sequence[str] | None = None) -> None:
    """Compute what is missing of experiments; networks that fail raise ExperimentError once the others are finished."""
    failures: dict[Path, str] = {}
    waiting = False
    while tasks := missing(experiments, titles, failures):
        free = [task for task in tasks if not is_locked(task[0].lock(task[1]))]
        if free:
            failures |= processes.run(grouped(free, len(devices())), devices())
            continue
        if not waiting:
            log.info("waiting for another process that trains %s", ", ".join(run.file for _, run, _ in tasks))
        waiting = True
        time.sleep(POLL_SECONDS)
    finish(experiments)
    _complain(failures)


def finish(experiments: Iterable[Experiment]) -> None:
    """Describe the experiments whose runs are all there."""
    for experiment in experiments:
        if not experiment.complete() and not experiment.missing():
            experiment.finish()


def train_group(group: Group) -> None:
    """Train what is missing of a group on all devices of this machine: what a SLURM job does."""
    logs.install()
    if tasks := [(group.experiment, run, group.title) for run in group.runs if not group.experiment.done(run)]:
        _complain(processes.run(grouped(tasks, len(devices())), devices()))


def _complain(failures: dict[Path, str]) -> None:
    if failures:
        raise ExperimentError("; ".join(f"{file.stem}: {reason}" for file, reason in failures.items()))


def missing(
    experiments: Sequence[Experiment], titles: Sequence[str] | None = None, failures: Iterable[Path] = ()
) -> list[Task]:
    """List the runs that are missing, each once, except those whose results files have failed before."""
    titles = titles or [experiment.folder.name for experiment in experiments]
    tasks: dict[Path, Task] = {}
    for experiment, title in zip(experiments, titles, strict=True):
        for run in experiment.missing():
            tasks.setdefault(experiment.file(run), (experiment, run, title))
    return [task for file, task in tasks.items() if file not in failures]


def check(experiments: Sequence[Experiment]) -> None:
    """Build every model once and look at the disk, so that trouble is found before hours of training."""
    tasks = missing(experiments)
    if not tasks:
        return  # a light installation has no networks to import
    from ddd_utils.experiments import costs
    from ddd_utils.models import by_name

    states, wanted = {}, 0
    for experiment, run, _ in tasks:
        case = costs.case(run, experiment.dataset)
        if case not in states:
            states[case] = costs.state_bytes(by_name.create(run.model, case.classes, run.arguments), run.optimizer)
        wanted += costs.disk_bytes(run, experiment.dataset.sizes[1], case.classes, states[case])
    free = shutil.disk_usage(paths.results()).free
    if wanted > free:
        needed = f"{wanted / 1e9:.2f} GB are needed for answers and checkpoints"
        raise InputError(f"{paths.results()}: {needed}, {free / 1e9:.2f} are free")


@dataclass(frozen=True)
class RunStatus:
    """Where a run stands."""

    run: str
    state: str  # one of STATES
    epoch: int  # finished ones
    epochs: int
    seconds: float | None  # that its finished epochs took, where that is known
    work: float  # guessed, of all its epochs
    reason: str = ""  # why it diverged

    @property
    def share(self) -> float:
        """The finished part of the work."""
        return self.work * self.epoch / self.epochs


def run_status(experiment: Experiment, run: Run) -> RunStatus:
    """Read off an experiment's folder where a run stands; nothing is changed."""
    work = experiment.work(run)
    if experiment.done(run):
        found = read_metadata(experiment.file(run))
        state = "diverged" if found.get("diverged") else "done"
        return RunStatus(run.file, state, run.epochs, run.epochs, found["seconds"], work, found.get("diverged") or "")
    kept = _checkpoint(experiment.checkpoint(run))
    waiting = "stopped" if kept.get("epoch") else "missing"
    state = "running" if is_locked(experiment.lock(run)) else waiting
    return RunStatus(run.file, state, kept.get("epoch", 0), run.epochs, kept.get("seconds"), work)


def _checkpoint(path: Path) -> dict:
    """Read a checkpoint; without one nothing of torch need be there."""
    if not path.exists():
        return {}
    from ddd_utils.experiments.training.trainee import read_checkpoint

    try:
        return read_checkpoint(path) or {}  # it may have been finished, and so removed, a moment ago
    except TornFile:
        return {}


def status_lines(experiments: Sequence[tuple[str, Experiment]], workers: int) -> Iterator[str]:
    """Tell what is done, running, stopped, diverged and missing of titled experiments, and the time left."""
    everything = []
    for title, experiment in experiments:
        found = [run_status(experiment, run) for run in experiment.plan.runs]
        everything += found
        counts = {state: sum(each.state == state for each in found) for state in STATES}
        told = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
        yield f"{title}  {experiment.folder.name}  {told}"
        for each in found:
            if each.state in ("running", "stopped"):
                yield f"  {each.state:<8}  {each.run}  epoch {each.epoch}/{each.epochs}"
            elif each.state == "diverged":
                yield f"  diverged  {each.run}: {each.reason}"
    yield _time_left(everything, workers)


def _time_left(runs: Sequence[RunStatus], workers: int) -> str:
    left = [each for each in runs if each.state not in ("done", "diverged")]
    if not left:
        return "nothing is left to train"
    timed = [each for each in runs if each.seconds and each.epoch]
    took, work = sum(each.seconds or 0 for each in timed), sum(each.work - each.share for each in left)
    seconds = remaining(took, sum(each.share for each in timed), work, min(workers, len(left)))
    if seconds is None:
        return "time left: not known before the first epochs are finished"
    crew = "1 process" if workers == 1 else f"{workers} processes"
    return f"time left: about {duration(seconds)} with {crew}, from the time that finished epochs took"


def evaluation_status(title: str, evaluation: Evaluation) -> str:
    """Tell how many models have answered, also where images or weights are not on this machine."""
    models = evaluation.config.models
    title = f"{title}: {len(models)} pretrained models"
    try:
        done = sum(map(evaluation.done, models))
        working = ", running" if is_locked(evaluation.folder_lock) else ""
        return f"{title}  {evaluation.folder.name}  {done} done, {len(models) - done} missing{working}"
    except InputError as error:
        return f"{title}  {error}"
