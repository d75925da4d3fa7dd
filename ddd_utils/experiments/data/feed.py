"""Batches for a network: pixels that live on the device as uint8, are made there, or are decoded from files."""

from collections.abc import Iterable, Iterator

import numpy as np
import torch

from ddd_utils.experiments.data import augmentation
from ddd_utils.experiments.data.datasets import Data, Images
from ddd_utils.experiments.data.decoding import Decoder, Job
from ddd_utils.experiments.data.gaussian import Noise
from ddd_utils.experiments.data.noise_maker import NoiseMaker
from ddd_utils.experiments.images import photographs


class Feed:
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
        source = self.sources[split]
        return source.images(indices) if isinstance(source, NoiseMaker) else source[self._on_device(indices)]

    def _augmented(self, images: torch.Tensor, indices: np.ndarray, seed: int, epoch: int) -> torch.Tensor:
        if self.data.augmentation == "random_resized":
            return self._cropped(images, indices, seed, epoch)
        if self.data.augmentation == "flip_and_shift":
            return augmentation.flip_and_shift(images, augmentation.draw(indices, 3, seed, epoch))
        return images

    def _cropped(self, images: torch.Tensor, indices: np.ndarray, seed: int, epoch: int) -> torch.Tensor:
        random = augmentation.draw(indices, 4 * photographs.TRIES, seed, epoch)
        boxes = photographs.crop_boxes(random, *images.shape[2:])
        return augmentation.resize_boxes(images, boxes, self.data.image_size)

    def _on_device(self, indices: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.asarray(indices, np.int64)).to(self.device)

    def _normalise(self, images: torch.Tensor) -> torch.Tensor:
        images = images.to(self.device, non_blocking=True).float()
        return ((images - self.mean) * self.scale).contiguous(memory_format=torch.channels_last)
