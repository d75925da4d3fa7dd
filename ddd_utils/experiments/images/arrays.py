"""Images and labels out of ``.npz`` files, checked before anything is trained on them."""

import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ddd_utils import local_files
from ddd_utils.errors import InputError

MOST_CLASSES = np.iinfo(np.int16).max


def read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read one split."""
    images, labels = (_member(path, key) for key in ("x", "y"))
    if images.dtype != np.uint8:
        raise InputError(f"{path}: x is {images.dtype}, but images are uint8 (0 to 255)")
    if images.ndim not in (3, 4) or (images.ndim == 4 and images.shape[3] != 3) or 0 in images.shape:
        raise InputError(
            f"{path}: x has shape {images.shape}, not (images, height, width, 3) or (images, height, width)"
        )
    if images.shape[1] != images.shape[2]:
        raise InputError(
            f"{path}: x has images of {images.shape[1]} x {images.shape[2]} pixels, but they must be square"
        )
    if not np.issubdtype(labels.dtype, np.integer):
        raise InputError(f"{path}: y is {labels.dtype}, but labels are whole numbers")
    if labels.shape != images.shape[:1]:
        raise InputError(f"{path}: y has shape {labels.shape}, but x holds {len(images)} images")
    if labels.min() < 0 or labels.max() > MOST_CLASSES:
        raise InputError(
            f"{path}: y runs from {labels.min()} to {labels.max()}, but labels count from 0 to at most {MOST_CLASSES}"
        )
    color = images if images.ndim == 4 else np.repeat(images[..., None], 3, axis=3)
    return np.ascontiguousarray(color.transpose(0, 3, 1, 2)), labels.astype(np.int16)


def _member(path: Path, key: str) -> np.ndarray:
    local_files.array_shape(path, key)
    try:
        with np.load(path, allow_pickle=False) as file:
            return file[key]
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"{path}: {key} cannot be read ({error})") from None


def class_names(labels: Sequence[tuple[Path, np.ndarray]], names: tuple[str, ...] | None) -> tuple[str, ...]:
    """Name the classes and check that the labels of both splits fit."""
    (train, known), (test, asked) = ((path, np.unique(each)) for path, each in labels)
    for path, found in ((train, known), (test, asked)):
        if names is not None and found[-1] >= len(names):
            raise InputError(f"{path}: y runs from {found[0]} to {found[-1]}, but only {len(names)} classes are named")
    if names is None and len(known) <= known[-1]:
        absent = np.setdiff1d(np.arange(known[-1]), known)[0]
        raise InputError(
            f"{train}: y runs from {known[0]} to {known[-1]} without {absent}; labels count from 0, or name the "
            "`classes`"
        )
    if len(untrained := np.setdiff1d(asked, known)):
        raise InputError(f"{test}: label {untrained[0]} is not in {train}")
    return names or tuple(str(label) for label in known)
