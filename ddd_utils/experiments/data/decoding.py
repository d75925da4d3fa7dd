"""Batches of photographs decoded ahead: by threads of this process, or by processes of their own."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from ddd_utils.errors import InputError
from ddd_utils.experiments.data import augmentation
from ddd_utils.experiments.images import photographs
from ddd_utils.experiments.images.photographs import Photographs

# Without worker processes a batch is decoded by several threads: decoders work outside Python's lock.
THREADS = 8


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
        return augmentation.draw(job.indices, 4 * photographs.TRIES, *job.key)

    def _crop(self, index: int, random: np.ndarray | None) -> np.ndarray:
        image = self.images.image(index)
        if random is None:
            return photographs.central_crop(image, self.size)
        return photographs.random_crop(image, random, self.size)


class _Messenger(Crops):
    """Hands errors over: raised in a worker they would arrive as a page of traceback."""

    def __getitem__(self, job: Job) -> torch.Tensor | InputError:
        try:
            return super().__getitem__(job)
        except InputError as error:
            return error


class _Jobs:
    """What a loader is to make next; workers outlive an epoch, so the loader's sampler must be told anew."""

    def __init__(self):
        self.waiting: Iterable[Job] = ()

    def __iter__(self) -> Iterator[Job]:
        return iter(self.waiting)


class Decoder:
    """Decodes batches of a split; how many processes take part changes no bit."""

    def __init__(self, images: Photographs, size: int, workers: int, pinned: bool):
        self._here, self._jobs, self._loader = Crops(images, size, THREADS), _Jobs(), None
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
