"""What is trained: the paper's 13 conditions (appendix A.1) as differences from one base run, or a set of models."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from ddd_utils import files
from ddd_utils.config.model_sets import Checkpoint, Model, OpenClip
from ddd_utils.config.schema import Architecture, ModelSet, Training, Variants
from ddd_utils.data.downloads import local_copy
from ddd_utils.files import short_hash

EXTRA_EPOCHS = {"plus_1_epoch": 1, "plus_10_epochs": 10}
# Learning rates of the instances as multiples of the base's: .148 to .152 against .1.
RATE_FACTORS = (1.48, 1.49, 1.50, 1.51, 1.52)
ORDER_STEP = 100
EVALUATION = "float32"  # what networks compute in when they are tested
# What the files of a model are named after.
TRAINED = {"model", "arguments", "optimizer", "learning_rate"}
PRETRAINED = {"model", "arguments", "pretrained", "preprocessing", "classes"}


@dataclass(frozen=True)
class Run:
    """One training run: everything that decides its outcome."""

    file: str  # stem of its files in the results folder
    model: str  # and its arguments, see models.by_name.create
    arguments: dict[str, Any]
    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    momentum: float = 0.9
    nesterov: bool = False
    optimizer: str = "sgd"
    decay_epochs: tuple[int, ...] = ()  # the learning rate is divided by ten after each
    splits: int = 1  # successive updates from one batch
    init_seed: int = 1312  # of the weights
    order_seed: int = 1312  # of the order and augmentation; the epoch is added
    split_seed: int = 1312
    half: int | None = None  # train on one of two random disjoint halves of the images
    stratified: bool = False  # every batch has the classes in equal shares
    # 0 = deterministic. Otherwise a GPU may use whatever kernels it finds fastest; a CPU has no such chance, so there
    # the images inside each batch change places, differently for each number: the same sums, rounded differently.
    nondeterminism: int = 0
    recalibration: int = 0  # training images to re-estimate BatchNorm's statistics before each evaluation; 0 = off
    also_running: bool = False  # evaluate a second time with BatchNorm's running statistics, as published
    keep_logits: tuple[int, ...] = ()  # epochs at which the last layer's activations are kept
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
    """The runs of an experiment, and the networks that are read from them; each has ``epochs`` + 1 stored epochs."""

    runs: tuple[Run, ...]
    networks: tuple[Network, ...]
    epochs: int
    decay_epochs: tuple[int, ...]


@dataclass(frozen=True)
class Work:
    """What a run has to do in all its epochs: images to train on, to answer and to recalibrate with, and updates."""

    trained: int
    answered: int  # for both kinds of BatchNorm statistics where the run asks for both
    recalibrated: int
    updates: int

    @property
    def guess(self) -> float:
        """All of it in training images, before anything is measured."""
        return self.trained + (self.answered + self.recalibrated) / 3 + 100 * self.updates


def work(run: Run, sizes: tuple[int, int]) -> Work:
    """Count what a run does with so many training and test images."""
    train, test = sizes
    # As np.array_split halves: the first has the odd image.
    pool = train if run.half is None else (train + 1 - run.half) // 2
    evaluations = run.epochs + 1
    return Work(
        trained=pool * run.epochs,
        answered=test * evaluations * (1 + run.also_running),
        recalibrated=min(run.recalibration, pool) * evaluations,
        updates=-(-pool // run.batch_size) * run.splits * run.epochs,
    )


def plan(config: Variants | ModelSet) -> Plan:
    """List the runs and networks of a configuration."""
    return _models(config) if isinstance(config, ModelSet) else _variants(config)


def step_epochs(epochs: int) -> tuple[int, ...]:
    """Return after which epochs the learning rate is divided by ten: a third and two thirds of ``epochs``."""
    return tuple(sorted({max(1, round(epochs * third / 3)) for third in (1, 2)}))


def _models(config: ModelSet) -> Plan:
    """Train each model of a set once; its condition is its name."""
    epochs = config.training.epochs
    runs = []
    for entry in config.models:
        made_of = {name: getattr(entry, name) for name in TRAINED}
        runs.append(_run(config.training, file=trained_file(entry), epochs=epochs, keep_logits=(epochs,), **made_of))
    labels = [entry.label for entry in config.models]
    networks = (Network(label, label, 1, run.file) for label, run in zip(labels, runs, strict=True))
    return Plan(tuple(runs), tuple(networks), epochs, runs[0].decay_epochs)


def _run(config: Variants | Training, **more: Any) -> Run:
    """Describe a run as far as variants and model sets agree."""
    return Run(
        decay_epochs=step_epochs(config.epochs),
        weight_decay=config.weight_decay,
        batch_size=config.batch_size,
        init_seed=config.seed,
        order_seed=config.seed,
        logit_images=config.representation_images,
        **more,
    )


def _variants(config: Variants) -> Plan:
    """About 30 networks; "different data" needs none of its own, it is the two halves compared with each other."""
    base = _run(
        config,
        file="base",
        epochs=config.epochs + max(EXTRA_EPOCHS.values()),  # "plus k" is the base trained on
        learning_rate=config.learning_rate,
        momentum=config.momentum,
        split_seed=config.seed,
        stratified=config.stratified_batches,
        recalibration=config.bn_recalibration,
        also_running=config.bn_recalibration > 0,
        keep_logits=tuple(config.epochs + k for k in (0, *EXTRA_EPOCHS.values())),
        **_architecture(config, config.base),
    )
    once = replace(base, epochs=config.epochs, keep_logits=(config.epochs,), also_running=False)
    runs, networks = [base], [Network("base", "base", 1, "base")]
    networks += [Network(name, name, 1, "base", extra) for name, extra in EXTRA_EPOCHS.items()]
    repeated = {**dict(config.instances), "half_data": 2}
    for condition, change in _changes(config, once).items():
        for instance in range(1, repeated.get(condition, 1) + 1):
            name = f"{condition}_{instance}" if condition in repeated else condition
            runs.append(replace(once, file=name, **change(instance)))
            networks.append(Network(name, condition, instance, name))
    return Plan(tuple(runs), tuple(networks), config.epochs, base.decay_epochs)


def _architecture(config: Variants, architecture: Architecture) -> dict[str, Any]:
    """Keep the order of images whatever the batch size: a smaller one of its own splits the common batches."""
    splits = 1 if architecture.batch_size is None else -(-config.batch_size // architecture.batch_size)
    return {"model": architecture.model, "arguments": architecture.arguments, "splits": splits}


def _changes(config: Variants, base: Run) -> dict[str, Callable[[int], dict[str, Any]]]:
    """Say for each condition how its instances, counted from 1, differ from the base."""
    changes: dict[str, Callable[[int], dict[str, Any]]] = {
        "optimizer": lambda k: {"nesterov": True},
        "batch_size": lambda k: {"splits": 2 * base.splits},
        "initialisation": lambda k: {"init_seed": base.init_seed + k},
        "learning_rate": lambda k: {"learning_rate": base.learning_rate * RATE_FACTORS[(k - 1) % len(RATE_FACTORS)]},
        "cuda_nondeterministic": lambda k: {"nondeterminism": k},
        "data_order": lambda k: {"order_seed": base.order_seed + ORDER_STEP * k},
        "architecture": lambda k: _architecture(config, config.other),
        "half_data": lambda k: {"half": k - 1},
    }
    mixed = [changes[name] for name in ("architecture", "initialisation", "learning_rate", "data_order", "optimizer")]
    return {**changes, "combined": lambda k: {name: to for change in mixed for name, to in change(k).items()}}


def trained_file(entry: Model) -> str:
    """Name the files of a model that is trained here, after what is trained and how."""
    return _stem(entry, entry.hashed(include=TRAINED))


def pretrained_file(entry: Model) -> str:
    """Name the files of a pretrained model, after its architecture, weights and preparation."""
    made_of: dict[str, Any] = entry.hashed(include=PRETRAINED)
    made_of["pretrained"] = made_of["pretrained"] or True
    weights = entry.pretrained
    if (isinstance(weights, Checkpoint) and not weights.sha256) or (isinstance(weights, OpenClip) and weights.file):
        # Wherever the file lies: what is in it counts.
        path = files.find(weights.file, "file") if weights.file else local_copy(weights.place)
        made_of["pretrained"] |= {"file": None, "sha256": files.digest(path) if path else None}
    return _stem(entry, made_of)


def _stem(entry: Model, made_of: dict[str, Any]) -> str:
    return f"{re.sub(r'[^A-Za-z0-9_.-]', '_', entry.label)[:80]}-{short_hash(made_of)}"
