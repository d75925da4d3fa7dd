"""Networks trained side by side: a batch is read, decoded, augmented and moved to the device once for all of them."""

import time
from collections.abc import Callable, Sequence

import numpy as np

from ddd_utils.experiments.data.loader import Loader
from ddd_utils.experiments.training.batches import batches
from ddd_utils.experiments.training.clock import Clock
from ddd_utils.experiments.training.evaluation import evaluate
from ddd_utils.experiments.training.graphs import Steps
from ddd_utils.experiments.training.trainee import Trainee


def train(
    trainees: Sequence[Trainee],
    feed: Loader,
    after_epoch: Callable[[Trainee], None] = lambda trainee: None,
    clock: Clock | None = None,
) -> None:
    """
    Train networks to the end of their runs, each batch going to all that are at the same epoch.

    Parameters
    ----------
    trainees : sequence of Trainee
        Networks that share a stream of batches (``Run.stream``); some may have been resumed at a later epoch than
        others, which then catch up. What a network answers does not depend on which others are there.
    feed : Loader
        The data set.
    after_epoch : callable, optional
        Called with each network after each of its epochs, when its answers are recorded.
    clock : Clock, optional
        Takes the time spent on "data", "evaluation" and "storage"; networks time their own steps.
    """
    clock = clock or Clock()
    _shared([trainee for trainee in trainees if not trainee.result.predictions], _evaluate, feed, clock)
    while active := [trainee for trainee in trainees if not trainee.done]:
        epoch = min(trainee.epoch for trainee in active)
        present = [trainee for trainee in active if trainee.epoch == epoch]
        _shared(present, _epoch, feed, clock)
        with clock("storage"):
            for trainee in present:
                if trainee.failure is None:
                    after_epoch(trainee)


def _shared(trainees: list[Trainee], work: Callable, feed: Loader, clock: Clock) -> None:
    """Do something with several networks; what it takes beyond their own time is charged to all alike."""
    started, own = time.perf_counter(), sum(trainee.result.seconds for trainee in trainees)
    work(trainees, feed, clock)
    common = time.perf_counter() - started + own - sum(trainee.result.seconds for trainee in trainees)
    for trainee in trainees:
        trainee.result.seconds += common / len(trainees)


def _epoch(trainees: list[Trainee], feed: Loader, clock: Clock) -> None:
    run, epoch = trainees[0].run, trainees[0].epoch
    for trainee in trainees:
        trainee.attempt(trainee.begin_epoch)
    steps = Steps(trainees)
    upcoming = feed.train_batches(batches(run, epoch, feed.data.train.labels), run.order_seed, epoch)
    for batch, (images, labels) in enumerate(clock.each("data", upcoming)):
        steps(images, labels, batch)
    for trainee in trainees:
        trainee.attempt(trainee.end_epoch)
    _evaluate([trainee for trainee in trainees if trainee.result.diverged is None], feed, clock)
    for trainee in trainees:
        _judge(trainee, feed.data.test.labels)


def _judge(trainee: Trainee, labels: np.ndarray) -> None:
    """Find out whether a finished network has learned anything: always naming the most frequent class is chance."""
    if trainee.epoch < trainee.run.epochs or trainee.failure or trainee.result.diverged:
        return
    chance = np.bincount(labels).max() / len(labels)
    accuracy = (trainee.result.predictions[-1] == labels).mean()
    if accuracy <= chance:
        trainee.result.diverged = f"after {trainee.epoch} epochs its accuracy of {accuracy:.1%} is not above chance"


def _evaluate(trainees: list[Trainee], feed: Loader, clock: Clock) -> None:
    with clock("evaluation"):
        evaluate([trainee for trainee in trainees if trainee.failure is None], feed)
