"""Decisions, right or wrong, and difficulty: how many networks get an image right, which are trivial or impossible."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import comb

from ddd_utils.analysis.statistics import Estimate, wilson, with_limits, with_shares
from ddd_utils.errors import InputError

DIFFICULTIES = ("trivial", "in-between", "impossible")
NOT_RECORDED = -1  # a wrong answer of which no more is known


def as_correct(correct: ArrayLike) -> np.ndarray:
    """Check decisions, True and False (or 1 and 0), and return them as bool (networks, images)."""
    correct = np.asarray(correct)
    if correct.ndim != 2 or 0 in correct.shape:
        raise InputError(f"decisions must be (networks, images), at least one of each; the shape is {correct.shape}")
    if correct.dtype != bool:
        if not np.isin(correct, (0, 1)).all():
            raise InputError("decisions must be True or False (or 1 and 0): are these predictions or probabilities?")
        correct = correct.astype(bool)
    return correct


def as_labels(labels: ArrayLike | None, default: np.ndarray) -> np.ndarray:
    """Check that there is one label an image; return the default, (images,), where there are no labels."""
    labels = default if labels is None else np.asarray(labels)
    if labels.shape != default.shape:
        raise InputError(f"there must be one label an image: {labels.shape} labels for {default.size} images")
    return labels


def distinct(correct: np.ndarray) -> np.ndarray:
    """Leave out the networks that decide about every image as an earlier one does: copies of it."""
    return np.array(list({row.tobytes(): row for row in correct}.values()))


def scores(correct: ArrayLike) -> np.ndarray:
    """Count the networks that get each image right: correct is bool (networks, images), scores int64 (images,)."""
    return as_correct(correct).sum(axis=0)


def classify(correct: ArrayLike, tolerance: int = 0) -> np.ndarray:
    """
    Call each image trivial, in-between or impossible.

    Parameters
    ----------
    correct : array_like of bool, shape (networks, images)
        Whether each network is right about each image.
    tolerance : int
        How many of the networks may deviate: an image is trivial when at least ``networks - tolerance`` are right about
        it, impossible when at most ``tolerance`` are.

    Returns
    -------
    ndarray of str, shape (images,)
        "trivial", "in-between" or "impossible".

    Raises
    ------
    InputError
        If the tolerance is negative, or so large that an image could be both.

    Examples
    --------
    >>> import ddd_utils as ddd
    >>> correct = [[1, 1, 0, 0], [1, 1, 1, 0], [1, 0, 1, 0]]  # three networks, four images
    >>> print(ddd.classify(correct, tolerance=0))
    ['trivial' 'in-between' 'in-between' 'impossible']
    """
    correct = as_correct(correct)
    score, networks = scores(correct), len(correct)
    if tolerance < 0 or 2 * tolerance >= networks:
        wanted = "it must be at least 0 and under half of them"
        raise InputError(f"tolerance {tolerance} does not fit {networks} networks: {wanted}")
    return np.select([score >= networks - tolerance, score <= tolerance], ["trivial", "impossible"], "in-between")


def shares(correct: ArrayLike, tolerance: int = 0) -> dict[str, float]:
    """
    Share of the images that are trivial, in-between and impossible.

    Parameters
    ----------
    correct, tolerance
        As in `classify`.

    Returns
    -------
    dict of str to float
        Keys "trivial", "in-between", "impossible"; the values add up to 1.

    Examples
    --------
    >>> import ddd_utils as ddd
    >>> correct = [[1, 1, 0, 0], [1, 1, 1, 0], [1, 0, 1, 0]]  # three networks, four images
    >>> ddd.shares(correct, tolerance=0)
    {'trivial': 0.25, 'in-between': 0.5, 'impossible': 0.25}
    """
    found = classify(correct, tolerance)
    return {difficulty: float((found == difficulty).mean()) for difficulty in DIFFICULTIES}


def share_intervals(correct: ArrayLike, tolerance: int = 0) -> dict[str, tuple[float, float]]:
    """Return the 95% limits (Wilson, 1927) of each share for new draws of images; arguments and keys of `shares`."""
    found = classify(correct, tolerance)
    limits = {difficulty: wilson((found == difficulty).sum(), found.size) for difficulty in DIFFICULTIES}
    return {difficulty: (float(lower), float(upper)) for difficulty, (lower, upper) in limits.items()}


def class_extremes(correct: ArrayLike, labels: ArrayLike) -> dict[str, Estimate]:
    """
    Accuracy on the "easiest" and the "hardest" class (figure 15), with 95% intervals that know they were chosen.

    They run between the extremes of Wilson's intervals of all classes at the level at which all hold at once (Sidak,
    1967), and cover the accuracy on whichever class is truly easiest, or hardest.
    """
    table, found = class_accuracy(correct, labels), {}
    accuracy, images = table["accuracy"].to_numpy(), table["images"].to_numpy()
    limits = wilson(accuracy * images, images, 0.95 ** (1 / len(table)))
    for end, extreme, at in (("easiest", np.max, accuracy.argmax()), ("hardest", np.min, accuracy.argmin())):
        error = float(np.sqrt(accuracy[at] * (1 - accuracy[at]) / images[at]))
        found[end] = Estimate(float(accuracy[at]), error, *(float(extreme(limit)) for limit in limits))
    return found


def shares_table(sets: Mapping[str, ArrayLike], tolerances: Iterable[int]) -> pd.DataFrame:
    """
    Share of the trivial, in-between and impossible images of several sets of networks, at several tolerances.

    `sets` holds decisions (networks, images) by name. One row a set and tolerance, if the set can have in-between
    images at it: networks (the set's name), M, distinct (networks that differ in some decision), tolerance, and each
    share with ``_lower`` and ``_upper`` (Wilson's 95% interval).
    """
    rows = [
        {"networks": title, **_row_of_shares(as_correct(correct), tolerance)}
        for title, correct in sets.items()
        for tolerance in sorted(set(tolerances))
        if tolerance <= largest_tolerance(len(as_correct(correct)))
    ]
    return pd.DataFrame(rows)


def _row_of_shares(correct: np.ndarray, tolerance: int) -> dict[str, float]:
    row: dict[str, float] = {"M": len(correct), "distinct": len(distinct(correct)), "tolerance": tolerance}
    limits = share_intervals(correct, tolerance)
    for kind, share in shares(correct, tolerance).items():
        row |= with_limits(kind, share, *limits[kind])
    return row


def largest_tolerance(networks: int) -> int:
    """Return the largest tolerance at which an image of this many networks, at least 2, can be in-between."""
    return (networks - 2) // 2


def fitting_tolerance(tolerance: int, networks: int) -> int:
    """Lower a tolerance to the largest at which an image of this many networks, at least 2, can be in-between."""
    return min(tolerance, largest_tolerance(networks))


def score_histogram(correct: ArrayLike) -> pd.DataFrame:
    """
    Histogram of the scores beside the paper's two extremes (figure 2).

    Parameters
    ----------
    correct : array_like of bool, shape (networks, images)
        Whether each network is right about each image.

    Returns
    -------
    DataFrame
        One row a score from 0 to the number of networks; columns score, images (count), share, binomial (share if all
        images were equally hard and all networks independent, at their mean accuracy) and two_spikes (share if all
        networks made the same decisions).

    Examples
    --------
    >>> import ddd_utils as ddd
    >>> correct = [[1, 1, 0, 0], [1, 1, 1, 0], [1, 0, 1, 0]]  # three networks, four images
    >>> print(ddd.score_histogram(correct)[["score", "images", "share"]].to_string(index=False))
     score  images  share
         0       1   0.25
         1       0   0.00
         2       2   0.50
         3       1   0.25
    """
    correct = as_correct(correct)
    networks, images = correct.shape
    accuracy = correct.mean()
    score = np.arange(networks + 1)
    counts = np.bincount(scores(correct), minlength=networks + 1)
    two_spikes = np.zeros(networks + 1)
    two_spikes[[0, -1]] = 1 - accuracy, accuracy
    return pd.DataFrame(
        {
            "score": score,
            "images": counts,
            "share": counts / images,
            "binomial": comb(networks, score) * accuracy**score * (1 - accuracy) ** (networks - score),
            "two_spikes": two_spikes,
        }
    )


def one_per_condition(networks: pd.DataFrame) -> np.ndarray:
    """
    Choose the rows of a histogram's networks: the last instance of each condition, and both halves of the data.

    The first half stands for condition "half data" and the second for "different data": no network enters twice. Of a
    model set, where every network is its own condition, that is all of them.
    """
    last = networks["instance"] == networks.groupby("condition")["instance"].transform("max")
    return np.flatnonzero(last | (networks["condition"] == "half_data"))


def as_published(networks: pd.DataFrame) -> np.ndarray:
    """
    Choose the networks as the published arrays hold them, duplicates included: as many as `one_per_condition` gives.

    There the base stands three times, because "plus 1" and "plus 10 epochs" were read at the base's last epoch of the
    same run, and the network of the second half stands for both "half data" and "different data".
    """
    chosen = one_per_condition(networks)
    conditions = networks["condition"].to_numpy()[chosen]
    published = chosen.copy()
    for original, copies in (("base", ["plus_1_epoch", "plus_10_epochs"]), ("half_data", ["half_data"])):
        if original in conditions:
            published[np.isin(conditions, copies)] = chosen[conditions == original][-1]
    return published


def class_accuracy(correct: ArrayLike, labels: ArrayLike, names: Sequence[str] | None = None) -> pd.DataFrame:
    """
    Accuracy on each class, averaged over networks (figure 15): label, accuracy, lower, upper, images and any name.

    The limits (95%, for other images) are Wilson's, which of several networks' mean are on the safe side.
    """
    correct = as_correct(correct)
    labels = as_labels(labels, np.zeros(correct.shape[1], int))
    table = pd.DataFrame({"label": labels, "accuracy": correct.mean(axis=0)})
    found = table.groupby("label", as_index=False).agg(accuracy=("accuracy", "mean"), images=("accuracy", "size"))
    lower, upper = wilson(found["accuracy"] * found["images"], found["images"])
    found = found.assign(lower=lower, upper=upper)
    return found if names is None else found.assign(name=np.take(names, found["label"]))


def accuracy_by(correct: ArrayLike, names: Sequence[str], groups: pd.DataFrame) -> pd.DataFrame:
    """
    Accuracy of each model on each group of images, with Wilson's limits (95%, for other images).

    ``groups`` has a row an image. One row a group and model: the columns of ``groups``, network, right, images,
    accuracy, lower, upper.
    """
    by_image = pd.DataFrame(as_correct(correct).T, columns=pd.Index(names, name="network"))
    parts = by_image.groupby([column for _, column in groups.set_axis(by_image.index).items()])
    counts = pd.Series(parts.sum().stack(), name="right").reset_index()
    return with_shares(counts.assign(images=np.repeat(parts.size().to_numpy(), len(names))), "right", "accuracy")


def mean_accuracy_by(table: pd.DataFrame, groups: Iterable[str]) -> pd.DataFrame:
    """Average the models of `accuracy_by` in each group; Wilson's limits are on the safe side, as for classes."""
    means = table.groupby(list(groups), as_index=False)[["right", "images"]].mean()
    return with_shares(means, "right", "accuracy")
