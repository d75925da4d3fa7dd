"""
Error bars of kappa for a new draw of images, by influence functions and by resampling.

Kappa is a smooth function of means over images, so to first order it is itself a mean over images: of its influence
function (Hampel, 1974), which says how much each image moves it. For networks i and j with accuracies p and q that is

    ((agree - c_obs) - (1 - kappa) ((2q - 1)(x_i - p) + (2p - 1)(x_j - q))) / (1 - c_exp)

with ``agree = 1 - x_i - x_j + 2 x_i x_j``: a sum of the decisions x_i and x_j and of their product, with coefficients.
The same holds for a mean of kappas or a difference, whose pairs share networks and images.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from ddd_utils.analysis.consistency.kappa import count_both_right, kappa_from_counts
from ddd_utils.analysis.difficulty import as_correct, as_labels
from ddd_utils.analysis.statistics import Estimate, percentile_interval
from ddd_utils.errors import InputError, nearest

RESAMPLE = ("images", "classes")
# Images handled at once.
BLOCK = 12_800
# Rounding alone, in a sum of terms up to about 1.
ROUNDING = 1e-15


def standard_errors(correct: ArrayLike) -> np.ndarray:
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
        0 on the diagonal, and for a network that is always right or always wrong, whose kappa with any other is 0 for
        every draw; NaN where kappa is undefined.

    Examples
    --------
    >>> import ddd_utils as ddd
    >>> correct = [[1, 1, 0, 0] * 25, [1, 1, 1, 0] * 25]  # kappa .5 on 100 images
    >>> print(ddd.standard_errors(correct).round(3))
    [[0.    0.075]
     [0.075 0.   ]]
    """
    correct = as_correct(correct)
    images = correct.shape[1]
    both = count_both_right(correct)
    kappa = kappa_from_counts(both, images)
    right = both / images
    p = np.diagonal(right)[:, None]
    q = p.T
    chance = p * q + (1 - p) * (1 - q)
    agree = right * (1 - (p + q) * (1 - kappa)) ** 2 + (1 - p - q + right) * (1 - (2 - p - q) * (1 - kappa)) ** 2
    differ = (1 - kappa) ** 2 * ((p - right) * (q + 1 - p) ** 2 + (q - right) * (p + 1 - q) ** 2)
    centre = (kappa - chance * (1 - kappa)) ** 2
    # Where kappa can take one value only (0, or at perfect agreement 1), rounding leaves something around zero, which a
    # square root would magnify or refuse.
    spread = agree + differ - centre
    spread[spread < ROUNDING] = 0
    with np.errstate(invalid="ignore", divide="ignore"):
        errors = np.sqrt(spread / images) / (1 - chance)
    errors[kappa == 1] = 0
    return errors


def interval(
    correct: ArrayLike,
    pairs: ArrayLike,
    minus: ArrayLike | None = None,
    labels: ArrayLike | None = None,
    resample: str = "images",
    level: float = 0.95,
) -> Estimate:
    """
    Kappa of a pair, its mean over several pairs or the difference of two such means, with the error from the images.

    Parameters
    ----------
    correct : array_like of bool, shape (networks, images)
        Whether each network is right about each image.
    pairs : array_like of int, shape (pairs, 2)
        Rows of the networks; the value is the mean kappa over these pairs.
    minus : array_like of int, shape (pairs, 2), optional
        Pairs whose mean kappa is subtracted.
    labels : array_like, shape (images,), optional
        Classes; given, each class keeps its number of images.
    resample : {"images", "classes"}
        What a new draw would replace: images, or whole classes with all their images (this needs labels).
    level : float
        Coverage of the interval, which is cut off at the values that kappa, or a difference of two, can take.

    Returns
    -------
    Estimate
        With value, standard_error, lower and upper; all NaN where one of the kappas is undefined.

    Raises
    ------
    InputError
        If there are no pairs, a pair names no network, `resample` is unknown or the labels do not fit.

    Examples
    --------
    >>> import ddd_utils as ddd
    >>> correct = [[1, 1, 0, 0] * 25, [1, 1, 1, 0] * 25, [0, 0, 1, 1] * 25]  # three networks, 100 images
    >>> kappa = ddd.interval(correct, [(0, 1)])
    >>> print(f"{kappa.value:.2f}, 95% interval {kappa.lower:.2f} to {kappa.upper:.2f}")
    0.50, 95% interval 0.35 to 0.65
    """
    correct = as_correct(correct)
    plus = _as_pairs(pairs, len(correct))
    less = plus[:0] if minus is None else _as_pairs(minus, len(correct))
    i, j = np.concatenate([plus, less]).T
    weights = np.repeat([1 / len(plus), -1 / max(len(less), 1)], [len(plus), len(less)])
    # Only the networks that take part: a condition's few among many.
    rows, positions = np.unique([i, j], return_inverse=True)
    correct = np.asarray(correct[rows])
    i, j = positions.reshape(2, -1)
    value, influence = weighted_kappa(correct, i, j, weights)
    error = float(np.sqrt(_variance(influence, labels, resample)))
    bound = 1 if minus is None else 2
    lower, upper = np.clip(value + ndtri((1 + level) / 2) * error * np.array([-1, 1]), -bound, bound)
    return Estimate(value, error, float(lower), float(upper))


def weighted_kappa(correct: np.ndarray, i: np.ndarray, j: np.ndarray, weights: np.ndarray) -> tuple[float, np.ndarray]:
    """Add up kappas of pairs of rows, weighted; return the sum, and how much each image moves it, up to a constant."""
    kappa, linear, product = _kappa_and_coefficients(correct)
    form = np.zeros(kappa.shape)
    np.add.at(form, (i, j), weights * product[i, j])
    # A decision is its own square, so that what is linear in it goes on the diagonal.
    np.add.at(form, (i, i), weights * linear[i, j])
    np.add.at(form, (j, j), weights * linear[j, i])
    return float(weights @ kappa[i, j]), _quadratic(form, correct)


def bootstrap(correct: ArrayLike, draws: int = 1000, seed: int = 0, labels: ArrayLike | None = None) -> np.ndarray:
    """
    Resample the images, the same ones for all networks, and recompute every pair: (draws, networks, networks).

    With labels (images,) each class keeps its number of images (those of a single image count as one class together):
    of n images n - 1 are drawn and count n / (n - 1) each (Rao & Wu, 1988), since n drawn among n vary too little, by
    that factor in variance. NaN where a draw leaves a pair undefined.
    """
    correct = as_correct(correct)
    images = correct.shape[1]
    both = np.empty((draws, len(correct), len(correct)))
    for draw, (decisions, weights) in enumerate(_weighted(correct, draws, seed, labels)):
        both[draw] = (decisions * weights) @ decisions.T
    # Weights such as 3/2 leave rounding behind, and a network that is always right must come out as just that.
    return kappa_from_counts(both.round(6), images)


def accuracy_spread(correct: ArrayLike, labels: ArrayLike | None = None) -> dict[str, Estimate]:
    """
    Mean, lowest and highest accuracy, and standard deviation ("sd"), with 95% intervals for other images.

    The lowest and the highest are chosen, and of resampled accuracies the lowest is lower still: their intervals run
    between the extremes of intervals that hold for all networks at once (the bootstrap's largest deviation in standard
    errors).
    """
    correct = as_correct(correct)
    accuracy, found = correct.mean(axis=1), {}
    weighted = _weighted(correct, 1000, 0, labels)
    resampled = np.array([decisions @ weights for decisions, weights in weighted], float) / correct.shape[1]
    for name, statistic in (("mean", np.mean), ("sd", np.std)):
        draws = statistic(resampled, axis=1)
        found[name] = Estimate(float(statistic(accuracy)), float(draws.std(ddof=1)), *percentile_interval(draws))
    errors = resampled.std(axis=0, ddof=1)
    deviations = np.abs(resampled - accuracy) / np.where(errors > 0, errors, 1)
    half = np.quantile(deviations.max(axis=1), 0.95) * errors
    for name, extreme, at in (("lowest", np.min, accuracy.argmin()), ("highest", np.max, accuracy.argmax())):
        limits = (float(np.clip(extreme(accuracy + side * half), 0, 1)) for side in (-1, 1))
        found[name] = Estimate(float(accuracy[at]), float(errors[at]), *limits)
    return found


def _weighted(
    correct: np.ndarray, draws: int, seed: int, labels: ArrayLike | None
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield for each draw the decisions as numbers, and how much each image counts, shape (images,)."""
    images = correct.shape[1]
    rng = np.random.default_rng(seed)
    codes, sizes = _strata(labels, images)
    by_class = np.argsort(codes, kind="stable")
    ends = np.repeat(np.cumsum(sizes), sizes)
    starts = ends - np.repeat(sizes, sizes)
    # Without classes single precision counts exactly up to 16 million images and is twice as fast.
    decisions = correct.astype(np.float32 if sizes.size == 1 else float)
    factors = _small_class_factors(sizes)
    factor = factors[codes].astype(decisions.dtype)
    drawn = np.ones(images, bool)
    drawn[np.cumsum(sizes) - 1] = factors == 1  # one image less of each class, unless an image is alone
    for _ in range(draws):
        times = np.bincount(by_class[rng.integers(starts, ends)[drawn]], minlength=images)
        yield decisions, times * factor


def _class_codes(labels: ArrayLike | None, images: int) -> tuple[np.ndarray, np.ndarray]:
    """Count the classes; return each image's code, (images,), and the images of each class, (classes,)."""
    codes = as_labels(labels, np.zeros(images, int))
    if labels is None:
        return codes, np.array([images])
    _, codes, sizes = np.unique(codes, return_inverse=True, return_counts=True)
    return codes, sizes


def _strata(labels: ArrayLike | None, images: int) -> tuple[np.ndarray, np.ndarray]:
    """Count the classes as `_class_codes`, but pool those of a single image, which have no spread."""
    codes, sizes = _class_codes(labels, images)
    alone = sizes == 1
    if not alone.any():
        return codes, sizes
    return _class_codes(np.where(alone, sizes.size, np.arange(sizes.size))[codes], images)


def _kappa_and_coefficients(correct: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Compute kappa (M, M) and, in the pair's influence function, the coefficients of x_i and of x_i x_j at [i, j]."""
    images = correct.shape[1]
    both = count_both_right(correct)
    kappa = kappa_from_counts(both, images)
    p = np.diagonal(both)[:, None] / images
    q = p.T
    with np.errstate(divide="ignore"):
        scale = 1 / (p * (1 - q) + q * (1 - p))
    scale[np.isnan(kappa)] = np.nan
    return kappa, -scale * (1 + (1 - kappa) * (2 * q - 1)), 2 * scale


def _small_class_factors(sizes: np.ndarray) -> np.ndarray:
    """Compute n / (n - 1) for classes of n images; 1 for a single image, and for images that are not in classes."""
    return np.where((sizes > 1) & (sizes.size > 1), sizes / np.maximum(sizes - 1, 1), 1)


def _quadratic(form: np.ndarray, correct: np.ndarray) -> np.ndarray:
    """Compute x' form x for the decisions x about every image, shape (images,)."""
    values = np.empty(correct.shape[1])
    for start in range(0, values.size, BLOCK):
        decisions = correct[:, start : start + BLOCK].astype(float)
        values[start : start + BLOCK] = np.einsum("mn,mn->n", form @ decisions, decisions)
    return values


def _variance(influence: np.ndarray, labels: ArrayLike | None, resample: str) -> float:
    """Compute the variance of the mean of an influence function over images (or over whole classes)."""
    images = influence.size
    if labels is None and resample == "images":
        return float(influence.var() / images)
    codes, sizes = _classes(labels, images, resample)
    influence = influence - influence.mean()
    sums = np.bincount(codes, weights=influence)
    if resample == "classes":
        return float(sums @ sums * sizes.size / (sizes.size - 1) / images**2)
    within = influence - (sums / sizes)[codes]
    return float(within**2 @ _small_class_factors(sizes)[codes] / images**2)


def _classes(labels: ArrayLike | None, images: int, resample: str) -> tuple[np.ndarray, np.ndarray]:
    """Check what is to be resampled; return whole classes or the strata to draw images from, as `_class_codes`."""
    if resample not in RESAMPLE:
        raise InputError(f"unknown resample '{resample}'{nearest(resample, RESAMPLE)}")
    if resample == "images":
        return _strata(labels, images)
    codes, sizes = _class_codes(labels, images)
    if sizes.size < 2:
        raise InputError("resampling whole classes takes labels with at least two classes")
    return codes, sizes


def _as_pairs(pairs: ArrayLike, networks: int) -> np.ndarray:
    """Check a list of pairs and return it, (pairs, 2)."""
    pairs = np.asarray(pairs)
    if pairs.ndim != 2 or pairs.shape[1] != 2 or not len(pairs):
        raise InputError(f"pairs must be a list of at least one (i, j); the shape is {pairs.shape}")
    if pairs.min() < 0 or pairs.max() >= networks:
        raise InputError(f"a pair must name two of the networks 0 to {networks - 1}")
    return pairs
