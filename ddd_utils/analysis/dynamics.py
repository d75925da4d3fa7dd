"""What training leads to: decisions that change from epoch to epoch, and how alike representations are in the end."""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ddd_utils.analysis.consistency.conditions import pairs_with_base
from ddd_utils.analysis.difficulty import as_correct
from ddd_utils.analysis.statistics import Estimate, wilson
from ddd_utils.errors import InputError


def swaps(predictions: ArrayLike, labels: ArrayLike) -> pd.DataFrame:
    """
    Share of the images whose predicted class changes from one stored epoch to the next (figure 12).

    Predictions are (networks, epochs, images), before training (index 0) and after every epoch. One row a network (row
    index) and transition, with the epoch arrived at. All other columns are shares of the images: changed is the sum of
    right_to_wrong, wrong_to_right and wrong_to_wrong (another wrong class); accuracy_gain is how much larger the share
    of right decisions has become.
    """
    predictions, labels = np.asarray(predictions), np.asarray(labels)
    if predictions.ndim != 3 or predictions.shape[2:] != labels.shape:
        shapes = f"{predictions.shape} and {labels.shape}"
        raise InputError(
            f"predictions must be (networks, epochs, images) and labels (images,); the shapes are {shapes}"
        )
    if predictions.shape[1] < 2:
        raise InputError("a change takes two stored epochs; the predictions have one")
    # One network at a time: all of a large experiment's decisions would not fit in memory several times over.
    tables = [_network_swaps(network, labels).assign(network=row) for row, network in enumerate(predictions)]
    columns = ["network", "epoch", "changed", "right_to_wrong", "wrong_to_right", "wrong_to_wrong", "accuracy_gain"]
    return pd.concat(tables, ignore_index=True)[columns]


def _network_swaps(predictions: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
    """Tabulate one network's changes, predictions (epochs, images)."""
    right = predictions == labels
    before, after = right[:-1], right[1:]
    changed = predictions[1:] != predictions[:-1]
    return pd.DataFrame(
        {
            "epoch": np.arange(1, len(predictions)),
            "changed": changed.mean(axis=1),
            "right_to_wrong": (before & ~after).mean(axis=1),
            "wrong_to_right": (~before & after).mean(axis=1),
            "wrong_to_wrong": (changed & ~before & ~after).mean(axis=1),
            "accuracy_gain": np.diff(right.mean(axis=1)),
        }
    )


def learning_history(correct: ArrayLike, steps: Iterable[int]) -> pd.DataFrame:
    """
    Share of the images that one network learns at once and keeps, never learns, or loses at a learning-rate step.

    Decisions are (epochs, images), before training (index 0: being right is luck and counts as nothing) and after every
    epoch; `steps` are the epochs after which the learning rate was divided. Columns quantity, epoch, share, lower and
    upper (Wilson), and claim, its id in paper.yaml. An image is lost at a step if it is right after that epoch and
    wrong after the next, the epoch of the row; NaN without an epoch of training before or after it.
    """
    correct = as_correct(correct)
    last = len(correct) - 1
    if last < 1:
        raise InputError("a learning history takes at least one epoch of training; only epoch 0 is stored")
    trained = correct[1:]
    rows = [
        ("learned in the first epoch and never lost", last, trained.all(axis=0).mean(), "learned_in_first_epoch"),
        ("never learned", last, (~trained).all(axis=0).mean(), "never_learned"),
    ]
    for step in steps:
        if not 0 <= step <= last:
            raise InputError(f"a learning-rate step after epoch {step} is outside the stored epochs, 0 to {last}")
        lost = (correct[step] & ~correct[step + 1]).mean() if 1 <= step < last else np.nan
        rows.append(("lost at the learning-rate step", step + 1, lost, "lost_at_learning_rate_step"))
    table = pd.DataFrame(rows, columns=["quantity", "epoch", "share", "claim"])
    lower, upper = wilson(table["share"] * correct.shape[1], correct.shape[1])
    return table.assign(lower=lower, upper=upper, claim=table.pop("claim"))


def change_shares(predictions: ArrayLike, labels: ArrayLike) -> dict[str, Estimate]:
    """How many predictions change from epoch to epoch, and what accuracy gains at the last, by claim of paper.yaml."""
    predictions, labels = np.asarray(predictions), np.asarray(labels)
    changed = np.diff(predictions, axis=1) != 0
    gained = np.diff((predictions == labels).astype(int), axis=1)[:, -1:]
    found = {"decisions_changed_last_transition": changed[:, -1:], "decisions_changed_mean": changed}
    # The images are the sample; networks and epochs are averaged.
    return {
        claim: Estimate.wald(values.mean(), values.mean(axis=(0, 1)).std() / np.sqrt(values.shape[-1]))
        for claim, values in (found | {"accuracy_gain_last_epoch": gained}).items()
    }


def similarity_to_base(logits: Mapping[str, ArrayLike], networks: pd.DataFrame, groups: int = 20) -> pd.DataFrame:
    """
    Correlate the networks' dissimilarity matrices with the base's (figure 7), from logits (images, classes).

    Columns condition, network, instance and correlation, lower and upper (jackknife over so many groups of images: the
    pairs of images are not independent). The first instance of each condition enters, as in the paper; condition
    "different_data", last, correlates the two networks of condition half_data with each other.
    """
    matrices, names = {network: dissimilarity(values) for network, values in logits.items()}, networks["network"]
    pairs = pairs_with_base(networks)
    pairs = pairs[pairs["instance"] == 1].reset_index(drop=True)
    compared = zip(names.iloc[pairs["first"]], names.iloc[pairs["second"]], strict=True)
    found = [_with_jackknife(matrices[one], matrices[other], groups) for one, other in compared]
    table = pd.DataFrame(found, columns=["correlation", "lower", "upper"])
    return pairs[["condition", "network", "instance"]].join(table)


def _with_jackknife(a: np.ndarray, b: np.ndarray, groups: int) -> tuple[float, float, float]:
    """Correlate two dissimilarity matrices, with limits from leaving out each group of images in turn."""
    value, group = rdm_correlation(a, b), np.arange(len(a)) % groups
    if len(a) < 2 * groups:
        return value, np.nan, np.nan
    # Moments of all pairs of images, less those of each image's pairs; within a group they have been taken off twice.
    members, others = np.eye(groups)[:, group], ~np.eye(len(a), dtype=bool)
    a, b = np.where(others, a - a[others].mean(), 0), np.where(others, b - b[others].mean(), 0)
    moments = np.stack([others, a, b, a * a, b * b, a * b])
    within = ((members @ moments) * members).sum(axis=2)
    n, x, y, xx, yy, xy = moments.sum(axis=(1, 2))[:, None] - 2 * moments.sum(axis=2) @ members.T + within
    with np.errstate(invalid="ignore"):
        without = (n * xy - x * y) / np.sqrt((n * xx - x * x) * (n * yy - y * y))
    found = Estimate.wald(value, np.sqrt((groups - 1) * without.var()))
    return value, max(-1.0, float(found.lower)), min(1.0, float(found.upper))


def dissimilarity(features: ArrayLike) -> np.ndarray:
    """1 - Pearson correlation (Kriegeskorte et al., 2008) of the responses, (images, units), to each two images."""
    features = np.asarray(features, float)
    centred = features - features.mean(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        unit = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    return 1 - unit @ unit.T


def rdm_correlation(a: ArrayLike, b: ArrayLike) -> float:
    """Pearson correlation of two dissimilarity matrices, each pair of images counted once (figure 7)."""
    a, b = np.asarray(a), np.asarray(b)
    if a.ndim != 2 or a.shape != b.shape or a.shape[0] != a.shape[1] or len(a) < 3:
        raise InputError(f"dissimilarities must be of the same three or more images: {a.shape} against {b.shape}")
    above = np.triu_indices(len(a), 1)
    with np.errstate(invalid="ignore"):
        return float(np.corrcoef(a[above], b[above])[0, 1])
