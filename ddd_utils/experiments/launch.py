"""Find out what is missing and have it computed, once, however many processes ask for it."""

import shutil
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from ddd_utils import paths
from ddd_utils.errors import ExperimentError, InputError
from ddd_utils.experiments.machine import locks
from ddd_utils.experiments.machine.devices import devices
from ddd_utils.experiments.machine.progress import tell
from ddd_utils.experiments.plans.runs import Run
from ddd_utils.experiments.plans.store import Experiment
from ddd_utils.experiments.training import processes
from ddd_utils.experiments.training.groups import Group, grouped

POLL_SECONDS = 1


def compute(experiments: Sequence[Experiment], titles: Sequence[str] | None = None, say: Callable = tell) -> None:
    """
    Compute what is missing of some experiments, all of it at once; what other processes are training is left to them.

    Parameters
    ----------
    experiments : sequence of Experiment
        What is needed; doubles are computed once.
    titles : sequence of str, optional
        What to call each in the progress lines, for example the section that needs it.
    say : callable
        Takes a line for the terminal.

    Raises
    ------
    ExperimentError
        If networks fail; the others are finished and kept.
    InputError
        If data or models cannot be had.
    """
    failures: dict[Path, str] = {}
    waiting = False
    while tasks := missing(experiments, titles, failures):
        free = [task for task in tasks if not locks.held(task[0].lock(task[1]))]
        if free:
            failures |= processes.run(grouped(free, len(devices())), devices(), say)
        else:
            if not waiting:
                say(f"waiting for another process that trains {', '.join(run.file for _, run, _ in tasks)}")
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
    """
    Train a group on all devices of this machine or job, and nothing else: what a SLURM job does.

    Parameters
    ----------
    group : Group
        Runs that are finished, or trained by another process, are left out.

    Raises
    ------
    ExperimentError
        If networks fail; the others are finished and kept.
    """
    tasks = [(group.experiment, run, group.title) for run in group.runs if not group.experiment.done(run)]
    if tasks:
        _complain(processes.run(grouped(tasks, len(devices())), devices(), tell))


def _complain(failures: dict[Path, str]) -> None:
    if failures:
        raise ExperimentError("; ".join(f"{file.stem}: {reason}" for file, reason in failures.items()))


def missing(
    experiments: Sequence[Experiment], titles: Sequence[str] | None = None, failures: Iterable[Path] = ()
) -> list[tuple[Experiment, Run, str]]:
    """
    List the runs that are missing, each once.

    Parameters
    ----------
    experiments : sequence of Experiment
    titles : sequence of str, optional
        What to call each; its folder's name by default.
    failures : iterable of Path
        Results files not to ask for again.

    Returns
    -------
    list of (Experiment, Run, str)
        Each run with its experiment and what to call that.
    """
    titles = titles or [experiment.folder.name for experiment in experiments]
    tasks: dict[Path, tuple[Experiment, Run, str]] = {}
    for experiment, title in zip(experiments, titles, strict=True):
        for run in experiment.missing():
            tasks.setdefault(experiment.file(run), (experiment, run, title))
    return [task for file, task in tasks.items() if file not in failures]


def check(experiments: Iterable[Experiment]) -> None:
    """
    Build every model once and look at the disk, so that trouble is found before hours of training.

    Parameters
    ----------
    experiments : iterable of Experiment
        What is about to be computed.

    Raises
    ------
    InputError
        Names the model and the nearest right one, or the folder and what it lacks.
    """
    tasks = missing(list(experiments))
    if not tasks:
        return  # a light installation has no networks to import
    from ddd_utils.experiments import networks
    from ddd_utils.experiments.costs import planning

    states, wanted = {}, 0
    for experiment, run, _ in tasks:
        case = planning.case(run, experiment.dataset)
        if case not in states:
            states[case] = planning.state_bytes(networks.create(run.model, case.classes, run.arguments), run.optimizer)
        wanted += planning.disk_bytes(run, experiment.dataset.sizes[1], case.classes, states[case])
    free = shutil.disk_usage(paths.results()).free
    if wanted > free:
        needed = f"{wanted / 1e9:.2f} GB are needed for answers and checkpoints"
        raise InputError(f"{paths.results()}: {needed}, {free / 1e9:.2f} are free")
