"""Plain data between the plan of an experiment and the training loop: runs, and the networks read from them."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Run:
    """
    One training run: everything that decides its outcome.

    Attributes
    ----------
    file : str
        Stem of the run's files in the results folder.
    model, arguments : str, dict
        The architecture, see :func:`ddd_utils.experiments.networks.create`.
    epochs : int
        Epochs trained.
    decay_epochs : tuple of int
        Epochs after which the learning rate is divided by ten.
    batch_size, splits : int
        Images drawn together, and the number of successive updates they are split into.
    init_seed, order_seed : int
        Seeds of the weights, and of the order and augmentation (the epoch is added to the latter).
    half : int or None
        Train on one of two random disjoint halves of the training images.
    stratified : bool
        Draw every batch with the classes in equal shares.
    nondeterminism : int
        0 = deterministic. Otherwise a GPU may use whatever kernels it finds fastest; a CPU has no such chance, so there
        the images inside each batch change places (another place for each number): the same sums, rounded differently.
    recalibration : int
        Training images on which BatchNorm's statistics are re-estimated before each evaluation; 0 = off.
    also_running : bool
        Evaluate a second time with BatchNorm's running statistics, as published.
    keep_logits : tuple of int
        Epochs at which the last layer's activations are kept.
    """

    file: str
    model: str
    arguments: dict[str, Any]
    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    momentum: float = 0.9
    nesterov: bool = False
    optimizer: str = "sgd"
    decay_epochs: tuple[int, ...] = ()
    splits: int = 1
    init_seed: int = 1312
    order_seed: int = 1312
    split_seed: int = 1312
    half: int | None = None
    stratified: bool = False
    nondeterminism: int = 0
    recalibration: int = 0
    also_running: bool = False
    keep_logits: tuple[int, ...] = ()
    logit_images: int = 500

    @property
    def stream(self) -> tuple:
        """What decides which images come when, and how they are augmented: runs that share it can share batches."""
        return self.order_seed, self.batch_size, self.half, self.split_seed, self.stratified, self.recalibration


@dataclass(frozen=True)
class Network:
    """A network as analysed: a run, seen from some epoch on ("plus k" is the base's run, k epochs later)."""

    network: str
    condition: str
    instance: int
    run: str
    first_epoch: int = 0


@dataclass(frozen=True)
class Plan:
    """
    What an experiment consists of.

    Attributes
    ----------
    runs : tuple of Run
        What to train.
    networks : tuple of Network
        What is read from the runs; all have ``epochs`` + 1 stored epochs.
    epochs : int
        Epochs of a network.
    decay_epochs : tuple of int
        Epochs after which the learning rate was divided by ten.
    """

    runs: tuple[Run, ...]
    networks: tuple[Network, ...]
    epochs: int
    decay_epochs: tuple[int, ...] = field(default=())


def step_epochs(epochs: int) -> tuple[int, ...]:
    """Return after which epochs the learning rate is divided by ten: a third and two thirds of ``epochs``."""
    return tuple(sorted({max(1, round(epochs * third / 3)) for third in (1, 2)}))
