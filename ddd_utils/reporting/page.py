"""Build the report: one HTML file that holds everything, and fetches nothing."""

import os
import platform
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jinja2
import nbformat
from markupsafe import Markup

from ddd_utils import paths, versions
from ddd_utils.errors import InputError
from ddd_utils.files import atomic
from ddd_utils.reporting import assets, cells, citation, claims, game, headline
from ddd_utils.reporting.run import Outcome
from ddd_utils.reporting.wording import section_label

PACKAGES = ("ddd_utils", "torch", "torchvision", "timm", "numpy", "pandas", "scipy", "altair")
PART = re.compile(r'<h3 id="([^"]+)">(.*?)</h3>', re.DOTALL)
CITE = "cite-and-reproduce"  # id of the block at the end; no notebook's name has a hyphen
EVERY_CLAIM = "summary-every-claim"  # id of the heading above the table of claims
DOWNLOADS = {".csv", ".txt"}  # files beside the page that prose may link to


@dataclass(frozen=True)
class Section:
    """
    A section as the template takes it.

    Attributes
    ----------
    name, label : str
        What the notebook is called, and what the navigation calls it.
    body : Markup
        HTML of its cells; empty if it failed.
    parts : list of (str, str)
        Ids and texts of the headings that divide it.
    error : str or None
        What went wrong.
    command : str
        Runs this section again.
    parameters, facts : list of (str, object)
        Rows of the block at its end.
    """

    name: str
    label: str
    body: Markup
    parts: list[tuple[str, str]]
    error: str | None
    command: str
    parameters: list[tuple[str, object]]
    facts: list[tuple[str, object]]


def build(
    preset,
    outcomes: Mapping[str, Outcome],
    footer: Mapping[str, Mapping[str, object]] | None = None,
    command: str | None = None,
) -> Path:
    """
    Write ``build()/<preset>/report.html``.

    Two builds of the same results are the same bytes but for what stands in ``<time>`` elements. Prose may link to the
    lists (`DOWNLOADS`) that lie beside the page by their names.

    Parameters
    ----------
    preset : Preset
        Its ``name``, its ``sections`` in the order of the page, and ``parameters(section)``.
    outcomes : mapping of section to Outcome
        What `run.execute` returned: these sections are on the page.
    footer : mapping of section to a mapping of label to value, optional
        What the block at the end of a section tells beside its parameters, such as device and durations of its
        experiments. A ``timedelta`` or ``datetime`` becomes a ``<time>`` element, a mapping becomes one row a key;
        "versions" and "device" replace those of the machine that builds the page; "inputs" go to the end of the page.
    command : str, optional
        What made the report, from `citation.command`; by default, that for all sections as the preset has them.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    InputError
        If a notebook's prose has mathematics that cannot be typeset; the message names the notebook.
    """
    names = [name for name in preset.sections if name in outcomes]
    footer = footer or {}
    target = paths.build() / preset.name / "report.html"
    beside = sorted(file.name for file in target.parent.glob("*") if file.suffix in DOWNLOADS and file.is_file())
    shared = cells.Page(names, beside, {CITE})
    sections = [_section(preset, outcomes[name], footer.get(name, {}), shared) for name in names]
    sections = [replace(section, body=_settled(section.body, shared.ids)) for section in sections]
    play_style, play_scripts = game.additions(section.body for section in sections)
    scripts = [*assets.scripts(), *play_scripts]
    cards = headline.cards(claims.recorded(preset.name)[0])
    html = (
        environment()
        .get_template("page.html")
        .render(
            preset=preset.name,
            sections=sections,
            failed=[section for section in sections if section.error],
            beside=beside,
            now=datetime.now(UTC),
            answer=headline.answer(cards),
            cards=cards,
            verdicts=headline.verdicts(preset.name),
            every_claim=EVERY_CLAIM if EVERY_CLAIM in shared.ids else None,
            cite=CITE,
            command=command or citation.command(preset.name, None, []),
            inputs=citation.inputs(footer),
            versions=_here()["versions"],
            entries=citation.bibtex(),
            licence=citation.licence(),
            style=Markup(assets.style() + play_style),
            scripts=[Markup(script) for script in scripts],
            policy=assets.policy(scripts),
        )
    )
    with atomic(target) as partial:
        partial.write_text(html, "utf-8", newline="\n")
    return target


def _section(preset, outcome: Outcome, facts: Mapping[str, object], shared: cells.Page) -> Section:
    name, body = outcome.section, ""
    told = {key: fact for key, fact in facts.items() if key != "inputs"}
    if outcome.error is None:
        try:
            body = cells.render(nbformat.read(outcome.notebook, as_version=4), name, shared)
        except InputError as error:
            raise InputError(f"{name}.py: {error}") from None
    return Section(
        name=name,
        label=section_label(name),
        body=Markup(body),
        parts=[(part, Markup(text).striptags()) for part, text in PART.findall(body)],
        error=outcome.error,
        command=f"make report PRESET={shlex.quote(preset.name)} SECTIONS={name}",
        # The path of the resolved preset says where it lay on this machine and nothing else.
        parameters=list(_rows({key: value for key, value in preset.parameters(name).items() if key != "preset"})),
        facts=[*_rows({**_here(), **told}), ("notebook executed in", timedelta(seconds=outcome.seconds))],
    )


def _settled(body: str, ids: set[str]) -> Markup:
    """Let links to headings that are not there, because their section failed, lead to the section."""
    return Markup(
        re.sub(r'href="#(\w+)-([^"]+)"', lambda to: to[0] if f"{to[1]}-{to[2]}" in ids else f'href="#{to[1]}"', body)
    )


def _here() -> dict[str, object]:
    return {
        "versions": {"python": platform.python_version(), **versions.installed(PACKAGES)},
        "device": f"{platform.system()} {platform.machine()}, {os.cpu_count()} processor cores",
    }


def _rows(values: Mapping[str, object], prefix: str = "") -> Iterable[tuple[str, object]]:
    """Flatten nested mappings to the dotted keys that ``--set`` takes."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _rows(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def environment() -> jinja2.Environment:
    """Return what loads the templates of pages; what is put into them is escaped."""
    loader = jinja2.FileSystemLoader(assets.TEMPLATE)
    made = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    made.filters["shown"] = _shown
    return made


def _shown(value: object) -> str | Markup:
    if isinstance(value, timedelta):
        seconds = round(value.total_seconds())
        text = f"{seconds} s" if seconds < 120 else f"{seconds // 60} min {seconds % 60} s"
        return Markup('<time datetime="PT{:.1f}S">{}</time>').format(value.total_seconds(), text)
    if isinstance(value, datetime):
        return Markup('<time datetime="{}">{:%d %B %Y, %H:%M %Z}</time>').format(value.isoformat(), value)
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)
