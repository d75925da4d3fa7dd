"""What pages are made with: templates, style sheets, scripts, and the policy that allows these and nothing else."""

import base64
import hashlib
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import jinja2
import vl_convert
from markupsafe import Markup

from ddd_utils import paths
from ddd_utils.charts import names_and_colours
from ddd_utils.files import write_text

TEMPLATE = Path(__file__).parent / "template"
STYLES = ("base", "navigation", "front", "prose", "figures", "tables", "explorer", "own_model", "citation")
OVERRIDING = ("narrow", "print")  # what other styles say, on some screens and on paper
BASICS = ("elements", "common", "theme", "focus", "navigation", "fit", "charts")
EXPLORING = ("exploration", "behind", "explorer", "tables", "claims")
EXCHANGING = ("csv", "downloads", "own_table", "own_numbers", "own_model", "copying")


def style() -> str:
    """Return the style sheet of a report: the palette, then the template's parts in order."""
    return "\n".join([names_and_colours.css(), *(read(f"{name}.css") for name in (*STYLES, *OVERRIDING))])


def scripts() -> list[str]:
    """Return the scripts of a report: one for the head, Vega with Vega-Lite and Vega-Embed, and the page's own."""
    return [read("first.js"), _vega(), script((*BASICS, *EXPLORING, *EXCHANGING))]


def script(names: Iterable[str]) -> str:
    """Return one script of some files, in a scope of its own."""
    parts = "\n".join(read(f"{name}.js") for name in names)
    return f'(() => {{\n"use strict";\n{parts}}})();\n'


def read(name: str) -> str:
    """Return a file of the template."""
    return (TEMPLATE / name).read_text("utf-8")


@cache
def _vega() -> str:
    return kept(f"vega-{vl_convert.__version__}.js", vl_convert.javascript_bundle).replace("</script", "<\\/script")


def kept(name: str, make: Callable[[], str]) -> str:
    """Return a text that takes long to make: what was made under this name before, or else make it."""
    file = paths.build() / "cache" / name
    if not file.exists():
        write_text(file, make())
    return file.read_text("utf-8")


def page(template: str, style: str, scripts: Sequence[str], styled_inside: bool = True, **values: object) -> str:
    """Fill the template of a whole page; `styled_inside` says whether its elements have styles of their own."""
    allowed, plain = policy(scripts, None if styled_inside else style), Markup(read("plain.css"))
    return part(
        template, style=Markup(style), scripts=list(map(Markup, scripts)), policy=allowed, plain=plain, **values
    )


def part(template: str, **values: object) -> str:
    """Fill a template; what is put into it is escaped."""
    return _environment().get_template(template).render(**values)


def policy(scripts: Iterable[str], style: str | None = None) -> str:
    """Forbid a page every connection and every script but its own; without a ``style``, elements may have their own."""
    # Vega positions its tooltips so. It evaluates expressions with its own interpreter (charts.js): no eval is needed.
    allowed, styles = " ".join(map(_digest, scripts)), "'unsafe-inline'" if style is None else _digest(style)
    own = f"script-src {allowed}; style-src {styles}; img-src data:"
    return f"default-src 'none'; {own}; base-uri 'none'; form-action 'none'"


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@cache
def _environment() -> jinja2.Environment:
    tidy = {"undefined": jinja2.StrictUndefined, "trim_blocks": True, "lstrip_blocks": True}
    made = jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATE), autoescape=True, **tidy)
    made.filters["shown"] = shown
    return made


def shown(value: object) -> str | Markup:
    """Write a value for a page; a duration or a moment becomes a ``<time>`` element."""
    if isinstance(value, timedelta):
        seconds = round(value.total_seconds())
        text = f"{seconds} s" if seconds < 120 else f"{seconds // 60} min {seconds % 60} s"
        return Markup('<time datetime="PT{:.1f}S">{}</time>').format(value.total_seconds(), text)
    if isinstance(value, datetime):
        return Markup('<time datetime="{}">{:%d %B %Y, %H:%M %Z}</time>').format(value.isoformat(), value)
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)
