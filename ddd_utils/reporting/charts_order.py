"""Orders of the networks in a matrix, and the control with which a reader changes between them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt
import numpy as np
from scipy.cluster import hierarchy
from scipy.spatial.distance import squareform

from ddd_utils.errors import InputError, nearest

from . import charts_theme as theme

ORDERS = ("name", "accuracy", "cluster")
CHOSEN, LISTS = "order", "orders"  # parameters of a chart: the order that is seen, and the names in each of them
MOST = 70  # networks in a matrix: 4,900 cells


@dataclass(frozen=True)
class Arrangement:
    """
    The networks that a matrix shows, in every order that is offered.

    Attributes
    ----------
    place : (shown,) int
        Rows of the networks, in the order that is seen first.
    orders : dict of str to list of str
        Their readable names in each order, by its title; the same networks in all of them.
    first : str
        Title of the order that is seen first.
    """

    place: np.ndarray
    orders: dict[str, list[str]]
    first: str

    def scale(self) -> alt.Scale:
        """Return the scale of both axes: names in the order that is chosen."""
        return alt.Scale(padding=0, domain=alt.ExprRef(f"{LISTS}[{CHOSEN}]"))

    def offered(self, chart: theme.Chart) -> theme.Chart:
        """
        Give a chart the control of its order, and let the page mark a pair.

        Parameters
        ----------
        chart : alt.Chart
            One or more matrices with the axes of `scale`. The control belongs to the whole of it.

        Returns
        -------
        alt.Chart
            The same kind of chart.
        """
        buttons = alt.binding_radio(options=list(self.orders), name="Order by")
        choice = alt.param(CHOSEN, value=self.first, **({"bind": buttons} if len(self.place) > 2 else {}))
        return chart.add_params(alt.param(LISTS, value=self.orders), choice, alt.param(theme.PICKED, value=None))


def arrangement(
    similarity: np.ndarray, labels: Sequence[str], order: str, accuracy: Sequence[float] | None = None
) -> Arrangement:
    """
    Put networks into every order that a reader may want.

    Parameters
    ----------
    similarity : (networks, networks) float
        As in `arrange`.
    labels : sequence of str
        Conditions or names of the networks.
    order : {"name", "accuracy", "cluster"}
        Which order is seen first; where there are too many networks it also decides which of them are shown.
    accuracy : sequence of float, optional
        Of each network; without it that order is not offered.

    Returns
    -------
    Arrangement
        Conditions in place of names keep the order in which they come, and it is called by what it is.

    Raises
    ------
    InputError
        If there is no such order.
    """
    listed = _are_conditions(labels)
    keys = _names_first(labels, listed)
    place = arrange(similarity, order, keys, accuracy)
    titles = {"name": "condition" if listed else "name"}
    kept = [key for key in ORDERS if key != "accuracy" or accuracy is not None]
    orders = {titles.get(key, key): _within(place, similarity, key, keys, accuracy) for key in kept}
    names = {title: [theme.condition_name(labels[i]) for i in rows] for title, rows in orders.items()}
    return Arrangement(place, names, titles.get(order, order))


def arrange(
    similarity: np.ndarray,
    order: str = "cluster",
    names: Sequence | None = None,
    accuracy: Sequence[float] | None = None,
) -> np.ndarray:
    """
    Put networks into an order, and choose some evenly along it where there are too many for a chart.

    Parameters
    ----------
    similarity : (networks, networks) float
        Similarity of every pair, such as kappa; NaN counts as 0.
    order : {"name", "accuracy", "cluster"}
        By name; the most accurate first; or so that similar ones are neighbours: leaves of an average-linkage tree over
        1 - similarity, its forks turned so that neighbours differ least (Bar-Joseph, Gifford and Jaakkola, 2001).
    names : sequence, optional
        By which to sort; by default the networks stay as they come.
    accuracy : sequence of float, optional
        Of each network.

    Returns
    -------
    (shown,) int
        Rows of ``similarity``, at most `MOST`.

    Raises
    ------
    InputError
        If there is no such order, or the accuracies that it asks for are missing.
    """
    if order not in ORDERS:
        raise InputError(f"order: '{order}' is none of {', '.join(ORDERS)}{nearest(order, ORDERS)}")
    if order == "accuracy" and accuracy is None:
        raise InputError("order: by accuracy, but no accuracies are given")
    place = _sorted(similarity, order, names, accuracy)
    return place[np.linspace(0, len(place) - 1, min(MOST, len(place))).round().astype(int)]


def _sorted(similarity: np.ndarray, order: str, names: Sequence | None, accuracy: Sequence[float] | None) -> np.ndarray:
    place = np.arange(len(similarity))
    if order == "name" and names is not None:
        return np.array(sorted(place, key=lambda row: names[row]))
    if order == "accuracy":
        return np.argsort(-np.asarray(accuracy, float), kind="stable")
    if order == "cluster" and len(place) > 2:
        distance = 1 - np.nan_to_num(similarity)
        np.fill_diagonal(distance, 0)
        tree = hierarchy.linkage(squareform(distance, checks=False), "average", optimal_ordering=True)
        return hierarchy.leaves_list(tree)
    return place


def _within(place, similarity, order, names, accuracy) -> np.ndarray:
    """Sort the networks that are shown: by the tree of all of them, as a smaller tree could have other neighbours."""
    shown = set(place.tolist())
    return np.array([row for row in _sorted(similarity, order, names, accuracy) if row in shown])


def _are_conditions(labels: Sequence[str]) -> bool:
    """Tell training conditions, with or without the number of an instance, from names of models."""
    known = {*theme.CONDITION_NAMES, *theme.CONDITION_NAMES.values()}
    return all(label in known or re.sub(r" \d+$", "", label) in known for label in labels)


def _names_first(labels: Sequence[str], listed: bool) -> list:
    """Give what to sort names by: their place where they are conditions, else letters, and numbers by their value."""
    if listed:
        return list(range(len(labels)))
    parts = ([re.split(r"(\d+)", label.casefold()), label] for label in map(str, labels))
    return [
        ([(part.isdigit(), int(part) if part.isdigit() else 0, part) for part in split], label)
        for split, label in parts
    ]
