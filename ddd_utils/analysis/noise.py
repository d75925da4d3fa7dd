"""The Gaussian noise classes: how far apart two are, the best that any classifier can do, and figure 8's odd order."""

import numpy as np
from scipy.special import ndtr, owens_t

from ddd_utils.errors import InputError

MEAN = 128
LEVELS = np.arange(256)


def kl_divergence(sigma_p, sigma_q):
    """
    Kullback-Leibler divergence of two normal distributions with equal means.

    Parameters
    ----------
    sigma_p, sigma_q : float or ndarray
        Standard deviations, of the distribution that the expectation is over and of the other one.

    Returns
    -------
    float or ndarray
        ``log(sigma_q / sigma_p) + sigma_p**2 / (2 sigma_q**2) - 1/2``, in nats (equation 1 of the paper).
    """
    ratio = np.divide(sigma_p, sigma_q)
    return (ratio**2 - 1) / 2 - np.log(ratio)


def class_distribution(sigma: float) -> np.ndarray:
    """
    Probabilities of the gray levels in one class: normal, mean 128, rounded to whole numbers and clipped to 0..255.

    Parameters
    ----------
    sigma : float
        Standard deviation in gray levels.

    Returns
    -------
    ndarray of float64, shape (256,)
        Adds up to 1.

    Raises
    ------
    InputError
        If the standard deviation is not positive.
    """
    if not sigma > 0:
        raise InputError(f"a standard deviation must be positive, not {sigma}")
    edges = np.concatenate([[-np.inf], (LEVELS[1:] - 0.5 - MEAN) / sigma, [np.inf]])
    lower, upper = edges[:-1], edges[1:]
    # Above the mean, take the difference of upper tails: next to 1 the lower ones would cancel to nothing.
    return np.where(lower > 0, ndtr(-lower) - ndtr(-upper), ndtr(upper) - ndtr(lower))


def bayes_accuracy(sigmas, dimensions: int) -> np.ndarray:
    """
    Accuracy of the ideal classifier on each class, all classes being equally frequent.

    An image of class c is recognised when c is likelier than the next narrower and the next wider class; the two
    log-likelihood ratios are sums over independent pixels, so nearly bivariate normal, with means and covariances that
    follow exactly from the classes' distributions.

    Parameters
    ----------
    sigmas : array_like, shape (classes,)
        Standard deviations in gray levels, all different.
    dimensions : int
        Independent pixel values an image has: 3 * height * width.

    Returns
    -------
    ndarray of float64, shape (classes,)
        In the order of ``sigmas``.

    Raises
    ------
    InputError
        If two standard deviations are equal or one is not positive.
    """
    sigmas = np.asarray(sigmas, float)
    if len(np.unique(sigmas)) < len(sigmas):
        raise InputError("two classes with the same standard deviation cannot be told apart: all must differ")
    order = np.argsort(sigmas)
    densities = np.array([class_distribution(sigma) for sigma in sigmas[order]])
    # Levels that never occur get the smallest number instead of log 0; their weight is zero in any case.
    logs = np.log(np.maximum(densities, np.finfo(float).tiny))
    accuracy = np.empty(len(sigmas))
    for place, row in enumerate(order):
        rivals = [rival for rival in (place - 1, place + 1) if 0 <= rival < len(sigmas)]
        accuracy[row] = _probability_of_beating(logs[place] - logs[rivals], densities[place], dimensions)
    return accuracy


def _probability_of_beating(ratios: np.ndarray, density: np.ndarray, dimensions: int) -> float:
    """Probability that all sums of log-likelihood ratios, (rivals, 256) a pixel, are positive."""
    if not len(ratios):
        return 1.0
    means = ratios @ density
    deviations = ratios - means[:, None]
    covariance = (deviations * density) @ deviations.T
    sd = np.sqrt(np.diagonal(covariance))
    heights = np.sqrt(dimensions) * means / sd
    if len(ratios) == 1:
        return float(ndtr(heights[0]))
    return _bivariate_normal(*heights, covariance[0, 1] / (sd[0] * sd[1]))


def _bivariate_normal(h: float, k: float, correlation: float) -> float:
    """Probability that two standard normals are below ``h`` > 0 and ``k`` > 0 (Owen, 1956): exact, without sampling."""
    rest = np.sqrt(1 - correlation**2)
    slope_h, slope_k = (k / h - correlation) / rest, (h / k - correlation) / rest
    return float((ndtr(h) + ndtr(k)) / 2 - owens_t(h, slope_h) - owens_t(k, slope_k))


def string_order(classes: int = 100) -> np.ndarray:
    """
    Order of the class numbers when the folder names "0", "1", ... are sorted as strings.

    Parameters
    ----------
    classes : int
        Number of classes.

    Returns
    -------
    ndarray of int, shape (classes,)
        Class (from 0) at each place.
    """
    return np.array(sorted(range(classes), key=str))


def string_sorted_positions(classes: int = 100) -> np.ndarray:
    """
    Where each class lands when its folder name is sorted as a string.

    Parameters
    ----------
    classes : int
        Number of classes.

    Returns
    -------
    ndarray of int, shape (classes,)
        Place of each class (counted from 0), itself counted from 1 as on the x axis of figure 8.
    """
    return np.argsort(string_order(classes)) + 1


def in_string_order(curve) -> np.ndarray:
    """
    Put a curve over the classes in the order in which figure 8 shows it.

    Parameters
    ----------
    curve : array_like, shape (classes,)
        One value a class, in the order of the classes.

    Returns
    -------
    ndarray, shape (classes,)
        The same values, in the order of the folder names sorted as strings.
    """
    curve = np.asarray(curve)
    return curve[string_order(len(curve))]
