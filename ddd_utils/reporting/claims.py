"""What the sections find for the paper's claims: written down, read back, and set beside the paper."""

import math
from pathlib import Path

import pandas as pd
from pydantic import TypeAdapter, ValidationError

from ddd_utils import paths
from ddd_utils.errors import InputError, nearest
from ddd_utils.files import write_json
from ddd_utils.reporting.registry import Claim, claim, paper, paper_values, registry
from ddd_utils.reporting.verdicts import REASONS, Record, verdict

__all__ = [
    "REASONS",
    "Book",
    "Claim",
    "Record",
    "claim",
    "forget",
    "paper",
    "paper_text",
    "paper_values",
    "read",
    "recorded",
    "registry",
    "table",
    "verdict",
]

_RECORDS = TypeAdapter(dict[str, Record])


class Book:
    """
    The claims that one section computes, on disk after every record.

    Opening a book forgets what the section recorded before.

    Parameters
    ----------
    section : str
        Name of the section.
    preset : str or Path
        Name of the preset, or the YAML file whose stem is that name.
    """

    def __init__(self, section: str, preset: str | Path):
        sections = list(paper()["claims"])
        if section not in sections:
            raise InputError(f"no claim belongs to a section '{section}'{nearest(section, sections)}")
        self.section = section
        self.path = _path(preset, section)
        self._records: dict[str, Record] = {}
        forget(section, preset)

    def record(
        self,
        claim_id: str,
        value: float | None,
        interval: tuple[float, float] | None = None,
        m: int | None = None,
        n: int | None = None,
        dataset: str | None = None,
        networks: str | None = None,
        reduced: bool = False,
        note: str = "",
    ) -> None:
        """
        Write down what was found for a claim.

        Parameters
        ----------
        claim_id : str
            Its id in paper.yaml.
        value : float or None
            What was found, in the paper's unit (shares, not per cent); None or NaN is undefined.
        interval : (float, float), optional
            Its 95 % interval; undefined limits leave it without one.
        m : int, optional
            Number of networks (or observers) it rests on.
        n : int, optional
            Number of images (or trials).
        dataset : str, optional
            Data set it was computed on; may be left out for arithmetic claims only.
        networks : str, optional
            Networks it was computed with, by default those of the claim.
        reduced : bool
            Whether smaller networks, fewer images or less training than the paper's could change it.
        note : str
            What a reader should know.

        Raises
        ------
        InputError
            For an unknown claim, a claim of another section, a missing data set or an interval upside down.
        """
        stated = claim(claim_id)
        if stated.section != self.section:
            own = [key for key, other in registry().items() if other.section == self.section]
            raise InputError(
                f"the claim '{claim_id}' belongs to section '{stated.section}', not '{self.section}'"
                f"{nearest(claim_id, own)}"
            )
        if dataset is None and stated.kind != "arithmetic":
            raise InputError(f"the claim '{claim_id}' needs the name of the data set it was computed on")
        self._records[claim_id] = Record(
            value=_finite(value),
            interval=_limits(claim_id, interval),
            m=None if m is None else int(m),
            n=None if n is None else int(n),
            dataset=dataset or "any",
            networks=networks or stated.networks,
            reduced=bool(reduced),
            note=note,
        )
        write_json(self.path, _RECORDS.dump_python(self._records, mode="json"))


def forget(section: str, preset: str | Path) -> None:
    """Delete what a section has recorded, so that a section that fails leaves no claims of an earlier run."""
    _path(preset, section).unlink(missing_ok=True)


def recorded(preset: str | Path) -> tuple[dict[str, Record], dict[str, str]]:
    """
    Read what all sections have recorded.

    Parameters
    ----------
    preset : str or Path
        Name of the preset, or its YAML file.

    Returns
    -------
    records : dict of str to Record
        By claim.
    unreadable : dict of str to str
        By section, one line that names a claims file that cannot be read; its claims count as not computed.
    """
    records, damaged = read(_path(preset, "").parent)
    return records, {section: f"{path.relative_to(paths.build())} cannot be read" for section, path in damaged.items()}


def read(folder: Path) -> tuple[dict[str, Record], dict[str, Path]]:
    """
    Read a folder of claims, wherever it lies.

    Parameters
    ----------
    folder : Path
        Holds one JSON file a section.

    Returns
    -------
    records : dict of str to Record
        By claim.
    damaged : dict of str to Path
        By section, the file that cannot be read.
    """
    records, damaged = {}, {}
    for section in paper()["claims"]:
        path = folder / f"{section}.json"
        try:
            records |= _RECORDS.validate_json(path.read_bytes())
        except FileNotFoundError:
            continue
        except (OSError, ValidationError):
            damaged[section] = path
    return records, damaged


def table(preset: str | Path) -> pd.DataFrame:
    """
    Set the paper beside what was found here, one row a claim.

    Parameters
    ----------
    preset : str or Path
        Name of the preset, or its YAML file.

    Returns
    -------
    DataFrame
        Columns section, id, claim, where, paper, here (with its interval), M, n, data set, verdict, reason, note. The
        note of a claim that is not computed names the section to run.
    """
    records, unreadable = recorded(preset)
    rows = []
    for claim_id, stated in registry().items():
        found = records.get(claim_id)
        judged, reason = verdict(stated, found)
        rows.append(
            {
                "section": stated.section,
                "id": claim_id,
                "claim": stated.statement,
                "where": stated.where,
                "paper": paper_text(stated),
                "here": _here_text(stated, found),
                "M": found.m if found else None,
                "n": found.n if found else None,
                "data set": found.dataset if found else "",
                "verdict": judged,
                "reason": reason,
                "note": found.note if found else _missing(stated.section, unreadable),
            }
        )
    return pd.DataFrame(rows).astype({"M": "Int64", "n": "Int64"})


def paper_text(stated: Claim) -> str:
    """
    Write what the paper claims.

    Parameters
    ----------
    stated : Claim
        From the registry.

    Returns
    -------
    str
        Its figure, and the side of zero where only that is claimed.
    """
    figure = "" if stated.value is None else f"{stated.value:{stated.format}}"
    if stated.kind != "sign":
        return figure
    side = "above 0" if stated.sign == "positive" else "below 0"
    return f"{side} ({figure})" if figure else side


def _path(preset: str | Path, section: str) -> Path:
    path = Path(preset)
    name = path.stem if path.suffix in (".yaml", ".yml") else path.name
    return paths.build() / name / "claims" / f"{section}.json"


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


def _limits(claim_id: str, interval) -> tuple[float, float] | None:
    if interval is None:
        return None
    lower, upper = map(_finite, interval)
    if lower is None or upper is None:
        return None
    if lower > upper:
        raise InputError(f"the claim '{claim_id}' has an interval upside down: {lower:g} to {upper:g}")
    return lower, upper


def _here_text(stated: Claim, found: Record | None) -> str:
    if found is None or (found.value is None and found.m == 0):
        return "–"
    if found.value is None:
        return "undefined"
    here = f"{found.value:{stated.format}}"
    if found.interval is None:
        return here
    lower, upper = (f"{limit:{stated.format}}" for limit in found.interval)
    return f"{here} ({lower} to {upper})"


def _missing(section: str, unreadable: dict[str, str]) -> str:
    return f"{unreadable[section]}: run {section} again" if section in unreadable else f"run {section}"
