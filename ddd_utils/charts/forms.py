"""What all charts are made of: their frame, and one form each of dots with intervals, lines and colours by kind."""

from collections.abc import Iterable, Mapping, Sequence
from textwrap import wrap
from typing import Any, TypeVar

import altair as alt
import numpy as np
import pandas as pd

from .names_and_colours import ACCENT, CLASS_COLOURS, MUTED, SECOND, range_in_words

Chart = TypeVar("Chart", alt.Chart, alt.LayerChart, alt.HConcatChart, alt.VConcatChart, alt.FacetChart)
Tips = Mapping[str, Any]  # columns that a tooltip tells: their format, or format and title; None leaves one out

QUIET: dict[str, Any] = {"gridColor": MUTED, "gridOpacity": 0.2, "domain": False, "ticks": False, "labelPadding": 6}
STROKE: dict[str, Any] = {"symbolType": "stroke", "symbolSize": 300}  # a legend of lines that are dashed or not
NO_FRAME = alt.ViewBackground(stroke=None)
PICKED = "picked"  # parameter of a chart: what the page shows more of, a score or the names of a pair
PICKED_PAIR = " || ".join(  # true of the rows of that pair
    f"({PICKED} && datum.{one} === {PICKED}[0] && datum.{other} === {PICKED}[1])" for one, other in ("ab", "ba")
)
COLUMN = 900  # px that a chart may take with all its labels
WIDTH = 540  # px of the plot alone: with the longest condition name it fits the column
LINE = 90  # characters of a title, which JupyterLab does not break
TICKS = 8  # of an axis that lies, so that its numbers stay apart
LABELS = 300  # px after which the name of a row is cut off

DOT = ("circle", 90, ACCENT, ACCENT)
DIAMOND = ("diamond", 130, "transparent", SECOND)
TICK = "M0,-1L0,1"
KAPPA, BOUND = "kappa with its 95% interval", "most that the two accuracies allow"
POOLED = "kappa if conditions are pooled"
CLASS = "class"
LOOKS = {  # what a mark stands for: shape, size, fill, outline
    "condition": DOT,
    "observed": DOT,
    "one network": ("circle", 60, "transparent", MUTED),
    "person": DOT,
    "right": DOT,
    "all labels": DOT,
    "accepted labels only": DIAMOND,
    KAPPA: DOT,
    CLASS: ("circle", 45, ACCENT, ACCENT),
    "single network": (TICK, 90, "transparent", MUTED),
    BOUND: (TICK, 90, "transparent", SECOND),
    POOLED: DIAMOND,
    "paper": DIAMOND,
    "expected": DIAMOND,
    "wrong": ("diamond", 90, SECOND, SECOND),
    "simulated": ("diamond", 90, "transparent", ACCENT),  # no simulated observer looks like a person
}
ONE_NETWORK = "image error only"  # in a note: the interval says nothing about other training runs


class Heading(str):
    """What a chart shows, in a sentence with its numbers; ``drawn``, which stands below, says what is drawn."""

    drawn: str

    def __new__(cls, found: str, drawn: str = "") -> "Heading":
        """Make a title of a finding."""
        heading = super().__new__(cls, found)
        heading.drawn = drawn
        return heading


def title(text: str, subtitle: str | list[str] | None = None) -> alt.Title:
    """Make a heading, flush left with the whole chart: what is seen, and smaller under which circumstances."""
    notes = [subtitle] if isinstance(subtitle, str) else subtitle or []
    lines = [line for line in (under(text), *notes) if line]
    found = wrap(text, LINE) if len(text) > LINE else text
    return alt.Title(found, anchor="start", frame="bounds", offset=12, subtitle=lines or alt.Undefined)


def under(heading: str) -> str:
    """Return what stands below a heading, if anything."""
    return getattr(heading, "drawn", "")


def finish(chart: Chart, heading: alt.Title, description: str) -> Chart:
    """Give a chart its heading, its description for screen readers and a transparent background."""
    return chart.properties(title=heading, description=description, background="transparent")


def beside(*charts: alt.Chart | alt.LayerChart, description: str | None = None) -> alt.HConcatChart:
    """Put finished charts next to each other with one upright scale; legends that say the same are drawn once."""
    texts = " ".join(str(chart.description) for chart in charts)
    parts = [chart.copy(deep=False) for chart in charts]
    for part in parts:
        part.background = alt.Undefined  # Altair allows it on the outermost chart only
    chart = alt.hconcat(*parts, spacing=24).resolve_scale(y="shared")
    return chart.properties(description=description or texts, background="transparent")


def alike(axis: str, *charts: Chart) -> tuple[Chart, ...]:
    """
    Give finished charts of one form the same domain along an axis, "x" or "y", so that they can be compared.

    Charts of several plots are compared plot by plot.
    """
    for plots in zip(*(getattr(chart, "hconcat", [chart]) for chart in charts), strict=True):
        scales = [scale for plot in plots for scale in _scales(plot, axis)]
        ends = [end for scale in scales for end in scale.domain]
        for scale in scales:
            scale.domain = [min(ends), max(ends)]
    return charts


def _scales(chart: Any, axis: str) -> list[alt.Scale]:
    """List the scales of a plot whose domain is given in numbers."""
    channels = [getattr(layer.encoding, axis, None) for layer in getattr(chart, "layer", [chart])]
    scales = [channel["scale"] for channel in channels if isinstance(channel, alt.X | alt.Y)]
    return [scale for scale in scales if isinstance(scale, alt.Scale) and isinstance(scale.domain, list)]


def label_width(labels: Iterable[str], limit: int) -> int:
    """Estimate how many pixels labels take, rather too many: a wide letter is two thirds as wide as high."""
    return round(min(limit, max(6.6 * len(label) for label in labels)))


def row_width(labels: Iterable[str]) -> int:
    """Find how wide a plot can be that has these names beside its rows."""
    return min(WIDTH, COLUMN - 25 - label_width(labels, LABELS))


def quiet(**settings: Any) -> alt.Axis:
    """Make an axis that stays behind the data."""
    return alt.Axis(**QUIET, **settings)


def share_axis(column: str, heading: str = "accuracy") -> alt.Y:
    """Make an upright axis of shares from 0 to 1."""
    scale = alt.Scale(domain=[0, 1])
    return alt.Y(field=column, type="quantitative", title=heading, scale=scale, axis=quiet(format="%"))


def tell(columns: Tips) -> list[alt.Tooltip]:
    """Make a tooltip; a column with an empty format is told as it is."""
    tips = []
    for column, written in columns.items():
        if written is None:
            continue
        form, heading = written if isinstance(written, tuple) else (written, column)
        field = f"{column}:Q" if form else f"{column}:N"
        tips.append(alt.Tooltip(field, title=heading, format=form or alt.Undefined))
    return tips


def classes_of(score: Any, networks: Any, tolerance: int = 0) -> np.ndarray:
    """Name the class of images that so many of the networks get right."""
    return np.select([score >= networks - tolerance, score <= tolerance], ["trivial", "impossible"], "in-between")


def by_kind(
    colours: Mapping[str, Any] = CLASS_COLOURS,
    column: str = "kind",
    shown: Sequence[str] | bool = True,
    channel: type = alt.Color,
    **legend: Any,
) -> Any:
    """Colour marks, or dash lines, by what they stand for; the legend above may name some kinds only, or none."""
    scale = alt.Scale(domain=list(colours), range=list(colours.values()))
    names = {} if isinstance(shown, bool) else {"values": shown}
    entries = alt.Legend(**{"title": None, "orient": "top", **names, **legend}) if shown else None
    return channel(f"{column}:N", scale=scale, legend=entries)


def looks(kinds: Sequence[str], column: str = "kind", heading: str | None = None) -> dict[str, Any]:
    """Encode what each mark stands for by shape, size, fill and outline; a legend names several kinds."""
    styles = zip(*(LOOKS[kind] for kind in kinds), strict=True)
    channels = dict(zip(("shape", "size", "fill", "stroke"), styles, strict=True))
    if len(kinds) == 1:  # Vega-Lite draws nothing where the range of sizes has one entry
        return {channel: alt.value(look) for channel, (look,) in channels.items()}
    legend = {"title": heading, "orient": "top", "labelLimit": 300}
    # Vega-Lite warns of sizes that stand for names and of shapes that stand for an order.
    types = dict.fromkeys(channels, "nominal") | {"size": "ordinal"}
    return {
        channel: {"field": column, "type": types[channel], "scale": {"domain": kinds, "range": look}, "legend": legend}
        for channel, look in channels.items()
    }


def reference(row: Mapping[str, Any], along: alt.X | alt.Y) -> alt.Chart:
    """Draw the dashed line that values are compared with; ``row`` has its name and its value."""
    axis = "x" if isinstance(along, alt.X) else "y"
    return alt.Chart(pd.DataFrame([row])).mark_rule(stroke=SECOND, strokeDash=[5, 4]).encode(**{axis: along})


def dots(
    table: pd.DataFrame,
    value: str,
    along: alt.X | alt.Y,
    across: alt.X | alt.Y,
    tips: Tips,
    marks: pd.DataFrame | None = None,
    look: Mapping[str, Any] | None = None,
    line: Mapping[str, Any] | None = None,
    **intervals: Any,
) -> alt.LayerChart:
    """
    Draw a dot for each row, with its interval where the table has the columns lower and upper.

    ``along`` is the axis of the values, ``across`` the other one. ``marks`` are the dots, where they are not those of
    ``table``; ``look`` has their channels, where they are not those of what was observed, and ``intervals`` further
    channels of the intervals. ``line`` is a row for `reference`.
    """
    axis, other = ("x", "y") if isinstance(along, alt.X) else ("y", "x")
    at = along.field(value).type("quantitative")
    limits = {axis: along.field("lower").type("quantitative"), f"{axis}2": "upper:Q", other: across, **intervals}
    rules = alt.Chart(table).transform_filter("isValid(datum.lower)").mark_rule(strokeWidth=2, color=ACCENT)
    points = alt.Chart(table if marks is None else marks).mark_point(strokeWidth=1.6, opacity=1)
    points = points.encode(**{axis: at, other: across, **looks(["observed"]), **(look or {})}, tooltip=tell(tips))
    layers = [reference(line, at)] if line else []
    layers += [rules.encode(**limits)] * ("lower" in table) + [points]
    return alt.LayerChart(layer=layers, view=NO_FRAME)


def dot_rows(
    parts: Mapping[str, pd.DataFrame],
    value: str,
    axis: str,
    heading: alt.Title,
    scale: alt.Scale,
    form: str = ".3f",
    row: str = "condition",
    names: str = "name",
    tips: Tips | None = None,
    line: Mapping[str, Any] | None = None,
    description: str | None = None,
) -> alt.LayerChart:
    """
    Draw one row a name, complete: its value with an interval, and what belongs beside it.

    Each part is a table of one kind of mark (a key of `LOOKS`) with the columns of names and values, and optionally
    lower, upper (95% interval), network and note (what the interval covers). The first gives the rows, their order and
    the intervals; the others lie upon it. ``form`` is how a tooltip writes a value, ``row`` what a name names.
    """
    main = next(iter(parts.values()))
    marks = pd.concat([part.assign(kind=kind) for kind, part in parts.items() if len(part)])
    if "note" in marks:
        marks["kind"] = marks["kind"].mask(marks["note"].str.contains(ONE_NETWORK, na=False), "one network")
    labels, kinds = main[names].tolist(), marks["kind"].unique().tolist()
    known: dict[str, Any] = {names: ("", row), "kind": ("", "shown"), "network": ""}
    known |= {value: form, "lower": form, "upper": form, **(tips or {}), "note": ""}
    told = {column: tip for column, tip in known.items() if column in marks and (column != "kind" or len(kinds) > 1)}
    guide = quiet(format="~%" if "%" in form else "~f", labelFlush=False, tickCount=TICKS)
    along = alt.X(title=axis, scale=scale, axis=guide)
    across = alt.Y(f"{names}:N", sort=labels, title=None, axis=quiet(grid=True, labelLimit=LABELS))
    chart = dots(main, value, along, across, told, marks, looks(kinds), line, **_covered(main))
    chart = chart.properties(width=row_width(labels), height=alt.Step(24))
    text = range_in_words(zip(labels, main[value], strict=True))
    return finish(chart, heading, description or f"Dot plot, one row a {row}: {axis}. {text}.")


def _covered(table: pd.DataFrame) -> dict[str, Any]:
    """Draw the intervals that cover the images' error only thin and grey."""
    if "note" not in table:
        return {}
    notes = table["note"].unique().tolist()
    colours = [MUTED if ONE_NETWORK in note else ACCENT for note in notes]
    thin: Any = {"test": f"indexof(datum.note, '{ONE_NETWORK}') >= 0", "value": 1}
    legend = alt.Legend(title="95% interval", orient="bottom", labelLimit=300, symbolType="stroke")
    return {
        "color": alt.Color("note:N", scale=alt.Scale(domain=notes, range=colours), legend=legend),
        "strokeWidth": alt.StrokeWidthValue(2, condition=thin),
    }


def curve(table: pd.DataFrame, x: alt.X, y: alt.Y, tips: Tips, colour: Any = None, **mark: Any) -> list[alt.Chart]:
    """Draw a line through the rows, and a dot for each, which tells its values."""
    base = alt.Chart(table).encode(x=x, y=y, color=colour or alt.value(ACCENT))
    return [
        base.mark_line(**{"strokeWidth": 2, **mark}),
        base.mark_point(filled=True, size=22, opacity=1).encode(tooltip=tell(tips)),
    ]


def bundle(
    thin: pd.DataFrame, told: pd.DataFrame, x: alt.X, y: alt.Y, name: str, tips: Tips
) -> tuple[alt.Chart, alt.Chart]:
    """Draw a thin line a name, and return it with the layer that is touched: what is near the pointer is in front."""
    near = alt.selection_point(fields=[name], on="pointerover", nearest=True, empty=False)
    lines = (
        alt.Chart(thin)
        .mark_line()
        .encode(
            x=x,
            y=y,
            detail=f"{name}:N",
            color=alt.condition(near, alt.value(SECOND), alt.value(MUTED)),
            opacity=alt.condition(near, alt.value(1), alt.value(0.5)),
            strokeWidth=alt.condition(near, alt.value(2.5), alt.value(1.2)),
        )
    )
    touch = alt.Chart(told).mark_point(opacity=0, size=60).encode(x=x, y=y, detail=f"{name}:N", tooltip=tell(tips))
    return lines, touch.add_params(near)


def framed(*layers: alt.Chart | alt.LayerChart, width: int = WIDTH, height: int = 240) -> alt.LayerChart:
    """Lay marks upon each other in a plot of some size, in pixels, without a frame."""
    return alt.LayerChart(layer=layers, width=width, height=height, view=NO_FRAME)
