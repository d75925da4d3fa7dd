"""The page on which two reports stand side by side: headline figures, every common claim, and what separates them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

from ddd_utils.reporting import assets, comparison, headline, page
from ddd_utils.reporting.claims import paper_text
from ddd_utils.reporting.names_and_colours import dataset_name
from ddd_utils.reporting.registry import Claim, registry
from ddd_utils.reporting.verdicts import Record
from ddd_utils.reporting.wording import section_label


@dataclass(frozen=True)
class Report:
    """
    One of the two.

    Attributes
    ----------
    name : str
        Its preset.
    records : mapping of str to Record
        Its claims, from `claims.read`.
    built : datetime or None
        When its page was built; None where that is not known.
    """

    name: str
    records: Mapping[str, Record]
    built: datetime | None = None

    @property
    def datasets(self) -> list[str]:
        """Names of its data sets as readers see them, each once."""
        known = [self.records[key] for key in registry() if comparison.computed(self.records.get(key))]
        return list(dict.fromkeys(dataset_name(record.dataset) for record in known if record.dataset != "any"))

    @property
    def computed(self) -> int:
        """Number of claims it has a figure for."""
        return sum(comparison.computed(self.records.get(key)) for key in registry())


@dataclass(frozen=True)
class Beside:
    """
    One row of the page: a figure of both reports.

    Attributes
    ----------
    label, where, paper : str
        What it is, and what the paper says.
    first, second : Figure
        As they are printed.
    notes : (str, str)
        Of each figure, the data set and what a reader should know.
    apart, interval : str
        The difference; the latter says why there is no interval where there is none.
    """

    label: str
    where: str
    paper: str
    first: headline.Figure
    second: headline.Figure
    notes: tuple[str, str]
    apart: str
    interval: str


def page_of(first: Report, second: Report) -> str:
    """
    Make the page.

    Parameters
    ----------
    first, second : Report
        The two reports; differences are the second's figure minus the first's.

    Returns
    -------
    str
        HTML that fetches nothing. The same reports make the same bytes.
    """
    scripts = assets.plain_scripts()
    rows = comparison.common(first.records, second.records)
    return (
        page.environment()
        .get_template("comparison.html")
        .render(
            reports=(first, second),
            names=_names(first, second),
            cards=_cards(first, second),
            rows=[_claim(first, second, row) for row in rows],
            bounded=sum(row.difference.interval is not None for row in rows),
            alone=[_alone(first, second), _alone(second, first)],
            style=Markup(assets.style("comparison")),
            scripts=[Markup(script) for script in scripts],
            policy=assets.policy(scripts),
        )
    )


def signed(value: float, form: str) -> str:
    """
    Write a difference.

    Parameters
    ----------
    value : float
        The difference.
    form : str
        How the figures themselves are written, such as ``.1%``.

    Returns
    -------
    str
        With its sign; of shares, in percentage points.
    """
    form = form.removeprefix("+")
    if form.endswith("%"):
        return f"{100 * value:+z{form[:-1]}f} pp"
    return f"{value:+z{form}}"


def _names(first: Report, second: Report) -> tuple[str, str]:
    """Tell two folders of one preset apart by their order."""
    if first.name != second.name:
        return first.name, second.name
    return f"{first.name} (first)", f"{second.name} (second)"


def _cards(first: Report, second: Report) -> list[tuple[headline.Card, headline.Card, list[Beside]]]:
    """Return the headline figures of both by set of networks, with a row each."""
    found = []
    for one, other in zip(headline.cards(first.records), headline.cards(second.records), strict=True):
        figures = zip([*one.shares, *one.kappas], [*other.shares, *other.kappas], strict=True)
        found.append((one, other, [_figures(first, second, *pair) for pair in figures]))
    return found


def _figures(first: Report, second: Report, one: headline.Figure, other: headline.Figure) -> Beside:
    records = first.records.get(one.claim_id), second.records.get(one.claim_id)
    stated = registry()[one.claim_id]
    apart = comparison.difference(*records) if all(records) else comparison.Difference(None, None, "")
    notes = tuple(_note(record) for record in records)
    where = f"{section_label(stated.section)}; {stated.where}"
    return Beside(one.label, where, paper_text(stated), one, other, notes, *_difference(apart, stated.format))


def _claim(first: Report, second: Report, row: comparison.Row) -> Beside:
    key, label = row.stated.id, row.stated.statement
    return _figures(first, second, *(headline.figure(report.records, key, label) for report in (first, second)))


def _difference(apart: comparison.Difference, form: str) -> tuple[str, str]:
    if apart.value is None:
        return "–", apart.reason
    if apart.interval is None:
        return signed(apart.value, form), apart.reason
    lower, upper = (signed(limit, form) for limit in apart.interval)
    return signed(apart.value, form), f"{lower.removesuffix(' pp')} to {upper}"


def _note(record: Record | None) -> str:
    if record is None:
        return ""
    return ", ".join(filter(None, ["" if record.dataset == "any" else dataset_name(record.dataset), record.note]))


def _alone(report: Report, other: Report) -> list[tuple[Claim, str, headline.Figure, str]]:
    """Return what only one report has, with its figure as it is printed."""
    return [
        (
            stated,
            paper_text(stated),
            headline.figure(report.records, stated.id, stated.statement),
            _note(report.records[stated.id]),
        )
        for stated in comparison.alone(report.records, other.records)
    ]
