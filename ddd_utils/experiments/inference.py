"""What a network answers to photographs that are decoded already."""

import copy
import queue
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from ddd_utils.data.class_spaces import NEVER
from ddd_utils.data.views import Preparation
from ddd_utils.errors import InputError

# Pixels of a batch: large ones fall out of a core's cache (EfficientNet-Lite0 answers 53 images a second on one core in
# batches of 4, 34 in batches of 16, 26 in batches of 64), small ones leave a GPU idle.
CPU_PIXELS, GPU_PIXELS = 4 * 224**2, 256 * 224**2
# A GPU computes in bfloat16 if on so many images no larger share of the decisions differs from float32.
CHECKED, TOLERATED = 4_096, 0.001


@dataclass(frozen=True)
class Answers:
    """What a network answers, int16 (images,): among the classes that the images have, and among all it knows."""

    present: np.ndarray
    all: np.ndarray
    seconds: float  # for all images, without decoding
    precision: str  # float32 or bfloat16
    batch: int  # images at a time


class Chooser:
    """Turns outputs into answers: the answer of each output (or `NEVER`), and whether the images have an answer."""

    def __init__(self, answer_of: np.ndarray, present: np.ndarray):
        known = answer_of != NEVER
        self._answer_of = answer_of
        self._forbidden = {"all": torch.from_numpy(~known), "present": torch.from_numpy(~(known & present[answer_of]))}

    def choose(self, outputs: torch.Tensor) -> dict[str, np.ndarray]:
        """Choose the answer with the largest output, among those "present" and among "all", int16 (images,)."""
        outputs = outputs.float()
        if not torch.isfinite(outputs).all():
            raise InputError("puts out numbers that are not finite")
        return {
            among: self._answer_of[outputs.masked_fill(mask.to(outputs.device), -torch.inf).argmax(1).cpu().numpy()]
            for among, mask in self._forbidden.items()
        }


def answer(
    network: nn.Module,
    pixels: np.ndarray,
    preparation: Preparation,
    chooser: Chooser,
    devices: Sequence[str],
    progress: Callable[[int], None] = lambda images: None,
) -> Answers:
    """Let a network in evaluation mode answer photographs, uint8 (images, size, size, 3)."""
    # On a CPU every core takes batches of its own, which is faster than all cores sharing one; on GPUs each has a copy
    # of the network. A batch that does not fit into memory is halved, and so are those after it.
    runner = _Runner(network, preparation, chooser, devices)
    precision = runner.settle_precision(pixels)
    started = time.monotonic()
    answers = runner.run(pixels, precision, progress)
    return Answers(**answers, seconds=time.monotonic() - started, precision=str(precision)[6:], batch=runner.batch)


class _Runner:
    """One network on some devices, with the batch size that was found to fit."""

    def __init__(self, network: nn.Module, preparation: Preparation, chooser: Chooser, devices: Sequence[str]):
        self._devices = [torch.device(device) for device in devices]
        self._gpu = self._devices[0].type != "cpu"
        network = network.to(memory_format=torch.channels_last)
        self._copies = {
            device: copy.deepcopy(network).to(device) if self._gpu else network for device in set(self._devices)
        }
        self._chooser = chooser
        # As torchvision's ToTensor and Normalize compute it, so that the very same numbers come out.
        self._mean, self._sd = (torch.tensor(each).view(3, 1, 1) for each in (preparation.mean, preparation.sd))
        self.batch = max(1, (GPU_PIXELS if self._gpu else CPU_PIXELS) // preparation.view.size**2)

    def settle_precision(self, pixels: np.ndarray) -> torch.dtype:
        """Find out whether bfloat16 is good enough; on a CPU it would not be faster."""
        if not self._gpu:
            return torch.float32
        # Spread over all images, which come class after class.
        some = pixels[np.unique(np.linspace(0, len(pixels) - 1, CHECKED).astype(int))]
        exact = self.run(some, torch.float32)["all"]
        try:
            fast = self.run(some, torch.bfloat16)["all"]
        except (InputError, RuntimeError):
            return torch.float32
        return torch.bfloat16 if (exact != fast).mean() <= TOLERATED else torch.float32

    def run(
        self, pixels: np.ndarray, precision: torch.dtype, progress: Callable[[int], None] = lambda images: None
    ) -> dict[str, np.ndarray]:
        """Answer all images, in whatever order the devices come to them."""
        answers = {among: np.empty(len(pixels), np.int16) for among in ("present", "all")}
        idle: queue.SimpleQueue[torch.device] = queue.SimpleQueue()
        for device in self._devices:
            idle.put(device)
        step, threads = self.batch, torch.get_num_threads()

        def work(start: int) -> None:
            device, chunk = idle.get(), slice(start, min(start + step, len(pixels)))
            try:
                for among, chosen in self._chunk(pixels[chunk], device, precision).items():
                    answers[among][chunk] = chosen
            finally:
                idle.put(device)
            progress(chunk.stop - start)

        try:
            with ThreadPoolExecutor(len(self._devices), initializer=torch.set_num_threads, initargs=(1,)) as pool:
                list(pool.map(work, range(0, len(pixels), step)))
        finally:
            torch.set_num_threads(threads)
        return answers

    def _chunk(self, pixels: np.ndarray, device: torch.device, precision: torch.dtype) -> dict[str, np.ndarray]:
        """Answer some images, in smaller batches where memory asks for it."""
        found: list[dict[str, np.ndarray]] = []
        start = 0
        while start < len(pixels):
            size = self.batch
            try:
                found.append(self._chooser.choose(self._outputs(pixels[start : start + size], device, precision)))
            except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
                self._halve(size, error)
                continue
            start += size
        return {among: np.concatenate([each[among] for each in found]) for among in found[0]}

    def _halve(self, size: int, error: Exception) -> None:
        told = "alloc" in str(error) and "memory" in str(error)
        if not (told or isinstance(error, torch.OutOfMemoryError | MemoryError)):
            raise error
        if size == 1:
            raise InputError("a single image does not fit into memory") from None
        self.batch = min(self.batch, size // 2)
        if self._gpu:
            torch.cuda.empty_cache()

    def _outputs(self, pixels: np.ndarray, device: torch.device, precision: torch.dtype) -> torch.Tensor:
        images = torch.from_numpy(np.ascontiguousarray(pixels)).to(device).permute(0, 3, 1, 2)
        images = images.float().div_(255).sub_(self._mean.to(device)).div_(self._sd.to(device))
        reduced = torch.autocast(device.type, precision, enabled=precision != torch.float32)
        with torch.inference_mode(), reduced:
            return self._copies[device](images)
