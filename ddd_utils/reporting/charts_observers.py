"""Charts of observers' single trials: accuracy over the experiment, and times of right and wrong answers."""

import altair as alt
import pandas as pd

from . import charts_theme as theme
from .charts_human import CHANCE, SIMULATED, who


def learning(blocks: pd.DataFrame, everyone: str, heading: str, simulated: bool = False) -> alt.LayerChart:
    """
    Show accuracy over the blocks of the experiment.

    Parameters
    ----------
    blocks : DataFrame
        From `analysis.observer_trials.learning`.
    everyone : str
        The name in it that stands for all observers together.
    heading : str
        What is seen.
    simulated : bool
        Whether no person answered; the chart then says so.

    Returns
    -------
    alt.LayerChart
        A thin line an observer, everyone's with intervals, and a line at chance.
    """
    x = alt.X("block:O", title="block of trials", axis=alt.Axis(labelAngle=0, **theme.QUIET))
    y = alt.Y(type="quantitative", title="accuracy (with Wilson's 95 % interval)", scale=alt.Scale(domain=[0, 1]))
    y = y.axis(format="%", **theme.QUIET)
    tooltip = [alt.Tooltip("observer:N"), alt.Tooltip("correct:Q"), alt.Tooltip("trials:Q")]
    tooltip += [alt.Tooltip(f"{share}:Q", format=".1%") for share in ("accuracy", "lower", "upper")]
    together = blocks["observer"] == everyone
    each = alt.Chart(blocks[~together]).mark_line(color=theme.MUTED, strokeWidth=1, opacity=0.7)
    each = each.encode(x=x, y=y.field("accuracy"), detail="observer:N", tooltip=tooltip)
    base = alt.Chart(blocks[together]).encode(x=x)
    limits = base.mark_rule(color=theme.ACCENT, strokeWidth=2).encode(y=y.field("lower"), y2="upper:Q")
    line = base.mark_line(color=theme.ACCENT).encode(y=y.field("accuracy"))
    dots = base.mark_point(filled=True, size=80, opacity=1, color=theme.ACCENT)
    dots = dots.encode(y=y.field("accuracy"), tooltip=tooltip)
    chance = alt.Chart().mark_rule(color=theme.SECOND, strokeDash=[5, 4]).encode(y=alt.datum(CHANCE))
    chart = alt.layer(each, limits, line, dots, chance, data=blocks).properties(width=theme.WIDTH, height=220)
    shares = ", ".join(f"{share:.1%}" for share in blocks.loc[together, "accuracy"])
    text = f"{who(simulated)}: accuracy of {everyone} by blocks {shares}; chance is {CHANCE:.0%}. Thin: each observer."
    return theme.finish(chart, _title(heading, simulated), text)


def response_times(times: pd.DataFrame, heading: str, simulated: bool = False) -> alt.LayerChart:
    """
    Show how long right and wrong answers took.

    Parameters
    ----------
    times : DataFrame
        From `analysis.observer_trials.response_times`.
    heading : str
        What is seen.
    simulated : bool
        Whether no person answered; the chart then says so.

    Returns
    -------
    alt.LayerChart
        Medians with their intervals, two rows an observer, on a logarithmic axis.
    """
    shown = times.assign(**{name: times[name].clip(lower=1) / 1000 for name in ("median", "lower", "upper")})
    answers = ["right", "wrong"]
    legend = alt.Legend(title="answer", orient="top")
    colour = alt.Color("answer:N", legend=legend).scale(domain=answers, range=[theme.ACCENT, theme.SECOND])
    shape = alt.Shape("answer:N", legend=legend).scale(domain=answers, range=["circle", "diamond"])
    y = alt.Y("observer:N", title=None, sort=None, axis=alt.Axis(labelLimit=180, **theme.QUIET))
    x = alt.X(type="quantitative", title="median response time (s, with 95 % interval)", axis=alt.Axis(**theme.QUIET))
    x = x.scale(type="log", nice=True)
    tooltip = [alt.Tooltip("observer:N"), alt.Tooltip("answer:N"), alt.Tooltip("trials:Q")]
    tooltip += [alt.Tooltip(f"{name}:Q", title=f"{name} (s)", format=".2f") for name in ("median", "lower", "upper")]
    base = alt.Chart(shown).encode(y=y, yOffset=alt.YOffset("answer:N", sort=answers), color=colour)
    limits = base.transform_filter("isValid(datum.lower)").mark_rule(strokeWidth=2)
    limits = limits.encode(x=x.field("lower"), x2="upper:Q")
    dots = base.mark_point(filled=True, size=80, opacity=1).encode(x=x.field("median"), shape=shape, tooltip=tooltip)
    chart = alt.layer(limits, dots).properties(width=theme.WIDTH, height=alt.Step(18))
    medians = shown.groupby("answer")["median"].median()
    text = "; ".join(f"{answer} answers: {median:.2f} s" for answer, median in medians.items())
    text = f"{who(simulated)}: median response time of the middle observer, {text}."
    return theme.finish(chart, _title(heading, simulated), text)


def _title(heading: str, simulated: bool) -> alt.Title:
    return theme.title(heading, SIMULATED if simulated else None)
