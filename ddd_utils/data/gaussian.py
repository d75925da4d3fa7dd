"""The Gaussian noise set: class i has independent pixels of mean 128 and standard deviation i, rounded to uint8."""

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr

MEAN = 128
LEVELS = 2**16
# The split is part of the counter, so that no test image can repeat a training image.
SPLITS = {"train": 0, "test": 1}
STREAM = 0x6E6F6973
# Random numbers by counting (Philox 4x32-10): the same bits on every device and in any number of processes.
# Multipliers and key increments of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3" (2011).
MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
WEYL = (0x9E3779B9, 0xBB67AE85)
WORD = 0xFFFFFFFF


def philox(counter: Sequence[Any], key: tuple[int, int]) -> tuple[Any, Any, Any, Any]:
    """Encrypt four broadcastable int64 arrays, the words of the counters, into four of random 32-bit words."""
    # Only * >> & ^ are used, on 64-bit integers whose products wrap: NumPy and torch arrays give the same bits.
    a, b, c, d = counter
    for step in range(10):
        left, right = a * MULTIPLIERS[0], c * MULTIPLIERS[1]
        k0, k1 = ((word + step * weyl) & WORD for word, weyl in zip(key, WEYL, strict=True))
        # Only the factors must be clean: the upper halves of b and d fall to the mask of the round after.
        a, b, c, d = _mixed(right, b, k0), right, _mixed(left, d, k1), left
    return a, b & WORD, c, d & WORD


def _mixed(product: Any, other: Any, key: int) -> Any:
    """``(product >> 32) ^ other ^ key``, kept to 32 bits, with as few passes and arrays as possible."""
    mixed = (product >> 32) ^ other
    mixed ^= key
    mixed &= WORD
    return mixed


def uniforms(indices: ArrayLike, count: int, seed: int, epoch: int, stream: int) -> np.ndarray:
    """Draw numbers in [0, 1), (images, count), keyed by seed, epoch, image and the use of the seed (``stream``)."""
    image = np.asarray(indices, np.int64)[:, None]
    block = np.arange(-(-count // 4), dtype=np.int64)
    words = philox((block, image, np.int64(epoch), np.int64(stream)), (seed & WORD, seed >> 32 & WORD))
    return np.stack(words, axis=-1).reshape(len(image), -1)[:, :count] / 2.0**32


@functools.cache
def pixel_table(sigma: float) -> np.ndarray:
    """Tabulate one class's gray levels, uint8 (65536,), by 16-bit random number: pixels come from integers alone."""
    edges = np.rint(LEVELS * ndtr((np.arange(255) + 0.5 - MEAN) / sigma)).astype(np.int64)
    return np.searchsorted(edges, np.arange(LEVELS), side="right").astype(np.uint8)


def noise_images(sigma: float, indices: ArrayLike, split: str, size: int, seed: int) -> np.ndarray:
    """Make images of one class, uint8 (images, 3, size, size); an image depends on its index in the split alone."""
    pixels = 3 * size * size
    block = np.arange(-(-pixels // 8), dtype=np.int64)
    image = np.asarray(indices, np.int64)[:, None]
    words = np.stack(philox((block, image, np.int64(SPLITS[split]), np.int64(0)), (seed, STREAM)), axis=-1)
    halves = np.stack([words & 0xFFFF, words >> 16], axis=-1).reshape(len(image), -1)[:, :pixels]
    return pixel_table(sigma)[halves].reshape(-1, 3, size, size)


@dataclass(frozen=True)
class Noise:
    """A split of the noise set, class after class, made when it is asked for."""

    classes: int  # standard deviations 1 to `classes`
    per_class: int
    split: str  # one of `SPLITS`
    size: int  # height and width in pixels
    seed: int

    @property
    def labels(self) -> np.ndarray:
        """Label of each image (int16): 0 for standard deviation 1, and so on."""
        return np.repeat(np.arange(self.classes, dtype=np.int16), self.per_class)

    def images(self, indices: Iterable[int]) -> np.ndarray:
        """Make the images (uint8, shape (images, 3, size, size)) with these numbers in the split."""
        kind = self.split, self.size, self.seed
        return np.concatenate([noise_images(index // self.per_class + 1, [index], *kind) for index in indices])


@dataclass(frozen=True)
class NoiseIds(Sequence[str]):
    """Names of a split's images, made when asked for: the published set has 2,000,000."""

    noise: Noise

    def __len__(self) -> int:
        return self.noise.classes * self.noise.per_class

    def __getitem__(self, index: Any) -> Any:
        label, within = divmod(range(len(self))[index], self.noise.per_class)
        return f"sigma{label + 1}-{within}"
