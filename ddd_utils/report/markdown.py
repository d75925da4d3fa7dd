"""Turn the notebooks' prose into HTML: mathematics to MathML, headings with ids, links within the page."""

import re
from collections.abc import Collection
from functools import partial
from typing import Any
from urllib.parse import quote, unquote
from xml.etree import ElementTree

import latex2mathml.converter
import mistune

from ddd_utils.errors import InputError
from ddd_utils.report.markup import clean, external, tidy_tables

DISPLAY = r"\$\$(?P<display>(?:\\.|[^$\\])+?)\$\$"
INLINE = r"\$(?=[^\s$])(?P<inline>(?:\\.|[^$\\])*?[^\s$\\])\$(?!\d)"
BLOCK = r"^ {0,3}\$\$(?P<block>[^$]+?)\$\$[ \t]*(?:\n|$)"
DISPLAYED = '<span class="formula" tabindex="0" role="group" aria-label="Formula">'  # a long one scrolls in its box
LEFTOVER = r"\\(?:[(\[]|[A-Za-z]+)"
MARK = "\ue000{}\ue001"  # stands for a formula while the HTML around it is cleaned: no text contains these characters
NOTEBOOK = re.compile(r"^(?:\./)?(?P<section>\w+)\.(?:ipynb|py)(?:#(?P<heading>.*))?$")


def mathml(tex: str, display: bool) -> str:
    """Convert a formula, without its dollars, to a ``<math>`` element; what has no MathML raises an `InputError`."""
    bare = re.sub(r"\\[{}]", "", tex)
    try:
        if bare.count("{") != bare.count("}"):
            raise ValueError("braces do not match")
        markup = latex2mathml.converter.convert(tex.strip(), display="block" if display else "inline")
        ElementTree.fromstring(markup)
    except Exception as reason:  # the converter has an exception class for each of its troubles, ElementTree its own
        raise InputError(
            f"mathematics that cannot be typeset: ${tex.strip()}$ ({reason or type(reason).__name__})"
        ) from None
    if "\\" in markup:
        raise InputError(f"mathematics that cannot be typeset: ${tex.strip()}$ (an unknown command)")
    return markup


def render(text: str, section: str, sections: Collection[str], taken: set[str], downloads: Collection[str] = ()) -> str:
    """
    Render the prose of a cell: Markdown with mathematics between ``$`` or ``$$``.

    Links to the notebooks of `sections` lead within the page, those to `downloads` to the files beside it, those to the
    web there; any other leaves only its text. Headings go one level down (the page has the first). Each links to
    itself, by an id that is not in `taken` yet. TeX that would be left unconverted raises an `InputError`.
    """
    formulas: list[str] = []
    markdown = mistune.create_markdown(
        escape=False, plugins=["table", "strikethrough", lambda md: _mathematics(md, formulas)]
    )
    soup = clean(str(markdown(text)), partial(_target, section=section, sections=sections, downloads=downloads))
    tidy_tables(soup)
    for heading in soup.find_all(re.compile("^h[1-5]$")):
        heading.name = f"h{int(heading.name[1]) + 1}"
        heading["id"] = _new_id(f"{section}-{_slug(heading.get_text())}", taken)
        # Its sign is drawn by the style sheet, so that the heading's text stays the heading's.
        link = {"class": "permalink", "href": f"#{heading['id']}", "aria-label": "Link to this part"}
        heading.append(soup.new_tag("a", attrs=link))
    return re.sub(MARK.format(r"(\d+)"), lambda found: formulas[int(found[1])], str(soup))


def _mathematics(markdown: mistune.Markdown, formulas: list[str]) -> None:
    """Teach a parser mathematics: each formula is converted, kept in the list, and a mark stands in its place."""

    def mark(tex: str, display: bool) -> str:
        formula = mathml(tex, display)
        formulas.append(f"{DISPLAYED}{formula}</span>" if display else formula)
        return MARK.format(len(formulas) - 1)

    def block(_parser: Any, found: re.Match, state: Any) -> int:
        state.append_token({"type": "paragraph", "children": [{"type": "text", "raw": mark(found["block"], True)}]})
        return found.end()

    def inline(_parser: Any, found: re.Match, state: Any) -> int:
        tex, display = (found["display"], True) if found["display"] else (found["inline"], False)
        state.append_token({"type": "text", "raw": mark(tex, display)})
        return found.end()

    def leftover(_parser: Any, found: re.Match, _state: Any) -> int:
        raise InputError(f"'{found[0]}' stands outside mathematics, which is written between $ or $$")

    markdown.block.register("block_math", BLOCK, block, before="list")
    markdown.inline.register("leftover_tex", LEFTOVER, leftover, before="escape", start_chars="\\")
    markdown.inline.register("inline_math", f"{DISPLAY}|{INLINE}", inline, before="codespan", start_chars="$")


def _target(href: str, section: str, sections: Collection[str], downloads: Collection[str]) -> str | None:
    if unquote(href) in downloads:
        return quote(unquote(href), safe="")
    if href.startswith("#"):
        return f"#{section}-{_slug(href)}"
    found = NOTEBOOK.match(href)
    if not found:
        return external(href)
    if found["section"] not in sections:
        return None
    return f"#{found['section']}" + (f"-{_slug(found['heading'])}" if found["heading"] else "")


def _slug(text: str) -> str:
    words = re.sub(MARK.format(r"\d+"), "", text.lower())
    return re.sub(r"\W+", "-", words).strip("-_") or "part"


def _new_id(wanted: str, taken: set[str]) -> str:
    number, chosen = 1, wanted
    while chosen in taken:
        number += 1
        chosen = f"{wanted}-{number}"
    taken.add(chosen)
    return chosen
