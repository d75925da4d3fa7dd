"""Charts of agreement and accuracy: dots for conditions, subsets and pairs, and pairs linked to their networks."""

from collections.abc import Mapping

import altair as alt
import numpy as np
import pandas as pd

from .forms import PICKED, PICKED_PAIR, WIDTH, dot_rows, finish, framed, quiet, tell, title
from .names_and_colours import ACCENT, MUTED, SECOND, bracketed, condition_name, range_in_words, with_names

MOST_NETWORKS = 98  # in the plot of pairs: 4,753 pairs
READABLE = 9  # px a column from which every network is named
WIDEST = 36  # px of a bar
BRUSH, POINTED = "brush", "pointed"  # parameters: the part of the plot that is marked, the network that is pointed at
HINT = "drag over dots to count them below, network by network; point at a bar to see the pairs of its network above"
PAIR_TIPS = {
    "a": ("", "one"),
    "b": ("", "other"),
    "accuracy": (".1%", "mean accuracy"),
    "difference": (".1%", "difference"),
    "interval": ("", "kappa [95% interval]"),
    "largest": (".3f", "largest kappa possible"),
}


def consistency_dots(
    networks: pd.DataFrame, means: pd.DataFrame, heading: str, reference: Mapping[str, float] | None = None
) -> alt.LayerChart:
    """
    Show how consistently each condition decides with the base network (figures 3, 10, 11 and 16).

    ``networks`` (`consistency.compare_with_base`, ``single``) are ticks where a condition has several, ``means`` (its
    ``means``) dots. Their interval is dashed where a condition has one network: it then covers the
    error from the images only. ``reference`` are the paper's values, hollow diamonds.
    """
    low = np.nanmin([0.0, means["lower"].min(), networks["kappa"].min()])
    parts, axis = _conditions(means, networks, "kappa", reference), "error consistency with the base network (kappa)"
    return dot_rows(parts, "kappa", axis, title(heading), alt.Scale(domain=[low, 1.0], nice=False))


def correlation_dots(
    correlations: pd.DataFrame, heading: str, reference: Mapping[str, float] | None = None
) -> alt.LayerChart:
    """Show how similar representations are to the base network's (`dynamics.similarity_to_base`; figure 7)."""
    low = min(correlations[["correlation", "lower"]].min().min(), *(reference or {"": 1.0}).values())
    parts = _conditions(correlations, correlations.iloc[:0], "correlation", reference)
    scale = alt.Scale(domain=[np.floor(10 * low) / 10, 1], nice=False)
    return dot_rows(parts, "correlation", "correlation of dissimilarities with the base network", title(heading), scale)


def accuracy_dots(
    means: pd.DataFrame, networks: pd.DataFrame, heading: str, paper: Mapping[str, float] | None = None
) -> alt.LayerChart:
    """
    Show the accuracy of each condition (`consistency.condition_accuracies`), and its networks (figure 9).

    ``networks`` has one row a network: condition, network, accuracy (share of images). ``paper`` are the accuracies
    that it prints, by what they are of: the mean, the lowest, the highest.
    """
    parts, scale = _conditions(means, networks, "accuracy", None), alt.Scale(zero=False, padding=12)
    if paper:
        printed = {"name": [f"the paper's {which}" for which in paper], "accuracy": list(paper.values())}
        parts["paper"] = pd.DataFrame(printed)
    return dot_rows(parts, "accuracy", "accuracy (share of test images)", title(heading), scale, ".1%")


def excess_dots(table: pd.DataFrame, heading: str) -> alt.LayerChart:
    """Show by how much single pairs (`NullKappa.table`) agree more than a null model expects."""
    one, other = (table[end].map(condition_name) for end in ("one", "other"))
    pairs = pd.DataFrame({"name": one + " and " + other, "excess": table["excess"]})
    pairs = pairs.assign(lower=table["excess_lower"], upper=table["excess_upper"])
    for kappa in ("observed", "expected"):
        pairs[kappa] = bracketed(table[kappa], table[f"{kappa}_lower"], table[f"{kappa}_upper"])
    return dot_rows(
        {"observed": pairs},
        value="excess",
        axis="excess agreement (kappa minus its expectation, with 95% interval)",
        heading=title(heading),
        scale=alt.Scale(zero=True, padding=12),
        row="pair",
        tips={"observed": "", "expected": ""},
        line={"name": "expected", "excess": 0},
    )


def expectation_dots(rows: pd.DataFrame, heading: str) -> alt.LayerChart:
    """Show mean error consistencies (`nulls.null_means`), each beside its expectation (diamonds)."""
    parts = {}
    for kind in ("observed", "expected"):
        limits = {"lower": rows[f"{kind}_lower"], "upper": rows[f"{kind}_upper"]}
        parts[kind] = pd.DataFrame({"name": rows["what"], "kappa": rows[kind], **limits}).dropna(subset="kappa")
    axis = "mean error consistency (kappa, with 95% interval)"
    limits = np.r_[0, rows.filter(regex="^(observed|expected)").to_numpy(float).ravel()]
    scale = alt.Scale(domain=[np.nanmin(limits), np.nanmax(limits)], nice=True)
    return dot_rows(parts, "kappa", axis, title(heading), scale, row="subset")


def accuracy_against_kappa(pairs: pd.DataFrame, heading: str) -> alt.VConcatChart:
    """
    Show whether pairs of more accurate networks are more consistent (`consistency.pair_table`), and whose lie where.

    There is a dot a pair: its mean accuracy against its kappa. Below, the most accurate network first, is how many of
    each network's pairs are in the part of the plot that is marked with the pointer; without one all of them are. The
    pairs of the network that is pointed at are drawn in front.
    """
    pairs = pairs.assign(**{end: pairs[end].map(condition_name) for end in ("one", "other")})
    networks = _networks(pairs)
    place = np.linspace(0, len(networks) - 1, min(MOST_NETWORKS, len(networks))).round().astype(int)
    shown = networks.iloc[place]
    taken = pairs["one"].isin(shown["network"]) & pairs["other"].isin(shown["network"])
    known = pairs[taken].dropna(subset="kappa")
    frame = _rows(known)
    shown = shown.assign(pairs=shown["network"].map(frame[["a", "b"]].stack().value_counts()).fillna(0).astype(int))
    chart = alt.vconcat(_pair_dots(frame), _counts(frame, shown), spacing=22)
    chart = chart.properties(params=_selections(*(part.layer[0].name for part in chart.vconcat)))
    notes = [HINT, *_left_out(len(networks), len(shown), int(taken.sum()) - len(known))]
    return finish(chart, title(heading, notes), _description(known, heading))


def _networks(pairs: pd.DataFrame) -> pd.DataFrame:
    """List the networks, the most accurate first."""
    ends = (pairs[[name, f"accuracy_{name}"]].set_axis(["network", "accuracy"], axis=1) for name in ("one", "other"))
    found = pd.concat(ends).round(4).drop_duplicates("network")
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
        "interval": bracketed(pairs["kappa"], pairs["lower"], pairs["upper"]),
        "largest": pairs["largest"],
    }
    return pd.DataFrame(columns).round(4)


def _selections(dots: str, counts: str) -> list[alt.TopLevelSelectionParameter | alt.VariableParameter]:
    """Let a part of the dots be marked, one of the bars be pointed at, and the page mark a pair."""
    edge = alt.BrushConfig(fill=MUTED, fillOpacity=0.12, stroke=MUTED, strokeOpacity=0.8)
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
        alt.VariableParameter(name=PICKED, value=None),
    ]


def _pair_dots(frame: pd.DataFrame) -> alt.LayerChart:
    """Draw a dot a pair: grey where another part is marked, in front where one of its networks is pointed at."""
    x = alt.X("accuracy:Q", title="mean accuracy of the two", scale=_around(frame["accuracy"]), axis=quiet(format="~%"))
    y = alt.Y("kappa:Q", title="error consistency (kappa)", scale=_around(frame["kappa"]), axis=quiet())
    base = alt.Chart(frame).encode(x=x, y=y, tooltip=tell(PAIR_TIPS))
    inside = alt.ColorValue(MUTED, condition={"param": BRUSH, "value": ACCENT})
    strong = alt.OpacityValue(0.45, condition={"param": BRUSH, "value": 0.85})
    size = 40 if len(frame) <= 300 else 18
    every = base.mark_circle(size=size).encode(color=inside, opacity=strong).properties(name="dots")
    its = f"isArray({POINTED}.network) && ({POINTED}.network[0] === datum.a || {POINTED}.network[0] === datum.b)"
    front = base.transform_filter(its).mark_circle(size=2 * size, opacity=1, color=SECOND)
    ring = base.transform_filter(PICKED_PAIR).mark_point(size=5 * size, strokeWidth=2.5, color=SECOND)
    return framed(every, front, ring, height=300)


def _around(values: pd.Series) -> alt.Scale:
    """Leave some room around values. Vega would look for the bounds of dots that are not drawn, too, and complain."""
    low, high = (values.min(), values.max()) if len(values) else (0, 1)
    room = 0.04 * (high - low) or 0.05
    return alt.Scale(domain=[low - room, high + room], nice=True)


def _counts(frame: pd.DataFrame, networks: pd.DataFrame) -> alt.LayerChart:
    """Draw a bar a network: hollow for all its pairs, filled for those in the part that is marked."""
    column = WIDTH / len(networks)
    names = alt.Axis(
        labelAngle=-55 if column >= 2 * READABLE else -90,
        labelFontSize=max(11, min(12, int(column) - 1)),
        labelOverlap=False if column >= READABLE else "greedy",
        labelLimit=150,
        domain=False,
        ticks=False,
    )
    x = alt.X("network:N", title=None, axis=names, scale=alt.Scale(domain=networks["network"].tolist()))
    scale = alt.Scale(domain=[0, int(networks["pairs"].max())])
    y = alt.Y(type="quantitative", title="pairs marked", axis=quiet(tickMinStep=1, tickCount=3), scale=scale)
    told = {"network": "", "accuracy": ".1%", "pairs": ("", "all its pairs")}
    bar = {"width": {"band": 0.8}} if 0.8 * column < WIDEST else {"size": WIDEST}
    every = alt.Chart(networks, name="counts").mark_bar(fillOpacity=0.25, color=MUTED, **bar)
    marked = (
        alt.Chart(frame)
        .transform_filter({"param": BRUSH})
        .transform_fold(["a", "b"], as_=["end", "network"])
        .transform_aggregate(marked="count()", groupby=["network"])
        .transform_lookup("network", alt.LookupData(networks, "network", ["accuracy", "pairs"]))
        .mark_bar(**bar)
    )
    lit = alt.ColorValue(ACCENT, condition={"param": POINTED, "empty": False, "value": SECOND})
    marked = marked.encode(
        x=x, y=y.field("marked"), color=lit, tooltip=tell({**told, "marked": ("", "of these marked")})
    )
    return framed(every.encode(x=x, y=y.field("pairs"), tooltip=tell(told)), marked, height=80)


def _left_out(networks: int, shown: int, undefined: int) -> list[str]:
    few = f"{shown} of {networks} networks, chosen evenly along their accuracy"
    missing = f"{undefined} pairs undefined: a network that is always right or always wrong"
    return [few] * (shown < networks) + [missing] * (undefined > 0)


def _description(pairs: pd.DataFrame, heading: str) -> str:
    names = pairs["one"] + " and " + pairs["other"]
    kappas = range_in_words(zip(names, pairs["kappa"], strict=True))
    accuracy = (pairs["accuracy_one"] + pairs["accuracy_other"]) / 2
    span = f"mean accuracy {accuracy.min():.1%} to {accuracy.max():.1%}; " if len(pairs) else ""
    return f"{heading}: a dot for each of {len(pairs):,} pairs, {span}kappa {kappas}. Below, a bar for each network."


def _conditions(
    means: pd.DataFrame, networks: pd.DataFrame, value: str, reference: Mapping[str, float] | None
) -> dict[str, pd.DataFrame]:
    """Name the three kinds of marks: conditions, their networks where they have several, the paper's values."""
    several = networks[networks.duplicated("condition", keep=False)]
    paper = pd.DataFrame({"condition": list(reference or {}), value: list((reference or {}).values())})
    paper = paper[paper["condition"].isin(means["condition"])]
    parts = {"condition": means, "single network": several, "paper": paper}
    return {kind: with_names(part) for kind, part in parts.items()}
