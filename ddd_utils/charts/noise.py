"""Charts of the Gaussian noise classes: how far apart they are, and how well they are told apart."""

import altair as alt
import pandas as pd

from .forms import CLASS, STROKE, WIDTH, by_kind, curve, dots, finish, framed, looks, quiet, share_axis, tell, title
from .names_and_colours import ACCENT, MUTED, SECOND

NETWORKS, IDEAL = "trained networks (mean)", "ideal classifier (Bayes)"
SIGMA = alt.X("sigma:Q", title="standard deviation of the class (gray levels)", axis=quiet())


def kl_curve(classes: pd.DataFrame, heading: str) -> alt.LayerChart:
    """Show the divergence between each class and the next wider one (`noise.neighbour_divergence`; figure 8, left)."""
    shown = classes.dropna(subset="kl")
    y = alt.Y("kl:Q", title="KL divergence (nats)", axis=quiet())
    chart = framed(*curve(shown, SIGMA, y, {"sigma": "", "kl": ".5f"}), height=220)
    text = (
        f"Line over {len(shown)} neighbouring pairs of classes: divergence falls from {shown['kl'].iloc[0]:.2g} nats "
        f"at the smallest standard deviation to {shown['kl'].iloc[-1]:.2g} at the largest."
    )
    return finish(chart, title(heading), text)


def sigma_curves(classes: pd.DataFrame, heading: str) -> alt.LayerChart:
    """Show how well each class is recognised, and could be (`noise.accuracy_by_sigma`; figure 8, centre)."""
    columns = {"accuracy": NETWORKS, "bayes": IDEAL}
    lines = classes.rename(columns=columns).melt("sigma", list(columns.values()), "curve", "share").dropna()
    known = dict(list({NETWORKS: ACCENT, IDEAL: SECOND}.items())[: lines["curve"].nunique()])
    dashes = dict(zip(known, [[1, 0], [6, 4]], strict=False))
    dash = by_kind(dashes, "curve", channel=alt.StrokeDash, **STROKE)
    y = share_axis("share")
    band = alt.Chart(classes).mark_area(opacity=0.25, color=ACCENT)
    band = band.encode(x=SIGMA, y=share_axis("lowest"), y2="highest:Q")
    line, _ = curve(lines, SIGMA, y, {}, by_kind(known, "curve", **STROKE))
    told = tell({"sigma": "", "accuracy": ".1%", "lowest": ".1%", "highest": ".1%", "bayes": ".1%"})
    hover = alt.Chart(classes).mark_rule(opacity=0, strokeWidth=8).encode(x=SIGMA, tooltip=told)
    ideal = f", the ideal classifier {classes['bayes'].mean():.0%}" if classes["bayes"].notna().any() else ""
    text = (
        f"Accuracy of {len(classes)} classes by their standard deviation. The networks recognise "
        f"{classes['accuracy'].mean():.0%} on average{ideal}; the {len(classes) // 5} narrowest classes "
        f"{classes['accuracy'].head(len(classes) // 5).mean():.0%}."
    )
    return finish(framed(band, line.encode(strokeDash=dash), hover, height=260), title(heading), text)


def kl_scatter(classes: pd.DataFrame, heading: str, skipped: int = 20) -> alt.LayerChart:
    """
    Show divergence against accuracy, one dot a class (figure 8, right).

    ``classes`` has one row a class: sigma, kl and accuracy. The first ``skipped`` lie far to the right and are told in
    words only, as in the paper.
    """
    known = classes.dropna(subset="kl")
    shown, first = known[known["sigma"] > skipped], known[known["sigma"] <= skipped]
    x = alt.X("kl:Q", title="KL divergence to the next class (nats)", axis=quiet())
    tips = {"sigma": "", "kl": ".5f", "accuracy": ".1%"}
    chart = dots(shown, "accuracy", share_axis("accuracy"), x, tips, look=looks([CLASS]))
    note = f"not drawn: the first {len(first)} classes, whose accuracy is {first['accuracy'].mean():.1%} on average"
    text = f"Scatter plot of {len(shown)} classes, accuracy against divergence. {heading}."
    return finish(chart.properties(width=WIDTH, height=260), title(heading, [note] * bool(len(first))), text)


def folder_order_curves(classes: pd.DataFrame, heading: str) -> alt.HConcatChart:
    """Show one accuracy curve twice: by standard deviation, and by folder name (`noise.in_folder_order`)."""
    classes = classes.assign(place=classes["folder"] + 1, folder=classes["folder"].astype(str))
    spikes = classes[classes["moved"]]
    names = alt.Chart(spikes).mark_text(dy=-10, color=SECOND)
    names = names.encode(x="position:Q", y=share_axis("accuracy"), text="folder:N")
    width = (WIDTH - 60) // 2
    left = framed(*_by_place(classes, "place", "class, by standard deviation"), width=width, height=220)
    right = _by_place(classes, "position", "class, by folder name as a string")
    text = (
        f"The same accuracies twice. On the left the folders {', '.join(spikes['folder'])} follow one another; on the "
        f"right, in the order of strings, they stand alone at x = {', '.join(map(str, spikes['position']))}."
    )
    chart = alt.hconcat(left, framed(*right, names, width=width, height=220), spacing=24)
    return finish(chart, title(heading), text)


def _by_place(classes: pd.DataFrame, place: str, axis: str) -> list[alt.Chart]:
    """Draw accuracies along an axis; the folders that make the spikes stand out."""
    x, tips = alt.X(f"{place}:Q", title=axis, axis=quiet()), {"folder": "", place: "", "accuracy": ".1%"}
    line, points = curve(classes, x, share_axis("accuracy"), tips, alt.value(MUTED), strokeWidth=1)
    colour = alt.condition("datum.moved", alt.value(SECOND), alt.value(ACCENT))
    return [line, points.encode(color=colour, size=alt.condition("datum.moved", alt.value(70), alt.value(14)))]
