"""The first screen: how many models are right about an image, and the agreement left in between by number of models."""

from collections.abc import Sequence
from textwrap import wrap

import altair as alt
import numpy as np
import pandas as pd

from .forms import finish, framed, quiet, tell, title
from .names_and_colours import ACCENT, CLASS_COLOURS, MUTED, NOTE, SECOND, SERIES

NARROW = 36  # characters of a heading that fit a phone
HALF = {"ddd": {"half": True}}  # the page sets two such charts beside each other where there is room
HEADROOM = 1.45  # of the highest bar, for the shares above the bars
HEIGHT, LINE = 300, 16  # px of the plot of curves, and of a line of words in it
CHOSEN = "number_of_models"  # parameter that the slider sets
POINTS = {  # what a point is: shape, fill, outline
    "paper": ("diamond", "transparent", SECOND),
    "published": ("circle", ACCENT, ACCENT),
    "here": ("square", SERIES[2], SERIES[2]),
}


def heading(text: str, subtitle: str) -> alt.Title:
    """Make a heading whose lines fit a phone."""
    return title(wrap(text, NARROW), wrap(subtitle, round(1.25 * NARROW)))  # type: ignore[arg-type]


def scores(histogram: pd.DataFrame, tolerance: int, text: str, subtitle: str, highest: float) -> alt.LayerChart:
    """
    Show how many networks are right about an image, on axes that sets of other sizes share.

    Parameters
    ----------
    histogram : DataFrame
        One row a score from 0 to M: images (count), share, binomial (share if errors were independent).
    tolerance : int
        At which an image is trivial or impossible.
    text, subtitle : str
        What is found, and what is drawn.
    highest : float
        The largest share that any chart beside this one shows.

    Returns
    -------
    alt.LayerChart
    """
    M = len(histogram) - 1
    score = np.arange(M + 1)
    kind = np.select([score >= M - tolerance, score <= tolerance], ["trivial", "impossible"], "in-between")
    frame = histogram.assign(score=score, kind=kind, at=score / M, low=(score - 0.45) / M, high=(score + 0.45) / M)
    x = alt.X(scale=alt.Scale(domain=[-0.06, 1.06], nice=False), axis=_share_of_models())
    y = alt.Y(scale=alt.Scale(domain=[0, HEADROOM * highest], nice=False), axis=quiet(format="~%", tickCount=4))
    colours = alt.Color("kind:N", scale=alt.Scale(domain=list(CLASS_COLOURS), range=list(CLASS_COLOURS.values())), legend=None)
    tips = {"score": ("", f"of {M} right"), "images": ",", "share": ".1%", "binomial": (".1%", "if independent"), "kind": ("", "class")}
    share = y.field("share").type("quantitative").title("share of images")
    bars = alt.Chart(frame).mark_bar(clip=True).encode(
        x=x.field("low").type("quantitative").title("share of the models that are right"), x2="high:Q", y=share, y2=alt.datum(0), color=colours, tooltip=tell(tips)
    )
    line = alt.Chart(frame).mark_line(strokeDash=[4, 3], strokeWidth=1.8, color=NOTE)
    line = line.encode(x=x.field("at").type("quantitative"), y=y.field("binomial").type("quantitative"))
    chart = framed(bars, line, *_labels(frame, x, y, colours), height=210).properties(width="container", usermeta=HALF)
    return finish(chart, heading(text, subtitle), f"Histogram. {text}. {subtitle}. {_in_words(frame)}.")


def _share_of_models() -> alt.Axis:
    names = "datum.value == 0 ? 'none' : datum.value == 1 ? 'all' : datum.label"
    return quiet(values=[0, 0.25, 0.5, 0.75, 1], format="~%", labelExpr=names, grid=False, labelFlush=False)


def _labels(frame: pd.DataFrame, x: alt.X, y: alt.Y, colours: alt.Color) -> list[alt.Chart]:
    """Name the three classes with their shares above the bars, and the dashed line beside its peak."""
    shares = frame.groupby("kind")["share"].sum().reindex(list(CLASS_COLOURS)).fillna(0)
    rows = [{"kind": kind, "text": f"{share:.1%}\n{kind}"} for kind, share in shares.items()]
    places = {"impossible": ("left", 2.0), "in-between": ("center", "width/2"), "trivial": ("right", "width-2")}
    texts = []
    for row in rows:
        align, at = places[row["kind"]]
        mark = alt.Chart(pd.DataFrame([row])).mark_text(align=align, baseline="top", fontWeight=600, fontSize=12.5, lineBreak="\n")
        place = alt.value(at) if isinstance(at, float) else alt.value(alt.ExprRef(at))
        texts.append(mark.encode(x=place, y=alt.value(0), text="text:N", color=colours))
    peak = frame.loc[[frame["binomial"].idxmax()]].assign(text="if errors were\nindependent")
    left = peak["at"].item() > 0.5
    beside = alt.Chart(peak).mark_text(
        align="right" if left else "left", dx=-16 if left else 16, dy=-4, fontSize=11, color=NOTE, lineBreak="\n"
    )
    texts.append(beside.encode(x=x.field("at").type("quantitative"), y=y.field("binomial").type("quantitative"), text="text:N"))
    return texts


def _in_words(frame: pd.DataFrame) -> str:
    shares = frame.groupby("kind")["share"].sum()
    expected = frame.groupby("kind")["binomial"].sum()
    return ", ".join(f"{kind} {shares[kind]:.1%}, if errors were independent {expected[kind]:.1%}" for kind in CLASS_COLOURS if kind in shares)


def agreement_left(
    table: pd.DataFrame, points: pd.DataFrame, text: str, subtitle: str, first: int, readout: Sequence[str]
) -> alt.LayerChart:
    """
    Show the kappa left on in-between images against the number of models, with a slider for that number.

    Parameters
    ----------
    table : DataFrame
        One row a tolerance and number of models: line (its name), tolerance, models, kappa, lower and upper (a spread
        of subsets, NaN for a line without a band).
    points : DataFrame
        One row a point: label, models, kappa, and kind, "paper", "published" or "here".
    text, subtitle : str
        What is found, and what is drawn.
    first : int
        The number of models that the slider shows first.
    readout : sequence of str
        What is told at each number of models from the smallest of the table on, lines ended by line feeds.

    Returns
    -------
    alt.LayerChart
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
    return finish(chart, heading(text, subtitle), f"Curves. {text}. {subtitle} {words}")


def _bands(table: pd.DataFrame, x: alt.X, y: alt.Y) -> list[alt.Chart]:
    """Draw a line for each name, and behind it the spread of subsets where it has one; dashes are for expectations."""
    names = table["line"].unique().tolist()
    colours = alt.Scale(domain=names, range=[ACCENT, MUTED, SECOND][: len(names)])
    dashes = alt.Scale(domain=names, range=[[1, 0], [1, 0], [4, 3]][: len(names)])
    legend = alt.Legend(title=None, orient="top", columns=1, labelLimit=330, symbolType="stroke", symbolSize=300, symbolOpacity=1)
    base = alt.Chart(table).encode(x=x, color=alt.Color("line:N", scale=colours, legend=legend))
    band = base.transform_filter("isValid(datum.lower)").mark_area(opacity=0.22)
    line = base.encode(y=y.field("kappa"), strokeDash=alt.StrokeDash("line:N", scale=dashes, legend=legend))
    chance = alt.Chart(pd.DataFrame({"kappa": [0]})).mark_rule(stroke=MUTED).encode(y=y.field("kappa"))
    return [chance, band.encode(y=y.field("lower"), y2="upper:Q"), line.mark_line(strokeWidth=2)]


def _chosen(table: pd.DataFrame, told: pd.DataFrame, x: alt.X, y: alt.Y) -> list[alt.Chart]:
    """Mark the number of models that the slider is at, and write its figures into the empty corner of the plot."""
    here = f"datum.models == {CHOSEN}"
    base = alt.Chart(told).transform_filter(here)
    rule = base.mark_rule(stroke=MUTED, strokeDash=[2, 2]).encode(x=x)
    dots = alt.Chart(table).transform_filter(here).mark_point(filled=True, size=45, opacity=1)
    dots = dots.encode(x=x, y=y.field("kappa"), color="line:N", tooltip=tell({"line": "", "models": "", "kappa": ".3f"}))
    words = base.mark_text(align="right", baseline="bottom", fontSize=12, lineBreak="\n", lineHeight=LINE)
    corner = {"x": alt.value("width"), "y": alt.value(HEIGHT - 6 - LINE * told["text"].iloc[0].count("\n"))}
    return [rule, dots, words.encode(text="text:N", **corner)]


def _points(points: pd.DataFrame, x: alt.X, y: alt.Y) -> alt.Chart:
    """Draw the points that are compared with the curves; the legend below tells what they are."""
    styles = zip(*(POINTS[kind] for kind in points["kind"]), strict=True)
    legend = alt.Legend(title=None, orient="bottom", columns=1, labelLimit=330)
    looks = {
        channel: {"field": "label", "type": "nominal", "scale": {"domain": points["label"].tolist(), "range": look}, "legend": legend}
        for channel, look in zip(("shape", "fill", "stroke"), styles, strict=True)
    }
    marks = alt.Chart(points).mark_point(strokeWidth=1.8, size=90, opacity=1)
    return marks.encode(x=x, y=y.field("kappa"), tooltip=tell({"label": ""}), **looks)
