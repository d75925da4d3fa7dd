"""Charts of learning: what changes from epoch to epoch."""

from collections.abc import Sequence

import altair as alt
import pandas as pd

from . import charts_theme as theme

KINDS = {  # where a changed decision went, in words, with its colour; not the colours of the three classes of images
    "wrong_to_right": ("wrong to right", "#2A9D8F"),
    "right_to_wrong": ("right to wrong", "#9B5DA5"),
    "wrong_to_wrong": ("wrong to another wrong", "#A0A0A0"),
}


def swaps(changes: pd.DataFrame, networks: pd.DataFrame, steps: Sequence[int], heading: str) -> alt.LayerChart:
    """
    Show the share of images whose predicted class changes from epoch to epoch, network by network (figure 12).

    Parameters
    ----------
    changes : DataFrame
        One row a network and transition: network (row of `networks`), epoch (of arrival), changed (share of images).
    networks : DataFrame
        One row a network: condition, network.
    steps : sequence of int
        Epochs after which the learning rate was divided by ten.
    heading : str
        What is seen.

    Returns
    -------
    alt.LayerChart
        A thin line a network, a thick one for their mean; a network under the pointer is drawn in front.
    """
    named = theme.with_names(networks.reset_index(drop=True))[["name", "network"]].rename(columns={"network": "label"})
    frame = changes[["network", "epoch", "changed"]].join(named, on="network")
    mean = frame.groupby("epoch", as_index=False)["changed"].mean()
    near = alt.selection_point(fields=["label"], on="pointerover", nearest=True, empty=False)
    x = alt.X("epoch:Q", title="epoch of arrival", axis=alt.Axis(tickMinStep=1, **theme.QUIET))
    y = alt.Y("changed:Q", title="decisions that change", axis=alt.Axis(format="%", **theme.QUIET))
    base = alt.Chart(frame).encode(x=x, y=y, detail="label:N")
    thin = base.mark_line().encode(
        color=alt.condition(near, alt.value(theme.SECOND), alt.value(theme.MUTED)),
        opacity=alt.condition(near, alt.value(1), alt.value(0.5)),
        strokeWidth=alt.condition(near, alt.value(2.5), alt.value(1.2)),
    )
    tooltip = [
        alt.Tooltip("name:N", title="condition"),
        alt.Tooltip("label:N", title="network"),
        alt.Tooltip("epoch:Q"),
    ]
    touch = base.mark_point(opacity=0, size=60).add_params(near)
    touch = touch.encode(tooltip=[*tooltip, alt.Tooltip("changed:Q", title="changed", format=".1%")])
    thick = alt.Chart(mean).mark_line(color=theme.ACCENT, strokeWidth=3, point=True).encode(x=x, y=y)
    chart = alt.layer(thin, thick, touch, *_step_rules(steps)).properties(
        width=theme.WIDTH, height=260, view=theme.NO_FRAME
    )
    first, last = mean["changed"].iloc[[0, -1]]
    text = f"Lines of the share of decisions that change in each epoch: mean {first:.0%} at first, {last:.1%} at last."
    subtitle = f"{len(named)} networks (grey) and their mean (blue); dashed: learning rate divided by ten"
    return theme.finish(chart, theme.title(heading, subtitle), text)


def _step_rules(steps: Sequence[int]) -> list[alt.Chart]:
    """Mark the learning-rate steps on an axis of epochs that is continuous."""
    frame = pd.DataFrame({"epoch": [step + 0.5 for step in steps]})
    return [alt.Chart(frame).mark_rule(strokeDash=[5, 3], color=theme.MUTED).encode(x="epoch:Q")] if len(steps) else []


def compare_swaps(changes: pd.DataFrame, series: str, steps: Sequence[int], heading: str) -> alt.LayerChart:
    """
    Compare the share of images whose predicted class changes between a few ways to evaluate the same network.

    Parameters
    ----------
    changes : DataFrame
        One row a transition: epoch (of arrival), changed (share of images), and the column named by ``series``.
    series : str
        Column that tells the (two) lines apart.
    steps : sequence of int
        Epochs after which the learning rate was divided by ten.
    heading : str
        What is seen.

    Returns
    -------
    alt.LayerChart
        One line a value of ``series``.
    """
    names = changes[series].unique().tolist()
    line = (
        alt.Chart(changes[["epoch", "changed", series]])
        .mark_line(point=True, strokeWidth=2.5)
        .encode(
            x=alt.X("epoch:Q", title="epoch of arrival", axis=alt.Axis(tickMinStep=1, **theme.QUIET)),
            y=alt.Y("changed:Q", title="decisions that change", axis=alt.Axis(format="%", **theme.QUIET)),
            color=alt.Color(
                f"{series}:N",
                scale=alt.Scale(domain=names, range=[theme.ACCENT, theme.SECOND]),
                legend=alt.Legend(title=None, orient="top", labelLimit=400),
            ),
            tooltip=[f"{series}:N", "epoch:Q", alt.Tooltip("changed:Q", title="changed", format=".1%")],
        )
    )
    chart = alt.layer(line, *_step_rules(steps)).properties(width=theme.WIDTH, height=220, view=theme.NO_FRAME)
    last = changes[changes["epoch"] == changes["epoch"].max()].set_index(series)["changed"]
    text = f"Lines of the share of decisions that change in each epoch; at the last one {theme.extremes(last)}."
    return theme.finish(chart, theme.title(heading, "dashed: learning rate divided by ten"), text)


def swap_kinds(changes: pd.DataFrame, heading: str) -> alt.LayerChart:
    """
    Show where changing decisions go, beside the accuracy that is gained by it.

    Parameters
    ----------
    changes : DataFrame
        One row a network and transition: epoch (of arrival), right_to_wrong, wrong_to_right, wrong_to_wrong,
        accuracy_gain (shares of images). Drawn is the mean over networks.
    heading : str
        What is seen.

    Returns
    -------
    alt.LayerChart
        Stacked bars for the changes, a diamond for the accuracy gained.
    """
    means = changes.groupby("epoch", as_index=False)[[*KINDS, "accuracy_gain"]].mean()
    long = means.melt(["epoch", "accuracy_gain"], list(KINDS), "kind", "share")
    long = long.assign(place=long["kind"].map(list(KINDS).index), kind=[KINDS[kind][0] for kind in long["kind"]])
    names, colours = zip(*KINDS.values(), strict=True)
    scale = alt.Scale(domain=[min(0, means["accuracy_gain"].min()), means[list(KINDS)].sum(axis=1).max()], nice=False)
    x = alt.X("epoch:O", title="epoch of arrival", axis=alt.Axis(labelAngle=0, labelOverlap=True, **theme.QUIET))
    bars = (
        alt.Chart(long)
        .mark_bar()
        .encode(
            x=x,
            y=alt.Y("share:Q", title="share of images", scale=scale, axis=alt.Axis(format="%", **theme.QUIET)),
            color=alt.Color(
                "kind:N",
                scale=alt.Scale(domain=names, range=colours),
                legend=alt.Legend(title=None, orient="top"),
            ),
            order="place:O",
            tooltip=["epoch:O", "kind:N", alt.Tooltip("share:Q", format=".2%")],
        )
    )
    gain = (
        alt.Chart(means.assign(shown="accuracy gained"))
        .mark_point(shape="diamond", size=80, strokeWidth=1.5, stroke="#222222", opacity=1)
        .encode(
            x=x,
            y="accuracy_gain:Q",
            fill=alt.Fill("shown:N", scale=alt.Scale(range=["white"]), legend=alt.Legend(title=None, orient="top")),
            tooltip=["epoch:O", alt.Tooltip("accuracy_gain:Q", title="accuracy gained", format="+.2%")],
        )
    )
    chart = alt.layer(bars, gain).properties(width=theme.WIDTH, height=260, view=theme.NO_FRAME)
    last = means.iloc[-1]
    text = ", ".join(f"{last[kind]:.1%} {words}" for kind, (words, _) in KINDS.items())
    gained = round(last["accuracy_gain"], 4) + 0.0  # no "-0.00%"
    text = f"Stacked bars an epoch: {heading}. At the last epoch {text}; accuracy gained {gained:+.2%}."
    return theme.finish(chart, theme.title(heading, "mean over networks"), text)
