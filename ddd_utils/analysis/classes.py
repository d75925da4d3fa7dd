"""Which classes are hard, and which do models take for one another in the same way."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ddd_utils.analysis.difficulty import NOT_RECORDED, as_correct, as_labels
from ddd_utils.analysis.statistics import wilson
from ddd_utils.analysis.wrong_answers import as_answers


def class_difficulty(correct: ArrayLike, labels: ArrayLike, names: Sequence[str]) -> pd.DataFrame:
    """
    Estimate how often models are right on each class, drawn towards the mean of all classes.

    With few images a class, the hardest of many classes is partly the unluckiest. So each mean over images is shrunk by
    the part of its variance that is the images' (empirical Bayes with normal errors; Morris, 1983). The 95% interval is
    that of the shrunken value, for other images. To the variance of a class's images, one image adds that of all
    classes, so that no class counts as known exactly.

    One row a class, the hardest first: label, name, images, accuracy, shrunk, lower, upper.
    """
    correct = as_correct(correct)
    labels = as_labels(labels, np.zeros(correct.shape[1], int))
    table = pd.DataFrame({"label": labels, "accuracy": correct.mean(axis=0)})
    groups = table.groupby("label")["accuracy"]
    found = groups.agg(images="size", accuracy="mean").reset_index()
    squares = groups.var(ddof=0).to_numpy() * found["images"]
    pooled = squares.sum() / max(len(table) - len(found), 1)
    noise = (squares + pooled) / found["images"] ** 2
    between = max(found["accuracy"].var() - noise.mean(), 0) if len(found) > 1 else 0
    kept = between / (between + noise).where(between + noise > 0, 1)
    middle, of_middle = found["accuracy"].mean(), (between + noise).mean() / len(found)
    shrunk = middle + kept * (found["accuracy"] - middle)
    margin = 1.96 * np.sqrt(kept * noise + (1 - kept) ** 2 * of_middle)
    found = found.assign(shrunk=shrunk, lower=(shrunk - margin).clip(0, 1), upper=(shrunk + margin).clip(0, 1))
    found.insert(1, "name", [str(names[label]) for label in found["label"]])
    return found.sort_values("shrunk", kind="stable", ignore_index=True)


def majority_answer(predictions: ArrayLike) -> np.ndarray:
    """Return the answer of more than half of the models to each image, (images,); -1 where there is none."""
    predictions = np.asarray(predictions)
    middle = np.sort(predictions, axis=0)[len(predictions) // 2]  # if there is one, it is there
    return np.where(2 * (predictions == middle).sum(axis=0) > len(predictions), middle, NOT_RECORDED)


def confused_classes(
    predictions: ArrayLike, labels: ArrayLike, names: Sequence[str], accepted: ArrayLike | None = None
) -> pd.DataFrame:
    """
    Count for each class the images that more than half of the models take for one other class, the most confused first.

    Predictions are (models, images). A class that lacks a name is called by its number. ``accepted``, bool (images,),
    says whether a second look accepts the answer of most models, too. Columns class, taken_for, images, share (of the
    class's images), the_other_way (images of taken_for that are taken for class), accepted (of these images).
    """
    predictions, labels = as_answers(predictions, labels)
    answer = majority_answer(predictions)
    wrong = (answer != labels) & (answer != NOT_RECORDED)
    noted = np.zeros(len(labels)) if accepted is None else np.asarray(accepted, int)
    table = pd.DataFrame({"class": labels, "taken_for": answer, "accepted": noted})[wrong]
    found = table.groupby(["class", "taken_for"])["accepted"].agg(images="size", accepted="sum").reset_index()
    back = found.rename(columns={"class": "taken_for", "taken_for": "class", "images": "the_other_way"})
    found = found.merge(back.drop(columns="accepted"), how="left", on=["class", "taken_for"])
    found = found.assign(share=found["images"] / np.bincount(labels)[found["class"]])
    found["the_other_way"] = found["the_other_way"].fillna(0).astype(int)
    for column in ("class", "taken_for"):
        found[column] = [names[label] if label < len(names) else str(label) for label in found[column]]
    shown = ["class", "taken_for", "images", "share", "the_other_way", *(["accepted"] if accepted is not None else [])]
    return found[shown].sort_values("images", ascending=False, kind="stable", ignore_index=True)


def within_superclass(predictions: ArrayLike, labels: ArrayLike, superclasses: ArrayLike) -> dict[str, float]:
    """
    Ask how often the wrong answer of most models is at least of the label's superclass.

    Keys images (that most models give the same wrong answer), share, lower, upper (Wilson's 95%) and chance (the share
    if these answers were dealt out anew among these images).
    """
    predictions, labels = as_answers(predictions, labels)
    answer, of = majority_answer(predictions), np.unique(np.asarray(superclasses), return_inverse=True)[1]
    wrong = (answer != labels) & (answer != NOT_RECORDED)
    truth, given = of[labels[wrong]], of[answer[wrong]]
    images, same = int(wrong.sum()), int((truth == given).sum())
    counts = [np.bincount(each, minlength=of.max() + 1) / max(images, 1) for each in (truth, given)]
    lower, upper = map(float, wilson(same, images))
    share = same / images if images else np.nan
    return {"images": images, "share": share, "lower": lower, "upper": upper, "chance": float(counts[0] @ counts[1])}
