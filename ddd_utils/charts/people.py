"""Charts of people: how accurate observers are, how much they agree, and what networks have in common with them."""

from collections.abc import Mapping
from typing import Any

import altair as alt
import pandas as pd

from .forms import (
    BOUND,
    KAPPA,
    LABELS,
    POOLED,
    TICKS,
    WIDTH,
    bundle,
    by_kind,
    classes_of,
    curve,
    dot_rows,
    dots,
    finish,
    framed,
    looks,
    quiet,
    reference,
    row_width,
    share_axis,
    tell,
    title,
    under,
)
from .matrix import INTERVAL, cell_size, cells, fewer, kappa_shades, offered, undefined
from .names_and_colours import CLASS_COLOURS, NOTE, bracketed, condition_name, range_in_words
from .order import arrangement

CHANCE = 0.5
AT_CHANCE = {"observer": "chance", "accuracy": CHANCE}
SIMULATED = "SIMULATED observers: no person answered"
SHARE = "share of people who give the label"
IN_CLASS_COLOURS = {
    name: by_kind(column="difficulty", shown=False, channel=channel)
    for name, channel in {"fill": alt.Fill, "stroke": alt.Stroke}.items()
}
TRIALS = {"observer": "", "correct": "", "trials": "", "accuracy": ".1%", "lower": ".1%", "upper": ".1%"}


def observer_dots(observers: pd.DataFrame, heading: str, simulated: bool = False) -> alt.LayerChart:
    """Show how often each observer picked the impossible image (`observer_trials.accuracy`), against guessing."""
    axis = quiet(format="%", labelFlush=False, tickCount=TICKS)
    scale = alt.Scale(domain=[min(0.4, observers["lower"].min()), 1])
    x = alt.X(title="accuracy (share of trials, with Wilson's 95% interval)", scale=scale, axis=axis)
    tips = TRIALS | {"p_value": (".2g", "p-value, one-sided")}
    look = looks(["simulated" if simulated else "person"])
    chart = dots(observers, "accuracy", x, _observers(), tips, look=look, line=AT_CHANCE)
    text = (
        f"{_who(simulated)}: accuracy of {len(observers)} observers from {observers['accuracy'].min():.1%} to "
        f"{observers['accuracy'].max():.1%}, mean {observers['accuracy'].mean():.1%}; chance is {CHANCE:.0%}."
    )
    return finish(chart.properties(width=WIDTH, height=alt.Step(26)), _title(heading, simulated), text)


def observer_matrix(pairs: pd.DataFrame, heading: str, simulated: bool = False) -> alt.LayerChart:
    """Show how consistently each two observers err (`observer_trials.observer_consistency`)."""
    half = pairs.rename(columns={"observer_a": "a", "observer_b": "b"})
    frame = pd.concat([half, half.rename(columns={"a": "b", "b": "a"})])
    frame = frame.assign(interval=bracketed(frame["kappa"], frame["lower"], frame["upper"]))
    names = list(dict.fromkeys(frame["a"]))
    square = frame.pivot(index="a", columns="b", values="kappa").reindex(index=names, columns=names)
    arranged = arrangement(square.to_numpy(), names, "name")
    shown = arranged.orders[arranged.first]
    frame, cell = frame[frame["a"].isin(shown) & frame["b"].isin(shown)], cell_size(shown)
    tips = INTERVAL | {"shared_trials": ("", "trials shared")}
    chart = cells(frame, "kappa", kappa_shades(frame, ["kappa"], cell), cell, tips)
    why = "no trials shared, or an observer who is always right or always wrong"
    notes = [SIMULATED] * simulated + fewer(arranged, names, "observers") + undefined(frame["kappa"], why)
    known = pairs["kappa"].dropna()
    span = f"from {known.min():.2f} to {known.max():.2f}, mean {known.mean():.2f}" if len(known) else "all undefined"
    text = f"{_who(simulated)}: error consistency of {len(pairs)} pairs of observers, {span}."
    return finish(offered(chart, arranged), title(heading, notes), text)


def block_curves(blocks: pd.DataFrame, everyone: str, heading: str, simulated: bool = False) -> alt.LayerChart:
    """Show accuracy over blocks of trials (`observer_trials.learning`), of each observer and of all together."""
    x = alt.X("block:O", title="block of trials", axis=quiet(labelAngle=0))
    y = share_axis("accuracy", "accuracy (with Wilson's 95% interval)")
    together = blocks["observer"] == everyone
    thin, touch = bundle(blocks[~together], blocks, x, y, "observer", TRIALS)
    line, _ = curve(blocks[together], x, y, TRIALS)
    chart = framed(
        thin, reference(AT_CHANCE, y), line, dots(blocks[together], "accuracy", y, x, TRIALS), touch, height=220
    )
    shares = ", ".join(f"{share:.1%}" for share in blocks.loc[together, "accuracy"])
    text = f"{_who(simulated)}: accuracy of {everyone} by blocks {shares}; chance is {CHANCE:.0%}. Thin: each observer."
    return finish(chart, _title(heading, simulated), text)


def response_time_dots(times: pd.DataFrame, heading: str, simulated: bool = False) -> alt.LayerChart:
    """Show how long right and wrong answers took (`observer_trials.response_times`)."""
    shown = times.assign(**{name: times[name] / 1000 for name in ("median", "lower", "upper")})
    x = alt.X(title="median response time (s, with 95% interval)", scale=alt.Scale(zero=True, nice=True), axis=quiet())
    tips: dict[str, Any] = {"observer": "", "answer": "", "trials": ""}
    tips |= {name: (".2f", f"{name} (s)") for name in ("median", "lower", "upper")}
    answers = ["right", "wrong"]
    look = looks(answers, "answer", "answer") | {"yOffset": alt.YOffset("answer:N", sort=answers)}
    same = {channel: look[channel] for channel in ("stroke", "yOffset")}
    chart = dots(shown, "median", x, _observers(), tips, look=look, **same)
    medians = shown.groupby("answer")["median"].median()
    text = "; ".join(f"{answer} answers: {median:.2f} s" for answer, median in medians.items())
    text = f"{_who(simulated)}: median response time of the middle observer, {text}."
    return finish(chart.properties(width=WIDTH, height=alt.Step(18)), _title(heading, simulated), text)


def human_difficulty_dots(table: pd.DataFrame, heading: str) -> alt.FacetChart:
    """Show how many people give the label, by difficulty (`humans.share_by_difficulty`), a plot a tolerance."""
    y = alt.Y("difficulty:N", title=None, sort=list(CLASS_COLOURS), axis=quiet())
    x = alt.X(title=SHARE, scale=alt.Scale(zero=False, padding=12), axis=quiet(format=".0%", tickCount=5))
    panel = _by_difficulty(table, "share", x, y, ".1%").properties(width=240, height=alt.Step(36))
    named = alt.Header(labelExpr="'tolerance ' + datum.value")
    chart = panel.facet(column=alt.Column("tolerance:O", title=None, header=named))
    shares = [
        f"at tolerance {tolerance} "
        + ", ".join(f"{row.difficulty} {row.share:.1%} of {row.images:,} images" for row in part.itertuples())
        for tolerance, part in table.groupby("tolerance")
    ]
    return finish(chart, title(heading), f"{SHARE}, {under(heading)}: {'; '.join(shares)}.")


def human_score_dots(table: pd.DataFrame, networks: int, heading: str) -> alt.LayerChart:
    """Show how many people give the label to images that 0, 1, ... networks get right (`humans.share_by_score`)."""
    scale, axis = alt.Scale(domain=[-0.5, networks + 0.5], nice=False), quiet(tickMinStep=1, format="d")
    x = alt.X("score:Q", title=f"networks that are right, of {networks}", scale=scale, axis=axis)
    y = alt.Y(title=SHARE, scale=alt.Scale(zero=False, padding=12), axis=quiet(format=".0%"))
    tips = {"score": ("", "networks right"), "images": ",", "share": ".1%", "lower": ".1%", "upper": ".1%"}
    chart = dots(table, "share", y, x, tips).properties(width=WIDTH, height=260)
    ends = ", ".join(f"{row['share']:.1%} at {row['score']:.0f}" for _, row in table.iloc[[0, -1]].iterrows())
    text = f"{SHARE} against the number of networks that are right, {under(heading)}: {ends} of {networks}."
    return finish(chart, title(heading), text)


def majority_dots(table: pd.DataFrame, heading: str) -> alt.LayerChart:
    """Show how consistently most people and each network err (`humans.majority_consistency`); ticks: the bound."""
    table = table.assign(network=table["network"].map(condition_name))
    ranked = table.sort_values("accuracy", ascending=False)
    parts = {KAPPA: ranked.assign(at=ranked["kappa"]), BOUND: ranked.assign(at=ranked["kappa_max"])}
    span = [min(0, ranked["lower"].min()), max(ranked["kappa_max"].max(), ranked["upper"].max())]
    text = (
        f"Error consistency of the human majority with {len(table)} networks, {under(heading)}; "
        f"{range_in_words(zip(table['network'], table['kappa'], strict=True))}; the accuracies allow at most "
        f"{table['kappa_max'].min():.2f} to {table['kappa_max'].max():.2f}."
    )
    return dot_rows(
        parts,
        value="at",
        axis="error consistency (kappa)",
        heading=title(heading),
        scale=alt.Scale(domain=span, nice=True),
        row="network",
        names="network",
        tips={"at": None, "accuracy": ".1%", "kappa": ".3f", "kappa_max": (".3f", "largest possible")},
        description=text,
    )


def set_dots(table: pd.DataFrame, heading: str) -> alt.LayerChart:
    """Show how alike people err on each set (`deciders.overview`), beside what pooled conditions would have it."""
    parts = {KAPPA: table.assign(at=table["kappa"]), BOUND: table.assign(at=table["largest"])}
    parts[POOLED] = table[table["conditions"] > 1].assign(at=lambda rows: rows["pooled"])
    tips: dict[str, Any] = {
        "at": None,
        "people": "",
        "images": ",",
        "conditions": "",
        "accuracy": ".1%",
        "kappa": ".3f",
    }
    tips |= {"largest": (".3f", "largest possible"), "pooled": (".3f", POOLED)}
    scale, axis = alt.Scale(domain=[min(0, table["lower"].min()), 1]), "error consistency of two people (kappa)"
    return dot_rows(parts, "at", axis, title(heading), scale, row="set", names="set", tips=tips)


def score_rows(table: pd.DataFrame, heading: str) -> alt.LayerChart:
    """Show how many people get the images of each set right (`deciders.score_table`), a bar a set."""
    frame = table.melt("set", var_name="right", value_name="share").dropna().astype({"right": int})
    frame["people"] = frame.groupby("set")["right"].transform("max")
    frame["kind"] = classes_of(frame["right"], frame["people"])
    x = alt.X("share:Q", title="share of images", axis=quiet(format="%"), scale=alt.Scale(domain=[0, 1]))
    y = alt.Y("set:N", title=None, sort=table["set"].tolist(), axis=quiet(labelLimit=LABELS))
    tips = {"set": "", "right": ("", "people right"), "people": "", "share": ".1%"}
    bars = alt.Chart(frame).mark_bar(stroke=NOTE, strokeWidth=0.6)
    bars = bars.encode(x=x, y=y, color=by_kind(), order="right:O", tooltip=tell(tips))
    trivial = frame[frame["kind"] == "trivial"]
    text = range_in_words(zip(trivial["set"], trivial["share"], strict=True))
    chart = framed(bars, width=row_width(table["set"]), height=24 * len(table))
    return finish(chart, title(heading), f"{heading}: a bar a set. Share that all get right, {text}.")


def hardness_dots(table: pd.DataFrame, heading: str) -> alt.LayerChart:
    """Show how alike people err in each condition (`deciders.by_condition`, and the set) by how many are right."""
    x = alt.X("accuracy:Q", title="accuracy of people", scale=alt.Scale(domain=[0, 1]), axis=quiet(format="%"))
    y = alt.Y(title=KAPPA, axis=quiet())
    tips: dict[str, Any] = {"set": "", "condition": "", "images": ",", "accuracy": ".1%"}
    tips |= {"kappa": ".3f", "lower": ".3f", "upper": ".3f", "largest": (".3f", "largest possible")}
    chart = dots(table, "kappa", y, x, tips).properties(width=WIDTH, height=300)
    values = range_in_words(zip(table["set"] + ", " + table["condition"], table["kappa"], strict=True))
    text = f"{KAPPA} against the accuracy of people, {under(heading)}: {values}."
    return finish(chart, title(heading), text)


def answer_dots(table: pd.DataFrame, questions: Mapping[str, str], heading: str) -> alt.HConcatChart:
    """Show the mean answer to each question for each difficulty (`humans.means`), with a scale for each question."""
    x = alt.X("difficulty:N", title=None, sort=list(CLASS_COLOURS), axis=quiet(labelAngle=0))
    panels, texts = [], []
    for question, rows in table.groupby(table["question"].astype(str), sort=False):
        y = alt.Y(title=questions[question], scale=alt.Scale(zero=False, padding=12), axis=quiet())
        panels.append(_by_difficulty(rows, "answer", y, x, ".2f").properties(width=180, height=200))
        means = ", ".join(f"{row.difficulty} {row.answer:.2f}" for row in rows.itertuples())
        texts.append(f"{questions[question]}: {means}")
    chart = alt.hconcat(*panels, spacing=20)
    return finish(chart, title(heading), f"Mean answers, {under(heading)}. {'; '.join(texts)}.")


def _by_difficulty(
    table: pd.DataFrame, value: str, along: alt.X | alt.Y, across: alt.X | alt.Y, form: str
) -> alt.LayerChart:
    tips = {"difficulty": "", "images": ",", value: form, "lower": form, "upper": form}
    return dots(table, value, along, across, tips, look=IN_CLASS_COLOURS, stroke=IN_CLASS_COLOURS["stroke"])


def _observers() -> alt.Y:
    return alt.Y("observer:N", title=None, sort=None, axis=quiet(labelLimit=180))


def _who(simulated: bool) -> str:
    return SIMULATED if simulated else "People"


def _title(heading: str, simulated: bool) -> alt.Title:
    return title(heading, SIMULATED if simulated else None)
