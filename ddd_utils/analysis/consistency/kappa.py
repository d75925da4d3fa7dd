"""Cohen's kappa of two networks' right and wrong answers, and what their accuracies leave possible for it."""

import numpy as np
from numpy.typing import ArrayLike

from ddd_utils.analysis.difficulty import as_correct
from ddd_utils.errors import InputError

# Words of 64 decisions handled at once: few enough to keep the peak of memory near the packed bits themselves, and to
# add up their counts in 16 bits, which is twice as fast as in 64.
BLOCK = 200


def error_consistency(a: ArrayLike, b: ArrayLike) -> float:
    """
    Cohen's kappa of two networks' correctness (Geirhos et al., 2020).

    Parameters
    ----------
    a, b : array_like of bool, shape (images,)
        Whether each network is right about each image.

    Returns
    -------
    float
        1 for the same decisions, 0 for independent ones, NaN where both are always right or both always wrong.

    Raises
    ------
    InputError
        If the two differ in shape or are not decisions.

    Examples
    --------
    >>> import ddd_utils as ddd
    >>> ddd.error_consistency([True, True, False, False], [True, True, True, False])
    0.5
    """
    if np.ndim(a) != 1 or np.shape(a) != np.shape(b):
        raise InputError(f"two networks' decisions must be about the same images: {np.shape(a)} against {np.shape(b)}")
    return float(pairwise_error_consistency(np.stack([np.asarray(a), np.asarray(b)]))[0, 1])


def pairwise_error_consistency(correct: ArrayLike) -> np.ndarray:
    """
    Error consistency of all pairs of networks, counted on packed bits.

    Parameters
    ----------
    correct : array_like of bool, shape (networks, images)
        Whether each network is right about each image.

    Returns
    -------
    ndarray of float64, shape (networks, networks)
        Symmetric; NaN where undefined, on the diagonal too (a network that is always right or always wrong).

    Examples
    --------
    >>> import ddd_utils as ddd
    >>> correct = [[1, 1, 0, 0], [1, 1, 1, 0], [0, 0, 1, 1]]  # three networks, four images
    >>> print(ddd.pairwise_error_consistency(correct))
    [[ 1.   0.5 -1. ]
     [ 0.5  1.  -0.5]
     [-1.  -0.5  1. ]]
    """
    correct = as_correct(correct)
    return kappa_from_counts(count_both_right(correct), correct.shape[1])


def pack(correct: np.ndarray) -> np.ndarray:
    """Pack decisions into uint64 words (networks, ceil(images / 64)), the last one filled up with zeros."""
    networks, images = correct.shape
    packed = np.zeros((networks, -(-images // 64) * 8), np.uint8)
    for row, decisions in zip(packed, correct, strict=True):
        bits = np.packbits(decisions)
        row[: bits.size] = bits
    return packed.view(np.uint64)


def count_both_right(correct: np.ndarray) -> np.ndarray:
    """Count the images that two networks both get right, (networks, networks); on the diagonal what each gets right."""
    packed = pack(correct)
    networks, words = packed.shape
    both = np.zeros((networks, networks), np.int64)
    for start in range(0, words, BLOCK):
        block = packed[:, start : start + BLOCK]
        for i in range(networks):
            both[i, i:] += np.bitwise_count(block[i] & block[i:]).sum(axis=1, dtype=np.uint16)
    return both + np.triu(both, 1).T


def kappa_from_counts(both: np.ndarray, images: int) -> np.ndarray:
    """Turn counts of common successes (..., networks, networks) into kappa, exact up to the last division."""
    right = np.diagonal(both, axis1=-2, axis2=-1).astype(float)
    p, q = right[..., :, None], right[..., None, :]
    expected = p * q + (images - p) * (images - q)
    with np.errstate(invalid="ignore"):
        return (images * (images - p - q + 2 * both) - expected) / (images**2 - expected)


def kappa_bounds(p: ArrayLike, q: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """
    Lowest and highest kappa that two accuracies allow.

    The networks share least where their errors avoid each other, most where the errors of the more accurate one are all
    among the other's. In the 2 x 2 table with these margins kappa grows with the cell of common successes, which lies
    between ``max(0, p + q - 1)`` and ``min(p, q)`` (Frechet, 1951).

    Parameters
    ----------
    p, q : array_like
        Accuracies between 0 and 1, broadcast against each other.

    Returns
    -------
    kappa_min, kappa_max : ndarray
        NaN where kappa is undefined (both accuracies 0 or both 1).

    Examples
    --------
    >>> import ddd_utils as ddd
    >>> lowest, highest = ddd.kappa_bounds(0.8, 0.6)
    >>> print(f"{lowest:.2f} to {highest:.2f}")
    -0.36 to 0.55
    """
    p, q = _accuracies(p, q)
    disagreement = p * (1 - q) + q * (1 - p)
    with np.errstate(invalid="ignore"):
        lowest = -2 * np.minimum(p * q, (1 - p) * (1 - q)) / disagreement
        highest = 2 * np.minimum(p, q) * (1 - np.maximum(p, q)) / disagreement
    return lowest, highest


def copy_probability(p: ArrayLike, q: ArrayLike, kappa: ArrayLike) -> np.ndarray:
    """
    Share of images on which the less accurate network must copy the more accurate one to reach a kappa.

    On the other images it decides independently, with the accuracy that makes its own come out. Copying a share c adds
    ``c a (1 - a)`` to the probability that both are right, with a the higher accuracy; hence ``kappa = 2 c a (1 - a) /
    (p (1 - q) + q (1 - p))``, solved for c. The accuracies p, q and kappa broadcast. NaN where no copying gives this
    kappa (below 0, or above what the accuracies allow) or any amount does (the better network is always right, or both
    are always wrong).
    """
    p, q = _accuracies(p, q)
    better, worse = np.maximum(p, q), np.minimum(p, q)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.asarray(kappa) * (p * (1 - q) + q * (1 - p)) / (2 * better * (1 - better))
        # A kappa that is the highest possible must not fall out through the rounding of its last digit.
        possible = (share >= 0) & (share <= worse / better + 1e-9)
    return np.where(possible, share, np.nan)


def _accuracies(p: ArrayLike, q: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    p, q = np.asarray(p, float), np.asarray(q, float)
    for accuracy in (p, q):
        if not ((accuracy >= 0) & (accuracy <= 1)).all():
            raise InputError("an accuracy must lie between 0 and 1; is this one in percent or a count?")
    return p, q
