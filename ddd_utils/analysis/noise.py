"""The Gaussian noise classes: how far apart two are, the best that any classifier can do, and figure 8's odd order."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import ndtr, owens_t

from ddd_utils.analysis.difficulty import as_correct, class_accuracy
from ddd_utils.analysis.statistics import Estimate, wilson
from ddd_utils.errors import InputError

MEAN = 128
LEVELS = np.arange(256)


def kl_divergence(sigma_p: ArrayLike, sigma_q: ArrayLike) -> np.ndarray:
    """
    Kullback-Leibler divergence of two normal distributions with equal means, over the first one (equation 1).

    ``log(sigma_q / sigma_p) + sigma_p**2 / (2 sigma_q**2) - 1/2``, in nats; the standard deviations broadcast.
    """
    ratio = np.divide(sigma_p, sigma_q)
    return (ratio**2 - 1) / 2 - np.log(ratio)


def class_distribution(sigma: float) -> np.ndarray:
    """Probabilities of the gray levels, (256,), in one class: normal, mean 128, rounded and clipped to 0..255."""
    if not sigma > 0:
        raise InputError(f"a standard deviation must be positive, not {sigma}")
    edges = np.concatenate([[-np.inf], (LEVELS[1:] - 0.5 - MEAN) / sigma, [np.inf]])
    lower, upper = edges[:-1], edges[1:]
    # Above the mean, take the difference of upper tails: next to 1 the lower ones would cancel to nothing.
    return np.where(lower > 0, ndtr(-lower) - ndtr(-upper), ndtr(upper) - ndtr(lower))


def bayes_accuracy(sigmas: ArrayLike, dimensions: int) -> np.ndarray:
    """
    Accuracy of the ideal classifier on each class, (classes,), all classes being equally frequent.

    An image of class c is recognised when c is likelier than the next narrower and the next wider class; the two
    log-likelihood ratios are sums over independent pixel values (``dimensions``), so nearly bivariate normal, with
    means and covariances that follow exactly from the classes' distributions.
    """
    sigmas = np.asarray(sigmas, float)
    if len(np.unique(sigmas)) < len(sigmas):
        raise InputError("two classes with the same standard deviation cannot be told apart: all must differ")
    order = np.argsort(sigmas)
    densities = np.array([class_distribution(sigma) for sigma in sigmas[order]])
    # Levels that never occur get the smallest number instead of log 0; their weight is zero in any case.
    logs = np.log(np.maximum(densities, np.finfo(float).tiny))
    accuracy = np.empty(len(sigmas))
    for rank, row in enumerate(order):
        rivals = [rival for rival in (rank - 1, rank + 1) if 0 <= rival < len(sigmas)]
        accuracy[row] = _probability_of_beating(logs[rank] - logs[rivals], densities[rank], dimensions)
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
    return _bivariate_normal(heights[0], heights[1], covariance[0, 1] / (sd[0] * sd[1]))


def _bivariate_normal(h: float, k: float, correlation: float) -> float:
    """Probability that two standard normals are below ``h`` > 0 and ``k`` > 0 (Owen, 1956): exact, without sampling."""
    rest = np.sqrt(1 - correlation**2)
    slope_h, slope_k = (k / h - correlation) / rest, (h / k - correlation) / rest
    return float((ndtr(h) + ndtr(k)) / 2 - owens_t(h, slope_h) - owens_t(k, slope_k))


def neighbour_divergence(classes: int = 100) -> pd.DataFrame:
    """Divergence of each noise class, sigma 1 to classes - 1, from the next: columns sigma and kl, in nats."""
    sigma = np.arange(1, classes + 1)
    return pd.DataFrame({"sigma": sigma[:-1], "kl": kl_divergence(sigma[:-1], sigma[1:])})


def accuracy_by_sigma(correct: ArrayLike, labels: ArrayLike, pixels: int | None) -> pd.DataFrame:
    """
    Accuracy of networks, the base first, on each noise class beside the ideal classifier's; a label is sigma - 1.

    Columns sigma, accuracy (mean over networks), lowest, highest, kl (divergence from the next class; NaN for the
    last), base, and bayes: NaN where the number of independent pixel values is None, because images are resized.
    """
    correct = as_correct(correct)
    by_network = pd.DataFrame(
        {row: class_accuracy(one[None], labels).set_index("label")["accuracy"] for row, one in enumerate(correct)}
    )
    table = by_network.agg(["mean", "min", "max"], axis=1).set_axis(["accuracy", "lowest", "highest"], axis=1)
    table = table.reset_index(names="sigma").assign(base=by_network[0].to_numpy())
    table["sigma"] += 1
    table = table.merge(neighbour_divergence(max(2, len(table))), "left", on="sigma")
    return table.assign(bayes=np.nan if pixels is None else bayes_accuracy(table["sigma"], pixels))


def divergence_correlation(classes: pd.DataFrame) -> Estimate:
    """Spearman's correlation of divergence and the base's accuracy, with the interval for a sample of other classes."""
    near = classes.dropna(subset="kl")
    rho = float(near["kl"].corr(near["base"], method="spearman"))
    error = np.sqrt((1 + rho**2 / 2) / (len(near) - 3))  # of Fisher's z (Bonett and Wright, 2000)
    z = np.arctanh(np.clip(rho, -1 + 1e-9, 1 - 1e-9))
    return Estimate(rho, error * (1 - rho**2), *np.tanh(z + 1.96 * np.array([-error, error])))


def base_accuracy(correct: ArrayLike) -> Estimate:
    """Accuracy over networks and images, bool (networks, images), with Wilson's interval for other images."""
    correct = as_correct(correct)
    lower, upper = wilson(correct.sum(), correct.size)
    accuracy = correct.mean()
    return Estimate(accuracy, np.sqrt(accuracy * (1 - accuracy) / correct.size), float(lower), float(upper))


def in_folder_order(classes: pd.DataFrame) -> pd.DataFrame:
    """Put classes where figure 8 draws them, by folder names sorted as strings: folders 4 to 9 are moved far right."""
    folder = classes["sigma"] - 1
    return classes.assign(folder=folder, position=string_sorted_positions(len(classes)), moved=folder.between(4, 9))


def string_sorted_positions(classes: int = 100) -> np.ndarray:
    """Where folders "0", "1", ... land, (classes,), when sorted as strings; counted from 1 as on figure 8's x axis."""
    return np.argsort(sorted(range(classes), key=str)) + 1
