"""A network in training: its batches, its steps, what it has answered so far, and its checkpoint."""

import io
import json
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from ddd_utils.experiments.plans import EVALUATION, Run
from ddd_utils.files import TornFile, atomic
from ddd_utils.models import by_name

DECAY = 0.1


def _shuffled(count: int, seed: int) -> np.ndarray:
    return np.random.Generator(np.random.Philox(key=seed)).permutation(count)


def pool(run: Run, images: int) -> np.ndarray:
    """List the training images of a run, ascending: all, or one of two random disjoint halves."""
    if run.half is None:
        return np.arange(images)
    return np.sort(np.array_split(_shuffled(images, run.split_seed), 2)[run.half])


def batches(run: Run, epoch: int, labels: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the training images of each batch of an epoch, counted from 0; the last batch may be smaller."""
    members = pool(run, len(labels))
    order = members[_shuffled(len(members), run.order_seed + epoch)]
    if run.stratified:
        order = _interleaved(order, labels)
    for start in range(0, len(order), run.batch_size):
        yield order[start : start + run.batch_size]


def parts(run: Run, count: int, exchanged: bool = True) -> list[slice | np.ndarray]:
    """Return the positions in a batch of each of its successive updates."""
    # With ``exchanged``, the images of a non-deterministic run change places, for other rounding; a GPU needs no help.
    # Parts of a single image are left out: BatchNorm has no variance there.
    cut = [part for part in np.array_split(np.arange(count), run.splits) if len(part) > 1]
    if run.nondeterminism == 0 or not exchanged:
        return [slice(part[0], part[-1] + 1) for part in cut]
    return [part[0] + _shuffled(len(part), run.nondeterminism) for part in cut]


def recalibration_images(run: Run, labels: np.ndarray) -> np.ndarray:
    """Choose training images for BatchNorm's statistics: of every class its share, in random order."""
    # A random choice of 2,560 noise images has a mean standard deviation that is off by half a gray level, enough to
    # mistake the least noisy classes for their neighbours.
    members = pool(run, len(labels))
    by_class = members[np.argsort(labels[members], kind="stable")]
    even = np.linspace(0, len(members) - 1, min(run.recalibration, len(members))).astype(int)
    return by_class[even][_shuffled(len(even), run.split_seed)]


def _interleaved(order: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Keep the random order within each class, and take the classes in turn: first one image of each, and so on."""
    by_class = np.argsort(labels[order], kind="stable")
    _, counts = np.unique(labels[order], return_counts=True)
    turn = np.empty(len(order), int)
    turn[by_class] = np.concatenate([np.arange(count) for count in counts])
    return order[np.argsort(turn, kind="stable")]


@dataclass
class Trained:
    """What a run leaves behind."""

    predictions: list[np.ndarray] = field(default_factory=list)  # int16 (test images,), one an epoch, epoch 0 first
    running: list[np.ndarray] = field(default_factory=list)  # the same with BatchNorm's running statistics, if asked
    logits: dict[int, np.ndarray] = field(default_factory=dict)  # by epoch, float32 (chosen images, classes)
    parameters: int = 0
    seconds: float = 0.0  # wall time of its own steps and evaluations, and its share of what it has in common
    diverged: str | None = None  # why training ended early or led nowhere


class Trainee:
    """A network in training."""

    def __init__(self, run: Run, classes: int, device: torch.device):
        self.run, self.device = run, device
        self.epoch = 0  # finished ones
        self.failure: Exception | None = None  # what made further training impossible
        torch.manual_seed(run.init_seed)
        network = by_name.create(run.model, classes, run.arguments).to(device)
        self.network = network.to(memory_format=torch.channels_last)
        self.optimizer = _optimizer(run, self.network)
        self.result = Trained(parameters=sum(weights.numel() for weights in self.network.parameters()))
        self.loss = torch.zeros((), device=device)  # sum over the updates of the epoch

    @property
    def done(self) -> bool:
        """Whether nothing is left to train."""
        return self.failure is not None or self.result.diverged is not None or self.epoch >= self.run.epochs

    def attempt(self, work: Callable[..., Any], *arguments: Any) -> Any:
        """Do something that may fail: the failure is this network's own, and the time it takes too."""
        if self.failure is not None:
            return None
        started = time.perf_counter()
        try:
            return work(*arguments)
        except Exception as failure:
            self.failure = failure
            return None
        finally:
            self.result.seconds += time.perf_counter() - started

    def begin_epoch(self) -> None:
        """Set the epoch's learning rate."""
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.run, self.epoch)
        self.network.train()
        self.loss.zero_()

    def step(self, images: torch.Tensor, labels: torch.Tensor, batch: int) -> None:
        """Learn from a batch, images (batch, 3, height, width); dropout and the like are keyed to its number."""
        torch.manual_seed(_seed(self.run, self.epoch, batch))
        self.learn(images, labels)

    def learn(self, images: torch.Tensor, labels: torch.Tensor) -> None:
        """Do what :meth:`step` does, with whatever random numbers come."""
        self.prepare()
        for part in parts(self.run, len(labels), exchanged=self.device.type == "cpu"):
            chosen = images[part].contiguous(memory_format=torch.channels_last)
            with precision(self.device):
                loss = F.cross_entropy(self.network(chosen), labels[part])
            loss.backward()
            self.optimizer.step()
            # Gradients are given back at once: in lockstep only one network's are in memory.
            self.optimizer.zero_grad(set_to_none=True)
            self.loss += loss.detach()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the logits of images, float32 (images, classes)."""
        # Also where training computes in bfloat16: its logits would often tie, and the lowest class would win.
        self.prepare()
        return self.network(images).float()

    def end_epoch(self) -> None:
        """Count the epoch; a loss that is not finite ends the training."""
        self.epoch += 1
        if not torch.isfinite(self.loss):
            self.result.diverged = f"the loss is not finite in epoch {self.epoch}"

    def prepare(self) -> None:
        """Allow kernels whose sums come in any order only to the run that is meant to differ by them."""
        deterministic = self.run.nondeterminism == 0
        torch.backends.cudnn.benchmark = not deterministic
        torch.use_deterministic_algorithms(deterministic or self.device.type == "cpu")
        # Filling memory that is written anyway costs a tenth of the time on small networks.
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]

    def release(self) -> None:
        """Give the network's memory back; the result stays."""
        del self.network, self.optimizer

    def state(self) -> dict[str, Any]:
        """Return all that a later process needs to go on, as tensors and plain values."""
        result = self.result
        return {
            "run": _identity(self.run),
            "evaluation": EVALUATION,
            "epoch": self.epoch,
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "predictions": _stacked(result.predictions),
            "running": _stacked(result.running),
            "logits": {str(epoch): torch.from_numpy(logits) for epoch, logits in result.logits.items()},
            "seconds": result.seconds,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from :meth:`state`, on this device; the state of another run raises ValueError."""
        if state["run"] != _identity(self.run):
            raise ValueError(f"{self.run.file}: the state of another run")
        if self.device.type == "cuda" and state.get("evaluation") != EVALUATION:
            raise ValueError(f"{self.run.file}: evaluated in bfloat16, as earlier versions did")
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.epoch = state["epoch"]
        self.result.predictions = list(state["predictions"].numpy())
        self.result.running = list(state["running"].numpy())
        self.result.logits = {int(epoch): logits.numpy() for epoch, logits in state["logits"].items()}
        self.result.seconds = state["seconds"]


def _identity(run: Run) -> str:
    return json.dumps(asdict(run), sort_keys=True)


def learning_rate(run: Run, epoch: int) -> float:
    """Return the learning rate of an epoch, counted from 0: divided by ten after each of the run's ``decay_epochs``."""
    return run.learning_rate * DECAY ** sum(epoch >= decay for decay in run.decay_epochs)


def precision(device: torch.device) -> torch.autocast:
    """Use bfloat16 on GPUs, float32 on CPUs (where it does not pay)."""
    # Casts of weights that are kept from one forward pass for the next cannot be recorded in a CUDA graph.
    return torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda", cache_enabled=False)


def _seed(run: Run, epoch: int, batch: int) -> int:
    return int(np.random.SeedSequence((run.init_seed, run.order_seed, epoch, batch)).generate_state(1, np.uint64)[0])


def _stacked(arrays: list[np.ndarray]) -> torch.Tensor:
    return torch.from_numpy(np.stack(arrays) if arrays else np.empty((0, 0), np.int16))


def _optimizer(run: Run, network: nn.Module) -> torch.optim.Optimizer:
    common: dict[str, Any] = {"lr": run.learning_rate, "weight_decay": run.weight_decay, "fused": True}
    if run.optimizer == "adamw":
        return torch.optim.AdamW(network.parameters(), **common)
    return torch.optim.SGD(network.parameters(), **common, momentum=run.momentum, nesterov=run.nesterov)


def write_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write the state of a network in place of the one before; if that fails, the one before stays."""
    with atomic(path) as partial, partial.open("wb") as file:
        torch.save(state, file)


def read_checkpoint(path: Path) -> dict[str, Any] | None:
    """Read a state, tensors and plain values but never code; None if there is none, TornFile if it is damaged."""
    if not path.exists():
        return None
    content = io.BytesIO(path.read_bytes())
    try:
        # torch does not look at the archive's checksums: a flipped bit would be another weight.
        if zipfile.ZipFile(content).testzip() is not None:
            raise TornFile(path, "damaged")
        content.seek(0)
        return torch.load(content, map_location="cpu", weights_only=True)
    except Exception as error:  # damage shows itself in many ways, from a missing end to an unknown instruction
        raise TornFile(path, "not a whole checkpoint") from error
