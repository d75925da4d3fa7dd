"""Orders of the networks in a matrix, between which a reader can change."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.cluster import hierarchy
from scipy.spatial.distance import squareform

from ddd_utils.errors import InputError, nearest

from .names_and_colours import CONDITION_NAMES, condition_name

ORDERS = ("name", "accuracy", "cluster")
MOST = 70  # networks in a matrix: 4,900 cells


@dataclass(frozen=True)
class Arrangement:
    """The networks that a matrix shows, in every order that is offered."""

    place: np.ndarray  # (shown,) rows of the networks, in the order that is seen first
    orders: dict[str, list[str]]  # their readable names in each order, by its title
    first: str  # title of the order that is seen first


def arrangement(
    similarity: np.ndarray, labels: Sequence[str], order: str, accuracy: Sequence[float] | None = None
) -> Arrangement:
    """Put networks into every order; conditions keep the order in which they come, and it is called by what it is."""
    listed = _are_conditions(labels)
    keys = list(range(len(labels))) if listed else [_natural(label) for label in map(str, labels)]
    place = arrange(similarity, order, keys, accuracy)
    shown = set(place.tolist())
    titles, names = {"name": "condition" if listed else "name"}, {}
    for key in ORDERS:
        if key == "accuracy" and accuracy is None:
            continue
        # The tree is that of all networks, as one of fewer could have other neighbours.
        rows = [row for row in _sorted(similarity, key, keys, accuracy) if row in shown]
        names[titles.get(key, key)] = [condition_name(labels[row]) for row in rows]
    return Arrangement(place, names, titles.get(order, order))


def arrange(
    similarity: np.ndarray,
    order: str = "cluster",
    names: Sequence[Any] | None = None,
    accuracy: Sequence[float] | None = None,
) -> np.ndarray:
    """
    Return (shown,) rows of a matrix in an order, chosen evenly along it where there are more than `MOST`.

    In order of clusters similar networks are neighbours: leaves of an average-linkage tree over 1 - similarity, its
    forks turned so that neighbours differ least (Bar-Joseph, Gifford and Jaakkola, 2001). NaN counts as 0.
    """
    if order not in ORDERS:
        raise InputError(f"order: '{order}' is none of {', '.join(ORDERS)}{nearest(order, ORDERS)}")
    if order == "accuracy" and accuracy is None:
        raise InputError("order: by accuracy, but no accuracies are given")
    place = _sorted(similarity, order, names, accuracy)
    return place[np.linspace(0, len(place) - 1, min(MOST, len(place))).round().astype(int)]


def _sorted(
    similarity: np.ndarray, order: str, names: Sequence[Any] | None, accuracy: Sequence[float] | None
) -> np.ndarray:
    place = np.arange(len(similarity))
    if order == "name" and names is not None:
        return np.array(sorted(place, key=lambda row: names[int(row)]))
    if order == "accuracy":
        return np.argsort(-np.asarray(accuracy, float), kind="stable")
    if order == "cluster" and len(place) > 2:
        distance = 1 - np.nan_to_num(similarity)
        np.fill_diagonal(distance, 0)
        tree = hierarchy.linkage(squareform(distance, checks=False), "average", optimal_ordering=True)
        return hierarchy.leaves_list(tree)
    return place


def _are_conditions(labels: Sequence[str]) -> bool:
    """Tell training conditions, with or without the number of an instance, from names of models."""
    known = {*CONDITION_NAMES, *CONDITION_NAMES.values()}
    return all(label in known or re.sub(r" \d+$", "", label) in known for label in labels)


def _natural(label: str) -> tuple:
    """Return what to sort a name by: letters in either case, and numbers by their value."""
    parts = re.split(r"(\d+)", label.casefold())
    return [(part.isdigit(), int(part) if part.isdigit() else 0, part) for part in parts], label
