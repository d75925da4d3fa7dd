"""Charts of families of models, and of how many opinions models are worth."""

from collections.abc import Mapping, Sequence

import altair as alt
import pandas as pd

from .forms import bundle, by_kind, curve, dot_rows, finish, framed, quiet, reference, share_axis, tell, title
from .names_and_colours import ACCENT, SECOND, SERIES, condition_name

STRIP = 4, 14  # px beside a matrix between which families are marked
VOTES = {
    "top_majority": "majority of the k most accurate",
    "best": "the best of k drawn at random",
    "majority": "majority of k drawn at random",
    "independent": "the same, if these were independent",
}
SIZES = {"title": "models (k)", "axis": quiet(tickMinStep=1)}


def mark_families(chart: alt.LayerChart, names: Sequence[str], families: Sequence[str]) -> alt.LayerChart:
    """Mark beside the rows of a matrix of which family each model is, in whatever order the reader chooses."""
    colours = dict(zip(dict.fromkeys(families), SERIES[1:], strict=False))
    rows = pd.DataFrame({"a": [condition_name(name) for name in names], "family": list(families)})
    left, right = (alt.value(alt.ExprRef(f"width + {at}")) for at in STRIP)  # the page changes the width
    marks = alt.Chart(rows).mark_rect(clip=False)
    marks = marks.encode(
        y=chart.layer[0].encoding.y,
        x=left,
        x2=right,
        color=by_kind(colours, "family"),
        tooltip=tell({"a": ("", "model"), "family": ""}),
    )
    both = chart.copy(deep=False)
    both.layer = [*chart.layer, marks]
    return both.resolve_scale(color="independent")


def family_dots(effects: Mapping[str, pd.DataFrame], baseline: str, heading: str) -> alt.LayerChart:
    """
    Show how much more pairs of families agree than the pairs of the baseline (`families.family_effects`).

    ``effects`` are tables by what is compared in them, such as kappa and its excess.
    """
    parts = [
        table.assign(name=[f"{what}: {kind}" for kind in table.index])
        for what, table in effects.items()
        for table in [table.drop(index=baseline)]
    ]
    rows = pd.concat(parts).sort_index(kind="stable")[["name", "pairs", "effect", "lower", "upper"]]
    axis = f"difference from {baseline}, all else equal (95% interval over models)"
    line = {"name": baseline, "effect": 0}
    scale, tips = alt.Scale(zero=True, padding=12), {"pairs": ","}
    return dot_rows({"observed": rows}, "effect", axis, title(heading), scale, row="comparison", tips=tips, line=line)


def effective_curve(table: pd.DataFrame, ceiling: float, heading: str) -> alt.LayerChart:
    """Show how many independent models k models are worth (`opinions.opinions_by_size`), and the ceiling (dashed)."""
    x = alt.X("models:Q", scale=alt.Scale(domain=[1, len(table)], nice=False), **SIZES)
    y = alt.Y(type="quantitative", title="independent models", axis=quiet(), scale=alt.Scale(domainMin=1, nice=True))
    told = {"models": ("", "models"), "effective": (".2f", "worth"), "lower": (".2f", "95% of the draws, from")}
    told["upper"] = (".2f", "to")
    band = alt.Chart(table).mark_area(opacity=0.25, color=ACCENT).encode(x=x, y=y.field("lower"), y2="upper:Q")
    most = reference({"most": ceiling}, y.field("most"))
    chart = framed(band, most, *curve(table, x, y.field("effective"), told))
    text = (
        f"Curve of the number of independent models that k models are worth: {heading}. It cannot exceed {ceiling:.2f}."
    )
    return finish(chart, title(heading), text)


def majority_curves(table: pd.DataFrame, heading: str) -> alt.LayerChart:
    """Show how often a majority of k models is right (`opinions.opinions_by_size`), and what it is compared with."""
    long = table.rename(columns=VOTES).melt("models", list(VOTES.values()), "kind", "share").dropna(subset="share")
    x = alt.X("models:Q", scale=alt.Scale(domain=[1, len(table)], nice=False), **SIZES)
    scale = alt.Scale(zero=False, nice=True)
    y = alt.Y("share:Q", title="images that are right", axis=quiet(format="~%"), scale=scale)
    told = {"models": ("", "models"), "kind": "", "share": ".1%"}
    colours = by_kind(dict(zip(VOTES.values(), SERIES, strict=False)), columns=2, labelLimit=300, symbolType="stroke")
    last = long.groupby("kind", sort=False)["share"].last()
    text = "; ".join(f"{kind} {share:.1%}" for kind, share in last.items())
    text = f"Curves of the share of images that k models get right. With all of them: {text}."
    return finish(framed(*curve(long, x, y, told, colours)), title(heading), text)


def reliability_curves(table: pd.DataFrame, heading: str) -> alt.LayerChart:
    """Show how often answers of about the same probability are right (`margins.reliability`), a line a model."""
    table = table.assign(model=table["model"].map(condition_name))
    scale, guide = alt.Scale(domain=[0, 1]), quiet(format="%", tickCount=10)
    x = alt.X("probability:Q", title="probability that the model gives its answer", scale=scale, axis=guide)
    y, told = (
        share_axis("right", "right among these"),
        {"model": "", "probability": ".1%", "right": ".1%", "images": ","},
    )
    ends = pd.DataFrame({"probability": [0, 1], "right": [0, 1]})
    as_said = alt.Chart(ends).mark_line(stroke=SECOND, strokeDash=[5, 4]).encode(x=x, y=y)
    colours = dict(zip(table["model"].unique(), [each for each in SERIES if each != SECOND], strict=False))
    few = len(colours) == table["model"].nunique()
    by_model = by_kind(colours, "model", symbolType="stroke")
    lines = curve(table, x, y, told, by_model) if few else [*bundle(table, table, x, y, "model", told)]
    text = (
        f"Curves of the share of right answers by their probability, a line a model: {heading}. Dashed: both the same."
    )
    return finish(framed(as_said, *lines, height=320), title(heading), text)
