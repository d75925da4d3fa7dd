"""How many independent models a set of models is worth, which two complement each other, what a majority gains."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ddd_utils.analysis.consistency.kappa import count_both_right
from ddd_utils.analysis.difficulty import as_correct
from ddd_utils.analysis.nulls.expected_kappa import dealt, jackknife, refitted
from ddd_utils.analysis.nulls.rasch import expected_tables, stratified_abilities
from ddd_utils.analysis.score_models.fits import multiply_out
from ddd_utils.analysis.statistics import percentile_interval, wilson, with_limits

GROUPS = 50  # of images, left out in turn
ORDERS = 100  # in which models join one after the other
MEASURES = ("effective number", "most that any number of such models reaches", "participation ratio")


def effective_number(correct: ArrayLike, seed: int = 0) -> pd.DataFrame:
    """
    Count the independent models that would be worth as much as these.

    The mean of M errors with mean correlation rho varies as that of M / (1 + (M - 1) rho) independent ones, which never
    exceeds 1 / rho. The participation ratio of the eigenvalues of the correlation matrix, their sum squared over the
    sum of their squares, counts its dimensions.

    One row a measure: measure, value, lower and upper (95%, for other images: a jackknife over groups of images),
    models_lower and models_upper (for other models: a jackknife over models).
    """
    correct = _varying(as_correct(correct))
    models, images = correct.shape
    both = count_both_right(correct).astype(float)
    dealt = np.random.default_rng(seed).permutation(images) % min(GROUPS, images)
    parts = [correct[:, dealt == group] for group in range(dealt.max() + 1)]
    by_images = [_measures(_correlation(both - count_both_right(part), images - part.shape[1])) for part in parts]
    whole = _correlation(both, images)
    rest = [np.delete(np.arange(models), left_out) for left_out in range(models)]
    by_models = [_measures(whole[np.ix_(some, some)]) for some in rest]
    value = np.array(_measures(whole))
    (lower, upper), (models_lower, models_upper) = (_limits(value, parts) for parts in (by_images, by_models))
    limits = {"lower": lower, "upper": upper, "models_lower": models_lower, "models_upper": models_upper}
    return pd.DataFrame({"measure": MEASURES, "value": value, **limits})


def effective_in_between(correct: ArrayLike, tolerance: int) -> pd.DataFrame:
    """
    Count independent models on the in-between images, beside what independence given the scores lets expect there.

    In-between images are chosen with the very models, which makes errors less alike whatever the models are; only what
    differs from the expectation (abilities within each score, `score_stratified_kappa`) says something. At least four
    models. Columns measure, observed, expected and excess, each with limits (95%, for other images: abilities are
    fitted anew without each of several groups).
    """
    correct, inside, found = as_correct(correct), slice(tolerance + 1, len(correct) - tolerance), []
    for tables, abilities in refitted(correct, stratified_abilities, dealt(correct)):
        both = np.stack([tables.both, expected_tables(abilities, tables.images).both])[:, :, inside].sum(axis=2)
        images = tables.images[:, inside].sum(axis=1)
        found += [
            [_measures(_correlation(each, n)) for each in pair]
            for pair, n in zip(both.swapaxes(0, 1), images, strict=True)
        ]
    observed, expected = np.array(found).swapaxes(0, 1)
    columns: dict[str, Any] = {"measure": MEASURES}
    for name, values in (("observed", observed), ("expected", expected), ("excess", observed - expected)):
        each = jackknife(values)
        columns |= with_limits(name, each.value, each.lower, each.upper)
    return pd.DataFrame(columns)


def complementary_pairs(correct: ArrayLike, names: Sequence[str]) -> pd.DataFrame:
    """
    List pairs of models, those first of which most often at least one is right.

    Columns one, other (names, the more accurate first), either (share of images), lower, upper (Wilson, for other
    images), independent (the same if their errors were independent), accuracy_one and accuracy_other.
    """
    correct = as_correct(correct)
    images, accuracy = correct.shape[1], correct.mean(axis=1)
    i, j = np.triu_indices(len(correct), 1)
    i, j = np.where(accuracy[i] >= accuracy[j], [i, j], [j, i])
    p, q = accuracy[i], accuracy[j]
    either = p + q - count_both_right(correct)[i, j] / images
    lower, upper = wilson(either * images, images)
    columns = {"one": np.take(names, i), "other": np.take(names, j), "either": either, "lower": lower, "upper": upper}
    table = pd.DataFrame({**columns, "independent": p + q - p * q, "accuracy_one": p, "accuracy_other": q})
    return table.sort_values("either", ascending=False, ignore_index=True, kind="stable")


def opinions_by_size(correct: ArrayLike, orders: int = ORDERS, seed: int = 0) -> pd.DataFrame:
    """
    Let models join one after the other, in random orders, and see what each number k of them is worth.

    One row a k from 1 to M: models, effective (independent models, mean over the orders) with lower and upper (2.5 and
    97.5 % quantiles over orders, not a confidence interval). For odd k: majority (share of the images
    that more than half get right), best (accuracy of the best of the k), independent (as majority, if models of these
    accuracies were independent) and top_majority (as majority, of the k most accurate models).
    """
    correct = _varying(as_correct(correct))
    rng, models = np.random.default_rng(seed), len(correct)
    phi = _correlation(count_both_right(correct).astype(float), correct.shape[1])
    drawn = [rng.permutation(models) for _ in range(orders)]
    worth = np.array([_worth_by_size(phi[np.ix_(order, order)]) for order in drawn])
    voted = np.array([_votes_by_size(correct[order]) for order in drawn])
    lower, upper = percentile_interval(worth)
    columns = dict(zip(("majority", "best", "independent"), voted.mean(axis=0), strict=True))
    columns["top_majority"] = _votes_by_size(correct[np.argsort(-correct.mean(axis=1), kind="stable")])[0]
    sizes = {"models": np.arange(1, models + 1), "effective": worth.mean(axis=0), "lower": lower, "upper": upper}
    return pd.DataFrame({**sizes, **columns})


def _varying(correct: np.ndarray) -> np.ndarray:
    """Leave out models that are always right or always wrong: their errors correlate with nothing."""
    return correct[correct.any(axis=1) & ~correct.all(axis=1)]


def _correlation(both: np.ndarray, images: float) -> np.ndarray:
    """Correlate the errors of models, given how many images each two get right together."""
    p = np.diagonal(both) / images
    sd = np.sqrt(p * (1 - p))
    with np.errstate(invalid="ignore", divide="ignore"):
        return (both / images - np.outer(p, p)) / np.outer(sd, sd)


def _measures(phi: np.ndarray) -> tuple[float, float, float]:
    """Compute the effective number, its ceiling and the participation ratio from the correlation of errors."""
    models = len(phi)
    rho = float((phi.sum() - models) / (models * (models - 1)))
    rooms = 1 + (models - 1) * rho
    return models / rooms if rooms > 0 else np.inf, 1 / rho if rho > 0 else np.inf, float(models**2 / (phi**2).sum())


def _limits(value: np.ndarray, without: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return the limits of statistics from their values without each of several parts; NaN for an infinite ceiling."""
    found = jackknife(np.vstack([value, np.where(np.isfinite(without), without, np.nan)]))
    return found.lower, found.upper


def _worth_by_size(phi: np.ndarray) -> np.ndarray:
    """Compute the effective number of the first k models, for every k."""
    return np.arange(1, len(phi) + 1) ** 2 / np.diagonal(phi.cumsum(axis=0).cumsum(axis=1))


def _votes_by_size(correct: np.ndarray) -> np.ndarray:
    """Compute for the first k models majority, best and independent majority, (3, models); NaN for even k."""
    models, accuracy = len(correct), correct.mean(axis=1)
    found = np.full((3, models), np.nan)
    right = np.zeros(correct.shape[1], np.int16)
    chances = multiply_out(accuracy[:, None], 1 - accuracy[:, None], models)
    for k, decisions in enumerate(correct, start=1):
        right += decisions
        if k % 2:
            most = k // 2 + 1
            found[:, k - 1] = (right >= most).mean(), accuracy[:k].max(), chances[k, most:, 0].sum()
    return found
