"""What agreement on selected images can show: the limits that selection alone sets, and how it depends on M."""

from collections.abc import Iterable, Mapping
from itertools import combinations
from math import comb

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ddd_utils.analysis.consistency import interval, kappa_from_counts, pairwise_error_consistency
from ddd_utils.analysis.consistency.kappa import count_both_right
from ddd_utils.analysis.consistency.uncertainty import ROUNDING, weighted_kappa
from ddd_utils.analysis.difficulty import as_correct, classify, distinct, scores
from ddd_utils.analysis.score_models.fits import between, fleiss_interval, kappa_of_counts, percentiles, score_counts
from ddd_utils.analysis.statistics import Estimate, with_limits
from ddd_utils.errors import InputError

MOST_SIZES = 15


def fleiss_kappa(scores: ArrayLike, networks: int) -> float:
    """Return the agreement of all networks at once from their scores (images,); see `score_models.kappa_of_counts`."""
    if networks < 2:
        raise InputError(f"agreement takes at least two networks, not {networks}")
    return float(kappa_of_counts(score_counts(scores, networks)))


def selection_band(networks: int, tolerance: int) -> tuple[float, float]:
    """
    Limits that Fleiss' kappa of M networks cannot leave on images in-between at tolerance t.

    In-between images have scores from ``t + 1`` to ``M - t - 1``, so ``s (M - s)`` is at least ``(t + 1)(M - t - 1)``
    while ``p (1 - p)`` is at most 1/4: the upper limit, ``1 - 4 (t + 1)(M - t - 1) / (M (M - 1))``. By Jensen's
    inequality ``E[s (M - s)]`` is at most ``M^2 p (1 - p)``: the lower one, ``-1 / (M - 1)``.
    """
    between(networks, tolerance)  # which must hold some score
    nearest_to_unanimous = (tolerance + 1) * (networks - tolerance - 1)
    return -1 / (networks - 1), 1 - 4 * nearest_to_unanimous / (networks * (networks - 1))


def band_table(sets: Mapping[str, tuple[ArrayLike, int]]) -> pd.DataFrame:
    """
    Fleiss' kappa of several sets of networks, beside the limits that it cannot leave on in-between images.

    `sets` holds decisions (networks, images) and a tolerance by name. Columns networks (the name), M, tolerance,
    in-between (images), "Fleiss, all" and "Fleiss, in-between", each with ``_lower`` and ``_upper`` (95%, for a new
    draw of images), lowest possible and highest possible (`selection_band`).
    """
    return pd.DataFrame([{"networks": title, **_band_row(*given)} for title, given in sets.items()])


def _band_row(correct: ArrayLike, tolerance: int) -> dict[str, float]:
    networks = len(as_correct(correct))
    counts = score_counts(scores(correct), networks)
    kept = int(counts[tolerance + 1 : networks - tolerance].sum())
    row: dict[str, float] = {"M": networks, "tolerance": tolerance, "in-between": kept}
    for key, among in (("Fleiss, all", None), ("Fleiss, in-between", tolerance)):
        row |= with_limits(key, float(kappa_of_counts(counts, among)), *fleiss_interval(counts, among))
    lowest, highest = selection_band(networks, tolerance)
    return row | {"lowest possible": lowest, "highest possible": highest}


def choices_table(correct: ArrayLike, choices: Mapping[str, ArrayLike], tolerance: int) -> pd.DataFrame:
    """Mean kappa on all and on in-between images, for several choices of networks: rows, also repeated ones."""
    correct = as_correct(correct)
    rows = [{"networks": title, **_choice_row(correct[np.asarray(of)], tolerance)} for title, of in choices.items()]
    return pd.DataFrame(rows)


def _choice_row(correct: np.ndarray, tolerance: int) -> dict[str, float]:
    in_between = classify(correct, tolerance) == "in-between"
    pairs = list(combinations(range(len(correct)), 2))
    row: dict[str, float] = {"M": len(correct), "distinct": len(distinct(correct))}
    for key, kept in (("all images", np.ones_like(in_between)), ("in-between images", in_between)):
        row[key] = int(kept.sum())
        if kept.any():
            mean = interval(correct[:, kept], pairs)
            row |= with_limits(f"mean kappa, {key}", mean.value, mean.lower, mean.upper)
    return row


def subset_consistency(correct: ArrayLike, subset: ArrayLike, networks: pd.DataFrame) -> pd.DataFrame:
    """
    Mean error consistency of two conditions on "all images", on a "subset" of them, and by how much it drops ("drop").

    Whether an image is in the subset, bool (images,), depends on that image only, so that of other images as many more
    or less are in it. Instances of a condition are averaged first. Columns images (count), kappa, lower and upper (95%,
    for other images, by influence functions as in `consistency.interval`).
    """
    correct, subset = as_correct(correct), np.asarray(subset, bool)
    if subset.shape != correct.shape[1:] or not subset.any():
        raise InputError(f"the subset must mark some of the {correct.shape[1]} images")
    images, weights = len(subset), _pair_weights(networks["condition"].to_numpy())
    everywhere, moved = _mean_kappa(correct, weights)
    inside, moved_inside = _mean_kappa(correct[:, subset], weights)
    moves = np.zeros((2, images))
    moves[0], moves[1, subset] = moved, moved_inside * images / subset.sum()  # of a mean over the subset's share
    errors = np.vstack([moves, moves[0] - moves[1]]).std(axis=1) / np.sqrt(images)
    errors[errors < ROUNDING] = 0
    kappa = Estimate.wald(np.array([everywhere, inside, everywhere - inside]), errors)
    counts = [images, int(subset.sum()), int(subset.sum())]
    rows = {"images": counts, "kappa": kappa.value, "lower": kappa.lower, "upper": kappa.upper}
    return pd.DataFrame(rows, index=["all images", "subset", "drop"])


def _pair_weights(conditions: np.ndarray) -> np.ndarray:
    """Weigh pairs of networks (networks, networks) so that every pair of different conditions counts the same."""
    instances = (conditions[:, None] == conditions).sum(axis=1)
    return np.triu(conditions[:, None] != conditions) / np.outer(instances, instances)


def _mean_kappa(correct: np.ndarray, weights: np.ndarray) -> tuple[float, np.ndarray]:
    """Average kappa over the pairs whose kappa is defined; return the mean, and how much each image moves it."""
    i, j = np.nonzero(~np.isnan(pairwise_error_consistency(correct)) & (weights > 0))
    if not i.size:
        return np.nan, np.full(correct.shape[1], np.nan)
    mean, moved = weighted_kappa(correct, i, j, weights[i, j] / weights[i, j].sum())
    return mean, moved - moved.mean()


def subset_curve(
    correct: ArrayLike, tolerance: int, sizes: Iterable[int] | None = None, subsets: int = 20, seed: int = 0
) -> pd.DataFrame:
    """
    Draw subsets of the models and ask of each what the paper asked of all.

    Sizes are by default at most 15 from 2 (tolerance + 1), below which no image can be in-between, to all models; so
    many subsets are drawn of each, all where there are no more. Columns models, subsets, trivial, impossible,
    in_between (mean shares), kappa_in_between (mean over pairs, then over subsets; NaN where none is defined), lower,
    upper (its 2.5 and 97.5 % quantiles over the subsets: how much it matters which models, not an error of the mean),
    fleiss_in_between (mean over subsets), band_lower and band_upper (`selection_band`; with few models, or ones of very
    different accuracy, the mean over pairs can lie above it).
    """
    correct = as_correct(correct)
    rng = np.random.default_rng(seed)
    rows = []
    for models in _checked_sizes(sizes, tolerance, len(correct)):
        chosen = _choose(len(correct), models, subsets, rng)
        found = np.array([_shares_and_kappa(correct[list(members)], tolerance) for members in chosen])
        shares, kappa, fleiss = found[:, :3].mean(axis=0), found[:, 3], found[:, 4]
        band = selection_band(models, tolerance)
        rows.append((models, len(chosen), *shares, _mean(kappa), *percentiles(kappa), _mean(fleiss), *band))
    names = ["models", "subsets", "trivial", "impossible", "in_between", "kappa_in_between", "lower", "upper"]
    return pd.DataFrame(rows, columns=[*names, "fleiss_in_between", "band_lower", "band_upper"])


def _checked_sizes(sizes: Iterable[int] | None, tolerance: int, networks: int) -> list[int]:
    fewest = 2 * (tolerance + 1)
    between(networks, tolerance)
    if sizes is None:
        spread = np.linspace(fewest, networks, min(MOST_SIZES, networks - fewest + 1))
        return np.unique(spread.round().astype(int)).tolist()
    for models in (sizes := list(sizes)):
        if not fewest <= models <= networks:
            raise InputError(f"a subset must have {fewest} to {networks} models at tolerance {tolerance}, not {models}")
    return sizes


def _choose(networks: int, models: int, subsets: int, rng: np.random.Generator) -> list[tuple[int, ...]]:
    """Choose different subsets, all of them where there are no more than asked for."""
    if comb(networks, models) <= subsets:
        return list(combinations(range(networks), models))
    chosen: set[tuple[int, ...]] = set()
    while len(chosen) < subsets:
        chosen.add(tuple(sorted(rng.choice(networks, models, replace=False).tolist())))
    return sorted(chosen)


def _shares_and_kappa(correct: np.ndarray, tolerance: int) -> tuple[float, float, float, float, float]:
    """Shares of trivial, impossible and in-between images of these models; mean and Fleiss' kappa on the last."""
    networks = len(correct)
    score = correct.sum(axis=0, dtype=np.int16)
    trivial, impossible = score >= networks - tolerance, score <= tolerance
    in_between = ~(trivial | impossible)
    # Blanking the other images leaves the counts of common successes as they are, and is faster than cutting them out.
    kappa = kappa_from_counts(count_both_right(correct & in_between), int(in_between.sum()))
    fleiss = float(kappa_of_counts(np.bincount(score[in_between], minlength=networks + 1)))
    return trivial.mean(), impossible.mean(), in_between.mean(), _mean(kappa[np.triu_indices(networks, 1)]), fleiss


def _mean(values: np.ndarray) -> float:
    """Average what is defined; NaN where nothing is."""
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if defined.size else float("nan")
