"""Matrices of pairs: how consistently they err, more so than expected, and with which wrong answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import altair as alt
import numpy as np
import pandas as pd

from ddd_utils.errors import InputError

from .forms import COLUMN, PICKED, PICKED_PAIR, Chart, finish, framed, label_width, tell, title
from .names_and_colours import MUTED, NOTE, SECOND, bracketed, condition_name, range_in_words
from .order import Arrangement, arrangement

if TYPE_CHECKING:
    from ddd_utils.analysis.consistency import KappaMatrix
    from ddd_utils.analysis.nulls import NullKappa
    from ddd_utils.analysis.wrong_answers import SameWrongAnswer

SIGNIFICANCE = 0.05
LABELS = 150  # px after which a name is cut off
GAP = 16  # px between two matrices
READABLE, FONT = 32, 11  # px of a cell from which a number in it can be read; of the number, and the least of names
SMALLEST = 14  # px of a cell: where two matrices would have smaller ones, they stand below one another
STACKED = 16  # px of a cell then, so that both can be seen at once on a large screen
LARGEST = 46
# Alpha stands for the size of a value, so that the page, light or dark, shows through where there is little.
PURPLE, ORANGE, RED, BLUE, GREEN = "122,75,181", "184,90,0", "179,38,58", "42,111,176", "28,133,104"
CHOSEN, LISTS = "order", "orders"  # parameters of a chart: the order that is seen, and the names in each of them
INTERVAL = {"interval": ("", "kappa [95% interval]")}


@dataclass(frozen=True)
class Shades:
    """What the colours of a matrix mean."""

    title: str
    scale: alt.Scale  # from values to colours, clear at 0
    strongest: float  # absolute value with the strongest colour


def kappa_matrix(
    matrix: "KappaMatrix", heading: str, order: str = "name", accuracy: Sequence[float] | None = None
) -> alt.LayerChart:
    """
    Show the error consistency of every pair (`consistency.pairwise_matrix`; half of figure 6).

    ``order`` says which order is seen first, "name", "accuracy" or "cluster"; the reader can change it. Conditions are
    listed as they come, names of models by their letters; "cluster" makes similar networks neighbours. Where there are
    more than 70 networks, some are chosen evenly along it. Without ``accuracy``, of each network, there is no order by
    it.
    """
    arranged = arrangement(matrix.kappa, matrix.labels, order, accuracy)
    frame = _pairs(matrix.labels, arranged, {"kappa": matrix.kappa, "interval": _with_interval(matrix)})
    cell = cell_size(frame["a"].unique())
    chart = cells(frame, "kappa", kappa_shades(frame, ["kappa"], cell), cell, INTERVAL)
    notes = [*fewer(arranged, matrix.labels), *undefined(frame["kappa"])]
    text = _description(matrix.kappa, matrix.labels, "error consistency")
    return finish(offered(chart, arranged), title(heading, notes), f"{heading}: {text}")


def kappa_matrices(
    left: "KappaMatrix",
    right: "KappaMatrix",
    headings: tuple[str, str],
    heading: str,
    order: str = "name",
    accuracy: Sequence[float] | None = None,
) -> alt.HConcatChart | alt.VConcatChart:
    """
    Show two sets of pairwise error consistencies on one colour scale (figure 6).

    They are beside each other, or below where there are too many networks, on two sets of images. Of ``order`` and
    ``accuracy`` (as in `kappa_matrix`) the left one decides for both, and both follow the reader's choice. The tooltip
    of a pair tells both kappas.
    """
    if list(left.labels) != list(right.labels):
        raise InputError("two matrices side by side must name the same networks in the same order")
    arranged = arrangement(left.kappa, left.labels, order, accuracy)
    both = {"left": left.kappa, "right": right.kappa}
    intervals = {"left_interval": _with_interval(left), "right_interval": _with_interval(right)}
    frame = _pairs(left.labels, arranged, both | intervals)
    tips = {column: ("", f"kappa, {part}") for column, part in zip(intervals, headings, strict=True)}
    names = frame["a"].unique()
    cell = cell_size(names, across=2)
    abreast = cell >= SMALLEST
    cell = cell if abreast else cell_size(names, largest=STACKED)
    shades = kappa_shades(frame, list(both), cell)
    charts = [
        cells(frame, side, shades, cell, tips, named=side == "left" or not abreast).properties(
            title=alt.Title(part, anchor="start", frame="group")
        )
        for side, part in zip(both, headings, strict=True)
    ]
    join: Any = alt.hconcat if abreast else alt.vconcat
    chart = join(*charts, spacing=GAP if abreast else 2 * GAP)
    notes = [*fewer(arranged, left.labels), *undefined(frame[list(both)])]
    texts = [_description(kappa, left.labels, "error consistency") for kappa in both.values()]
    text = " ".join(f"{part}: {text}" for part, text in zip(headings, texts, strict=True))
    return finish(offered(chart, arranged), title(heading, notes), text)


def excess_matrix(
    null: "NullKappa",
    labels: Sequence[str],
    heading: str,
    significant: np.ndarray | None = None,
    order: str = "cluster",
    accuracy: Sequence[float] | None = None,
) -> alt.LayerChart:
    """Show which pairs agree more or less than a null model expects; ``significant`` ones get a dot."""
    excess = np.asarray(null.excess.value)
    arranged = arrangement(excess, labels, order, accuracy)
    columns: dict[str, np.ndarray] = {
        "excess": excess,
        "interval": bracketed(excess, null.excess.lower, null.excess.upper, "+.3f"),
        "observed": bracketed(null.observed.value, null.observed.lower, null.observed.upper),
        "expected": bracketed(null.expected.value, null.expected.lower, null.expected.upper),
    }
    notes = fewer(arranged, labels)
    if significant is not None:
        columns["marked"] = significant
        count, tested = (int(np.triu(cell, 1).sum()) for cell in (significant, np.isfinite(excess)))
        notes.append(f"dots: {count} of {tested} pairs differ from 0 (p < {SIGNIFICANCE:g}, Holm-adjusted over pairs)")
    frame = _pairs(labels, arranged, columns, diagonal=False)
    strongest = float(np.nan_to_num(np.abs(frame["excess"])).max()) or 1.0
    shades = Shades("excess (kappa minus its expectation)", _from_clear(BLUE, RED, strongest), strongest)
    tips = {"observed": ("", "kappa observed"), "expected": ("", "kappa expected")}
    tips |= {"interval": ("", "excess [95% intervals]")}
    chart = cells(frame, "excess", shades, cell_size(frame["a"].unique()), tips)
    text = f"{heading}: {_description(excess, labels, 'excess agreement over the null model')}"
    return finish(offered(chart, arranged), title(heading, notes + undefined(frame["excess"])), text)


def wrong_answer_matrix(
    same: "SameWrongAnswer",
    labels: Sequence[str],
    heading: str,
    order: str = "cluster",
    accuracy: Sequence[float] | None = None,
) -> alt.LayerChart:
    """Show how often two networks that are both wrong give the same wrong answer (`same_wrong_answer`)."""
    arranged = arrangement(same.share, labels, order, accuracy)
    shares = bracketed(same.share, same.lower, same.upper, ".1%")
    frame = _pairs(labels, arranged, {"same": same.share, "share": shares}, diagonal=False)
    meaning, cell = "same wrong answer, where both are wrong", cell_size(frame["a"].unique())
    low, high = (0, 1) if cell >= READABLE else _shown_range(frame, ["same"])
    shades = Shades(meaning, alt.Scale(domain=[low, high], range=[_shade(GREEN, 0.05), _shade(GREEN, 1)]), 1.0)
    chart = cells(frame, "same", shades, cell, {"share": ("", f"{meaning} [95% interval]")})
    notes = [*fewer(arranged, labels), *undefined(frame["same"], "no image that both get wrong")]
    text = _description(same.share, labels, "the share of common failures with the same wrong answer")
    return finish(offered(chart, arranged), title(heading, notes), f"{heading}: {text}")


def _pairs(
    labels: Sequence[str], arranged: Arrangement, columns: Mapping[str, np.ndarray], diagonal: bool = True
) -> pd.DataFrame:
    """List the cells of matrices of the same networks: a and b (readable names), and what each cell has."""
    names = [condition_name(labels[i]) for i in arranged.place]
    shown = np.ix_(arranged.place, arranged.place)
    cells = {column: np.asarray(values)[shown].ravel() for column, values in columns.items()}
    frame = pd.DataFrame({"a": np.repeat(names, len(names)), "b": np.tile(names, len(names)), **cells}).round(4)
    return frame if diagonal else frame[frame["a"] != frame["b"]]


def cell_size(names: Sequence[str] | np.ndarray, across: int = 1, largest: int = LARGEST) -> int:
    """Find how many pixels a cell can have; of matrices beside one another the first alone names its rows."""
    room = COLUMN - 20 - label_width(names, LABELS) - GAP * (across - 1)
    return min(largest, room // (across * len(names)))


def cells(
    frame: pd.DataFrame, value: str, shades: Shades, cell: int, tips: Mapping[str, tuple[str, str]], named: bool = True
) -> alt.LayerChart:
    """
    Draw one matrix: a legend of the colours, and numbers in its cells where they can be read.

    ``value`` is the column that gives colour and number; NaN is undefined. Cells where the column marked is true get a
    dot. The chart around the matrix has to offer the orders. The page makes it smaller where there is less room.
    """
    base = _grid(frame, cell, named).encode(tooltip=tell({"a": ("", "one"), "b": ("", "other"), **tips}))
    legend = alt.Legend(title=shades.title, orient="bottom", gradientLength=200, titleLimit=500)
    layers = [base.mark_rect().encode(color=alt.Color(f"{value}:Q", scale=shades.scale, legend=legend))]
    known = frame[value].notna()
    if not known.all():
        layers.append(base.transform_filter(f"!isValid(datum['{value}'])").mark_rect(color=MUTED))
    if cell >= READABLE:
        layers += _numbers(base, value, 0.8 * shades.strongest)
    if "marked" in frame:
        corner = 0.33 * cell if cell >= READABLE else 0  # out of the number's way
        size = max(3, (min(cell, READABLE) / 5) ** 2)
        mark: dict[str, Any] = {"filled": True, "size": size, "opacity": 1, "stroke": "white", "strokeWidth": 0.8}
        marked = base.transform_filter("datum['marked']")
        layers.append(marked.mark_point(color=NOTE, xOffset=corner, yOffset=-corner, **mark))
    ring: dict[str, Any] = {"fillOpacity": 0, "stroke": SECOND, "strokeWidth": 2.5, "clip": False}
    layers.append(base.transform_filter(PICKED_PAIR).mark_rect(**ring))
    side = cell * frame["a"].nunique()
    return framed(*layers, width=side, height=side)


def _numbers(base: alt.Chart, value: str, strong: float) -> list[alt.Chart]:
    """Write the values into their cells: white upon strong colours, else in the colour of the page's text."""
    at, written = f"datum['{value}']", alt.Text(f"{value}:Q", format=".2f")
    weak = base.transform_filter(f"isValid({at}) && abs({at}) <= {strong}").mark_text(fontSize=FONT)
    white = base.transform_filter(f"abs({at}) > {strong}").mark_text(fontSize=FONT, color="white")
    return [layer.encode(text=written) for layer in (weak, white)]


def _grid(frame: pd.DataFrame, cell: int, named: bool) -> alt.Chart:
    """Place cells by the names of their pair, in the order that is chosen; rows have names where they are ``named``."""
    settings: dict[str, Any] = {
        "labelLimit": LABELS,
        "labelFontSize": max(FONT, min(12, cell - 1)),
        "labelOverlap": "parity",
        "domain": False,
        "ticks": False,
        "grid": False,
    }
    turned = alt.Axis(labelAngle=-55 if cell >= READABLE else -90, **settings)
    upright = alt.Axis(**settings) if named else alt.Axis(labels=False, **settings)
    scale = alt.Scale(padding=0, domain=alt.ExprRef(f"{LISTS}[{CHOSEN}]"))
    x, y = alt.X("b:N", title=None, axis=turned, scale=scale), alt.Y("a:N", title=None, axis=upright, scale=scale)
    return alt.Chart(frame).encode(x=x, y=y)


def offered(chart: Chart, arranged: Arrangement) -> Chart:
    """Give a chart of one or more matrices the control of its order, and let the page mark a pair."""
    buttons = alt.binding_radio(options=list(arranged.orders), name="Order by")
    choice = alt.param(CHOSEN, value=arranged.first, bind=buttons if len(arranged.place) > 2 else alt.Undefined)
    return chart.add_params(alt.param(LISTS, value=arranged.orders), choice, alt.param(PICKED, value=None))


def kappa_shades(frame: pd.DataFrame, columns: Sequence[str], cell: int) -> Shades:
    """Give a kappa the same colour in every chart that has numbers: clear at 0, where errors are independent."""
    low, high = _shown_range(frame, columns)
    scale = _from_clear(ORANGE, PURPLE, 1.0)
    if cell < READABLE and low >= 0:
        scale = alt.Scale(domain=[low, high], range=[_shade(PURPLE, 0.05), _shade(PURPLE, 1)], clamp=True)
    return Shades("error consistency (kappa)", scale, 1.0)


def _shade(colour: str, alpha: float) -> str:
    return f"rgba({colour},{alpha:g})"


def _from_clear(below: str, above: str, strongest: float) -> alt.Scale:
    """Colour values by their sign and their size, nothing at 0."""
    clear = [_shade(below, 1), _shade(below, 0), _shade(above, 0), _shade(above, 1)]
    return alt.Scale(domain=[-strongest, 0, 0, strongest], range=clear, clamp=True)


def _shown_range(frame: pd.DataFrame, columns: Sequence[str]) -> tuple[float, float]:
    """Find between which tenths the pairs lie: where no number can be read, all colours are spent on these."""
    values = frame.loc[frame["a"] != frame["b"], list(columns)].to_numpy(dtype=float)
    low, high = np.floor(10 * np.nanmin(values, initial=0.9)), np.ceil(10 * np.nanmax(values, initial=0.1))
    return low / 10, max(high, low + 1) / 10


def _with_interval(matrix: "KappaMatrix") -> np.ndarray:
    written = bracketed(matrix.kappa, matrix.lower, matrix.upper)
    single = np.eye(len(matrix.kappa), dtype=bool) & (matrix.kappa == 1) & np.isnan(matrix.lower)
    return np.where(single, "1 (one network)", written)


def fewer(arranged: Arrangement, labels: Sequence[str], what: str = "networks") -> list[str]:
    """Say that some are left out, where that is so."""
    shown, total = len(arranged.place), len(labels)
    return [f"{shown} of {total} {what}, chosen evenly along the order by {arranged.first}"] * (shown < total)


def undefined(
    values: pd.Series | pd.DataFrame, why: str = "a network that is always right or always wrong"
) -> list[str]:
    """Explain grey cells, where there are any."""
    missing = int(values.isna().to_numpy().sum())
    return [f"{missing} cells undefined (grey): {why}"] * (missing > 0)


def _description(values: np.ndarray, labels: Sequence[str], what: str) -> str:
    """Describe a matrix by its extreme pairs."""
    names = [condition_name(label) for label in labels]
    rows, columns = np.triu_indices(len(names), 1)
    of_pairs = {f"{names[i]} and {names[j]}": float(values[i, j]) for i, j in zip(rows, columns, strict=True)}
    return f"matrix of {what} between {len(names)} networks, {range_in_words(of_pairs)}."
