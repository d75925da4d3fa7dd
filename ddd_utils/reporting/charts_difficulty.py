"""Charts of how difficult images and classes are, and pictures of the images themselves."""

import base64
import html
import io
from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd
from IPython.display import HTML
from PIL import Image

from . import charts_theme as theme

EXPECTED = {  # what the bars are compared with: its line and its mark
    "binomial: independent networks, images equally difficult": ("binomial", "#1C8568"),
    "two spikes: only trivial and impossible images": ("two_spikes", theme.MUTED),
}


def score_histogram(
    histogram: pd.DataFrame, tolerance: int, heading: str, width: int = theme.WIDTH, height: int = 260
) -> alt.LayerChart:
    """
    Show how many networks get an image right, beside two extremes (figures 2 and 17).

    Parameters
    ----------
    histogram : DataFrame
        One row a score: score, images, share, binomial, two_spikes (from `analysis.difficulty.score_histogram`).
    tolerance : int
        Number of dissenting networks up to which an image counts as trivial or impossible.
    heading : str
        What is seen.
    width, height : int, optional
        Of the plot, in pixels.

    Returns
    -------
    alt.LayerChart
        Bars in the colours of the three classes, a line for the binomial expectation and hollow bars for the
        distribution with two spikes.
    """
    networks = int(histogram["score"].max())
    score = histogram["score"]
    kinds = np.select([score >= networks - tolerance, score <= tolerance], ["trivial", "impossible"], "in-between")
    frame = histogram.assign(kind=kinds)
    bars, expected = _bars(frame, networks, width), _expected(histogram)
    subtitle = f"M = {networks} networks, {frame['images'].sum():,} images, tolerance {tolerance}"
    chart = alt.layer(bars, *expected).properties(width=width, height=height, view=theme.NO_FRAME)
    shares = frame.groupby("kind")["share"].sum()
    text = ", ".join(f"{kind} {shares.get(kind, 0):.1%}" for kind in theme.CLASS_COLOURS)
    return theme.finish(chart, theme.title(heading, subtitle), f"Histogram, {subtitle}: {heading}. Shares: {text}.")


def _bars(frame: pd.DataFrame, networks: int, width: int) -> alt.Chart:
    """Draw the share of images at every score, coloured by class."""
    step = -(-networks // (width // 40))
    ticks = [*range(0, networks - step + 1, step), networks]
    names = f"datum.value == 0 ? 'none' : datum.value == {networks} ? 'all' : datum.label"
    colours = alt.Scale(domain=list(theme.CLASS_COLOURS), range=list(theme.CLASS_COLOURS.values()))
    present = [kind for kind in theme.CLASS_COLOURS if (frame["kind"] == kind).any()]
    return (
        alt.Chart(frame)
        .mark_bar()
        .encode(
            x=alt.X(
                "score:O",
                title="networks that are right",
                axis=alt.Axis(values=ticks, labelAngle=0, labelExpr=names, **theme.QUIET),
            ),
            y=alt.Y("share:Q", title="share of images", axis=alt.Axis(format="~%", **theme.QUIET)),
            color=alt.Color("kind:N", scale=colours, legend=alt.Legend(title=None, orient="top", values=present)),
            tooltip=[
                alt.Tooltip("score:O", title="networks right"),
                alt.Tooltip("images:Q", format=","),
                alt.Tooltip("share:Q", format=".2%"),
                alt.Tooltip("kind:N", title="class"),
                alt.Tooltip("binomial:Q", format=".2%"),
                alt.Tooltip("two_spikes:Q", title="two spikes", format=".2%"),
            ],
        )
    )


def _expected(histogram: pd.DataFrame) -> list[alt.Chart]:
    """Draw the two extremes: a line for the binomial distribution, outlines for the two spikes."""
    long = pd.concat(
        [histogram.assign(extreme=name, share=histogram[column]) for name, (column, _) in EXPECTED.items()]
    )
    scale = alt.Scale(domain=list(EXPECTED), range=[colour for _, colour in EXPECTED.values()])
    legend = alt.Legend(title="for comparison", orient="bottom", labelLimit=420, columns=1, symbolType="stroke")
    base = alt.Chart(long).encode(x="score:O", y="share:Q", stroke=alt.Stroke("extreme:N", scale=scale, legend=legend))
    line, spikes = EXPECTED
    halo = (
        alt.Chart(histogram).mark_line(strokeWidth=5, stroke="white", opacity=0.6).encode(x="score:O", y="binomial:Q")
    )
    return [
        base.transform_filter(alt.datum.extreme == spikes).mark_bar(fill=None, strokeWidth=1.6, strokeDash=[4, 3]),
        halo,
        base.transform_filter(alt.datum.extreme == line).mark_line(strokeWidth=2.2),
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


def gallery(images: np.ndarray, captions: Sequence[str], columns: int = 6) -> HTML:
    """
    Show small images with their captions, such as the pairs of figures 13 and 14.

    Parameters
    ----------
    images : (n, height, width, 3) uint8
        Row by row.
    captions : sequence of str
        One an image; also the text for those who cannot see it.
    columns : int, optional
        Images in a row.

    Returns
    -------
    HTML
        A grid of figures with their pixels embedded, enlarged without smoothing.
    """
    figures = "".join(
        f'<figure style="margin:0"><img src="data:image/png;base64,{_png(image)}" alt="{html.escape(caption)}" '
        'style="width:100%;image-rendering:pixelated;display:block">'
        f'<figcaption style="font-size:.8em;line-height:1.3">{html.escape(caption)}</figcaption></figure>'
        for image, caption in zip(images, captions, strict=True)
    )
    grid = f"display:grid;grid-template-columns:repeat({columns},minmax(0,7em));gap:.8em"
    return HTML(f'<div class="gallery" style="{grid}">{figures}</div>')


def _png(image: np.ndarray) -> str:
    """Encode one image, in shades of grey when it has no colour."""
    grey = (image == image[..., :1]).all()
    buffer = io.BytesIO()
    Image.fromarray(image[..., 0] if grey else image).save(buffer, "png", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode("ascii")
