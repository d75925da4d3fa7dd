"""Figures of a set of models that fit a small table: how many are right about an image, and how alike they err by M."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ddd_utils.analysis.consistency import pairwise_error_consistency
from ddd_utils.analysis.difficulty import as_correct
from ddd_utils.analysis.nulls.expected_kappa import kappa_of_tables, kept_cells
from ddd_utils.analysis.nulls.rasch import expected_tables, rasch_abilities, tables_by_score
from ddd_utils.analysis.nulls.selection import subset_curve
from ddd_utils.analysis.score_models import fit_beta_binomial, kappa_of_counts, null_kappa, score_counts
from ddd_utils.analysis.statistics import percentile_interval

FITTED = 100  # subsets of each size to which abilities are fitted, the slow part


def score_facts(scores: ArrayLike, networks: int, tolerances: Iterable[int]) -> dict[str, Any]:
    """
    Sum up how many of M networks get each image right.

    Keys images, accuracy, histogram (images of each score from 0 to M), kappa (Fleiss, from the scores alone), expected
    (the same of networks that are independent given the difficulty of an image, a beta-binomial) and by_tolerance: for
    each tolerance the shares trivial, impossible and in_between, kappa and expected on the in-between images.
    """
    counts = score_counts(scores, networks)
    smooth, images = fit_beta_binomial(counts), int(counts.sum())
    facts: dict[str, Any] = {
        "images": images,
        "accuracy": float(counts @ np.arange(networks + 1) / networks / images),
        "histogram": counts.tolist(),
        "kappa": float(kappa_of_counts(counts)),
        "expected": null_kappa(smooth),
        "by_tolerance": {},
    }
    for t in tolerances:
        trivial, impossible = float(counts[networks - t :].sum() / images), float(counts[: t + 1].sum() / images)
        shares = {"trivial": trivial, "impossible": impossible, "in_between": 1 - trivial - impossible}
        kappas = {"kappa": float(kappa_of_counts(counts, t)), "expected": null_kappa(smooth, t)}
        facts["by_tolerance"][t] = shares | kappas
    return facts


def facts_among(
    scores: ArrayLike, networks: int, tolerances: Sequence[int], kept: Mapping[str, np.ndarray]
) -> dict[str, dict[str, Any]]:
    """Sum up the scores (`score_facts`) of all images, and of each choice of images by its name, bool (images,)."""
    scores = np.asarray(scores)
    choices = {"all": np.ones(len(scores), bool), **kept}
    return {name: score_facts(scores[among], networks, tolerances) for name, among in choices.items()}


def agreement_by_size(
    correct: ArrayLike, tolerances: Sequence[int], subsets: int = 1000, seed: int = 0
) -> pd.DataFrame:
    """
    Draw random subsets of 3, 4, ... M networks and average Cohen's kappa over their pairs.

    Each subset says for itself which images are in-between. One row a tolerance (missing: all images) and size:
    tolerance, models, subsets, kappa (mean over subsets), lower and upper (2.5 and 97.5 % quantiles: a spread of
    subsets, not a confidence interval), expected (the same mean for networks of these abilities that are independent
    given each image's score, over `FITTED` subsets; `conditional_rasch_kappa`).
    """
    correct = as_correct(correct)
    sizes = np.arange(3, len(correct) + 1)
    rng = np.random.default_rng(seed)
    drawn = {int(M): rng.permuted(np.tile(np.arange(len(correct)), (subsets, 1)), axis=1)[:, :M] for M in sizes}
    rows: list[tuple] = [(None, *row) for row in _on_all_images(correct, drawn)]
    for t in tolerances:
        curve = subset_curve(correct, t, sizes[sizes >= 2 * (t + 1)].tolist(), subsets, seed)
        found = curve[["models", "subsets", "kappa_in_between", "lower", "upper"]]
        rows += [(t, *row) for row in found.itertuples(index=False)]
    expected = {(M, t): each for M, of in drawn.items() for t, each in _expected(correct, of[:FITTED], tolerances)}
    table = pd.DataFrame(rows, columns=["tolerance", "models", "subsets", "kappa", "lower", "upper"])
    return table.astype({"tolerance": "Int64"}).assign(expected=[expected[M, t] for t, M, *_ in rows])


def _on_all_images(
    correct: np.ndarray, drawn: Mapping[int, np.ndarray]
) -> Iterator[tuple[int, int, float, float, float]]:
    """Average kappa on all images over the pairs of each subset: the pairs' kappas are the same in all of them."""
    kappa = pairwise_error_consistency(correct)
    for M, chosen in drawn.items():
        i, j = np.triu_indices(M, 1)
        means = np.nanmean(kappa[chosen[:, i], chosen[:, j]], axis=1)
        lower, upper = percentile_interval(means)
        yield M, len(np.unique(np.sort(chosen), axis=0)), means.mean(), float(lower), float(upper)


def _expected(correct: np.ndarray, chosen: np.ndarray, tolerances: Sequence[int]) -> Iterator[tuple[int | None, float]]:
    """Average over subsets what one ability a network lets expect, on all images and on those in-between."""
    M = chosen.shape[1]
    observed = [tables_by_score(correct[members]) for members in np.unique(np.sort(chosen), axis=0)]
    nulls = [expected_tables(rasch_abilities(tables), tables.images) for tables in observed]
    for t in [None, *(t for t in tolerances if 2 * (t + 1) <= M)]:
        kept, pairs = kept_cells(M, t), np.triu_indices(M, 1)
        yield t, float(np.mean([np.nanmean(kappa_of_tables(tables, kept)[0][pairs]) for tables in nulls]))
