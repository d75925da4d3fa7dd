"""Who is right as a matrix: a `.npy` file of booleans, with the names of models and images in files beside it."""

from pathlib import Path

import numpy as np

from ddd_utils.errors import InputError
from ddd_utils.files import read_array


def read_matrix(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Read who is right, bool (models, images), and names: ``<name>.models.txt``, and ``<name>.images.txt`` if any."""
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    correct, models, images = read_array(path), _names(path, "models"), _names(path, "images")
    if models is None:
        raise InputError(f"{path}: a matrix has no names: write the models' into '{path.stem}.models.txt', one a line")
    if correct.ndim != 2 or not np.isin(correct, (0, 1)).all():
        raise InputError(f"{path}: is {correct.dtype} of shape {correct.shape}, not true or false of (models, images)")
    if correct.shape[0] != len(models) == correct.shape[1]:
        correct = correct.T
    images = np.arange(correct.shape[1]).astype(str) if images is None else images
    if correct.shape != (len(models), len(images)):
        raise InputError(f"{path}: shape {correct.shape} does not fit {len(models)} models and {len(images)} images")
    return correct.astype(bool), models, images


def _names(path: Path, what: str) -> np.ndarray | None:
    beside = path.with_name(f"{path.stem}.{what}.txt")
    names = beside.read_text("utf-8-sig").splitlines() if beside.is_file() else None
    if names and len(set(names)) < len(names):
        raise InputError(f"{beside}: a name is there twice")
    return None if names is None else np.array(names)
