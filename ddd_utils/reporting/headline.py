"""The headline figures of a run, from its claims: what the cards at the top of the page show."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ddd_utils.reporting import claims
from ddd_utils.reporting.names_and_colours import CLASS_COLOURS, dataset_name

SETS = {"Training variants": ("", "variants_"), "Models": ("sota_", "sota_")}  # prefixes of their shares and kappas
NOT_COMPUTED = "not computed"
UNCOUNTED = (NOT_COMPUTED, "no observers")  # reasons that mean: there is no figure here


@dataclass(frozen=True)
class Figure:
    """
    A figure found here beside the paper's.

    Attributes
    ----------
    claim_id : str
        The claim it is the figure of.
    label : str
        What it is.
    value : float or None
        As it was recorded.
    here, interval, paper : str
        As they are printed; ``here`` says so where nothing was computed, the other two may then be empty.
    networks, images : int or None
        How many it rests on.
    """

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
        numbers = {"M": self.networks, "n": self.images}
        return ", ".join(f"{name} = {number:,}" for name, number in numbers.items() if number)


@dataclass(frozen=True)
class Card:
    """
    What one set of networks comes to.

    Attributes
    ----------
    title : str
        The set.
    basis : str
        Data set and tolerance of its shares.
    shares : list of Figure
        Of trivial, in-between and impossible images.
    kappas : list of Figure
        Mean error consistency on all images and on those in between.
    counts : list of (str, str)
        Numbers of networks and of images behind the shares.
    """

    title: str
    basis: str
    shares: list[Figure]
    kappas: list[Figure]
    counts: list[tuple[str, str]]

    @property
    def drawn(self) -> bool:
        """Whether all three shares are there, so that a bar can be drawn."""
        return all(share.value is not None for share in self.shares)

    @property
    def description(self) -> str:
        """The bar in words."""
        return ", ".join(f"{share.label} {share.here}" for share in self.shares)


def cards(records: Mapping[str, claims.Record]) -> list[Card]:
    """
    Collect the figures of the training variants and of the models.

    Parameters
    ----------
    records : mapping of str to Record
        From `claims.recorded`.

    Returns
    -------
    list of Card
        Always two; what is missing reads "not computed".
    """
    return [_card(records, title, *prefixes) for title, prefixes in SETS.items()]


def answer(found: list[Card]) -> str:
    """
    Answer the question of the page in one sentence, with the figures of this run.

    Parameters
    ----------
    found : list of Card
        From `cards`; the first with all its shares speaks.

    Returns
    -------
    str
        Plain text.
    """
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
    bound = ", a fall that choosing images by the networks’ own answers is bound to bring"
    return f"Here {shares}; {agreement}{bound * (between.value < everywhere.value)}."


def figure(records: Mapping[str, claims.Record], claim_id: str, label: str) -> Figure:
    """
    Write what was found for a claim as it is printed.

    Parameters
    ----------
    records : mapping of str to Record
        From `claims.recorded`.
    claim_id : str
        Its id in paper.yaml.
    label : str
        What it is called.

    Returns
    -------
    Figure
        "not computed" where there is no record, "undefined" where it has no value.
    """
    stated, found = claims.claim(claim_id), records.get(claim_id)
    paper = "" if stated.value is None else f"{stated.value:{stated.format}}"
    numbers = (found.m, found.n) if found else (None, None)
    if found is None or found.value is None:
        return Figure(claim_id, label, None, "undefined" if found else NOT_COMPUTED, "", paper, *numbers)
    limits = [f"{limit:{stated.format}}" for limit in found.interval or ()]
    here = f"{found.value:{stated.format}}"
    return Figure(claim_id, label, found.value, here, " to ".join(limits), paper, *numbers)


def verdicts(preset: str | Path) -> dict[str, int]:
    """
    Count the claims of the paper by what became of them.

    Parameters
    ----------
    preset : str or Path
        Name of the preset, or its YAML file.

    Returns
    -------
    dict of str to int
        "agree", "differ", "not comparable" (there is a figure here, but another kind of data or networks) and "not
        computed", in this order.
    """
    table = claims.table(preset)
    counted = Counter(map(outcome, table["verdict"], table["reason"]))
    return {kind: counted[kind] for kind in ("agree", "differ", "not comparable", NOT_COMPUTED)}


def outcome(verdict: str, reason: str) -> str:
    """Tell claims without a figure from those whose figure cannot be compared."""
    return NOT_COMPUTED if reason in UNCOUNTED else verdict


def _card(records: Mapping[str, claims.Record], title: str, shares: str, kappas: str) -> Card:
    first = records.get(f"{shares}trivial_share")
    return Card(
        title=title,
        basis=", ".join(filter(None, [dataset_name(first.dataset), first.note])) if first else "",
        shares=[figure(records, f"{shares}{kind.replace('-', '_')}_share", kind) for kind in CLASS_COLOURS],
        kappas=[
            figure(records, f"{kappas}kappa_all", "Mean error consistency, all images"),
            figure(records, f"{kappas}kappa_in_between", "In-between images only"),
        ],
        counts=[("Networks", _count(first and first.m)), ("Images", _count(first and first.n))],
    )


def _count(number: int | None) -> str:
    return NOT_COMPUTED if number is None else f"{number:,}"
