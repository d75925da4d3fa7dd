"""Anyone's table of responses, one row for each model and image, checked and turned into arrays."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ddd_utils.errors import InputError, nearest
from ddd_utils.responses.columns import Column, column_names, fault, read_columns, row_number

WRONG = -1
HIGHEST = np.iinfo(np.int16).max
# The per-trial format of the model-vs-human toolbox (Geirhos et al., 2021): a row for each trial of an observer.
TRIAL_COLUMNS = ("subj", "imagename", "object_response", "category")
CONDITION = "condition"
# A person who did not answer in time; models always answer.
NO_ANSWER = frozenset({"na", "NA", "NaN", "nan"})
# Stimulus files are named <trial>_<experiment>_<observer>_..._<image>, where only the image is the same for everyone:
# 0056_cl_s01_bw_chair_40_n04429376_21865.png is n04429376_21865.png, shown to observer s01 in trial 56.
_STIMULUS = re.compile(r"\d+_[^_]+_(?:s\d+|dnn)_.*?(?P<image>(?:n\d{8}_)?[^_]+)")

FORMATS = (("model", "image", "prediction", "label"), ("model", "image", "correct"), TRIAL_COLUMNS)
# Columns that are read where they stand beside a format that does without them.
BESIDE = {FORMATS[0]: ("correct",), FORMATS[1]: ("label",), FORMATS[2]: (CONDITION,)}
EMPTY = frozenset({"", "NA", "NaN", "nan"})
TRUTH = {"true": True, "false": False, "1": True, "0": False, "1.0": True, "0.0": False}
NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?")


@dataclass(frozen=True)
class Axis:
    """Models or images in order of first appearance: each row's, their names, and the row where each comes first."""

    heading: str
    codes: np.ndarray
    names: np.ndarray
    first: np.ndarray


def table_to_arrays(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
    """
    Read a table of responses; a faulty one raises InputError with the row, counted as a spreadsheet does.

    CSV (also ``.csv.gz``) or Parquet with the columns ``model, image, prediction, label``, or ``model, image,
    correct``, or those of a model-vs-human trial, ``subj, object_response, category, imagename`` and ``condition``.
    Classes are names, or indices from 0 to 32767, with -1 for "wrong, answer not recorded". Where ``correct`` stands
    beside ``prediction`` and ``label`` it must agree with them.

    The result is predictions, int16 (models, images), labels, int16 (images,), models, images and what is known.
    Classes with names are numbered in alphabetical order. From ``correct`` the prediction is the label where right,
    else -1; where there are no labels these are 0. Models and images are in order of first appearance. Known are
    ``labels_known`` and, where they have names, ``classes``.
    """
    columns, no_answer = _read(path)
    truth, answers, names = _classes(path, columns, no_answer)
    model, image = _in_order(columns["model"]), _in_order(columns["image"])
    if len(model.names) < 2:
        raise InputError(f"{path}: holds one {model.heading}, {model.names[0]!r}; a comparison takes two")
    cells = model.codes.astype(np.int64) * len(image.names) + image.codes
    _check_one_row_each(path, cells, model, image)
    if "label" in columns:
        _check_one_label_each(path, truth, image, columns["label"])
    predictions = np.empty((len(model.names), len(image.names)), np.int16)
    predictions.flat[cells] = answers
    about = {"labels_known": "label" in columns} | ({"classes": names} if names else {})
    return predictions, truth[image.first], model.names.astype(str), image.names.astype(str), about


def _read(path: Path) -> tuple[dict[str, Column], frozenset[str]]:
    """Read the columns of the format that fits best; also say which answers mean "no answer"."""
    names = column_names(path)
    kind = min(FORMATS, key=lambda needed: len(set(needed) - set(names)))
    for name in kind:
        if name not in names:
            raise InputError(f"{path}: there is no column '{name}'{nearest(name, names) or f' in {names[:8]}'}")
    wanted = [*kind, *(name for name in BESIDE[kind] if name in names)]
    for name in wanted:
        if names.count(name) > 1:
            raise InputError(f"{path}: there are {names.count(name)} columns '{name}'")
    columns, no_answer = read_columns(path, wanted), frozenset[str]()
    if kind == TRIAL_COLUMNS:
        columns, no_answer = _trials_as_responses(columns), NO_ANSWER
    for key, column in columns.items():
        empty = EMPTY - no_answer if key == "prediction" else EMPTY | no_answer
        column.refuse(path, [v in empty for v in column.values], lambda cell: f"empty ({cell!r})" if cell else "empty")
    return columns, no_answer


def _classes(
    path: Path, columns: dict[str, Column], no_answer: frozenset[str]
) -> tuple[np.ndarray, np.ndarray, list[str] | None]:
    """Turn labels and answers into class indices, row by row; also give the names of the classes, if they have any."""
    prediction, label, correct = (columns.get(name) for name in ("prediction", "label", "correct"))
    if label is not None:
        truth, answers, names = _numbered(path, label, prediction or label, no_answer)
    if correct is None:
        return truth, answers, names
    right = _truth_values(path, correct)[correct.codes]
    if label is None:
        truth, names = np.zeros(len(right), np.int16), None
    if label is None or prediction is None:
        return truth, np.where(right, truth, np.int16(WRONG)), names
    differs = right != (truth == answers)
    if differs.any():
        row = int(differs.argmax())
        said, answer, wanted = (column.values[column.codes[row]] for column in (correct, prediction, label))
        raise fault(path, row, f"'correct' is {said!r}, but 'prediction' is {answer!r} and 'label' is {wanted!r}")
    return truth, answers, names


def _numbered(
    path: Path, label: Column, prediction: Column, no_answer: frozenset[str]
) -> tuple[np.ndarray, np.ndarray, list[str] | None]:
    """Keep class indices as they are; number class names in alphabetical order, and give them in that order."""
    given = {*label.values, *prediction.values} - no_answer
    names: list[str] | None = None
    known: dict[str, int | None]
    if all(NUMBER.fullmatch(value) for value in given):
        known = {value: _index(value) for value in given}
        _check_indices(path, label, known, 0)
        _check_indices(path, prediction, known, WRONG)
    else:
        names = sorted(label.values)
        known = {name: index for index, name in enumerate(names)}
        if len(known) > HIGHEST + 1:
            raise InputError(f"{path}: '{label.name}' has {len(known):,} classes, more than {HIGHEST + 1:,}")
        _check_names(path, prediction, known, no_answer)
    known |= dict.fromkeys(no_answer, WRONG)
    truth, answers = (np.array([known[v] for v in each.values], np.int16)[each.codes] for each in (label, prediction))
    return truth, answers, names


def _index(value: str) -> int | None:
    number = float(value)
    return int(number) if number.is_integer() and WRONG <= number <= HIGHEST else None


def _check_indices(path: Path, column: Column, known: Mapping[str, int | None], lowest: int) -> None:
    numbers = [known.get(value, lowest) for value in column.values]
    unrecorded = ", or -1 for a wrong answer that is not recorded" if lowest < 0 else ""
    numbers_allowed = f"from 0 to {HIGHEST}{unrecorded}"
    wrong = [number is None or number < lowest for number in numbers]
    column.refuse(path, wrong, lambda value: f"{value}; a class index is a whole number {numbers_allowed}")


def _check_names(path: Path, column: Column, known: Mapping[str, int | None], no_answer: frozenset[str]) -> None:
    column.refuse(
        path,
        [value not in known and value not in no_answer for value in column.values],
        lambda name: (
            f"an unknown class, {name!r}, the label of no image{nearest(name, known)}; "
            "models with further classes take class indices or a column 'correct' instead"
        ),
    )


def _truth_values(path: Path, column: Column) -> np.ndarray:
    known = [TRUTH.get(value.lower()) for value in column.values]
    column.refuse(path, [value is None for value in known], lambda value: f"{value!r}, not true or false")
    return np.array(known, bool)


def _in_order(column: Column) -> Axis:
    rows = len(column.codes)
    first = np.empty(len(column.values), np.int64)
    # Of several writes to one element the last one stays: from the end, that is each value's first row.
    first[column.codes[::-1]] = np.arange(rows - 1, -1, -1)
    order = np.argsort(first)
    rank = np.empty(len(order), np.int32)
    rank[order] = np.arange(len(order))
    return Axis(column.name, rank[column.codes], column.values[order], first[order])


def _check_one_row_each(path: Path, cells: np.ndarray, model: Axis, image: Axis) -> None:
    """Check that every model saw every image once; ``cells`` is model * images + image, row by row."""
    wanted = len(model.names) * len(image.names)
    if len(cells) == wanted:
        seen = np.zeros(wanted, bool)
        seen[cells] = True
        if seen.all():
            return
    rows = np.argsort(cells, kind="stable")
    cells = cells[rows]

    def pair(cell: int) -> str:
        who, what = divmod(int(cell), len(image.names))
        return f"{model.heading} {model.names[who]!r} and {image.heading} {image.names[what]!r}"

    again = np.flatnonzero(cells[1:] == cells[:-1])
    if len(again):
        # The one whose second row comes first in the table.
        at = again[rows[again + 1].argmin()]
        first, second = (row_number(path, int(row)) for row in rows[at : at + 2])
        raise InputError(f"{path}: rows {first} and {second}: more than one row for {pair(cells[at])}")
    gap = np.append(cells, -1) != np.arange(len(cells) + 1)
    raise InputError(f"{path}: no row for {pair(gap.argmax())}")


def _check_one_label_each(path: Path, truth: np.ndarray, image: Axis, label: Column) -> None:
    differs = truth != truth[image.first][image.codes]
    if differs.any():
        row = int(differs.argmax())
        what = image.codes[row]
        first, second = (row_number(path, int(index)) for index in (image.first[what], row))
        one, other = (label.values[label.codes[index]] for index in (image.first[what], row))
        what = f"'{label.name}' of {image.heading} {image.names[what]!r}"
        raise InputError(f"{path}: rows {first} and {second}: {what} differs, {one!r} and {other!r}")


def _trials_as_responses(columns: dict[str, Column]) -> dict[str, Column]:
    """Rename columns; images are told apart without trial and observer, by condition if one has several."""
    subject, image, response, category = (columns[name] for name in TRIAL_COLUMNS)
    image = _merged(image.name, image.codes, [_image(name) for name in image.values])
    if CONDITION in columns:
        image = _by_condition(image, columns[CONDITION])
    return {"model": subject, "image": image, "prediction": response, "label": category}


def _image(name: str) -> str:
    stimulus = _STIMULUS.fullmatch(name)
    return stimulus["image"] if stimulus else name


def _by_condition(image: Column, condition: Column) -> Column:
    """Tell apart the conditions of an image; a condition left out (models often have none) is not one more."""
    pairs, codes = np.unique(
        image.codes.astype(np.int64) * len(condition.values) + condition.codes, return_inverse=True
    )
    images, conditions = np.divmod(pairs, len(condition.values))
    stated = ~np.isin(condition.values[conditions], ["", *NO_ANSWER])
    several = np.bincount(images[stated], minlength=len(image.values)) > 1
    names = [
        f"{image.values[i]} ({condition.values[c]})" if several[i] and s else image.values[i]
        for i, c, s in zip(images, conditions, stated, strict=True)
    ]
    return _merged(image.name, codes, names)


def _merged(name: str, codes: np.ndarray, values: list[str]) -> Column:
    distinct, again = np.unique(np.array(values, object), return_inverse=True)
    return Column(name, again[codes], distinct)
