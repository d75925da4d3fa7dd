"""Build the report: one HTML file that holds everything, and fetches nothing."""

import base64
import hashlib
import os
import platform
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.metadata import version
from pathlib import Path

import jinja2
import nbformat
import vl_convert
from markupsafe import Markup

from ddd_utils import paths
from ddd_utils.errors import InputError
from ddd_utils.files import atomic
from ddd_utils.reporting import cells, game
from ddd_utils.reporting.run import Outcome

TEMPLATE = Path(__file__).parent / "template"
PACKAGES = ("ddd_utils", "torch", "torchvision", "timm", "numpy", "pandas", "scipy", "altair")
ACRONYMS = {"kl": "KL", "sota": "SOTA"}
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
    error: str | None
    command: str
    parameters: list[tuple[str, object]]
    facts: list[tuple[str, object]]


def build(preset, outcomes: Mapping[str, Outcome], footer: Mapping[str, Mapping[str, object]] | None = None) -> Path:
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
        "versions" and "device" replace those of the machine that builds the page.

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
    target = paths.build() / preset.name / "report.html"
    beside = sorted(file.name for file in target.parent.glob("*") if file.suffix in DOWNLOADS and file.is_file())
    shared = cells.Page(names, beside)
    sections = [_section(preset, outcomes[name], (footer or {}).get(name, {}), shared) for name in names]
    sections = [replace(section, body=_settled(section.body, shared.ids)) for section in sections]
    play_style, play_scripts = game.additions(section.body for section in sections)
    scripts = [_vega(), (TEMPLATE / "page.js").read_text("utf-8"), *play_scripts]
    html = (
        _environment()
        .get_template("page.html")
        .render(
            preset=preset.name,
            sections=sections,
            failed=[section for section in sections if section.error],
            beside=beside,
            now=datetime.now(UTC),
            style=Markup((TEMPLATE / "page.css").read_text("utf-8") + play_style),
            scripts=[Markup(script) for script in scripts],
            policy=_policy(scripts),
        )
    )
    with atomic(target) as partial:
        partial.write_text(html, "utf-8", newline="\n")
    return target


def _section(preset, outcome: Outcome, facts: Mapping[str, object], shared: cells.Page) -> Section:
    name, body = outcome.section, ""
    if outcome.error is None:
        try:
            body = cells.render(nbformat.read(outcome.notebook, as_version=4), name, shared)
        except InputError as error:
            raise InputError(f"{name}.py: {error}") from None
    return Section(
        name=name,
        label=_label(name),
        body=Markup(body),
        error=outcome.error,
        command=f"make report PRESET={shlex.quote(preset.name)} SECTIONS={name}",
        # The path of the resolved preset says where it lay on this machine and nothing else.
        parameters=list(_rows({key: value for key, value in preset.parameters(name).items() if key != "preset"})),
        facts=[*_rows({**_here(), **facts}), ("notebook executed in", timedelta(seconds=outcome.seconds))],
    )


def _settled(body: str, ids: set[str]) -> Markup:
    """Let links to headings that are not there, because their section failed, lead to the section."""
    return Markup(
        re.sub(r'href="#(\w+)-([^"]+)"', lambda to: to[0] if f"{to[1]}-{to[2]}" in ids else f'href="#{to[1]}"', body)
    )


def _label(name: str) -> str:
    words = [ACRONYMS.get(word, word) for word in name.split("_")]
    return " ".join([words[0][:1].upper() + words[0][1:], *words[1:]])


def _here() -> dict[str, object]:
    return {
        "versions": {"python": platform.python_version(), **{package: version(package) for package in PACKAGES}},
        "device": f"{platform.system()} {platform.machine()}, {os.cpu_count()} processor cores",
    }


def _rows(values: Mapping[str, object], prefix: str = "") -> Iterable[tuple[str, object]]:
    """Flatten nested mappings to the dotted keys that ``--set`` takes."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _rows(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


@cache
def _vega() -> str:
    return vl_convert.javascript_bundle().replace("</script", "<\\/script")


def _policy(scripts: list[str]) -> str:
    """
    Forbid the page every connection and every script but its own.

    Vega evaluates its expressions with the interpreter in the bundle (``ast`` in page.js), so not even eval is needed.
    Inline styles are: Vega positions its tooltips with them.
    """
    digests = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATE), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    environment.filters["shown"] = _shown
    return environment


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
