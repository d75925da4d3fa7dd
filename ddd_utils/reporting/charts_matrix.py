"""Matrices of pairs of networks: how consistently they err, more so than expected, and with which wrong answers."""

from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from ddd_utils.errors import InputError

from . import charts_theme as theme
from .charts_cells import GAP, READABLE, SMALLEST, STACKED, Shades, cell_size, cells, pairs
from .charts_order import Arrangement, arrangement

SIGNIFICANCE = 0.05


def kappa_matrix(matrix, heading: str, order: str = "name", accuracy: Sequence[float] | None = None) -> alt.LayerChart:
    """
    Show the error consistency of every pair (half of figure 6).

    Parameters
    ----------
    matrix : KappaMatrix
        labels (k names), kappa, lower and upper (each (k, k), NaN where undefined), from `analysis.consistency`.
    heading : str
        What is seen.
    order : {"name", "accuracy", "cluster"}, optional
        Which order is seen first (see `charts_order.arrangement`); the reader can change it.
    accuracy : sequence of float, optional
        Of each network; without it there is no order by accuracy.

    Returns
    -------
    alt.LayerChart
        Coloured cells, with their numbers where these can be read; tooltips have the intervals.

    Raises
    ------
    InputError
        If there is no such order.
    """
    arranged = arrangement(matrix.kappa, matrix.labels, order, accuracy)
    frame = pairs(matrix.labels, arranged.place, {"kappa": matrix.kappa, "interval": _with_interval(matrix)})
    cell = cell_size(frame["a"].unique())
    shades = _kappa_shades(frame, ["kappa"], cell)
    chart = cells(frame, "kappa", shades, arranged, cell, {"interval": "kappa [95 % interval]"})
    notes = [*_fewer(arranged, matrix.labels), *_undefined(frame["kappa"])]
    text = _description(matrix.kappa, matrix.labels, "error consistency")
    return theme.finish(arranged.offered(chart), theme.title(heading, notes), f"{heading}: {text}")


def kappa_matrices(
    left,
    right,
    headings: tuple[str, str],
    heading: str,
    order: str = "name",
    accuracy: Sequence[float] | None = None,
) -> alt.TopLevelMixin:
    """
    Show two sets of pairwise error consistencies on one colour scale (figure 6).

    Parameters
    ----------
    left, right : KappaMatrix
        As in `kappa_matrix`: the same networks on two sets of images.
    headings : tuple of str
        What each of the two shows.
    heading : str
        What the pair shows.
    order : {"name", "accuracy", "cluster"}, optional
        As in `kappa_matrix`; the left one decides for both, and both follow the reader's choice.
    accuracy : sequence of float, optional
        As in `kappa_matrix`, such as on the images of the left one.

    Returns
    -------
    alt.HConcatChart or alt.VConcatChart
        Beside each other, or below where there are too many networks. The tooltip of a pair tells both kappas.

    Raises
    ------
    InputError
        If there is no such order, or the two have other networks.
    """
    if list(left.labels) != list(right.labels):
        raise InputError("two matrices side by side must name the same networks in the same order")
    arranged = arrangement(left.kappa, left.labels, order, accuracy)
    both = {"left": left.kappa, "right": right.kappa}
    tooltips = {"left_interval": f"kappa, {headings[0]}", "right_interval": f"kappa, {headings[1]}"}
    intervals = dict(zip(tooltips, map(_with_interval, (left, right)), strict=True))
    frame = pairs(left.labels, arranged.place, both | intervals)
    names = frame["a"].unique()
    cell = cell_size(names, across=2)
    beside = cell >= SMALLEST
    cell = cell if beside else cell_size(names, largest=STACKED)
    shades = _kappa_shades(frame, list(both), cell)
    first, second = (
        cells(frame, side, shades, arranged, cell, tooltips, names=side == "left" or not beside).properties(
            title=alt.Title(part, anchor="start", frame="group")
        )
        for side, part in zip(both, headings, strict=True)
    )
    chart = alt.hconcat(first, second, spacing=GAP) if beside else alt.vconcat(first, second, spacing=2 * GAP)
    notes = [*_fewer(arranged, left.labels), *_undefined(frame[list(both)])]
    text = " ".join(
        f"{part}: {_description(kappa, left.labels, 'error consistency')}"
        for part, kappa in zip(headings, both.values(), strict=True)
    )
    return theme.finish(arranged.offered(chart), theme.title(heading, notes), text)


def excess_matrix(
    null,
    labels: Sequence[str],
    heading: str,
    significant: np.ndarray | None = None,
    order: str = "cluster",
    accuracy: Sequence[float] | None = None,
) -> alt.LayerChart:
    """
    Show which pairs of networks agree more, and which less, than a null model expects.

    Parameters
    ----------
    null : NullKappa
        observed, expected and excess (each with value, lower and upper, (networks, networks)), from `analysis.nulls`.
    labels : sequence of str
        Names of the networks.
    heading : str
        What is seen.
    significant : (networks, networks) bool, optional
        Pairs whose excess differs from 0 once p-values are adjusted over pairs (Holm); they get a dot.
    order : {"name", "accuracy", "cluster"}, optional
    accuracy : sequence of float, optional
        As in `kappa_matrix`; the families of similar networks show where these are next to each other.

    Returns
    -------
    alt.LayerChart
        Coloured cells.
    """
    excess = null.excess.value
    arranged = arrangement(excess, labels, order, accuracy)
    columns = {
        "excess": excess,
        "interval": theme.bracketed(excess, null.excess.lower, null.excess.upper, "+.3f"),
        "observed": theme.bracketed(null.observed.value, null.observed.lower, null.observed.upper),
        "expected": theme.bracketed(null.expected.value, null.expected.lower, null.expected.upper),
    }
    tooltips = {"observed": "kappa observed", "expected": "kappa expected", "interval": "excess [95 % intervals]"}
    notes = _fewer(arranged, labels)
    if significant is not None:
        columns["marked"] = significant
        count, tested = (int(np.triu(cell, 1).sum()) for cell in (significant, np.isfinite(excess)))
        notes.append(f"dots: {count} of {tested} pairs differ from 0 (p < {SIGNIFICANCE:g}, Holm-adjusted over pairs)")
    frame = _without_diagonal(labels, arranged.place, columns)
    strongest = float(np.nan_to_num(np.abs(frame["excess"])).max()) or 1.0
    scale = alt.Scale(scheme="redblue", reverse=True, domain=[-strongest, strongest])
    shades = Shades("excess (kappa minus its expectation)", scale, strongest)
    cell = cell_size(frame["a"].unique())
    marked = "marked" if significant is not None else None
    chart = arranged.offered(cells(frame, "excess", shades, arranged, cell, tooltips, marked=marked))
    text = _description(excess, labels, "excess agreement over the null model")
    return theme.finish(chart, theme.title(heading, notes + _undefined(frame["excess"])), f"{heading}: {text}")


def wrong_answers(
    same, labels: Sequence[str], heading: str, order: str = "cluster", accuracy: Sequence[float] | None = None
) -> alt.LayerChart:
    """
    Show how often two networks that are both wrong give the same wrong answer.

    Parameters
    ----------
    same : SameWrongAnswer
        share (of a pair's common failures, those with the same predicted label; NaN where they have none), lower and
        upper (95 %), each (networks, networks), from `analysis.wrong_answers`. The diagonal is not shown.
    labels : sequence of str
        Names of the networks.
    heading : str
        What is seen.
    order : {"name", "accuracy", "cluster"}, optional
    accuracy : sequence of float, optional
        As in `kappa_matrix`.

    Returns
    -------
    alt.LayerChart
        Coloured cells.
    """
    arranged = arrangement(same.share, labels, order, accuracy)
    shares = theme.bracketed(same.share, same.lower, same.upper, ".1%")
    frame = _without_diagonal(labels, arranged.place, {"same": same.share, "share": shares})
    title, cell = "same wrong answer, where both are wrong", cell_size(frame["a"].unique())
    domain = [0, 1] if cell >= READABLE else _shown_range(frame, ["same"])
    shades = Shades(title, alt.Scale(scheme="greens", domain=domain), 1.0)
    chart = cells(frame, "same", shades, arranged, cell, {"share": f"{title} [95 % interval]"})
    notes = [*_fewer(arranged, labels), *_undefined(frame["same"], "no image that both get wrong")]
    text = _description(same.share, labels, "the share of common failures with the same wrong answer")
    return theme.finish(arranged.offered(chart), theme.title(heading, notes), f"{heading}: {text}")


def _kappa_shades(frame: pd.DataFrame, columns: Sequence[str], cell: int) -> Shades:
    """Give a kappa the same colour in every chart that has numbers: pale at 0, where errors are independent."""
    low, high = _shown_range(frame, columns)
    if cell >= READABLE or low < 0:
        scheme, domain = "purpleorange", [-1, 1]
    else:
        scheme, domain = alt.SchemeParams(name="purpleorange", extent=[0, 0.5]), [low, high]
    return Shades("error consistency (kappa)", alt.Scale(scheme=scheme, reverse=True, domain=domain, clamp=True), 1.0)


def _shown_range(frame: pd.DataFrame, columns: Sequence[str]) -> tuple[float, float]:
    """Find between which tenths the pairs lie: where no number can be read, all colours are spent on these."""
    values = frame.loc[frame["a"] != frame["b"], list(columns)].to_numpy(dtype=float)
    low, high = np.floor(10 * np.nanmin(values, initial=0.9)), np.ceil(10 * np.nanmax(values, initial=0.1))
    return low / 10, max(high, low + 1) / 10


def _without_diagonal(labels: Sequence[str], place: np.ndarray, columns):
    frame = pairs(labels, place, columns)
    return frame[frame["a"] != frame["b"]]


def _with_interval(matrix) -> np.ndarray:
    written = theme.bracketed(matrix.kappa, matrix.lower, matrix.upper)
    single = np.eye(len(matrix.kappa), dtype=bool) & (matrix.kappa == 1) & np.isnan(matrix.lower)
    return np.where(single, "1 (one network)", written)


def _fewer(arranged: Arrangement, labels: Sequence[str]) -> list[str]:
    shown, networks = len(arranged.place), len(labels)
    return [f"{shown} of {networks} networks, chosen evenly along the order by {arranged.first}"] * (shown < networks)


def _undefined(values, why: str = "a network that is always right or always wrong") -> list[str]:
    """Explain grey cells, where there are any."""
    missing = int(values.isna().to_numpy().sum())
    return [f"{missing} cells undefined (grey): {why}"] * (missing > 0)


def _description(values: np.ndarray, labels: Sequence[str], what: str) -> str:
    """Describe a matrix by its extreme pairs."""
    names = [theme.condition_name(label) for label in labels]
    rows, columns = np.triu_indices(len(names), 1)
    of_pairs = {f"{names[i]} and {names[j]}": float(values[i, j]) for i, j in zip(rows, columns, strict=True)}
    return f"matrix of {what} between {len(names)} networks, {theme.extremes(of_pairs)}."
