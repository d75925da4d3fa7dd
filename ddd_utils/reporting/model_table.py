"""The models of a set in tables: what each one is and how often it is right, and how it got the images."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from ddd_utils import paths
from ddd_utils.analysis.statistics import wilson
from ddd_utils.files import read_yaml
from ddd_utils.reporting.sentences import readable

DESCRIBED = {
    "trained": ["architecture", "parameters", "optimizer", "learning_rate", "seconds"],
    "pretrained": ["parameters"],
    "elsewhere": [],
}
SHOWN = ["architecture", "input_size", "crop", "precision", "images_per_second", "weights"]
FORMS = {
    "parameters": "{:,}".format,
    "images_per_second": "{:,.1f}".format,
    "crop": lambda words: words.replace(" ", "\u00a0"),  # on one line
}


def are_the_papers(names: Iterable[str]) -> bool:
    """
    Say whether models are called as the paper's eleven (``params/models/paper.yaml``).

    Parameters
    ----------
    names : iterable of str

    Returns
    -------
    bool
    """
    return set(names) == {entry["name"] for entry in read_yaml(paths.PARAMS / "models" / "paper.yaml")}


def origin(info: dict) -> str:
    """
    Say where responses come from.

    Parameters
    ----------
    info : dict
        Of the responses. What was computed here says with which images, what was trained here says also how.

    Returns
    -------
    str
        "trained", "pretrained", or "elsewhere" for published answers and tables, which come without images.
    """
    configuration = info["configuration"]
    return "elsewhere" if "images" not in configuration else "trained" if "training" in configuration else "pretrained"


def choices(info: dict) -> dict[str, str]:
    """
    Name what pretrained models choose from, where that makes a difference.

    Parameters
    ----------
    info : dict
        Of the responses.

    Returns
    -------
    dict of str to str
        In words, by the values that `images.among` takes; empty unless models know more classes than the images have.
    """
    present, known = info.get("classes_present", 0), info.get("classes_all", 0)
    if known <= present:
        return {}
    return {"present": f"among the {present:,} classes present", "all": f"among all {known:,} classes"}


def model_table(networks: pd.DataFrame, correct: np.ndarray, info: dict) -> pd.DataFrame:
    """
    Describe the models of a set.

    Parameters
    ----------
    networks : DataFrame
        One row a network; ``right_present`` and ``right_all`` count right answers by `choices`.
    correct : ndarray of bool, shape (networks, images)
        Whether each network is right about each image.
    info : dict
        Of the responses.

    Returns
    -------
    DataFrame
        The most accurate first. Accuracies have their 95 % interval for a new draw of images (Wilson).
    """
    right = {f"right {words}": networks[f"right_{among}"].to_numpy() for among, words in choices(info).items()}
    right = right or {"accuracy": correct.sum(axis=1)}
    table, images = networks[["network"]], correct.shape[1]
    for title, count in right.items():
        lower, upper = wilson(count, images)
        table = table.assign(**{title: count / images, f"{title}_lower": lower, f"{title}_upper": upper})
    table = table.join(_written(networks, DESCRIBED[origin(info)]))
    table = table.iloc[np.argsort(-correct.sum(axis=1), kind="stable")].reset_index(drop=True)
    return readable(table, ".1%" if origin(info) == "pretrained" else ".3f")


def shown_table(networks: pd.DataFrame) -> pd.DataFrame:
    """
    Say how the images reached pretrained models, and where their weights are from.

    Parameters
    ----------
    networks : DataFrame
        One row a network, with the columns `SHOWN`.

    Returns
    -------
    DataFrame
        In the same order.
    """
    return readable(_written(networks, ["network", *SHOWN]))


def _written(networks: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Write what is hard to read otherwise as text; the rest stays as it is."""
    forms = {column: form for column, form in FORMS.items() if column in columns}
    return networks[columns].assign(**{column: networks[column].map(form) for column, form in forms.items()})
