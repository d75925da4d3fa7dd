"""Batches for a network: pixels that live on the device as uint8, are made there, or are decoded from files."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from ddd_utils.data import views
from ddd_utils.data.datasets import Data, Images
from ddd_utils.data.gaussian import LEVELS, SPLITS, STREAM, Noise, philox, pixel_table, uniforms
from ddd_utils.data.photographs import Photographs
from ddd_utils.errors import InputError

# Without worker processes a batch is decoded by several threads: decoders work outside Python's lock.
THREADS = 8
# Keeps the random numbers of augmentation apart from other uses of a seed.
AUGMENTATION = 0x61756721
# Counters encrypted at a time: on a CPU the 64-bit intermediates stay in its cache, on a GPU they keep it busy.
CHUNK = {"cpu": 2**15, "cuda": 2**22}
PIXELS_A_COUNTER = 8


@dataclass(frozen=True)
class Job:
    """One batch: which images, and the key of their random crops (none for central crops)."""

    indices: np.ndarray
    key: tuple[int, int] | None


class Crops(Dataset):
    """Crops of a split's photographs as batches of uint8, shape (images, 3, size, size), in memory channels last."""

    def __init__(self, images: Photographs, size: int, threads: int):
        self.images, self.size, self.threads = images, size, threads

    def __getitem__(self, job: Job) -> torch.Tensor:
        if self.threads == 1:
            crops = list(map(self._crop, job.indices, self._random(job)))
        else:
            with ThreadPoolExecutor(self.threads) as pool:
                crops = list(pool.map(self._crop, job.indices, self._random(job)))
        return torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2)

    def _random(self, job: Job) -> np.ndarray | list[None]:
        if job.key is None:
            return [None] * len(job.indices)
        return draw(job.indices, 4 * views.TRIES, *job.key)

    def _crop(self, index: int, random: np.ndarray | None) -> np.ndarray:
        image = self.images.image(index)
        if random is None:
            return views.central_crop(image, self.size)
        return views.random_crop(image, random, self.size)


class _Messenger(Crops):
    """Hands errors over: raised in a worker they would arrive as a page of traceback."""

    def __getitem__(self, job: Job) -> Any:
        try:
            return super().__getitem__(job)
        except InputError as error:
            return error


class _Jobs:
    """What a loader is to make next; workers outlive an epoch, so the loader's sampler must be told anew."""

    def __init__(self) -> None:
        self.waiting: Iterable[Job] = ()

    def __iter__(self) -> Iterator[Job]:
        return iter(self.waiting)


class Decoder:
    """Decodes batches of a split; how many processes take part changes no bit."""

    def __init__(self, images: Photographs, size: int, workers: int, pinned: bool):
        self._here, self._jobs = Crops(images, size, THREADS), _Jobs()
        self._loader: DataLoader | None = None
        self._crops, self._workers, self._pinned = _Messenger(images, size, 1), workers, pinned

    def batch(self, job: Job) -> torch.Tensor:
        """Decode one batch now."""
        return self._here[job]

    def batches(self, jobs: Iterable[Job]) -> Iterator[torch.Tensor]:
        """Decode batches in order. Only the last call's can be asked for."""
        if not self._workers:
            yield from map(self._here.__getitem__, jobs)
            return
        if self._loader is None:
            self._loader = self._start()
        self._jobs.waiting = jobs
        for made in self._loader:
            if isinstance(made, InputError):
                raise made
            yield made

    def _start(self) -> DataLoader:
        # Fresh processes: a copy of this one could inherit locks held by its other threads.
        return DataLoader(
            self._crops,
            batch_size=None,
            sampler=self._jobs,
            num_workers=self._workers,
            persistent_workers=True,
            multiprocessing_context="spawn",
            pin_memory=self._pinned,
        )


class NoiseMaker:
    """Makes the images of one split on a device: the same bits as :func:`gaussian.noise_images`."""

    def __init__(self, noise: Noise, device: torch.device):
        self.noise, self.device = noise, device
        tables = np.stack([pixel_table(sigma) for sigma in range(1, noise.classes + 1)])
        self.tables = torch.from_numpy(tables.ravel()).to(device)
        self.counters = -(-3 * noise.size**2 // PIXELS_A_COUNTER)

    def images(self, indices: np.ndarray) -> torch.Tensor:
        """Make the images with these numbers in the split, uint8 (images, 3, size, size)."""
        image = torch.from_numpy(np.asarray(indices, np.int64)).to(self.device)
        made = torch.empty((len(image), self.counters * PIXELS_A_COUNTER), dtype=torch.uint8, device=self.device)
        step = max(1, CHUNK["cpu" if self.device.type == "cpu" else "cuda"] // self.counters)
        for part, rows in zip(image.split(step), made.split(step), strict=True):
            torch.index_select(self.tables, 0, self._table_entries(part[:, None]).view(-1), out=rows.view(-1))
        size = self.noise.size
        return made[:, : 3 * size**2].reshape(-1, 3, size, size)

    def _table_entries(self, image: torch.Tensor) -> torch.Tensor:
        """Find each pixel's entry in the tables: a class's table begins at a multiple of 2**16."""
        block = torch.arange(self.counters, device=self.device)
        rest = (torch.tensor(number, device=self.device) for number in (SPLITS[self.noise.split], 0))
        words = philox((block, image, *rest), (self.noise.seed, STREAM))
        entries = torch.empty((len(image), self.counters, 4, 2), dtype=torch.int32, device=self.device)
        first = (image // self.noise.per_class * LEVELS).int()
        for column, word in enumerate(words):
            torch.bitwise_or((word & 0xFFFF).int(), first, out=entries[:, :, column, 0])
            torch.bitwise_or((word >> 16).int(), first, out=entries[:, :, column, 1])
        return entries


def flip_and_shift(images: torch.Tensor, random: np.ndarray, padding: int = 4) -> torch.Tensor:
    """Mirror half of the images and shift each by up to ``padding`` pixels (CIFAR); ``random`` is (images, 3)."""
    _, _, height, width = images.shape
    chance = torch.from_numpy(random).to(images.device)
    top, left = (chance[:, 1:] * (2 * padding + 1)).long().unbind(1)
    padded = torch.nn.functional.pad(images, [padding] * 4)
    rows = top[:, None] + torch.arange(height, device=images.device)
    columns = left[:, None] + torch.arange(width, device=images.device)
    columns = torch.where(chance[:, :1] < 0.5, columns.flip(1), columns)
    batch = torch.arange(len(images), device=images.device)[:, None, None]
    return padded[batch, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def resize_boxes(images: torch.Tensor, boxes: np.ndarray, size: int) -> torch.Tensor:
    """Cut a box (top, left, height, width) out of each image and resize it as Pillow's bilinear does; uint8."""
    # The filter is linear and separable: a whole batch is two matrix products.
    box = torch.from_numpy(np.asarray(boxes)).to(images.device, torch.float32)
    rows = _triangle_weights(box[:, 0], box[:, 2], images.shape[2], size)
    columns = _triangle_weights(box[:, 1], box[:, 3], images.shape[3], size)
    resized = rows[:, None] @ images.float() @ columns[:, None].transpose(2, 3)
    return resized.round().clamp(0, 255).to(torch.uint8)


def _triangle_weights(start: torch.Tensor, length: torch.Tensor, pixels: int, size: int) -> torch.Tensor:
    """Return the weight of every source pixel in every target pixel, (images, size, pixels); each row sums to 1."""
    scale = (length / size)[:, None, None]
    target = torch.arange(size, device=start.device)[None, :, None] + 0.5
    source = torch.arange(pixels, device=start.device)[None, None, :] + 0.5 - start[:, None, None]
    weights = (1 - (source - target * scale).abs() / scale.clamp(min=1)).clamp(min=0)
    weights = weights * ((source > 0) & (source < length[:, None, None]))
    return weights / weights.sum(2, keepdim=True)


def draw(indices: np.ndarray, count: int, seed: int, epoch: int) -> np.ndarray:
    """Draw ``count`` uniform numbers for each image of an epoch."""
    return uniforms(indices, count, seed, epoch, AUGMENTATION)


class Loader:
    """Hands out normalised float batches of a data set."""

    def __init__(self, data: Data, device: torch.device, workers: int = 0):
        self.data, self.device, self.workers = data, device, workers
        shape = (1, 3, 1, 1)
        self.mean = torch.tensor(data.mean, device=device).view(shape) * 255
        self.scale = 1 / (torch.tensor(data.sd, device=device).view(shape) * 255)
        self.sources = {split: self._source(getattr(data, split)) for split in ("train", "test")}
        self.labels = {
            split: torch.from_numpy(getattr(data, split).labels.astype(np.int64)).to(device)
            for split in ("train", "test")
        }

    def _source(self, images: Images) -> torch.Tensor | NoiseMaker | Decoder:
        if isinstance(images.pixels, np.ndarray):
            return torch.from_numpy(images.pixels).to(self.device)
        if isinstance(images.pixels, Noise):
            return NoiseMaker(images.pixels, self.device)
        return Decoder(images.pixels, self.data.image_size, self.workers, pinned=self.device.type == "cuda")

    def train(self, indices: np.ndarray, seed: int, epoch: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Make a training batch, augmented by random numbers keyed to (seed, epoch, image)."""
        source = self.sources["train"]
        if isinstance(source, Decoder):
            images = source.batch(Job(indices, (seed, epoch)))
        else:
            images = self._augmented(self._stored("train", indices), indices, seed, epoch)
        return self._normalise(images), self.labels["train"][self._on_device(indices)]

    def train_batches(self, batches: Iterable[np.ndarray], seed: int, epoch: int) -> Iterator[tuple]:
        """Yield the batches of an epoch, as :meth:`train` makes each; one epoch at a time."""
        source = self.sources["train"]
        if not isinstance(source, Decoder):
            for indices in batches:
                yield self.train(indices, seed, epoch)
            return
        jobs = [Job(indices, (seed, epoch)) for indices in batches]
        for job, images in zip(jobs, source.batches(jobs), strict=True):
            yield self._normalise(images), self.labels["train"][self._on_device(job.indices)]

    def test_batches(self, size: int) -> Iterator[torch.Tensor]:
        """Yield all test images in order, ``size`` at a time."""
        images, source = len(self.data.test), self.sources["test"]
        batches = [np.arange(start, min(start + size, images)) for start in range(0, images, size)]
        if isinstance(source, Decoder):
            yield from map(self._normalise, source.batches([Job(indices, None) for indices in batches]))
        else:
            yield from map(self.test, batches)

    def test(self, indices: np.ndarray) -> torch.Tensor:
        """Make a batch of test images; the same image always looks the same."""
        source = self.sources["test"]
        if isinstance(source, Decoder):
            return self._normalise(source.batch(Job(indices, None)))
        images = self._stored("test", indices)
        return self._normalise(self._cropped(images, indices, seed=0, epoch=0) if self.data.resize_test else images)

    def _stored(self, split: str, indices: np.ndarray) -> torch.Tensor:
        source: Any = self.sources[split]
        return source.images(indices) if isinstance(source, NoiseMaker) else source[self._on_device(indices)]

    def _augmented(self, images: torch.Tensor, indices: np.ndarray, seed: int, epoch: int) -> torch.Tensor:
        if self.data.augmentation == "random_resized":
            return self._cropped(images, indices, seed, epoch)
        if self.data.augmentation == "flip_and_shift":
            return flip_and_shift(images, draw(indices, 3, seed, epoch))
        return images

    def _cropped(self, images: torch.Tensor, indices: np.ndarray, seed: int, epoch: int) -> torch.Tensor:
        random = draw(indices, 4 * views.TRIES, seed, epoch)
        boxes = views.crop_boxes(random, *images.shape[2:])
        return resize_boxes(images, boxes, self.data.image_size)

    def _on_device(self, indices: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.asarray(indices, np.int64)).to(self.device)

    def _normalise(self, images: torch.Tensor) -> torch.Tensor:
        images = images.to(self.device, non_blocking=True).float()
        return ((images - self.mean) * self.scale).contiguous(memory_format=torch.channels_last)
