"""Anyone's table of responses, one row for each model and image, checked and turned into arrays."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from ddd_utils.errors import InputError, nearest
from ddd_utils.responses.classes import MISSING, WRONG, numbered
from ddd_utils.responses.columns import Column, Sheet
from ddd_utils.responses.forms import read_form
from ddd_utils.responses.matrices import read_matrix

POLICIES = ("refuse", "wrong", "leave_out")
POLICY = "state `missing: wrong` to count them as wrong, or `missing: leave_out` to leave their images out"
# By what names of images may differ that mean the same.
ALIKE: dict[str, Callable[[str], str]] = {
    "the folder": lambda name: PurePosixPath(name.replace("\\", "/")).name,
    "the suffix": lambda name: re.sub(r"\.\w{1,5}$", "", name),
    "small and capital letters": str.casefold,
    "folder, suffix and capitals": lambda name: PurePosixPath(name.replace("\\", "/").casefold()).stem,
}


@dataclass(frozen=True)
class Axis:
    """Models or images in order of first appearance: each row's, their names, and the row where each comes first."""

    heading: str
    codes: np.ndarray
    names: np.ndarray
    first: np.ndarray


def table_to_arrays(
    path: Path, missing: str = "refuse"
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any], dict[str, Any]]:
    """
    Read a table of responses; a faulty one raises InputError with the row, counted as a spreadsheet does.

    Text (CSV; also with ``;``, tab, UTF-16, ``.gz``), Parquet, Feather or JSON lines with the columns ``model, image,
    prediction, label``, or ``model, image, correct``, under any of their usual names (`headings`); or those of a
    model-vs-human trial, ``subj, object_response, category, imagename`` and ``condition``; or a row an image with a
    column a model; or a matrix (`matrices`). Classes are names, or indices from 0 to 32767, with -1 for "wrong, answer
    not recorded". Where ``correct`` stands beside ``prediction`` and ``label`` it must agree with them. What
    ``missing`` says becomes of answers that are missing: "refuse", "wrong", or "leave_out" for their images.

    The result is predictions, int16 (models, images), labels, int16 (images,), models, images, what is known, and the
    probabilities beside the answers, if there are any: float16 (models, images) by name (`headings.BESIDE`).
    Classes with names are numbered in alphabetical order. From ``correct`` the prediction is the label where right,
    else -1; where there are no labels these are 0. Models and images are in order of first appearance. Known are
    ``labels_known``; ``classes``, where they have names; what is ``missing``; the range of ``probabilities``, if any.
    """
    if missing not in POLICIES:
        raise InputError(f"missing: '{missing}' is none of {', '.join(POLICIES)}{nearest(missing, POLICIES)}")
    if path.suffix.lower() == ".npy":
        correct, who, ids = read_matrix(path)
        answers, labels = np.where(correct, np.int16(0), np.int16(WRONG)), np.zeros(len(ids), np.int16)
        return answers, labels, who, ids, {"labels_known": False}, {}
    sheet = Sheet(path)
    columns, no_answer, beside = read_form(sheet)
    truth, answers, names = numbered(sheet, columns, no_answer)
    model, image = _in_order(columns["model"]), _in_order(columns["image"])
    if len(model.names) < 2:
        raise InputError(f"{sheet}: holds one {model.heading}, {model.names[0]!r}; a comparison takes two")
    cells = model.codes.astype(np.int64) * len(image.names) + image.codes
    _check_one_row_each(sheet, cells, model, image, missing)
    if "label" in columns:
        _check_one_label_each(sheet, truth, image, columns["label"])
    predictions = np.full((len(model.names), len(image.names)), MISSING, np.int16)
    predictions.flat[cells] = answers
    if missing == "refuse" and (answers == MISSING).any():
        column = columns.get("prediction") or columns["correct"]
        raise _missing_answer(sheet, column, answers)
    about = {"labels_known": "label" in columns} | ({"classes": names} if names else {})
    stated, certainty = _beside(beside, cells, predictions.shape)
    predictions, kept, lost = _by_policy(sheet, predictions, missing)
    about |= stated | ({"missing": lost} if lost else {})
    certainty = {name: values[:, kept] for name, values in certainty.items()}
    labels, who, ids = truth[image.first][kept], model.names.astype(str), image.names.astype(str)[kept]
    return predictions, labels, who, ids, about, certainty


def _beside(
    beside: dict[str, np.ndarray], cells: np.ndarray, shape: tuple[int, ...]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Put what stands beside the answers into arrays, float16, of these cells; tell between what probabilities lie."""
    about: dict[str, Any] = {}
    found = {}
    for role, values in beside.items():
        lowest, highest = float(np.nanmin(values)), float(np.nanmax(values))
        about |= {"probabilities": (lowest, highest)} if role == "probability" else {}
        if lowest >= 0 and highest <= 1:
            found[role] = np.full(shape, np.nan, np.float16)
            found[role].flat[cells] = values
    return about, found


def _missing_answer(sheet: Sheet, column: Column, answers: np.ndarray) -> InputError:
    row, count = int((answers == MISSING).argmax()), int((answers == MISSING).sum())
    value = column.values[column.codes[row]]
    said = f"'{column.name}' is {f'{value!r}, no answer' if value else 'empty'}"
    return sheet.fault(row, f"{said}; of {len(answers):,} answers {count:,} are missing: {POLICY}")


def _by_policy(sheet: Sheet, predictions: np.ndarray, missing: str) -> tuple[np.ndarray, np.ndarray, str]:
    """Count missing answers as wrong, or leave their images out; return also which are kept, and what is lost."""
    absent, kept, done = predictions == MISSING, np.ones(predictions.shape[1], bool), "they count as wrong"
    if missing == "leave_out":
        kept = ~absent.any(axis=0)
        done = f"{(~kept).sum():,} of {len(kept):,} images are left out"
    if not kept.any():
        raise InputError(f"{sheet}: no image has an answer of every model")
    lost = f"Of {absent.size:,} answers {absent.sum():,} are missing: {done}" if absent.any() else ""
    return np.where(absent, np.int16(WRONG), predictions)[:, kept], kept, lost


def _in_order(column: Column) -> Axis:
    rows = len(column.codes)
    first = np.empty(len(column.values), np.int64)
    # Of several writes to one element the last one stays: from the end, that is each value's first row.
    first[column.codes[::-1]] = np.arange(rows - 1, -1, -1)
    order = np.argsort(first)
    rank = np.argsort(order).astype(np.int32)
    return Axis(column.name, rank[column.codes], column.values[order], first[order])


def _check_one_row_each(sheet: Sheet, cells: np.ndarray, model: Axis, image: Axis, missing: str) -> None:
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
        first, second = (sheet.row_number(int(row)) for row in rows[at : at + 2])
        raise InputError(f"{sheet}: rows {first} and {second}: more than one row for {pair(cells[at])}")
    if missing == "refuse":
        gap = int((np.append(cells, -1) != np.arange(len(cells) + 1)).argmax())
        raise InputError(f"{sheet}: no row for {pair(gap)}{_lacking(cells, gap // len(image.names), model, image)}")


def _lacking(cells: np.ndarray, who: int, model: Axis, image: Axis) -> str:
    """Say for how many images a model has no row, and whether these only have other names there."""
    seen = np.isin(np.arange(len(image.names)) + who * len(image.names), cells)
    lost = [str(name) for name in image.names[~seen]]
    said = f"; {model.names[who]!r} has none for {len(lost):,} of {len(image.names):,} images"
    for what, short in ALIKE.items():
        own = {short(str(name)) for name in image.names[seen]}
        if matched := sum(short(name) in own for name in lost):
            return f"{said}, of which {matched:,} have names that differ from others only by {what}"
    return f"{said}: {POLICY}"


def _check_one_label_each(sheet: Sheet, truth: np.ndarray, image: Axis, label: Column) -> None:
    differs = truth != truth[image.first][image.codes]
    if differs.any():
        row = int(differs.argmax())
        what = image.codes[row]
        first, second = (sheet.row_number(int(index)) for index in (image.first[what], row))
        one, other = (label.values[label.codes[index]] for index in (image.first[what], row))
        what = f"'{label.name}' of {image.heading} {image.names[what]!r}"
        raise InputError(f"{sheet}: rows {first} and {second}: {what} differs, {one!r} and {other!r}")
