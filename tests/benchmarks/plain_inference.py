"""Evaluation as timm's own validate does it: one model at a time, a DataLoader with its transforms, NCHW float32."""

import time
from collections.abc import Sequence

import numpy as np
import timm
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from ddd_utils.data.photographs import Photographs


class Transformed(Dataset):
    """Photographs, each decoded and transformed when it is asked for."""

    def __init__(self, photographs: Photographs, images: int, transform):
        self.photographs, self.images, self.transform = photographs, images, transform

    def __len__(self):
        return self.images

    def __getitem__(self, index):
        return self.transform(self.photographs.image(index))


def evaluate(
    network: nn.Module,
    photographs: Photographs,
    images: int,
    config: dict,
    columns: Sequence[int] | None = None,
    workers: int = 2,
    batch: int = 64,
) -> tuple[np.ndarray, float]:
    """
    Answer all photographs.

    Parameters
    ----------
    network : torch.nn.Module
    photographs : Photographs
    images : int
        How many there are.
    config : dict
        timm's data configuration of the model.
    columns : sequence of int, optional
        Outputs to choose from; all by default.
    workers, batch : int
        Of the DataLoader.

    Returns
    -------
    ndarray of int, shape (images,)
        The output chosen.
    float
        Seconds, the start of the workers included.
    """
    transform = timm.data.create_transform(**config)
    started = time.perf_counter()
    loader = DataLoader(Transformed(photographs, images, transform), batch, num_workers=workers)
    network = network.eval()
    chosen = []
    with torch.inference_mode():
        for inputs in loader:
            outputs = network(inputs)
            if columns is not None:
                outputs = outputs[:, columns]
            chosen.append(outputs.argmax(1))
    found = torch.cat(chosen).numpy()
    return (found if columns is None else np.asarray(columns)[found]), time.perf_counter() - started
