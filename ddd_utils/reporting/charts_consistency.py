"""Charts of agreement: one dot a condition, one cell a pair of networks."""

from collections.abc import Mapping, Sequence

import altair as alt
import numpy as np
import pandas as pd

from . import charts_theme as theme

KINDS = {  # what a mark stands for: shape, size, fill, outline; drawn in this order
    "condition": ("circle", 90, theme.ACCENT, theme.ACCENT),
    "single network": ("M0,-1L0,1", 90, "transparent", theme.MUTED),
    "paper": ("diamond", 130, "transparent", theme.SECOND),
}


def consistency_dots(
    networks: pd.DataFrame, means: pd.DataFrame, heading: str, reference: Mapping[str, float] | None = None
) -> alt.LayerChart:
    """
    Show how consistently each condition decides with the base network (figures 3, 10, 11 and 16).

    Parameters
    ----------
    networks : DataFrame
        One row a network: condition, network, kappa (from `condition_consistency`).
    means : DataFrame
        One row a condition: condition, instances, kappa, lower, upper, note (from `condition_means`).
    heading : str
        What is seen.
    reference : mapping of condition to kappa, optional
        The paper's values, drawn as hollow diamonds.

    Returns
    -------
    alt.LayerChart
        A dot with its interval for the condition, ticks for its networks where it has several. The interval is dashed
        where a condition has one network, because it then covers the error from the images only.
    """
    axis = "error consistency with the base network (kappa)"
    low = np.nanmin([0.0, means["lower"].min(), networks["kappa"].min()])
    several = networks[networks.duplicated("condition", keep=False)]
    return _dots(several, means, "kappa", axis, heading, reference, alt.Scale(domain=[low, 1.0], nice=False))


def correlation_dots(
    correlations: pd.DataFrame, heading: str, reference: Mapping[str, float] | None = None
) -> alt.LayerChart:
    """
    Show how similar the last layer's representation is to that of the base network (figure 7).

    Parameters
    ----------
    correlations : DataFrame
        One row a condition: condition, network, correlation.
    heading : str
        What is seen.
    reference : mapping of condition to correlation, optional
        The paper's values, drawn as hollow diamonds.

    Returns
    -------
    alt.LayerChart
        One dot a condition.
    """
    axis = "correlation of dissimilarities with the base network"
    nothing = correlations.iloc[:0]
    low = min([correlations["correlation"].min(), *(reference or {}).values()])
    scale = alt.Scale(domain=[np.floor(10 * low) / 10, 1], nice=False)
    return _dots(nothing, correlations, "correlation", axis, heading, reference, scale)


def accuracy_dots(networks: pd.DataFrame, heading: str) -> alt.LayerChart:
    """
    Show the accuracy of each condition (figure 9).

    Parameters
    ----------
    networks : DataFrame
        One row a network: condition, network, accuracy (share of images).
    heading : str
        What is seen.

    Returns
    -------
    alt.LayerChart
        A dot for the mean of a condition, ticks for its networks where it has several.
    """
    means = networks.groupby("condition", sort=False, as_index=False)["accuracy"].mean()
    several = networks[networks.duplicated("condition", keep=False)]
    axis = "accuracy (share of test images)"
    return _dots(several, means, "accuracy", axis, heading, None, alt.Scale(zero=False, padding=12), "~%")


def _dots(
    networks: pd.DataFrame,
    means: pd.DataFrame,
    value: str,
    axis: str,
    heading: str,
    reference: Mapping[str, float] | None,
    scale: alt.Scale,
    numbers: str = "~f",
) -> alt.LayerChart:
    """Layer single networks, conditions with intervals, and the paper's values, one row a condition."""
    paper = pd.DataFrame({"condition": list(reference or {}), value: list((reference or {}).values())})
    paper = paper[paper["condition"].isin(means["condition"])]
    parts = {"condition": means, "single network": networks, "paper": paper}
    marks = pd.concat([theme.with_names(part).assign(kind=kind) for kind, part in parts.items() if len(part)])
    order = [theme.condition_name(condition) for condition in means["condition"]]
    y = alt.Y("name:N", sort=order, title=None, axis=alt.Axis(grid=True, labelLimit=160, **theme.QUIET))
    x = alt.X(title=axis, scale=scale, axis=alt.Axis(format=numbers, labelFlush=False, **theme.QUIET))
    layers = [_points(marks, list(parts), value, x, y)]
    if "lower" in means:
        layers.insert(0, _intervals(marks[marks["kind"] == "condition"], y))
    chart = alt.layer(*layers).properties(width=theme.WIDTH, height=alt.Step(24), view=theme.NO_FRAME)
    text = theme.extremes({theme.condition_name(row["condition"]): row[value] for _, row in means.iterrows()})
    return theme.finish(chart, theme.title(heading), f"Dot plot, one row a condition: {axis}. {text}.")


def _points(marks: pd.DataFrame, kinds: list[str], value: str, x: alt.X, y: alt.Y) -> alt.Chart:
    """Draw all dots and diamonds; the legend names only the kinds that are there."""
    domain = [kind for kind in kinds if (marks["kind"] == kind).any()]
    shapes, sizes, fills, strokes = zip(*(KINDS[kind] for kind in domain), strict=True)
    legend = alt.Legend(title=None, orient="top") if len(domain) > 1 else None
    tooltip = [alt.Tooltip("name:N", title="condition"), alt.Tooltip("kind:N", title="shown")]
    tooltip += [alt.Tooltip("network:N")] * ("network" in marks) + [alt.Tooltip(f"{value}:Q", format=".3f")]
    if "lower" in marks:
        tooltip += [alt.Tooltip(f"{bound}:Q", format=".3f") for bound in ("lower", "upper")] + [alt.Tooltip("note:N")]
    return (
        alt.Chart(marks)
        .mark_point(strokeWidth=1.6, opacity=1)
        .encode(
            x=x.field(value).type("quantitative"),
            y=y,
            shape=alt.Shape("kind:N", scale=alt.Scale(domain=domain, range=shapes), legend=legend),
            size=alt.Size("kind:N", scale=alt.Scale(domain=domain, range=sizes), legend=legend),
            fill=alt.Fill("kind:N", scale=alt.Scale(domain=domain, range=fills), legend=legend),
            stroke=alt.Stroke("kind:N", scale=alt.Scale(domain=domain, range=strokes), legend=legend),
            tooltip=tooltip,
        )
    )


def _intervals(means: pd.DataFrame, y: alt.Y) -> alt.Chart:
    """Draw each condition's interval, dashed where it covers the images' error only."""
    notes = list(dict.fromkeys(means["note"]))
    dashes = [[4, 3] if "image error only" in note else [1, 0] for note in notes]
    return (
        alt.Chart(means)
        .mark_rule(strokeWidth=2, color=theme.ACCENT)
        .encode(
            x="lower:Q",
            x2="upper:Q",
            y=y,
            strokeDash=alt.StrokeDash(
                "note:N",
                scale=alt.Scale(domain=notes, range=dashes),
                legend=alt.Legend(
                    title="95 % interval", orient="bottom", labelLimit=300, symbolStrokeColor=theme.ACCENT
                ),
            ),
        )
    )


def kappa_matrix(kappa: np.ndarray, labels: Sequence[str], heading: str) -> alt.LayerChart:
    """
    Show the error consistency of every pair (half of figure 6).

    Parameters
    ----------
    kappa : (conditions, conditions) float
        Cohen's kappa; NaN where undefined.
    labels : sequence of str
        Conditions or names of networks, in the order of the rows.
    heading : str
        What is seen.

    Returns
    -------
    alt.LayerChart
        Coloured cells with their numbers; an undefined one says so.
    """
    cell = max(18, min(46, int(theme.WIDTH / len(labels))))
    chart = _cells(kappa, labels, cell)
    return theme.finish(chart, theme.title(heading, _undefined_note(kappa)), _matrix_text(kappa, labels, heading))


def kappa_matrices(
    left: np.ndarray, right: np.ndarray, labels: Sequence[str], headings: tuple[str, str], heading: str
) -> alt.HConcatChart:
    """
    Show two sets of pairwise error consistencies side by side, on one colour scale (figure 6).

    Parameters
    ----------
    left, right : (conditions, conditions) float
        Cohen's kappa on two sets of images; NaN where undefined.
    labels : sequence of str
        Conditions or names of networks, the same for both.
    headings : tuple of str
        What each of the two shows.
    heading : str
        What the pair shows.

    Returns
    -------
    alt.HConcatChart
        The two matrices; only the left one names its rows.
    """
    cell = max(14, min(40, int((theme.WIDTH + 20) / (2 * len(labels)))))
    first = _cells(left, labels, cell).properties(title=alt.Title(headings[0], anchor="start", frame="group"))
    second = _cells(right, labels, cell, names=False).properties(
        title=alt.Title(headings[1], anchor="start", frame="group")
    )
    both = np.stack([left, right])
    text = " ".join(_matrix_text(kappa, labels, name) for kappa, name in zip(both, headings, strict=True))
    chart = alt.hconcat(first, second, spacing=16)
    return theme.finish(chart, theme.title(heading, _undefined_note(both)), text)


def _cells(kappa: np.ndarray, labels: Sequence[str], cell: int, names: bool = True) -> alt.LayerChart:
    """Draw one matrix: a rectangle and a number for every pair."""
    order = [theme.condition_name(label) for label in labels]
    pairs = pd.DataFrame(
        {"a": np.repeat(order, len(order)), "b": np.tile(order, len(order)), "kappa": np.asarray(kappa, float).ravel()}
    )
    known = pairs["kappa"].notna()
    short = "undefined" if cell > 40 else " n/a "
    number = (pairs["kappa"].round(2) + 0.0).map("{:.2f}".format).str.replace("0.", ".", n=1, regex=False)
    exact = pairs["kappa"].map("{:.3f}".format)
    pairs = pairs.assign(shown=number.where(known, short), value=exact.where(known, "undefined"))
    axis = alt.Axis(labelLimit=150, domain=False, ticks=False)
    base = alt.Chart(pairs).encode(
        x=alt.X(
            "b:N", sort=order, title=None, axis=alt.Axis(labelAngle=-55, **axis.to_dict()), scale=alt.Scale(padding=0)
        ),
        y=alt.Y("a:N", sort=order, title=None, axis=axis if names else None, scale=alt.Scale(padding=0)),
        tooltip=[
            alt.Tooltip("a:N", title="one"),
            alt.Tooltip("b:N", title="other"),
            alt.Tooltip("value:N", title="kappa"),
        ],
    )
    # Kappa runs from -1 to 1 and 0 means independent errors, so the colours diverge from there.
    colour = alt.Scale(scheme="purpleorange", domain=[-1, 1], reverse=True)
    ink = alt.condition("abs(datum.kappa) > 0.6", alt.value("white"), alt.value("#222222"))
    letters = alt.condition(
        "isValid(datum.kappa)", alt.value(min(12, max(7, cell / 3))), alt.value(cell / (0.6 * len(short)))
    )
    return alt.layer(
        base.mark_rect(color="#DDDDDD"),  # shows through where kappa is undefined
        base.mark_rect().encode(color=alt.Color("kappa:Q", scale=colour, legend=None)),
        base.mark_text().encode(text="shown:N", color=ink, size=letters),
    ).properties(width=cell * len(order), height=cell * len(order), view=theme.NO_FRAME)


def _undefined_note(kappa: np.ndarray) -> str | None:
    """Explain empty cells, where there are any."""
    missing = int(np.isnan(kappa).sum())
    return f"{missing} cells undefined (n/a): a network that is always right or always wrong" if missing else None


def _matrix_text(kappa: np.ndarray, labels: Sequence[str], heading: str) -> str:
    """Describe a matrix by its most and least consistent pairs."""
    names = [theme.condition_name(label) for label in labels]
    rows, columns = np.triu_indices(len(names), 1)
    pairs = {f"{names[i]} and {names[j]}": float(kappa[i, j]) for i, j in zip(rows, columns, strict=True)}
    return f"{heading}: matrix of error consistency between {len(names)} networks, {theme.extremes(pairs)}."
