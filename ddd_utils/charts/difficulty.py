"""Charts of the difficulty of images and classes, and of what a choice of images by difficulty does."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from .forms import (
    PICKED,
    STROKE,
    WIDTH,
    by_kind,
    classes_of,
    curve,
    dot_rows,
    dots,
    finish,
    framed,
    looks,
    quiet,
    share_axis,
    tell,
    title,
)
from .names_and_colours import ACCENT, CLASS_COLOURS, MUTED, SERIES, condition_name, minus, range_in_words

BINOMIAL = "binomial: independent networks, images equally difficult"
SPIKES = "two spikes: only trivial and impossible images"
LINES = [(SERIES[0], [1, 0]), (SERIES[2], [1, 0]), (SERIES[4], [6, 3]), (SERIES[3], [2, 2])]  # binomial, models: dashes
COLUMNS = {"trivial": "trivial", "in_between": "in-between", "impossible": "impossible"}  # column: class
SUBSETS, ALLOWED = "subsets drawn (mean, 95% of them)", "what the selection allows (Fleiss' kappa)"
MOST_MARKS = 5_000  # that Altair takes
PANEL = 300  # px, so that two fit the column with their axes
FULL, HALF = (WIDTH, 260), (280, 220)  # px, width and height of a plot alone, and of one of two
PAPER = "the paper's eleven models, ImageNet"


def score_bars(
    histogram: pd.DataFrame,
    tolerance: int,
    heading: str,
    models: Mapping[str, np.ndarray] | None = None,
    paper: Sequence[float] = (),
    size: tuple[int, int] = FULL,
) -> alt.LayerChart:
    """
    Show how many networks get an image right (`difficulty.score_histogram`; figures 2 and 17).

    Bars have the colours of the three classes. There is a line for the binomial expectation and for each of at most
    three ``models`` (probability of every score), and hollow bars for the distribution with two spikes. ``paper`` are
    its shares: diamonds, where they are of as many networks. Tooltips count images, the expected ones too.
    """
    networks, images = int(histogram["score"].max()), int(histogram["images"].sum())
    score = histogram["score"]
    kinds = classes_of(score, networks, tolerance)
    lines = {BINOMIAL: histogram["binomial"].to_numpy(), **(models or {})}
    expected = pd.DataFrame({f"expected{i}": np.asarray(line) * images for i, line in enumerate(lines.values())})
    frame = histogram.drop(columns=["binomial", "two_spikes"]).assign(kind=kinds, **expected)
    x, y = _scores(networks, size[0]), alt.Y("share:Q", title="share of images", axis=quiet(format="~%"))
    present = [kind for kind in CLASS_COLOURS if kind in kinds]
    bars = alt.Chart(frame).mark_bar().encode(x=x, y=y, color=by_kind(shown=present))
    drawn = [layer.encode(x=x, y=y) for layer in _expectations(histogram, lines)]
    drawn += _papers(paper, x) if len(paper) == networks + 1 else []
    width, height = size
    chart = framed(bars, *drawn, _columns(frame, list(lines)).encode(x=x), width=width, height=height)
    subtitle = f"tolerance {tolerance}"
    shares = frame.groupby("kind")["share"].sum()
    text = ", ".join(f"{kind} {shares.get(kind, 0):.1%}" for kind in CLASS_COLOURS)
    described = f"Histogram, {networks} networks, {images:,} images, {subtitle}: {heading}. Shares: {text}."
    return finish(chart, title(heading, subtitle), described)


def _papers(shares: Sequence[float], x: alt.X) -> list[alt.LayerChart]:
    """Mark the paper's shares."""
    table = pd.DataFrame({"score": range(len(shares)), "share": shares, "kind": "paper"})
    return [dots(table, "share", alt.Y(), x, {"kind": ("", PAPER), "share": ".1%"}, look=looks(["paper"]))]


def _columns(frame: pd.DataFrame, lines: Sequence[str]) -> alt.Chart:
    """Lay an unseen column over every bar, so that low ones are hit too; the one in ``picked`` is shaded."""
    tips = {"score": ("", "networks right"), "images": ",", "share": ".1%", "kind": ("", "class")}
    models = {f"expected{i}": (",.0f", f"expected, {name.partition(':')[0]}") for i, name in enumerate(lines)}
    shade = alt.condition(f"datum.score === {PICKED}", alt.value(0.3), alt.value(0))
    columns = alt.Chart(frame).mark_bar(color=MUTED).encode(y=alt.value(0), y2=alt.value("height"), opacity=shade)
    return columns.encode(tooltip=tell(tips | models)).add_params(alt.param(name=PICKED, value=None))


def _scores(networks: int, width: int) -> alt.X:
    """Place the scores from none to all, with as many of them named as there is room for."""
    step = -(-networks // (width // 40))
    ticks = [*range(0, networks - step + 1, step), networks]
    names = f"datum.value == 0 ? 'none' : datum.value == {networks} ? 'all' : datum.label"
    axis = quiet(values=ticks, labelAngle=0, labelExpr=names)
    return alt.X("score:O", title="networks that are right", axis=axis)


def _expectations(histogram: pd.DataFrame, lines: Mapping[str, np.ndarray]) -> list[alt.Chart]:
    """Draw what the bars are compared with: lines for the models, outlines for the two spikes."""
    curves = {**lines, SPIKES: histogram["two_spikes"].to_numpy()}
    parts = [
        pd.DataFrame({"score": histogram["score"], "share": share, "extreme": name}) for name, share in curves.items()
    ]
    colours, dashes = zip(*LINES[: len(lines)], (MUTED, [4, 3]), strict=True)
    legend: dict[str, Any] = {"title": "for comparison", "orient": "bottom", "labelLimit": 420, "columns": 1, **STROKE}
    looks = {alt.Stroke: colours, alt.StrokeDash: dashes}
    base = alt.Chart(pd.concat(parts)).encode(
        *(by_kind(dict(zip(curves, look, strict=True)), "extreme", channel=c, **legend) for c, look in looks.items())
    )
    drawn = base.transform_filter(alt.datum.extreme != SPIKES)
    return [
        base.transform_filter(alt.datum.extreme == SPIKES).mark_bar(fill=None, strokeWidth=1.6),
        drawn.mark_line(strokeWidth=4, opacity=0.5).encode(stroke=alt.value("white"), detail="extreme:N"),  # a halo
        drawn.mark_line(strokeWidth=2.2),
    ]


def class_accuracy_dots(classes: pd.DataFrame, heading: str, size: tuple[int, int] = FULL) -> alt.LayerChart:
    """Show the accuracy of every class (`difficulty.class_accuracy`), the easiest first (figure 15)."""
    frame = classes.sort_values("accuracy", ascending=False, kind="stable")
    rank = np.arange(1, len(frame) + 1)
    names = frame.get("name", frame["label"]).astype(str)
    frame = frame.assign(rank=rank, place=(rank - 0.5) / len(frame), name=names)
    x = alt.X("place:Q", title="classes, easiest first", scale=alt.Scale(domain=[0, 1]), axis=quiet(format="%"))
    tips = {"name": ("", "class"), "rank": "", "accuracy": ".1%", "images": (",", "test images")}
    look = {"size": alt.value(max(18, min(90, 2400 // len(frame))))}
    chart = dots(frame, "accuracy", share_axis("accuracy"), x, tips, look=look)
    chart = chart.properties(width=size[0], height=size[1])
    text = range_in_words(zip(frame["name"], frame["accuracy"], strict=True))
    description = f"Accuracy of {len(frame)} classes in falling order, {text}."
    return finish(chart, title(heading, f"{len(frame)} classes"), description)


def subset_size_curves(table: pd.DataFrame, heading: str) -> alt.HConcatChart:
    """
    Show what the number of networks does to the three classes and to in-between kappa (`nulls.subset_curve`).

    Shares are on the left. On the right, kappa with its quantiles is in front of what the selection allows.
    """
    scale = alt.Scale(domain=[table["models"].min(), table["models"].max()], nice=False)
    x = alt.X("models:Q", title="networks (M)", scale=scale, axis=quiet(tickMinStep=1))
    long = table.rename(columns=COLUMNS).melt("models", list(COLUMNS.values()), "kind", "share")
    tips = {"models": ("", "networks"), "kind": ("", "class"), "share": ".1%"}
    left = framed(*curve(long, x, share_axis("share", "share of images"), tips, by_kind()), width=PANEL)
    chart = alt.hconcat(left, _in_between_kappa(table, x), spacing=30).resolve_scale(color="independent")
    text = " ".join(
        f"With {row['models']:.0f} networks {row['trivial']:.1%} of the images are trivial, {row['impossible']:.1%} "
        f"impossible, and kappa on the others is {row['kappa_in_between']:z.2f}.".replace("nan", "undefined")
        for _, row in table.iloc[[0, -1]].iterrows()
    )
    return finish(chart, title(heading), f"Two panels of curves against the number of networks. {minus(text)}")


def _in_between_kappa(table: pd.DataFrame, x: alt.X) -> alt.LayerChart:
    """Draw in-between kappa with its quantiles, and behind them what selection alone allows."""
    bounds = {ALLOWED: ["band_lower", "band_upper"], SUBSETS: ["lower", "upper"]}
    parts = [table[["models", *pair]].set_axis(["models", "low", "high"], axis=1) for pair in bounds.values()]
    long = pd.concat([part.assign(kind=kind) for kind, part in zip(bounds, parts, strict=True)])
    limits = table[["band_lower", "band_upper", "lower", "upper"]].to_numpy(float)
    scale = alt.Scale(domain=[np.nanmin(limits, initial=0), np.nanmax(limits, initial=0)], nice=True)
    y = alt.Y(type="quantitative", title="in-between kappa", axis=quiet(), scale=scale)
    colours = by_kind({SUBSETS: ACCENT, ALLOWED: MUTED}, columns=1, labelLimit=PANEL, symbolType="square")
    bands = alt.Chart(long).mark_area(opacity=0.3).encode(x=x, y=y.field("low"), y2="high:Q", color=colours)
    tips = {"models": ("", "networks"), "kappa_in_between": (".3f", "kappa")}
    tips |= {"lower": (".3f", "lower quantile"), "upper": (".3f", "upper quantile")}
    tips |= {"band_lower": (".3f", "least that selection allows"), "band_upper": (".3f", "most that selection allows")}
    return framed(bands, *curve(table, x, y.field("kappa_in_between"), tips), width=PANEL)


def label_error_dots(table: pd.DataFrame, heading: str) -> alt.LayerChart:
    """Show how many images have a wrong label, by the number of networks right (`wrong_answers.error_rates`)."""
    scale = alt.Scale(padding=8, nice=False)
    x = alt.X("score:Q", title="networks that are right", scale=scale, axis=quiet(tickMinStep=1))
    scale = alt.Scale(domain=[0, float(table["upper"].max())], nice=True)
    y = alt.Y(title="share with a label error", scale=scale, axis=quiet(format="~%"))
    tips = {"score": ("", "networks right"), "rate": ".1%", "lower": ".1%", "upper": ".1%", "images": ","}
    chart = dots(table, "rate", y, x, tips, look={"size": alt.value(50)}).properties(width=WIDTH, height=240)
    text = range_in_words({f"{row.score} right": row.rate for row in table.itertuples()})
    return finish(chart, title(heading), f"{heading}: share of images with a label error by score, {text}.")


def label_error_rows(table: pd.DataFrame, heading: str) -> alt.LayerChart:
    """Show how many images have a wrong label in groups of images (`wrong_answers.error_rates`)."""
    axis = "share of images with a label error (with Wilson's 95% interval)"
    named = {"observed": table.rename(columns={"group": "name"})}
    scale, tips = alt.Scale(domainMin=0), {"images": ","}
    return dot_rows(named, "rate", axis, title(heading), scale, ".1%", row="group", tips=tips)


def corruption_dots(means: pd.DataFrame, models: pd.DataFrame, heading: str) -> alt.LayerChart:
    """Show mean accuracy by corruption and severity (`difficulty.mean_accuracy_by`); ticks: each model."""
    parts, shown = {"observed": means}, len(means) + len(models) <= MOST_MARKS
    parts |= {"single network": models.assign(network=models["network"].map(condition_name))} if shown else {}
    named = {kind: part.assign(name=corrupted(part)) for kind, part in parts.items()}
    axis, tips = "accuracy (share of images, with Wilson's 95% interval)", {"images": ","}
    note = "" if shown else "too many models for a tick each: the table has them"
    return dot_rows(
        named, "accuracy", axis, title(heading, note), alt.Scale(domain=[0, 1]), ".1%", row="corruption", tips=tips
    )


def corrupted(table: pd.DataFrame) -> pd.Series:
    """Name the corruption and the severity of each row: "motion blur, severity 3"."""
    return table["corruption"].str.replace("_", " ") + ", severity " + table["severity"].astype(str)
