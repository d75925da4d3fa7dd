"""What a preset asks of a machine: networks, images, operations and disk, and hours once speeds are measured."""

import functools
import json
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ddd_utils import image_sets, params, schema
from ddd_utils.experiments.plans.runs import Run
from ddd_utils.experiments.plans.store import Experiment
from ddd_utils.responses import write_predictions

# Backward takes twice the operations of forward: one pass for the inputs' gradients and one for the weights'.
TRAINING_FORWARDS = 3


@dataclass(frozen=True)
class Case:
    """
    What decides a network's speed.

    Attributes
    ----------
    model : str
        The architecture's name.
    arguments : str
        Its arguments, as JSON.
    optimizer : {"sgd", "adamw"}
    image_size : int
        Height and width in pixels.
    update : int
        Images in an update.
    classes : int
        Number of outputs; no other speed for that.
    """

    model: str
    arguments: str
    optimizer: str
    image_size: int
    update: int
    classes: int = field(compare=False)

    @property
    def architecture(self) -> tuple[str, str, str, int]:
        """What cases have in common that differ in the images of an update only."""
        return self.model, self.arguments, self.optimizer, self.image_size


@dataclass(frozen=True)
class Measured:
    """
    What a case was found to cost.

    Attributes
    ----------
    flops : float
        Operations of one image's forward pass.
    state_bytes : int
        A checkpoint: weights, BatchNorm's statistics and the optimiser's state.
    train, update, answer : float
        Seconds of forward and backward for an image, of what comes once an update, and of forward alone for an image.
    low, high : float
        The fastest and the slowest repeat of the measurement, as multiples of the median.
    images, repeats : int
        Images timed at once, fewer than an update's where a step would have taken too long; how often, on all devices.
    """

    flops: float
    state_bytes: int
    train: float
    update: float
    answer: float
    low: float = 1.0
    high: float = 1.0
    images: int = 1
    repeats: int = 1


@dataclass(frozen=True)
class Work:
    """
    What a run has to do: ``trained``, ``answered`` and ``recalibrated`` images in all epochs, and ``updates``.

    Both kinds of BatchNorm statistics are answered for where a run asks for both.
    """

    trained: int
    answered: int
    recalibrated: int
    updates: int


@dataclass(frozen=True)
class Row:
    """
    The cost of an experiment's missing runs, or of all.

    Attributes
    ----------
    title : str
    done, networks, epochs : int
        Runs that are finished (not counted in anything else); runs that are missing, and their epochs in all.
    trained, answered : int
        Training images seen and test images answered, over all epochs.
    flops : float
        Floating-point operations, a multiply-add counted as two.
    disk_bytes : int
        Predictions, kept activations and one checkpoint a network.
    hours, hours_low, hours_high : float
        On one device: by the median repeat of the calibration, by the fastest and by the slowest.
    longest : float
        Hours of the longest run.
    """

    title: str
    done: int = 0
    networks: int = 0
    epochs: int = 0
    trained: int = 0
    answered: int = 0
    flops: float = 0
    disk_bytes: int = 0
    hours: float = 0
    hours_low: float = 0
    hours_high: float = 0
    longest: float = 0


def trained_experiments(preset: params.Preset, sections: Iterable[str] | None = None) -> list[tuple[str, Experiment]]:
    """
    List what a preset trains, each experiment once.

    Parameters
    ----------
    preset : Preset
        The preset.
    sections : iterable of str, optional
        Only what these need; all by default.

    Returns
    -------
    list of (str, Experiment)
        With a title. What is published, or asked of pretrained models, is left out: nothing is trained for it.
    """
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
    from ddd_utils.experiments.data import datasets

    data = datasets.load(dataset)
    return len(data.classes), data.image_size


def work(run: Run, sizes: tuple[int, int]) -> Work:
    """
    Count what a run does.

    Parameters
    ----------
    run : Run
        The run.
    sizes : tuple of int
        Training and test images of the data set.

    Returns
    -------
    Work
    """
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


def flops(what: Work, measured: Measured) -> float:
    """Count a run's operations: training is three times forward, answers and recalibration are forward."""
    return measured.flops * (TRAINING_FORWARDS * what.trained + what.answered + what.recalibrated)


def seconds(what: Work, measured: Measured) -> float:
    """Tell a run's time on one device."""
    forward = (what.answered + what.recalibrated) * measured.answer
    return what.trained * measured.train + what.updates * measured.update + forward


def state_bytes(network, optimizer: str) -> int:
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
    """
    Measure the Parquet file of a network that guesses, the largest there can be: nothing in its answers repeats.

    Parameters
    ----------
    epochs, images, classes : int
        Stored epochs, test images and classes.

    Returns
    -------
    int
        Bytes.
    """
    guesses = np.random.Generator(np.random.Philox(key=0)).integers(0, classes, (epochs, images), np.int16)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "guesses.parquet"
        write_predictions(path, guesses)
        return path.stat().st_size


def row(title: str, experiment: Experiment, measured: dict[Case, Measured]) -> Row:
    """
    Add up an experiment's missing runs.

    Parameters
    ----------
    title : str
    experiment : Experiment
    measured : dict of Case to Measured

    Returns
    -------
    Row
    """
    missing = experiment.missing()
    parts = [_run_row(run, experiment.dataset, measured) for run in missing]
    done = Row(title, done=len(experiment.plan.runs) - len(missing))
    return add(title, [done, *parts])


def _run_row(run: Run, dataset: image_sets.Dataset, measured: dict[Case, Measured]) -> Row:
    which = case(run, dataset)
    what, cost = work(run, dataset.sizes), measured[which]
    hours = seconds(what, cost) / 3600
    disk = disk_bytes(run, dataset.sizes[1], which.classes, cost.state_bytes)
    return Row(
        run.file,
        networks=1,
        epochs=run.epochs,
        trained=what.trained,
        answered=what.answered,
        flops=flops(what, cost),
        disk_bytes=disk,
        hours=hours,
        hours_low=hours * cost.low,
        hours_high=hours * cost.high,
        longest=hours,
    )


def add(title: str, rows: list[Row]) -> Row:
    """Add rows up; the longest run stays the longest."""
    names = [name for name in Row.__dataclass_fields__ if name not in ("title", "longest")]
    sums = {name: sum(getattr(each, name) for each in rows) for name in names}
    return Row(title=title, longest=max((each.longest for each in rows), default=0), **sums)
