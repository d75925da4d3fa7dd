"""Images to look at, to show to people or to test with; who answered what to one; the difficulty of each as a table."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from math import lcm

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ddd_utils.analysis.difficulty import DIFFICULTIES, NOT_RECORDED, as_correct, as_labels, classify, scores
from ddd_utils.analysis.score_models import posterior_difficulty
from ddd_utils.errors import InputError

UNKNOWN = "not recorded"
MOST = 256  # images of a kind that are looked at for pairs: no experiment needs more


def examples(
    correct: ArrayLike, tolerance: int, count: int = 8, seed: int = 0, labels: ArrayLike | None = None
) -> dict[str, np.ndarray]:
    """
    Choose so many images each, positions by kind, that show what trivial, in-between and impossible mean.

    Of the in-between ones the most divisive (score nearest to half of the networks). Chance decides among equals, which
    are taken from as many classes as there are. Fewer images are the first of more.
    """
    correct = as_correct(correct)
    networks, images = correct.shape
    labels = as_labels(labels, np.arange(images))
    kinds, uneven = classify(correct, tolerance), abs(2 * scores(correct) - networks)
    shuffled = np.random.default_rng(seed).permutation(images)
    chosen = {}
    for kind in DIFFICULTIES:
        candidates = shuffled[kinds[shuffled] == kind]
        rank = uneven[candidates] if kind == "in-between" else np.zeros(candidates.size, int)
        order = np.lexsort((earlier(rank, labels[candidates]), rank))
        chosen[kind] = candidates[order][:count]
    return chosen


def earlier(rank: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Count for each candidate those before it of the same rank and class, (candidates,): who has none goes first."""
    return pd.Series(rank).groupby([rank, labels]).cumcount().to_numpy()


def hard_and_easy(correct: ArrayLike, labels: ArrayLike, count: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Choose the hardest images and for each the easiest unused one of its class (figure 14): positions (count,)."""
    score, labels = scores(correct), np.asarray(labels)
    hard, easiest_first = np.argsort(score, kind="stable")[:count], np.argsort(-score, kind="stable")
    easy: list[int] = []
    for image in hard:
        same = easiest_first[labels[easiest_first] == labels[image]]
        easy.append(next(candidate for candidate in same.tolist() if candidate not in easy))
    return hard, np.array(easy)


@dataclass(frozen=True)
class Answer:
    """An answer to one image: what the class is called, whether it is right, and the networks that gave it."""

    text: str
    right: bool
    networks: tuple[str, ...]


def answers_of(predictions: ArrayLike, label: int, classes: Sequence[str], names: Sequence[str]) -> list[Answer]:
    """Group the networks by their answer to an image: the right one first, the most frequent next, unrecorded last."""
    predictions, label = np.asarray(predictions), int(label)
    if predictions.shape != (len(names),):
        raise InputError(f"there must be one name a network: {len(names)} names for {predictions.shape} predictions")
    given: dict[int, list[str]] = {}
    for prediction, name in zip(predictions.tolist(), names, strict=True):
        given.setdefault(prediction, []).append(name)

    def order(prediction: int) -> tuple[bool, bool, int, int]:
        return prediction != label, prediction == NOT_RECORDED, -len(given[prediction]), prediction

    return [
        Answer(_called(prediction, classes), prediction == label, tuple(given[prediction]))
        for prediction in sorted(given, key=order)
    ]


def _called(prediction: int, classes: Sequence[str]) -> str:
    if prediction == NOT_RECORDED:
        return UNKNOWN
    return str(classes[prediction]) if 0 <= prediction < len(classes) else str(prediction)


@dataclass(frozen=True)
class Pairs:
    """Trials of one trivial and one impossible image, in their order."""

    trivial: np.ndarray  # position of the image, one a trial
    impossible: np.ndarray
    impossible_left: np.ndarray  # bool

    @property
    def images(self) -> np.ndarray:
        """Every image once."""
        return np.union1d(self.trivial, self.impossible)

    def named(self, image_ids: Sequence[str] | np.ndarray) -> list[tuple[str, str, bool]]:
        """Write each trial with the names of its images: trivial, impossible, whether the impossible one is left."""
        rows = zip(self.trivial, self.impossible, self.impossible_left, strict=True)
        return [(str(image_ids[trivial]), str(image_ids[impossible]), bool(left)) for trivial, impossible, left in rows]


def count_extremes(correct: ArrayLike, tolerance: int) -> tuple[int, int]:
    """Count the trivial and the impossible images."""
    kinds = classify(as_correct(correct), tolerance)
    return int((kinds == "trivial").sum()), int((kinds == "impossible").sum())


def image_pairs(
    correct: ArrayLike, tolerance: int, count: int, seed: int = 0, labels: ArrayLike | None = None, skip: int = 0
) -> Pairs:
    """
    Pair trivial with impossible images, for people who are to tell them apart; half of the latter on the left.

    The images are drawn from as many classes as there are, and the two of a pair come from different classes as far
    as possible. None is shown again while another of its kind is unused, and no pair twice. `skip` leaves out so many
    pairs that would come first: those of another part of the experiment.
    """
    correct = as_correct(correct)
    labels = as_labels(labels, np.arange(correct.shape[1]))
    found = examples(correct, tolerance, MOST, seed, labels)
    trivial, impossible = found["trivial"], found["impossible"]
    if len(trivial) * len(impossible) < count:
        numbers = "{} trivial and {} impossible images".format(*count_extremes(correct, tolerance))
        raise InputError(f"{numbers} (M = {len(correct)}, tolerance {tolerance}) are too few for {count} pairs")
    trial = np.arange(skip, skip + count)
    # When both lists have ended at once they would meet again as before: from then on one goes a step ahead.
    step = trial + trial // lcm(len(trivial), len(impossible))
    impossible = impossible[_apart(labels[trivial], labels[impossible])]
    return Pairs(trivial[trial % len(trivial)], impossible[step % len(impossible)], _sides(count, (seed, skip)))


def _apart(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Order the second list of classes to coincide with the first at few positions: near neighbours are swapped."""
    order, positions = np.arange(len(other)), range(min(len(one), len(other)))
    for at in positions:
        if one[at] != other[order[at]]:
            continue
        for near in sorted(positions, key=lambda position: abs(position - at)):
            if one[at] != other[order[near]] and one[near] != other[order[at]]:
                order[[at, near]] = order[[near, at]]
                break
    return order


def _sides(count: int, seed: tuple[int, int]) -> np.ndarray:
    """Draw the sides, as many left as right."""
    rng = np.random.default_rng(seed)
    return rng.permutation(np.arange(count) + rng.integers(2)) % 2 == 0


def difficulty_table(
    image_ids: Sequence[str] | np.ndarray,
    labels: ArrayLike | None,
    correct: ArrayLike,
    tolerance: int,
    alpha: float,
    beta: float,
    classes: Sequence[str] | None = None,
) -> pd.DataFrame:
    """List each image's label (or class), score, difficulty and, of `fit_beta_binomial`, posterior difficulty."""
    correct = as_correct(correct)
    _check_length("names", len(image_ids), correct)
    label = {} if labels is None else {"label": _named(np.asarray(labels), classes, correct)}
    score = scores(correct)
    posterior = posterior_difficulty(score, alpha, beta, len(correct)).round(6)
    columns = {"image": image_ids, **label, "score": score, "difficulty": classify(correct, tolerance)}
    return pd.DataFrame({**columns, "posterior_difficulty": posterior})


def decisive_images(
    correct: ArrayLike, image_ids: Sequence[str] | np.ndarray, number: int = 1000, tolerance: int = 0
) -> list[str]:
    """Name the ``number`` in-between images that divide models most evenly: a short test set for other models."""
    correct = as_correct(correct)
    _check_length("names", len(image_ids), correct)
    between = np.flatnonzero(classify(correct, tolerance) == "in-between")
    uneven = abs(2 * scores(correct) - len(correct))
    # Among equally decisive images a hash of the name decides: no class is preferred for standing first.
    named = [(uneven[image], str(image_ids[image])) for image in between.tolist()]
    ranked = sorted((division, blake2b(name.encode(), digest_size=8).digest(), name) for division, name in named)
    return [name for _, _, name in ranked[:number]]


def _named(labels: np.ndarray, classes: Sequence[str] | None, correct: np.ndarray) -> Iterable:
    """Replace labels by the names of their classes, if these have names."""
    _check_length("labels", len(labels), correct)
    if classes is None:
        return labels
    if unnamed := sorted({int(label) for label in labels} - set(range(len(classes)))):
        raise InputError(f"there are {len(classes)} class names, none for label {unnamed[0]}")
    return [classes[int(label)] for label in labels]


def _check_length(what: str, given: int, correct: np.ndarray) -> None:
    if given != correct.shape[1]:
        raise InputError(f"there must be one of the {what} for each of the {correct.shape[1]} images, not {given}")
