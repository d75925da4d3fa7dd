"""Pairs of networks, one dot each, linked to the networks they are made of."""

import altair as alt
import numpy as np
import pandas as pd

from . import charts_theme as theme

MOST = 98  # networks: 4,753 pairs
READABLE = 9  # px a column from which every network is named
WIDEST = 36  # px of a bar
BRUSH, POINTED = "brush", "pointed"  # parameters: the part of the plot that is marked, the network that is pointed at
HINT = "drag over dots to count them below, network by network; point at a bar to see the pairs of its network above"


def accuracy_against_kappa(pairs: pd.DataFrame, heading: str) -> alt.VConcatChart:
    """
    Show whether pairs of more accurate networks are more consistent, and whose pairs lie where.

    Parameters
    ----------
    pairs : DataFrame
        One row a pair: one, other (names), accuracy_one, accuracy_other (shares of images), kappa (NaN is left out),
        lower and upper (95 %), and largest (the highest kappa that the two accuracies allow).
    heading : str
        What is seen.

    Returns
    -------
    alt.VConcatChart
        A dot a pair, its mean accuracy against its kappa. Below, the most accurate network first, how many of each
        network's pairs are in the part of the plot that is marked with the pointer; without one all of them are. The
        pairs of the network that is pointed at are drawn in front.
    """
    networks = _networks(pairs)
    place = np.linspace(0, len(networks) - 1, min(MOST, len(networks))).round().astype(int)
    shown = networks.iloc[place]
    taken = pairs["one"].isin(shown["network"]) & pairs["other"].isin(shown["network"])
    known = pairs[taken].dropna(subset="kappa")
    frame = _rows(known)
    shown = shown.assign(pairs=shown["network"].map(frame[["a", "b"]].stack().value_counts()).fillna(0).astype(int))
    chart = alt.vconcat(_dots(frame), _counts(frame, shown), spacing=22)
    chart = chart.properties(params=_params(*(part.layer[0].name for part in chart.vconcat)))
    notes = [HINT, *_left_out(len(networks), len(shown), int(taken.sum()) - len(known))]
    return theme.finish(chart, theme.title(heading, notes), _description(known, heading))


def _networks(pairs: pd.DataFrame) -> pd.DataFrame:
    """List the networks, the most accurate first."""
    both = [
        pairs[[name, f"accuracy_{name}"]].set_axis(["network", "accuracy"], axis=1).round(4)
        for name in ("one", "other")
    ]
    found = pd.concat(both).drop_duplicates("network")
    return found.sort_values("accuracy", ascending=False, kind="stable", ignore_index=True)


def _rows(pairs: pd.DataFrame) -> pd.DataFrame:
    """Give each pair what its dot and its tooltip need."""
    one, other = pairs["accuracy_one"], pairs["accuracy_other"]
    columns = {
        "a": pairs["one"],
        "b": pairs["other"],
        "accuracy": (one + other) / 2,
        "difference": (one - other).abs(),
        "kappa": pairs["kappa"],
        "interval": theme.bracketed(pairs["kappa"], pairs["lower"], pairs["upper"]),
        "largest": pairs["largest"],
    }
    return pd.DataFrame(columns).round(4)


def _params(dots: str, counts: str) -> list[alt.TopLevelSelectionParameter | alt.Parameter]:
    """Let a part of the dots be marked, one of the bars be pointed at, and the page mark a pair."""
    edge = alt.BrushConfig(fill=theme.MUTED, fillOpacity=0.12, stroke=theme.MUTED, strokeOpacity=0.8)
    network = {
        "type": "point",
        "fields": ["network"],
        "on": "pointerover",
        "clear": "pointerout[event.pointerType !== 'touch']",  # a finger that is lifted leaves its choice
        "toggle": False,
    }
    return [
        alt.TopLevelSelectionParameter(
            name=BRUSH, select=alt.IntervalSelectionConfig(type="interval", mark=edge), views=[dots]
        ),
        alt.TopLevelSelectionParameter(name=POINTED, select=network, views=[counts]),
        alt.VariableParameter(name=theme.PICKED, value=None),
    ]


def _dots(frame: pd.DataFrame) -> alt.LayerChart:
    """Draw a dot a pair: grey where another part is marked, in front where one of its networks is pointed at."""
    x = alt.X("accuracy:Q", title="mean accuracy of the two", scale=_around(frame["accuracy"]))
    y = alt.Y("kappa:Q", title="error consistency (kappa)", scale=_around(frame["kappa"]))
    base = alt.Chart(frame).encode(
        x=x.axis(format="~%", **theme.QUIET),
        y=y.axis(**theme.QUIET),
        tooltip=[
            alt.Tooltip("a:N", title="one"),
            alt.Tooltip("b:N", title="other"),
            alt.Tooltip("accuracy:Q", title="mean accuracy", format=".1%"),
            alt.Tooltip("difference:Q", title="difference", format=".1%"),
            alt.Tooltip("interval:N", title="kappa [95 % interval]"),
            alt.Tooltip("largest:Q", title="largest kappa possible", format=".3f"),
        ],
    )
    inside = alt.ColorValue(theme.MUTED, condition={"param": BRUSH, "value": theme.ACCENT})
    strong = alt.OpacityValue(0.45, condition={"param": BRUSH, "value": 0.85})
    size = 40 if len(frame) <= 300 else 18
    every = base.mark_circle(size=size).encode(color=inside, opacity=strong).properties(name="dots")
    its = f"isArray({POINTED}.network) && ({POINTED}.network[0] === datum.a || {POINTED}.network[0] === datum.b)"
    front = base.transform_filter(its).mark_circle(size=2 * size, opacity=1, color=theme.SECOND)
    ring = base.transform_filter(theme.PICKED_PAIR).mark_point(size=5 * size, strokeWidth=2.5, color=theme.SECOND)
    return alt.layer(every, front, ring).properties(width=theme.WIDTH, height=300, view=theme.NO_FRAME)


def _around(values: pd.Series) -> alt.Scale:
    """Leave some room around values. Vega would look for the bounds of dots that are not drawn, too, and complain."""
    low, high = (values.min(), values.max()) if len(values) else (0, 1)
    room = 0.04 * (high - low) or 0.05
    return alt.Scale(domain=[low - room, high + room], nice=True)


def _counts(frame: pd.DataFrame, networks: pd.DataFrame) -> alt.LayerChart:
    """Draw a bar a network: hollow for all its pairs, filled for those in the part that is marked."""
    column = theme.WIDTH / len(networks)
    names = alt.Axis(
        labelAngle=-55 if column >= 2 * READABLE else -90,
        labelFontSize=max(8, min(12, int(column) - 1)),
        labelOverlap=False if column >= READABLE else "greedy",
        labelLimit=150,
        domain=False,
        ticks=False,
    )
    x = alt.X("network:N", title=None, axis=names, scale=alt.Scale(domain=networks["network"].tolist()))
    scale = alt.Scale(domain=[0, int(networks["pairs"].max())])
    axis = alt.Axis(tickMinStep=1, tickCount=3, **theme.QUIET)
    y = alt.Y(type="quantitative", title="pairs marked", axis=axis, scale=scale)
    told = [
        alt.Tooltip("network:N"),
        alt.Tooltip("accuracy:Q", format=".1%"),
        alt.Tooltip("pairs:Q", title="all its pairs"),
    ]
    bar = {"width": {"band": 0.8}} if 0.8 * column < WIDEST else {"size": WIDEST}
    every = alt.Chart(networks, name="counts").mark_bar(fillOpacity=0.25, color=theme.MUTED, **bar)
    marked = (
        alt.Chart(frame)
        .transform_filter({"param": BRUSH})
        .transform_fold(["a", "b"], as_=["end", "network"])
        .transform_aggregate(marked="count()", groupby=["network"])
        .transform_lookup("network", alt.LookupData(networks, "network", ["accuracy", "pairs"]))
        .mark_bar(**bar)
    )
    lit = alt.ColorValue(theme.ACCENT, condition={"param": POINTED, "empty": False, "value": theme.SECOND})
    marked = marked.encode(
        x=x, y=y.field("marked"), color=lit, tooltip=[*told, alt.Tooltip("marked:Q", title="of these marked")]
    )
    return alt.layer(every.encode(x=x, y=y.field("pairs"), tooltip=told), marked).properties(
        width=theme.WIDTH, height=80, view=theme.NO_FRAME
    )


def _left_out(networks: int, shown: int, undefined: int) -> list[str]:
    few = f"{shown} of {networks} networks, chosen evenly along their accuracy"
    missing = f"{undefined} pairs undefined: a network that is always right or always wrong"
    return [few] * (shown < networks) + [missing] * (undefined > 0)


def _description(pairs: pd.DataFrame, heading: str) -> str:
    names = pairs["one"] + " and " + pairs["other"]
    kappas = theme.extremes(zip(names, pairs["kappa"], strict=True))
    accuracy = (pairs["accuracy_one"] + pairs["accuracy_other"]) / 2
    span = f"mean accuracy {accuracy.min():.1%} to {accuracy.max():.1%}; " if len(pairs) else ""
    return f"{heading}: a dot for each of {len(pairs):,} pairs, {span}kappa {kappas}. Below, a bar for each network."
