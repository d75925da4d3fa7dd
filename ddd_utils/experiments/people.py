"""What people answered, as others have published it."""

import math
import pickletools
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ddd_utils.data.downloads import Unavailable, fetch, local_copy, place_for
from ddd_utils.errors import InputError
from ddd_utils.files import read_array

PEOPLE, COUNTS = "human/cifar10_models_and_humans.npz", "human/cifar10h-counts.npy"
LABEL_ERRORS, SHOWN = "meding2022/label_errors.npy", "meding2022/indices.npy"
PRACTICE = 6  # images that were shown before the first item
QUESTIONS = ("categories", "main", "odd")
DIFFICULTIES = np.array(["impossible", "in-between", "trivial"])


@dataclass(frozen=True)
class People:
    """Networks and people on the 10,000 CIFAR-10 test images."""

    models: list[str]
    predictions: np.ndarray  # int16 (networks, images)
    labels: np.ndarray  # int16 (images,)
    human_counts: np.ndarray  # how many people chose each class, int (images, 10)


@dataclass(frozen=True)
class PeopleFacts:
    """What others have published about people; None where it is not asked for or cannot be had."""

    cifar10: People | None = None
    second: pd.DataFrame | None = None  # the authors' second experiment
    label_errors: np.ndarray | None = None  # items of it with a wrong label
    missing: Mapping[str, str] = field(default_factory=dict)  # why, by the names of the three


def people_facts(wanted: bool = True) -> PeopleFacts:
    """
    Look up what people answered in published experiments; what is not on this machine is downloaded.

    Parameters
    ----------
    wanted : bool
        Whether to look at all.

    Returns
    -------
    PeopleFacts
    """
    if not wanted:
        return PeopleFacts()
    found: dict[str, Any] = {}
    missing: dict[str, str] = {}
    for name, read in _READERS.items():
        try:
            found[name] = read()
        except InputError as error:
            missing[name] = str(error)
    return PeopleFacts(**found, missing=missing)


def cifar10_people() -> People:
    """Read what 12 networks and some 50 people an image answered on CIFAR-10 (Peterson et al., 2019, CIFAR-10H)."""
    path = local_copy(PEOPLE)
    if path is None:
        raise Unavailable(
            f"{PEOPLE}: there is no public copy; compile it (from jcpeterson/cifar10-human-experiments, say) with "
            f"arrays model (12,), prediction (12, 10000) uint8, label (10000,), human_counts (10000, 10) and put it at "
            f"{place_for(PEOPLE)}"
        )
    try:
        with np.load(path, allow_pickle=False) as file:
            keys = "model", "prediction", "label", "human_counts"
            models, predictions, labels, counts = (file[key] for key in keys)
    except (KeyError, ValueError, OSError, EOFError) as error:
        raise InputError(f"{path}: not the arrays model, prediction, label, human_counts ({error})") from None
    human = read_array(fetch(COUNTS))
    # The same counts in the same order tie the networks' images to the people's.
    if predictions.shape != (len(models), len(labels)) or not np.array_equal(counts, human):
        raise InputError(f"{path}: its arrays do not fit one another and the counts of {COUNTS}")
    return People(models.tolist(), predictions.astype(np.int16), labels.astype(np.int16), human)


def second_experiment() -> pd.DataFrame:
    """Read the authors' second experiment, a row an observer, item and question, with the item's ``difficulty``."""
    # It is in their repository, not in the paper: 300 images, and for each "categories" (how many in the image), "main"
    # (is there a main one: 2 yes, 1 maybe, 0 no) and "odd" (is it shown in an odd way: 0 no, 1 slightly, 2 very).
    path = fetch("meding2022/experiment_two_results.ods")
    difficulty = DIFFICULTIES[read_array(fetch("meding2022/order.npy")).astype(int)]
    sheets = pd.read_excel(path, sheet_name=None, header=None, names=list(QUESTIONS), engine="calamine")
    shape = len(difficulty), len(QUESTIONS)
    if any(sheet.shape != shape or sheet.isna().any(axis=None) for sheet in sheets.values()):
        raise InputError(f"{path}: not a sheet of {len(difficulty)} x {len(QUESTIONS)} answers for each observer")
    items = pd.concat(sheets, names=["observer", "item"]).reset_index()
    items["difficulty"] = difficulty[items["item"]]
    answers = items.melt(["observer", "item", "difficulty"], var_name="question", value_name="answer")
    return answers.astype({"answer": int})


def second_experiment_label_errors() -> np.ndarray:
    """List the items of the second experiment whose image stands in the authors' list of label errors."""
    images = whole_numbers(fetch(SHOWN))[PRACTICE:]
    return np.flatnonzero(read_array(fetch(LABEL_ERRORS))[images])


_READERS = {"cifar10": cifar10_people, "second": second_experiment, "label_errors": second_experiment_label_errors}


def whole_numbers(path: str | Path) -> np.ndarray:
    """Read 64-bit whole numbers from a NumPy file of Python objects, without unpickling it."""
    # Such a file is a pickle, and loading a pickle runs whatever it says. Here it is only listed: the bytes of each
    # number stand in it as a constant, one after the other, and nothing is called or imported.
    try:
        with Path(path).open("rb") as file:
            np.lib.format.read_magic(file)
            shape, _, kind = np.lib.format.read_array_header_1_0(file)
            arguments = [argument for _, argument, _ in pickletools.genops(file)]
    except (ValueError, EOFError, OSError) as error:
        raise InputError(f"{path}: not a NumPy file of objects ({' '.join(str(error).split())})") from None
    numbers = [argument for argument in arguments if isinstance(argument, bytes) and len(argument) == 8]
    if not kind.hasobject or "i8" not in arguments or len(numbers) != math.prod(shape):
        raise InputError(f"{path}: does not hold {math.prod(shape)} whole numbers of 64 bits")
    return np.frombuffer(b"".join(numbers), "<i8").reshape(shape)
