"""Charts of the Gaussian noise classes: how far apart they are, and how well they are told apart."""

import altair as alt
import pandas as pd

from . import charts_theme as theme

NETWORKS, IDEAL = "trained networks (mean)", "ideal classifier (Bayes)"
SIGMA = alt.X("sigma:Q", title="standard deviation of the class (gray levels)", axis=alt.Axis(**theme.QUIET))
SKIPPED = "left out of the paper's scatter plot"


def kl_curve(classes: pd.DataFrame, heading: str) -> alt.Chart:
    """
    Show the divergence between each class and the next wider one (figure 8, left).

    Parameters
    ----------
    classes : DataFrame
        One row a class: sigma (gray levels), kl (nats; NaN for the last class, which has no neighbour).
    heading : str
        What is seen.

    Returns
    -------
    alt.Chart
        A line on a logarithmic axis.
    """
    shown = classes.dropna(subset="kl")
    chart = (
        alt.Chart(shown)
        .mark_line(color=theme.ACCENT, point={"color": theme.ACCENT, "size": 18})
        .encode(
            x=SIGMA,
            y=alt.Y("kl:Q", title="KL divergence (nats)", scale=alt.Scale(type="log"), axis=_decades()),
            tooltip=[alt.Tooltip("sigma:Q"), alt.Tooltip("kl:Q", format=".2e")],
        )
        .properties(width=theme.WIDTH, height=220)
    )
    text = (
        f"Line over {len(shown)} neighbouring pairs of classes: divergence falls from {shown['kl'].iloc[0]:.2g} nats "
        f"at the smallest standard deviation to {shown['kl'].iloc[-1]:.2g} at the largest."
    )
    return theme.finish(chart, theme.title(heading), text)


def accuracy_by_sigma(classes: pd.DataFrame, heading: str, subtitle: str) -> alt.LayerChart:
    """
    Show how well each class is recognised, and how well it could be (figure 8, centre, in the right order).

    Parameters
    ----------
    classes : DataFrame
        One row a class: sigma (gray levels), accuracy (mean over networks), lowest and highest (of a network), and
        bayes (accuracy of the ideal classifier; NaN where it is not known).
    heading, subtitle : str
        What is seen, and on how many networks and images.

    Returns
    -------
    alt.LayerChart
        A line with the range of the networks, and a dashed line for the ideal classifier where it is known.
    """
    columns = {"accuracy": NETWORKS, "bayes": IDEAL}
    lines = classes.rename(columns=columns).melt("sigma", list(columns.values()), "curve", "share").dropna()
    domain = list(columns.values())[: lines["curve"].nunique()]
    legend = alt.Legend(title=None, orient="top", symbolType="stroke", symbolSize=300)
    band = (
        alt.Chart(classes)
        .mark_area(opacity=0.25)
        .encode(x=SIGMA, y=_accuracy("lowest:Q"), y2="highest:Q", color=alt.value(theme.ACCENT))
    )
    curves = (
        alt.Chart(lines)
        .mark_line(strokeWidth=2)
        .encode(
            x=SIGMA,
            y=_accuracy("share:Q"),
            color=alt.Color(
                "curve:N", scale=alt.Scale(domain=domain, range=[theme.ACCENT, theme.SECOND]), legend=legend
            ),
            strokeDash=alt.StrokeDash("curve:N", scale=alt.Scale(domain=domain, range=[[1, 0], [6, 4]]), legend=legend),
        )
    )
    hover = (
        alt.Chart(classes)
        .mark_rule(opacity=0, strokeWidth=8)
        .encode(
            x=SIGMA,
            tooltip=[
                alt.Tooltip("sigma:Q"),
                *(alt.Tooltip(f"{share}:Q", format=".1%") for share in ("accuracy", "lowest", "highest", "bayes")),
            ],
        )
    )
    chart = alt.layer(band, curves, hover).properties(width=theme.WIDTH, height=260)
    ideal = f", the ideal classifier {classes['bayes'].mean():.0%}" if classes["bayes"].notna().any() else ""
    text = (
        f"Accuracy of {len(classes)} classes by their standard deviation. The networks recognise "
        f"{classes['accuracy'].mean():.0%} on average{ideal}; the {len(classes) // 5} narrowest classes "
        f"{classes['accuracy'].head(len(classes) // 5).mean():.0%}."
    )
    return theme.finish(chart, theme.title(heading, subtitle), text)


def kl_scatter(classes: pd.DataFrame, heading: str, skipped: int = 20) -> alt.Chart:
    """
    Show divergence against accuracy, one dot a class (figure 8, right).

    Parameters
    ----------
    classes : DataFrame
        One row a class: sigma (gray levels), kl (nats) and accuracy.
    heading : str
        What is seen.
    skipped : int
        How many of the first classes the paper left out; they are drawn hollow.

    Returns
    -------
    alt.Chart
        Dots on a logarithmic axis.
    """
    shown = classes.dropna(subset="kl")
    shown = shown.assign(group=["class" if sigma > skipped else SKIPPED for sigma in shown["sigma"]])
    domain = ["class", SKIPPED]
    legend = alt.Legend(title=None, orient="top")
    chart = (
        alt.Chart(shown)
        .mark_point(size=45, strokeWidth=1.4, opacity=0.9)
        .encode(
            x=alt.X(
                "kl:Q", title="KL divergence to the next class (nats)", scale=alt.Scale(type="log"), axis=_decades()
            ),
            y=_accuracy("accuracy:Q"),
            stroke=alt.Stroke(
                "group:N", scale=alt.Scale(domain=domain, range=[theme.ACCENT, theme.MUTED]), legend=legend
            ),
            fill=alt.Fill(
                "group:N", scale=alt.Scale(domain=domain, range=[theme.ACCENT, "transparent"]), legend=legend
            ),
            tooltip=[
                alt.Tooltip("sigma:Q"),
                alt.Tooltip("kl:Q", format=".2e"),
                alt.Tooltip("accuracy:Q", format=".1%"),
            ],
        )
        .properties(width=theme.WIDTH, height=260)
    )
    text = f"Scatter plot of {len(shown)} classes, accuracy against divergence. {heading}."
    return theme.finish(chart, theme.title(heading), text)


def folder_order(classes: pd.DataFrame, heading: str) -> alt.HConcatChart:
    """
    Show one accuracy curve twice: by standard deviation, and in the order of folder names sorted as strings.

    Parameters
    ----------
    classes : DataFrame
        One row a class: folder (its name, a number from 0), position (its place among the names sorted as strings, from
        1), accuracy and moved (bool, the folders that make the spikes).
    heading : str
        What is seen.

    Returns
    -------
    alt.HConcatChart
        The same dots twice; those that make the spikes are large and coloured.
    """
    classes = classes.assign(place=classes["folder"] + 1, folder=classes["folder"].astype(str))
    width = (theme.WIDTH - 60) // 2
    sorted_by_number = _curve(classes, "place", "class, by standard deviation", width)
    sorted_by_string = _curve(classes, "position", "class, by folder name as a string", width)
    spikes = classes[classes["moved"]]
    names = (
        alt.Chart(spikes)
        .mark_text(dy=-10, color=theme.SECOND)
        .encode(x="position:Q", y=_accuracy("accuracy:Q"), text="folder:N")
    )
    text = (
        f"The same accuracies twice. On the left the folders {', '.join(spikes['folder'])} follow one another; on the "
        f"right, in the order of strings, they stand alone at x = {', '.join(map(str, spikes['position']))}."
    )
    chart = alt.hconcat(sorted_by_number, alt.layer(sorted_by_string, names), spacing=24)
    return theme.finish(chart, theme.title(heading), text)


def _curve(classes: pd.DataFrame, place: str, axis: str, width: int) -> alt.LayerChart:
    x = alt.X(f"{place}:Q", title=axis, axis=alt.Axis(**theme.QUIET))
    line = alt.Chart(classes).mark_line(color=theme.MUTED, strokeWidth=1).encode(x=x, y=_accuracy("accuracy:Q"))
    dots = (
        alt.Chart(classes)
        .mark_point(filled=True, opacity=1)
        .encode(
            x=x,
            y=_accuracy("accuracy:Q"),
            color=alt.condition("datum.moved", alt.value(theme.SECOND), alt.value(theme.ACCENT)),
            size=alt.condition("datum.moved", alt.value(70), alt.value(14)),
            tooltip=[alt.Tooltip("folder:N"), alt.Tooltip(f"{place}:Q"), alt.Tooltip("accuracy:Q", format=".1%")],
        )
    )
    return alt.layer(line, dots).properties(width=width, height=220)


def _accuracy(field: str) -> alt.Y:
    axis = alt.Axis(format="%", **theme.QUIET)
    return alt.Y(field, title="accuracy", scale=alt.Scale(domain=[0, 1]), axis=axis)


def _decades() -> alt.Axis:
    return alt.Axis(format=".0e", values=[10.0**power for power in range(-5, 2)], **theme.QUIET)
