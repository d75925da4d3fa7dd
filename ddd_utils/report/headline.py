"""What the page says first, from the claims of a run: its headline figures, and the table of all claims."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from IPython.display import HTML

from ddd_utils.charts.names_and_colours import CLASS_COLOURS, dataset_name
from ddd_utils.report import assets, claims, verdicts
from ddd_utils.report.text import section_label
from ddd_utils.report.verdicts import NOT_COMPUTED, Figure, basis, figure

SETS = {"Training variants": ("", "variants_"), "Models": ("sota_", "sota_")}  # prefixes of their shares and kappas


@dataclass(frozen=True)
class Card:
    """What one set of networks comes to: shares of trivial, in-between and impossible images, and mean kappas."""

    title: str
    basis: str  # data set and tolerance of the shares
    shares: list[Figure]
    kappas: list[Figure]  # on all images, on the in-between ones
    counts: list[tuple[str, str]]  # networks and images behind the shares

    @property
    def drawn(self) -> bool:
        """Whether all three shares are there, so that a bar can be drawn."""
        return all(share.value is not None for share in self.shares)

    @property
    def description(self) -> str:
        """The bar in words."""
        return ", ".join(f"{share.label} {share.here}" for share in self.shares)


def cards(records: Mapping[str, claims.Record]) -> list[Card]:
    """Collect the figures of the training variants and of the models; what is missing reads "not computed"."""
    return [_card(records, title, *prefixes) for title, prefixes in SETS.items()]


def answer(found: list[Card]) -> str:
    """Answer the question of the page in one sentence, with the figures of the first card that has its shares."""
    card = next((card for card in found if card.drawn), None)
    if card is None:
        return "This run has not computed the shares of trivial and impossible images."
    trivial, _, impossible = card.shares
    (_, networks), (_, images) = card.counts
    shares = f"{trivial.here} of {images} images are trivial for {networks} networks and {impossible.here} impossible"
    everywhere, between = card.kappas
    if everywhere.value is None or between.value is None:
        return f"Here {shares}."
    agreement = (
        f"the mean error consistency of {between.networks} networks is {between.here} on the images in between and "
        f"{everywhere.here} on all"
    )
    if between.value >= everywhere.value:
        return f"Here {shares}; {agreement}."
    return f"Here {shares}; {agreement}. Choosing images by the networks’ own answers lowers it in any case."


def tally(preset: str | Path) -> dict[str, int]:
    """Count the claims that agree, differ, are not comparable or are not computed, in this order."""
    table = verdicts.table(preset)
    counted = Counter(map(outcome, table["verdict"], table["reason"]))
    return {kind: counted[kind] for kind in ("agree", "differ", "not comparable", NOT_COMPUTED)}


def outcome(verdict: str, reason: str) -> str:
    """Tell claims without a figure from those whose figure cannot be compared."""
    return NOT_COMPUTED if reason in verdicts.UNCOUNTED else verdict


def _card(records: Mapping[str, claims.Record], title: str, shares: str, kappas: str) -> Card:
    first = records.get(f"{shares}trivial_share")
    counted = {"Networks": first and first.m, "Images": first and first.n}
    return Card(
        title=title,
        basis=", ".join(filter(None, [dataset_name(first.dataset), first.note])) if first else "",
        shares=[figure(f"{shares}{kind.replace('-', '_')}_share", records, kind) for kind in CLASS_COLOURS],
        kappas=[
            figure(f"{kappas}kappa_all", records, "Mean error consistency, all images"),
            figure(f"{kappas}kappa_in_between", records, "In-between images only"),
        ],
        counts=[(name, NOT_COMPUTED if number is None else f"{number:,}") for name, number in counted.items()],
    )


def claims_table(table: pd.DataFrame) -> HTML:
    """Show every claim (`verdicts.table`), grouped by section; the class of a row is its verdict, or "not-computed"."""
    groups = [
        (section_label(str(section)), [_row(row) for row in rows.to_dict("records")])
        for section, rows in table.groupby("section", sort=False)
    ]
    return HTML(assets.part("claims.html", groups=groups))


def _row(claim: Mapping[Any, Any]) -> dict[Any, Any]:
    here, _, interval = claim["here"].partition(" (")
    return {
        **claim,
        "kind": outcome(claim["verdict"], claim["reason"]).replace(" ", "-"),
        "here": here,
        "interval": interval.rstrip(")"),
        "basis": basis(claim["M"], claim["n"]),
        "dataset": dataset_name(claim["data set"]),
    }
