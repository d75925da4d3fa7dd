"""The table of all claims, laid out to be read: by section, the paper's figure beside ours."""

from collections.abc import Iterable
from html import escape

import pandas as pd
from IPython.display import HTML

from ddd_utils.reporting.headline import outcome
from ddd_utils.reporting.names_and_colours import dataset_name
from ddd_utils.reporting.wording import section_label

HEADINGS = {"Claim": "", "Paper": ' class="number"', "Here": ' class="number"', "Verdict": "", "Rests on": ""}


def claims_table(table: pd.DataFrame) -> HTML:
    """
    Show every claim.

    Parameters
    ----------
    table : DataFrame
        From `claims.table`.

    Returns
    -------
    HTML
        One table with a group of rows a section. The class of a row is its verdict, or "not-computed".
    """
    groups = "".join(
        f'<tbody><tr class="group"><th colspan="{len(HEADINGS)}">{escape(section_label(section))}</th></tr>'
        f"{''.join(map(_row, rows.to_dict('records')))}</tbody>"
        for section, rows in table.groupby("section", sort=False)
    )
    heads = "".join(f"<th{kind}>{heading}</th>" for heading, kind in HEADINGS.items())
    return HTML(f'<table class="claims"><thead><tr>{heads}</tr></thead>{groups}</table>')


def _row(claim: dict) -> str:
    kind = outcome(claim["verdict"], claim["reason"]).replace(" ", "-")
    here, _, interval = claim["here"].partition(" (")
    cells = [
        f"<th>{escape(claim['claim'])}{_small([claim['where'], claim['note']])}</th>",
        f'<td class="number">{escape(claim["paper"])}</td>',
        f'<td class="number">{escape(here)}{_small([interval.rstrip(")")])}</td>',
        f'<td class="verdict {kind}">{claim["verdict"]}{_small([claim["reason"]])}</td>',
        f"<td>{escape(_numbers(claim))}{_small([_dataset(claim['data set'])])}</td>",
    ]
    return f'<tr class="{kind}">{"".join(cells)}</tr>'


def _small(texts: Iterable[str]) -> str:
    text = "; ".join(filter(None, texts))
    return f" <small>{escape(text)}</small>" if text else ""


def _numbers(claim: dict) -> str:
    named = [("M", claim["M"]), ("n", claim["n"])]
    return ", ".join(f"{name} = {number:,}" for name, number in named if pd.notna(number) and number)


def _dataset(name: str) -> str:
    return "" if name == "any" else dataset_name(name)
