"""What a training process does with a group of runs: take their locks, resume them, train, and write them down."""

import logging
from collections.abc import Callable, Sequence
from contextlib import ExitStack

import torch

from ddd_utils.data import datasets
from ddd_utils.data.loader import Loader
from ddd_utils.devices import describe
from ddd_utils.experiments import locks
from ddd_utils.experiments.plans import Run
from ddd_utils.experiments.store import Experiment
from ddd_utils.experiments.training import lockstep
from ddd_utils.experiments.training.trainee import Clock, Trainee, read_checkpoint, write_checkpoint
from ddd_utils.files import TornFile, set_aside

log = logging.getLogger(__name__)

# Seconds to try for a lock, so that nobody who only asks for its state keeps a run from being trained.
PATIENCE = 0.5


def train(
    experiment: Experiment,
    runs: Sequence[Run],
    device: torch.device,
    progress: Callable[..., None] = lambda run, epoch, *trouble: None,
    clock: Clock | None = None,
    decoders: int = 0,
) -> dict[str, str]:
    """
    Train runs that share a stream of batches, each from where it was left, and return what went wrong, by run.

    Finished ones are left out, and those that another process is training are left to it. ``progress`` is told the run
    and its finished epochs, at the start and after each epoch, and why it diverged, if it did. ``decoders`` processes
    decode photographs ahead.
    """
    with ExitStack() as stack:
        runs = [run for run in runs if stack.enter_context(locks.attempt(experiment.lock(run), PATIENCE))]
        runs = [run for run in runs if not experiment.done(run)]
        if not runs:
            return {}
        data = datasets.load(experiment.dataset)
        trainees = [_resumed(experiment, run, len(data.classes), device, clock) for run in runs]
        for trainee in trainees:
            progress(trainee.run.file, trainee.epoch)

        def keep(trainee: Trainee) -> None:
            if trainee.done:
                experiment.write(trainee.run, trainee.result, data, describe(device))
                experiment.tidy(trainee.run)
                trainee.release()
            else:
                write_checkpoint(experiment.checkpoint(trainee.run), trainee.state())
            trouble = [trainee.result.diverged] if trainee.result.diverged else []
            progress(trainee.run.file, trainee.run.epochs if trainee.done else trainee.epoch, *trouble)

        lockstep.train(trainees, Loader(data, device, decoders), keep, clock)
    return {trainee.run.file: str(trainee.failure) for trainee in trainees if trainee.failure}


def _resumed(experiment: Experiment, run: Run, classes: int, device: torch.device, clock: Clock | None) -> Trainee:
    """Build a network as its checkpoint left it, or anew if that is missing, damaged or of another run."""
    path = experiment.checkpoint(run)
    trainee = Trainee(run, classes, device, clock)
    try:
        if (state := read_checkpoint(path)) is not None:
            trainee.restore(state)
    except (TornFile, KeyError, RuntimeError, ValueError):
        aside = set_aside(path).name
        log.info("%s: does not fit or is damaged; it is now %s, and '%s' starts anew", path, aside, run.file)
        return Trainee(run, classes, device, clock)
    return trainee
