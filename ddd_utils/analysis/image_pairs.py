"""Pairs of one trivial and one impossible image, for people who are to tell them apart."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import lcm

import numpy as np

from ddd_utils.analysis.decisions import as_correct
from ddd_utils.analysis.difficulty import classify
from ddd_utils.analysis.examples import examples
from ddd_utils.errors import InputError

MOST = 256  # images of a kind that are looked at: no experiment needs more


@dataclass(frozen=True)
class Pairs:
    """
    Trials in their order.

    Attributes
    ----------
    trivial, impossible : ndarray of int, shape (trials,)
        Positions of the two images.
    impossible_left : ndarray of bool, shape (trials,)
        Whether the impossible one is on the left.
    """

    trivial: np.ndarray
    impossible: np.ndarray
    impossible_left: np.ndarray

    @property
    def images(self) -> np.ndarray:
        """Every image once."""
        return np.union1d(self.trivial, self.impossible)

    def named(self, image_ids: Sequence[str]) -> list[tuple[str, str, bool]]:
        """Write each trial with the names of its images: trivial, impossible, whether the impossible one is left."""
        rows = zip(self.trivial, self.impossible, self.impossible_left, strict=True)
        return [(str(image_ids[trivial]), str(image_ids[impossible]), bool(left)) for trivial, impossible, left in rows]


def available(correct, tolerance: int) -> tuple[int, int]:
    """Count the trivial and the impossible images; arguments as for :func:`image_pairs`."""
    kinds = classify(as_correct(correct), tolerance)
    return int((kinds == "trivial").sum()), int((kinds == "impossible").sum())


def image_pairs(correct, tolerance: int, count: int, seed: int = 0, labels=None, skip: int = 0) -> Pairs:
    """
    Pair trivial with impossible images.

    The images are drawn from as many classes as there are, and the two of a pair come from different classes as far
    as possible. None is shown again while another of its kind is unused, and no pair twice.

    Parameters
    ----------
    correct : array_like of bool, shape (networks, images)
        Whether each network is right about each image.
    tolerance : int
        Number of deviating networks up to which an image counts as trivial or impossible.
    count : int
        How many pairs.
    seed : int
        Seed of the draw: the same one makes the same pairs.
    labels : array_like, shape (images,), optional
        Classes.
    skip : int
        Leave out so many pairs that would come first: those of another part of the experiment.

    Returns
    -------
    Pairs
        The impossible image is on either side equally often (once more on one of them if the count is odd).

    Raises
    ------
    InputError
        If there are too few images of a kind.
    """
    correct = as_correct(correct)
    labels = np.arange(correct.shape[1]) if labels is None else np.asarray(labels)
    found = examples(correct, tolerance, MOST, seed, labels)
    trivial, impossible = found["trivial"], found["impossible"]
    if len(trivial) * len(impossible) < count:
        numbers = "{} trivial and {} impossible images".format(*available(correct, tolerance))
        raise InputError(f"{numbers} (M = {len(correct)}, tolerance {tolerance}) are too few for {count} pairs")
    trial = np.arange(skip, skip + count)
    # When both lists have ended at once they would meet again as before: from then on one goes a step ahead.
    step = trial + trial // lcm(len(trivial), len(impossible))
    impossible = impossible[_apart(labels[trivial], labels[impossible])]
    return Pairs(trivial[trial % len(trivial)], impossible[step % len(impossible)], _sides(count, (seed, skip)))


def _apart(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Order the second list of classes so that few places have the same class in both: near neighbours are swapped."""
    order, places = np.arange(len(other)), range(min(len(one), len(other)))
    for place in places:
        if one[place] != other[order[place]]:
            continue
        for near in sorted(places, key=lambda at: abs(at - place)):
            if one[place] != other[order[near]] and one[near] != other[order[place]]:
                order[[place, near]] = order[[near, place]]
                break
    return order


def _sides(count: int, seed: tuple[int, int]) -> np.ndarray:
    """Draw the sides, as many left as right."""
    rng = np.random.default_rng(seed)
    return rng.permutation(np.arange(count) + rng.integers(2)) % 2 == 0
