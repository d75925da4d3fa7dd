"""What the page is dressed in: its style sheet, its scripts, and the policy that allows these and nothing else."""

import base64
import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import vl_convert

from ddd_utils.reporting import names_and_colours

TEMPLATE = Path(__file__).parent / "template"
STYLES = ("base", "navigation", "front", "prose", "figures", "tables", "explorer", "citation", "narrow", "print")
EXPLORING = ("exploration", "behind", "explorer")
SCRIPTS = ("common", "theme", "code", "navigation", "charts", *EXPLORING, "tables", "claims", "downloads", "copying")
FIRST = "first"  # runs before anything is painted


def style(*more: str) -> str:
    """Return the style sheet: the palette, then the template's parts in order, then what one kind of page adds."""
    return "\n".join([names_and_colours.css(), *(_read(f"{name}.css") for name in (*STYLES, *more))])


def scripts() -> list[str]:
    """Return the scripts: one for the head, Vega with Vega-Lite and Vega-Embed, and the page's own in one scope."""
    return [_read(f"{FIRST}.js"), _vega(), _own(SCRIPTS)]


def plain_scripts() -> list[str]:
    """Return the scripts of a page without charts and code: one for the head, and the page's own in one scope."""
    return [
        _read(f"{FIRST}.js"),
        _own(name for name in SCRIPTS if name not in ("code", *EXPLORING)),
    ]


def policy(allowed: list[str]) -> str:
    """
    Forbid the page every connection and every script but its own.

    Vega evaluates its expressions with the interpreter in the bundle (``ast`` in charts.js), so not even eval is
    needed. Inline styles are: Vega positions its tooltips with them.

    Parameters
    ----------
    allowed : list of str
        The scripts, as they stand on the page.

    Returns
    -------
    str
        A Content-Security-Policy.
    """
    digests = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in allowed]
    hashes = " ".join(f"'sha256-{digest}'" for digest in digests)
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _own(names: Iterable[str]) -> str:
    parts = "\n".join(_read(f"{name}.js") for name in names)
    return f'(() => {{\n"use strict";\n{parts}}})();\n'


def _read(name: str) -> str:
    return (TEMPLATE / name).read_text("utf-8")


@cache
def _vega() -> str:
    return vl_convert.javascript_bundle().replace("</script", "<\\/script")
