"""What an ImageNet-style pair of folders holds: classes by sub-folder, images by name."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ddd_utils.errors import InputError, nearest
from ddd_utils.local_files import PHOTOGRAPHS, class_folders, photographs


@dataclass(frozen=True)
class Found:
    """
    The images of one split.

    Attributes
    ----------
    names : list of str
        Paths relative to the split's folder, class after class.
    labels : ndarray of int16, shape (images,)
    """

    names: list[str]
    labels: np.ndarray


def scan(train: Path, test: Path) -> tuple[tuple[str, ...], Found, Found]:
    """
    List both splits.

    Parameters
    ----------
    train, test : Path
        Folders with one sub-folder a class; the training folder says which classes there are.

    Returns
    -------
    classes : tuple of str
        Names of the sub-folders in order.
    train, test : Found

    Raises
    ------
    InputError
        If there are no classes, a class is empty, or a test class is not among those of training.
    """
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
