"""What people answered, as others have published it."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ddd_utils.errors import InputError
from ddd_utils.experiments.published.downloads import Unavailable, fetch, local_copy, place_for
from ddd_utils.experiments.published.object_arrays import whole_numbers
from ddd_utils.files import read_array

PEOPLE, COUNTS = "human/cifar10_models_and_humans.npz", "human/cifar10h-counts.npy"
LABEL_ERRORS, SHOWN = "meding2022/label_errors.npy", "meding2022/indices.npy"
PRACTICE = 6  # images that were shown before the first item
QUESTIONS = ("categories", "main", "odd")
DIFFICULTIES = np.array(["impossible", "in-between", "trivial"])


@dataclass(frozen=True)
class People:
    """
    Networks and people on the 10,000 CIFAR-10 test images.

    Attributes
    ----------
    models : list of str
        Names of the networks.
    predictions : ndarray of int16, shape (networks, images)
    labels : ndarray of int16, shape (images,)
    human_counts : ndarray of int, shape (images, 10)
        How many people chose each class.
    """

    models: list[str]
    predictions: np.ndarray
    labels: np.ndarray
    human_counts: np.ndarray


def cifar10_people() -> People:
    """
    Read what 12 published networks and some 50 people an image answered on CIFAR-10 (Peterson et al., 2019, CIFAR-10H).

    Returns
    -------
    People

    Raises
    ------
    Unavailable
        If the networks' predictions are not in ``DDD_DATA``: they were compiled from published logits and weights and
        are not to be had in one file; or if the people's counts cannot be downloaded.
    InputError
        If a file is not what it should be; names it.
    """
    path = local_copy(PEOPLE)
    if path is None:
        raise Unavailable(
            f"{PEOPLE}: there is no public copy; compile it (from jcpeterson/cifar10-human-experiments, say) with "
            f"arrays model (12,), prediction (12, 10000) uint8, label (10000,), human_counts (10000, 10) and put it at "
            f"{place_for(PEOPLE)}"
        )
    try:
        with np.load(path, allow_pickle=False) as file:
            models, predictions, labels, counts = (
                file[key] for key in ("model", "prediction", "label", "human_counts")
            )
    except (KeyError, ValueError, OSError, EOFError) as error:
        raise InputError(f"{path}: not the arrays model, prediction, label, human_counts ({error})") from None
    human = read_array(fetch(COUNTS))
    # The same counts in the same order tie the networks' images to the people's.
    if predictions.shape != (len(models), len(labels)) or not np.array_equal(counts, human):
        raise InputError(f"{path}: its arrays do not fit one another and the counts of {COUNTS}")
    return People(models.tolist(), predictions.astype(np.int16), labels.astype(np.int16), human)


def second_experiment() -> pd.DataFrame:
    """
    Read the authors' second experiment (their repository, not the paper): what observers say about 300 images.

    Returns
    -------
    DataFrame
        One row an observer, item and question: ``observer``, ``item`` (0 to 299), ``question``, ``answer`` and the
        item's ``difficulty``. Questions are "categories" (how many in the image), "main" (is there a main one: 2 yes,
        1 maybe, 0 no) and "odd" (is it shown in an odd way: 0 no, 1 slightly, 2 very).

    Raises
    ------
    InputError
        If a file is not to be had or not what it should be; names it.
    """
    path = fetch("meding2022/experiment_two_results.ods")
    difficulty = DIFFICULTIES[read_array(fetch("meding2022/order.npy")).astype(int)]
    sheets = pd.read_excel(path, sheet_name=None, header=None, names=list(QUESTIONS), engine="calamine")
    if any(
        sheet.shape != (len(difficulty), len(QUESTIONS)) or sheet.isna().any(axis=None) for sheet in sheets.values()
    ):
        raise InputError(f"{path}: not a sheet of {len(difficulty)} x {len(QUESTIONS)} answers for each observer")
    items = (
        pd.concat(sheets, names=["observer", "item"])
        .reset_index()
        .assign(difficulty=lambda table: difficulty[table["item"]])
    )
    return items.melt(["observer", "item", "difficulty"], var_name="question", value_name="answer").astype(
        {"answer": int}
    )


def second_experiment_label_errors() -> np.ndarray:
    """
    List the items of the second experiment whose image stands in the authors' list of label errors.

    Returns
    -------
    ndarray of int
        Items, from 0.

    Raises
    ------
    InputError
        If a file is not to be had or not what it should be; names it.
    """
    images = whole_numbers(fetch(SHOWN))[PRACTICE:]
    return np.flatnonzero(read_array(fetch(LABEL_ERRORS))[images])
