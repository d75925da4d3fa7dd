"""Batches for a network: pixels that live on the device as uint8, are made there, or are decoded from files."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, get_worker_info

from ddd_utils.data import views
from ddd_utils.data.datasets import Data, Images
from ddd_utils.data.gaussian import LEVELS, SPLITS, STREAM, Noise, philox, pixel_table, uniforms
from ddd_utils.data.photographs import Photographs
from ddd_utils.errors import InputError
from ddd_utils.machine import SHM_FULL

# Without worker processes a batch is decoded by several threads: decoders work outside Python's lock.
THREADS = 8
# Keeps the random numbers of augmentation apart from other uses of a seed.
AUGMENTATION = 0x61756721
# Counters encrypted at a time: on a CPU the 64-bit intermediates stay in its cache, on a GPU they keep it busy.
CHUNK = {"cpu": 2**15, "cuda": 2**22}
PIXELS_A_COUNTER = 8


# One batch: which images, and the key of their random crops (none for central crops).
Job = tuple[np.ndarray, tuple[int, int] | None]


class Crops(Dataset):
    """Crops of a split's photographs as batches of uint8, shape (images, 3, size, size), in memory channels last."""

    def __init__(self, images: Photographs, size: int, threads: int):
        self.images, self.size, self.threads = images, size, threads

    def __getitem__(self, job: Job) -> torch.Tensor | InputError:
        indices, key = job
        random = [None] * len(indices) if key is None else draw(indices, 4 * views.TRIES, *key)
        try:
            if self.threads == 1:
                crops = list(map(self._crop, indices, random))
            else:
                with ThreadPoolExecutor(self.threads) as pool:
                    crops = list(pool.map(self._crop, indices, random))
            batch = torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2)
            # A worker that fails to share a batch only later, in its queue, would be waited for without end.
            return batch if get_worker_info() is None else batch.share_memory_()
        except InputError as error:
            return error  # raised in a worker it would arrive as a page of traceback
        except RuntimeError as error:
            if "shared memory" not in str(error):
                raise
            return InputError(SHM_FULL)

    def _crop(self, index: int, random: np.ndarray | None) -> np.ndarray:
        image = self.images.image(index)
        if random is None:
            return views.central_crop(image, self.size)
        return views.random_crop(image, random, self.size)


class Decoder:
    """Decodes batches of a split; how many processes take part changes no bit."""

    def __init__(self, images: Photographs, size: int, workers: int, pinned: bool):
        # What is to be made next. Workers outlive an epoch, so the loader's sampler is changed, not exchanged.
        self._jobs: list[Job] = []
        self._loader = DataLoader(
            Crops(images, size, 1 if workers else THREADS),
            batch_size=None,
            sampler=self._jobs,
            num_workers=workers,
            persistent_workers=workers > 0,
            # Fresh processes: a copy of this one could inherit locks held by its other threads.
            multiprocessing_context="spawn" if workers else None,
            pin_memory=pinned,
        )

    def batches(self, jobs: Iterable[Job]) -> Iterator[torch.Tensor]:
        """Decode batches in order. Only the last call's can be asked for."""
        self._jobs[:] = jobs
        try:
            for made in self._loader:
                if isinstance(made, InputError):
                    raise made
                yield made
        except RuntimeError as error:  # a worker was killed by SIGBUS
            if "shared memory" in str(error):
                raise InputError(SHM_FULL) from None
            raise


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
        self.data, self.device = data, device
        shape = (1, 3, 1, 1)
        self.mean = torch.tensor(data.mean, device=device).view(shape) * 255
        self.scale = 1 / (torch.tensor(data.sd, device=device).view(shape) * 255)
        self.sources = {"train": self._source(data.train, workers), "test": self._source(data.test, workers)}
        self.labels = torch.from_numpy(data.train.labels.astype(np.int64)).to(device)

    def _source(self, images: Images, workers: int) -> torch.Tensor | NoiseMaker | Decoder:
        if isinstance(images.pixels, np.ndarray):
            return torch.from_numpy(images.pixels).to(self.device)
        if isinstance(images.pixels, Noise):
            return NoiseMaker(images.pixels, self.device)
        return Decoder(images.pixels, self.data.image_size, workers, pinned=self.device.type == "cuda")

    def train_batches(self, batches: Iterable[np.ndarray], seed: int, epoch: int) -> Iterator[tuple]:
        """Yield images and labels of batches, augmented by random numbers keyed to (seed, epoch, image)."""
        batches = list(batches)
        for indices, images in zip(batches, self._batches("train", batches, (seed, epoch)), strict=True):
            yield images, self.labels[self._on_device(indices)]

    def test_batches(self, size: int) -> Iterator[torch.Tensor]:
        """Yield all test images in order, ``size`` at a time; the same image always looks the same."""
        images = len(self.data.test)
        batches = [np.arange(start, min(start + size, images)) for start in range(0, images, size)]
        return self._batches("test", batches, (0, 0) if self.data.resize_test else None)

    def _batches(self, split: str, batches: list[np.ndarray], key: tuple[int, int] | None) -> Iterator[torch.Tensor]:
        """Make batches of images; without a key they are not augmented."""
        source = self.sources[split]
        if isinstance(source, Decoder):
            return map(self._normalise, source.batches((indices, key) for indices in batches))
        return (self._normalise(self._augmented(self._stored(source, each), each, key)) for each in batches)

    def _stored(self, source: torch.Tensor | NoiseMaker, indices: np.ndarray) -> torch.Tensor:
        return source.images(indices) if isinstance(source, NoiseMaker) else source[self._on_device(indices)]

    def _augmented(self, images: torch.Tensor, indices: np.ndarray, key: tuple[int, int] | None) -> torch.Tensor:
        if key is None or self.data.augmentation == "none":
            return images
        if self.data.augmentation == "flip_and_shift":
            return flip_and_shift(images, draw(indices, 3, *key))
        boxes = views.crop_boxes(draw(indices, 4 * views.TRIES, *key), *images.shape[2:])
        return resize_boxes(images, boxes, self.data.image_size)

    def _on_device(self, indices: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.asarray(indices, np.int64)).to(self.device)

    def _normalise(self, images: torch.Tensor) -> torch.Tensor:
        images = images.to(self.device, non_blocking=True).float()
        return ((images - self.mean) * self.scale).contiguous(memory_format=torch.channels_last)
