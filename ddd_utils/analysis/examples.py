"""Which images to look at: some trivial, some impossible, the most divisive ones; and who answered what to one."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ddd_utils.analysis.decisions import as_correct
from ddd_utils.analysis.difficulty import DIFFICULTIES, classify, scores
from ddd_utils.analysis.wrong_answers import NOT_RECORDED
from ddd_utils.errors import InputError

UNKNOWN = "not recorded"


def examples(correct, tolerance: int, count: int = 8, seed: int = 0, labels=None) -> dict[str, np.ndarray]:
    """
    Choose images that show what trivial, in-between and impossible mean.

    Trivial and impossible images are drawn at random. Of the in-between ones the most divisive are taken (score nearest
    to half of the networks), and chance decides among equals. Equals are taken from as many classes as there are.

    Parameters
    ----------
    correct : array_like of bool, shape (networks, images)
        Whether each network is right about each image.
    tolerance : int
        Number of deviating networks up to which an image counts as trivial or impossible.
    count : int
        How many of each; fewer where there are fewer.
    seed : int
        Seed of the draw: the same one chooses the same images, and fewer of them are the first of more.
    labels : array_like, shape (images,), optional
        Classes.

    Returns
    -------
    dict of str to ndarray of int
        Positions of the images; keys "trivial", "in-between", "impossible".

    Raises
    ------
    InputError
        If the tolerance does not fit, or there is not one label an image.
    """
    correct = as_correct(correct)
    networks, images = correct.shape
    labels = np.arange(images) if labels is None else np.asarray(labels)
    if labels.shape != (images,):
        raise InputError(f"there must be one label an image: {labels.shape} labels for {images} images")
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
    """
    Count for each candidate those before it of the same rank and class: who has none goes first.

    Parameters
    ----------
    rank, labels : ndarray, shape (candidates,)

    Returns
    -------
    ndarray of int, shape (candidates,)
    """
    seen: dict = {}
    counts = np.zeros(len(labels), int)
    for place, key in enumerate(zip(rank.tolist(), labels.tolist(), strict=True)):
        counts[place] = seen.get(key, 0)
        seen[key] = counts[place] + 1
    return counts


@dataclass(frozen=True)
class Answer:
    """
    An answer to one image.

    Attributes
    ----------
    text : str
        What the class is called.
    right : bool
        Whether it is the right one.
    networks : tuple of str
        Who gave it.
    """

    text: str
    right: bool
    networks: tuple[str, ...]


def answers_of(predictions, label: int, classes: Sequence[str], names: Sequence[str]) -> list[Answer]:
    """
    Group the networks by their answers to one image.

    Parameters
    ----------
    predictions : array_like of int, shape (networks,)
        Predicted classes; -1 is a wrong answer that was not recorded.
    label : int
        The right one.
    classes : sequence of str
        Names of the classes by label; a class without one is called by its number.
    names : sequence of str
        Names of the networks.

    Returns
    -------
    list of Answer
        The right one first, if anyone gave it, then the wrong ones, the most frequent first, those not recorded last.
        Every network is in one of them.

    Raises
    ------
    InputError
        If there is not one name a network.
    """
    predictions, label = np.asarray(predictions), int(label)
    if predictions.shape != (len(names),):
        raise InputError(f"there must be one name a network: {len(names)} names for {predictions.shape} predictions")
    given: dict[int, list[str]] = {}
    for prediction, name in zip(predictions.tolist(), names, strict=True):
        given.setdefault(prediction, []).append(name)

    def order(prediction: int):
        return prediction != label, prediction == NOT_RECORDED, -len(given[prediction]), prediction

    return [
        Answer(_called(prediction, classes), prediction == label, tuple(given[prediction]))
        for prediction in sorted(given, key=order)
    ]


def _called(prediction: int, classes: Sequence[str]) -> str:
    if prediction == NOT_RECORDED:
        return UNKNOWN
    return str(classes[prediction]) if 0 <= prediction < len(classes) else str(prediction)
