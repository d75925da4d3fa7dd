"""
Whole numbers in a NumPy file of Python objects, read without unpickling it.

Such a file is a pickle, and loading a pickle runs whatever it says. Here it is only listed: the bytes of each 64-bit
number stand in it as a constant, one after the other, and nothing is called or imported.
"""

import math
import pickletools
from pathlib import Path

import numpy as np

from ddd_utils.errors import InputError


def whole_numbers(path: str | Path) -> np.ndarray:
    """
    Read a NumPy file (``.npy``) of type "object" that holds 64-bit whole numbers.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    ndarray of int64
        With the shape that the file states.

    Raises
    ------
    InputError
        If the file is something else.
    """
    try:
        with Path(path).open("rb") as file:
            np.lib.format.read_magic(file)
            shape, _, kind = np.lib.format.read_array_header_1_0(file)
            arguments = [argument for _, argument, _ in pickletools.genops(file)]
    except (ValueError, EOFError, OSError) as error:
        raise InputError(f"{path}: not a NumPy file of objects ({' '.join(str(error).split())})") from None
    numbers = [argument for argument in arguments if isinstance(argument, bytes) and len(argument) == 8]
    if not kind.hasobject or "i8" not in arguments or len(numbers) != math.prod(shape):
        raise InputError(f"{path}: does not hold {math.prod(shape)} whole numbers of 64 bits")
    return np.frombuffer(b"".join(numbers), "<i8").reshape(shape)
