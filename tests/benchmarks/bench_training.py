"""Training many networks with this engine and in the plain way, side by side: speed, scaling, stages and memory."""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time

import numpy as np

from ddd_utils.config.image_sets import Digits, Gaussian
from ddd_utils.config.schema import ModelSet, Training
from ddd_utils.data import datasets
from ddd_utils.experiments import calibration, costs, launch
from ddd_utils.experiments.launch import grouped
from ddd_utils.experiments.plans import step_epochs
from ddd_utils.experiments.store import Experiment
from ddd_utils.machine import devices
from ddd_utils.models import by_name
from ddd_utils.responses import read_predictions

BATCH, RATE, WIDTH = 256, 0.05, 16
CPU_RATIO, AFTER_TRAINING, MEMORY = 1.8, 0.10, 1.3
CPU_NETWORKS = 10  # the target is for so many at once; `make gpu` has those for a GPU


def experiment(images, count: int, epochs: int) -> Experiment:
    """Describe networks that see the same batches and differ in the learning rate by a thousandth each."""
    common = {"model": "resnet18", "arguments": {"width": WIDTH}, "optimizer": "sgd"}
    rates = [RATE * (1 + k / 1000) for k in range(max(2, count))]
    models = [{**common, "name": f"n{k}", "learning_rate": rate} for k, rate in enumerate(rates)]
    whole = ModelSet(models=models, images=images, training=Training(epochs=epochs, batch_size=BATCH))
    # A set has two models at least; one alone is of interest here only.
    return Experiment(whole.model_copy(update={"models": whole.models[:count]}))


def compute(images, count: int, epochs: int) -> tuple[float, float]:
    """Train in an empty results folder and return the wall seconds and the mean accuracy of the last epoch."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["DDD_BUILD"] = folder
        each = experiment(images, count, epochs)
        started = time.perf_counter()
        launch.compute([each])
        took, labels = time.perf_counter() - started, datasets.load(images).test.labels
        # Read file by file: what learned nothing counts here as well.
        last = [read_predictions(each.file(run), len(labels))[-1] for run in each.plan.runs]
        return took, float(np.mean(np.stack(last) == labels))


def engine(images, count: int, epochs: tuple[int, int]) -> dict[str, float]:
    """Tell start-up and steady state apart by training twice, for few epochs and for more."""
    (short, _), (long, accuracy) = (compute(images, count, number) for number in epochs)
    epoch = (long - short) / (epochs[1] - epochs[0])
    rate = images.sizes[0] * count / epoch
    return {"wall": long, "epoch": epoch, "start": short - epochs[0] * epoch, "rate": rate, "accuracy": accuracy}


def plain(images, epochs: int) -> tuple[float, float]:
    """Train one network in the plain way: training images a second, tests included, and the accuracy."""
    import torch
    from plain_training import train

    device = torch.device(devices()[0])
    done = train(datasets.load(images), device, epochs, BATCH, RATE, step_epochs(epochs))
    # The first epoch also warms up.
    return images.sizes[0] / float(np.median(done.epochs[1:])), done.accuracy


def check(what: str, value: float, bound: float, at_least: bool) -> None:
    """Print a measured ratio beside its target."""
    met = value >= bound if at_least else value <= bound
    print(f"  {'met' if met else 'NOT MET'}: {what} {value:.2f} (target: {'>=' if at_least else '<='} {bound:g})")


def against_plain(images, counts: list[int], epochs: tuple[int, int]) -> None:
    """Compare images a second; the plain way takes K times as long for K networks, so one is measured, twice."""
    before, alone = plain(images, epochs[1])
    rows = {count: engine(images, count, epochs) for count in counts}
    after, _ = plain(images, epochs[1])
    slow = max(before, after)
    train, test = images.sizes
    print(f"{images.name}, {images.image_size} px, {train:,} + {test:,} images, batch {BATCH}, resnet18 width {WIDTH}")
    print(f"  plain, one network after the other: {before:,.0f} and {after:,.0f} images/s, accuracy {alone:.3f}")
    print("   K  images/s  times plain  s/epoch  start s  wall s  accuracy")
    for count, row in rows.items():
        print(
            f"  {count:2d} {row['rate']:9,.0f} {row['rate'] / slow:12.2f} {row['epoch']:8.2f} {row['start']:8.1f} "
            f"{row['wall']:7.1f} {row['accuracy']:9.3f}"
        )
    if (row := rows.get(CPU_NETWORKS)) and devices()[0] == "cpu":
        check(f"times plain at K = {CPU_NETWORKS}", row["rate"] / slow, CPU_RATIO, at_least=True)
        check("accuracy apart from plain", abs(row["accuracy"] - alone), 0.1, at_least=False)


def by_size(sizes: list[int], classes: int, epochs: tuple[int, int]) -> None:
    """Show what larger images cost, beside the operations they take."""
    print("image size: images/s and GFLOP/s, K = 2")
    for size in sizes:
        images = Gaussian(classes=classes, train_per_class=512 // classes, test_per_class=4, image_size=size)
        case = costs.case(experiment(images, 2, 1).plan.runs[0], images)
        rate = engine(images, 2, epochs)["rate"]
        done = rate * calibration.forward_flops(case) * (costs.TRAINING_FORWARDS + images.sizes[1] / images.sizes[0])
        print(f"  {size:3d} px {rate:8,.0f} {done / 1e9:8.1f}")


def by_epochs(images, count: int, numbers: list[int]) -> None:
    """Show that an epoch costs the same however many there are."""
    walls = [compute(images, count, number)[0] for number in numbers]
    steps = np.diff(walls) / np.diff(numbers)
    print(f"epochs {numbers}, K = {count}: wall {np.round(walls, 1)} s, for each more {np.round(steps, 2)} s")


def stage_seconds(images, count: int) -> dict[str, float]:
    """Measure seconds in data, steps, evaluation and storage of a group, in this process."""
    import torch

    from ddd_utils.experiments import lockstep

    seconds: dict[str, float] = {}

    def timed(name: str, function):
        def call(*arguments, **named):
            started = time.perf_counter()
            try:
                return function(*arguments, **named)
            finally:
                seconds[name] = seconds.get(name, 0) + time.perf_counter() - started

        return call

    def batches(*arguments, plain=lockstep.Loader.train_batches):
        coming = plain(*arguments)
        while (batch := timed("data", next)(coming, None)) is not None:
            yield batch

    lockstep.Loader.train_batches = batches
    lockstep.Trainee.step = timed("steps", lockstep.Trainee.step)
    lockstep._evaluate = timed("evaluation", lockstep._evaluate)
    lockstep.write_checkpoint = timed("storage", lockstep.write_checkpoint)
    Experiment.write = timed("storage", Experiment.write)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["DDD_BUILD"] = folder
        torch.set_num_threads(1)
        (group,) = grouped(launch.missing([experiment(images, count, 2)]), 1)
        lockstep.train_runs(group.experiment, group.runs, torch.device(devices()[0]))
    return seconds


def stages(images, count: int) -> None:
    """Print the share of each stage of training."""
    found = stage_seconds(images, count)
    total = sum(found.values())
    print(f"stages, K = {count}: " + ", ".join(f"{name} {took / total:.1%}" for name, took in found.items()))
    late = sum(found.get(name, 0) for name in ("evaluation", "storage")) / total
    check("share of evaluation and storage", late, AFTER_TRAINING, at_least=False)


def peak(count: int) -> None:
    """Train in one process and print its peak memory in bytes; run in a process of its own."""
    launch.devices = lambda: ["cpu"]
    compute(Gaussian(classes=10, train_per_class=52, test_per_class=10, image_size=32), count, 1)
    # Linux counts kilobytes, macOS bytes.
    print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * (1 if sys.platform == "darwin" else 1024))


def memory(counts: list[int]) -> None:
    """Compare memory with what the networks themselves need: weights, gradients and momentum."""
    found = [int(subprocess.check_output([sys.executable, __file__, "--peak", str(count)])) for count in counts]
    each = experiment(Gaussian(classes=10, image_size=32), 2, 1)
    case = costs.case(each.plan.runs[0], each.dataset)
    # A checkpoint has weights and momentum; gradients are as large as either.
    network = by_name.create(case.model, case.classes, {"width": WIDTH})
    own = 1.5 * costs.state_bytes(network, case.optimizer)
    grown = np.polyfit(counts, found, 1)[0]
    sizes = ", ".join(f"{size / 1e6:.0f} MB for K = {k}" for k, size in zip(counts, found, strict=True))
    print(f"memory at the peak: {sizes}")
    print(f"  a network more takes {grown / 1e6:.1f} MB; its weights, gradients and momentum are {own / 1e6:.1f} MB")
    check("memory of a network in its own state", grown / own, MEMORY, at_least=False)


def main(fast: bool) -> None:
    """Measure everything and print it."""
    print(f"training on {len(devices())} x {devices()[0]}")
    noise = Gaussian(train_per_class=20 if fast else 60, test_per_class=4 if fast else 12, image_size=32)
    against_plain(noise, [1, 10] if fast else [1, 4, 10, 20], (1, 3))
    if fast:
        stages(noise, 4)
        memory([1, 5])
        return
    against_plain(Digits(train_images=1200), [1, 10], (2, 6))
    by_epochs(noise, 2, [1, 3, 5])
    by_size([32, 64, 128], 8, (1, 3))
    stages(noise, CPU_NETWORKS)
    memory([1, 5, 10])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fast", action="store_true", help="about a minute")
    parser.add_argument("--peak", type=int, metavar="K", help=argparse.SUPPRESS)
    options = parser.parse_args()
    main(options.fast) if options.peak is None else peak(options.peak)
