"""The state of a network in training, written after every epoch, whole or not at all."""

import io
import zipfile
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
    if not path.exists():
        return None
    content = io.BytesIO(path.read_bytes())
    try:
        # torch does not look at the archive's checksums: a flipped bit would be another weight.
        if zipfile.ZipFile(content).testzip() is not None:
            raise TornFile(path, "damaged")
        content.seek(0)
        return torch.load(content, map_location="cpu", weights_only=True)
    except Exception as error:  # damage shows itself in many ways, from a missing end to an unknown instruction
        raise TornFile(path, "not a whole checkpoint") from error
