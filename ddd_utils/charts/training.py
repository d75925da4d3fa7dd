"""Charts of learning: image by image and epoch by epoch, and what changes from one epoch to the next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from .forms import NO_FRAME, WIDTH, bundle, by_kind, curve, finish, framed, quiet, share_axis, tell, title
from .names_and_colours import ACCENT, CLASS_COLOURS, MUTED, NOTE, SECOND, network_names, range_in_words, with_names

BLUES = ["#08306B", "#3F86C1", "#F1F6FB"]  # from wrong to right, as in the paper
REDS = ["#67000D", "#DB4B3B", "#FDF1EC"]
ROWS = 4600  # at most so many cells (bin of images, epoch) and epochs in a chart
STRIP = 72  # px, height of the strip
GAP = 14  # px between what is told under the strip and the heat map
POINTED = "pointed"  # parameter: the epoch that is told
KINDS = {  # where a changed decision went, in words, with its colour; not the colours of the three classes of images
    "wrong_to_right": ("wrong to right", "#2A9D8F"),
    "right_to_wrong": ("right to wrong", "#9B5DA5"),
    "wrong_to_wrong": ("wrong to another wrong", "#A0A0A0"),
}

ARRIVAL = alt.X("epoch:Q", title="epoch of arrival", axis=quiet(tickMinStep=1))
CHANGED = alt.Y("changed:Q", title="decisions that change", axis=quiet(format="%"))


@dataclass(frozen=True)
class Strip:
    """What the strip over a heat map shows."""

    epochs: pd.DataFrame  # one row an epoch: epoch, and what is known about it
    lines: Mapping[str, tuple[str, str]]  # columns of shares that are drawn as lines: name, colour
    told: str  # expression of Vega that puts a row into words


def decision_map(correct: np.ndarray, steps: Sequence[int], heading: str) -> alt.VConcatChart:
    """
    Show which images one network gets right in which epoch (figure 4), from (epochs, images) bool.

    Images that are right in more epochs are further up; epoch 0, before training, does not count for this order.
    """
    order = np.argsort(-correct[1:].mean(axis=0), kind="stable")
    now, before = correct[1:], correct[:-1]
    learned, lost = (np.r_[np.nan, swapped.sum(axis=1)] for swapped in (now & ~before, before & ~now))
    epochs = pd.DataFrame({"accuracy": correct.mean(axis=1), "learned": learned, "lost": lost})
    told = (
        "datum.epoch == 0 ? ', before training: accuracy ' + format(datum.accuracy, '.1%') : ': accuracy ' "
        "+ format(datum.accuracy, '.1%') + '; ' + format(datum.learned, ',') + ' images learned; ' "
        "+ format(datum.lost, ',') + ' lost since epoch ' + (datum.epoch - 1)"
    )
    strip = Strip(_numbered(epochs), {"accuracy": ("accuracy", ACCENT)}, told)
    share = correct[:, order].astype(float)
    return _heat_map(share, strip, steps, heading, BLUES, "images of the bin that are right")


def overlay_map(correct: np.ndarray, steps: Sequence[int], heading: str) -> alt.VConcatChart:
    """
    Show what share of the networks is right in which epoch (figure 5), from (networks, epochs, images) bool.

    Images that more networks get right in the last epoch are further up.
    """
    share = correct.mean(axis=0)
    order = np.argsort(-share[-1], kind="stable")
    alike = {"all_right": correct.all(axis=0).mean(axis=1), "all_wrong": (~correct).all(axis=0).mean(axis=1)}
    epochs = pd.DataFrame({"accuracy": share.mean(axis=1), **alike})
    told = (
        "': mean accuracy ' + format(datum.accuracy, '.1%') + '; all networks right on ' "
        "+ format(datum.all_right, '.1%') + ' of the images; all wrong on ' + format(datum.all_wrong, '.1%')"
    )
    lines = {
        "accuracy": ("mean accuracy", ACCENT),
        "all_right": ("all networks right", CLASS_COLOURS["trivial"]),
        "all_wrong": ("all networks wrong", CLASS_COLOURS["impossible"]),
    }
    strip = Strip(_numbered(epochs), lines, told)
    return _heat_map(share[:, order], strip, steps, heading, REDS, "networks that are right")


def _numbered(epochs: pd.DataFrame) -> pd.DataFrame:
    return epochs.round(5).rename_axis("epoch").reset_index()


def _heat_map(
    share: np.ndarray, strip: Strip, steps: Sequence[int], heading: str, colours: list[str], meaning: str
) -> alt.VConcatChart:
    """Draw (epochs, images) in bins of neighbouring images, dark where wrong, under a strip that tells about epochs."""
    epochs, images = share.shape
    bins = min(100, images, max(1, ROWS // epochs - 1))
    edges = np.linspace(0, images, bins + 1).astype(int)
    means = np.add.reduceat(share, edges[:-1], axis=1) / np.diff(edges)
    column = alt.Chart(strip.epochs).transform_filter({"param": POINTED})
    parts = [
        alt.layer(*_strip(strip, column), *_decays(steps, "learning rate / 10")).properties(height=STRIP),
        alt.layer(_cells(means, edges, colours, meaning), *_decays(steps), *_outline(column)).properties(
            height=alt.Step(max(4, 400 // bins))
        ),
    ]
    # The strip is as wide as the heat map: both have a band of equal width for each epoch.
    width = max(5, WIDTH // epochs) * epochs
    parts = [part.properties(width=width, view=NO_FRAME) for part in parts]
    chart = alt.vconcat(*parts, spacing=GAP).resolve_scale(color="independent")
    views = [part.layer[0].name for part in chart.vconcat]  # those for the pointer; Altair has numbered the names
    chart = chart.properties(params=[_pointed(epochs - 1, views)])
    text = (
        f"Heat map of {images:,} images in {bins} bins over {epochs - 1} epochs of training, easiest images above: "
        f"{heading}. In the last epoch {means[-1, : bins // 10 + 1].mean():.0%} right in the upper tenth of the bins, "
        f"{means[-1, -(bins // 10) - 1 :].mean():.0%} in the lower tenth. {_in_words(strip)}"
    )
    subtitle = f"{images:,} images in {bins} bins, easiest above; point at an epoch to read its numbers"
    return finish(chart, title(heading, subtitle), text)


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


def _cells(means: np.ndarray, edges: np.ndarray, colours: list[str], meaning: str) -> alt.Chart:
    """Draw one rectangle for each epoch and bin, from their means (epochs, bins) and the first images of the bins."""
    epochs, bins = means.shape
    cell = {"epoch": np.repeat(np.arange(epochs), bins), "bin": np.tile(np.arange(bins), epochs)}
    frame = pd.DataFrame({**cell, "share": means.ravel()})
    frame = frame.assign(first=edges[frame["bin"]] + 1, last=edges[frame["bin"] + 1])
    edge: dict[str, Any] = {"domain": False, "ticks": False, "labelPadding": 6}
    epoch = alt.Axis(values=list(range(0, epochs, max(1, round(epochs / 10)))), labelAngle=0, **edge)
    percent = f"datum.value == {bins - 1} ? '100%' : format(datum.value / {bins}, '.0%')"
    quarters = alt.Axis(values=[min(bins - 1, bins * part // 4) for part in range(5)], labelExpr=percent, **edge)
    scale = alt.Scale(range=colours, interpolate="lab", domain=[0, 0.5, 1])
    legend = alt.Legend(type="gradient", title=meaning, format="%", values=[0, 0.5, 1], orient="bottom", titleLimit=300)
    tips = {"epoch": "", "first": (",", "image, from"), "last": (",", "to"), "share": (".1%", meaning)}
    return (
        alt.Chart(frame, name="map")
        .mark_rect(width={"band": 1.02})
        .encode(
            x=alt.X("epoch:O", axis=epoch),
            y=alt.Y("bin:O", title="share of images, easiest first", axis=quarters),
            color=alt.Color("share:Q", scale=scale, legend=legend),
            tooltip=tell(tips),
        )
    )


def _strip(strip: Strip, column: alt.Chart) -> list[alt.Chart]:
    """Draw the lines of the strip, the epoch under the pointer upon them, and below what is told about it."""
    names = {column: name for column, (name, _) in strip.lines.items()}
    x, y = alt.X("epoch:O", axis=None), share_axis("share")
    y = y.title(None).axis(quiet(format="%", values=[0, 0.5, 1]))
    colour = by_kind(dict(strip.lines.values()), "line", symbolType="stroke")

    def long(chart: alt.Chart) -> alt.Chart:
        folded = chart.transform_fold(list(strip.lines), as_=["column", "share"]).transform_calculate(
            line=f"{names}[datum.column]"
        )
        return folded.encode(x=x, y=y, color=colour)

    touch = alt.Chart(strip.epochs, name="strip").mark_rect(opacity=0).encode(x=x, y=alt.value(0), y2=alt.value(STRIP))
    told = f"'Epoch ' + datum.epoch + ({strip.told})"
    words = column.transform_calculate(told=told).mark_text(align="left", baseline="top", fontSize=12, fontWeight=500)
    return [
        touch,
        long(alt.Chart(strip.epochs)).mark_line(strokeWidth=2),
        column.mark_rule(strokeWidth=1, color=NOTE).encode(x=x),
        long(column).mark_point(filled=True, size=50, opacity=1),
        words.encode(x=alt.value(0), y=alt.value(STRIP + 9), text="told:N"),
    ]


def _outline(column: alt.Chart) -> list[alt.Chart]:
    """Mark a column of the heat map: a dark line upon a light one is seen on every colour."""
    edges: dict[str, Any] = {"fillOpacity": 0, "strokeOpacity": 1, "width": {"band": 1}}
    box = column.encode(x="epoch:O", y=alt.value(0), y2=alt.value("height"))
    return [box.mark_rect(stroke="white", strokeWidth=3, **edges), box.mark_rect(stroke="#222222", **edges)]


def _decays(steps: Sequence[int], text: str | None = None) -> list[alt.Chart]:
    """Mark where the learning rate falls: between the last epoch with the old rate and the first with the new."""
    if not len(steps):
        return []
    lines = [text, *["/ 10"] * (len(steps) - 1)]  # the first in full: on a phone the next one is near
    base = alt.Chart(pd.DataFrame({"epoch": list(steps), "words": lines}))
    x = alt.X("epoch:O", bandPosition=1)
    dashed: dict[str, Any] = {"strokeDash": [5, 3], "strokeWidth": 1.5}
    if text:
        words = base.mark_text(color=NOTE, fontSize=11, baseline="bottom", dy=-4)
        return [base.mark_rule(color=MUTED, **dashed).encode(x=x), words.encode(x=x, y=alt.value(0), text="words:N")]
    under = base.mark_rule(color="white", strokeWidth=3)
    return [under.encode(x=x), base.mark_rule(color="#222222", **dashed).encode(x=x)]


def swap_curves(changes: pd.DataFrame, networks: pd.DataFrame, steps: Sequence[int], heading: str) -> alt.LayerChart:
    """Show the share of predicted classes that change (`dynamics.swaps`), network by network (figure 12)."""
    named = with_names(networks.reset_index(drop=True)).assign(label=network_names(networks))[["name", "label"]]
    frame = changes[["network", "epoch", "changed"]].join(named, on="network")
    mean = frame.groupby("epoch", as_index=False)[["changed"]].mean()
    told = {"name": ("", "condition"), "label": ("", "network"), "epoch": "", "changed": (".1%", "changed")}
    thin, touch = bundle(frame, frame, ARRIVAL, CHANGED, "label", told)
    thick = curve(mean, ARRIVAL, CHANGED, {"epoch": "", "changed": (".1%", "changed, mean")}, strokeWidth=3)
    chart = framed(thin, *thick, touch, *_steps(steps), height=260)
    first, last = mean["changed"].iloc[[0, -1]]
    text = f"Lines of the share of decisions that change in each epoch: mean {first:.0%} at first, {last:.1%} at last."
    subtitle = f"{len(named)} networks (grey) and their mean (green); dashed: learning rate divided by ten"
    return finish(chart, title(heading, subtitle), text)


def swap_comparison(changes: pd.DataFrame, series: str, steps: Sequence[int], heading: str) -> alt.LayerChart:
    """
    Compare the share of predicted classes that change between two ways to evaluate the same network.

    ``changes`` has one row a transition (`dynamics.swaps`), and the column ``series`` that tells the two apart.
    """
    table = changes[["epoch", "changed", series]]
    colours = by_kind(
        dict(zip(table[series].unique().tolist(), (ACCENT, SECOND), strict=False)), series, labelLimit=400
    )
    told = {series: "", "epoch": "", "changed": ".1%"}
    lines = curve(table, ARRIVAL, CHANGED, told, colours, strokeWidth=2.5)
    chart = framed(*lines, *_steps(steps), height=220)
    last = changes[changes["epoch"] == changes["epoch"].max()].set_index(series)["changed"]
    text = f"Lines of the share of decisions that change in each epoch; at the last one {range_in_words(last)}."
    return finish(chart, title(heading, "dashed: learning rate divided by ten"), text)


def swap_bars(changes: pd.DataFrame, heading: str) -> alt.LayerChart:
    """Show where changing decisions go (`dynamics.swaps`), beside the accuracy gained by it (diamonds)."""
    means = changes.groupby("epoch", as_index=False)[[*KINDS, "accuracy_gain"]].mean()
    long = means.melt(["epoch", "accuracy_gain"], list(KINDS), "kind", "share")
    long = long.assign(place=long["kind"].map(list(KINDS).index), kind=[KINDS[kind][0] for kind in long["kind"]])
    scale = alt.Scale(domain=[min(0, means["accuracy_gain"].min()), means[list(KINDS)].sum(axis=1).max()], nice=False)
    x = alt.X("epoch:O", title="epoch of arrival", axis=quiet(labelAngle=0, labelOverlap=True))
    y = alt.Y("share:Q", title="share of images", scale=scale, axis=quiet(format="%"))
    told = tell({"epoch": "", "kind": "", "share": ".2%"})
    bars = (
        alt.Chart(long).mark_bar().encode(x=x, y=y, color=by_kind(dict(KINDS.values())), order="place:O", tooltip=told)
    )
    gain = alt.Chart(means.assign(shown="accuracy gained"))
    gain = gain.mark_point(shape="diamond", size=80, strokeWidth=1.5, stroke="#222222", opacity=1).encode(
        x=x,
        y="accuracy_gain:Q",
        fill=by_kind({"accuracy gained": "white"}, "shown", channel=alt.Fill),
        tooltip=tell({"epoch": "", "accuracy_gain": ("+.2%", "accuracy gained")}),
    )
    last = means.iloc[-1]
    text = ", ".join(f"{last[kind]:.1%} {words}" for kind, (words, _) in KINDS.items())
    gained = round(last["accuracy_gain"], 4) + 0.0  # no "-0.00%"
    text = f"Stacked bars an epoch: {heading}. At the last epoch {text}; accuracy gained {gained:+.2%}."
    return finish(framed(bars, gain, height=260), title(heading, "mean over networks"), text)


def _steps(steps: Sequence[int]) -> list[alt.Chart]:
    """Mark where the learning rate falls on an axis of epochs that is continuous."""
    frame = pd.DataFrame({"epoch": [step + 0.5 for step in steps]})
    return [alt.Chart(frame).mark_rule(strokeDash=[5, 3], color=MUTED).encode(x="epoch:Q")] if len(steps) else []
