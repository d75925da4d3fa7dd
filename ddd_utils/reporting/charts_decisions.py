"""Heat maps of decisions, image by image and epoch by epoch, under a strip that tells about each epoch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import altair as alt
import numpy as np
import pandas as pd

from . import charts_theme as theme

BLUES = ["#08306B", "#3F86C1", "#F1F6FB"]  # from wrong to right, as in the paper
REDS = ["#67000D", "#DB4B3B", "#FDF1EC"]
ROWS = 4600  # at most so many cells (bin of images, epoch) and epochs in a chart
STRIP = 72  # px, height of the strip
GAP = 14  # px between what is told under the strip and the heat map
POINTED = "pointed"  # parameter: the epoch that is told


@dataclass(frozen=True)
class Strip:
    """
    What the strip over a heat map shows.

    Attributes
    ----------
    epochs : DataFrame
        One row an epoch: epoch, and what is known about it.
    lines : mapping of column to (name, colour)
        Shares that are drawn as lines.
    told : str
        Expression of Vega that puts a row into words.
    """

    epochs: pd.DataFrame
    lines: Mapping[str, tuple[str, str]]
    told: str


def decisions(correct: np.ndarray, steps: Sequence[int], heading: str) -> alt.VConcatChart:
    """
    Show which images one network gets right in which epoch (figure 4).

    Parameters
    ----------
    correct : (epochs, images) bool
        Epoch 0 is before training.
    steps : sequence of int
        Epochs after which the learning rate was divided by ten.
    heading : str
        What is seen.

    Returns
    -------
    alt.VConcatChart
        The accuracy of each epoch; below it bins of images by epochs. Images that are right in more epochs are further
        up; epoch 0 does not count for this order. The column under the pointer is marked, and how many images were
        learned and lost since the epoch before is told.
    """
    order = np.argsort(-correct[1:].mean(axis=0), kind="stable")
    now, before = correct[1:], correct[:-1]
    learned, lost = (np.r_[np.nan, swapped.sum(axis=1)] for swapped in (now & ~before, before & ~now))
    epochs = pd.DataFrame({"accuracy": correct.mean(axis=1), "learned": learned, "lost": lost})
    told = (
        "datum.epoch == 0 ? ', before training: accuracy ' + format(datum.accuracy, '.1%') : ': accuracy ' "
        "+ format(datum.accuracy, '.1%') + '; ' + format(datum.learned, ',') + ' images learned and ' "
        "+ format(datum.lost, ',') + ' lost since epoch ' + (datum.epoch - 1)"
    )
    strip = Strip(_numbered(epochs), {"accuracy": ("accuracy", theme.ACCENT)}, told)
    share = correct[:, order].astype(float)
    return _heat_map(share, strip, steps, heading, BLUES, "images of the bin that are right")


def overlay(correct: np.ndarray, steps: Sequence[int], heading: str) -> alt.VConcatChart:
    """
    Show all networks at once: what share of them is right, image by image and epoch by epoch (figure 5).

    Parameters
    ----------
    correct : (networks, epochs, images) bool
        Epoch 0 is before training.
    steps : sequence of int
        Epochs after which the learning rate was divided by ten.
    heading : str
        What is seen.

    Returns
    -------
    alt.VConcatChart
        The mean accuracy of each epoch and the shares of images on which all networks agree; below them bins of images
        by epochs. Images that more networks get right in the last epoch are further up. The column under the pointer is
        marked, and its shares are told.
    """
    share = correct.mean(axis=0)
    order = np.argsort(-share[-1], kind="stable")
    alike = {"all_right": correct.all(axis=0).mean(axis=1), "all_wrong": (~correct).all(axis=0).mean(axis=1)}
    epochs = pd.DataFrame({"accuracy": share.mean(axis=1), **alike})
    told = (
        "': mean accuracy ' + format(datum.accuracy, '.1%') + '; all networks right on ' "
        "+ format(datum.all_right, '.1%') + ' of the images, all wrong on ' + format(datum.all_wrong, '.1%')"
    )
    lines = {
        "accuracy": ("mean accuracy", theme.ACCENT),
        "all_right": ("all networks right", theme.CLASS_COLOURS["trivial"]),
        "all_wrong": ("all networks wrong", theme.CLASS_COLOURS["impossible"]),
    }
    strip = Strip(_numbered(epochs), lines, told)
    return _heat_map(share[:, order], strip, steps, heading, REDS, "networks that are right")


def _numbered(epochs: pd.DataFrame) -> pd.DataFrame:
    return epochs.round(5).rename_axis("epoch").reset_index()


def _heat_map(
    share: np.ndarray, strip: Strip, steps: Sequence[int], heading: str, colours: list[str], meaning: str
) -> alt.VConcatChart:
    """Average (epochs, images) over bins of neighbouring images and draw the cells, dark where wrong."""
    epochs, images = share.shape
    bins = min(100, images, max(1, ROWS // epochs - 1))
    edges = np.linspace(0, images, bins + 1).astype(int)
    means = np.add.reduceat(share, edges[:-1], axis=1) / np.diff(edges)
    frame = pd.DataFrame(
        {"epoch": np.repeat(np.arange(epochs), bins), "bin": np.tile(np.arange(bins), epochs), "share": means.ravel()}
    )
    frame = frame.assign(first=edges[frame["bin"]] + 1, last=edges[frame["bin"] + 1])
    column = alt.Chart(strip.epochs).transform_filter({"param": POINTED})
    cells = _cells(frame, epochs, bins, colours, meaning)
    parts = [
        alt.layer(*_curves(strip, column), *_step_marks(steps, "learning rate / 10")).properties(height=STRIP),
        alt.layer(cells, *_step_marks(steps), *_outline(column)).properties(height=alt.Step(max(4, 400 // bins))),
    ]
    # The strip is as wide as the heat map: both have a band of equal width for each epoch.
    width = alt.Step(max(5, theme.WIDTH // epochs))
    parts = [part.properties(width=width, view=theme.NO_FRAME) for part in parts]
    chart = alt.vconcat(*parts, spacing=GAP).resolve_scale(color="independent")
    views = [part.layer[0].name for part in chart.vconcat]  # those for the pointer; Altair has numbered the names
    chart = chart.properties(params=[_pointed(epochs - 1, views)])
    text = (
        f"Heat map of {images:,} images in {bins} bins over {epochs - 1} epochs of training, easiest images above: "
        f"{heading}. In the last epoch {means[-1, : bins // 10 + 1].mean():.0%} right in the upper tenth of the bins, "
        f"{means[-1, -(bins // 10) - 1 :].mean():.0%} in the lower tenth. {_in_words(strip)}"
    )
    subtitle = f"{images:,} images in {bins} bins, easiest above; point at an epoch to read its numbers"
    return theme.finish(chart, theme.title(heading, subtitle), text)


def _pointed(last: int, views: list[str]) -> alt.TopLevelSelectionParameter:
    """Select the last epoch, until the pointer is over another one, which then stays: a finger leaves no pointer."""
    select = {
        "type": "point",
        "fields": ["epoch"],
        # A label of an axis has no epoch. (Where Vega interprets expressions, a filter of events knows no datum.)
        "on": "pointerover[event.item && event.item.datum && isValid(event.item.datum.epoch)]",
        "clear": False,
        "toggle": False,
    }
    return alt.TopLevelSelectionParameter(name=POINTED, select=select, value=[{"epoch": last}], views=views)


def _in_words(strip: Strip) -> str:
    first, last = strip.epochs.iloc[0], strip.epochs.iloc[-1]
    lines = [f"{name} {first[column]:.1%} and {last[column]:.1%}" for column, (name, _) in strip.lines.items()]
    return f"Before training and at the end: {', '.join(lines)}."


def _cells(frame: pd.DataFrame, epochs: int, bins: int, colours: list[str], meaning: str) -> alt.Chart:
    """Draw one rectangle a bin and epoch."""
    ticks = list(range(0, epochs, max(1, round(epochs / 10))))
    quarters = [min(bins - 1, bins * part // 4) for part in range(5)]
    percent = f"datum.value == {bins - 1} ? '100%' : format(datum.value / {bins}, '.0%')"
    scale = alt.Scale(range=colours, interpolate="lab", domain=[0, 0.5, 1])
    legend = alt.Legend(type="gradient", title=meaning, format="%", values=[0, 0.5, 1], orient="bottom", titleLimit=300)
    return (
        alt.Chart(frame, name="map")
        .mark_rect(width={"band": 1.02})
        .encode(
            x=alt.X("epoch:O", axis=alt.Axis(values=ticks, labelAngle=0, domain=False, ticks=False, labelPadding=6)),
            y=alt.Y(
                "bin:O",
                title="share of images, easiest first",
                axis=alt.Axis(values=quarters, labelExpr=percent, domain=False, ticks=False, labelPadding=6),
            ),
            color=alt.Color("share:Q", scale=scale, legend=legend),
            tooltip=[
                alt.Tooltip("epoch:O"),
                alt.Tooltip("first:Q", title="image, from", format=","),
                alt.Tooltip("last:Q", title="to", format=","),
                alt.Tooltip("share:Q", title=meaning, format=".1%"),
            ],
        )
    )


def _curves(strip: Strip, column: alt.Chart) -> list[alt.Chart]:
    """Draw the lines of the strip, the epoch under the pointer upon them, and below what is told about it."""
    names, colours = zip(*strip.lines.values(), strict=True)
    rename = f"{dict(zip(strip.lines, names, strict=True))}[datum.column]"
    legend = alt.Legend(title=None, orient="right", symbolType="stroke")
    x, y = alt.X("epoch:O", axis=None), alt.Y("share:Q", title=None, scale=alt.Scale(domain=[0, 1]))
    y = y.axis(format="%", values=[0, 0.5, 1], **theme.QUIET)
    colour = alt.Color("line:N", scale=alt.Scale(domain=names, range=colours), legend=legend)

    def long(chart: alt.Chart) -> alt.Chart:
        folded = chart.transform_fold(list(strip.lines), as_=["column", "share"]).transform_calculate(line=rename)
        return folded.encode(x=x, y=y, color=colour)

    touch = alt.Chart(strip.epochs, name="strip").mark_rect(opacity=0).encode(x=x, y=alt.value(0), y2=alt.value(STRIP))
    told = f"'Epoch ' + datum.epoch + ({strip.told})"
    words = column.transform_calculate(told=told).mark_text(align="left", baseline="top", fontSize=12, fontWeight=500)
    return [
        touch,
        long(alt.Chart(strip.epochs)).mark_line(strokeWidth=2),
        column.mark_rule(strokeWidth=1, color=theme.NOTE).encode(x=x),
        long(column).mark_point(filled=True, size=50, opacity=1),
        words.encode(x=alt.value(0), y=alt.value(STRIP + 9), text="told:N"),
    ]


def _outline(column: alt.Chart) -> list[alt.Chart]:
    """Mark a column of the heat map: a dark line upon a light one is seen on every colour."""
    edges = {"fillOpacity": 0, "strokeOpacity": 1, "width": {"band": 1}}
    box = column.encode(x="epoch:O", y=alt.value(0), y2=alt.value("height"))
    return [box.mark_rect(stroke="white", strokeWidth=3, **edges), box.mark_rect(stroke="#222222", **edges)]


def _step_marks(steps: Sequence[int], text: str | None = None) -> list[alt.Chart]:
    """Mark where the learning rate falls: between the last epoch with the old rate and the first with the new."""
    if not len(steps):
        return []
    frame = pd.DataFrame({"epoch": list(steps)})
    x = alt.X("epoch:O", bandPosition=1)
    if text:
        words = alt.Chart(frame).mark_text(color=theme.NOTE, fontSize=11, baseline="bottom", dy=-4, text=text)
        rule = alt.Chart(frame).mark_rule(color=theme.MUTED, strokeDash=[5, 3], strokeWidth=1.5).encode(x=x)
        return [rule, words.encode(x=x, y=alt.value(0))]
    under = alt.Chart(frame).mark_rule(color="white", strokeWidth=3).encode(x=x)
    return [under, alt.Chart(frame).mark_rule(color="#222222", strokeDash=[5, 3], strokeWidth=1.5).encode(x=x)]
