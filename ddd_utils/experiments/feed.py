"""Batches for a network: pixels that live on the device as uint8, or files decoded on the way."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import torch

from ddd_utils.experiments import augmentation, photographs
from ddd_utils.experiments.datasets import Data, Images

# Large folders are read by several threads: Pillow decodes outside Python's lock.
DECODERS = 8


class Feed:
    """
    Hands out normalised float batches of a data set.

    Parameters
    ----------
    data : Data
        The data set.
    device : torch.device
        Where batches are wanted.
    """

    def __init__(self, data: Data, device: torch.device):
        self.data, self.device = data, device
        shape = (1, 3, 1, 1)
        self.mean = torch.tensor(data.mean, device=device).view(shape) * 255
        self.scale = 1 / (torch.tensor(data.sd, device=device).view(shape) * 255)
        self.pixels = {split: self._resident(getattr(data, split)) for split in ("train", "test")}
        self.labels = {
            split: torch.from_numpy(getattr(data, split).labels.astype(np.int64)).to(device)
            for split in ("train", "test")
        }

    def _resident(self, images: Images) -> torch.Tensor | None:
        return torch.from_numpy(images.pixels).to(self.device) if isinstance(images.pixels, np.ndarray) else None

    def train(self, indices: np.ndarray, seed: int, epoch: int) -> tuple[torch.Tensor, torch.Tensor]:
        """
        Make a training batch, augmented by random numbers keyed to (seed, epoch, image).

        Parameters
        ----------
        indices : ndarray of int, shape (images,)
            Which training images.
        seed, epoch : int
            The key.

        Returns
        -------
        images : float tensor, shape (images, 3, size, size)
        labels : int64 tensor, shape (images,)
        """
        if self.data.augmentation == "random_resized":
            images = self._cropped("train", indices, seed, epoch)
        else:
            images = self.pixels["train"][self._on_device(indices)]
            if self.data.augmentation == "flip_and_shift":
                images = augmentation.flip_and_shift(images, augmentation.draw(indices, 3, seed, epoch))
        return self._normalise(images), self.labels["train"][self._on_device(indices)]

    def train_batches(self, batches: Iterable[np.ndarray], seed: int, epoch: int) -> Iterator[tuple]:
        """Yield the batches of an epoch, as :meth:`train` makes each."""
        for indices in batches:
            yield self.train(indices, seed, epoch)

    def test_batches(self, size: int) -> Iterator[torch.Tensor]:
        """Yield all test images in order, ``size`` at a time."""
        for start in range(0, len(self.data.test), size):
            yield self.test(np.arange(start, min(start + size, len(self.data.test))))

    def test(self, indices: np.ndarray) -> torch.Tensor:
        """Make a batch of test images; the same image always looks the same."""
        if self.data.resize_test:
            images = self._cropped("test", indices, seed=0, epoch=0)
        elif self.pixels["test"] is None:
            files = [self.data.test.pixels[index] for index in indices]
            images = self._stack(partial(photographs.central_crop, size=self.data.image_size), files)
        else:
            images = self.pixels["test"][self._on_device(indices)]
        return self._normalise(images)

    def _cropped(self, split: str, indices: np.ndarray, seed: int, epoch: int) -> torch.Tensor:
        random = augmentation.draw(indices, 4 * photographs.TRIES, seed, epoch)
        size = self.data.image_size
        if self.pixels[split] is None:
            files = [getattr(self.data, split).pixels[index] for index in indices]
            return self._stack(partial(photographs.random_crop, size=size), files, random)
        images = self.pixels[split][self._on_device(indices)]
        return augmentation.resize_boxes(images, photographs.crop_boxes(random, *images.shape[2:]), size)

    def _stack(self, decode, *inputs) -> torch.Tensor:
        with ThreadPoolExecutor(DECODERS) as pool:
            arrays = list(pool.map(decode, *inputs))
        return torch.from_numpy(np.stack(arrays)).to(self.device).permute(0, 3, 1, 2)

    def _on_device(self, indices: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.asarray(indices, np.int64)).to(self.device)

    def _normalise(self, images: torch.Tensor) -> torch.Tensor:
        return ((images.float() - self.mean) * self.scale).contiguous(memory_format=torch.channels_last)
