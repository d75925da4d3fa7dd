"""How to cite and how to repeat a report: the command, the inputs with their hashes, and BibTeX."""

import re
import shlex
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import yaml

from ddd_utils import paths

SPECIAL = {"&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_"}


def command(preset: str, sections: Sequence[str] | None, overrides: Sequence[str], out: str | None = None) -> str:
    """Write the command that makes a report; make takes one setting, so more are handed to Python."""
    if len(overrides) < 2:
        parts = {"PRESET": preset, "SECTIONS": " ".join(sections or ()), "SET": "".join(overrides), "OUT": out}
        return " ".join(["make report", *(f"{key}={shlex.quote(value)}" for key, value in parts.items() if value)])
    chosen = ["--sections", *sections] if sections else []
    settings = [word for override in overrides for word in ("--set", override)]
    where = ["--out", out] if out else []
    return shlex.join([".venv/bin/python", "-m", "ddd_utils", "report", preset, *chosen, *settings, *where])


def inputs(facts: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, Mapping[str, Any]]]:
    """Collect the folders of results behind all sections, each once, by name, with commit and SHA-256 if known."""
    return sorted({folder: made for fact in facts.values() for folder, made in fact.get("inputs", {}).items()}.items())


def bibtex() -> list[str]:
    """Return the BibTeX entries of the paper and of this project, from CITATION.cff."""
    (paper,) = _citation()["references"]
    return [_paper(paper), _project(_citation())]


def licence() -> str:
    """Return the licence's name, from CITATION.cff."""
    return _citation()["license"]


@cache
def _citation() -> dict:
    return yaml.safe_load((paths.ROOT / "CITATION.cff").read_text("utf-8"))


def _paper(reference: Mapping) -> str:
    authors = [f"{author['family-names']}, {author['given-names']}" for author in reference["authors"]]
    fields = {
        "title": _protected(reference["title"].replace(" - ", ": ")),
        "author": _escaped(" and ".join(authors)),
        "booktitle": _escaped(reference["collection-title"]),
        "year": str(reference["year"]),
        "url": reference["url"],
    }
    surname = re.sub(r"\W", "", reference["authors"][0]["family-names"]).lower()
    return _entry("inproceedings", f"{surname}{reference['year']}", fields)


def _project(project: Mapping) -> str:
    fields = {
        "title": _protected(project["title"]),
        "author": _escaped(" and ".join(f"{{{author['name']}}}" for author in project["authors"])),
        "version": project["version"],
        **({"url": project["repository-code"]} if "repository-code" in project else {}),
        "note": f"{project['license']} licence",
    }
    return _entry("software", "ddd_utils", fields)


def _entry(kind: str, key: str, fields: Mapping[str, str]) -> str:
    width = max(map(len, fields))
    lines = [f"  {name:<{width}} = {{{value}}}" for name, value in fields.items()]
    return f"@{kind}{{{key},\n" + ",\n".join(lines) + "\n}"


def _escaped(text: str) -> str:
    return re.sub("[&%$#_]", lambda found: SPECIAL[found[0]], text)


def _protected(title: str) -> str:
    """Keep capitals inside words (ImageNet) from being lowered by a bibliography style."""
    return re.sub(r"\b\w+[A-Z]\w*", lambda found: f"{{{found[0]}}}", _escaped(title))
