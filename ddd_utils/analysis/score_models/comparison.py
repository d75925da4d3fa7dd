"""What a model of the scores implies, how well it fits, and the three models beside what was observed."""

from collections.abc import Iterable
from itertools import pairwise, product
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import chdtrc, comb

from ddd_utils.analysis.difficulty import DIFFICULTIES
from ddd_utils.analysis.score_models.fits import (
    MODELS,
    ScoreModel,
    as_counts,
    between,
    fit_beta_binomial,
    fit_binomial,
    fit_inflated_beta_binomial,
    fleiss_interval,
    kappa_of_counts,
    log_beta_binomial,
    percentiles,
    redraw,
)
from ddd_utils.analysis.statistics import with_limits
from ddd_utils.errors import InputError

FITS = (fit_binomial, fit_beta_binomial, fit_inflated_beta_binomial)  # each contains the one before
SMALLEST = 4  # networks, for the last of them
QUALITY = ["misplaced", "p_fit", "p_better"]
LEAST_EXPECTED = 5  # images in a cell of Pearson's statistic: the usual rule


def compare_models(counts: ArrayLike, tolerance: int) -> pd.DataFrame:
    """
    Fit the models of the scores to their counts, (networks + 1,), and say what each gives.

    Row "observed" and one row a model; columns kappa and kappa_in_between (Fleiss), the parameters of `ScoreModel`,
    each also with ``_lower`` and ``_upper`` (95%, for a new draw of images), misplaced, p_fit (`goodness_of_fit`) and
    p_better (`likelihood_ratio` against the row above). With fewer than 4 networks the last model is left out.
    """
    counts = as_counts(counts)
    names = kappa_names(tolerance)
    kappas = {name: (float(kappa_of_counts(counts, t)), fleiss_interval(counts, t)) for name, t in names}
    rows = {"observed": _named_limits(kappas)}
    smaller: ScoreModel | None = None
    for fit in FITS if len(counts) > SMALLEST else FITS[:-1]:
        model = fit(counts)
        values = {name: null_kappa(model, among) for name, among in names} | model.parameters
        limits = model_intervals(model, counts, tolerance)
        quality = goodness_of_fit(model, counts)
        rows[model.name] = _named_limits({name: (value, limits[name]) for name, value in values.items()})
        rows[model.name] |= {"misplaced": quality.misplaced, "p_fit": quality.p_value}
        rows[model.name] |= {"p_better": likelihood_ratio(smaller, model).p_value} if smaller else {}
        smaller = model
    table = pd.DataFrame.from_dict(rows, orient="index")
    return table[[*table.columns.drop(QUALITY), *QUALITY]]


def _named_limits(found: dict[str, tuple[float, tuple[float, float]]]) -> dict[str, float]:
    columns: dict[str, float] = {}
    for name, (value, (lower, upper)) in found.items():
        columns |= with_limits(name, float(value), lower, upper)
    return columns


class GoodnessOfFit(NamedTuple):
    """How far counts are from a model: Pearson's chi-square (p-value NaN without degrees), images misplaced."""

    statistic: float
    degrees: int
    p_value: float
    misplaced: float  # share of the images that would need another score for a perfect fit


class LikelihoodRatio(NamedTuple):
    """Twice the difference of two log-likelihoods, and its p-value."""

    statistic: float
    p_value: float


def goodness_of_fit(model: ScoreModel, counts: ArrayLike) -> GoodnessOfFit:
    """Compare counts with those that a model fitted to them expects (Pearson, 1900), scores pooled to 5 images each."""
    counts = as_counts(counts)
    if counts.shape != model.probabilities.shape or counts.sum() != model.images:
        raise InputError(f"the counts are not those that the {model.name} was fitted to")
    expected = model.images * model.probabilities
    # Each parameter costs a degree of freedom, also a point mass of 0.
    seen, expected = _pool(counts, expected)
    statistic = float(((seen - expected) ** 2 / expected).sum())
    degrees = max(len(expected) - 1 - len(model.parameters), 0)
    misplaced = float(abs(counts - model.images * model.probabilities).sum() / 2 / model.images)
    return GoodnessOfFit(statistic, degrees, float(chdtrc(degrees, statistic)) if degrees > 0 else np.nan, misplaced)


def _pool(seen: np.ndarray, expected: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Join neighbouring scores until enough images are expected of each; the rest joins the last."""
    starts, waiting = [0], 0.0
    for score, images in enumerate(expected):
        waiting += images
        if waiting >= LEAST_EXPECTED and expected[score + 1 :].sum() >= LEAST_EXPECTED:
            starts.append(score + 1)
            waiting = 0.0
    return np.add.reduceat(seen, starts), np.add.reduceat(expected, starts)


def likelihood_ratio(small: ScoreModel, large: ScoreModel) -> LikelihoodRatio:
    """Test whether the next larger model fits the same counts better than chance lets it (Self & Liang, 1987)."""
    if (small.name, large.name) not in pairwise(MODELS):
        order = ", ".join(MODELS)
        raise InputError(f"the {small.name} is not the next smaller model of the {large.name}; in order: {order}")
    if small.images != large.images or small.probabilities.shape != large.probabilities.shape:
        raise InputError(f"the {small.name} and the {large.name} were fitted to different counts")
    # Each parameter that the larger model adds lies on the edge of what it can be under the smaller one (kappa = 0, a
    # point mass of 0), and half of the time its estimate stays there. So the statistic is a mixture of chi-squares:
    # 1/2, 1/2 with 0 and 1 degrees of freedom for the beta-binomial against the binomial; 1/4, 1/2, 1/4 with 0, 1 and 2
    # for the two point masses, as if the estimates of these were uncorrelated. They nearly are: where there are none, a
    # test at 5 % rejects in 6 to 7 % of simulated sets.
    statistic = max(2 * (large.log_likelihood - small.log_likelihood), 0)
    added = len(large.parameters) - len(small.parameters)
    degrees = np.arange(1, added + 1)
    p_value = comb(added, degrees) / 2**added @ chdtrc(degrees, statistic) if statistic else 1.0
    return LikelihoodRatio(float(statistic), float(p_value))


def model_intervals(
    model: ScoreModel, counts: ArrayLike, tolerance: int = 0, draws: int = 1000, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """Percentile intervals (95%) of a model's parameters and two kappas: images are drawn, and it is fitted, anew."""
    # Unlike the curvature of the likelihood, this holds where the model is wrong and where a point mass is 0.
    values, log_p = MODELS[model.name](redraw(counts, draws, seed))
    kappas = {name: kappa_of_counts(np.exp(log_p), among) for name, among in kappa_names(tolerance)}
    return {name: percentiles(value) for name, value in {**values, **kappas}.items()}


def kappa_names(tolerance: int) -> list[tuple[str, int | None]]:
    """Name the two kappas of a set of scores: on all images, and on those in-between at this tolerance."""
    return [("kappa", None), ("kappa_in_between", tolerance)]


def null_kappa(model: ScoreModel, tolerance: int | None = None) -> float:
    """Fleiss' kappa that a model of the scores expects, from nothing but its distribution."""
    return float(kappa_of_counts(model.probabilities, tolerance))


def expected_shares(alpha: float, beta: float, networks: int, tolerance: int = 0) -> dict[str, float]:
    """Shares that exchangeable networks would find where an image's accuracy is drawn from a Beta distribution."""
    _check_shape(alpha, beta)
    kept = between(networks, tolerance)
    log_p, _ = log_beta_binomial(alpha / (alpha + beta), 1 / (alpha + beta + 1), networks)
    probabilities = np.exp(log_p)
    trivial, impossible = probabilities[networks - tolerance :].sum(), probabilities[: tolerance + 1].sum()
    values = trivial, probabilities[kept].sum(), impossible
    return {kind: float(share) for kind, share in zip(DIFFICULTIES, values, strict=True)}


def expected_shares_table(
    alpha: float, beta: float, networks: Iterable[int] = (5, 11, 30, 100), tolerances: Iterable[int] = (0, 1)
) -> pd.DataFrame:
    """`expected_shares` for several numbers of networks and tolerances: columns M, tolerance and the three shares."""
    rows = product(networks, tolerances)
    return pd.DataFrame([{"M": m, "tolerance": t, **expected_shares(alpha, beta, m, t)} for m, t in rows])


def posterior_difficulty(scores: ArrayLike, alpha: float, beta: float, networks: int) -> np.ndarray:
    """Probability (images,) that one more network is wrong: the posterior mean (beta + M - s) / (alpha + beta + M)."""
    _check_shape(alpha, beta)
    return (beta + networks - np.asarray(scores)) / (alpha + beta + networks)


def _check_shape(alpha: float, beta: float) -> None:
    if not (alpha > 0 and beta > 0):
        raise InputError(f"alpha and beta must be above 0, not {alpha} and {beta}")
