"""Error consistency: do two networks fail on the same images more often than their accuracies alone would have it."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from ddd_utils.analysis.decisions import as_correct, count_both_right
from ddd_utils.errors import InputError, nearest

ONE_NETWORK = "one network: image error only"
DIFFERENT_DATA = "different_data"


def error_consistency(a, b) -> float:
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
    """
    if np.ndim(a) != 1 or np.shape(a) != np.shape(b):
        raise InputError(f"two networks' decisions must be about the same images: {np.shape(a)} against {np.shape(b)}")
    return float(pairwise_error_consistency(np.stack([a, b]))[0, 1])


def pairwise_error_consistency(correct) -> np.ndarray:
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
    """
    correct = as_correct(correct)
    return _kappa(count_both_right(correct), correct.shape[1])


def standard_errors(correct) -> np.ndarray:
    """
    Large-sample standard error of each pair's kappa for a new draw of images.

    The variance is that of Fleiss, Cohen & Everitt (1969) for any kappa, not only kappa = 0, applied to the 2 x 2 table
    of two networks' decisions.

    Parameters
    ----------
    correct : array_like of bool, shape (networks, images)
        Whether each network is right about each image.

    Returns
    -------
    ndarray of float64, shape (networks, networks)
        0 on the diagonal; NaN where kappa is undefined.
    """
    correct = as_correct(correct)
    images = correct.shape[1]
    both = count_both_right(correct)
    kappa = _kappa(both, images)
    right = both / images
    p = np.diagonal(right)[:, None]
    q = p.T
    chance = p * q + (1 - p) * (1 - q)
    agree = right * (1 - (p + q) * (1 - kappa)) ** 2 + (1 - p - q + right) * (1 - (2 - p - q) * (1 - kappa)) ** 2
    differ = (1 - kappa) ** 2 * ((p - right) * (q + 1 - p) ** 2 + (q - right) * (p + 1 - q) ** 2)
    centre = (kappa - chance * (1 - kappa)) ** 2
    # Perfect agreement leaves rounding errors around zero, which a square root would magnify or refuse.
    spread = np.maximum(agree + differ - centre, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        errors = np.sqrt(spread / images) / (1 - chance)
    errors[kappa == 1] = 0
    return errors


def bootstrap(correct, statistic: str = "kappa", draws: int = 1000, seed: int = 0, labels=None) -> np.ndarray:
    """
    Resample the images, the same ones for all networks, and recompute every pair.

    Pairs share networks and images: only a joint resampling gives the error of anything that combines pairs.

    Parameters
    ----------
    correct : array_like of bool, shape (networks, images)
        Whether each network is right about each image.
    statistic : {"kappa", "agreement"}
        Error consistency, or the share of images on which both are right or both wrong.
    draws : int
        Number of resampled image sets.
    seed : int
        Seed of the resampling.
    labels : array_like, shape (images,), optional
        Classes; given, each class keeps its number of images.

    Returns
    -------
    ndarray of float64, shape (draws, networks, networks)
        NaN where a draw leaves a pair undefined.

    Raises
    ------
    InputError
        If the statistic is unknown or the labels do not fit the images.
    """
    correct = as_correct(correct)
    if statistic not in _STATISTICS:
        raise InputError(f"unknown statistic '{statistic}'{nearest(statistic, _STATISTICS)}")
    images = correct.shape[1]
    # Single precision counts exactly up to 16 million images and is twice as fast.
    decisions = correct.astype(np.float32)
    both = np.empty((draws, len(correct), len(correct)))
    for draw, weights in enumerate(_image_weights(images, draws, seed, labels)):
        both[draw] = (decisions * weights) @ decisions.T
    return _STATISTICS[statistic](both, images)


def interval(draws: np.ndarray, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """
    Percentile interval over the first axis, undefined draws left out.

    Parameters
    ----------
    draws : ndarray, shape (draws, ...)
        Resampled values, such as those of `bootstrap`.
    level : float
        Share of the draws between the two limits.

    Returns
    -------
    lower, upper : ndarray, shape (...)
        NaN where no draw is defined.
    """
    draws = np.asarray(draws, float)
    limits = np.full((2, *draws.shape[1:]), np.nan)
    defined = ~np.isnan(draws).all(axis=0)
    limits[:, defined] = np.nanquantile(draws[:, defined], [(1 - level) / 2, (1 + level) / 2], axis=0)
    return limits[0], limits[1]


def condition_consistency(
    correct, networks: pd.DataFrame, draws: int = 1000, seed: int = 0, labels=None
) -> pd.DataFrame:
    """
    Error consistency of every network with the base (figure 3), with the interval for a new draw of images.

    Parameters
    ----------
    correct : array_like of bool, shape (networks, images)
        Whether each network is right about each image.
    networks : DataFrame
        One row a network, in the same order, with the columns network, condition and instance; one condition is "base".
    draws, seed, labels
        As in `bootstrap`.

    Returns
    -------
    DataFrame
        Columns condition, instance, network, kappa, lower, upper. Condition "different_data", last, compares the two
        networks of condition half_data with each other.

    Raises
    ------
    InputError
        If there is no base, or not one row a network.
    """
    kappa, resampled, pairs = _compare(correct, networks, draws, seed, labels)
    i, j = pairs.pop("first"), pairs.pop("second")
    lower, upper = interval(resampled[:, i, j])
    return pairs.assign(kappa=kappa[i, j], lower=lower, upper=upper)


def condition_means(correct, networks: pd.DataFrame, draws: int = 1000, seed: int = 0, labels=None) -> pd.DataFrame:
    """
    Mean error consistency of each condition's instances with the base.

    With several instances the interval resamples images and networks together; the networks' deviations from their mean
    are widened by sqrt(k / (k - 1)), the factor by which k resampled instances vary too little (Rao & Wu, 1988). Every
    condition is compared with one and the same base network: its own peculiarity is an error that all means share, and
    no interval here contains it.

    Parameters
    ----------
    correct, networks, draws, seed, labels
        As in `condition_consistency`.

    Returns
    -------
    DataFrame
        Columns condition, instances (count), kappa, lower, upper, note (what the interval covers). A mean that contains
        an undefined kappa is undefined (NaN).
    """
    kappa, resampled, pairs = _compare(correct, networks, draws, seed, labels)
    rng = np.random.default_rng(seed)
    rows = []
    for condition, group in pairs.groupby("condition", sort=False):
        i, j = group["first"], group["second"]
        k = len(group)
        values = resampled[:, i, j]
        means = values.mean(axis=1)
        if k > 1:
            again = np.take_along_axis(values, rng.integers(k, size=values.shape), axis=1).mean(axis=1)
            means = means + np.sqrt(k / (k - 1)) * (again - means)
        lower, upper = interval(means)
        note = ONE_NETWORK if k == 1 else f"images and {k} networks"
        rows.append((condition, k, kappa[i, j].mean(), float(lower), float(upper), note))
    return pd.DataFrame(rows, columns=["condition", "instances", "kappa", "lower", "upper", "note"])


def condition_matrix(kappa: np.ndarray, networks: pd.DataFrame) -> tuple[np.ndarray, list[str]]:
    """
    Mean error consistency between conditions (figure 6).

    Parameters
    ----------
    kappa : ndarray, shape (networks, networks)
        Of all pairs, from `pairwise_error_consistency`.
    networks : DataFrame
        One row a network, in the same order, with the column condition.

    Returns
    -------
    matrix : ndarray, shape (conditions, conditions)
        Mean over pairs of instances; on the diagonal over pairs of different instances, and 1 where there is only one.
    labels : list of str
        The conditions, in the order of the table.
    """
    groups = {name: np.flatnonzero(networks["condition"] == name) for name in networks["condition"].unique()}
    matrix = np.array([[kappa[np.ix_(a, b)].mean() for b in groups.values()] for a in groups.values()])
    for place, rows in enumerate(groups.values()):
        among = kappa[np.ix_(rows, rows)][np.triu_indices(len(rows), 1)]
        matrix[place, place] = among.mean() if among.size else 1.0
    return matrix, list(groups)


def _kappa(both: np.ndarray, images: int) -> np.ndarray:
    """Turn counts of common successes (..., networks, networks) into kappa, exact up to the last division."""
    right = np.diagonal(both, axis1=-2, axis2=-1).astype(float)
    p, q = right[..., :, None], right[..., None, :]
    expected = p * q + (images - p) * (images - q)
    with np.errstate(invalid="ignore"):
        return (images * (images - p - q + 2 * both) - expected) / (images**2 - expected)


def _agreement(both: np.ndarray, images: int) -> np.ndarray:
    """Turn counts of common successes into the share of images on which two networks are both right or both wrong."""
    right = np.diagonal(both, axis1=-2, axis2=-1)
    return (images - right[..., :, None] - right[..., None, :] + 2 * both) / images


_STATISTICS = {"kappa": _kappa, "agreement": _agreement}


def _image_weights(images: int, draws: int, seed: int, labels) -> Iterator[np.ndarray]:
    """Yield for each draw how often each image is in it, shape (images,)."""
    rng = np.random.default_rng(seed)
    labels = np.zeros(images, int) if labels is None else np.asarray(labels)
    if labels.shape != (images,):
        raise InputError(f"there must be one label an image: {labels.shape} labels for {images} images")
    _, codes, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    by_class = np.argsort(codes, kind="stable")
    ends = np.repeat(np.cumsum(sizes), sizes)
    starts = ends - np.repeat(sizes, sizes)
    for _ in range(draws):
        drawn = by_class[rng.integers(starts, ends)]
        yield np.bincount(drawn, minlength=images).astype(np.float32)


def _compare(correct, networks: pd.DataFrame, draws: int, seed: int, labels):
    """Compute kappa, its resampled values, and the pairs to compare, as rows ``first`` and ``second`` of both."""
    correct = as_correct(correct)
    if len(networks) != len(correct):
        raise InputError(f"the table has {len(networks)} networks, the decisions {len(correct)}")
    base = np.flatnonzero(networks["condition"] == "base")
    if not base.size:
        raise InputError("no network has the condition 'base', with which the others are compared")
    pairs = networks[["condition", "instance", "network"]].reset_index(drop=True)
    pairs = pairs.assign(first=base[0], second=np.arange(len(pairs)))
    halves = pairs[pairs["condition"] == "half_data"].sort_values("instance")
    if len(halves) == 2:
        names, rows = halves["network"], halves["second"]
        pairs.loc[len(pairs)] = [DIFFERENT_DATA, 1, " and ".join(names), *rows]
    kappa = pairwise_error_consistency(correct)
    return kappa, bootstrap(correct, draws=draws, seed=seed, labels=labels), pairs
