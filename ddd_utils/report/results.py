"""What a report has found, for programs: results.json, which docs/results.md describes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ddd_utils import paths
from ddd_utils.config.schema import Preset
from ddd_utils.files import read_json, write_json
from ddd_utils.report import claims, verdicts
from ddd_utils.report.run import Outcome

SCHEMA = 1


def write(folder: Path, preset: Preset, outcomes: Mapping[str, Outcome]) -> dict[str, str]:
    """
    Write every claim's figure, interval, n, M and verdict, and the parameters that they were computed with.

    Returns the sections' digests.
    """
    digests = read_json(folder / paths.DIGESTS) if (folder / paths.DIGESTS).exists() else {}
    sections = {
        section: {
            "digest": digests.get(section, ""),
            "parameters": {key: value for key, value in preset.parameters(section).items() if key != "preset"},
            "state": _state(outcomes.get(section)),
        }
        for section in preset.sections
    }
    records = claims.recorded(preset.name)[0]
    found = [_claim(row, records.get(row["id"])) for row in verdicts.table(preset.name).to_dict("records")]
    run = {"schema": SCHEMA, "preset": preset.name, "sections": sections}
    write_json(folder / "results.json", {**run, "claims": found})
    return digests


def _state(outcome: Outcome | None) -> str:
    if outcome is None:
        return "not part of this run"
    return "computed" if outcome.error is None else outcome.error.splitlines()[0]


def _claim(row: Mapping[Any, Any], record: claims.Record | None) -> dict[str, Any]:
    stated = claims.claim(row["id"])
    figures = record.model_dump(mode="json") if record else dict.fromkeys(("value", "interval", "m", "n"))
    return {
        "id": stated.id,
        "section": stated.section,
        "claim": stated.statement,
        "where": stated.where,
        "paper": stated.value,
        **{key: figures[key] for key in ("value", "interval", "m", "n")},
        "dataset": record.dataset if record else "",
        "verdict": row["verdict"],
        "reason": row["reason"],
        "note": row["note"],
    }
