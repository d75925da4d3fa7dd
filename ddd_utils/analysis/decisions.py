"""Right or wrong, one bit a decision: the check that analyses start with, and counting what two networks share."""

import numpy as np

from ddd_utils.errors import InputError

# Words of 64 decisions handled at once: few enough to keep the peak of memory near the packed bits themselves, and to
# add up their counts in 16 bits, which is twice as fast as in 64.
BLOCK = 200


def as_correct(correct) -> np.ndarray:
    """
    Check an array of decisions.

    Parameters
    ----------
    correct : array_like of bool (or of 0 and 1), shape (networks, images)
        Whether each network is right about each image.

    Returns
    -------
    ndarray of bool, shape (networks, images)
        The same array where it was bool already.

    Raises
    ------
    InputError
        If it has other values, is not two-dimensional or is empty.
    """
    correct = np.asarray(correct)
    if correct.ndim != 2 or 0 in correct.shape:
        raise InputError(f"decisions must be (networks, images), at least one of each; the shape is {correct.shape}")
    if correct.dtype != bool:
        if not np.isin(correct, (0, 1)).all():
            raise InputError("decisions must be True or False (or 1 and 0): are these predictions or probabilities?")
        correct = correct.astype(bool)
    return correct


def pack(correct: np.ndarray) -> np.ndarray:
    """
    Pack decisions into machine words, the last one filled up with zeros.

    Parameters
    ----------
    correct : ndarray of bool, shape (networks, images)
        Whether each network is right about each image.

    Returns
    -------
    ndarray of uint64, shape (networks, ceil(images / 64))
    """
    networks, images = correct.shape
    packed = np.zeros((networks, -(-images // 64) * 8), np.uint8)
    for row, decisions in zip(packed, correct, strict=True):
        bits = np.packbits(decisions)
        row[: bits.size] = bits
    return packed.view(np.uint64)


def count_both_right(correct: np.ndarray) -> np.ndarray:
    """
    Count for every pair of networks the images that both get right.

    Parameters
    ----------
    correct : ndarray of bool, shape (networks, images)
        Whether each network is right about each image.

    Returns
    -------
    ndarray of int64, shape (networks, networks)
        The diagonal is how many images each network gets right.
    """
    packed = pack(correct)
    networks, words = packed.shape
    both = np.zeros((networks, networks), np.int64)
    for start in range(0, words, BLOCK):
        block = packed[:, start : start + BLOCK]
        for i in range(networks):
            both[i, i:] += np.bitwise_count(block[i] & block[i:]).sum(axis=1, dtype=np.uint16)
    return both + np.triu(both, 1).T
