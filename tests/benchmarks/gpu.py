"""
One card, measured: training and inference beside the plain loop of pytorch/examples in the same run.

Writes build/gpu.json after every part. Without a card one line says so, and the exit status is 2.
"""

import argparse
import json
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import plain_training
import timm
import torch
from PIL import Image
from torch.nn import functional as F

from ddd_utils import machine, paths
from ddd_utils.config.image_sets import Folder, Gaussian
from ddd_utils.data import datasets
from ddd_utils.data.loader import Loader
from ddd_utils.data.views import preparation
from ddd_utils.experiments import calibration, costs, inference, launch, lockstep
from ddd_utils.experiments.decisions import Chooser
from ddd_utils.experiments.plans import Run
from ddd_utils.experiments.trainee import Trainee
from ddd_utils.files import write_text
from ddd_utils.models import by_name

TIMES_PLAIN, SHARE_224, GRAPHS, CIFAR_SECONDS = 3.0, 0.40, 1.3, 300
# CIFAR-100, and the paper's networks for it.
CIFAR_IMAGES, CIFAR_EPOCHS, CIFAR_NETWORKS = 50_000, 30, 30


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    networks: tuple[int, ...] = (1, 4, 10, 20)
    small: int = 32  # px a side
    large: int = 224
    batch: int = 256
    batches: tuple[int, int] = (100, 8)  # of small and of large images, in an epoch
    network: tuple[str, dict[str, Any]] = ("resnet18", {})
    compiled: bool = True  # also with torch.compile, which takes a minute to compile on a CPU
    steps: int = 20
    matrix: int = 8_192
    shown: int = 2_048  # images, to a pretrained model
    models: tuple[str, ...] = ("resnet50", "vit_base_patch16_224", "convnext_tiny")


SMALLEST: tuple[str, dict[str, Any]] = ("plain_convnet", {"stages": [1], "width": 8})
TINY = Sizes((1, 2), 8, 16, 8, (2, 2), SMALLEST, False, 2, 64, 12, ("test_resnet",))


class Bench:
    """The parts of the measurement on one device."""

    def __init__(self, device: torch.device, sizes: Sizes, folder: Path):
        self.device, self.sizes = device, sizes
        small, large = (
            self._noise(side, count) for side, count in zip((sizes.small, sizes.large), sizes.batches, strict=True)
        )
        self.sets = {"noise, small": small, "noise, large": large, "JPEG, large": self._photographs(folder)}

    def _noise(self, side: int, batches: int) -> Gaussian:
        """Noise that is made on the device; a fifth as many test images as training images, as in CIFAR."""
        images = self.sizes.batch * batches // 8
        return Gaussian(classes=8, train_per_class=images, test_per_class=max(1, images // 5), image_size=side)

    def _photographs(self, folder: Path) -> Folder:
        """JPEG files in memory, blurred noise of ImageNet's usual size."""
        random, sizes = np.random.default_rng(0), self.sizes
        for split, images in (("train", sizes.batch * sizes.batches[1]), ("val", max(8, sizes.batch // 2))):
            for number in range(images):
                path = folder / split / f"class {number % 8}" / f"{number}.jpg"
                path.parent.mkdir(parents=True, exist_ok=True)
                coarse = Image.fromarray(random.integers(0, 256, (24, 32, 3), np.uint8))
                coarse.resize((500, 375), Image.Resampling.BICUBIC).save(path, quality=90)
        named = {split: str(folder / split) for split in ("train", "val")}
        return Folder(name="folder", train=named["train"], test=named["val"], image_size=sizes.large)

    def card(self) -> dict[str, Any]:
        """What it is, and how fast it multiplies large matrices in each precision, in TFLOP/s."""
        found = {"device": machine.describe(self.device), "versions": machine.versions(["torch", "timm", "numpy"])}
        if self.device.type == "cuda":
            found["gigabytes"] = torch.cuda.get_device_properties(self.device).total_memory / 1e9
        self.bfloat16 = self._multiply(torch.bfloat16)
        with tf32(False):
            exact = self._multiply(torch.float32)
        with tf32(True):
            rounded = self._multiply(torch.float32)
        tera = {"bfloat16": self.bfloat16, "float32": exact, "TF32": rounded}
        return {**found, "teraflops": {name: rate / 1e12 for name, rate in tera.items()}}

    def _multiply(self, dtype: torch.dtype) -> float:
        side = self.sizes.matrix
        left, right = (torch.randn(side, side, device=self.device, dtype=dtype) for _ in range(2))
        return 2 * side**3 / self._seconds(lambda: left @ right)

    def _seconds(self, step: Callable[[], Any]) -> float:
        """Time a step, by the mean of some after three to warm up."""
        for number in range(self.sizes.steps + 3):
            if number == 3:
                self._wait()
                started = time.perf_counter()
            step()
        self._wait()
        return (time.perf_counter() - started) / self.sizes.steps

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def run(self, number: int, **more: Any) -> Run:
        """Describe a network; they differ in the learning rate by a thousandth each."""
        return Run(f"n{number}", *self.sizes.network, 2, self.sizes.batch, 0.05 * (1 + number / 1000), 1e-4, **more)

    def train(self, images: Gaussian | Folder, runs: list[Run]) -> tuple[list[Trainee], float]:
        """Train runs side by side for two epochs; return them and the seconds of the second, tests included."""
        data, ends = datasets.load(images), []
        decoders = max(0, machine.cores() - 1) if isinstance(images, Folder) and self.device.type == "cuda" else 0
        trainees = [Trainee(run, len(data.classes), self.device) for run in runs]

        def after_epoch(trainee: Trainee) -> None:
            self._wait()
            ends.append(time.perf_counter())

        lockstep.train(trainees, Loader(data, self.device, decoders), after_epoch)
        failed = [str(each.failure) for each in trainees if each.failure]
        assert not failed, failed
        return trainees, ends[-1] - ends[len(runs) - 1]

    def training(self) -> dict[str, Any]:
        """Images a second for each number of networks, beside the plain loop; share of the bfloat16 rate; memory."""
        found: dict[str, Any] = {}
        for name, images in self.sets.items():
            data = datasets.load(images)
            plain = plain_training.train(data, self.device, 2, self.sizes.batch, 0.05, (), self.sizes.network)
            alone = images.sizes[0] / plain.epochs[1]
            rows = [self._row(images, count, alone) for count in self.sizes.networks]
            found[name] = {"plain_images_per_second": alone, "networks": rows}
        return found

    def _row(self, images: Gaussian | Folder, count: int, plain: float) -> dict[str, Any]:
        cuda = self.device.type == "cuda"
        if cuda:
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(self.device)
        _, seconds = self.train(images, [self.run(number) for number in range(count)])
        train, test = images.sizes
        rate = train * count / seconds
        flops = calibration.forward_flops(costs.case(self.run(0), images)) * (costs.TRAINING_FORWARDS + test / train)
        return {
            "networks": count,
            "images_per_second": rate,
            "times_plain": rate / plain,
            "share_of_bfloat16": rate * flops / self.bfloat16,
            "peak_bytes": torch.cuda.max_memory_allocated(self.device) if cuda else None,
        }

    def graphs(self) -> dict[str, Any]:
        """The effect of recording steps in a CUDA graph, for small images."""
        images, found = self.sets["noise, small"], {}
        for count in self.sizes.networks:
            runs = [self.run(number) for number in range(count)]
            _, recorded = self.train(images, runs)
            with patched(lockstep, "WARM_UP", sys.maxsize):
                _, plainly = self.train(images, runs)
            found[str(count)] = {"seconds": recorded, "seconds_without": plainly, "times": plainly / recorded}
        return found

    def options(self) -> dict[str, Any]:
        """Images a second of one network's step, and with each option of the engine changed in turn."""
        usual = {"channels_last": True, "fused": True, "compiled": False, "bfloat16": True, "deterministic": True}
        changes: dict[str, dict[str, bool]] = {"as it is": {}, **{key: {key: not usual[key]} for key in usual}}
        if not self.sizes.compiled:
            del changes["compiled"]
        sides = {"small": self.sizes.small, "large": self.sizes.large}
        return {
            size: {name: self._step_rate(side, **{**usual, **change}) for name, change in changes.items()}
            for size, side in sides.items()
        }

    def _step_rate(
        self, side: int, channels_last: bool, fused: bool, compiled: bool, bfloat16: bool, deterministic: bool
    ) -> float:
        torch.use_deterministic_algorithms(deterministic)
        torch.backends.cudnn.benchmark = not deterministic
        layout = torch.channels_last if channels_last else torch.contiguous_format
        model, arguments = self.sizes.network
        network = by_name.create(model, 100, arguments).to(self.device, memory_format=layout)
        optimizer = torch.optim.SGD(network.parameters(), 0.01, momentum=0.9, fused=fused)
        forward = torch.compile(network) if compiled else network
        images = torch.randn(self.sizes.batch, 3, side, side, device=self.device).contiguous(memory_format=layout)
        labels = torch.arange(self.sizes.batch, device=self.device) % 100

        def step() -> None:
            with torch.autocast(self.device.type, torch.bfloat16, enabled=bfloat16):
                loss = F.cross_entropy(forward(images), labels)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

        return self.sizes.batch / self._seconds(step)

    def determinism(self) -> dict[str, Any]:
        """Whether two trainings end in the same bits, as they must unless non-determinism is what is studied."""
        images = self.sets["noise, small"]
        found = {}
        for name, number in (("deterministic", 0), ("non-deterministic", 1)):
            one, other = (self.train(images, [self.run(0, nondeterminism=number)])[0][0] for _ in range(2))
            pairs = zip(one.network.state_dict().values(), other.network.state_dict().values(), strict=True)
            same_answers = np.array_equal(one.result.predictions, other.result.predictions)
            found[name] = {"weights": all(torch.equal(*pair) for pair in pairs), "answers": same_answers}
        return found

    def pixels(self) -> dict[str, bool]:
        """Whether noise made here has the bits of noise made on a CPU."""
        found = {}
        for name in ("noise, small", "noise, large"):
            data = datasets.load(self.sets[name])
            indices = np.arange(min(len(data.test), 64))
            here, there = (
                Loader(data, device).sources["test"].images(indices).cpu()
                for device in (self.device, torch.device("cpu"))
            )
            found[name] = torch.equal(here, there)
        return found

    def pretrained(self) -> dict[str, Any]:
        """Inference in float32, with TF32 and in bfloat16: images a second, and decisions that differ from float32."""
        found = {}
        pixels = np.random.default_rng(0).integers(0, 256, (self.sizes.shown, self.sizes.large, self.sizes.large, 3))
        for name in self.sizes.models:
            torch.manual_seed(0)
            network = timm.create_model(name).eval().requires_grad_(False)
            found[name] = {"weights": "random", **self._precisions(network, pixels.astype(np.uint8))}
        return found

    def _precisions(self, network: torch.nn.Module, pixels: np.ndarray) -> dict[str, dict[str, float]]:
        prepared = preparation(self.sizes.large, (0.5,) * 3, (0.25,) * 3)
        chooser, labels = Chooser(np.arange(1_000), np.ones(1_000, bool)), np.zeros(len(pixels), int)
        runner = inference._Runner(network, prepared, chooser, [str(self.device)])
        found, exact = {}, None
        for name, rounded, dtype in (
            ("float32", False, torch.float32),
            ("TF32", True, torch.float32),
            ("bfloat16", True, torch.bfloat16),
        ):
            with tf32(rounded):
                answers, seconds = runner.timed(pixels, labels, dtype)
            exact = answers if exact is None else exact
            found[name] = {"images_per_second": len(pixels) / seconds, "differ": float((answers != exact).mean())}
        return found

    def targets(self) -> list[dict[str, Any]]:
        """What was asked for, beside what was found; the last by the rate, not by training them all."""
        most, measured = max(self.sizes.networks), self.found
        small, large = (measured["training"][name]["networks"][-1] for name in ("noise, small", "noise, large"))
        seconds = CIFAR_NETWORKS * CIFAR_EPOCHS * CIFAR_IMAGES / small["images_per_second"]
        return [
            target(f"times the plain loop, K = {most}, small images", small["times_plain"], TIMES_PLAIN),
            target(f"share of the bfloat16 rate, K = {most}, large images", large["share_of_bfloat16"], SHARE_224),
            target(f"CUDA graphs, times, K = {most}", measured["graphs"][str(most)]["times"], GRAPHS),
            target("seconds of 30 networks on CIFAR-100, reckoned", seconds, CIFAR_SECONDS, at_least=False),
        ]

    def measure(self, out: Path) -> bool:
        """Go through all parts; what fails is told and the others go on."""
        self.found: dict[str, Any] = {}
        parts = ("card", "training", "graphs", "options", "determinism", "pixels", "pretrained", "targets")
        for name in parts:
            started = time.perf_counter()
            torch.use_deterministic_algorithms(False)
            torch.backends.cudnn.benchmark = False
            try:
                self.found[name] = getattr(self, name)()
            except Exception as error:
                self.found[name] = {"error": f"{type(error).__name__}: {error}"}
                traceback.print_exc()
            print(
                f"== {name}, {time.perf_counter() - started:.0f} s\n{json.dumps(self.found[name], indent=1)}",
                flush=True,
            )
            write_text(out, json.dumps(self.found, indent=1) + "\n")
        return not any("error" in part for part in self.found.values())


def target(what: str, value: float, bound: float, at_least: bool = True) -> dict[str, Any]:
    """Describe a target."""
    return {"what": what, "value": value, "target": bound, "met": value >= bound if at_least else value <= bound}


@contextmanager
def tf32(allowed: bool) -> Iterator[None]:
    """Let convolutions and matrix products round to TF32, or not."""
    with (
        patched(torch.backends.cudnn, "allow_tf32", allowed),
        patched(torch.backends.cuda.matmul, "allow_tf32", allowed),
    ):
        yield


@contextmanager
def patched(owner: Any, name: str, value: Any) -> Iterator[None]:
    """Set an attribute for the block."""
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


def main(arguments: list[str] | None = None) -> int:
    """Measure, unless there is no card."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--tiny", action="store_true", help="tiny sizes, to try the script")
    parser.add_argument("--out", type=Path, default=paths.build() / "gpu.json")
    options = parser.parse_args(arguments)
    if options.device.startswith("cuda") and not torch.cuda.is_available():
        print("no card: torch finds no CUDA device here, so nothing was measured", file=sys.stderr)
        return 2
    launch.prepare_worker(options.device)
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        whole = Bench(torch.device(options.device), TINY if options.tiny else Sizes(), Path(folder)).measure(
            options.out
        )
    print(options.out)
    return 0 if whole else 1


if __name__ == "__main__":
    sys.exit(main())
