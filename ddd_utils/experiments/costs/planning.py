"""What a preset asks of a machine: networks, images, operations and disk, and hours once speeds are measured."""

import functools
import json
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ddd_utils.config import image_sets, params, schema
from ddd_utils.experiments.plans import Run, work
from ddd_utils.experiments.store import Experiment
from ddd_utils.responses import write_predictions

if TYPE_CHECKING:
    from torch import nn

# Backward takes twice the operations of forward: one pass for the inputs' gradients and one for the weights'.
TRAINING_FORWARDS = 3


@dataclass(frozen=True)
class Case:
    """What decides a network's speed."""

    model: str
    arguments: str  # as JSON
    optimizer: str
    image_size: int  # px a side
    update: int  # images in an update
    classes: int = field(compare=False)  # no other speed for that


@dataclass(frozen=True)
class Measured:
    """What a case was found to cost."""

    flops: float  # of one image's forward pass
    state_bytes: int  # of a checkpoint
    train: float  # seconds of forward and backward for an image
    update: float  # seconds of what comes once an update
    answer: float  # seconds of forward alone for an image
    low: float = 1.0  # the fastest repeat of the measurement, as a multiple of the median
    high: float = 1.0  # the slowest
    images: int = 1  # timed at once: fewer than an update's where a step would have taken too long
    repeats: int = 1  # on all devices


@dataclass(frozen=True)
class Row:
    """The cost of an experiment's missing runs, or of all; finished ones are only counted, as ``done``."""

    title: str
    done: int = 0
    networks: int = 0
    epochs: int = 0
    trained: int = 0  # training images seen over all epochs
    answered: int = 0  # test images answered over all epochs
    flops: float = 0  # a multiply-add is two
    disk_bytes: int = 0  # predictions, kept activations and one checkpoint a network
    hours: float = 0  # on one device, by the median repeat of the calibration
    hours_low: float = 0  # by the fastest
    hours_high: float = 0  # by the slowest
    longest: float = 0  # hours of the longest run


def trained_experiments(preset: params.Preset, sections: Iterable[str] | None = None) -> list[tuple[str, Experiment]]:
    """List what sections (all by default) train, each experiment once and with a title."""
    found: dict[Path, tuple[str, Experiment]] = {}
    for section in sections or preset.sections:
        for config in params.experiments(preset, section):
            if isinstance(config, schema.Variants | schema.ModelSet):
                experiment = Experiment(config)
                found.setdefault(experiment.folder, (_title(section, config), experiment))
    return list(found.values())


def _title(section: str, config: schema.Variants | schema.ModelSet) -> str:
    if isinstance(config, schema.ModelSet):
        return f"{section}: {config.images.name}, {len(config.models)} models"
    return f"{section}: {config.dataset.name}, {config.base.model}"


def case(run: Run, dataset: image_sets.Dataset) -> Case:
    """Return what decides a run's speed on a data set; files are looked at only where the preset does not say."""
    classes, size = _shape(dataset)
    arguments = json.dumps(run.arguments, sort_keys=True)
    return Case(run.model, arguments, run.optimizer, size, -(-run.batch_size // run.splits), classes)


def _shape(dataset: image_sets.Dataset) -> tuple[int, int]:
    """Say how many classes and pixels a side the images have."""
    if isinstance(dataset, image_sets.Gaussian):
        return dataset.classes, dataset.image_size
    if isinstance(dataset, image_sets.Digits):
        return 10, dataset.image_size
    if isinstance(dataset, image_sets.Cifar):
        return int(dataset.name.removeprefix("cifar")), 32
    if isinstance(dataset, image_sets.Folder):
        folder = Path(dataset.train)
        return sum(path.is_dir() for path in folder.iterdir()) if folder.is_dir() else 1000, dataset.image_size
    from ddd_utils.data import datasets

    data = datasets.load(dataset)
    return len(data.classes), data.image_size


def state_bytes(network: "nn.Module", optimizer: str) -> int:
    """Count the bytes of a checkpoint: weights, buffers, and one (SGD's momentum) or two (AdamW) numbers a weight."""
    weights = sum(tensor.nbytes for tensor in network.parameters())
    buffers = sum(tensor.nbytes for tensor in network.buffers())
    return weights * (3 if optimizer == "adamw" else 2) + buffers


def disk_bytes(run: Run, images: int, classes: int, state: int) -> int:
    """Tell how much room a run takes at most: its answers to ``images`` test images, and a checkpoint of ``state``."""
    logits = len(run.keep_logits) * min(run.logit_images, images) * classes * np.dtype(np.float32).itemsize
    tables = (1 + run.also_running) * predictions_bytes(run.epochs + 1, images, classes)
    return tables + logits + state


@functools.cache
def predictions_bytes(epochs: int, images: int, classes: int) -> int:
    """Measure the Parquet file of a network that guesses, the largest there can be: nothing in it repeats."""
    guesses = np.random.Generator(np.random.Philox(key=0)).integers(0, classes, (epochs, images), np.int16)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "guesses.parquet"
        write_predictions(path, guesses)
        return path.stat().st_size


def row(title: str, experiment: Experiment, measured: Mapping[Case, Measured]) -> Row:
    """Add up an experiment's missing runs."""
    missing = experiment.missing()
    parts = [_run_row(run, experiment.dataset, measured) for run in missing]
    return add(title, [Row(title, done=len(experiment.plan.runs) - len(missing)), *parts])


def _run_row(run: Run, dataset: image_sets.Dataset, measured: Mapping[Case, Measured]) -> Row:
    which, what = case(run, dataset), work(run, dataset.sizes)
    cost, forwards = measured[which], what.answered + what.recalibrated
    hours = (what.trained * cost.train + what.updates * cost.update + forwards * cost.answer) / 3600
    return Row(
        run.file,
        networks=1,
        epochs=run.epochs,
        trained=what.trained,
        answered=what.answered,
        flops=cost.flops * (TRAINING_FORWARDS * what.trained + forwards),
        disk_bytes=disk_bytes(run, dataset.sizes[1], which.classes, cost.state_bytes),
        hours=hours,
        hours_low=hours * cost.low,
        hours_high=hours * cost.high,
        longest=hours,
    )


def add(title: str, rows: Sequence[Row]) -> Row:
    """Add rows up; the longest run stays the longest."""
    names = [each.name for each in fields(Row) if each.name not in ("title", "longest")]
    sums = {name: sum(getattr(each, name) for each in rows) for name in names}
    return Row(title=title, longest=max((each.longest for each in rows), default=0), **sums)
