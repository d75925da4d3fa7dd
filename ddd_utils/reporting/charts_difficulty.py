"""Charts of how difficult images and classes are."""

from collections.abc import Mapping, Sequence

import altair as alt
import numpy as np
import pandas as pd

from . import charts_theme as theme

BINOMIAL = "binomial: independent networks, images equally difficult"
SPIKES = "two spikes: only trivial and impossible images"
LINES = [("#1C8568", [1, 0]), ("#8A63D2", [1, 0]), ("#D6409F", [6, 3]), ("#1286B0", [2, 2])]  # binomial, models: dashes


def score_histogram(
    histogram: pd.DataFrame,
    tolerance: int,
    heading: str,
    models: Mapping[str, np.ndarray] | None = None,
    width: int = theme.WIDTH,
    height: int = 260,
) -> alt.LayerChart:
    """
    Show how many networks get an image right, beside two extremes (figures 2 and 17) and fitted models.

    Parameters
    ----------
    histogram : DataFrame
        One row a score: score, images, share, binomial, two_spikes (from `analysis.difficulty.score_histogram`).
    tolerance : int
        Number of dissenting networks up to which an image counts as trivial or impossible.
    heading : str
        What is seen.
    models : mapping of str to (networks + 1,) float, optional
        Probability of every score under further models, such as "beta-binomial"; at most three.
    width, height : int, optional
        Of the plot, in pixels.

    Returns
    -------
    alt.LayerChart
        Bars in the colours of the three classes, a line for the binomial expectation and each model, and hollow bars
        for the distribution with two spikes. Tooltips count images, the expected ones too.
    """
    networks, images = int(histogram["score"].max()), int(histogram["images"].sum())
    score = histogram["score"]
    kinds = np.select([score >= networks - tolerance, score <= tolerance], ["trivial", "impossible"], "in-between")
    lines = {BINOMIAL: histogram["binomial"].to_numpy(), **(models or {})}
    expected = pd.DataFrame({f"expected{i}": np.asarray(line) * images for i, line in enumerate(lines.values())})
    frame = histogram.drop(columns=["binomial", "two_spikes"]).assign(kind=kinds, **expected)
    axes = {"x": _score_axis(networks, width), "y": _share_axis(bool(models))}
    bars, columns = _bars(frame).encode(**axes), _columns(frame, [*lines]).encode(x=axes["x"])
    subtitle = f"M = {networks} networks, {images:,} images, tolerance {tolerance}"
    chart = alt.layer(bars, *(layer.encode(**axes) for layer in _expected(histogram, lines)), columns)
    chart = chart.properties(width=width, height=height, view=theme.NO_FRAME)
    shares = frame.groupby("kind")["share"].sum()
    text = ", ".join(f"{kind} {shares.get(kind, 0):.1%}" for kind in theme.CLASS_COLOURS)
    return theme.finish(chart, theme.title(heading, subtitle), f"Histogram, {subtitle}: {heading}. Shares: {text}.")


def _bars(frame: pd.DataFrame) -> alt.Chart:
    """Draw the share of images at every score, coloured by class."""
    colours = alt.Scale(domain=list(theme.CLASS_COLOURS), range=list(theme.CLASS_COLOURS.values()))
    present = [kind for kind in theme.CLASS_COLOURS if (frame["kind"] == kind).any()]
    return (
        alt.Chart(frame)
        .mark_bar()
        .encode(color=alt.Color("kind:N", scale=colours, legend=alt.Legend(title=None, orient="top", values=present)))
    )


def _columns(frame: pd.DataFrame, lines: Sequence[str]) -> alt.Chart:
    """Lay an unseen column over every bar, so that low ones are hit too; the one in ``picked`` is shaded."""
    picked = alt.param(name=theme.PICKED, value=None)
    expected = [
        alt.Tooltip(f"expected{i}:Q", title=f"expected, {name.partition(':')[0]}", format=",.0f")
        for i, name in enumerate(lines)
    ]
    return (
        alt.Chart(frame)
        .mark_bar(color=theme.MUTED)
        .encode(
            y=alt.value(0),
            y2=alt.value("height"),
            opacity=alt.condition(f"datum.score === {theme.PICKED}", alt.value(0.3), alt.value(0)),
            tooltip=[
                alt.Tooltip("score:O", title="networks right"),
                alt.Tooltip("images:Q", format=","),
                alt.Tooltip("share:Q", format=".2%"),
                alt.Tooltip("kind:N", title="class"),
                *expected,
            ],
        )
        .add_params(picked)
    )


def _score_axis(networks: int, width: int) -> alt.X:
    """Place the scores from none to all, with as many of them named as there is room for."""
    step = -(-networks // (width // 40))
    ticks = [*range(0, networks - step + 1, step), networks]
    names = f"datum.value == 0 ? 'none' : datum.value == {networks} ? 'all' : datum.label"
    axis = alt.Axis(values=ticks, labelAngle=0, labelExpr=names, **theme.QUIET)
    return alt.X("score:O", title="networks that are right", axis=axis)


def _share_axis(roots: bool) -> alt.Y:
    """Show shares, or their square roots as a rootogram does (Tukey, 1977): models are judged by small shares too."""
    if not roots:
        return alt.Y("share:Q", title="share of images", axis=alt.Axis(format="~%", **theme.QUIET))
    ticks = [0, 0.01, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1]
    axis = alt.Axis(format="~%", values=ticks, labelOverlap=False, **theme.QUIET)
    return alt.Y("share:Q", title="share of images (square-root scale)", scale=alt.Scale(type="sqrt"), axis=axis)


def _expected(histogram: pd.DataFrame, lines: Mapping[str, np.ndarray]) -> list[alt.Chart]:
    """Draw what the bars are compared with: lines for the models, outlines for the two spikes."""
    curves = {**lines, SPIKES: histogram["two_spikes"].to_numpy()}
    long = pd.concat(
        [pd.DataFrame({"score": histogram["score"], "share": share, "extreme": name}) for name, share in curves.items()]
    )
    colours, dashes = zip(*LINES[: len(lines)], (theme.MUTED, [4, 3]), strict=True)
    legend = alt.Legend(
        title="for comparison", orient="bottom", labelLimit=420, columns=1, symbolType="stroke", symbolSize=300
    )
    base = alt.Chart(long).encode(
        stroke=alt.Stroke("extreme:N", scale=alt.Scale(domain=list(curves), range=colours), legend=legend),
        strokeDash=alt.StrokeDash("extreme:N", scale=alt.Scale(domain=list(curves), range=dashes), legend=legend),
    )
    drawn = base.transform_filter(alt.datum.extreme != SPIKES)
    halo = drawn.mark_line(strokeWidth=4, opacity=0.5).encode(stroke=alt.value("white"), detail="extreme:N")
    return [
        base.transform_filter(alt.datum.extreme == SPIKES).mark_bar(fill=None, strokeWidth=1.6),
        halo,
        drawn.mark_line(strokeWidth=2.2),
    ]


def class_accuracy(classes: pd.DataFrame, heading: str, width: int = theme.WIDTH, height: int = 220) -> alt.Chart:
    """
    Show the accuracy of every class, the easiest first (figure 15).

    Parameters
    ----------
    classes : DataFrame
        One row a class: label, accuracy, images (from `analysis.difficulty.class_accuracy`), optionally name.
    heading : str
        What is seen.
    width, height : int, optional
        Of the plot, in pixels.

    Returns
    -------
    alt.Chart
        One dot a class.
    """
    frame = classes.sort_values("accuracy", ascending=False, kind="stable")
    frame = frame.assign(rank=np.arange(1, len(frame) + 1), name=frame.get("name", frame["label"]).astype(str))
    scale = alt.Scale(domain=[0, len(frame) + 1], nice=False)
    chart = (
        alt.Chart(frame)
        .mark_point(filled=True, size=max(18, min(90, 2400 // len(frame))), color=theme.ACCENT, opacity=0.9)
        .encode(
            x=alt.X("rank:Q", title="class, easiest first", scale=scale, axis=alt.Axis(tickMinStep=1, **theme.QUIET)),
            y=alt.Y(
                "accuracy:Q", title="accuracy", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%", **theme.QUIET)
            ),
            tooltip=[
                alt.Tooltip("name:N", title="class"),
                alt.Tooltip("accuracy:Q", format=".1%"),
                alt.Tooltip("images:Q", title="test images", format=","),
            ],
        )
        .properties(width=width, height=height, view=theme.NO_FRAME)
    )
    text = theme.extremes(zip(frame["name"], frame["accuracy"], strict=True))
    description = f"Accuracy of {len(frame)} classes in falling order, {text}."
    return theme.finish(chart, theme.title(heading, f"{len(frame)} classes"), description)
