"""What goes with failure: factors that people marked on images, adjusted for class, and for whom they matter."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import ndtr, stdtr, stdtrit

from ddd_utils.analysis.difficulty import as_correct, as_labels, classify
from ddd_utils.analysis.score_models import fit_beta_binomial, posterior_difficulty, score_counts
from ddd_utils.analysis.statistics import Estimate, holm, percentile_interval
from ddd_utils.errors import InputError

ITERATIONS, ENOUGH = 50, 1e-9
LARGEST_STEP = 2.0  # of a coefficient: a factor of seven
PRIMARY = "impossible"
DRAWS = 1_000  # of classes, for an interval
COMMON = 0.75  # of the images carry the mark: it tells next to nothing about the others


@dataclass(frozen=True)
class Regression:
    """Log ratios of an outcome for each factor, all others and the class held fixed; NaN where not estimable."""

    log_ratios: np.ndarray  # (factors,)
    covariance: np.ndarray  # (factors, factors), robust to dependence within classes
    classes: int  # that took part
    left_out: int  # classes in which the outcome never occurs: they say nothing about ratios
    images: int

    def estimate(self, weights: ArrayLike) -> Estimate:
        """Return the ratio, with its 95% interval, of a weighted mean of the log ratios; the error is of its log."""
        weights = np.asarray(weights, float)
        used = weights != 0
        value = float(weights[used] @ self.log_ratios[used])
        error = float(np.sqrt(weights[used] @ self.covariance[np.ix_(used, used)] @ weights[used]))
        margin = stdtrit(max(self.classes - 1, 1), 0.975) * error
        return Estimate(np.exp(value), error, np.exp(value - margin), np.exp(value + margin))

    def p_value(self, factor: int) -> float:
        """Test one log ratio against 0, two-sided, by Student's t with one degree of freedom less than classes."""
        z = abs(self.log_ratios[factor]) / np.sqrt(self.covariance[factor, factor])
        return float(2 * stdtr(max(self.classes - 1, 1), -z))


def fixed_effects_poisson(outcome: ArrayLike, marks: ArrayLike, labels: ArrayLike) -> Regression:
    """
    Estimate how many times as often an outcome occurs where a factor is marked, adjusted for class and other factors.

    A Poisson regression with an effect for each class, which is conditioned away: the estimate is that with a dummy
    variable for each class, without computing them. For outcomes of 0 and 1 the ratios are risk ratios (Zou, 2004).
    The errors are robust to any variance and to dependence within a class (Wooldridge, 1999).

    Outcomes, (images,), are 0 or 1, or any number that is not negative; marks are bool (images, factors), labels the
    class of each image. NaN for a factor that never varies within a class in which the outcome occurs, or whose ratio
    is 0 or infinite; NaN for all where one of them follows from others, or together they decide the outcome.
    """
    outcome, marks, classes = _checked(outcome, marks, labels)
    total = np.bincount(classes, outcome)
    kept = total[classes] > 0
    y, x, group = outcome[kept], marks[kept].astype(float), np.unique(classes[kept], return_inverse=True)[1]
    coefficients = np.full(x.shape[1], np.nan)
    covariance = np.full((x.shape[1], x.shape[1]), np.nan)
    used = np.flatnonzero(_estimable(y, x, group)) if len(y) else np.array([], int)
    if len(used):
        coefficients[used], covariance[np.ix_(used, used)] = _fit(y, x[:, used], group)
    return Regression(coefficients, covariance, int((total > 0).sum()), int((total == 0).sum()), len(outcome))


def _checked(outcome: ArrayLike, marks: ArrayLike, labels: ArrayLike) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    outcome, marks = np.asarray(outcome, float), np.asarray(marks, bool)
    if outcome.ndim != 1 or marks.ndim != 2 or len(marks) != len(outcome):
        shapes = f"{outcome.shape} and {marks.shape}"
        raise InputError(f"outcomes must be (images,) and marks (images, factors); the shapes are {shapes}")
    if (outcome < 0).any():
        raise InputError("an outcome must not be negative")
    return outcome, marks, np.unique(as_labels(labels, outcome), return_inverse=True)[1]


def _estimable(y: np.ndarray, x: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Find the factors with a finite ratio: within classes they vary, and the outcome occurs with and without them."""
    varying = _within(x, group)
    with_it, without = (y[:, None] * (varying * side > 0) for side in (1, -1))
    return (with_it.sum(axis=0) > 0) & (without.sum(axis=0) > 0)


def _within(values: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Subtract the mean of each class, and what rounding leaves."""
    found = values - _sums(values, group)[group] / np.bincount(group)[group, None]
    found[np.abs(found) < 1e-12] = 0
    return found


def _sums(values: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Add up the rows of each class."""
    return np.stack([np.bincount(group, column) for column in values.T], axis=1)


def _fit(y: np.ndarray, x: np.ndarray, group: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the maximum of the conditional likelihood by Newton's method, and the sandwich of its clusters."""
    total, coefficients, within = np.bincount(group, y), np.zeros(x.shape[1]), _within(x, group)
    unknown = coefficients * np.nan, np.full((x.shape[1], x.shape[1]), np.nan)
    if np.linalg.matrix_rank(within.T @ within) < x.shape[1]:
        return unknown
    for _ in range(ITERATIONS):
        score, information = _derivatives(coefficients, y, x, group, total)
        step = np.linalg.solve(information, score.sum(axis=0))
        coefficients = coefficients + step * min(1, LARGEST_STEP / max(np.abs(step).max(), ENOUGH))
        if np.abs(step).max() < ENOUGH:
            break
    else:
        return unknown
    bread, clusters = np.linalg.inv(information), len(total)
    robust = bread @ (score.T @ score) @ bread * clusters / max(clusters - 1, 1)
    return coefficients, robust


def _derivatives(
    coefficients: np.ndarray, y: np.ndarray, x: np.ndarray, group: np.ndarray, total: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the score of each class and the information: of an outcome's total, each image expects its share."""
    weight = np.exp(x @ coefficients)
    expected = weight * (total / np.bincount(group, weight))[group]
    means = _sums(expected[:, None] * x, group) / total[:, None]
    information = x.T @ (expected[:, None] * x) - means.T @ (total[:, None] * means)
    return _sums((y - expected)[:, None] * x, group), information


def outcomes(correct: ArrayLike) -> dict[str, np.ndarray]:
    """Return what is asked of each image: is it impossible, is it trivial (tolerance 0), how difficult is it."""
    correct = as_correct(correct)
    kinds, score = classify(correct, 0), correct.sum(axis=0)
    smooth = fit_beta_binomial(score_counts(score, len(correct)))
    difficulty = posterior_difficulty(score, smooth.parameters["alpha"], smooth.parameters["beta"], len(correct))
    return {PRIMARY: kinds == "impossible", "trivial": kinds == "trivial", "difficulty": difficulty}


def adjusted_ratios(
    asked: Mapping[str, ArrayLike],
    marks: ArrayLike,
    labels: ArrayLike,
    factors: Sequence[str],
    top: ArrayLike | None = None,
) -> pd.DataFrame:
    """
    Regress several outcomes on factors (`fixed_effects_poisson`).

    ``top``, bool as ``marks``, has at most one factor an image, its main one: of these the primary outcome is compared
    with that of the images whose main factor is the commonest. One row an outcome and factor: outcome, factor, marked
    (share of the images), ratio, lower, upper, p_value, p_holm (for all rows).
    """
    marks = np.asarray(marks, bool)
    rows = [row for name, outcome in asked.items() for row in _rows(name, outcome, marks, labels, factors)]
    if top is not None:
        top = np.asarray(top, bool)
        base, kept = int(top.sum(axis=0).argmax()), top.any(axis=1)
        others = np.delete(top[kept], base, axis=1), np.asarray(labels)[kept], [*factors[:base], *factors[base + 1 :]]
        rows += _rows(f"main factor, against {factors[base]}", np.asarray(asked[PRIMARY])[kept], *others)
    table = pd.DataFrame(rows, columns=["outcome", "factor", "marked", "ratio", "lower", "upper", "p_value"])
    return table.assign(p_holm=holm(table["p_value"]))


def _rows(
    name: str, outcome: ArrayLike, marks: np.ndarray, labels: ArrayLike, factors: Sequence[str]
) -> Iterator[tuple[str | float, ...]]:
    found = fixed_effects_poisson(outcome, marks, labels)
    for at, factor in enumerate(factors):
        ratio = found.estimate(np.arange(len(factors)) == at)
        yield name, factor, marks[:, at].mean(), ratio.value, ratio.lower, ratio.upper, found.p_value(at)


def families(names: Sequence[str]) -> dict[str, np.ndarray]:
    """Group models by the letters with which their names begin (resnet18, resnet50): rows, for each of several."""
    stems = [found[0] if (found := re.match("[a-z]{2,}", name.lower())) else name for name in names]
    return {stem: np.flatnonzero(np.array(stems) == stem) for stem in dict.fromkeys(stems)}


def is_resnet50(names: Iterable[str]) -> np.ndarray:
    """Tell, by its name, which models are a ResNet-50 as that of the prototypes, bool (models,)."""
    return np.array([bool(re.fullmatch(r"resnet[-_ ]?50([-_. ].*)?", name.lower())) for name in names], bool)


def without_models(
    correct: np.ndarray,
    names: Sequence[str],
    marks: np.ndarray,
    labels: np.ndarray,
    factors: Sequence[str],
    kinds: Sequence[str] = (),
) -> pd.DataFrame:
    """
    Ask again which images are impossible without some of the models: those like ResNet-50, or one family.

    A family is all models whose names begin alike, or all of one of ``kinds`` (of each model: transformer, CNN, ...).
    Columns factor, without_resnet50 (the ratio; NaN where there is none among the models), lowest and highest (of the
    ratios without one family each).
    """
    groups = [*families(names).values(), *(np.flatnonzero(np.array(kinds) == kind) for kind in dict.fromkeys(kinds))]
    gone, parts = is_resnet50(names), [rows for rows in groups if len(rows) < len(names)]
    ratios = np.array([*_ratios(correct, parts, marks, labels)] or [np.full(len(factors), np.nan)])
    (other,) = _ratios(correct, [np.flatnonzero(gone)], marks, labels) if gone.any() else [np.nan]
    table = pd.DataFrame({"factor": list(factors), "without_resnet50": other})
    return table.assign(lowest=ratios.min(axis=0), highest=ratios.max(axis=0))


def _ratios(
    correct: np.ndarray, left_out: Iterable[np.ndarray], marks: np.ndarray, labels: np.ndarray
) -> Iterator[np.ndarray]:
    for rows in left_out:
        impossible = ~np.delete(correct, rows, axis=0).any(axis=0)
        yield np.exp(fixed_effects_poisson(impossible, marks, labels).log_ratios)


def explained(
    outcome: ArrayLike, blocks: Mapping[str, ArrayLike], labels: ArrayLike, draws: int = DRAWS, seed: int = 0
) -> pd.DataFrame:
    """
    Share of an outcome's variance that classes explain, and with them one block of variables after the other.

    Linear regression with an effect for each class; the share of a block depends on its place in the order, and none is
    adjusted for the number of variables. Blocks are (images, variables). Columns step, r2 (up to this step) and added,
    each with lower and upper: 95% intervals for other classes, which are drawn anew with their images.
    """
    outcome = np.asarray(outcome, float)
    group = np.unique(as_labels(labels, outcome), return_inverse=True)[1]
    variables = [np.asarray(block, float) for block in blocks.values()]
    within = _within(np.column_stack([*variables, outcome]), group)
    ends = np.cumsum([0, *(block.shape[1] for block in variables)])
    products, moments = _by_class(within, outcome - outcome.mean(), group)
    classes, rng = len(moments), np.random.default_rng(seed)
    weights = np.vstack([np.ones(classes), rng.multinomial(classes, np.full(classes, 1 / classes), draws)])
    crossed = np.tensordot(weights, products, 1)
    r2 = np.array([_shares(*each, ends) for each in zip(crossed, weights @ moments, strict=True)])
    table = pd.DataFrame({"step": ["class", *blocks]})
    for name, values in {"r2": r2, "added": np.diff(r2, axis=1, prepend=0)}.items():
        lower, upper = percentile_interval(values[1:])
        table = table.assign(**{name: values[0], f"{name}_lower": lower, f"{name}_upper": upper})
    return table


def _by_class(within: np.ndarray, centred: np.ndarray, group: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each class's products of variables, and its images, sum and sum of squares of the outcome."""
    order, counts = np.argsort(group, kind="stable"), np.bincount(group)
    parts = np.split(within[order], np.cumsum(counts)[:-1])
    moments = np.column_stack([counts, np.bincount(group, centred), np.bincount(group, centred**2)])
    return np.stack([part.T @ part for part in parts]), moments


def _shares(crossed: np.ndarray, moments: np.ndarray, ends: np.ndarray) -> list[float]:
    """Compute R2 with classes alone and up to the end of each block; the outcome is the last variable."""
    images, total, squares = moments
    all_of_it, variance = crossed[-1, -1], squares - total**2 / images
    fitted = [np.linalg.lstsq(crossed[:end, :end], crossed[:end, -1])[0] @ crossed[:end, -1] for end in ends]
    return [1 - (all_of_it - each) / variance for each in fitted]


def against_peers(correct: ArrayLike, marks: ArrayLike, names: Sequence[str], factors: Sequence[str]) -> pd.DataFrame:
    """
    Ask on which factors each model errs more, or less, than the other models' answers let expect.

    Images are compared with images that as many models get right: of these, a model should err on the marked ones as
    often as on all. The test is Mantel's and Haenszel's (1959), with the scores as strata, as for items that are harder
    for some people than for others. A score counts the model's own answer: with one ability a model and one difficulty
    an image nobody then deviates, while without it the ablest would, wherever images are hard (Holland & Thayer, 1988).

    One row a model and factor: model, factor, wrong (images of the factor), expected, ratio, lower, upper (95%, of a
    normal error), z (the difference in standard errors), p_value, p_holm (for all rows). NaN where nothing varies.
    """
    correct, marks = as_correct(correct), np.asarray(marks, bool)
    score, rows = correct.sum(axis=0), []
    for name, right in zip(names, correct, strict=True):
        observed, expected, variance = _stratified(~right, marks, score, len(correct) + 1)
        rows += [(name, *row) for row in zip(factors, observed, expected, variance, strict=True)]
    table = pd.DataFrame(rows, columns=["model", "factor", "wrong", "expected", "variance"])
    known = table["expected"].where(table["variance"] > 0)
    error = np.sqrt(table.pop("variance"))
    ratio, margin, z = table["wrong"] / known, 1.96 * error / known, (table["wrong"] - known) / error
    p = 2 * ndtr(-z.abs())
    return table.assign(ratio=ratio, lower=ratio - margin, upper=ratio + margin, z=z, p_value=p, p_holm=holm(p))


def _stratified(
    wrong: np.ndarray, marks: np.ndarray, stratum: np.ndarray, strata: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Count errors on marked images, and give their expectation and variance if marks were dealt out within strata."""
    images, errors = np.bincount(stratum, minlength=strata), np.bincount(stratum, wrong, strata)
    marked = np.stack([np.bincount(stratum[column], minlength=strata) for column in marks.T])
    share = errors / np.maximum(images, 1)
    expected = marked * share
    variance = expected * (1 - share) * (images - marked) / np.maximum(images - 1, 1)
    return wrong @ marks.astype(float), expected.sum(axis=1), variance.sum(axis=1)
