"""What a training process does with a group of runs: take their locks, resume them, train, and write them down."""

from collections.abc import Callable
from contextlib import ExitStack

import torch

from ddd_utils.experiments.data import datasets
from ddd_utils.experiments.data.loader import Loader
from ddd_utils.experiments.machine import locks
from ddd_utils.experiments.machine.devices import describe
from ddd_utils.experiments.plans.runs import Run
from ddd_utils.experiments.plans.store import Experiment
from ddd_utils.experiments.training import checkpoints, lockstep
from ddd_utils.experiments.training.clock import Clock
from ddd_utils.experiments.training.groups import Group
from ddd_utils.experiments.training.trainee import Trainee
from ddd_utils.files import TornFile, set_aside

# Seconds to try for a lock, so that nobody who only asks for its state keeps a run from being trained.
PATIENCE = 0.5


def train(
    group: Group,
    device: torch.device,
    progress: Callable[..., None],
    say: Callable[[str], None],
    clock: Clock | None = None,
    decoders: int = 0,
) -> dict[str, str]:
    """
    Train what is missing of a group, each network from where it was left.

    Parameters
    ----------
    group : Group
        Runs that share a stream of batches. Those that another process is training are left to it.
    device : torch.device
        Where to train.
    progress : callable
        Told the run and its finished epochs, at the start and after each epoch; and why it is left out, if it is.
    say : callable
        Takes a line for the terminal.
    clock : Clock, optional
        Takes the time spent on each part.
    decoders : int
        Processes that decode photographs ahead.

    Returns
    -------
    dict of str to str
        What went wrong, by run; the others are finished and kept.

    Raises
    ------
    InputError
        If the data or a model cannot be had.
    OSError
        If results cannot be written.
    """
    experiment = group.experiment
    with ExitStack() as stack:
        runs = [run for run in group.runs if stack.enter_context(locks.attempt(experiment.lock(run), PATIENCE))]
        runs = [run for run in runs if not experiment.done(run)]
        if not runs:
            return {}
        data = datasets.load(experiment.dataset)
        trainees = [_resumed(experiment, run, len(data.classes), device, clock, say) for run in runs]
        for trainee in trainees:
            progress(trainee.run.file, trainee.epoch)

        def keep(trainee: Trainee) -> None:
            if trainee.done:
                experiment.write(trainee.run, trainee.result, data, describe(device))
                experiment.tidy(trainee.run)
                trainee.release()
            else:
                checkpoints.write(experiment.checkpoint(trainee.run), trainee.state())
            trouble = [trainee.result.diverged] if trainee.result.diverged else []
            progress(trainee.run.file, trainee.run.epochs if trainee.done else trainee.epoch, *trouble)

        lockstep.train(trainees, Loader(data, device, decoders), keep, clock)
    return {trainee.run.file: str(trainee.failure) for trainee in trainees if trainee.failure}


def _resumed(experiment: Experiment, run: Run, classes: int, device: torch.device, clock, say: Callable) -> Trainee:
    """Build a network as its checkpoint left it, or anew if that is missing, damaged or of another run."""
    path = experiment.checkpoint(run)
    trainee = Trainee(run, classes, device, clock)
    try:
        if (state := checkpoints.read(path)) is not None:
            trainee.restore(state)
    except (TornFile, KeyError, RuntimeError, ValueError):
        say(f"{path}: does not fit or is damaged; it is now {set_aside(path).name}, and '{run.file}' starts anew")
        return Trainee(run, classes, device, clock)
    return trainee
