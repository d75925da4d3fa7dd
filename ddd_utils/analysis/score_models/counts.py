"""How many images have each score, and the agreement of all networks that follows from these counts alone."""

import numpy as np
from numpy.typing import ArrayLike

from ddd_utils.errors import InputError


def score_counts(scores: ArrayLike, networks: int) -> np.ndarray:
    """Count the images of each score, (networks + 1,), from scores (images,) that say how many networks are right."""
    scores = np.asarray(scores)
    whole = scores.astype(np.int64)
    if scores.ndim != 1 or (whole != scores).any() or (whole < 0).any() or (whole > networks).any():
        raise InputError(f"scores must be one whole number an image, from 0 to the number of networks, {networks}")
    return np.bincount(whole, minlength=networks + 1)


def as_counts(counts: ArrayLike) -> np.ndarray:
    """Check the counts of scores 0 to M, (networks + 1,): at least two networks and one image."""
    counts = np.asarray(counts)
    if counts.ndim != 1 or len(counts) < 3:
        raise InputError(f"counts must be those of scores 0 to M, at least 2 networks; the shape is {counts.shape}")
    if (counts < 0).any() or not counts.any():
        raise InputError("counts of scores must not be negative, and some must be above 0")
    return counts


def between(networks: int, tolerance: int | None) -> np.ndarray:
    """Mark the scores of the in-between images, bool (networks + 1,); all scores where the tolerance is None."""
    score = np.arange(networks + 1)
    if tolerance is None:
        return score >= 0
    if tolerance < 0 or networks < 2 * (tolerance + 1):
        raise InputError(f"with {networks} networks and tolerance {tolerance} no image can be in-between")
    return (score > tolerance) & (score < networks - tolerance)


def kappa_of_counts(counts: ArrayLike, tolerance: int | None = None) -> np.ndarray:
    """
    Fleiss' kappa (1971) from the scores' counts or probabilities, (..., networks + 1), of in-between images or all.

    ``1 - E[s (M - s)] / (M (M - 1) p (1 - p))`` with ``p = E[s] / M``; NaN where all networks are always right, always
    wrong, or there are no images.
    """
    networks = np.shape(counts)[-1] - 1
    among = np.asarray(counts, float) * between(networks, tolerance)
    score = np.arange(networks + 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        right = among @ score / (networks * among.sum(axis=-1))
        divided = among @ (score * (networks - score)) / (networks * (networks - 1) * among.sum(axis=-1))
        return 1 - divided / (right * (1 - right))


def fleiss_interval(
    counts: ArrayLike, tolerance: int | None = None, draws: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """
    Return the 95 % limits of `kappa_of_counts` for a new draw of images, the networks given.

    How many images are in-between varies with the draw. Draws without a defined kappa are left out.
    """
    return percentiles(kappa_of_counts(redraw(counts, draws, seed), tolerance))


def redraw(counts: ArrayLike, draws: int, seed: int) -> np.ndarray:
    """Draw images anew, (draws, networks + 1): the counts of their scores are multinomial."""
    counts = as_counts(counts)
    images = int(counts.sum())
    return np.random.default_rng(seed).multinomial(images, counts / images, size=draws)


def percentiles(values: np.ndarray) -> tuple[float, float]:
    """Return the limits that hold 95 % of the defined values; NaN if there are none."""
    defined = values[np.isfinite(values)]
    lower, upper = np.quantile(defined, [0.025, 0.975]).tolist() if defined.size else (np.nan, np.nan)
    return lower, upper
