"""Charts of what goes with failure: labels, factors, the models that they matter for, and classes."""

from typing import Any

import altair as alt
import pandas as pd

from .forms import LABELS, by_kind, dot_rows, finish, framed, quiet, row_width, tell, title
from .matrix import BLUE, RED, _from_clear
from .names_and_colours import ACCENT, MUTED, NOTE, SECOND, SERIES, condition_name, range_in_words

STATUS = {"label accepted": MUTED, "other label accepted": SECOND, "no acceptable label": SERIES[2]}
LISTED = "on the authors' list"
ROW = 17  # px of a model


def label_bars(table: pd.DataFrame, heading: str, listed: pd.DataFrame | None = None) -> alt.LayerChart:
    """
    Show what a second look says of the labels, by how many models are right (`wrong_answers.status_by_score`).

    ``listed`` counts the label errors of another list (`wrong_answers.error_rates`), as in the paper's figures 2a, 17a.
    """
    x = alt.X("score:O", title="models that are right", axis=quiet(labelAngle=0, labelOverlap="greedy"))
    y = alt.Y("images:Q", title="images", axis=quiet(format=",d", tickCount=6))
    colours = STATUS if listed is None else {**STATUS, LISTED: ACCENT}
    colour = by_kind(colours, "status", labelLimit=300)
    frame = table.assign(order=table["status"].map(list(STATUS)[::-1].index))
    tips = {"score": ("", "models right"), "status": ("", "label"), "images": ",", "share": (".1%", "of these images")}
    layers = [alt.Chart(frame).mark_bar().encode(x=x, y=y, color=colour, order="order:Q", tooltip=tell(tips))]
    none = table[table["score"] == table["score"].min()]
    text = ", ".join(f"{row.status} {row.images:,}" for row in none.itertuples())
    if listed is not None:
        ticks = (
            listed.drop(columns="images").rename(columns={"errors": "images", "rate": "share"}).assign(status=LISTED)
        )
        layers.append(alt.Chart(ticks).mark_tick(thickness=3).encode(x=x, y=y, color=colour, tooltip=tell(tips)))
        text += f", {LISTED} {listed['errors'].iloc[0]:,}"
    return finish(framed(*layers), title(heading), f"{heading}: stacked bars by score. No model right: {text}.")


def factor_forest(ratios: pd.DataFrame, accepted: pd.DataFrame | None, heading: str) -> alt.LayerChart:
    """
    Show how many times as often an image is impossible if a factor is marked (`factors.adjusted_ratios`).

    ``ratios`` are of one outcome, in the order of the rows; ``accepted`` the same among images whose label is accepted.
    """
    known = ratios.dropna(subset="ratio").rename(columns={"factor": "name"})
    parts = {"all labels": known}
    if accepted is not None:
        others = accepted.dropna(subset="ratio").rename(columns={"factor": "name"})
        parts["accepted labels only"] = others[others["name"].isin(known["name"])]
    axis = "adjusted risk ratio, with its 95% interval"
    tips = {"marked": (".1%", "images with the mark")}
    line = {"name": "no difference", "ratio": 1}
    return dot_rows(
        parts, "ratio", axis, title(heading), alt.Scale(domainMin=0), ".2f", row="factor", tips=tips, line=line
    )


def peer_matrix(table: pd.DataFrame, heading: str) -> alt.LayerChart:
    """
    Show on which factors each model errs more or less than its peers (`factors.against_peers`), in its order.

    Colours are differences in standard errors: by their ratios, factors of few images would stand out by chance.
    """
    known = table.dropna(subset="z")
    frame = known.assign(name=known["model"].map(condition_name), percent=known["ratio"] - 1)
    frame = frame[["name", "factor", "percent", "z", "expected"]].assign(marked=known["p_holm"] < 0.05).round(4)
    names, factors = frame["name"].unique().tolist(), frame["factor"].unique().tolist()
    strongest = max(3.0, float(frame["z"].abs().quantile(0.98)))
    axis: dict[str, Any] = {"labelLimit": LABELS, "domain": False, "ticks": False, "grid": False}
    x = alt.X("factor:N", title=None, sort=factors, axis=alt.Axis(labelAngle=-55, **axis))
    y = alt.Y("name:N", title=None, sort=names, axis=alt.Axis(**axis))
    meaning = "errors above or below expectation, in standard errors"
    legend = alt.Legend(title=meaning, orient="bottom", gradientLength=200, titleLimit=500)
    colour = alt.Color("z:Q", scale=_from_clear(BLUE, RED, strongest), legend=legend)
    tips = {"name": ("", "model"), "factor": "", "percent": ("+.1%", "errors, against peers")}
    tips |= {"z": ("+.1f", "in standard errors"), "expected": (",.0f", "errors expected")}
    base = alt.Chart(frame).encode(x=x, y=y, tooltip=tell(tips))
    dots = base.transform_filter("datum.marked").mark_point(color=NOTE, filled=True, size=12, opacity=1)
    chart = framed(base.mark_rect().encode(color=colour), dots, width=row_width(names), height=ROW * len(names))
    text = range_in_words({f"{row.name}, {row.factor}": row.z for row in frame.itertuples(index=False)})
    note = "dots: differ from their peers (p < 0.05, Holm-adjusted over all cells)"
    return finish(chart, title(heading, note), f"{heading}: heat map of models by factors, in standard errors, {text}.")


def class_rows(table: pd.DataFrame, heading: str) -> alt.LayerChart:
    """Show how often models are right on some classes (`classes.class_difficulty`): as counted, and shrunk."""
    axis = "images that a model gets right, shrunk towards the mean (with its 95% interval)"
    parts = {"observed": table.assign(accuracy=table["shrunk"]).drop(columns="shrunk")}
    tips = {"images": ",", "counted": ".1%"}
    parts["observed"]["counted"] = table["accuracy"]
    return dot_rows(parts, "accuracy", axis, title(heading), alt.Scale(domain=[0, 1]), ".1%", row="class", tips=tips)
