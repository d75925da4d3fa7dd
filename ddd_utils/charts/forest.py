"""The claims that matter as a forest of intervals: the paper's figure, what was found here, and the verdict."""

import altair as alt
import pandas as pd

from .forms import COLUMN, NO_FRAME, dots, finish, looks, quiet, title
from .names_and_colours import ACCENT, MUTED, NOTE, minus

ROW = 46  # px: a line of words, the verdict, and below them the marks
ABOVE = {"name": -25, "text": -12}  # px
KINDS = ("observed", "single network", "paper")
UNITS = {  # axis, what the claims are about, format, format of the axis
    "per cent": ("share", "shares", ".1%", "%"),
    "kappa": ("kappa, a difference of two, or a correlation", "agreement", ".2f", "~f"),
}


def claims_forest(claims: pd.DataFrame, unit: str) -> alt.LayerChart:
    """
    Draw the claims of a unit, "per cent" or "kappa", on one linear axis, as wide as the column.

    ``claims`` has the columns name, unit, value, lower, upper, paper, text (the verdict), decided (faint where it is
    not) and one (a single training run, thin and grey); numbers that are not known are NaN.
    """
    axis, what, form, ticks = UNITS[unit]
    rows = claims[claims["unit"] == unit].reset_index(drop=True)
    rows = rows.assign(row=rows.index, kind=rows["one"].map({True: KINDS[1], False: KINDS[0]}))
    here = rows.dropna(subset="value")
    marks = pd.concat([here, rows.assign(kind=KINDS[2], value=rows["paper"], decided=True).dropna(subset="value")])
    along = alt.X(title=axis, axis=quiet(format=ticks, tickCount=6))
    across = alt.Y("row:Q", scale=alt.Scale(domain=[len(rows) - 0.5, -0.7], nice=False), axis=None)
    look = {**looks([kind for kind in KINDS if kind in set(marks["kind"])]), "opacity": _if("decided", 1, 0.4)}
    drawn = {"color": _if("one", MUTED, ACCENT), "strokeWidth": _if("one", 1, 2), "opacity": look["opacity"]}
    told = {"name": ("", "claim"), "kind": ("", "shown"), "value": form, "lower": form, "upper": form}
    points = dots(here, "value", along, across, {**told, "text": ("", "verdict")}, marks, look, **drawn)
    words = [_words(rows, column, across) for column in ABOVE]
    holds, against = ((rows["decided"] & (rows["outcome"] == outcome)).sum() for outcome in ("holds", "contradicted"))
    heading = f"Of {len(rows)} claims about {what} {holds} {'holds' if holds == 1 else 'hold'} here, "
    heading += f"{against} {'is' if against == 1 else 'are'} contradicted"
    chart = alt.LayerChart(layer=[*points.layer, *words], view=NO_FRAME, width=COLUMN, height=ROW * len(rows))
    return finish(
        chart,
        title(heading, "Diamonds: the paper; faint: decides nothing"),
        " ".join(map(_in_words, rows.to_dict("records"))),
    )


def _if(column: str, then: object, otherwise: object) -> dict:
    return alt.condition(f"datum.{column}", alt.value(then), alt.value(otherwise))


def _words(rows: pd.DataFrame, column: str, across: alt.Y) -> alt.Chart:
    """Write a column above the marks, from the left edge of the plot: beside them a phone has no room."""
    size = 12 if column == "name" else 11
    mark = alt.Chart(rows).mark_text(align="left", dy=ABOVE[column], fontSize=size, color=NOTE)
    return mark.encode(x=alt.value(0), y=across, text=f"{column}:N")


def _in_words(row: dict) -> str:
    form = UNITS[row["unit"]][2]
    figures = [
        f"{who} {minus(format(row[key], form))}"
        for who, key in (("paper", "paper"), ("here", "value"))
        if pd.notna(row[key])
    ]
    return f"{row['name']}: {', '.join([*figures, row['text']])}."
