"""How many images have each score, what agreement follows from that, and fits: all alike, smooth, with point masses."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, gammaln, logit, logsumexp, xlog1py, xlogy

from ddd_utils.errors import InputError

# On the logit scale. Keeps alpha and beta finite where images do not differ (kappa 0) or networks never do (kappa 1).
FARTHEST = 20.0
STEPS = 200
ENOUGH = 1e-14  # gain in log-likelihood an image at which a fit has arrived
# From points (sets, k) and which sets these are: log-likelihood (sets,), its slope (sets, k), information (sets, k, k).
Likelihood = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray, np.ndarray]]
LEAST_DAMPING, MOST_DAMPING = 1e-12, 1e6  # from where the information is singular to where no step helps


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


def fleiss_interval(counts: ArrayLike, tolerance: int | None = None) -> tuple[float, float]:
    """Return the 95% limits of `kappa_of_counts` for other images, among which more or fewer may be in-between."""
    return percentiles(kappa_of_counts(redraw(counts, 1000, 0), tolerance))


def redraw(counts: ArrayLike, draws: int, seed: int) -> np.ndarray:
    """Draw images anew, (draws, networks + 1): the counts of their scores are multinomial."""
    counts = as_counts(counts)
    images = int(counts.sum())
    return np.random.default_rng(seed).multinomial(images, counts / images, size=draws)


def percentiles(values: np.ndarray) -> tuple[float, float]:
    """Return the limits that hold 95% of the defined values; NaN if there are none."""
    defined = values[np.isfinite(values)]
    lower, upper = np.quantile(defined, [0.025, 0.975]).tolist() if defined.size else (np.nan, np.nan)
    return lower, upper


@dataclass(frozen=True)
class ScoreModel:
    """A fitted distribution of scores: binomial, beta-binomial or beta-binomial with point masses."""

    name: str
    # "accuracy" (binomial), or "alpha" and "beta" (Beta distribution of an image's probability of being right), and
    # "never_right" and "always_right", the shares of images that all networks must get wrong, and right.
    parameters: dict[str, float]
    log_likelihood: float  # of the scores, image by image
    probabilities: np.ndarray  # of each score, (networks + 1,)
    images: int  # that it was fitted to


def fit_binomial(counts: ArrayLike) -> ScoreModel:
    """Fit independent networks of the same "accuracy" on images that are all equally hard, to counts (M + 1,)."""
    return _fit("binomial", counts)


def fit_beta_binomial(counts: ArrayLike) -> ScoreModel:
    """
    Fit networks that are independent given the image, whose difficulty follows a Beta distribution (Skellam, 1948).

    The counts, (networks + 1,), are those of `score_counts`. The parameters "alpha" and "beta" are very large where the
    binomial fits best.
    """
    return _fit("beta-binomial", counts)


def fit_inflated_beta_binomial(counts: ArrayLike) -> ScoreModel:
    """Fit a beta-binomial with images besides that all of at least 4 networks must get wrong, or right."""
    return _fit("beta-binomial with point masses", counts)


def _fit(name: str, counts: ArrayLike) -> ScoreModel:
    counts = as_counts(counts)
    values, log_p = MODELS[name](counts[None])
    parameters = {parameter: float(value[0]) for parameter, value in values.items()}
    return ScoreModel(name, parameters, float(_log_likelihood(counts, log_p)[0]), np.exp(log_p[0]), int(counts.sum()))


def _binomial(counts: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
    networks = counts.shape[1] - 1
    score = np.arange(networks + 1)
    accuracy = counts @ score / (networks * counts.sum(axis=1))
    right, wrong = xlogy(score, accuracy[:, None]), xlog1py(networks - score, -accuracy[:, None])
    return {"accuracy": accuracy}, log_choose(networks) + right + wrong


def _beta_binomial(counts: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
    mean, kappa = fit_kept_scores(counts, np.ones(counts.shape[1], bool))
    return _shape(mean, kappa), log_beta_binomial(mean, kappa, counts.shape[1] - 1)[0]


def _inflated(counts: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
    # A point mass above 0 fits its score exactly and leaves a truncated beta-binomial for the others. So the best of
    # four such fits (with neither mass, one, both) is the maximum, and a mass that does not help comes out exactly 0.
    networks = counts.shape[1] - 1
    if networks < 4:
        raise InputError(f"point masses beside a beta-binomial take at least 4 networks, not {networks}")
    fits = [_with_masses_at(counts, ends) for ends in ([], [0], [networks], [0, networks])]
    best = np.argmax([_log_likelihood(counts, log_p) for _, log_p in fits], axis=0)
    rows = np.arange(len(counts))
    parameters = {name: np.stack([found[name] for found, _ in fits])[best, rows] for name in fits[0][0]}
    return parameters, np.stack([log_p for _, log_p in fits])[best, rows]


def _with_masses_at(counts: np.ndarray, ends: list[int]) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Fit point masses at these scores; a set of counts that would need a negative one gets log-likelihood -inf."""
    kept = ~np.isin(np.arange(counts.shape[1]), ends)
    possible = np.asarray(counts[:, kept].any(axis=1))
    mean, kappa = fit_kept_scores(np.where(possible[:, None], counts, 1), kept)
    log_p, _ = log_beta_binomial(mean, kappa, counts.shape[1] - 1)
    share = counts / counts.sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore"):
        weight = np.log(share[:, kept].sum(axis=1)) - logsumexp(log_p[:, kept], axis=1)
        smooth = log_p + weight[:, None]
        log_p = np.where(kept, smooth, np.log(share))
    masses = np.where(kept, 0, share - np.exp(smooth))
    log_p[~possible | (masses.min(axis=1) < 0)] = -np.inf
    return {**_shape(mean, kappa), "never_right": masses[:, 0], "always_right": masses[:, -1]}, log_p


def _shape(mean: np.ndarray, kappa: np.ndarray) -> dict[str, np.ndarray]:
    concentration = 1 / kappa - 1
    return {"alpha": mean * concentration, "beta": (1 - mean) * concentration}


def _log_likelihood(counts: np.ndarray, log_p: np.ndarray) -> np.ndarray:
    return np.multiply(counts, log_p, where=counts > 0, out=np.zeros(log_p.shape)).sum(axis=-1)


# Each fits a model to sets of counts (sets, networks + 1): its parameters (sets,) and the log probabilities.
MODELS = {"binomial": _binomial, "beta-binomial": _beta_binomial, "beta-binomial with point masses": _inflated}


def log_beta_binomial(mean: ArrayLike, kappa: ArrayLike, networks: int) -> tuple[np.ndarray, np.ndarray]:
    """Logarithm of the beta-binomial probabilities (..., networks + 1), and its slopes (2, ...) in mean and kappa."""
    # In mean = alpha / (alpha + beta) and kappa = 1 / (alpha + beta + 1), which are finite where it is the binomial.
    mean, kappa, i = np.asarray(mean)[..., None], np.asarray(kappa)[..., None], np.arange(networks)
    # Factors of the rising factorials of alpha, beta and alpha + beta, each divided by alpha + beta + 1.
    right, wrong, either = (share * (1 - kappa) + i * kappa for share in (mean, 1 - mean, 1))
    log_p = log_choose(networks) + _first(np.log(right)) + _last(np.log(wrong)) - _all(np.log(either))
    by_mean = _first((1 - kappa) / right) - _last((1 - kappa) / wrong)
    by_kappa = _first((i - mean) / right) + _last((i - 1 + mean) / wrong) - _all((i - 1) / either)
    return log_p, np.stack([by_mean, by_kappa])


def log_choose(networks: int) -> np.ndarray:
    """Logarithm of the number of ways to be right s times of M, for s = 0 to M."""
    score = np.arange(networks + 1)
    return gammaln(networks + 1) - gammaln(score + 1) - gammaln(networks - score + 1)


def multiply_out(p: np.ndarray, q: np.ndarray, top: int) -> np.ndarray:
    """Multiply the factors q + p z, (networks, rows), one after another: (networks + 1, top + 1 coefficients, rows)."""
    networks, rows = p.shape
    products = np.zeros((networks + 1, top + 1, rows))
    products[0, 0] = 1
    for i in range(networks):
        products[i + 1] = products[i] * q[i]
        products[i + 1, 1:] += products[i, :-1] * p[i]
    return products


def _first(terms: np.ndarray) -> np.ndarray:
    """Add up the first s of the terms, one for each right answer, for s = 0 to M."""
    return np.concatenate([np.zeros_like(terms[..., :1]), np.cumsum(terms, axis=-1)], axis=-1)


def _last(terms: np.ndarray) -> np.ndarray:
    """Add up the first M - s of the terms, one for each wrong answer."""
    return _first(terms)[..., ::-1]


def _all(terms: np.ndarray) -> np.ndarray:
    return terms.sum(axis=-1, keepdims=True)


def fit_kept_scores(counts: np.ndarray, kept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the beta-binomials, mean and kappa (sets,), that best explain how images divide among the kept scores."""
    # On the logits of mean and kappa.
    shares = np.where(kept, counts, 0) / counts[:, kept].sum(axis=1, keepdims=True)
    networks = len(kept) - 1
    means = counts @ np.arange(networks + 1) / (networks * counts.sum(axis=1))
    point = logit(np.clip([means, np.nan_to_num(kappa_of_counts(counts))], 0.01, 0.99)).T
    mean, kappa = expit(climb(point, lambda at, rows: _kept_likelihood(at, shares[rows], kept), FARTHEST).T)
    return mean, kappa


def climb(point: np.ndarray, likelihood: Likelihood, farthest: float, enough: float = ENOUGH) -> np.ndarray:
    """Maximise likelihoods from points (sets, k), all sets in step, by damped Fisher scoring (Levenberg, Marquardt)."""
    point = point.copy()
    value, slope, information = likelihood(point, np.arange(len(point)))
    damping = np.full(len(point), 1e-3)
    rows = np.arange(len(point))
    for _ in range(STEPS):
        damped = information[rows] + damping[rows, None, None] * np.eye(point.shape[1])
        step = np.linalg.solve(damped, slope[rows, :, None])[..., 0]
        there = np.clip(point[rows] + step, -farthest, farthest)
        found = likelihood(there, rows)
        gain = found[0] - value[rows]
        better = gain > 0
        moved = rows[better]
        point[moved] = there[better]
        value[moved], slope[moved], information[moved] = (part[better] for part in found)
        damping[rows] = np.where(better, np.maximum(damping[rows] / 10, LEAST_DAMPING), damping[rows] * 10)
        rows = rows[~(better & (gain < enough)) & (damping[rows] <= MOST_DAMPING)]
        if not rows.size:
            break
    return point


def _kept_likelihood(
    point: np.ndarray, shares: np.ndarray, kept: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Log-likelihood an image (sets,), its slope (sets, 2) and expected information (sets, 2, 2) on the logit scale."""
    mean, kappa = expit(point.T)
    log_p, slope = log_beta_binomial(mean, kappa, len(kept) - 1)
    slope = slope * np.stack([mean * (1 - mean), kappa * (1 - kappa)])[..., None]
    total = logsumexp(log_p[:, kept], axis=1, keepdims=True)
    weights = np.where(kept, np.exp(log_p - total), 0)
    expected = (slope * weights).sum(axis=-1)
    around = slope - expected[..., None]
    information = np.einsum("isk,jsk,sk->sij", around, around, weights)
    return (shares * (log_p - total)).sum(axis=1), ((slope * shares).sum(axis=-1) - expected).T, information
