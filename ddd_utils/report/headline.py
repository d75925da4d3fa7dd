"""What a run comes to: what holds and what does not in three short lists, and all claims."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from IPython.display import HTML

from ddd_utils.analysis.consistency import ONE_NETWORK
from ddd_utils.charts.names_and_colours import dataset_name
from ddd_utils.report import assets, claims, verdicts
from ddd_utils.report.text import section_label
from ddd_utils.report.verdicts import basis

SHOWN, NAMED = 5, 3  # items of a list, claims of an item
HEADINGS = {
    "holds": "Holds here",
    "contradicted": "Contradicted here",
    "not decidable": "Tested here, not decidable",
    "not tested": "Not tested here",
}
OUTSIDE = {
    "arithmetic": "arithmetic on the paper’s own figures",
    "circular": "the authors’ answers against the authors’ percentages",
    "had to happen": "falls that had to happen because of how images are chosen",
    "chosen after a trial": "on data chosen after a trial had shown the pattern",
}


def findings(table: pd.DataFrame) -> HTML:
    """List what holds, what is contradicted, what cannot be decided and what is not tested (`verdicts.table`)."""
    # Of what counts for or against the paper, claims that have a short name; the last line tells what does not count.
    scored = table[table["outside"] == ""]
    groups = []
    for outcome, heading in HEADINGS.items():
        rows = scored[scored["verdict"] == outcome]
        short = rows[rows["short"] != ""]
        items = _commands(short) if outcome == "not tested" else [_item(row) for row in short.to_dict("records")]
        listed = sum(item["claims"] for item in items[:SHOWN])
        if len(rows) or outcome != "not decidable":
            groups.append((outcome.replace(" ", "-"), heading, items[:SHOWN], len(rows) - listed))
    return HTML(assets.part("findings.html", groups=groups, outside=_outside(table)))


def _item(row: Mapping[Any, Any]) -> dict[str, Any]:
    here = row["here"].partition(" (")[0]
    told = [row["reason"], f"paper: {row['paper']}", dataset_name(row["data set"])]
    return {"name": f"{row['short']}: {here}", "told": "; ".join(filter(None, told)), "test": "", "claims": 1}


def _commands(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Gather the claims that are not tested by the command that would test them, most claims first."""
    groups: dict[str, list[str]] = {}
    for row in rows.to_dict("records"):
        groups.setdefault(row["test"], []).append(f"{row['short']} ({row['paper']})")
    return [
        {"name": "; ".join(names[:NAMED]), "told": "", "test": command, "claims": len(names[:NAMED])}
        for command, names in sorted(groups.items(), key=lambda group: -len(group[1]))
    ]


def _outside(table: pd.DataFrame) -> list[str]:
    """Count what is outside the score, by why it is: how much of it holds, and how much does not."""
    judged = table[(table["outside"] != "") & (table["verdict"] != "not tested")]
    words = judged.assign(verdict=judged["verdict"].replace("holds", "hold"))
    counts = words.groupby("outside", sort=False)["verdict"].value_counts().unstack(fill_value=0)
    return [
        f"{OUTSIDE[str(why)]} ({', '.join(f'{count} {kind}' for kind, count in row.items() if count)})"
        for why, row in counts.iterrows()
    ]


def matters(preset: str | Path) -> pd.DataFrame:
    """
    List the claims that have a short name, for `charts.claims_forest`; what is decided comes first.

    Columns name, unit ("per cent" or "kappa"), value, lower, upper, paper, outcome, text (the verdict in words), one
    (whether a single training run is behind the figure), decided (for or against the paper).
    """
    records, outcomes = claims.recorded(preset)[0], list(HEADINGS)
    rows = [_drawn(stated, records.get(key)) for key, stated in claims.registry().items() if stated.short]
    return pd.DataFrame(rows).sort_values("outcome", key=lambda column: column.map(outcomes.index), kind="stable")


def _drawn(stated: claims.Claim, found: claims.Record | None) -> dict[str, Any]:
    judged = verdicts.verdict(stated, found)
    record = found or claims.Record(value=None)
    # What depends on the number of networks stands beside the paper's figure only at the paper's.
    alike = not stated.m or stated.kind == "lowest" or record.m == stated.m
    value, limits = (record.value, record.interval) if alike else (None, None)
    counted = f"{judged.outcome} ({judged.outside})" if judged.outside else judged.outcome
    return {
        "name": stated.short,
        "unit": "per cent" if stated.format.endswith("%") else "kappa",
        "value": value,
        **dict(zip(("lower", "upper"), limits or (None, None), strict=True)),
        "paper": stated.value,
        "outcome": judged.outcome,
        "text": ": ".join(filter(None, [counted, judged.reason])),
        "one": record.m == 1 or ONE_NETWORK in record.note,
        "decided": judged.outcome in ("holds", "contradicted") and not judged.outside,
    }


def claims_table(table: pd.DataFrame) -> HTML:
    """Show every claim (`verdicts.table`), grouped by section; the class of a row is its verdict, or "outside"."""
    groups = [
        (section_label(str(section)), [_row(row) for row in rows.to_dict("records")])
        for section, rows in table.groupby("section", sort=False)
    ]
    return HTML(assets.part("claims.html", groups=groups))


def _row(claim: Mapping[Any, Any]) -> dict[Any, Any]:
    here, _, interval = claim["here"].partition(" (")
    outside = claim["outside"]
    small = [claim["verdict"] if outside else "", claim["reason"], claim["test"]]
    return {
        **claim,
        "kind": "outside" if outside else claim["verdict"].replace(" ", "-"),
        "verdict": outside or claim["verdict"],
        "reason": "; ".join(filter(None, small)),
        "here": here,
        "interval": interval.rstrip(")"),
        "basis": basis(claim["M"], claim["n"]),
        "dataset": dataset_name(claim["data set"]),
    }
