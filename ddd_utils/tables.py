"""Anyone's table of responses, one row for each model and image, checked and turned into arrays."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from ddd_utils.errors import InputError, nearest

WRONG = -1


def table_to_arrays(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """
    Read a table of responses.

    Parameters
    ----------
    path : Path
        CSV or Parquet with the columns ``model, image, prediction, label`` or ``model, image, correct``.

    Returns
    -------
    predictions : ndarray of int16, shape (models, images)
        Class indices; from ``correct`` alone 0 where right and -1 where wrong.
    labels : ndarray of int16, shape (images,)
    models, images : ndarray of str
        In order of first appearance.

    Raises
    ------
    InputError
        Names the row and column at fault.
    """
    table = _read(path)
    model, models = pd.factorize(table["model"].astype(str))
    image, images = pd.factorize(table["image"].astype(str))
    _one_answer_each(path, model, image, models, images)
    if "correct" in table:
        right = _truth(path, table["correct"])
        answers, labels = np.where(right, 0, WRONG), np.zeros(len(images))
    else:
        truth, answers = _class_codes(table)
        labels = _one_label_each(path, truth, image, images)
    predictions = np.empty((len(models), len(images)), np.int16)
    predictions[model, image] = answers
    return predictions, labels.astype(np.int16), np.asarray(models, str), np.asarray(images, str)


def _read(path: Path) -> pd.DataFrame:
    try:
        table = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, ValueError, pa.ArrowInvalid) as error:
        raise InputError(f"{path}: cannot be read as a table: {str(error).splitlines()[0]}") from None
    needed = ["model", "image", *(["correct"] if "correct" in table else ["prediction", "label"])]
    for column in needed:
        if column not in table:
            raise InputError(f"{path}: there is no column '{column}'{nearest(column, table.columns)}")
        if table[column].isna().any():
            raise InputError(f"{path}: row {table[column].isna().to_numpy().argmax() + 1}: '{column}' is empty")
    if table.empty:
        raise InputError(f"{path}: has no rows")
    return table


def _class_codes(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Keep class indices as they are; number class names in alphabetical order."""
    both = pd.concat([table["label"], table["prediction"]])
    codes = both.to_numpy() if pd.api.types.is_integer_dtype(both) else pd.factorize(both.astype(str), sort=True)[0]
    return codes[: len(table)], codes[len(table) :]


def _one_answer_each(path: Path, model, image, models, images) -> None:
    counts = np.zeros((len(models), len(images)), np.int64)
    np.add.at(counts, (model, image), 1)
    for name, fault in (("no row", counts == 0), ("more than one row", counts > 1)):
        if fault.any():
            who, what = np.argwhere(fault)[0]
            raise InputError(f"{path}: {name} for model '{models[who]}' and image '{images[what]}'")


def _one_label_each(path: Path, truth, image, images) -> np.ndarray:
    labels = np.zeros(len(images), np.int64)
    labels[image] = truth
    differ = truth != labels[image]
    if differ.any():
        row = int(differ.argmax())
        raise InputError(f"{path}: row {row + 1}: 'label' of image '{images[image[row]]}' differs from another row's")
    return labels


def _truth(path: Path, column: pd.Series) -> np.ndarray:
    known = {"true": True, "false": False, "1": True, "0": False, "1.0": True, "0.0": False}
    truth = column.astype(str).str.lower().map(known)
    if truth.isna().any():
        row = int(truth.isna().to_numpy().argmax())
        raise InputError(f"{path}: row {row + 1}: 'correct' is '{column.iloc[row]}', not true or false")
    return truth.to_numpy(bool)
