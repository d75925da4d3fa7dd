"""People, or networks, as deciders about the same images: how alike they err where images are equally distorted."""

from collections.abc import Mapping
from itertools import combinations, product

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import comb, stdtrit

from ddd_utils.analysis import verdict
from ddd_utils.analysis.consistency import interval, kappa_bounds, mean_kappa, pairwise_error_consistency
from ddd_utils.analysis.difficulty import as_correct, scores
from ddd_utils.analysis.score_models import score_counts
from ddd_utils.analysis.statistics import Estimate, with_limits
from ddd_utils.errors import InputError

Sets = Mapping[str, tuple[np.ndarray, np.ndarray]]  # by name: decisions (deciders, images), conditions (images,)
Pairs = list[tuple[int, int]]
# Deciders below which nothing is said about the shape of difficulty, or about in-between images. At tolerance 1 the
# kappa on these is a fixed number with four, and nearly one with five; a smooth family fits so few scores anyway.
FEWEST = 6
BANDS = (0.0, 0.25, 0.75, 1.01)  # hard, medium and easy conditions, by accuracy
ENDS = ("impossible", "trivial")


def within(correct: ArrayLike, conditions: ArrayLike, pairs: Pairs, minus: Pairs | None = None) -> Estimate:
    """
    Mean kappa of pairs (less that of ``minus``) within each condition, averaged, with the error for other images.

    Pooled conditions would inflate it: deciders that are right where it is easy and wrong where it is hard agree, even
    if they decide independently within each condition. Each condition has images of its own, so that their errors are
    independent. A pair whose kappa is undefined in a condition is left out there; NaN where none is defined.
    """
    correct, found = as_correct(correct), []
    for part in _parts(correct, conditions).values():
        kappa = pairwise_error_consistency(part)
        plus, less = ([pair for pair in each if np.isfinite(kappa[pair])] for each in (pairs, minus or []))
        if plus and (less or not minus):
            found.append(interval(part, plus, less or None))
    if not found:
        return Estimate(np.nan, np.nan, np.nan, np.nan)
    error = np.linalg.norm([each.standard_error for each in found]) / len(found)
    return Estimate.wald(float(np.mean([each.value for each in found])), float(error))


def _parts(correct: np.ndarray, conditions: ArrayLike) -> dict[str, np.ndarray]:
    """Split decisions by condition."""
    conditions = np.asarray(conditions)
    if conditions.shape != correct.shape[1:]:
        raise InputError(f"there must be one condition an image: {conditions.shape} for decisions {correct.shape}")
    return {str(name): correct[:, conditions == name] for name in np.unique(conditions)}


def all_pairs(deciders: int) -> Pairs:
    """List the pairs of so many deciders."""
    return list(combinations(range(deciders), 2))


def by_condition(correct: ArrayLike, conditions: ArrayLike) -> pd.DataFrame:
    """
    Describe each condition, the easiest first.

    Columns condition, people, images, accuracy, kappa (mean of all pairs whose kappa is defined) with lower and upper
    (95%, for other images), largest (mean of the largest kappas that accuracies allow), rho (mean correlation of
    errors), impossible and trivial (shares of images that all get wrong, or right), and both with ``_independent``:
    what independent deciders of these accuracies would show.
    """
    rows = [{"condition": name, **_row(part)} for name, part in _parts(as_correct(correct), conditions).items()]
    return pd.DataFrame(rows).sort_values("accuracy", ascending=False, kind="stable", ignore_index=True)


def _row(correct: np.ndarray) -> dict[str, float]:
    kappa, accuracy = mean_kappa(correct), correct.mean(axis=1)
    i, j = np.triu_indices(len(correct), 1)
    found = {"people": len(correct), "images": correct.shape[1], "accuracy": accuracy.mean()}
    found |= {"kappa": kappa.value, "lower": kappa.lower, "upper": kappa.upper}
    found |= {
        "largest": pd.Series(kappa_bounds(accuracy[i], accuracy[j])[1]).mean(),
        "rho": _error_correlation(correct),
    }
    found |= {"impossible": (~correct).all(axis=0).mean(), "impossible_independent": (1 - accuracy).prod()}
    return found | {"trivial": correct.all(axis=0).mean(), "trivial_independent": accuracy.prod()}


def _error_correlation(correct: np.ndarray) -> float:
    """Correlate the errors of every two deciders, but of those who are always right or wrong; their mean."""
    varying = correct[correct.any(axis=1) & ~correct.all(axis=1)]
    return float(np.corrcoef(varying)[np.triu_indices(len(varying), 1)].mean()) if len(varying) > 1 else np.nan


def effective(deciders: int, rho: float) -> float:
    """How many independent deciders vary in their mean error as these do, M / (1 + (M - 1) rho)."""
    return deciders / (1 + (deciders - 1) * rho)


def overview(sets: Sets) -> pd.DataFrame:
    """
    Describe each set of images by its deciders, those who err most alike first.

    Columns set, people, images, conditions, accuracy, kappa (`within`, all pairs) with lower and upper (for other
    images), people_lower and people_upper (for other people: a jackknife), largest, pooled (kappa regardless of
    conditions), effective (how many independent people they are worth), and the four shares of `by_condition`, over
    all images. What belongs to a condition is averaged over those in which it is defined.
    """
    rows = [{"set": name, **_described(*decisions)} for name, decisions in sets.items()]
    return pd.DataFrame(rows).sort_values("kappa", ascending=False, kind="stable", ignore_index=True)


def _described(correct: np.ndarray, conditions: np.ndarray) -> dict[str, float]:
    parts, people = by_condition(correct, conditions), len(correct)
    kappa = within(correct, conditions, all_pairs(people))
    others = [within(np.delete(correct, one, 0), conditions, all_pairs(people - 1)).value for one in range(people)]
    half = stdtrit(people - 1, 0.975) * np.sqrt((people - 1) * np.var(others))
    shares = ["accuracy", *(f"{end}{kind}" for end in ENDS for kind in ("", "_independent"))]
    found = {"people": people, "images": correct.shape[1], "conditions": len(parts), "kappa": kappa.value}
    found |= {"lower": kappa.lower, "upper": kappa.upper}
    found |= {"people_lower": kappa.value - half, "people_upper": kappa.value + half}
    found |= {"largest": parts["largest"].mean(), "pooled": mean_kappa(correct).value}
    found |= {"effective": effective(people, parts["rho"].mean())}
    return found | dict(zip(shares, np.average(parts[shares], axis=0, weights=parts["images"]), strict=True))


def score_table(sets: Sets) -> pd.DataFrame:
    """Share of each set's images that 0, 1, ... people get right: a row a set, a column a number, NaN above M."""
    counts = {name: score_counts(scores(correct), len(correct)) for name, (correct, _) in sets.items()}
    table = pd.DataFrame({name: pd.Series(count / count.sum()) for name, count in counts.items()}).T
    return table.rename(columns=str).rename_axis("set").reset_index()


def by_hardness(conditions: pd.DataFrame) -> pd.DataFrame:
    """Average rows of `by_condition` over hard, medium and easy conditions: conditions, accuracy, kappa."""
    bands = conditions.groupby(pd.cut(conditions["accuracy"], BANDS, right=False), observed=True)
    return bands.agg(conditions=("kappa", "size"), accuracy=("accuracy", "mean"), kappa=("kappa", "mean"))


def shapes(sets: Sets, tolerance: int = 1) -> pd.DataFrame:
    """
    Ask of each condition with at least six deciders whether difficulty is dichotomous (`verdict.dichotomous`).

    Columns set, people, images, dichotomous (outcome), impossible and trivial (shares of images that no smooth family
    explains) with limits; in_between (Fleiss' kappa there) and smooth (what a smooth family expects of it).
    """
    rows = [
        {"set": name, "people": len(part), "images": part.shape[1], **_shape(part, tolerance)}
        for name, (correct, conditions) in sets.items()
        if len(correct) >= FEWEST
        for part in _parts(correct, conditions).values()
    ]
    return pd.DataFrame(rows)


def _shape(correct: np.ndarray, tolerance: int) -> dict[str, object]:
    found, inside = verdict.dichotomous(correct), verdict.falls_in_between(correct, tolerance).details
    row: dict[str, object] = {"dichotomous": found.outcome}
    for end in ENDS:
        row |= with_limits(end, *(found.details[f"{end}_mass{limit}"] for limit in ("", "_low", "_high")))
    return row | {"in_between": inside.get("in_between"), "smooth": inside.get("smooth_in_between")}


def at_same_number(
    right: ArrayLike, of: ArrayLike, deciders: int, weights: np.ndarray | None = None
) -> dict[str, float]:
    """Describe ``deciders`` drawn from ``of``, of whom ``right`` are right (images,); kappa is Fleiss' (1971)."""
    right, of = (np.asarray(each, float) for each in np.broadcast_arrays(right, of))
    drawn = comb(of, deciders)
    values = {"accuracy": right / of, "divided": right * (of - right) / (of * (of - 1))}
    values |= {"impossible": comb(of - right, deciders) / drawn, "trivial": comb(right, deciders) / drawn}
    mean = {name: float(np.average(value, weights=weights)) for name, value in values.items()}
    kappa = 1 - mean.pop("divided") / (mean["accuracy"] * (1 - mean["accuracy"]))
    return {**mean, "kappa": kappa, "effective": effective(deciders, kappa)}


def networks_beside_people(people: np.ndarray, networks: np.ndarray, conditions: np.ndarray) -> pd.DataFrame:
    """
    Compare networks with people on the same images, within conditions, and at the same number of deciders.

    One row each for two people, two networks, a person and a network, and networks minus people: kappa with limits
    (`within`). The first two also have accuracy, deciders (the same for both), effective (from correlations within
    conditions), impossible and trivial (as `at_same_number`).
    """
    both, count = np.vstack([people, networks]), len(people)
    ours, theirs = all_pairs(count), [(i + count, j + count) for i, j in all_pairs(len(networks))]
    mixed, deciders = list(product(range(count), range(count, len(both)))), min(count, len(networks))
    wanted = {"two people": (ours, None), "two networks": (theirs, None), "a person and a network": (mixed, None)}
    rows = []
    for name, (pairs, minus) in {**wanted, "networks minus people": (theirs, ours)}.items():
        found = within(both, conditions, pairs, minus)
        rows.append({"compared": name, **with_limits("kappa", found.value, found.lower, found.upper)})
    for row, correct in zip(rows, (people, networks), strict=False):
        rho = by_condition(correct, conditions)["rho"].mean()
        row |= {**at_same_number(scores(correct), len(correct), deciders), "kappa": row["kappa"]}
        row |= {"deciders": deciders, "effective": effective(deciders, rho)}
    return pd.DataFrame(rows)


def crowds(
    right: ArrayLike, people: ArrayLike, networks: np.ndarray, draws: int = 400, seed: int = 0
) -> tuple[pd.DataFrame, Estimate]:
    """
    Compare networks, bool (networks, images), with people of whom ``right`` of ``people`` are right about each image.

    A row each for as many people as networks, and these, as `at_same_number`. The estimate is networks' kappa minus
    people's, with the error for other images (they are drawn anew).
    """
    count, images, rng = len(networks), networks.shape[1], np.random.default_rng(seed)

    def rows(weights: np.ndarray | None = None) -> list[dict[str, float]]:
        ours = at_same_number(scores(networks), count, count, weights)
        return [at_same_number(right, people, count, weights), ours]

    drawn = (rows(rng.multinomial(images, np.full(images, 1 / images))) for _ in range(draws))
    found, gaps = rows(), [ours["kappa"] - theirs["kappa"] for theirs, ours in drawn]
    table = pd.DataFrame({"deciders": [f"{count} people", f"{count} networks"]}).join(pd.DataFrame(found))
    return table, Estimate.wald(found[1]["kappa"] - found[0]["kappa"], float(np.std(gaps, ddof=1)))
