"""What a preset asks of a machine: networks, images, operations, disk and hours, as a table and as JSON."""

import functools
import json
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from ddd_utils.config import image_sets
from ddd_utils.config.model_sets import Model, OpenClip
from ddd_utils.experiments.evaluations import Evaluation
from ddd_utils.experiments.plans import Run, work
from ddd_utils.experiments.store import Experiment
from ddd_utils.responses import write_predictions

if TYPE_CHECKING:
    from torch import nn

OPEN_CLIP = "open_clip/"  # in front of the names of its models

# Backward takes twice the operations of forward: one pass for the inputs' gradients and one for the weights'.
TRAINING_FORWARDS = 3

# "Environmental aspects" of the paper: 250 GPU-days took 1,800 kWh, at 400 g of CO2 each.
PAPER_GPU_DAYS, PAPER_KWH, PAPER_GRAMS = 250, 1800, 400
PAPER_WATTS = 1000 * PAPER_KWH / (24 * PAPER_GPU_DAYS)
WATTS_FROM_PAPER = (
    f"the paper's: {PAPER_KWH:,} kWh / {PAPER_GPU_DAYS} days of a GPU, its CPU and RAM; --watts sets another"
)
_HEAD = ("experiment", "networks", "done", "epochs", "trained", "answered", "FLOP", "disk", "hours (range)", "kWh")
_WIDTHS = (37, 9, 5, 7, 8, 9, 9, 9, 20, 7)


@dataclass(frozen=True)
class Case:
    """What decides a network's speed."""

    model: str
    arguments: str  # as JSON
    optimizer: str
    image_size: int  # px a side
    update: int  # images in an update; 0: pretrained, it only answers
    classes: int = field(compare=False)  # no other speed for that


@dataclass(frozen=True)
class Measured:
    """What a case was found to cost."""

    flops: float  # of one image's forward pass
    state_bytes: int  # of a checkpoint
    train: float  # seconds of training for an image
    update: float  # seconds of what comes once an update, where that was told apart
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
    trained: int = 0  # training images over all epochs
    answered: int = 0  # test images answered over all epochs
    flops: float = 0  # a multiply-add is two
    disk_bytes: int = 0  # predictions, kept activations and one checkpoint a network
    hours: float = 0  # on one device, by the median repeat of the calibration
    hours_low: float = 0  # by the fastest
    hours_high: float = 0  # by the slowest
    longest: float = 0  # hours of the longest run


def case(run: Run, dataset: image_sets.Dataset) -> Case:
    """Return what decides a run's speed on a data set; files are read only where the preset does not say."""
    classes, size = _shape(dataset)
    arguments = json.dumps(run.arguments, sort_keys=True)
    return Case(run.model, arguments, run.optimizer, size, -(-run.batch_size // run.splits), classes)


def answer_case(model: Model, evaluation: Evaluation) -> Case:
    """Return what decides a pretrained model's speed."""
    kind = OPEN_CLIP if isinstance(model.pretrained, OpenClip) else ""
    arguments = json.dumps(model.arguments, sort_keys=True)
    return Case(kind + model.model, arguments, "sgd", evaluation.stream(model).size, 0, 1_000)


def _shape(dataset: image_sets.Dataset) -> tuple[int, int]:
    """Say how many classes and pixels a side the images have."""
    if isinstance(dataset, image_sets.Gaussian):
        return dataset.classes, dataset.image_size
    if isinstance(dataset, image_sets.Digits | image_sets.FashionMnist):
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


def answers_row(
    title: str, evaluation: Evaluation, measured: Mapping[Case, Measured], decoding: float, devices: int
) -> Row:
    """Add up an evaluation's missing models; decoding takes so many seconds a photograph, and all devices wait."""
    missing, images = evaluation.missing(), evaluation.count()
    disk = 2 * predictions_bytes(1, images, len(evaluation.space.names))
    waiting = devices * images * decoding / 3600 if missing else 0
    done = len(evaluation.config.models) - len(missing)
    rows = [Row(title, done=done, hours=waiting, hours_low=waiting, hours_high=waiting)]
    for model in missing:
        cost = measured[answer_case(model, evaluation)]
        hours, flops = images * cost.answer / 3600, images * cost.flops
        # A model is on all devices at once.
        range_and_longest = hours * cost.low, hours * cost.high, hours / devices
        rows.append(Row(model.label, 0, 1, 0, 0, images, flops, disk, hours, *range_and_longest))
    return add(title, rows)


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


@dataclass(frozen=True)
class Estimate:
    """What a preset costs on a machine."""

    preset: str
    rows: list[Row]  # one an experiment
    total: Row
    device: str  # in words
    devices: int
    watts: float  # of one device
    watts_from: str  # who says so
    grams: float  # of CO2 for each kilowatt-hour
    calibration: dict[Case, Measured]
    jobs: int  # of SLURM

    @property
    def wall_hours(self) -> float:
        """Hours with all devices at work: an even share of all, and not less than the longest run."""
        return max(self.total.hours / self.devices, self.total.longest)

    def kwh(self, row: Row) -> float:
        """Kilowatt-hours of a row."""
        return row.hours * self.watts / 1000

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain data."""
        rows = [{**asdict(row), "kwh": self.kwh(row)} for row in (*self.rows, self.total)]
        return {
            "preset": self.preset,
            "experiments": rows[:-1],
            "total": {**rows[-1], "wall_hours": self.wall_hours, "kg_co2": self.kwh(self.total) * self.grams / 1000},
            "device": self.device,
            "devices": self.devices,
            "slurm_jobs": self.jobs,
            "watts": self.watts,
            "watts_from": self.watts_from,
            "g_co2_per_kwh": self.grams,
            "calibration": [{**asdict(case), **asdict(found)} for case, found in self.calibration.items()],
            "paper": {"gpu_days": PAPER_GPU_DAYS, "kwh": PAPER_KWH, "kg_co2": PAPER_KWH * PAPER_GRAMS / 1000},
        }


def power_limit(device: str) -> float | None:
    """Return the watts that an NVIDIA GPU may take (``nvidia-smi``), or None where that is not known."""
    if not device.startswith("cuda") or not shutil.which("nvidia-smi"):
        return None
    import torch

    index = device.partition(":")[2] or "0"
    identity = str(torch.cuda.get_device_properties(int(index)).uuid)
    query = ["nvidia-smi", f"--id=GPU-{identity}", "--query-gpu=power.limit", "--format=csv,noheader,nounits"]
    found = subprocess.run(query, capture_output=True, text=True, check=False).stdout.strip()
    try:
        return float(found)
    except ValueError:
        return None


def text(plan: Estimate) -> str:
    """Show a plan in a terminal of 120 columns: a table, and what its figures rest on."""
    lines = [_line(_HEAD), *(_line(_cells(plan, row)) for row in (*plan.rows, plan.total))]
    return "\n".join([*lines, "", *_costs(plan), "", *_notes(plan)])


def _line(cells: Sequence[str]) -> str:
    title, *others = (f"{cell:>{width}}" for cell, width in zip(cells, _WIDTHS, strict=True))
    return f"{title.strip()[: _WIDTHS[0]]:<{_WIDTHS[0]}}{''.join(others)}"


def _cells(plan: Estimate, row: Row) -> tuple[str, ...]:
    return (
        row.title,
        *(f"{count:,}" for count in (row.networks, row.done, row.epochs)),
        *map(_short, (row.trained, row.answered)),
        f"{row.flops:.1e}",
        tqdm.format_sizeof(row.disk_bytes, "B"),
        f"{_short(row.hours)} ({_short(row.hours_low)}-{_short(row.hours_high)})",
        _short(plan.kwh(row)),
    )


def _short(number: float) -> str:
    """Show two or three digits, more than a short calibration is good for."""
    if 0 < number < 0.01:
        return "<0.01"
    return tqdm.format_sizeof(number) if number >= 100 else f"{number:.2g}"


def _costs(plan: Estimate) -> list[str]:
    kwh = plan.kwh(plan.total)
    return [
        f"here: {_short(plan.total.hours)} hours on one {plan.device}; on all {plan.devices} at once about "
        f"{_short(plan.wall_hours)} (longest network: {_short(plan.total.longest)})",
        f"      through SLURM {plan.jobs} jobs, one a group of networks that share images",
        f"      {_short(kwh)} kWh and {_short(kwh * plan.grams / 1000)} kg of CO2 at {plan.grams:g} g/kWh",
        f"      {plan.watts:g} W a device ({plan.watts_from})",
        f"paper: about {PAPER_GPU_DAYS} GPU-days ({24 * PAPER_GPU_DAYS:,} hours), {PAPER_KWH:,} kWh and "
        f"{PAPER_KWH * PAPER_GRAMS / 1000:g} kg of CO2 for all its work",
    ]


def _notes(plan: Estimate) -> list[str]:
    lines = [
        "Networks, epochs, images, FLOP, disk and hours are those of what is missing; done is not counted again.",
        "FLOP: a multiply-add is two, training is three forward passes; convolutions and matrix products only.",
        "Disk: at most; answers as if guessed, kept activations, and a checkpoint a network.",
    ]
    if repeats := {each.repeats for each in plan.calibration.values()}:
        lines += [
            f"Hours: medians of {min(repeats)} to {max(repeats)} steps of every kind of network on random images, all "
            f"{plan.devices} devices busy at once;",
            "       range: the fastest and the slowest step. No reading, augmenting or storing is in it; decoding is",
            "       for pretrained models.",
        ]
    if cut := sum(each.images < case.update for case, each in plan.calibration.items()):
        lines.append(f"       {cut} of {len(plan.calibration)} kinds were timed on fewer images than an update holds.")
    return lines
