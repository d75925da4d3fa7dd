"""The training loop: one run, every test image's prediction at every epoch, epoch 0 included."""

import copy
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from ddd_utils.experiments import networks
from ddd_utils.experiments.datasets import Data
from ddd_utils.experiments.feed import Feed
from ddd_utils.experiments.runs import Run

EVALUATION_BATCH = 500
DECAY = 0.1


class TrainingError(RuntimeError):
    """A run that cannot go on, for example because its loss is no longer finite."""


@dataclass
class Trained:
    """
    What a run leaves behind.

    Attributes
    ----------
    predictions : list of ndarray of int16, shape (test images,)
        One entry an epoch, epoch 0 first.
    running : list of ndarray of int16
        The same with BatchNorm's running statistics, where the run asks for both.
    logits : dict of int to ndarray of float32, shape (chosen images, classes)
        By epoch.
    parameters : int
        Number of trained weights.
    seconds : float
        Wall time.
    """

    predictions: list[np.ndarray] = field(default_factory=list)
    running: list[np.ndarray] = field(default_factory=list)
    logits: dict[int, np.ndarray] = field(default_factory=dict)
    parameters: int = 0
    seconds: float = 0.0


def train(run: Run, data: Data, device: torch.device, on_epoch: Callable[[int], None] = lambda epoch: None) -> Trained:
    """
    Train a network and record what it answers.

    Parameters
    ----------
    run : Run
        Everything that decides the outcome.
    data : Data
        The data set.
    device : torch.device
        Where to train.
    on_epoch : callable, optional
        Called with the number of finished epochs.

    Returns
    -------
    Trained

    Raises
    ------
    TrainingError
        If the loss is not finite; names the run and the epoch.
    """
    started = time.perf_counter()
    _set_determinism(run, device)
    feed = Feed(data, device)
    torch.manual_seed(run.init_seed)
    network = networks.create(run.model, len(data.classes), run.arguments)
    network = network.to(device, memory_format=torch.channels_last)
    optimizer = _optimizer(run, network)
    pool = _pool(run, len(data.train))
    result = Trained(parameters=sum(weights.numel() for weights in network.parameters()))
    _record(0, run, network, feed, pool, result)
    for epoch in range(run.epochs):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(run, epoch)
        loss = _epoch(run, network, optimizer, feed, pool, epoch)
        if not np.isfinite(loss):
            raise TrainingError(
                f"{run.file}: the loss is not finite in epoch {epoch + 1}; a lower learning rate may help"
            )
        _record(epoch + 1, run, network, feed, pool, result)
        on_epoch(epoch + 1)
    result.seconds = time.perf_counter() - started
    return result


def learning_rate(run: Run, epoch: int) -> float:
    """Return the learning rate of an epoch, counted from 0: divided by ten after each of the run's ``decay_epochs``."""
    return run.learning_rate * DECAY ** sum(epoch >= decay for decay in run.decay_epochs)


def _set_determinism(run: Run, device: torch.device) -> None:
    deterministic = run.nondeterminism == 0
    torch.backends.cudnn.benchmark = not deterministic
    torch.use_deterministic_algorithms(deterministic or device.type == "cpu")
    # Filling memory that is written anyway costs a tenth of the time on small networks.
    torch.utils.deterministic.fill_uninitialized_memory = False


def _optimizer(run: Run, network: nn.Module) -> torch.optim.Optimizer:
    common = {"params": network.parameters(), "lr": run.learning_rate, "weight_decay": run.weight_decay, "fused": True}
    if run.optimizer == "adamw":
        return torch.optim.AdamW(**common)
    return torch.optim.SGD(**common, momentum=run.momentum, nesterov=run.nesterov)


def _shuffled(count: int, seed: int) -> np.ndarray:
    return np.random.Generator(np.random.Philox(key=seed)).permutation(count)


def _pool(run: Run, images: int) -> np.ndarray:
    """List the training images of a run: all, or one of two random disjoint halves."""
    if run.half is None:
        return np.arange(images)
    return np.sort(np.array_split(_shuffled(images, run.split_seed), 2)[run.half])


def batches(run: Run, pool: np.ndarray, epoch: int, labels: np.ndarray | None = None) -> Iterator[np.ndarray]:
    """
    Yield the training images of each update of an epoch.

    Parameters
    ----------
    run : Run
        Batch size, number of successive parts of a batch, order seed, rounding.
    pool : ndarray of int
        The run's training images.
    epoch : int
        Counted from 0.
    labels : ndarray of int, shape (training images,), optional
        Given, every batch holds the classes in equal shares.

    Yields
    ------
    ndarray of int
        Image indices; parts of a single image are left out, BatchNorm has no variance there.
    """
    order = pool[_shuffled(len(pool), run.order_seed + epoch)]
    if labels is not None:
        order = _interleaved(order, labels)
    for start in range(0, len(order), run.batch_size):
        for part in np.array_split(order[start : start + run.batch_size], run.splits):
            if len(part) > 1:
                yield part if run.nondeterminism == 0 else part[_shuffled(len(part), run.nondeterminism)]


def _interleaved(order: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Keep the random order within each class, and take the classes in turn: first one image of each, and so on."""
    by_class = np.argsort(labels[order], kind="stable")
    _, counts = np.unique(labels[order], return_counts=True)
    turn = np.empty(len(order), int)
    turn[by_class] = np.concatenate([np.arange(count) for count in counts])
    return order[np.argsort(turn, kind="stable")]


def _epoch(run: Run, network: nn.Module, optimizer, feed: Feed, pool: np.ndarray, epoch: int) -> float:
    network.train()
    total = torch.zeros((), device=feed.device)
    strata = feed.data.train.labels if run.stratified else None
    for indices in batches(run, pool, epoch, strata):
        images, labels = feed.train(indices, run.order_seed, epoch)
        with _precision(feed.device):
            loss = F.cross_entropy(network(images), labels)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        total += loss.detach()
    return total.item()


def _precision(device: torch.device):
    """Use bfloat16 on GPUs, float32 on CPUs (where it does not pay)."""
    return torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda")


def _record(epoch: int, run: Run, network: nn.Module, feed: Feed, pool: np.ndarray, result: Trained) -> None:
    """Store what the network answers after an epoch, and its last layer where that is wanted."""
    if run.also_running:
        result.running.append(_logits(network, feed).argmax(1).numpy().astype(np.int16))
    with _recalibrated(run, network, feed, pool):
        logits = _logits(network, feed)
    result.predictions.append(logits.argmax(1).numpy().astype(np.int16))
    if epoch in run.keep_logits:
        chosen = np.unique(np.linspace(0, len(logits) - 1, run.logit_images).astype(int))
        result.logits[epoch] = logits.numpy()[chosen]


@torch.no_grad()
def _logits(network: nn.Module, feed: Feed) -> torch.Tensor:
    network.eval()
    images = len(feed.data.test)
    parts = []
    for start in range(0, images, EVALUATION_BATCH):
        with _precision(feed.device):
            parts.append(network(feed.test(np.arange(start, min(start + EVALUATION_BATCH, images)))).float().cpu())
    return torch.cat(parts)


@contextmanager
def _recalibrated(run: Run, network: nn.Module, feed: Feed, pool: np.ndarray) -> Iterator[None]:
    """Estimate BatchNorm's mean and variance on fixed training images for a while, then put the running ones back."""
    layers = [layer for layer in network.modules() if isinstance(layer, nn.modules.batchnorm._BatchNorm)]
    if not (run.recalibration and layers):
        yield
        return
    kept = [(layer, layer.momentum, copy.deepcopy(layer.state_dict())) for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # the plain average over all batches
    network.train()
    chosen = _balanced(pool, feed.data.train.labels, run)
    with torch.no_grad(), _precision(feed.device):
        for start in range(0, len(chosen), run.batch_size):
            network(feed.train(chosen[start : start + run.batch_size], run.split_seed, 0)[0])
    yield
    for layer, momentum, state in kept:
        layer.momentum = momentum
        layer.load_state_dict(state)


def _balanced(pool: np.ndarray, labels: np.ndarray, run: Run) -> np.ndarray:
    """
    Choose training images in which every class has its share, in random order.

    A random choice of 2,560 noise images has a mean standard deviation that is off by half a gray level, enough to
    mistake the least noisy classes for their neighbours.
    """
    by_class = pool[np.argsort(labels[pool], kind="stable")]
    even = np.linspace(0, len(pool) - 1, min(run.recalibration, len(pool))).astype(int)
    return by_class[even][_shuffled(len(even), run.split_seed)]
