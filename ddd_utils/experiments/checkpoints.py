"""The state of a network in training, written after every epoch, whole or not at all."""

import pickle
from pathlib import Path
from typing import Any

import torch

from ddd_utils.files import TornFile, atomic


def write(path: Path, state: dict[str, Any]) -> None:
    """
    Write a checkpoint in place of the one before.

    Parameters
    ----------
    path : Path
        The file.
    state : dict
        Tensors and plain values.

    Raises
    ------
    OSError
        If the disk is full or the like; the checkpoint before stays.
    """
    with atomic(path) as partial, partial.open("wb") as file:
        torch.save(state, file)


def read(path: Path) -> dict[str, Any] | None:
    """
    Read a checkpoint; it may hold tensors and plain values only, never code.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    dict or None
        None if there is none.

    Raises
    ------
    TornFile
        If it is damaged.
    """
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        return None
    except (RuntimeError, ValueError, KeyError, EOFError, pickle.UnpicklingError) as error:
        raise TornFile(path, "not a whole checkpoint") from error
