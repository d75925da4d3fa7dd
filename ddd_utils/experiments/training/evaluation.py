"""What networks answer to every test image; a batch of images is made once for all of them."""

import copy
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import numpy as np
import torch
from torch import nn

from ddd_utils.experiments.data.loader import Loader
from ddd_utils.experiments.training.batches import recalibration_images
from ddd_utils.experiments.training.trainee import Trainee, precision

BATCH = 500


@torch.no_grad()
def evaluate(trainees: Sequence[Trainee], feed: Loader) -> None:
    """
    Record what networks answer after the epoch they have finished.

    Parameters
    ----------
    trainees : sequence of Trainee
        Networks that share a stream of batches; their results are added to. One that fails is left as it was.
    feed : Loader
        The data set.
    """
    for trainee, predictions, _ in _answers([each for each in trainees if each.run.also_running], feed):
        trainee.result.running.append(predictions)
    with ExitStack() as stack:
        recalibrated = [trainee for trainee in trainees if trainee.run.recalibration and _norms(trainee.network)]
        for trainee in recalibrated:
            stack.enter_context(_keeping_statistics(trainee.network))
        _recalibrate(recalibrated, feed)
        answers = _answers(trainees, feed)
    for trainee, predictions, logits in answers:
        trainee.result.predictions.append(predictions)
        if len(logits):
            trainee.result.logits[trainee.epoch] = logits


def _answers(trainees: Sequence[Trainee], feed: Loader) -> list[tuple[Trainee, np.ndarray, np.ndarray]]:
    """Return each network's predictions, int16 (test images,), and the logits that its run keeps of this epoch."""
    if not trainees:
        return []
    found = [([], []) for _ in trainees]
    kept = [_kept_images(trainee, len(feed.data.test)) for trainee in trainees]
    for trainee in trainees:
        trainee.network.eval()
    start = 0
    for images in feed.test_batches(BATCH):
        for trainee, chosen, (predictions, logits) in zip(trainees, kept, found, strict=True):
            output = trainee.attempt(_forward, trainee, images)
            if output is not None:
                predictions.append(output.argmax(1))
                here = chosen[(chosen >= start) & (chosen < start + len(images))] - start
                logits.append(output[torch.from_numpy(here).to(output.device)])
        start += len(images)
    # Only here does the host wait for the device.
    return [
        (trainee, torch.cat(predictions).cpu().numpy().astype(np.int16), torch.cat(logits).cpu().numpy())
        for trainee, (predictions, logits) in zip(trainees, found, strict=True)
        if trainee.failure is None
    ]


def _forward(trainee: Trainee, images: torch.Tensor) -> torch.Tensor:
    trainee.prepare()
    with precision(trainee.device):
        return trainee.network(images).float()


def _kept_images(trainee: Trainee, images: int) -> np.ndarray:
    if trainee.epoch not in trainee.run.keep_logits:
        return np.empty(0, int)
    return np.unique(np.linspace(0, images - 1, trainee.run.logit_images).astype(int))


def _norms(network: nn.Module) -> list[nn.Module]:
    return [layer for layer in network.modules() if isinstance(layer, nn.modules.batchnorm._BatchNorm)]


@contextmanager
def _keeping_statistics(network: nn.Module) -> Iterator[None]:
    """Put BatchNorm's running statistics back afterwards."""
    kept = [(layer, layer.momentum, copy.deepcopy(layer.state_dict())) for layer in _norms(network)]
    yield
    for layer, momentum, state in kept:
        layer.momentum = momentum
        layer.load_state_dict(state)


def _recalibrate(trainees: Sequence[Trainee], feed: Loader) -> None:
    """Estimate BatchNorm's mean and variance on fixed training images; nothing else is as in training."""
    if not trainees:
        return
    for trainee in trainees:
        trainee.network.eval()
        for layer in _norms(trainee.network):
            layer.train()
            layer.reset_running_stats()
            layer.momentum = None  # the plain average over all batches
    run = trainees[0].run
    chosen = recalibration_images(run, feed.data.train.labels)
    batches = [chosen[start : start + run.batch_size] for start in range(0, len(chosen), run.batch_size)]
    for images, _ in feed.train_batches(batches, run.split_seed, 0):
        for trainee in trainees:
            trainee.attempt(_forward, trainee, images)
