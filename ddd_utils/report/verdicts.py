"""The rule by which what was found here bears a claim of the paper out or contradicts it, and the table of claims."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from scipy.special import stdtrit

from ddd_utils.config import params
from ddd_utils.report import citation
from ddd_utils.report.claims import Claim, Record, about, claim, recorded, registry
from ddd_utils.report.comparability import planned
from ddd_utils.report.text import Prose, written

ROUNDING = 1e-12  # floating-point slack, far below any printed digit
DIFFERENCE = 0.05  # kappas apart from which a difference of two kappas is another one than the paper's
NOT_COMPUTED = "not computed"
UNCOUNTED = (NOT_COMPUTED, "no observers")  # reasons that mean: there is no figure here
PRESETS = ("quick", "published", "cifar10", "gpu", "paper")  # that test something, the cheapest first
OBSERVE = "python -m ddd_utils experiment quick --out experiment.html"
Interval = tuple[float, float]


@dataclass(frozen=True)
class Verdict:
    """What becomes of a claim."""

    outcome: Literal["holds", "contradicted", "not decidable", "not tested"]
    reason: str = ""  # why it is neither, or how a figure that contradicts the paper's compares with it
    outside: str = ""  # why it is outside the score: "arithmetic", "circular", "had to happen", "chosen after a trial"


def figure(stated: Claim, found: Record | None) -> tuple[str, str]:
    """Write what was found for a claim and its interval as they are printed; words stand for what has no value."""
    if found is None or found.value is None:
        return "undefined" if found else NOT_COMPUTED, ""
    here, *limits = (written(number, stated.format) for number in (found.value, *(found.interval or ())))
    return here, " to ".join(limits)


def basis(networks: int | None, images: int | None) -> str:
    """Write how many networks and images a figure rests on, as far as that is known."""
    numbers = {"M": networks, "n": images}
    return ", ".join(f"{name} = {number:,}" for name, number in numbers.items() if pd.notna(number) and number)


def verdict(stated: Claim, found: Record | None) -> Verdict:
    """
    Hold what was found against what the paper claims.

    Each claim names the figures that bear it out (`zone`). It *holds* where our whole interval lies among them, is
    *contradicted* where none of it does, and is *not decidable* where the interval allows both, or is not known: a
    wider interval only leaves more open. It is *not tested* where nothing was recorded; where data, networks or
    training are not those that it is about (:mod:`comparability`); and where it depends on the number of networks, and
    here that is another. What was bound to come out so is judged all the same, and is outside the score.
    """
    outside = "arithmetic" if stated.kind == "arithmetic" else stated.outside or (found.outside if found else "")
    reason = _untested(stated, found)
    if reason or found is None or found.value is None:
        return Verdict("not tested", reason, outside)
    interval = _deciding(stated, found, found.value)
    if isinstance(interval, str):
        return Verdict("not decidable", interval, outside)
    (lower, upper), (least, most) = interval, zone(stated)
    if least <= lower and upper <= most:
        return Verdict("holds", "", outside)
    if upper < least or lower > most:
        return Verdict("contradicted", _apart(stated, found.value, interval), outside)
    return Verdict("not decidable", "the interval allows both", outside)


def zone(stated: Claim) -> Interval:
    """Return the lowest and the highest figure that bear a claim out; paper.yaml explains the kinds."""
    if stated.kind == "bound" or stated.value is None:
        above = -math.inf if stated.at_least is None else stated.at_least
        return above + ROUNDING, math.inf if stated.at_most is None else stated.at_most
    value, slack = stated.value, stated.reading_error + ROUNDING * max(1.0, abs(stated.value))
    if stated.kind in ("share", "kappa"):
        return value / stated.tolerance - slack, value * stated.tolerance + slack
    if stated.kind == "lowest":
        return value / stated.tolerance - slack, math.inf
    slack += {"difference": DIFFERENCE, "order": 0.49}.get(stated.kind, 0)
    return value - slack, value + slack


def rules() -> Prose:
    """Tell readers how claims are judged."""
    own, any_data = (claim(key).tolerance for key in ("trivial_share", "lowest_condition_kappa"))
    return Prose(
        "A claim *holds* where our whole interval lies among the figures that bear it out, is *contradicted* where "
        "none of it does, and is *not decidable* where it allows both. These figures are, for a share or a kappa, "
        f"within {own - 1:.0%} of the paper’s, as a factor; for a difference of two kappas within {DIFFERENCE:.2f}; "
        f"for “at least as alike as that”, claimed of any data, from {1 / any_data:.0%} of it upwards. Where the paper "
        "gives a word, such as “minor”, the number is our reading. On the paper’s own test images other images are no "
        "source of a difference: the interval that decides is that of other training runs, if both sides have several."
        "\n\n"
        "*Outside the score* are arithmetic on the paper’s own figures, the authors’ answers against the authors’ "
        "percentages (*circular*), what *had to happen*, and what is found on data *chosen after a trial* had shown "
        "the paper’s pattern. M counts the networks or observers, n the images or trials behind a figure."
    )


def _untested(stated: Claim, found: Record | None) -> str:
    if found is None:
        return NOT_COMPUTED
    if found.value is None:
        nobody = stated.networks == "observers" and found.m == 0
        return "no observers" if nobody else found.obstacle or "undefined here"
    other = stated.m and found.m != stated.m and stated.kind != "lowest"
    return found.obstacle or ("another number of them" if other else "")


def _deciding(stated: Claim, found: Record, value: float) -> Interval | str:
    """Return the interval that decides, or why there is none."""
    if stated.kind == "arithmetic" or (stated.same_images and stated.networks == "sota"):
        return value, value  # the same weights on the same images give the same figure
    if stated.same_images:
        return _between_runs(stated, found, value)
    if found.interval is None:
        return "no interval"
    lower, upper = min(value, found.interval[0]), max(value, found.interval[1])
    if stated.sd:  # the paper's own error is known: it adds to ours
        margin = stdtrit(stated.repeats - 1, 0.975) * stated.sd / math.sqrt(stated.repeats)
        lower, upper = value - math.hypot(value - lower, margin), value + math.hypot(upper - value, margin)
    if stated.m and found.m and stated.kind == "lowest":  # the lowest of fewer networks is no lower, of more no higher
        lower, upper = (-math.inf if found.m < stated.m else lower), (math.inf if found.m > stated.m else upper)
    return lower, upper


def _between_runs(stated: Claim, found: Record, value: float) -> Interval | str:
    """Return Student's interval for the same images and other training runs, of one and the same spread."""
    # Each side compares its runs with one base network, which is a run of its own on either side.
    if found.spread is None or min(found.repeats, stated.repeats) < 2:
        return "one training run"
    error = found.spread * math.sqrt(1 / found.repeats + 1 / stated.repeats + 2)
    margin = float(stdtrit(found.repeats - 1, 0.975)) * error
    return value - margin, value + margin


def _apart(stated: Claim, value: float, interval: Interval) -> str:
    """Say how a figure that contradicts the paper's compares with it, a magnitude as a magnitude."""
    if stated.value is None or stated.kind in ("bound", "order", "arithmetic"):
        return ""
    if value == 0 or interval[0] <= 0 <= interval[1]:
        return "not apart from 0"
    if value * stated.value < 0:
        return "the opposite sign"
    factor = max(value / stated.value, stated.value / value)
    share = stated.kind == "share"
    weaker, stronger = ("smaller", "larger") if share else ("weaker", "stronger")
    times = f"{factor:.1f}" if factor < 9.95 else f"{factor:.0f}"
    size = f"{times} times {weaker if abs(value) < abs(stated.value) else stronger}"
    return size if share else f"same sign, {size}"


@cache
def would_test(stated: Claim) -> str:
    """Return the command that would test a claim: that of the cheapest preset that has what it is about."""
    if stated.networks == "observers":
        return OBSERVE
    for preset in PRESETS:
        obstacles = [planned(about(stated), config) for config in _experiments(preset).get(stated.section, [])]
        if "" in obstacles or (stated.kind == "arithmetic" and stated.section in _experiments(preset)):
            return citation.command(preset, None, [])
    return ""


@cache
def _experiments(preset: str) -> dict[str, list[Any]]:
    """List the experiments of each section of a preset."""
    known = params.load(preset)
    return {section: params.experiments(known, section) for section in known.sections}


def table(preset: str | Path) -> pd.DataFrame:
    """
    Set the paper beside what was found here, one row a claim.

    Columns section, id, claim, short, where, paper, here (with its interval), M, n, data set, verdict, reason, outside,
    test, note. ``test`` is the command that would test a claim which is not tested, and the note of one that is not
    computed names the section to run.
    """
    records, unreadable = recorded(preset)
    rows = [_row(stated, records, unreadable) for stated in registry().values()]
    return pd.DataFrame(rows).astype({"M": "Int64", "n": "Int64"})


def _row(stated: Claim, records: Mapping[str, Record], unreadable: Mapping[str, str]) -> dict[str, Any]:
    found = records.get(stated.id)
    judged, (here, interval) = verdict(stated, found), figure(stated, found)
    run = f"run {stated.section}"
    missing = f"{unreadable[stated.section]}: {run} again" if stated.section in unreadable else run
    return {
        "section": stated.section,
        "id": stated.id,
        "claim": stated.statement,
        "short": stated.short,
        "where": stated.where,
        "paper": paper_text(stated),
        "here": (f"{here} ({interval})" if interval else here) if found and found.given else "–",
        "M": found.m if found else None,
        "n": found.n if found else None,
        "data set": found.dataset if found else "",
        "verdict": judged.outcome,
        "reason": judged.reason,
        "outside": judged.outside,
        "test": would_test(stated) if judged.outcome == "not tested" else "",
        "note": found.note if found else missing,
    }


def of_section(preset: str | Path, section: str) -> pd.DataFrame:
    """Return the rows of :func:`table` that one section computes, ready to be shown."""
    rows = table(preset).query("section == @section").reset_index(drop=True)
    shown = rows[["claim", "paper", "here", "M", "n", "data set", "verdict", "reason"]]
    return shown.astype({"M": object, "n": object}).fillna("–")


def paper_text(stated: Claim) -> str:
    """Write what the paper claims: its figure, or the bound that a word of it stands for."""
    figure = "" if stated.value is None else written(stated.value, stated.format)
    if stated.kind != "bound":
        return figure
    if stated.at_least == 0:
        return f"above 0 ({figure})" if figure else "above 0"
    word, limit = ("at most", stated.at_most) if stated.at_least is None else ("above", stated.at_least)
    return f"{word} {written(limit, stated.format)}, as we read it"
