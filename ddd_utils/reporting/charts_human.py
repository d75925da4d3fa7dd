"""Charts of the psychophysical experiment: how accurate people are, and how much they agree."""

import altair as alt
import pandas as pd

from . import charts_theme as theme

CHANCE = 0.5
SIMULATED = "SIMULATED observers: no person answered"


def observer_accuracies(observers: pd.DataFrame, heading: str, simulated: bool = False) -> alt.LayerChart:
    """
    Show how often each observer picked the impossible image, against guessing.

    Parameters
    ----------
    observers : DataFrame
        One row an observer: observer, trials, correct, accuracy, lower, upper (Wilson's interval), p_value.
    heading : str
        What is seen.
    simulated : bool
        Whether no person answered; the chart then says so.

    Returns
    -------
    alt.LayerChart
        A dot with its interval for each observer, and a line at chance.
    """
    y = alt.Y("observer:N", title=None, sort=None, axis=alt.Axis(labelLimit=180, **theme.QUIET))
    x = alt.X(
        type="quantitative",
        title="accuracy (share of trials, with Wilson's 95 % interval)",
        scale=alt.Scale(domain=[min(0.4, observers["lower"].min()), 1]),
        axis=alt.Axis(format="%", **theme.QUIET),
    )
    tooltip = [
        alt.Tooltip("observer:N"),
        alt.Tooltip("correct:Q"),
        alt.Tooltip("trials:Q"),
        *(alt.Tooltip(f"{share}:Q", format=".1%") for share in ("accuracy", "lower", "upper")),
        alt.Tooltip("p_value:Q", title="p-value, one-sided", format=".2g"),
    ]
    base = alt.Chart(observers)
    intervals = base.mark_rule(color=theme.ACCENT, strokeWidth=2).encode(x=x.field("lower"), x2="upper:Q", y=y)
    # Hollow diamonds, so that a simulated observer is not taken for a person even where the heading is cut off.
    dots = base.mark_point(
        filled=not simulated, size=90, opacity=1, color=theme.ACCENT, shape="diamond" if simulated else "circle"
    ).encode(x=x.field("accuracy"), y=y, tooltip=tooltip)
    chance = alt.Chart().mark_rule(color=theme.SECOND, strokeDash=[5, 4]).encode(x=alt.datum(CHANCE))
    chart = alt.layer(intervals, dots, chance, data=observers)
    chart = chart.properties(width=theme.WIDTH, height=alt.Step(26))
    text = (
        f"{who(simulated)}: accuracy of {len(observers)} observers from {observers['accuracy'].min():.1%} to "
        f"{observers['accuracy'].max():.1%}, mean {observers['accuracy'].mean():.1%}; chance is {CHANCE:.0%}."
    )
    return theme.finish(chart, theme.title(heading, _warning(simulated)), text)


def observer_agreement(pairs: pd.DataFrame, heading: str, simulated: bool = False) -> alt.LayerChart:
    """
    Show how consistently each two observers err.

    Parameters
    ----------
    pairs : DataFrame
        One row a pair: observer_a, observer_b, shared_trials, kappa (NaN where undefined), lower, upper (95 %).
    heading : str
        What is seen.
    simulated : bool
        Whether no person answered; the chart then says so.

    Returns
    -------
    alt.LayerChart
        A triangle of coloured cells with their numbers.
    """
    shown = pairs.assign(text=[f"{kappa:.2f}" if pd.notna(kappa) else "undefined" for kappa in pairs["kappa"]])
    shown["interval"] = [_limits(lower, upper) for lower, upper in zip(pairs["lower"], pairs["upper"], strict=True)]
    names = list(dict.fromkeys([*pairs["observer_a"], *pairs["observer_b"]]))
    cell = max(24, min(56, theme.WIDTH // len(names)))
    axis = alt.Axis(domain=False, ticks=False, labelAngle=0, labelLimit=cell * 2, labelOverlap=True)
    encoding = {
        "x": alt.X("observer_a:N", title=None, sort=names, axis=axis),
        "y": alt.Y("observer_b:N", title=None, sort=names, axis=alt.Axis(domain=False, ticks=False, labelLimit=180)),
        "tooltip": [
            alt.Tooltip("observer_a:N", title="observer"),
            alt.Tooltip("observer_b:N", title="and"),
            alt.Tooltip("text:N", title="kappa"),
            alt.Tooltip("interval:N", title="95 % interval"),
            alt.Tooltip("shared_trials:Q", title="trials shared"),
        ],
    }
    colour = alt.Color(
        "kappa:Q",
        scale=alt.Scale(scheme="blues", domain=[0, 1], clamp=True),
        legend=alt.Legend(title="kappa", orient="right"),
    )
    base = alt.Chart(shown)
    cells = base.mark_rect(strokeWidth=1, stroke=theme.MUTED).encode(color=colour, **encoding)
    dark = alt.condition("datum.kappa > 0.55", alt.value("#FFFFFF"), alt.value("#08306B"))
    unfilled = (
        base.transform_filter("!isValid(datum.kappa)").mark_text(color=theme.MUTED).encode(text="text:N", **encoding)
    )
    numbers = base.transform_filter("isValid(datum.kappa)").mark_text().encode(text="text:N", color=dark, **encoding)
    chart = alt.layer(cells, numbers, unfilled).properties(
        width=alt.Step(cell), height=alt.Step(min(cell, 40)), view=theme.NO_FRAME
    )
    known = pairs["kappa"].dropna()
    span = f"from {known.min():.2f} to {known.max():.2f}, mean {known.mean():.2f}" if len(known) else "all undefined"
    text = f"{who(simulated)}: error consistency of {len(pairs)} pairs of observers, {span}."
    return theme.finish(chart, theme.title(heading, _warning(simulated)), text)


def _limits(lower: float, upper: float) -> str:
    return f"{lower:.2f} to {upper:.2f}" if pd.notna(lower) else "undefined"


def who(simulated: bool) -> str:
    """Name those who answered, for a chart's description."""
    return SIMULATED if simulated else "People"


def _warning(simulated: bool) -> str | None:
    return SIMULATED if simulated else None
