"""Charts of what a choice of images does: the curve against the number of networks, and label errors by score."""

import altair as alt
import pandas as pd

from . import charts_theme as theme
from .charts_dots import dot_rows

KINDS = {"trivial": "trivial", "in_between": "in-between", "impossible": "impossible"}  # column: class
SUBSETS, ALLOWED = "drawn subsets of the networks (mean, 95 % of them)", "what the selection allows (Fleiss' kappa)"
PANEL = 300  # px, so that two fit the column with their axes


def subset_curve(curve: pd.DataFrame, heading: str) -> alt.HConcatChart:
    """
    Show what the number of networks does to the three classes and to in-between kappa.

    Parameters
    ----------
    curve : DataFrame
        One row a number of networks: models, trivial, impossible, in_between (mean shares of images), kappa_in_between
        (mean over drawn subsets), lower, upper (2.5 and 97.5 % quantiles over them), band_lower, band_upper (between
        which Fleiss' kappa must lie on images chosen by these networks' own score), from `analysis.nulls.subset_curve`.
    heading : str
        What is seen.

    Returns
    -------
    alt.HConcatChart
        Shares on the left; on the right kappa with its quantiles, in front of the band.
    """
    chart = alt.hconcat(_shares(curve), _kappa(curve), spacing=30).resolve_scale(color="independent")
    text = " ".join(
        f"With {row['models']:.0f} networks {row['trivial']:.1%} of the images are trivial, {row['impossible']:.1%} "
        f"impossible, and kappa on the others is {row['kappa_in_between']:.2f}.".replace("nan", "undefined")
        for _, row in curve.iloc[[0, -1]].iterrows()
    )
    return theme.finish(chart, theme.title(heading), f"Two panels of curves against the number of networks. {text}")


def _models(curve: pd.DataFrame) -> alt.X:
    scale = alt.Scale(domain=[curve["models"].min(), curve["models"].max()], nice=False)
    return alt.X("models:Q", title="networks (M)", scale=scale, axis=alt.Axis(tickMinStep=1, **theme.QUIET))


def _shares(curve: pd.DataFrame) -> alt.Chart:
    """Draw the share of each class against the number of networks."""
    long = curve.rename(columns=KINDS).melt("models", list(KINDS.values()), "kind", "share")
    colours = alt.Scale(domain=list(theme.CLASS_COLOURS), range=list(theme.CLASS_COLOURS.values()))
    return (
        alt.Chart(long)
        .mark_line(strokeWidth=2, point={"size": 22})
        .encode(
            x=_models(curve),
            y=alt.Y(
                "share:Q",
                title="share of images",
                scale=alt.Scale(domain=[0, 1]),
                axis=alt.Axis(format="%", **theme.QUIET),
            ),
            color=alt.Color("kind:N", scale=colours, legend=alt.Legend(title=None, orient="top")),
            tooltip=[
                alt.Tooltip("models:Q", title="networks"),
                alt.Tooltip("kind:N", title="class"),
                alt.Tooltip("share:Q", format=".1%"),
            ],
        )
        .properties(width=PANEL, height=240, view=theme.NO_FRAME)
    )


def _kappa(curve: pd.DataFrame) -> alt.LayerChart:
    """Draw in-between kappa with its quantiles, and behind them what selection alone allows."""
    y = alt.Y(type="quantitative", title="in-between kappa", axis=alt.Axis(**theme.QUIET))
    base = alt.Chart(curve).encode(x=_models(curve))
    tooltip = [
        alt.Tooltip("models:Q", title="networks"),
        alt.Tooltip("kappa_in_between:Q", title="kappa", format=".3f"),
    ]
    for column, name in {"lower": "lower", "upper": "upper", "band_lower": "least", "band_upper": "most"}.items():
        title = f"{name} that selection allows" if "band" in column else f"{name} quantile"
        tooltip.append(alt.Tooltip(f"{column}:Q", title=title, format=".3f"))

    line = base.mark_line(strokeWidth=2, color=theme.ACCENT).encode(y=y.field("kappa_in_between"))
    dots = base.mark_point(size=22, filled=True, opacity=1, color=theme.ACCENT)
    dots = dots.encode(y=y.field("kappa_in_between"), tooltip=tooltip)
    return alt.layer(_ribbons(curve, y), line, dots).properties(width=PANEL, height=240, view=theme.NO_FRAME)


def _ribbons(curve: pd.DataFrame, y: alt.Y) -> alt.Chart:
    """Draw the band and upon it the quantiles, named by one legend."""
    bounds = {ALLOWED: ["band_lower", "band_upper"], SUBSETS: ["lower", "upper"]}
    parts = [curve[["models", *pair]].set_axis(["models", "low", "high"], axis=1) for pair in bounds.values()]
    long = pd.concat([part.assign(kind=kind) for kind, part in zip(bounds, parts, strict=True)])
    colours = alt.Scale(domain=[SUBSETS, ALLOWED], range=[theme.ACCENT, theme.MUTED])
    legend = alt.Legend(title=None, orient="top", columns=1, labelLimit=PANEL, symbolType="square")
    return (
        alt.Chart(long)
        .mark_area(opacity=0.3)
        .encode(
            x=_models(curve),
            y=y.field("low"),
            y2="high:Q",
            color=alt.Color("kind:N", scale=colours, legend=legend),
        )
    )


def error_rates(table: pd.DataFrame, heading: str) -> alt.LayerChart:
    """
    Show how many images have a wrong label, by the number of networks that get them right.

    Parameters
    ----------
    table : DataFrame
        One row a score: score, rate (share of images with a label error), lower, upper (Wilson's 95 % interval), images
        (count).
    heading : str
        What is seen.

    Returns
    -------
    alt.LayerChart
        A dot with its interval for every score.
    """
    x = alt.X(
        "score:Q",
        title="networks that are right",
        scale=alt.Scale(padding=8, nice=False),
        axis=alt.Axis(tickMinStep=1, **theme.QUIET),
    )
    y = alt.Y(
        type="quantitative",
        title="share with a label error",
        scale=alt.Scale(domain=[0, float(table["upper"].max())], nice=True),
        axis=alt.Axis(format="~%", **theme.QUIET),
    )
    base = alt.Chart(table).encode(x=x)
    intervals = base.mark_rule(strokeWidth=2, color=theme.ACCENT).encode(y=y.field("lower"), y2="upper:Q")
    dots = base.mark_point(filled=True, size=50, opacity=1, color=theme.ACCENT).encode(
        y=y.field("rate"), tooltip=[alt.Tooltip("score:Q", title="networks right"), *_rate_tooltips()]
    )
    chart = alt.layer(intervals, dots).properties(width=theme.WIDTH, height=240, view=theme.NO_FRAME)
    text = theme.extremes({f"{row.score} right": row.rate for row in table.itertuples()})
    return theme.finish(chart, theme.title(heading), f"{heading}: share of images with a label error by score, {text}.")


def group_error_rates(table: pd.DataFrame, heading: str) -> alt.LayerChart:
    """
    Show how many images have a wrong label in some groups of images, such as the classes of difficulty.

    Parameters
    ----------
    table : DataFrame
        One row a group, drawn in this order: group, rate, lower, upper, images as in `error_rates`.
    heading : str
        What is seen.

    Returns
    -------
    alt.LayerChart
        A dot with its interval for every group.
    """
    return dot_rows(
        {"observed": table.rename(columns={"group": "name"})},
        value="rate",
        axis="share of images with a label error (with Wilson's 95 % interval)",
        heading=theme.title(heading),
        scale=alt.Scale(domainMin=0),
        numbers=".1%",
        row="group",
        further={"images": ","},
    )


def _rate_tooltips() -> list[alt.Tooltip]:
    shares = [alt.Tooltip(f"{share}:Q", format=".1%") for share in ("rate", "lower", "upper")]
    return [*shares, alt.Tooltip("images:Q", format=",")]
