"""Build the report: one HTML file that holds everything and fetches nothing, and results.json, for programs."""

import os
import platform
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

import nbformat
from markupsafe import Markup, escape

from ddd_utils import machine, paths
from ddd_utils.config.schema import Preset
from ddd_utils.errors import InputError
from ddd_utils.files import read_json, write_json, write_text
from ddd_utils.report import assets, cells, citation, claims, game, verdicts
from ddd_utils.report.run import Outcome
from ddd_utils.report.text import section_label

PACKAGES = ("ddd_utils", "torch", "torchvision", "timm", "numpy", "pandas", "scipy", "altair")
TITLE = re.compile(r'<h2 id="[^"]+">(.*?)</h2>', re.DOTALL)
PART = re.compile(r'<h3 id="([^"]+)">(.*?)</h3>', re.DOTALL)
CHART = re.compile(r'(?<=<figure class="chart" id="chart-)\d+')
EXPLORER = re.compile(
    r'<script type="application/json" class="exploration" data-key="([^"]*)">.*?</script>\n?', re.DOTALL
)
HEADING = re.compile(r'href="#(\w+)-([^"]+)"')
ID = re.compile(r'<h[2-6] id="([^"]+)"')
UNREAD = re.compile(r"<(script|noscript|details|math)\b.*?</\1>|<[^>]*>", re.DOTALL)  # markup, and what is folded
WORDS_A_MINUTE = 230
CITE = "cite-and-reproduce"  # id of the block at the end; no notebook's name has a hyphen
APPENDIX = "appendix"  # tag of the cells of the first section that stand at the end of the page
DOWNLOADS = {".csv": "text/csv", ".txt": "text/plain"}  # files beside the page that prose may link to
UNQUOTED = "/:?@!$()*+,;=-._~|"  # what stands for itself in a data URI, so that it is not three times as long


@dataclass(frozen=True)
class Section:
    """A section as the template takes it."""

    name: str
    label: str  # what the navigation calls it
    body: Markup  # HTML of its cells; empty if it failed
    code: Markup
    parts: list[tuple[str, str]]  # ids and texts of the headings that divide it
    error: str | None
    command: str | None  # runs this section again
    parameters: list[tuple[str, object]]
    facts: list[tuple[str, object]]


@dataclass(frozen=True)
class Rendered:
    """The cells of a section as HTML: before the appendix, and in it; and the page that they were rendered for."""

    body: tuple[str, str]
    code: tuple[str, str]
    names: tuple[str, ...]  # its sections, which links may lead to


def rendered(preset: Preset, outcomes: Mapping[str, Outcome], names: Iterable[str]) -> dict[str, Rendered]:
    """Render these sections for a page that will have all sections of these names."""
    names, lists = tuple(names), _lists(preset)
    return {name: _rendered(outcome, names, lists) for name, outcome in outcomes.items()}


def build(
    preset: Preset,
    outcomes: Mapping[str, Outcome],
    footer: Mapping[str, Mapping[str, object]] | None = None,
    command: str | None = None,
    early: Mapping[str, Rendered] | None = None,
) -> Path:
    """Write ``build()/<preset>/report.html``; what cannot be typeset raises an `InputError` that names the notebook."""
    # Two builds of the same results are the same bytes but for what stands in <time> elements. `footer` is what the
    # block at the end of a section tells beside its parameters: "versions" and "device" replace those of this machine,
    # "inputs" go to the end of the page. `early` are sections that were rendered before.
    names = tuple(name for name in preset.sections if name in outcomes)
    footer = footer or {}
    target = paths.build() / preset.name / "report.html"
    known = {name: each for name, each in (early or {}).items() if each.names == names}
    known |= rendered(preset, {name: outcomes[name] for name in names if name not in known}, names)
    again = f"make report PRESET={shlex.quote(_named(preset))} SECTIONS="
    sections = [
        _section(outcomes[name], preset.parameters(name), footer.get(name, {}), known[name], f"{again}{name}")
        for name in names
    ]
    if names and (end := _section(outcomes[names[0]], {}, {}, known[names[0]], None, appendix=True)).body:
        sections.append(replace(end, name=APPENDIX, label=section_label(APPENDIX), facts=[]))
    lists = _lists(preset)
    digests = _write_results(target.parent, preset, outcomes)
    return _write(
        target,
        "report.html",
        [replace(each, body=_with_files(str(each.body), lists, _run(preset, digests, each.name))) for each in sections],
        preset=preset.name,
        notices=[*preset.notices, *_doubts(preset.name)],
        failed=[section for section in sections if section.error],
        absent=[section_label(name) for name in preset.sections if name not in outcomes],
        now=datetime.now(UTC),
        cite=CITE,
        command=command or citation.command(preset.name, None, []),
        inputs=citation.inputs(footer),
        minutes=_minutes(each.body for each in sections),
        versions=_here()["versions"],
        entries=citation.bibtex(),
        licence=citation.licence(),
    )


def _lists(preset: Preset) -> dict[str, Path]:
    """Name the files beside the page that prose may link to."""
    beside = (paths.build() / preset.name).glob("*")
    return {file.name: file for file in beside if file.suffix in DOWNLOADS and file.is_file()}


def _doubts(preset: str) -> list[str]:
    """Tell in one notice what is unlikely in the answers; each section notes it beside its own figures."""
    told = dict.fromkeys(f"{doubt['found']}. {doubt['mend']}" for doubt in claims.doubts(preset))
    return [f"Look at this before the figures. {' '.join(told)}"] if told else []


def _minutes(bodies: Iterable[str]) -> int:
    """Estimate how long it takes to read what is not folded."""
    words = sum(len(UNREAD.sub(" ", body).split()) for body in bodies)
    return max(1, round(words / WORDS_A_MINUTE))


def _named(preset: Preset) -> str:
    """Name a preset as the command line takes it: one that was changed is a file beside its report."""
    file = paths.build() / preset.name / f"{preset.name}.yaml"
    known = (paths.PARAMS / file.name).is_file() or not file.is_file()
    return preset.name if known else str(paths.from_root(file))


def _run(preset: Preset, digests: Mapping[str, str], section: str) -> str:
    """Tell a run from others in the name of a file: by the preset, and the parameters of the section that made it."""
    return f"{preset.name}-{digests.get(section, '')[:8]}".rstrip("-")


def build_comparison(outcome: Outcome, names: Mapping[str, str], target: Path) -> Path:
    """Write the page of two reports, of which the notebook `compare` is the only section."""
    section = _section(outcome, names, {}, _rendered(outcome, (outcome.section,), {}), None)
    return _write(target, "page.html", [section], title=" beside ".join(names.values()))


def _write(target: Path, template: str, sections: list[Section], **values: Any) -> Path:
    ids = {found for section in sections for found in ID.findall(section.body)}
    charts, explorers = count(1), set()

    def there(link: re.Match) -> str:  # a heading that is missing because its section failed: lead to the section
        return link[0] if f"{link[1]}-{link[2]}" in ids else f'href="#{link[1]}"'

    def once(explorer: re.Match) -> str:  # several sections may have the same one
        known = explorer[1] in explorers
        explorers.add(explorer[1])
        return "" if known else explorer[0]

    def joined(body: str) -> Markup:
        return Markup(CHART.sub(lambda _: str(next(charts)), EXPLORER.sub(once, HEADING.sub(there, body))))

    sections = [replace(section, body=joined(section.body)) for section in sections]
    play_style, play_scripts = game.additions(section.body for section in sections)
    style, scripts = assets.style() + play_style, [*assets.scripts(), *play_scripts]
    write_text(target, assets.page(template, style, scripts, sections=sections, **values))
    return target


def _section(
    outcome: Outcome,
    parameters: Mapping,
    facts: Mapping[str, object],
    found: Rendered,
    command: str | None,
    appendix: bool = False,
) -> Section:
    """Assemble a section for the template, or what stands in the appendix."""
    name, body, code = outcome.section, found.body[appendix], found.code[appendix]
    told = {**_here(), **{key: fact for key, fact in facts.items() if key != "inputs"}}
    return Section(
        name=name,
        label=Markup(title[1]).striptags() if (title := TITLE.search(body)) else section_label(name),
        body=Markup(body),
        code=Markup(code),
        parts=[(part, Markup(text).striptags()) for part, text in PART.findall(body)],
        error=outcome.error,
        command=command,
        parameters=list(_rows(_without_path(parameters))),
        facts=[*_rows(told), ("notebook executed in", timedelta(seconds=outcome.seconds))],
    )


def _rendered(outcome: Outcome, names: tuple[str, ...], lists: Mapping[str, Path]) -> Rendered:
    if outcome.error is not None:
        return Rendered(("", ""), ("", ""), names)
    page, notebook = cells.Page(names, lists, {CITE}), nbformat.v4.reads_json(outcome.notebook.read_text("utf-8"))
    parts: list[list[nbformat.NotebookNode]] = [[], []]
    for cell in notebook.cells:
        parts[APPENDIX in cell.metadata.get("tags", [])].append(cell)
    try:
        body, last = (cells.render(part, outcome.section, page) for part in parts)
    except InputError as error:
        raise InputError(f"{outcome.section}.py: {error}") from None
    return Rendered((body, last), (cells.code(parts[0]), cells.code(parts[1])), names)


def _with_files(body: str, lists: Mapping[str, Path], run: str) -> Markup:
    """Put the files that a section links to into the page, so that it can be sent on; saved, they name the run."""
    for name, file in lists.items():
        link = f'download="" href="{quote(name, safe="")}"'
        if link in body:
            data = f"data:{DOWNLOADS[file.suffix]};charset=utf-8,{quote(file.read_text('utf-8'), safe=UNQUOTED)}"
            body = body.replace(link, f'download="{escape(file.stem)}-{escape(run)}{file.suffix}" href="{data}"')
    return Markup(body)


@cache
def _here() -> dict[str, object]:
    return {
        "versions": machine.versions(PACKAGES),
        "device": f"{platform.system()} {platform.machine()}, {os.cpu_count()} processor cores",
    }


def _without_path(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Leave the path of the resolved preset out: it says where that lay on this machine and nothing else."""
    return {key: value for key, value in parameters.items() if key != "preset"}


def _rows(values: Mapping[str, object], prefix: str = "") -> Iterable[tuple[str, object]]:
    """Flatten nested mappings to the dotted keys that ``--set`` takes."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _rows(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


SCHEMA = 1


def _write_results(folder: Path, preset: Preset, outcomes: Mapping[str, Outcome]) -> dict[str, str]:
    """Write what docs/results.md describes: claims with verdicts, sections with parameters and digests (returned)."""
    digests = read_json(folder / paths.DIGESTS) if (folder / paths.DIGESTS).exists() else {}
    sections = {
        section: {
            "digest": digests.get(section, ""),
            "parameters": _without_path(preset.parameters(section)),
            "state": _state(outcomes.get(section)),
        }
        for section in preset.sections
    }
    records = claims.recorded(preset.name)[0]
    results = {
        "schema": SCHEMA,
        "preset": preset.name,
        "sections": sections,
        "claims": [_claim(row, records.get(row["id"])) for row in verdicts.table(preset.name).to_dict("records")],
        "clauses": claims.clauses(preset.name),
        "scores": {name: each.model_dump() for name, each in claims.scores(preset.name).items()},
        "plausibility": claims.doubts(preset.name),
    }
    write_json(folder / "results.json", results)
    return digests


def _state(outcome: Outcome | None) -> str:
    if outcome is None:
        return "not part of this run"
    return "computed" if outcome.error is None else outcome.error.splitlines()[0]


def _claim(row: Mapping[Any, Any], record: claims.Record | None) -> dict[str, Any]:
    figures = record.model_dump(mode="json") if record else {}
    stated = {key: row[key] for key in ("id", "section", "claim", "where")} | {"paper": claims.claim(row["id"]).value}
    found = {key: figures.get(key) for key in ("value", "interval", "m", "n")} | {"dataset": row["data set"]}
    return stated | found | {key: row[key] for key in ("verdict", "reason", "outside", "test", "note")}
