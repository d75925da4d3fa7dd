"""The rule by which a claim of the paper and what was found here agree or differ, and the table of all claims."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from ddd_utils.report.claims import Claim, Record, claim, recorded, registry

ROUNDING = 1e-12  # floating-point slack, far below any printed digit
NOT_COMPUTED = "not computed"
REASONS = (
    NOT_COMPUTED,
    "no observers",
    "undefined here",
    "simulated observers",
    "another data set",
    "other networks",
    "other training",
    "no interval",
    "interval includes zero",
)
UNCOUNTED = (NOT_COMPUTED, "no observers")  # reasons that mean: there is no figure here
Verdict = Literal["agree", "differ", "not comparable"]


@dataclass(frozen=True)
class Figure:
    """A figure found here, as it is printed beside the paper's; `here` says so where nothing was computed."""

    claim_id: str
    label: str
    value: float | None
    here: str
    interval: str
    paper: str
    networks: int | None
    images: int | None

    @property
    def basis(self) -> str:
        """What it rests on, in short."""
        return basis(self.networks, self.images)


def figure(claim_id: str, records: Mapping[str, Record], label: str = "") -> Figure:
    """Write what was found for a claim as it is printed; "undefined" where there is a record without a value."""
    stated, found = claim(claim_id), records.get(claim_id)
    paper, numbers = paper_text(stated), (found.m, found.n) if found else (None, None)
    if found is None or found.value is None:
        return Figure(claim_id, label, None, "undefined" if found else NOT_COMPUTED, "", paper, *numbers)
    here, *limits = (f"{number:{stated.format}}" for number in (found.value, *(found.interval or ())))
    return Figure(claim_id, label, found.value, here, " to ".join(limits), paper, *numbers)


def basis(networks: int | None, images: int | None) -> str:
    """Write how many networks and images a figure rests on, as far as that is known."""
    numbers = {"M": networks, "n": images}
    return ", ".join(f"{name} = {number:,}" for name, number in numbers.items() if pd.notna(number) and number)


def verdict(stated: Claim, found: Record | None) -> tuple[Verdict, str]:
    """
    Compare what the paper claims with what was found: a verdict, and the reason if that is "not comparable".

    A claim is *not comparable* for the first of `REASONS` that applies: nothing was recorded, or a value that is
    undefined (there are no observers yet); the observers were simulated; another data set, other networks or other
    training than the paper's (:mod:`comparability`), which do not count against a claim that is made for any data set;
    no interval or, where only the sign is claimed, one with zero inside. Arithmetic on the paper's own figures needs no
    interval.

    A comparable claim *agrees* if the paper's figure lies in our interval widened by the reading error or, for a sign,
    if the whole interval lies on the claimed side; otherwise it *differs*. So a wider interval never turns agreement
    with a figure into a difference.
    """
    reason = _incomparable(stated, found)
    if reason or found is None or found.value is None:
        return "not comparable", reason
    lower, upper = found.interval or (found.value, found.value)
    if stated.kind == "sign" or stated.value is None:
        if stated.sign == "negative":
            lower, upper = -upper, -lower
        if lower <= 0 < upper:
            return "not comparable", "interval includes zero"
        return ("agree" if lower > 0 else "differ"), ""
    slack = stated.reading_error + ROUNDING * max(1.0, abs(stated.value))
    return ("agree" if lower - slack <= stated.value <= upper + slack else "differ"), ""


def _incomparable(stated: Claim, found: Record | None) -> str:
    people = stated.networks == "observers"
    if found is None:
        return NOT_COMPUTED
    if found.value is None:
        return "no observers" if people and found.m == 0 else "undefined here"
    if found.obstacle:
        return found.obstacle
    return "" if stated.kind == "arithmetic" or found.interval else "no interval"


def table(preset: str | Path) -> pd.DataFrame:
    """
    Set the paper beside what was found here, one row a claim.

    Columns section, id, claim, where, paper, here (with its interval), M, n, data set, verdict, reason, note. The note
    of a claim that is not computed names the section to run.
    """
    records, unreadable = recorded(preset)
    rows = [_row(stated, records, unreadable) for stated in registry().values()]
    return pd.DataFrame(rows).astype({"M": "Int64", "n": "Int64"})


def _row(stated: Claim, records: Mapping[str, Record], unreadable: Mapping[str, str]) -> dict[str, Any]:
    found, written = records.get(stated.id), figure(stated.id, records)
    judged, reason = verdict(stated, found)
    here = f"{written.here} ({written.interval})" if written.interval else written.here
    run = f"run {stated.section}"
    missing = f"{unreadable[stated.section]}: {run} again" if stated.section in unreadable else run
    return {
        "section": stated.section,
        "id": stated.id,
        "claim": stated.statement,
        "where": stated.where,
        "paper": written.paper,
        "here": here if found and found.given else "–",
        "M": written.networks,
        "n": written.images,
        "data set": found.dataset if found else "",
        "verdict": judged,
        "reason": reason,
        "note": found.note if found else missing,
    }


def of_section(preset: str | Path, section: str) -> pd.DataFrame:
    """Return the rows of :func:`table` that one section computes, ready to be shown."""
    rows = table(preset).query("section == @section").reset_index(drop=True)
    shown = rows[["claim", "paper", "here", "M", "n", "data set", "verdict", "reason"]]
    return shown.astype({"M": object, "n": object}).fillna("–")


def by_section(table: pd.DataFrame) -> pd.DataFrame:
    """Count each section's claims and those with a figure here (:func:`table`), and name those without."""
    without = table[table["reason"].isin(UNCOUNTED)]
    entries = without["id"].str.partition(".")[0]
    missing = entries.groupby(without["section"]).agg(lambda ids: ", ".join(dict.fromkeys(ids)))
    sections = table.groupby("section", sort=False).agg(claims=("id", "size"))
    sections["computed"] = sections["claims"] - without.groupby("section").size().reindex(sections.index, fill_value=0)
    sections["missing"] = missing.reindex(sections.index, fill_value="")
    return sections.reset_index()


def paper_text(stated: Claim) -> str:
    """Write what the paper claims: its figure, and the side of zero where only that is claimed."""
    figure = "" if stated.value is None else f"{stated.value:{stated.format}}"
    if stated.kind != "sign":
        return figure
    side = "above 0" if stated.sign == "positive" else "below 0"
    return f"{side} ({figure})" if figure else side
