"""The first screen: how many models are right about an image, and the agreement left in between by number of models."""

from collections.abc import Callable, Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from .forms import by_kind, classes_of, finish, framed, quiet, tell, title
from .names_and_colours import ACCENT, MUTED, NOTE, SECOND, SERIES

HALF = {"ddd": {"half": True}}  # the page sets two such charts beside each other where there is room
HEADROOM = 1.3  # of the highest bar, for the shares above the bars
PANEL, HEIGHT, LINE = 210, 300, 16  # px: height of the plots of scores, of that of curves, of a line of words in it
CHOSEN = "number_of_models"  # parameter that the slider sets
POINTS = {  # what a point is: shape, fill, outline
    "paper": ("diamond", "transparent", SECOND),
    "published": ("circle", ACCENT, ACCENT),
    "here, models": ("square", SERIES[2], SERIES[2]),
    "here, variants": ("triangle-up", SERIES[2], SERIES[2]),
}


def score_panel(histogram: pd.DataFrame, tolerance: int, text: str, subtitle: str, highest: float) -> alt.LayerChart:
    """
    Show how many networks are right about an image, on axes that sets of other sizes share.

    ``histogram`` is that of `difficulty.score_histogram`; ``highest`` is the largest share that any chart beside this
    one shows.
    """
    M = len(histogram) - 1
    score = np.arange(M + 1)
    frame = histogram.assign(score=score, kind=classes_of(score, M, tolerance), at=score / M)
    frame = frame.assign(low=(score - 0.45) / M, high=(score + 0.45) / M)
    tips = {"score": ("", f"of {M} right"), "images": ",", "share": ".1%", "kind": ("", "class")}
    base, y = alt.Chart(frame), _shares(highest)
    bars = base.mark_bar(clip=True).encode(
        _right("low"),
        alt.X2("high:Q"),
        y("share"),
        alt.Y2Datum(0),
        by_kind(shown=False),
        tell(tips | {"binomial": (".1%", "if independent")}),
    )
    dashes = base.mark_line(strokeDash=[4, 3], strokeWidth=1.8, color=NOTE).encode(_right("at"), y("binomial"))
    words = _beside_peak(frame).encode(_right("at"), y("binomial"))
    chart = framed(bars, dashes, words, *_shares_above(frame), height=PANEL)
    chart = chart.properties(width="container", usermeta=HALF)
    return finish(chart, title(text, subtitle), f"Histogram. {text}. {subtitle}. {_in_words(frame)}.")


def _right(column: str) -> alt.X:
    """Place scores by the share of the models that are right, so that sets of different sizes share the axis."""
    names = "datum.value == 0 ? 'none' : datum.value == 1 ? 'all' : datum.label"
    axis = quiet(values=[0, 0.25, 0.5, 0.75, 1], format="~%", labelExpr=names, grid=False, labelFlush=False)
    scale = alt.Scale(domain=[-0.06, 1.06], nice=False)
    return alt.X(f"{column}:Q", title="share of the models that are right", scale=scale, axis=axis)


def _shares(highest: float) -> Callable[[str], alt.Y]:
    """Make the axis of shares up to some highest bar, with room for words above it."""
    axis = quiet(format="~%", values=[step / 10 for step in range(int(10 * highest) + 1)])
    scale = alt.Scale(domain=[0, HEADROOM * highest], nice=False)
    return lambda column: alt.Y(f"{column}:Q", title="share of images", scale=scale, axis=axis)


def _shares_above(frame: pd.DataFrame) -> list[alt.Chart]:
    """Name the three classes with their shares, in their colours, above the bars."""
    places: dict[str, tuple[str, Any]] = {
        "impossible": ("left", 2), "in-between": ("center", {"expr": "width / 2"}), "trivial": ("right", "width")
    }  # fmt: skip
    layers = []
    for kind, share in frame.groupby("kind")["share"].sum().items():
        row = pd.DataFrame([{"kind": kind, "text": f"{share:.1%}\n{kind}"}])
        align, place = places[str(kind)]
        mark = alt.Chart(row).mark_text(align=align, baseline="top", fontWeight=600, fontSize=12.5, lineBreak="\n")
        layers.append(mark.encode(x=alt.value(place), y=alt.value(0), text="text:N", color=by_kind(shown=False)))
    return layers


def _beside_peak(frame: pd.DataFrame) -> alt.Chart:
    """Name the dashed line, on the side of its peak where there is more room: outside its flank, at half its height."""
    binomial = frame["binomial"].to_numpy()
    peak = int(binomial.argmax())
    before = bool(frame["at"].iloc[peak] > 0.5)
    low = frame[(binomial <= binomial.max() / 2) & ((np.arange(len(frame)) < peak) == before)]
    place = low.iloc[[-1 if before else 0]] if len(low) else frame.iloc[[peak]]
    side: dict[str, Any] = {"align": "right", "dx": -10} if before else {"align": "left", "dx": 10}
    text = alt.Chart(place.assign(text="if errors were\nindependent"))
    mark = text.mark_text(baseline="bottom", dy=-20, fontSize=11, color=NOTE, lineBreak="\n", **side)
    return mark.encode(text="text:N")


def _in_words(frame: pd.DataFrame) -> str:
    sums = frame.groupby("kind")[["share", "binomial"]].sum()
    return ", ".join(f"{kind} {row.share:.1%} (if independent {row.binomial:.1%})" for kind, row in sums.iterrows())


def agreement_left(
    table: pd.DataFrame, points: pd.DataFrame, text: str, subtitle: list[str], first: int, readout: Sequence[str]
) -> alt.LayerChart:
    """
    Show the kappa left on in-between images against the number of models, with a slider for that number.

    ``table`` has one row a line and number of models: line, models, kappa, lower and upper (NaN for a line without a
    band); ``points`` one row a point: label, models, kappa and kind, a key of `POINTS`. The slider is at ``first`` in
    the beginning; ``readout`` tells about each number of models from the smallest on, lines ended by line feeds.
    """
    sizes = np.sort(table["models"].unique())
    scale = alt.Scale(domain=[int(sizes[0]), int(max(sizes[-1], points["models"].max()))], nice=False)
    x = alt.X("models:Q", title="number of models, M", scale=scale, axis=quiet(tickMinStep=1, tickCount=6, grid=False))
    y = alt.Y(type="quantitative", title="kappa on in-between images", axis=quiet(format="~f", tickCount=6))
    slider = alt.binding_range(min=int(sizes[0]), max=int(sizes[-1]), step=1, name="Number of models, M ")
    told = pd.DataFrame({"models": sizes, "text": list(readout)})
    chart = framed(*_bands(table, x, y), *_chosen(table, told, x, y), _points(points, x, y), height=HEIGHT)
    chart = chart.properties(width="container").add_params(alt.param(CHOSEN, value=first, bind=slider))
    words = " ".join(f"{row.label}." for row in points.itertuples())
    return finish(chart, title(text, subtitle), f"Curves. {text}. {' '.join(subtitle)} {words}")


def _by_line(table: pd.DataFrame) -> tuple[alt.Color, alt.StrokeDash]:
    """Colour lines by their name; the last, an expectation, is dashed."""
    names = table["line"].unique()
    legend: dict[str, Any] = {"columns": 1, "labelLimit": 330, "symbolType": "stroke", "symbolOpacity": 1}
    colours = dict(zip(names, [ACCENT, MUTED, SECOND], strict=False))
    dashes = dict(zip(names, [[1, 0], [1, 0], [4, 3]], strict=False))
    return by_kind(colours, "line", **legend), by_kind(dashes, "line", channel=alt.StrokeDash, **legend)


def _bands(table: pd.DataFrame, x: alt.X, y: alt.Y) -> list[alt.Chart]:
    """Draw a line for each name, and behind it the spread of subsets where it has one."""
    colour, dash = _by_line(table)
    base = alt.Chart(table).encode(x=x, color=colour)
    band = base.transform_filter("isValid(datum.lower)").mark_area(opacity=0.22)
    line = base.mark_line(strokeWidth=2).encode(y=y.field("kappa"), strokeDash=dash)
    chance = alt.Chart(pd.DataFrame({"kappa": [0]})).mark_rule(stroke=MUTED).encode(y=y.field("kappa"))
    return [chance, band.encode(y=y.field("lower"), y2="upper:Q"), line]


def _chosen(table: pd.DataFrame, told: pd.DataFrame, x: alt.X, y: alt.Y) -> list[alt.Chart]:
    """Mark the number of models that the slider is at, and write its figures into the empty corner of the plot."""
    here = f"datum.models == {CHOSEN}"
    base = alt.Chart(told).transform_filter(here)
    rule = base.mark_rule(stroke=MUTED, strokeDash=[2, 2]).encode(x=x)
    dots = alt.Chart(table).transform_filter(here).mark_point(filled=True, size=45, opacity=1)
    tips = tell({"line": "", "models": "", "kappa": ".3f"})
    words = base.mark_text(align="right", baseline="bottom", fontSize=12, lineBreak="\n", lineHeight=LINE)
    corner = {"x": alt.value("width"), "y": alt.value(HEIGHT - 6 - LINE * told["text"].iloc[0].count("\n"))}
    colour, _ = _by_line(table)
    return [
        rule,
        dots.encode(x=x, y=y.field("kappa"), color=colour, tooltip=tips),
        words.encode(text="text:N", **corner),
    ]


def _points(points: pd.DataFrame, x: alt.X, y: alt.Y) -> alt.Chart:
    """Draw the points that are compared with the curves, the first on top; the legend below tells what they are."""
    styles = zip(*(POINTS[kind] for kind in points["kind"]), strict=True)
    legend = alt.Legend(title=None, orient="bottom", columns=1, labelLimit=520)
    looks = {
        channel: {
            "field": "label",
            "type": "nominal",
            "scale": {"domain": points["label"].tolist(), "range": look},
            "legend": legend,
        }
        for channel, look in zip(("shape", "fill", "stroke"), styles, strict=True)
    }
    marks = alt.Chart(points[::-1]).mark_point(strokeWidth=1.8, size=90, opacity=1)
    return marks.encode(x=x, y=y.field("kappa"), tooltip=tell({"label": ""}), **looks)
