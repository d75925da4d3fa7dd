"""Who is right as a matrix: a `.npy` file of booleans with names beside it, or a `.npz` file that holds both."""

import zipfile
from math import prod
from pathlib import Path

import numpy as np

from ddd_utils.errors import InputError
from ddd_utils.files import array_shape, read_array

MATRICES = (".npy", ".npz")
MOST = 10**9  # answers


def read_matrix(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """
    Read who is right, bool (models, images), and the names of both.

    The names of the models lie in ``<name>.models.txt``, one a line, those of the images in ``<name>.images.txt``; of a
    ``.npz`` file they are the arrays ``models`` and ``images``, beside ``correct``. Without names images have numbers.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    packed = path.suffix.lower() == ".npz"
    correct = _member(path, "correct") if packed else read_array(path)
    models, images = (_names(path, what, packed) for what in ("models", "images"))
    if models is None:
        where = "an array `models`" if packed else f"'{path.stem}.models.txt' beside it, one a line"
        raise InputError(f"{path}: a matrix has no names: put those of the models into {where}")
    if correct.ndim != 2 or not np.isin(correct, (0, 1)).all():
        raise InputError(f"{path}: is {correct.dtype} of shape {correct.shape}, not true or false of (models, images)")
    correct = correct.astype(bool)
    if correct.shape[0] != len(models) and correct.shape[1] == len(models):
        correct = correct.T
    images = np.array([str(number) for number in range(correct.shape[1])]) if images is None else images
    if correct.shape != (len(models), len(images)):
        raise InputError(f"{path}: shape {correct.shape} does not fit {len(models)} models and {len(images)} images")
    return correct, models, images


def _names(path: Path, what: str, packed: bool) -> np.ndarray | None:
    beside = path.with_name(f"{path.stem}.{what}.txt")
    if packed:
        names = None if what == "images" and "images" not in _keys(path) else _member(path, what)
    else:
        names = np.array(beside.read_text("utf-8-sig").splitlines()) if beside.is_file() else None
    if names is not None and len(np.unique(names)) < len(names):
        raise InputError(f"{path if packed else beside}: a name is there twice")
    return None if names is None else names.astype(str)


def _keys(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        return [Path(name).stem for name in archive.namelist()]


def _member(path: Path, key: str) -> np.ndarray:
    shape = array_shape(path, key)
    if prod(shape) > MOST:
        raise InputError(f"{path}: '{key}' is of shape {shape}, too large")
    try:
        with np.load(path, allow_pickle=False) as file:
            return file[key]
    except (ValueError, EOFError, OSError) as error:
        raise InputError(f"{path}: '{key}' cannot be read: {str(error).partition('.')[0]}") from None
