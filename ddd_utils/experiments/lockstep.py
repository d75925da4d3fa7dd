"""
Networks trained side by side: each batch, of training or test images, is made once for all of them.

A narrow network on small images is bound by the launching of its kernels. On a GPU, one CUDA graph launches those of a
whole group at once, and branches that leave most of the card idle run side by side.
"""

import copy
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import torch
from torch import nn

from ddd_utils.data import datasets
from ddd_utils.data.loader import Loader
from ddd_utils.experiments.plans import Run
from ddd_utils.experiments.store import PATIENCE, Experiment
from ddd_utils.experiments.trainee import Trainee, batches, read_checkpoint, recalibration_images, write_checkpoint
from ddd_utils.files import TornFile, set_aside
from ddd_utils.machine import describe, lock_if_free
from ddd_utils.responses import evenly

BATCH = 500

log = logging.getLogger(__name__)


def train(
    trainees: Sequence[Trainee], loader: Loader, after_epoch: Callable[[Trainee], None] = lambda trainee: None
) -> None:
    """Train networks that share a stream of batches to the end of their runs; each is reported after each epoch."""
    # Some may have been resumed at a later epoch than others, which then catch up; what a network answers does not
    # depend on which others are there.
    _shared([trainee for trainee in trainees if not trainee.result.predictions], _evaluate, loader)
    while active := [trainee for trainee in trainees if not trainee.done]:
        epoch = min(trainee.epoch for trainee in active)
        present = [trainee for trainee in active if trainee.epoch == epoch]
        _shared(present, _epoch, loader)
        for trainee in present:
            if trainee.failure is None:
                after_epoch(trainee)


def _shared(trainees: list[Trainee], work: Callable[..., None], loader: Loader) -> None:
    """Do something with several networks; what it takes beyond their own time is charged to all alike."""
    started, own = time.perf_counter(), sum(trainee.result.seconds for trainee in trainees)
    work(trainees, loader)
    common = time.perf_counter() - started + own - sum(trainee.result.seconds for trainee in trainees)
    for trainee in trainees:
        trainee.result.seconds += common / len(trainees)


def _epoch(trainees: list[Trainee], loader: Loader) -> None:
    run, epoch = trainees[0].run, trainees[0].epoch
    for trainee in trainees:
        trainee.attempt(trainee.begin_epoch)
    steps = Steps(trainees)
    upcoming = loader.train_batches(batches(run, epoch, loader.data.train.labels), run.order_seed, epoch)
    for batch, (images, labels) in enumerate(upcoming):
        steps(images, labels, batch)
    for trainee in trainees:
        trainee.attempt(trainee.end_epoch)
    _evaluate([trainee for trainee in trainees if trainee.result.diverged is None], loader)
    for trainee in trainees:
        _judge(trainee, loader.data.test.labels)


def _judge(trainee: Trainee, labels: np.ndarray) -> None:
    """Find out whether a finished network has learned anything: always naming the most frequent class is chance."""
    if trainee.epoch < trainee.run.epochs or trainee.failure or trainee.result.diverged:
        return
    chance = np.bincount(labels).max() / len(labels)
    accuracy = (trainee.result.predictions[-1] == labels).mean()
    if accuracy <= chance:
        trainee.result.diverged = f"after {trainee.epoch} epochs its accuracy of {accuracy:.1%} is not above chance"


def _evaluate(trainees: Sequence[Trainee], loader: Loader) -> None:
    """Record what networks answer after the epoch they have finished; one that fails is left as it was."""
    working = [trainee for trainee in trainees if trainee.failure is None]
    with torch.no_grad():
        for trainee, predictions, _ in _answers([each for each in working if each.run.also_running], loader):
            trainee.result.running.append(predictions)
        recalibrated = [each for each in working if each.run.recalibration and _norms(each.network)]
        with _recalibrated(recalibrated, loader):
            answers = _answers(working, loader)
        for trainee, predictions, logits in answers:
            trainee.result.predictions.append(predictions)
            if len(logits):
                trainee.result.logits[trainee.epoch] = logits


def _answers(trainees: Sequence[Trainee], loader: Loader) -> list[tuple[Trainee, np.ndarray, np.ndarray]]:
    """Return each network's predictions, int16 (test images,), and the logits that its run keeps of this epoch."""
    if not trainees:
        return []
    found: list[tuple[list[torch.Tensor], list[torch.Tensor]]] = [([], []) for _ in trainees]
    kept = [_kept_images(trainee, len(loader.data.test)) for trainee in trainees]
    for trainee in trainees:
        trainee.network.eval()
    start = 0
    for images in loader.test_batches(BATCH):
        for trainee, chosen, (predictions, logits) in zip(trainees, kept, found, strict=True):
            output = trainee.attempt(trainee.forward, images)
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


def _kept_images(trainee: Trainee, images: int) -> np.ndarray:
    if trainee.epoch not in trainee.run.keep_logits:
        return np.empty(0, int)
    return evenly(images, trainee.run.logit_images)


def _norms(network: nn.Module) -> list[nn.modules.batchnorm._BatchNorm]:
    return [layer for layer in network.modules() if isinstance(layer, nn.modules.batchnorm._BatchNorm)]


@contextmanager
def _recalibrated(trainees: Sequence[Trainee], loader: Loader) -> Iterator[None]:
    """Have BatchNorm's mean and variance estimated on fixed training images, and the running ones back afterwards."""
    norms = [layer for trainee in trainees for layer in _norms(trainee.network)]
    kept = [(layer, layer.momentum, copy.deepcopy(layer.state_dict())) for layer in norms]
    for trainee in trainees:
        trainee.network.eval()
    for layer in norms:
        layer.train()
        layer.reset_running_stats()
        layer.momentum = None  # the plain average over all batches
    if trainees:
        run = trainees[0].run
        chosen = recalibration_images(run, loader.data.train.labels)
        batches = [chosen[start : start + run.batch_size] for start in range(0, len(chosen), run.batch_size)]
        for images, _ in loader.train_batches(batches, run.split_seed, 0):
            for trainee in trainees:
                trainee.attempt(trainee.forward, images)
    yield
    for layer, momentum, state in kept:
        layer.momentum = momentum
        layer.load_state_dict(state)


def train_runs(
    experiment: Experiment,
    runs: Sequence[Run],
    device: torch.device,
    progress: Callable[..., None] = lambda file, epoch, trouble: None,
    decoders: int = 0,
) -> dict[Path, str]:
    """Train runs that share a stream of batches, each from where it was left; return what went wrong, by file."""
    # Finished ones are left out, and those that another process is training are left to it. ``progress`` is told the
    # file and the finished epochs, at the start and after each epoch, and why the run diverged, if it did.
    with ExitStack() as stack:
        runs = [run for run in runs if stack.enter_context(lock_if_free(experiment.lock(run), PATIENCE))]
        runs = [run for run in runs if not experiment.done(run)]
        if not runs:
            return {}
        data = datasets.load(experiment.dataset)
        trainees = [_resumed(experiment, run, len(data.classes), device) for run in runs]
        for trainee in trainees:
            progress(experiment.file(trainee.run), trainee.epoch, "")

        def keep(trainee: Trainee) -> None:
            run = trainee.run
            if trainee.done:
                experiment.write(run, trainee.result, data, describe(device))
                experiment.tidy(run)
                trainee.release()
            else:
                write_checkpoint(experiment.checkpoint(run), trainee.state())
            finished = run.epochs if trainee.done else trainee.epoch
            progress(experiment.file(run), finished, trainee.result.diverged or "")

        train(trainees, Loader(data, device, decoders), keep)
    return {experiment.file(each.run): str(each.failure) for each in trainees if each.failure}


def _resumed(experiment: Experiment, run: Run, classes: int, device: torch.device) -> Trainee:
    """Build a network as its checkpoint left it, or anew if that is missing, damaged or of another run."""
    path = experiment.checkpoint(run)
    trainee = Trainee(run, classes, device)
    try:
        if (state := read_checkpoint(path)) is not None:
            trainee.restore(state)
    except (TornFile, KeyError, RuntimeError, ValueError):
        aside = set_aside(path).name
        log.info("%s: does not fit or is damaged; it is now %s, and '%s' starts anew", path, aside, run.file)
        return Trainee(run, classes, device)
    return trainee


# Larger images keep the card busy by themselves, and K networks' activations at once would not fit into its memory.
LARGEST_IMAGE = 64
# cuDNN and cuBLAS set themselves up, and optimizers make their state, in steps that cannot be recorded.
WARM_UP = 3
# Recorded and plain steps run the same kernels; only those whose sums come in any order may differ, and by no more.
TOLERANCE = {"rtol": 1e-2, "atol": 1e-3}


class Steps:
    """Takes the batches of one epoch to the networks of a group, which are all at that epoch."""

    def __init__(self, trainees: Sequence[Trainee]):
        self.trainees = trainees
        self.graph: torch.cuda.CUDAGraph | None = None
        self.wanted = trainees[0].device.type == "cuda" and not any(map(_draws_numbers, trainees))
        self.taken = 0

    def __call__(self, images: torch.Tensor, labels: torch.Tensor, batch: int) -> None:
        """Let every network learn from a batch: images (batch, 3, height, width), labels, its number in the epoch."""
        if self.wanted and self.taken == WARM_UP and images.shape[-1] <= LARGEST_IMAGE:
            self._record(images, labels, batch)
        elif self.graph is not None and images.shape == self.images.shape:
            self.images.copy_(images)
            self.labels.copy_(labels)
            self.graph.replay()
        else:
            self._plainly(images, labels, batch)
        self.taken += 1

    def _plainly(self, images: torch.Tensor, labels: torch.Tensor, batch: int) -> None:
        for trainee in self.trainees:
            trainee.attempt(trainee.step, images, labels, batch)

    def _record(self, images: torch.Tensor, labels: torch.Tensor, batch: int) -> None:
        """Record a step, take it both ways from the same state, and use the graph only if both end alike."""
        learning = [trainee for trainee in self.trainees if trainee.failure is None]
        before = [_snapshot(trainee) for trainee in learning]
        graph: torch.cuda.CUDAGraph | None
        try:
            self.images, self.labels = images.clone(memory_format=torch.preserve_format), labels.clone()
            graph = _recorded(learning, self.images, self.labels)
            graph.replay()
            recorded = [_snapshot(trainee) for trainee in learning]
        except RuntimeError:  # an operation that cannot be recorded, or too little memory for all branches at once
            graph = recorded = None
        with torch.no_grad():
            for trainee, state in zip(learning, before, strict=True):
                for tensor, value in zip(_tensors(trainee), state, strict=True):
                    tensor.copy_(value)
        self._plainly(images, labels, batch)
        if recorded is not None and _alike(recorded, [_snapshot(trainee) for trainee in learning]):
            self.graph = graph


def _recorded(trainees: Sequence[Trainee], images: torch.Tensor, labels: torch.Tensor) -> torch.cuda.CUDAGraph:
    graph = torch.cuda.CUDAGraph()
    branches = [torch.cuda.Stream() for _ in trainees]
    torch.cuda.synchronize()
    with torch.cuda.graph(graph):
        trunk = torch.cuda.current_stream()
        for trainee, branch in zip(trainees, branches, strict=True):
            branch.wait_stream(trunk)
            with torch.cuda.stream(branch):
                trainee.learn(images, labels)
        for branch in branches:
            trunk.wait_stream(branch)
    return graph


def _draws_numbers(trainee: Trainee) -> bool:
    """Say whether a network has dropout or the like: its random numbers are keyed to the step, a graph's are not."""
    return any(
        "drop" in type(layer).__name__.lower() and (getattr(layer, "p", 0) or getattr(layer, "drop_prob", 0))
        for layer in trainee.network.modules()
    )


def _tensors(trainee: Trainee) -> list[torch.Tensor]:
    """List all that a step changes."""
    state = [value for slots in trainee.optimizer.state.values() for value in slots.values() if torch.is_tensor(value)]
    return [*trainee.network.state_dict().values(), *state, trainee.loss]


def _snapshot(trainee: Trainee) -> list[torch.Tensor]:
    return [tensor.clone() for tensor in _tensors(trainee)]


def _alike(one: list[list[torch.Tensor]], other: list[list[torch.Tensor]]) -> bool:
    return all(
        torch.allclose(a.float(), b.float(), **TOLERANCE, equal_nan=True)
        for left, right in zip(one, other, strict=True)
        for a, b in zip(left, right, strict=True)
    )
