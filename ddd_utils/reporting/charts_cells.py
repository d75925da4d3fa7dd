"""Coloured cells, one a pair of networks: the one form of every matrix."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import altair as alt
import numpy as np
import pandas as pd

from . import charts_theme as theme
from .charts_order import Arrangement

LABELS = 150  # px after which a name is cut off
GAP = 16  # px between two matrices
READABLE = 22  # px of a cell from which a number in it can be read
SMALLEST = 14  # px of a cell: where two matrices would have smaller ones, they stand below one another
STACKED = 16  # px of a cell then, so that both can be seen at once on a large screen
LARGEST = 46


@dataclass(frozen=True)
class Shades:
    """
    What the colours of a matrix mean.

    Attributes
    ----------
    title : str
        Of the legend.
    scale : alt.Scale
        From values to colours, palest at 0.
    strongest : float
        Absolute value with the darkest colour.
    """

    title: str
    scale: alt.Scale
    strongest: float


def pairs(labels: Sequence[str], place: np.ndarray, columns: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """
    List the cells of some matrices of the same networks.

    Parameters
    ----------
    labels : sequence of str
        Conditions or names of networks, in the order of the rows.
    place : (shown,) int
        Which of them, and in which order (from `arrange`).
    columns : mapping of str to (networks, networks) array
        What each cell has.

    Returns
    -------
    DataFrame
        One row a cell: a, b (readable names), and the columns.
    """
    names = [theme.condition_name(labels[i]) for i in place]
    cells = {column: np.asarray(values)[np.ix_(place, place)].ravel() for column, values in columns.items()}
    return pd.DataFrame({"a": np.repeat(names, len(names)), "b": np.tile(names, len(names)), **cells}).round(4)


def cell_size(names: Sequence[str], across: int = 1, largest: int = LARGEST) -> int:
    """
    Find how large cells can be.

    Parameters
    ----------
    names : sequence of str
        Of the rows.
    across : int, optional
        How many matrices stand beside one another; the first alone names its rows.
    largest : int, optional
        Pixels that are enough.

    Returns
    -------
    int
        Width and height in pixels.
    """
    room = theme.COLUMN - 20 - theme.label_width(names, LABELS) - GAP * (across - 1)
    return min(largest, room // (across * len(names)))


def cells(
    frame: pd.DataFrame,
    value: str,
    shades: Shades,
    arranged: Arrangement,
    cell: int,
    tooltips: Mapping[str, str],
    names: bool = True,
    marked: str | None = None,
) -> alt.LayerChart:
    """
    Draw one matrix: numbers in its cells where they can be read, a legend of the colours where not.

    Parameters
    ----------
    frame : DataFrame
        One row a cell (from `pairs`).
    value : str
        Column that gives colour and number; NaN is undefined.
    shades : Shades
        What the colours mean.
    arranged : Arrangement
        In which orders the names may stand; the chart around the matrix has to offer them.
    cell : int
        Its size in pixels.
    tooltips : mapping of column to title
        What else than the two names a tooltip tells.
    names : bool, optional
        Whether to name the rows.
    marked : str, optional
        Column of bool: which cells get a dot.

    Returns
    -------
    alt.LayerChart
        Without title and description.
    """
    scale = arranged.scale()
    readable = cell >= READABLE
    known = frame[value].notna()
    short = (frame[value].round(2) + 0.0).map("{:.2f}".format).str.replace("0.", ".", n=1, regex=False)
    frame = frame.assign(**({"shown": short.where(known, "n/a")} if readable else {}))
    axis = alt.Axis(labelLimit=LABELS, labelFontSize=max(8, min(12, cell - 1)), domain=False, ticks=False, grid=False)
    turned = alt.Axis(labelAngle=-55 if readable else -90, **axis.to_dict())
    base = alt.Chart(frame).encode(
        x=alt.X("b:N", title=None, axis=turned, scale=scale),
        y=alt.Y("a:N", title=None, axis=axis if names else None, scale=scale),
        tooltip=[alt.Tooltip("a:N", title="one"), alt.Tooltip("b:N", title="other")]
        + [alt.Tooltip(f"{column}:N", title=title) for column, title in tooltips.items()],
    )
    legend = None if readable else alt.Legend(title=shades.title, orient="top", gradientLength=200, titleLimit=500)
    ink = alt.condition(f"abs(datum['{value}']) > {0.6 * shades.strongest}", alt.value("white"), alt.value("#222222"))
    layers = [base.mark_rect().encode(color=alt.Color(f"{value}:Q", scale=shades.scale, legend=legend))]
    if not known.all():
        layers.append(base.transform_filter(f"!isValid(datum['{value}'])").mark_rect(color="#BBBBBB"))
    if readable:
        layers.append(base.mark_text(fontSize=min(12, max(8.5, cell / 3))).encode(text="shown:N", color=ink))
    if marked:
        corner = 0.33 * cell if readable else 0  # out of the number's way
        dots = base.transform_filter(f"datum['{marked}']").mark_point(
            filled=True, size=max(3, (min(cell, READABLE) / 5) ** 2), opacity=0.85, xOffset=corner, yOffset=-corner
        )
        layers.append(dots.encode(color=ink))
    layers.append(
        base.transform_filter(theme.PICKED_PAIR).mark_rect(fillOpacity=0, stroke="#111111", strokeWidth=2.5, clip=False)
    )
    side = cell * len(arranged.place)
    return alt.layer(*layers).properties(width=side, height=side, view=theme.NO_FRAME)
