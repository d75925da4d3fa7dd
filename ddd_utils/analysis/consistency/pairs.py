"""Every pair of networks in a table, and the mean over them."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ddd_utils.analysis.consistency.conditions import pairwise_matrix
from ddd_utils.analysis.consistency.kappa import copy_probability, kappa_bounds, pairwise_error_consistency
from ddd_utils.analysis.consistency.uncertainty import interval, standard_errors
from ddd_utils.analysis.decisions import as_correct
from ddd_utils.analysis.statistics import Estimate


def pair_table(correct: ArrayLike, names: Sequence[str]) -> pd.DataFrame:
    """
    List the pairs of networks, the most consistent first, those without a defined kappa last.

    Columns one, other (names), kappa, lower, upper (95 %, for a new draw of images), error (its standard error),
    largest (the highest kappa that the two accuracies allow), copied (`copy_probability`), accuracy_one and
    accuracy_other.
    """
    correct = as_correct(correct)
    matrix, accuracy = pairwise_matrix(correct, names), correct.mean(axis=1)
    i, j = np.triu_indices(len(correct), 1)
    kappa, p, q = matrix.kappa[i, j], accuracy[i], accuracy[j]
    columns = {
        "one": np.take(names, i),
        "other": np.take(names, j),
        "kappa": kappa,
        "lower": matrix.lower[i, j],
        "upper": matrix.upper[i, j],
        "error": standard_errors(correct)[i, j],
        "largest": kappa_bounds(p, q)[1],
        "copied": copy_probability(p, q, kappa),
        "accuracy_one": p,
        "accuracy_other": q,
    }
    return pd.DataFrame(columns).sort_values("kappa", ascending=False, ignore_index=True)


def extremes(pairs: pd.DataFrame, first: int = 5, last: int = 5) -> pd.DataFrame:
    """Take the first and the last rows of a sorted table, none of them twice."""
    rows = np.arange(len(pairs))
    return pairs[(rows < first) | (rows >= len(pairs) - last)].reset_index(drop=True)


def mean_kappa(correct: ArrayLike, labels: ArrayLike | None = None, resample: str = "images") -> Estimate:
    """Mean error consistency of all pairs whose kappa is defined, with the error from the images; see `interval`."""
    correct = as_correct(correct)
    defined = np.argwhere(np.triu(np.isfinite(pairwise_error_consistency(correct)), 1))
    if not len(defined):
        return Estimate(np.nan, np.nan, np.nan, np.nan)
    return interval(correct, defined, labels=labels, resample=resample)


def mean_kappas(correct: ArrayLike, labels: ArrayLike) -> dict[str, Estimate]:
    """Mean error consistency of all pairs, with the error for other "images" and, if there are several, "classes"."""
    units = ("images", "classes") if len(np.unique(labels)) > 1 else ("images",)
    return {unit: mean_kappa(correct, labels, unit) for unit in units}
