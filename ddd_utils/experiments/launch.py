"""Find out what is missing and have it computed, once, however many processes ask for it."""

import logging
import shutil
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from ddd_utils import logs, paths
from ddd_utils.devices import devices
from ddd_utils.errors import ExperimentError, InputError
from ddd_utils.experiments import locks
from ddd_utils.experiments.store import Experiment
from ddd_utils.experiments.training import processes
from ddd_utils.experiments.training.processes import Group, Task, grouped

log = logging.getLogger(__name__)

POLL_SECONDS = 1


def compute(experiments: Sequence[Experiment], titles: Sequence[str] | None = None) -> None:
    """
    Compute what is missing of some experiments, all of it at once; what other processes are training is left to them.

    Networks that fail raise ExperimentError once the others are finished and kept. Titles are for the progress lines.
    """
    failures: dict[Path, str] = {}
    waiting = False
    while tasks := missing(experiments, titles, failures):
        free = [task for task in tasks if not locks.held(task[0].lock(task[1]))]
        if free:
            failures |= processes.run(grouped(free, len(devices())), devices())
        else:
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
    tasks = [(group.experiment, run, group.title) for run in group.runs if not group.experiment.done(run)]
    if tasks:
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


def check(experiments: Iterable[Experiment]) -> None:
    """Build every model once and look at the disk, so that trouble is found before hours of training."""
    tasks = missing(list(experiments))
    if not tasks:
        return  # a light installation has no networks to import
    from ddd_utils.experiments.costs import planning
    from ddd_utils.models import by_name

    states, wanted = {}, 0
    for experiment, run, _ in tasks:
        case = planning.case(run, experiment.dataset)
        if case not in states:
            states[case] = planning.state_bytes(by_name.create(run.model, case.classes, run.arguments), run.optimizer)
        wanted += planning.disk_bytes(run, experiment.dataset.sizes[1], case.classes, states[case])
    free = shutil.disk_usage(paths.results()).free
    if wanted > free:
        needed = f"{wanted / 1e9:.2f} GB are needed for answers and checkpoints"
        raise InputError(f"{paths.results()}: {needed}, {free / 1e9:.2f} are free")
