"""Two reports side by side: their figures, and the difference with an interval where the errors are independent."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import altair as alt
import pandas as pd
from IPython.display import HTML, Markdown
from markupsafe import Markup

from ddd_utils import paths
from ddd_utils.charts.forms import WIDTH, by_kind, finish, title
from ddd_utils.charts.names_and_colours import dataset_name
from ddd_utils.errors import InputError, nearest
from ddd_utils.report import assets, citation, claims
from ddd_utils.report.claims import Record, registry, share_ids
from ddd_utils.report.text import section_label
from ddd_utils.report.verdicts import basis, figure, paper_text

Interval = tuple[float, float]
Cell = str | int | tuple[str, ...]  # a text, perhaps with small print
SETS_ABOVE = alt.Header(title=None, labelOrient="top", labelAnchor="start", labelAngle=0)
BUILT = re.compile(r'<time datetime="([^"]+)">')  # the first on a page says when it was built
SETS = {"Training variants": ("", "variants_"), "Models": ("sota_", "sota_")}  # prefixes of their shares and kappas
KAPPAS = {"Mean error consistency, all images": "kappa_all", "In-between images only": "kappa_in_between"}
UNTOLD = {"folder", "npz", "table"}  # names of data sets that do not say which images these are


@dataclass(frozen=True)
class Report:
    """A folder of a report, and what its sections have recorded."""

    folder: Path
    name: str  # of its preset; of two alike, it says which one is meant
    records: Mapping[str, Record]  # by claim
    built: datetime | None  # None where no page lies beside the claims

    @property
    def computed(self) -> list[str]:
        """The claims it has a figure for, in the order of paper.yaml."""
        return [key for key in registry() if key in self.records and self.records[key].given]

    @property
    def datasets(self) -> list[str]:
        """Names of its data sets as readers see them, each once."""
        named = (dataset_name(self.records[key].dataset) for key in self.computed)
        return list(dict.fromkeys(filter(None, named)))

    def shares(self, prefix: str) -> dict[str, float | None]:
        """Return the shares of images by difficulty; None where one is missing or undefined."""
        found = {kind: self.records.get(key) for kind, key in share_ids(prefix).items()}
        return {kind: record.value if record else None for kind, record in found.items()}


class Difference(NamedTuple):
    """What separates two figures of one claim."""

    value: float | None = None  # the second minus the first; None where one of them is undefined
    interval: Interval | None = None  # its 95% interval
    reason: str = ""  # why there is none, as `_obstacle` gives it


@dataclass(frozen=True)
class Comparison:
    """Two reports; differences are the figures of `other` minus those of `one`."""

    one: Report
    other: Report

    @property
    def common(self) -> list[str]:
        """The claims that both have computed, in the order of paper.yaml."""
        return [key for key in self.one.computed if key in self.other.computed]

    def runs(self) -> HTML:
        """Tell what the two reports are, in a table with a row each."""
        heads = ["Report", "Built", "Data sets", "Claims computed"]
        unknown = "not known: no page lies beside its claims"
        rows: list[list[Cell]] = [
            [each.name, assets.shown(each.built or unknown), assets.shown(each.datasets), len(each.computed)]
            for each in (self.one, self.other)
        ]
        return HTML(_table(heads, rows))

    def shares(self) -> alt.Chart | None:
        """Draw the shares of trivial, in-between and impossible images, where a set of networks has all three."""
        rows = [
            {"networks": networks, "report": report.name, "kind": kind, "share": share, "order": order}
            for report in (self.one, self.other)
            for networks, (prefix, _) in SETS.items()
            if None not in (shares := report.shares(prefix)).values()
            for order, (kind, share) in enumerate(shares.items())
        ]
        return _bars(pd.DataFrame(rows), [self.one.name, self.other.name]) if rows else None

    def headline_figures(self) -> HTML:
        """Set the figures that a report opens with beside each other, in a table with a row each."""
        rows = [
            [(label, networks), *self._beside(key)]
            for networks, (shares, kappas) in SETS.items()
            for label, key in [*share_ids(shares).items(), *((label, kappas + key) for label, key in KAPPAS.items())]
        ]
        return HTML(_table(self._heads("Figure"), rows))

    def counted(self) -> Markdown:
        """Say how many claims both reports have computed, and how many of the differences have an interval."""
        shared = self.common
        bounded = [key for key in shared if self._difference(key).interval]
        if not shared:
            return Markdown("There are none: no claim has a figure in both reports.")
        if not bounded:
            return Markdown(f"There are {len(shared)}; no difference has an interval, and each says why.")
        return Markdown(
            f"There are {len(shared)}; the difference has an interval in {len(bounded)}. Of many intervals at 95%, "
            "one in twenty leaves the true difference out."
        )

    def every_claim(self) -> HTML:
        """Set every claim that both reports have computed beside each other; nothing where they have none in common."""
        rows = [[_claim(key), *self._beside(key)] for key in self.common]
        return HTML(_table(self._heads("Claim"), rows) if rows else "")

    def only_one(self) -> HTML:
        """List the claims that only one of the reports has computed, in a folded table for each."""
        return HTML(Markup("").join([_alone(self.one, self.other), _alone(self.other, self.one)]))

    def _heads(self, first: str) -> list[str]:
        return [first, "Paper", self.one.name, self.other.name, "Difference"]

    def _beside(self, key: str) -> list[Cell]:
        """Write the paper's figure of a claim, those of both reports, and what separates them."""
        apart = _apart(self._difference(key), registry()[key].format)
        return [paper_text(registry()[key]) or "–", _figure(self.one, key), _figure(self.other, key), apart]

    def _difference(self, key: str) -> Difference:
        return difference(self.one.records.get(key), self.other.records.get(key))


def read(first: str, second: str) -> Comparison:
    """Read what two reports have recorded; each is a folder, or the name or YAML file of a preset."""
    folders = [_folder(name) for name in (first, second)]
    if folders[0].resolve() == folders[1].resolve():
        raise InputError(f"{first} and {second} are the same report: two different ones are compared")
    names = [folder.resolve().name for folder in folders]
    if names[0] == names[1]:
        names = [f"{names[0]} ({which})" for which in ("first", "second")]
    return Comparison(*map(_report, folders, names))


def difference(first: Record | None, second: Record | None) -> Difference:
    """Subtract the first figure from the second; on one data set their errors go together: no interval is known."""
    if first is None or second is None:
        return Difference()
    reason = _obstacle(first, second)
    if first.value is None or second.value is None:
        return Difference(reason=reason)
    if reason or first.interval is None or second.interval is None:
        return Difference(second.value - first.value, None, reason)
    interval = limits(first.value, first.interval, second.value, second.interval)
    return Difference(second.value - first.value, interval)


def limits(first: float, first_limits: Interval, second: float, second_limits: Interval) -> Interval:
    """Give the difference of two figures with independent errors an interval: distances to limits add in squares."""
    below = math.hypot(second - second_limits[0], first_limits[1] - first)
    above = math.hypot(second_limits[1] - second, first - first_limits[0])
    return second - first - below, second - first + above


def signed(value: float, form: str) -> str:
    """Write a difference of figures that are written in some form; shares differ by percentage points."""
    form = form.removeprefix("+")
    if form.endswith("%"):
        return f"{100 * value:+z{form[:-1]}f} pp"
    return f"{value:+z{form}}"


def _obstacle(first: Record, second: Record) -> str:
    """Return the first reason that applies, or nothing."""
    both, sets = (first, second), {first.dataset, second.dataset}
    reasons = {
        "undefined": any(each.value is None for each in both),
        "arithmetic on the paper’s figures": "any" in sets,
        "same data set": len(sets) == 1,
        "which images is not known": bool(sets & UNTOLD),
        "no interval to go by": any(each.interval is None for each in both),
        "a figure lies outside its interval": not all(map(_inside, both)),
    }
    return next((reason for reason, applies in reasons.items() if applies), "")


def _inside(record: Record) -> bool:
    """Say whether a figure lies in its interval; without one of the two there is nothing to hold against it."""
    if record.value is None or record.interval is None:
        return True
    return record.interval[0] <= record.value <= record.interval[1]


def _bars(rows: pd.DataFrame, reports: list[str]) -> alt.Chart:
    """Stack the shares of each report and set of networks."""
    chart = (
        alt.Chart(rows, width=WIDTH - 100, height={"step": 26})
        .mark_bar()
        .encode(
            alt.X("share:Q", title="share of the images", axis=alt.Axis(format="%"), scale=alt.Scale(domain=[0, 1])),
            alt.Y("report:N", title=None, sort=reports),
            by_kind(),
            alt.Order("order:Q"),
            alt.Row("networks:N", header=SETS_ABOVE, sort=list(SETS)),
            tooltip=["report:N", "networks:N", "kind:N", alt.Tooltip("share:Q", format=".1%")],
        )
    )
    told = "; ".join("{report}, {networks}, {kind}: {share:.1%}".format_map(row) for row in rows.to_dict("records"))
    heading = title(f"Trivial and impossible images in {reports[0]} and {reports[1]}")
    return finish(chart, heading, f"Stacked bars of the shares of images. {told}.")


def _table(heads: Sequence[str], rows: Sequence[Sequence[Cell]]) -> Markup:
    return Markup(assets.part("table.html", heads=heads, rows=rows))


def _claim(key: str) -> Cell:
    stated = registry()[key]
    return stated.statement, f"{section_label(stated.section)}; {stated.where}"


def _figure(report: Report, key: str) -> Cell:
    """Write a figure with its interval, what it rests on, and what a reader should know."""
    record = report.records.get(key)
    here, interval = figure(registry()[key], record)
    if record is None:
        return "–", here, "", ""
    shown = ("–", here) if record.value is None else (here, interval)
    note = ", ".join(filter(None, [dataset_name(record.dataset), record.note]))
    return *shown, basis(record.m, record.n).replace(" = ", "\u00a0=\u00a0"), note


def _apart(apart: Difference, form: str) -> Cell:
    shown = "–" if apart.value is None else signed(apart.value, form)
    if apart.interval is None:
        return shown, apart.reason
    lower, upper = (signed(limit, form) for limit in apart.interval)
    return shown, f"{lower.removesuffix(' pp')} to {upper}"


def _alone(report: Report, other: Report) -> Markup:
    alone = [key for key in report.computed if key not in other.computed]
    if not alone:
        return Markup("<p>None only in {}.</p>").format(report.name)
    rows = [[_claim(key), paper_text(registry()[key]) or "–", _figure(report, key)] for key in alone]
    table = _table(["Claim", "Paper", report.name], rows)
    heading = Markup("<summary>{} only in {}</summary>").format(len(alone), report.name)
    return Markup("<details>{}{}</details>").format(heading, table)


def _folder(name: str) -> Path:
    """Find the folder whose claims are meant."""
    given = Path(name)
    file = given.suffix in (".yaml", ".yml")
    preset = given.stem if file else given.resolve().name
    # Only a bare name may mean a folder elsewhere: a path means that folder.
    options = [given, paths.build() / preset] if file or str(given) == preset else [given]
    if found := next((option for option in options if _has_claims(option)), None):
        return found
    raise InputError(_absent(name, preset, any(option.is_dir() for option in options)))


def _has_claims(folder: Path) -> bool:
    return any((folder / "claims").glob("*.json"))


def _absent(name: str, preset: str, there: bool) -> str:
    known = {path.stem for path in paths.PARAMS.glob("*.yaml")}
    if preset in known:
        return f"{name}: there are no claims yet: run `{citation.command(preset, None, [])}`"
    if there:
        return f"{name}: there are no claims in this folder: `make report` writes them into build/<preset>"
    made = sorted(path.name for path in paths.build().glob("*") if _has_claims(path))
    return f"there is no report '{name}'{nearest(preset, {*made, *known})}; made are: {', '.join(made) or 'none'}"


def _report(folder: Path, name: str) -> Report:
    records, damaged = claims.read(folder / "claims")
    for section, path in damaged.items():
        command = citation.command(folder.resolve().name, [section], [])
        raise InputError(f"{path}: cannot be read: run `{command}` again")
    return Report(folder, name, records, _built(folder / "report.html"))


def _built(page: Path) -> datetime | None:
    try:
        found = BUILT.search(page.read_text("utf-8"))
        return datetime.fromisoformat(found[1]) if found else None
    except (OSError, ValueError):
        return None
