"""Training as most people write it: one network, a DataLoader with transforms of single images, NCHW float32."""

import os
import time
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from ddd_utils.data.datasets import Data, Images
from ddd_utils.data.photographs import Photographs
from ddd_utils.models import by_name


@dataclass(frozen=True)
class Plain:
    """Seconds of each epoch with its test, seconds in all, and the last epoch's accuracy."""

    epochs: list[float]
    wall: float
    accuracy: float


class PilImages(Dataset):
    """Images that are transformed one by one, in memory (the noise too), or decoded from files."""

    def __init__(self, images: Images, transform):
        self.files = images.pixels if isinstance(images.pixels, Photographs) else None
        if self.files is None:
            stored = isinstance(images.pixels, np.ndarray)
            pixels = images.pixels if stored else images.pixels.images(range(len(images)))
            self.pixels = np.ascontiguousarray(pixels.transpose(0, 2, 3, 1))
        self.labels, self.transform = images.labels.astype(int), transform

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        image = self.files.image(index) if self.files else Image.fromarray(self.pixels[index])
        return self.transform(image), self.labels[index]


def loader(data: Data, split: str, batch: int) -> DataLoader:
    """Make the loader of a split; only training images are shuffled, and augmented where the set asks for it."""
    steps, size = [transforms.ToTensor(), transforms.Normalize(data.mean, data.sd)], data.image_size
    if split == "train" and data.augmentation == "flip_and_shift":
        steps = [transforms.RandomHorizontalFlip(), transforms.RandomCrop(size, 4), *steps]
    if isinstance(getattr(data, split).pixels, Photographs):
        cut = [transforms.Resize(size * 8 // 7), transforms.CenterCrop(size)]
        train = [transforms.RandomResizedCrop(size), transforms.RandomHorizontalFlip()]
        steps = [*(train if split == "train" else cut), *steps]
    images = PilImages(getattr(data, split), transforms.Compose(steps))
    return DataLoader(images, batch, shuffle=split == "train", num_workers=os.cpu_count() or 1)


def plain_network(classes: int, model: str, arguments: dict) -> nn.Module:
    """Build the engine's network with torch's own convolutions: it must not profit from the engine's shortcuts."""
    network = by_name.create(model, classes, arguments)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            module.__class__ = nn.Conv2d
    return network


def train(
    data: Data,
    device: torch.device,
    epochs: int,
    batch: int,
    rate: float,
    decay: tuple[int, ...],
    network: tuple[str, dict] = ("resnet18", {"width": 16}),
) -> Plain:
    """
    Train one network and test it after every epoch.

    Parameters
    ----------
    data : Data
    device : torch.device
    epochs, batch : int
    rate : float
        Learning rate, divided by ten after each epoch in ``decay``.
    decay : tuple of int
    network : tuple of str and dict
        A model and its arguments.

    Returns
    -------
    Plain
    """
    started = time.perf_counter()
    torch.set_num_threads(os.cpu_count() or 1)
    torch.manual_seed(1312)
    loaders = [loader(data, split, batch) for split in ("train", "test")]
    learner = plain_network(len(data.classes), *network).to(device)
    optimizer = torch.optim.SGD(learner.parameters(), rate, momentum=0.9, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, list(decay))
    took, answers = [], [_test(learner, loaders[1], device)]
    for _ in range(epochs):
        begun = time.perf_counter()
        _epoch(learner, optimizer, loaders[0], device)
        schedule.step()
        answers.append(_test(learner, loaders[1], device))
        took.append(time.perf_counter() - begun)
    accuracy = float((answers[-1].numpy() == data.test.labels).mean())
    return Plain(took, time.perf_counter() - started, accuracy)


def _epoch(network: nn.Module, optimizer, batches: DataLoader, device: torch.device) -> None:
    criterion = nn.CrossEntropyLoss()
    network.train()
    for images, labels in batches:
        loss = criterion(network(images.to(device)), labels.to(device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@torch.no_grad()
def _test(network: nn.Module, batches: DataLoader, device: torch.device) -> torch.Tensor:
    network.eval()
    return torch.cat([network(images.to(device)).argmax(1).cpu() for images, _ in batches])
