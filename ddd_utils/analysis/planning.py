"""How many images an error consistency takes: to tell two kappas apart, or one from 0, with a wanted power."""

from collections.abc import Sequence
from itertools import product
from math import ceil

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri

from ddd_utils.analysis.consistency.kappa import kappa_bounds
from ddd_utils.errors import InputError, nearest

DESIGNS = ("independent", "same images", "shared model")
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(201)  # of an integral over the difficulty of images
CLOSEST = 0.9999  # correlation that still counts as two


def plan_kappa(
    kappas: ArrayLike, accuracies: ArrayLike = 0.8, power: float = 0.8, level: float = 0.05, design: str = "independent"
) -> int:
    """
    Count the images it takes to tell two error consistencies apart, or one from 0.

    The errors are those of large samples (from kappa's influence function; for one kappa that is Fleiss, Cohen and
    Everitt, 1969). How far two estimates on the same images go along with each other depends on all deciders together:
    here their errors have one thing in common, the difficulty of the image, which is normal and on which each depends
    as much as its pair's kappa requires.

    Parameters
    ----------
    kappas : array_like of float
        One, which is told from 0, or two, which are told from each other.
    accuracies : array_like of float
        Of all deciders; or of a pair's two, alike in both pairs; or of every decider: the first pair's, the second
        pair's; with a shared model its own first, then those of its two partners.
    power : float
        Probability that the test is significant.
    level : float
        Of the two-sided test.
    design : {"independent", "same images", "shared model"}
        Whether the second kappa is from other images, or from the same; a shared model is in both pairs.

    Returns
    -------
    int
        Images for each kappa. Fewer than about 100 are too few for these errors.

    Raises
    ------
    InputError
        If the kappas are not one or two different ones that the accuracies allow, or another number is out of range.

    Examples
    --------
    >>> import ddd_utils as ddd
    >>> ddd.plan_kappa([0.25, 0.30], accuracies=0.8)
    8221
    """
    wanted = [float(kappa) for kappa in np.atleast_1d(kappas)]
    given = [float(accuracy) for accuracy in np.atleast_1d(accuracies)]
    if len(wanted) not in (1, 2) or len({*wanted, *[0.0] * (len(wanted) == 1)}) == 1:
        raise InputError("kappas: one that differs from 0, or two that differ from each other")
    if design not in DESIGNS:
        raise InputError(f"design: '{design}' is none of {', '.join(DESIGNS)}{nearest(design, DESIGNS)}")
    if not all(0 < value < 1 for value in (*given, power, level)):
        raise InputError("accuracies, power and level must lie between 0 and 1")
    pairs = [(0, 1), (0, 2) if design == "shared model" else (2, 3)][: len(wanted)]
    count = max(pairs[-1]) + 1
    if count % len(given):
        raise InputError(f"accuracies: give one for all or one for each of {count} deciders, not {len(given)}")
    deciders = given * (count // len(given))
    each = [_variance(deciders[i], deciders[j], kappa) for (i, j), kappa in zip(pairs, wanted, strict=True)]
    if len(wanted) == 1:
        null, found = _variance(deciders[0], deciders[1], 0), each[0]
    else:
        null = found = sum(each) if design == "independent" else _variance_of_difference(deciders, pairs, wanted)
    reach = ndtri(1 - level / 2) * np.sqrt(null) + ndtri(power) * np.sqrt(found)
    return ceil((reach / (wanted[-1] - (wanted[0] if len(wanted) == 2 else 0))) ** 2)


def _both_right(p: float, q: float, kappa: float) -> float:
    """Return how often both are right, given their accuracies and a kappa that these allow."""
    low, high = (float(bound) for bound in kappa_bounds(p, q))
    if not low < kappa < high:
        raise InputError(f"kappas: accuracies {p:g} and {q:g} allow {low:.3f} to {high:.3f}, not {kappa:g}")
    chance = p * q + (1 - p) * (1 - q)
    return (chance + kappa * (1 - chance) - 1 + p + q) / 2


def _influence(p: float, q: float, kappa: float, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Compute kappa's influence function, but for a constant, of decisions x and y (0 or 1)."""
    agree = x * y + (1 - x) * (1 - y)
    return (agree - (1 - kappa) * (x * (2 * q - 1) + y * (2 * p - 1))) / (p + q - 2 * p * q)


def _spread(values: np.ndarray, chances: np.ndarray) -> float:
    return float(chances @ values**2 - (chances @ values) ** 2)


def _variance(p: float, q: float, kappa: float) -> float:
    """Compute the variance of one kappa for one image."""
    both = _both_right(p, q, kappa)
    x, y = np.array(list(product((0, 1), repeat=2))).T
    return _spread(_influence(p, q, kappa, x, y), np.array([1 - p - q + both, q - both, p - both, both]))


def _variance_of_difference(
    deciders: Sequence[float], pairs: Sequence[tuple[int, int]], kappas: Sequence[float]
) -> float:
    """Compute the variance, for one image, of the difference of two kappas on the same images."""
    both = [_correlation(deciders[i], deciders[j], kappa) for (i, j), kappa in zip(pairs, kappas, strict=True)]
    loadings = np.zeros(len(deciders))
    for (i, j), correlation in zip(pairs, both, strict=True):
        loadings[i] = np.sqrt(max(both) if len(deciders) == 3 else correlation)
        loadings[j] = correlation / loadings[i] if correlation else 0
    decisions = np.array(list(product((0, 1), repeat=len(deciders)))).T
    right = np.array([_right(p, loading) for p, loading in zip(deciders, loadings, strict=True)])[:, None]
    chances = np.where(decisions[..., None] == 1, right, 1 - right).prod(axis=0) @ WEIGHTS / WEIGHTS.sum()
    one, other = (
        _influence(deciders[i], deciders[j], kappa, decisions[i], decisions[j])
        for (i, j), kappa in zip(pairs, kappas, strict=True)
    )
    return _spread(other - one, chances)


def _correlation(p: float, q: float, kappa: float) -> float:
    """Find the correlation of two normal variables that exceed their thresholds as often as the two are right."""
    if kappa < 0:
        raise InputError("kappas: on the same images they must not be negative: difficulty makes errors alike")

    from scipy.optimize import brentq  # slow to load, and every notebook would

    def excess(correlation: float) -> float:
        both = _right(p, np.sqrt(correlation)) * _right(q, np.sqrt(correlation))
        return float(both @ WEIGHTS / WEIGHTS.sum()) - _both_right(p, q, kappa)

    return brentq(excess, 0, CLOSEST) if kappa and excess(CLOSEST) > 0 else CLOSEST * (kappa > 0)


def _right(p: float, loading: float) -> np.ndarray:
    """Compute the chance of being right at each difficulty."""
    return ndtr((ndtri(p) + loading * NODES) / np.sqrt(1 - loading**2))
