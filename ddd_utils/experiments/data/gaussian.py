"""The Gaussian noise set: class i has independent pixels of mean 128 and standard deviation i, rounded to uint8."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from ddd_utils.experiments.data.philox import philox

MEAN = 128
LEVELS = 2**16
# The split is part of the counter, so that no test image can repeat a training image.
SPLITS = {"train": 0, "test": 1}
STREAM = 0x6E6F6973


@functools.cache
def pixel_table(sigma: float) -> np.ndarray:
    """Tabulate the quantiles of one class in steps of 2**-16, so that pixels come from integers alone."""
    edges = np.rint(LEVELS * ndtr((np.arange(255) + 0.5 - MEAN) / sigma)).astype(np.int64)
    return np.searchsorted(edges, np.arange(LEVELS), side="right").astype(np.uint8)


def noise_images(sigma: float, indices, split: str, size: int, seed: int) -> np.ndarray:
    """Make images of one class."""
    pixels = 3 * size * size
    block = np.arange(-(-pixels // 8), dtype=np.int64)
    image = np.asarray(indices, np.int64)[:, None]
    words = np.stack(philox((block, image, np.int64(SPLITS[split]), np.int64(0)), (seed, STREAM)), axis=-1)
    halves = np.stack([words & 0xFFFF, words >> 16], axis=-1).reshape(len(image), -1)[:, :pixels]
    return pixel_table(sigma)[halves].reshape(-1, 3, size, size)


@dataclass(frozen=True)
class Noise:
    """A split of the noise set, class after class, made when it is asked for."""

    classes: int  # Number of classes (standard deviations 1 to ``classes``) and of images in each
    per_class: int  # Number of classes (standard deviations 1 to ``classes``) and of images in each
    split: str  # {"train", "test"}: Which of the two disjoint sets
    size: int  # Height and width in pixels
    seed: int  # Seed of the whole set

    @property
    def labels(self) -> np.ndarray:
        """Label of each image (int16): 0 for standard deviation 1, and so on."""
        return np.repeat(np.arange(self.classes, dtype=np.int16), self.per_class)

    def images(self, indices) -> np.ndarray:
        """Make the images (uint8, shape (images, 3, size, size)) with these numbers in the split."""
        made = [
            noise_images(index // self.per_class + 1, [index], self.split, self.size, self.seed) for index in indices
        ]
        return np.concatenate(made)


@dataclass(frozen=True)
class NoiseIds(Sequence):
    """Names of a split's images, made when asked for: the published set has 2,000,000."""

    noise: Noise

    def __len__(self) -> int:
        return self.noise.classes * self.noise.per_class

    def __getitem__(self, index: int) -> str:
        label, within = divmod(range(len(self))[index], self.noise.per_class)
        return f"sigma{label + 1}-{within}"
