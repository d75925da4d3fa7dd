"""
Independent decisions given how many of them are right, networks' abilities, and a test of one ability a network.

The model is Rasch's (1960), fitted by conditional likelihood (Andersen, 1970): the difficulty of an image drops out.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import chdtrc, expit, logit, xlogy

from ddd_utils.analysis.difficulty import as_correct
from ddd_utils.analysis.score_models.fits import multiply_out
from ddd_utils.errors import InputError

# Numbers in the largest arrays of polynomials and of pairs: few enough to stay in a core's caches.
BLOCK, CACHE = 250_000, 40_000
STEPS = 200
LONGEST_STEP = 3.0  # in log odds
TINY = np.finfo(float).tiny
SAME = 1e-7  # relative difference of two odds that are taken for the same
# For more networks the first steps approximate the covariances; exact ones take all pairs of networks at every step.
FEW_NETWORKS, FIRST_STEPS = 60, 20
# Share of images: Newton's method roughly doubles the digits, so the step taken from here is the last one. Fits that
# start from another one serve an interval; with many networks a score has few images, whose shares err by hundredths.
NEAR, NEAR_ANOTHER, NEAR_MANY = 1e-7, 1e-4, 1e-3


def pair_expectations(log_odds: ArrayLike, score: ArrayLike) -> np.ndarray:
    """
    Probability that two of M independent networks are both right, given how many of all M are.

    `log_odds` is (rows, networks) and may be infinite, `score` is (rows,), the result (rows, networks, networks) with
    ``P(i right | score)`` on the diagonal; NaN where infinite log odds make the score impossible. Errors are below
    1e-8, and below 1e-11 unless odds differ by less than a ten-thousandth.

    Given its sum s, a vector of independent decisions has a probability proportional to the product of the odds of
    those that are right (Chen & Liu, 1997); the sums over all such vectors are elementary symmetric polynomials. A
    common factor of the odds cancels, so each row is shifted until s right decisions are the expected number: then the
    polynomials are Poisson-binomial probabilities near their largest, and no coefficient that matters underflows.
    """
    log_odds, score = _checked(log_odds, score)
    rows, networks = log_odds.shape
    expectations = np.empty((rows, networks, networks))
    in_cache = max(CACHE // networks**2, 1)
    for block, p, q, alone in _blocks(log_odds, score):
        for first in range(0, len(block), in_cache):
            some = slice(first, first + in_cache)
            expectations[block[some]] = _pairs(p.T[some], q.T[some], alone.T[some], score[block[some]])
    return expectations


def expectations(log_odds: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Compute the diagonal of `pair_expectations` alone, (rows, networks); small probabilities have fewer digits."""
    found = np.empty(log_odds.shape)
    # Few wrong decisions are counted more quickly than many right ones.
    few = (2 * score > log_odds.shape[1])[:, None]
    turned = np.where(few, -log_odds, log_odds), np.where(few[:, 0], log_odds.shape[1] - score, score)
    for block, _, _, alone in _blocks(*turned):
        found[block] = alone.T
    return np.where(few, 1 - found, found)


def _blocks(log_odds: np.ndarray, score: np.ndarray) -> Iterator[tuple[np.ndarray, ...]]:
    """Yield rows, p and 1 - p shifted to their scores and the probabilities given these, each (networks, rows)."""
    # Rows of similar score share a block, because none needs coefficients beyond its own score.
    order = np.argsort(score, kind="stable")
    at_once = max(BLOCK // log_odds.shape[1] ** 2, 16)
    for start in range(0, len(order), at_once):
        block = order[start : start + at_once]
        p, q = shifted_probabilities(log_odds[block], score[block])
        yield block, p, q, _alone(p, q, score[block])


def log_likelihood(right: ArrayLike, images: ArrayLike, log_odds: ArrayLike, score: ArrayLike) -> np.ndarray:
    """Log-likelihood (rows,) given the scores, of rows of images (rows,) of which each network gets so many right."""
    log_odds, score = _checked(log_odds, score)
    right, images = np.asarray(right, float), np.asarray(images, float)
    p, q = shifted_probabilities(log_odds, score)
    whole = multiply_out(p, q, score.max())[-1]
    total = np.take_along_axis(whole, score[None], axis=0)[0]
    return (xlogy(right, p.T) + xlogy(images[:, None] - right, q.T)).sum(axis=1) - xlogy(images, total)


def _checked(log_odds: ArrayLike, score: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    log_odds, score = np.asarray(log_odds, float), np.asarray(score, int)
    if log_odds.ndim != 2 or score.shape != log_odds.shape[:1]:
        raise InputError(f"each row of log odds takes one score: {log_odds.shape} log odds, {score.shape} scores")
    if ((score < 0) | (score > log_odds.shape[1])).any():
        raise InputError(f"a score must lie between 0 and the number of networks, {log_odds.shape[1]}")
    return log_odds, score


def shifted_probabilities(log_odds: np.ndarray, score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shift each row until its probabilities add up to about its score; return p and 1 - p, (networks, rows)."""
    finite = np.where(np.isfinite(log_odds), log_odds, np.nan)
    any_finite = np.isfinite(log_odds).any(axis=1)
    spread = np.where(any_finite[:, None], finite, 0)
    # At 40 beyond the extremes no probability differs from 0 or 1 by more than 1e-17.
    low, high = -np.nanmax(spread, axis=1) - 40, -np.nanmin(spread, axis=1) + 40
    for _ in range(14):  # any shift is exact; this one need only be near
        middle = (low + high) / 2
        too_many = expit(log_odds + middle[:, None]).sum(axis=1) > score
        low, high = np.where(too_many, low, middle), np.where(too_many, middle, high)
    shifted = (log_odds + low[:, None]).T
    return expit(shifted), expit(-shifted)


def _alone(p: np.ndarray, q: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Compute each network's probability of being right given the score, (networks, rows); NaN if it is impossible."""
    top = score.max()
    prefix = multiply_out(p, q, top)
    # complement[j, k] is the coefficient at score - k of the product over the networks from j on.
    missing = score - np.arange(top + 1)[:, None]
    suffix = multiply_out(p[::-1], q[::-1], top)[::-1]
    complement = np.take_along_axis(suffix, np.maximum(missing, 0)[None], axis=1) * (missing >= 0)
    total = np.where(complement[0, 0] > 0, complement[0, 0], np.nan)
    return p * np.einsum("nkr,nkr->nr", prefix[:-1, :-1], complement[1:, 1:]) / total


def _pairs(p: np.ndarray, q: np.ndarray, alone: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Compute the probabilities of both right, (rows, networks, networks), from arrays (rows, networks)."""
    # Where one of two networks is right and the other wrong, their odds alone tell which, whatever the score: so their
    # own probabilities give that of both.
    one = p[:, :, None] * q[:, None]
    other, weighted = one.swapaxes(1, 2), one * alone[:, None]
    apart, around = one - other, one + other
    with np.errstate(invalid="ignore", divide="ignore"):
        both = (weighted - weighted.swapaxes(1, 2)) / apart
    diagonal = np.arange(p.shape[1])
    if not (around > 0).all():  # both always right, or both never
        both = np.where(around > 0, both, alone[:, :, None] * alone[:, None])
    both[:, diagonal, diagonal] = alone
    # Where the odds are the same, no digit of that is left. But the decisions of all networks add up to the score.
    same = np.abs(apart) <= SAME * around
    same &= around > 0
    same[:, diagonal, diagonal] = False
    if same.any():
        both[same] = 0
        left = (score[:, None] * alone - both.sum(axis=2)) / np.maximum(same.sum(axis=2), 1)
        both[same] = ((left[:, None] + left[:, :, None]) / 2)[same]
    both[score < 2] *= np.eye(len(diagonal))
    return both


@dataclass(frozen=True)
class ScoreTables:
    """Counts of images by score, observed or expected, in a stack of tables: all that the nulls need."""

    both: np.ndarray  # (tables, networks + 1, networks, networks): both right; on the diagonal the one network
    images: np.ndarray  # (tables, networks + 1): all of that score

    @property
    def right(self) -> np.ndarray:
        """Images of each score that each network gets right, (tables, networks + 1, networks)."""
        return np.diagonal(self.both, axis1=-2, axis2=-1)


def tables_by_score(correct: np.ndarray) -> ScoreTables:
    """Count images by score, in a single table; there may be no image."""
    networks = len(correct)
    scores = correct.sum(axis=0)
    images = np.bincount(scores, minlength=networks + 1)
    # Single precision counts exactly up to 16 million images.
    decisions = correct[:, np.argsort(scores, kind="stable")].astype(np.float32)
    both = np.zeros((networks + 1, networks, networks))
    for score, end in enumerate(np.cumsum(images)):
        at = decisions[:, end - images[score] : end]
        both[score] = at @ at.T
    return ScoreTables(both[None], images[None].astype(float))


def rasch_abilities(tables: ScoreTables, start: np.ndarray | None = None) -> np.ndarray:
    """Fit one ability per network to the images of all scores (Rasch, 1960; conditional likelihood: Andersen, 1970)."""
    # Log odds (tables, networks + 1, networks), the same for all scores, each table fitted by itself. Infinite for a
    # network that is never or always right about the images with some but not all networks right.
    informative = slice(1, tables.images.shape[-1] - 1)
    images, right = tables.images[:, informative], tables.right[:, informative].sum(axis=1)
    scores = np.broadcast_to(np.arange(1, tables.images.shape[-1] - 1), images.shape)
    fitted = fit_abilities(right, images, scores, None if start is None else start[:, 1])
    return _by_score(np.repeat(fitted[:, None], scores.shape[1], axis=1))


def stratified_abilities(tables: ScoreTables, start: np.ndarray | None = None) -> np.ndarray:
    """Fit abilities within each score, so that every network's accuracy at every score is matched; shapes as above."""
    right, images = tables.right[:, 1:-1], tables.images[:, 1:-1]
    count, scores, networks = right.shape
    if start is not None:
        start = np.broadcast_to(start[:, 1:-1], right.shape).reshape(-1, networks)
    score = np.tile(np.arange(1, scores + 1), count)[:, None]
    fitted = fit_abilities(right.reshape(-1, networks), images.reshape(-1, 1), score, start)
    return _by_score(fitted.reshape(right.shape))


def fit_abilities(
    right: np.ndarray, images: np.ndarray, score: np.ndarray, start: np.ndarray | None = None
) -> np.ndarray:
    """Maximise the likelihood of decisions given the images' scores, by Newton's method, for many data sets at once."""
    # right (fits, networks), images and score (fits, scores), start (fits or 1, networks). Abilities (fits, networks)
    # are log odds up to a constant in each fit, infinite for a network that is never or always right.
    total = images.sum(axis=1, keepdims=True)
    share = np.divide(right, total, out=np.full(right.shape, 0.5), where=total > 0)
    first = logit(share)
    if start is not None:
        first = np.where(np.isfinite(first) & np.isfinite(start), start, first)
    many = right.shape[1] > FEW_NETWORKS
    data, near = (share, images, score), NEAR if start is None else NEAR_MANY if many else NEAR_ANOTHER
    abilities, residual = first.copy(), np.full(len(right), np.inf)
    for moments, steps in ((_near_moments, FIRST_STEPS), (_moments, STEPS)):
        if many or moments is _moments:
            far = residual > near
            found = _climb(moments, first[far], tuple(of[far] for of in data), near, steps)
            abilities[far], residual[far] = found
    if (residual > near).any():
        raise ArithmeticError(f"abilities are still off by {residual.max():.1e} of the images after {STEPS} steps")
    return abilities


def _climb(
    moments: Callable[..., tuple[np.ndarray, np.ndarray]],
    abilities: np.ndarray,
    data: tuple[np.ndarray, ...],
    near: float,
    steps: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Take at most ``steps`` Newton steps; return abilities, and by how much shares were off before the last one."""
    open_fits, off = np.arange(len(abilities)), np.zeros(len(abilities))
    last, slope = np.zeros(abilities.shape), np.zeros(len(abilities))
    while open_fits.size and steps:
        residual, step = _newton_step(moments, abilities[open_fits], *(of[open_fits] for of in data))
        # The likelihood has one hill: where it now falls along the last step nearly as it rose, that was too far.
        too_far = (residual * last).sum(axis=1) < -slope / 2
        last = np.where(too_far[:, None], -last / 2, step)
        abilities[open_fits] += last
        last[too_far] *= -1
        slope = np.where(too_far, slope / 2, (residual * last).sum(axis=1))
        off[open_fits] = np.abs(residual).max(axis=1)
        still = off[open_fits] > near
        open_fits, last, slope, steps = open_fits[still], last[still], slope[still], steps - 1
    return abilities, off


def expected_tables(abilities: np.ndarray, images: np.ndarray) -> ScoreTables:
    """Compute the counts to expect of networks that are independent given the score of each of these images."""
    scores = np.broadcast_to(np.arange(images.shape[1]), images.shape)
    expected = _expectations(abilities, images, scores)
    expected *= images[..., None, None]
    return ScoreTables(expected, images)


def _by_score(informative: np.ndarray) -> np.ndarray:
    """Add scores 0 and M, where all decisions are known whatever the abilities are."""
    return np.pad(informative, ((0, 0), (1, 1), (0, 0)))


def _expectations(abilities: np.ndarray, images: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Compute the pair expectations of all (fits, scores); 0 where there is no image."""
    networks, some = abilities.shape[-1], images > 0
    if some.all():
        return pair_expectations(abilities.reshape(-1, networks), score.ravel()).reshape(
            *images.shape, networks, networks
        )
    found = np.zeros((*images.shape, networks, networks))
    found[some] = pair_expectations(abilities[some], score[some])
    return found


def _newton_step(
    moments: Callable[..., tuple[np.ndarray, np.ndarray]],
    abilities: np.ndarray,
    share: np.ndarray,
    images: np.ndarray,
    score: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Return each network's share right less the one expected (the slope of the likelihood), and Newton's step."""
    weight = images / np.maximum(images.sum(axis=1, keepdims=True), 1)
    by_score = np.broadcast_to(abilities[:, None], (*images.shape, abilities.shape[1]))
    mean, information = moments(by_score, images, score, weight)
    residual = share - np.einsum("fs,fsi->fi", weight, mean)
    residual[images.sum(axis=1) == 0] = 0
    free = np.isfinite(abilities)
    residual[~free] = 0
    if information.ndim == 2:  # the diagonal is all that counts
        step = np.divide(residual, information, out=np.zeros_like(residual), where=information > 0)
    else:
        # A constant added to all abilities changes nothing, and infinite ones are settled: neither direction may move.
        # The trace of a unit keeps the system regular where abilities run off towards infinity together.
        fixed = free[:, :, None] * free[:, None] + 1e-13 * np.eye(free.shape[1])
        information[:, range(free.shape[1]), range(free.shape[1])] += ~free
        step = np.linalg.solve(information + fixed, residual[..., None])[..., 0]
    longest = np.abs(step).max(axis=1, keepdims=True)
    return residual, step * np.minimum(1, LONGEST_STEP / np.maximum(longest, LONGEST_STEP))


def _moments(
    abilities: np.ndarray, images: np.ndarray, score: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Compute the means of decisions given the score, and their covariances averaged over scores."""
    both = _expectations(abilities, images, score)
    mean = np.diagonal(both, axis1=-2, axis2=-1)
    return mean, np.einsum("fs,fsij->fij", weight, both) - np.einsum("fs,fsi,fsj->fij", weight, mean, mean)


def _near_moments(
    abilities: np.ndarray, images: np.ndarray, score: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Compute the same means, and approximate covariances: variances are exact, and rows add up to 0."""
    mean = np.zeros(abilities.shape)
    some = images > 0
    mean[some] = expectations(abilities[some], score[some])
    # Of independent decisions of variances d, given their sum: diag(d) - d d' / sum(d).
    variance = spread = mean * (1 - mean)
    for _ in range(5):
        spread = variance + spread**2 / np.maximum(spread.sum(axis=-1, keepdims=True), TINY)
    if images.shape[1] == 1:  # residuals add up to 0, so that the other term only adds a constant to all abilities
        return mean, spread[:, 0]
    weighted = weight[..., None] * spread
    total = np.maximum(spread.sum(axis=-1, keepdims=True), TINY)
    diagonal = np.eye(abilities.shape[-1]) * weighted.sum(axis=1)[:, None]
    return mean, diagonal - (weighted / total).swapaxes(1, 2) @ spread


@dataclass(frozen=True)
class AndersenTest:
    """Likelihood-ratio test of one ability vector against one for hard and one for easy images."""

    statistic: float  # twice the gain in log-likelihood
    degrees: int  # of freedom, M - 1
    p_value: float  # chi-squared, which takes many images
    split: int  # highest score of the hard images


def andersen_test(correct: ArrayLike) -> AndersenTest:
    """
    Test the Rasch model on two groups of images, those with a score up to the median and those above it.

    Images on which all networks are right or all are wrong say nothing about abilities and are left out. Andersen
    (1973), "A goodness of fit test for the Rasch model".
    """
    correct = as_correct(correct)
    networks = len(correct)
    tables = tables_by_score(correct)
    scores = np.repeat(np.arange(1, networks), tables.images[0, 1:-1].astype(int))
    if len(np.unique(scores)) < 2:
        raise InputError("Andersen's test takes images of two different scores with some but not all networks right")
    split = int(min(np.median(scores), scores.max() - 1))
    hard = np.arange(networks + 1) <= split
    groups = np.stack([np.ones_like(hard), hard, ~hard])
    stacked = ScoreTables(tables.both * groups[..., None, None], tables.images * groups)
    together, *apart = _log_likelihoods(stacked)
    # The likelihoods' last digits may differ although the same abilities fit both groups.
    statistic = max(2 * float(sum(apart) - together), 0.0)
    return AndersenTest(statistic, networks - 1, float(chdtrc(networks - 1, statistic)), split)


def andersen_table(sets: Mapping[str, ArrayLike]) -> pd.DataFrame:
    """`andersen_test` of several sets of networks, decisions (networks, images) by name."""
    tests = {title: andersen_test(correct) for title, correct in sets.items()}
    rows = [
        {"networks": title, "split_after_score": test.split, "statistic": test.statistic}
        | {"degrees": test.degrees, "p_value": test.p_value}
        for title, test in tests.items()
    ]
    return pd.DataFrame(rows)


def _log_likelihoods(tables: ScoreTables) -> np.ndarray:
    """Fit one ability vector to each table and return its log-likelihood."""
    networks = tables.both.shape[-1]
    some = tables.images > 0
    scores = np.broadcast_to(np.arange(networks + 1), some.shape)
    of_scores = np.zeros(some.shape)
    abilities = rasch_abilities(tables)
    of_scores[some] = log_likelihood(tables.right[some], tables.images[some], abilities[some], scores[some])
    return of_scores.sum(axis=1)
