"""The paper's claims, as paper.yaml lists them, and what the sections find for them: written down and read back."""

import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, ValidationError

from ddd_utils import paths
from ddd_utils.analysis import difficulty
from ddd_utils.analysis.consistency import ConditionDifference, compared_networks, pairwise_error_consistency
from ddd_utils.errors import InputError, nearest
from ddd_utils.files import read_json, read_own_yaml, write_json
from ddd_utils.report.comparability import Basis, Paper, are_the_papers, obstacle, of_the_eleven, outside
from ddd_utils.responses import Responses

if TYPE_CHECKING:
    from ddd_utils.analysis.plausibility import Finding
    from ddd_utils.analysis.verdict import Clause

PAPER = Path(__file__).with_name("paper.yaml")


class Claim(BaseModel):
    """One claim of the paper; paper.yaml explains the fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    section: str
    statement: str
    where: str
    short: str = ""
    value: float | None = None
    reading_error: float = 0
    format: str
    dataset: Literal["imagenet", "cifar100", "gaussian", "human", "any"]
    networks: Literal["resnet18_variants", "sota", "vgg11", "densenet121", "observers", "none"]
    holds_on: Literal["own", "dataset", "any"] = "own"
    kind: Literal["share", "kappa", "difference", "order", "lowest", "bound", "arithmetic"]
    tolerance: float = 1.1
    at_least: float | None = None
    at_most: float | None = None
    m: int | None = None
    repeats: int = 1
    sd: float | None = None
    outside: Literal["", "had to happen"] = ""

    @property
    def same_images(self) -> bool:
        """Whether who repeats it uses the paper's own test images, so that these are no source of a difference."""
        return self.holds_on == "own" and self.dataset in ("imagenet", "cifar100")


@cache
def registry() -> dict[str, Claim]:
    """Return every claim of the paper by its id, in the order of paper.yaml."""
    entries = [(section, entry) for section, entries in paper()["claims"].items() for entry in entries]
    claims = [Claim(section=section, **item) for section, entry in entries for item in _items(entry)]
    return {claim.id: claim for claim in claims}


@cache
def paper() -> dict[str, Any]:
    """Return paper.yaml as plain data: claims, printed figures, the paper's experiments and errata."""
    return read_own_yaml(PAPER)


def claim(claim_id: str) -> Claim:
    """Look a claim up by its id in paper.yaml; ``<id>.<key>`` where the entry has several values."""
    if claim_id not in registry():
        raise InputError(f"the paper has no claim '{claim_id}'{nearest(claim_id, registry())}")
    return registry()[claim_id]


def about(stated: Claim) -> Paper:
    """Say which networks on which data a claim is about, and how the paper trained what it trained."""
    return Paper(stated.networks, stated.dataset, paper()["experiments"], stated.holds_on)


def printed(claim_id: str) -> float:
    """Return the figure that the paper prints for a claim."""
    figure = claim(claim_id).value
    assert figure is not None
    return figure


def paper_values(entry_id: str) -> dict[str, float]:
    """Return the paper's figures of an entry with several values, such as ``kappa_imagenet``, by key."""
    prefix = f"{entry_id}."
    return {key.removeprefix(prefix): printed(key) for key in registry() if key.startswith(prefix)}


def _items(entry: dict[str, Any]) -> list[dict[str, Any]]:
    """Make one claim of each of an entry's values."""
    if "values" not in entry:
        return [entry]
    common, instances = {key: value for key, value in entry.items() if key != "values"}, paper()["instances"]
    return [
        {**common, "id": f"{entry['id']}.{key}", "value": value, "repeats": instances.get(key, 1)}
        | {"statement": entry["statement"].format(item=key.replace("_", " "))}
        for key, value in entry["values"].items()
    ]


class Record(BaseModel):
    """What a section found for a claim; `None` is undefined (value) or not given."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    value: float | None
    interval: tuple[float, float] | None = None
    m: int | None = None  # networks or observers
    n: int | None = None  # images or trials
    dataset: str = "any"
    obstacle: str = ""  # why the figure cannot stand beside the paper's
    outside: str = ""  # why it is outside the score: "circular", "chosen after a trial"
    repeats: int = 1  # independent training runs or observers behind it; of one, nothing is known about others
    spread: float | None = None  # standard deviation over them, the images fixed
    note: str = ""

    @property
    def given(self) -> bool:
        """Whether there is a figure: without observers there is none of theirs, though their absence was recorded."""
        return self.value is not None or self.m != 0


class Scores(BaseModel):
    """How many images 0, 1, ... M networks get right, and the tolerance at which the section calls them in-between."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    counts: list[int]
    tolerance: int
    dataset: str


class _Found(BaseModel):
    """What a section has recorded, and the digest of the parameters that it was computed with."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    digest: str
    claims: dict[str, Record]
    clauses: dict[str, dict[str, Any]]
    scores: dict[str, Scores] = {}
    doubts: list[dict[str, Any]] = []  # what is unlikely in the answers, `doubts` says how


class Book:
    """The claims that one section computes, on disk after every record; a new one forgets what was recorded before."""

    def __init__(self, section: str, preset: str | Path, digest: str = ""):
        # A section of one's own has a notebook, and no claim of the paper.
        sections = [*paper()["claims"], *(path.stem for path in paths.NOTEBOOKS.glob("*.py"))]
        if section not in sections:
            raise InputError(f"there is no section '{section}'{nearest(section, sections)}")
        self.section, self.path = section, _path(preset, section)
        self._found = _Found(digest=digest, claims={}, clauses={})
        forget(section, preset)

    def record(
        self,
        claim_id: str,
        value: float | None,
        interval: tuple[float, float] | None = None,
        responses: Responses | Basis | None = None,
        note: str = "",
        runs: Sequence[float] = (),
    ) -> None:
        """
        Write down what was found for a claim.

        ``value`` is in the paper's unit (shares, not per cent), ``interval`` its 95% interval; None or NaN is
        undefined. The figure rests on the networks and images of ``responses``, whose configuration decides whether it
        is comparable with the paper's; only arithmetic claims need none. ``note`` is what a reader should know.
        ``runs`` are the figures of several training runs, of which ``value`` is the mean.
        """
        stated = claim(claim_id)
        if stated.section != self.section:
            own = [key for key, other in registry().items() if other.section == self.section]
            belongs = f"the claim '{claim_id}' belongs to section '{stated.section}', not '{self.section}'"
            raise InputError(f"{belongs}{nearest(claim_id, own)}")
        if responses is None and stated.kind != "arithmetic":
            raise InputError(f"the claim '{claim_id}' needs the responses it was computed from")
        basis = _basis(stated, responses) if isinstance(responses, Responses) else responses or Basis()
        self._found.claims[claim_id] = Record(
            value=_finite(value),
            interval=_limits(claim_id, interval),
            note=note,
            repeats=max(1, len(runs)),
            spread=_finite(float(np.std(runs, ddof=1))) if len(runs) > 1 else None,
            **vars(basis),
        )
        self._write()

    def record_clause(self, clause: "Clause") -> None:
        """Write down a clause of the verdict; the first screen reads those of all sections (`clauses`)."""
        self._found.clauses[clause.name] = clause.as_json()
        self._write()

    def record_scores(
        self, name: Literal["models", "variants"], answers: Responses, rows: Sequence[int] | np.ndarray, tolerance: int
    ) -> None:
        """Write down how many of the networks ``rows`` get each image right, for the first screen (`scores`)."""
        counts = np.bincount(answers.correct()[np.asarray(rows)].sum(axis=0), minlength=len(rows) + 1)
        self._found.scores[name] = Scores(counts=counts.tolist(), tolerance=tolerance, dataset=_dataset(answers))
        self._write()

    def record_doubt(self, finding: "Finding") -> bool:
        """Write down what is unlikely in the answers (`plausibility.examine`); say whether it is new."""
        entry = {"section": self.section, **vars(finding), "networks": list(finding.networks)}
        if new := entry not in self._found.doubts:
            self._found.doubts.append(entry)
            self._write()
        return new

    def _write(self) -> None:
        write_json(self.path, self._found.model_dump(mode="json"))

    def record_shares(
        self,
        prefix: str,
        responses: Responses | Basis,
        tolerance: int,
        correct: np.ndarray | None = None,
        note: str = "",
    ) -> None:
        """
        Write down the shares of trivial, in-between and impossible images, each with its interval.

        ``prefix`` as in `share_ids`. ``correct``, (networks, images) bool, is needed where no responses are given.
        """
        if correct is None:
            if not isinstance(responses, Responses):
                raise InputError(f"the shares '{prefix}...' need who was right, or the responses")
            correct = responses.correct()
        shares, limits = difficulty.shares(correct, tolerance), difficulty.share_intervals(correct, tolerance)
        said = ", ".join(filter(None, [f"tolerance {tolerance}", note]))
        for kind, key in share_ids(prefix).items():
            self.record(key, shares[kind], limits[kind], responses, said)

    def record_eleven(self, answers: Responses, eleven: np.ndarray | None) -> None:
        """Record the shares claimed of the paper's models: shown the images here, or by their published scores."""
        if eleven is None or are_the_papers(answers.networks["network"]):
            self.record_shares("sota_", answers, difficulty.fitting_tolerance(1, len(answers.networks)))
        else:
            self.record_shares("sota_", of_the_eleven(len(answers.labels)), 1, eleven, "the paper's eleven")

    def record_conditions(self, entry_id: str, table: pd.DataFrame, responses: Responses) -> None:
        """
        Record one figure a training condition, each resting on the networks that it compares.

        ``entry_id`` is such as ``kappa_imagenet``. ``table`` has the columns condition and kappa or correlation; where
        known, instances (how many), lower, upper and note; instance where only that network is compared.
        """
        for row in table.to_dict("records"):
            interval = (row["lower"], row["upper"]) if "lower" in row else None
            compared = responses.select(compared_networks(responses.networks, row["condition"], row.get("instance")))
            value = row["kappa"] if "kappa" in row else row["correlation"]
            runs = _runs(compared) if row.get("instances", 1) > 1 else []
            self.record(f"{entry_id}.{row['condition']}", value, interval, compared, row.get("note", ""), runs)

    def record_gap(self, claim_id: str, gap: ConditionDifference, responses: Responses) -> None:
        """Record by how much more another architecture changes than non-determinism does; only these are compared."""
        conditions = ["base", "architecture", "cuda_nondeterministic"]
        compared = responses.select(responses.networks["condition"].isin(conditions).to_numpy())
        self.record(claim_id, gap.value, gap.claimed, compared, gap.note)


def share_ids(prefix: str) -> dict[str, str]:
    """Name the claims on shares of images by difficulty; ``prefix`` is such as ``sota_`` for ``sota_trivial_share``."""
    return {kind: f"{prefix}{kind.replace('-', '_')}_share" for kind in difficulty.DIFFICULTIES}


def paper_shares(prefix: str = "") -> dict[str, float]:
    """Return the paper's shares of trivial, in-between and impossible images; the prefix as in `share_ids`."""
    return {kind: printed(key) for kind, key in share_ids(prefix).items()}


def _basis(stated: Claim, responses: Responses) -> Basis:
    name, found = _dataset(responses), obstacle(about(stated), responses)
    return Basis(len(responses.networks), len(responses.labels), name, found, outside(name))


def _dataset(responses: Responses) -> str:
    dataset = responses.info["dataset"]
    return dataset["name"] if isinstance(dataset, dict) else dataset


def _runs(compared: Responses) -> list[float]:
    """Compute the kappa of the base with each of the other networks."""
    base = (compared.networks["condition"] == "base").to_numpy()
    return pairwise_error_consistency(compared.correct())[base][0, ~base].tolist()


def forget(section: str, preset: str | Path) -> None:
    """Delete what a section has recorded, so that a section that fails leaves no claims of an earlier run."""
    _path(preset, section).unlink(missing_ok=True)


def recorded(preset: str | Path) -> tuple[dict[str, Record], dict[str, str]]:
    """Read what all sections have recorded, and by section a line that names a claims file that cannot be read."""
    records, damaged = read(_path(preset, "").parent)
    return records, {section: f"{path.relative_to(paths.build())} cannot be read" for section, path in damaged.items()}


def clauses(preset: str | Path) -> dict[str, dict[str, Any]]:
    """Return the clauses of the verdict that the sections have recorded, by name, as `Clause.as_json` writes them."""
    return {name: clause for found in _found(preset) for name, clause in found.clauses.items()}


def scores(preset: str | Path) -> dict[str, Scores]:
    """Return the scores of "models" and "variants" that sections have recorded, `subsetting`'s before the others'."""
    return {name: scores for found in _found(preset) for name, scores in found.scores.items()}


def doubts(preset: str | Path) -> list[dict[str, Any]]:
    """Return what the sections have found unlikely in the answers: section, kind, networks, found and mend."""
    return [doubt for found in _found(preset) for doubt in found.doubts]


def _found(preset: str | Path) -> list[_Found]:
    return _files(_path(preset, "").parent)[0]


def read(folder: Path) -> tuple[dict[str, Record], dict[str, Path]]:
    """Read a folder of claims, one JSON file a section: the records by claim, the unreadable files by section."""
    files, damaged = _files(folder)
    return {name: record for found in files for name, record in found.claims.items()}, damaged


def _files(folder: Path) -> tuple[list[_Found], dict[str, Path]]:
    """Read what was computed with the parameters of the report (`paths.DIGESTS`), and which files cannot be read."""
    files: list[_Found] = []
    damaged: dict[str, Path] = {}
    beside = folder.with_name(paths.DIGESTS)
    digests = read_json(beside) if beside.exists() else {}
    for section in paper()["claims"]:
        path = folder / f"{section}.json"
        try:
            found = _Found.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            continue
        except (OSError, ValidationError):
            damaged[section] = path
        else:
            files += [found] if found.digest == digests.get(section, found.digest) else []
    return files, damaged


def _path(preset: str | Path, section: str) -> Path:
    path = Path(preset)
    name = path.stem if path.suffix in (".yaml", ".yml") else path.name
    return paths.build() / name / "claims" / f"{section}.json"


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


def _limits(claim_id: str, interval: tuple[float, float] | None) -> tuple[float, float] | None:
    lower, upper = map(_finite, (None, None) if interval is None else interval)
    if lower is None or upper is None:
        return None
    if lower > upper:
        raise InputError(f"the claim '{claim_id}' has an interval upside down: {lower:g} to {upper:g}")
    return lower, upper
