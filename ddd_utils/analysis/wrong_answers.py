"""Wrong answers, and whether models share them; wrong labels, and what is left of impossible images without them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ddd_utils.analysis.consistency.kappa import count_both_right
from ddd_utils.analysis.difficulty import DIFFICULTIES, NOT_RECORDED, as_correct, classify
from ddd_utils.analysis.statistics import wilson, with_shares
from ddd_utils.errors import InputError

IMPOSSIBLE_KINDS = ("consensus", "confused")
GROUPS = ("trivial", "in-between", *(f"impossible, {kind}" for kind in IMPOSSIBLE_KINDS))
OUTCOMES = ("no acceptable label", "no longer impossible", "still impossible")
LABELS = ("label accepted", "other label accepted", "no acceptable label")


@dataclass(frozen=True)
class SameWrongAnswer:
    """How often two models that are both wrong give the same label, with the 95% interval; NaN on the diagonal."""

    share: np.ndarray  # (networks, networks), as the others
    lower: np.ndarray
    upper: np.ndarray
    both_wrong: np.ndarray  # images; on the diagonal, those that one gets wrong


def as_answers(predictions: ArrayLike, labels: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Check predictions (networks, images), -1 where not recorded, against labels (images,); one must be recorded."""
    predictions, labels = np.asarray(predictions), np.asarray(labels)
    if predictions.ndim != 2 or 0 in predictions.shape or labels.shape != predictions.shape[1:]:
        shapes = f"{predictions.shape} and {labels.shape}"
        raise InputError(f"predictions must be (networks, images) and labels (images,); the shapes are {shapes}")
    wrong = predictions != labels
    if wrong.any() and (predictions[wrong] == NOT_RECORDED).all():
        raise InputError("no wrong answer was recorded (prediction -1): which labels were given is not known")
    return predictions, labels


def unrecorded_share(predictions: ArrayLike, labels: ArrayLike) -> float:
    """Share of the wrong answers that were not recorded (-1); NaN where no answer is wrong."""
    predictions = np.asarray(predictions)
    wrong = predictions[predictions != np.asarray(labels)]
    return float((wrong == NOT_RECORDED).mean()) if wrong.size else np.nan


def same_wrong_answer(predictions: ArrayLike, labels: ArrayLike) -> SameWrongAnswer:
    """
    Estimate for each pair of models the probability of the same wrong label, given that both are wrong.

    An answer that was not recorded (-1) leaves the image out. Wilson's 95% intervals are for a new draw of images; NaN
    where both get none wrong.
    """
    predictions, labels = as_answers(predictions, labels)
    wrong = (predictions != labels) & (predictions != NOT_RECORDED)
    both_wrong = count_both_right(wrong)
    same = np.zeros_like(both_wrong)
    for i, answers in enumerate(predictions):
        same[i, i + 1 :] = ((predictions[i + 1 :] == answers) & wrong[i]).sum(axis=1)
    pairs = ~np.eye(len(predictions), dtype=bool)
    same, of = same + same.T, np.where(pairs, both_wrong, 0)
    share = np.divide(same, of, where=of > 0, out=np.full(of.shape, np.nan))
    return SameWrongAnswer(share, *wilson(same, of), both_wrong)


def impossible_kinds(predictions: ArrayLike, labels: ArrayLike, tolerance: int = 0) -> np.ndarray:
    """
    Tell impossible images on which the models agree about the answer from those that confuse them, str (images,).

    "consensus" where at least half of the models give the same wrong label, "confused" for the other impossible images,
    and an empty string for images that are not impossible: more models than the tolerance are right about them.
    """
    predictions, labels = as_answers(predictions, labels)
    impossible = classify(predictions == labels, tolerance) == "impossible"
    # In sorted answers, a label that half of the models share stands at both ends of some stretch of that length. It is
    # never the right one: fewer than half of the models are right about an impossible image.
    # Answers that were not recorded agree with no other.
    unlike = -1 - np.arange(len(predictions))[:, None]
    answers = np.sort(np.where(predictions == NOT_RECORDED, unlike, predictions)[:, impossible], axis=0)
    half = (len(predictions) + 1) // 2
    agreed = (answers[half - 1 :] == answers[: len(answers) - half + 1]).any(axis=0)
    kinds = np.full(len(labels), "", dtype="<U9")
    kinds[impossible] = np.where(agreed, *IMPOSSIBLE_KINDS)
    return kinds


def difficulty_groups(predictions: ArrayLike, labels: ArrayLike) -> np.ndarray:
    """Call each image one of `GROUPS`: trivial, in-between, or impossible with its kind, at tolerance 0."""
    predictions, labels = as_answers(predictions, labels)
    kinds = impossible_kinds(predictions, labels)
    return np.where(kinds == "", classify(predictions == labels, 0), np.char.add("impossible, ", kinds))


def also_without(sets: Mapping[str, np.ndarray], wrong_label: ArrayLike | None) -> dict[str, np.ndarray]:
    """Add to sets of decisions the same without the images whose label is wrong (None: not known which)."""
    if wrong_label is None:
        return dict(sets)
    kept = ~np.asarray(wrong_label, bool)
    return {**sets, **{f"{title}, without label errors": correct[:, kept] for title, correct in sets.items()}}


def error_rates(wrong_label: ArrayLike, groups: ArrayLike, order: Iterable, name: str = "score") -> pd.DataFrame:
    """Rate of label errors in each group of images, such as scores, difficulties or kinds of impossible images."""
    groups = np.asarray(groups)
    wrong_label = _as_marks(wrong_label, groups.shape)
    rows = [(group, (groups == group).sum(), wrong_label[groups == group].sum()) for group in order]
    return with_shares(pd.DataFrame(rows, columns=[name, "images", "errors"]), "errors", "rate")


def shares_without_errors(correct: ArrayLike, wrong_label: ArrayLike, tolerance: int = 0) -> pd.DataFrame:
    """Share of trivial, in-between and impossible images, with and without the images whose label is wrong."""
    found = classify(correct, tolerance)
    wrong_label = _as_marks(wrong_label, found.shape)
    sets = {"all images": found, "without label errors": found[~wrong_label]}
    rows = [(name, kind, len(kept), (kept == kind).sum()) for name, kept in sets.items() for kind in DIFFICULTIES]
    table = pd.DataFrame(rows, columns=["set", "difficulty", "of", "images"])
    return with_shares(table, "images", "share", "of").drop(columns="of")


def relabelled_correct(predictions: ArrayLike, accepted: Sequence[Collection[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Judge answers by sets of acceptable labels: right (networks, images), and which images have one (images,)."""
    predictions = np.asarray(predictions)
    if predictions.ndim != 2 or len(accepted) != predictions.shape[1]:
        shapes = f"{len(accepted)} for predictions of shape {predictions.shape}"
        raise InputError(f"there must be one set of acceptable labels an image: {shapes}")
    counts = np.array([len(classes) for classes in accepted], int)
    image = np.repeat(np.arange(len(counts)), counts)
    network, at = np.nonzero(predictions[:, image] == np.fromiter(chain.from_iterable(accepted), int, len(image)))
    correct = np.zeros(predictions.shape, bool)
    correct[network, image[at]] = True
    return correct, counts > 0


def impossible_because_of_label(
    predictions: ArrayLike, labels: ArrayLike, accepted: Sequence[Collection[int]], tolerance: int = 0
) -> pd.DataFrame:
    """
    Ask what becomes of the impossible images when other labels are acceptable too, such as ReaL's (Beyer et al., 2020).

    `accepted` lists the acceptable classes of each image, none where it shows no class at all. One row an outcome: "no
    acceptable label", "no longer impossible" (more networks than the tolerance give an acceptable one), "still
    impossible"; columns outcome, images, share (of the impossible images), lower and upper (Wilson's 95% interval).
    """
    predictions, labels = as_answers(predictions, labels)
    correct, acceptable = relabelled_correct(predictions, accepted)
    impossible = classify(predictions == labels, tolerance) == "impossible"
    solved = correct.sum(axis=0) > tolerance
    outcome = np.select([~acceptable, solved], OUTCOMES[:2], OUTCOMES[2])[impossible]
    counts = [int((outcome == name).sum()) for name in OUTCOMES]
    table = pd.DataFrame({"outcome": OUTCOMES, "images": counts, "of": int(impossible.sum())})
    return with_shares(table, "images", "share", "of").drop(columns="of")


def label_status(labels: ArrayLike, accepted: Sequence[Collection[int]]) -> np.ndarray:
    """Call the label of each image one of `LABELS`, by the classes that a second look accepts (`accepted`)."""
    known = np.array([bool(others) for others in accepted], bool)
    right = np.array([label in others for label, others in zip(np.asarray(labels), accepted, strict=True)], bool)
    return np.select([right, known], LABELS[:2], LABELS[2])


def status_by_score(status: ArrayLike, correct: ArrayLike) -> pd.DataFrame:
    """Count images by the number of models that are right and by `label_status`: score, status, images, share."""
    correct, status = as_correct(correct), np.asarray(status)
    score = correct.sum(axis=0)
    rows = [(s, kind, ((score == s) & (status == kind)).sum()) for s in range(len(correct) + 1) for kind in LABELS]
    table = pd.DataFrame(rows, columns=["score", "status", "images"])
    return table.assign(share=table["images"] / table.groupby("score")["images"].transform("sum").clip(lower=1))


def _as_marks(wrong_label: ArrayLike, shape: tuple[int, ...]) -> np.ndarray:
    wrong_label = np.asarray(wrong_label)
    if wrong_label.shape != shape:
        raise InputError(f"label errors must be one mark an image: {wrong_label.shape} for {shape}")
    return as_correct(wrong_label[None])[0]
