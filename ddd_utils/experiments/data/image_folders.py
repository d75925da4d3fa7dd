"""What an ImageNet-style pair of folders holds: classes by sub-folder, images by name."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ddd_utils.errors import InputError, nearest
from ddd_utils.local_files import PHOTOGRAPHS, class_folders, photographs


@dataclass(frozen=True)
class Found:
    """The images of one split."""

    names: list[str]  # Paths relative to the split's folder, class after class
    labels: np.ndarray  # int16 (images,)


def scan(train: Path, test: Path) -> tuple[tuple[str, ...], Found, Found]:
    """List both splits."""
    classes = tuple(folder.name for folder in class_folders(train))
    for folder in class_folders(test):
        if folder.name not in classes:
            raise InputError(f"{folder}: no such class in {train}{nearest(folder.name, classes)}")
    return classes, _split(train, classes), _split(test, classes)


def _split(folder: Path, classes: tuple[str, ...]) -> Found:
    names, labels = [], []
    for each in class_folders(folder):
        found = photographs(each)
        if not found:
            raise InputError(f"{each}: an empty class, no images ({', '.join(PHOTOGRAPHS)})")
        names += [f"{each.name}/{name}" for name in found]
        labels += [classes.index(each.name)] * len(found)
    if not names:
        raise InputError(f"{folder}: no sub-folders, but images are sorted into one folder a class")
    return Found(names, np.asarray(labels, np.int16))
