"""The per-trial format of the model-vs-human toolbox (Geirhos et al., 2021): one row for each trial of an observer."""

import re

import numpy as np

from ddd_utils.columns import Column

COLUMNS = ("subj", "imagename", "object_response", "category")
CONDITION = "condition"
# A person who did not answer in time; models always answer.
NO_ANSWER = frozenset({"na", "NA", "NaN", "nan"})

# Stimulus files are named <trial>_<experiment>_<observer>_..._<image>, where only the image is the same for everyone:
# 0056_cl_s01_bw_chair_40_n04429376_21865.png is n04429376_21865.png, shown to observer s01 in trial 56.
_STIMULUS = re.compile(r"\d+_[^_]+_(?:s\d+|dnn)_.*?(?P<image>(?:n\d{8}_)?[^_]+)")


def as_responses(columns: dict[str, Column]) -> dict[str, Column]:
    """Rename the columns of trials to those of responses."""
    subject, image, response, category = (columns[name] for name in COLUMNS)
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
