"""Turn an executed notebook into the HTML of a section: prose, figures, tables, and the code folded away."""

import base64
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from html import escape
from itertools import chain, count
from typing import Any
from urllib.parse import quote, unquote
from xml.etree import ElementTree

import latex2mathml.converter
import mistune
import nbformat
import vl_convert
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from ddd_utils import logs
from ddd_utils.errors import InputError
from ddd_utils.files import short_hash
from ddd_utils.report import assets, explorer, game, markup

FOLD = "h4"  # a heading of the third level in a notebook, which the page moves down by one
HEADING = re.compile(r'(<(h[2-6]) id="[^"]+">.*?)(?:<a [^>]*></a>)?</\2>', re.DOTALL)
LEFT_OUT = {"parameters", "injected-parameters", "papermill-error-cell-tag", "lab"}  # "lab": for those who edit
VEGALITE = "application/vnd.vegalite."
# Progress bars are dead on a page, parameters stand at the end of each section.
PASSING = {"application/vnd.jupyter.widget-view+json", logs.PROGRESS, logs.PARAMETERS}
IMAGES = ("image/png", "image/jpeg", "image/svg+xml")
HEIGHT = 320  # px kept free for a chart that cannot be drawn here
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


@dataclass
class Page:
    """The page that a section stands on, and what has been given out in this section."""

    sections: Collection[str]  # names of all sections, which links between notebooks may name
    downloads: Collection[str] = ()  # names of the files beside the page, which links may name too
    ids: set[str] = field(default_factory=set)  # of headings
    charts: Iterator[int] = field(default_factory=lambda: count(1))


@dataclass
class Part:
    """A heading, and what stands under it."""

    title: str = ""
    folded: bool = False
    shown: list[tuple[str, str]] = field(default_factory=list)  # "prose", "result" or "absence", and its HTML

    def __str__(self) -> str:
        """Write its HTML, without prose that introduces only an absence; a folded part without results is left out."""
        kinds = {kind for kind, html in self.shown if html}
        if self.folded and "result" not in kinds and {kind for kind, _ in self.shown} - {"prose"}:
            return ""
        wanted = {"absence"} if "absence" in kinds and "result" not in kinds else kinds
        inside = "\n".join(html for kind, html in self.shown if html and kind in wanted)
        if self.folded:
            return f'<details class="part"><summary>{self.title}</summary>\n{inside}\n</details>'
        return "\n".join(filter(None, [self.title, inside]))


def render(cells: Iterable[nbformat.NotebookNode], section: str, page: Page) -> str:
    """Render executed cells as the inside of a section; a heading of the third level (``###``) folds its part."""
    parts = [Part()]
    for cell in _shown(cells):
        if cell.cell_type == "code":
            parts[-1].shown.append(("result", ""))
            for output in cell.outputs:
                kind = "absence" if logs.ABSENT in output.get("data", {}) else "result"
                parts[-1].shown.append((kind, _output(output, section, page)))
            continue
        prose = prose_html(cell.source, section, page)
        if heading := HEADING.match(prose):
            folded = heading[2] == FOLD
            parts.append(Part(f"{heading[1]}</{heading[2]}>" if folded else heading[0], folded))
            prose = prose[heading.end() :].lstrip("\n")
        parts[-1].shown.append(("prose", prose))
    return "\n".join(filter(None, map(str, parts)))


def code(cells: Iterable[nbformat.NotebookNode]) -> str:
    """Write the code of cells, a block each."""
    sources = (cell.source for cell in _shown(cells) if cell.cell_type == "code")
    blocks = (highlight(source, PythonLexer(), HtmlFormatter(nowrap=True)) for source in sources)
    return "".join(f'<pre class="code"><code>{block}</code></pre>' for block in blocks)


def _shown(cells: Iterable[nbformat.NotebookNode]) -> list[nbformat.NotebookNode]:
    """List the cells that have something to show."""
    cells = [cell for cell in cells if not LEFT_OUT & set(cell.metadata.get("tags", []))]
    return [cell for cell in cells if cell.cell_type in ("markdown", "code") and cell.source.strip()]


def _output(output: nbformat.NotebookNode, section: str, page: Page) -> str:
    if output.output_type == "stream":
        return _plain(output.text) if output.name == "stdout" else ""
    data = output.get("data", {})
    if PASSING & set(data):
        return ""
    if game.MIME in data:
        return game.figure(data[game.MIME])
    if explorer.MIME in data:
        return explorer.element(data[explorer.MIME])
    if explorer.COMPARABLE in data:
        return explorer.comparable(data[explorer.COMPARABLE])
    if chart := next((kind for kind in data if kind.startswith(VEGALITE)), None):
        return _chart(data[chart], next(page.charts))
    if "text/html" in data:
        soup = markup.clean(data["text/html"])
        markup.tidy_tables(soup)
        return f'<div class="output">{soup}</div>'
    if "text/markdown" in data:
        return prose_html(data["text/markdown"], section, page)
    if kind := next((kind for kind in IMAGES if kind in data), None):
        return _image(kind, data[kind], output.metadata.get(kind, {}).get("alt", ""))
    return _plain(data.get("text/plain", ""))


def _plain(text: str) -> str:
    shown = _ANSI.sub("", text).rstrip()
    return f'<pre class="output" tabindex="0">{escape(shown)}</pre>' if shown else ""


def _image(kind: str, data: str, alternative: str) -> str:
    encoded = base64.b64encode(data.encode()).decode() if kind == "image/svg+xml" else "".join(data.split())
    return f'<figure class="picture"><img src="data:{kind};base64,{encoded}" alt="{escape(alternative)}"></figure>'


def _chart(specification: dict, number: int) -> str:
    title = _title(specification)
    described = specification.get("description") or title or "chart"
    return (
        f'<figure class="chart" id="chart-{number}" data-title="{escape(title)}"'
        f"{explorer.attributes(specification)}>{_choices(specification)}"
        '<div class="scroll" tabindex="0" role="group" aria-label="Chart">'
        f'<div class="canvas" role="img" aria-label="{escape(described)}" '
        f'style="min-height:{_height(specification):.0f}px"></div></div>'
        f'<script type="application/json">{markup.embedded(specification)}</script></figure>'
    )


def _choices(specification: dict) -> str:
    """Make room for what the reader can set: outside of the chart, which to those who listen is one image."""
    bound = [param["bind"] for param in specification.get("params", []) if isinstance(param.get("bind"), dict)]
    names = ", ".join(bind["name"] for bind in bound if "name" in bind)
    return f'<form class="choices" role="group" aria-label="{escape(names)}"></form>' if names else ""


def _height(specification: dict) -> float:
    """Tell how high a chart is: the page keeps this room free, so that nothing moves when it comes into view."""
    name = f"height-{short_hash([specification, vl_convert.__version__], 16)}.txt"
    return float(assets.kept(name, lambda: _drawn_height(specification)))


def _drawn_height(specification: dict) -> str:
    try:
        drawn = vl_convert.vegalite_to_svg(specification, allowed_base_urls=[])
    except ValueError:  # the page tells what is wrong with it
        return str(HEIGHT)
    return found[1] if (found := re.search(r'<svg[^>]*? height="([\d.]+)"', drawn)) else str(HEIGHT)


def _title(specification: dict) -> str:
    title = specification.get("title", "")
    text = title.get("text", "") if isinstance(title, dict) else title
    return " ".join(text) if isinstance(text, list) else text


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
        converted = latex2mathml.converter.convert(tex.strip(), display="block" if display else "inline")
        ElementTree.fromstring(converted)
        if "\\" in converted:
            raise ValueError("an unknown command")
    except Exception as reason:  # the converter has an exception class for each of its troubles, ElementTree its own
        told = f"mathematics that cannot be typeset: ${tex.strip()}$ ({reason or type(reason).__name__})"
        raise InputError(told) from None
    return converted


def prose_html(text: str, section: str, page: Page) -> str:
    """Render Markdown with mathematics between ``$`` or ``$$``; TeX that would stay unconverted is an `InputError`."""
    # Links to notebooks of the page's sections lead within it, those to its downloads to the files beside it, those to
    # the web there; any other leaves only its text. Headings go one level down, with ids that are not taken yet.
    formulas: list[str] = []
    plugins = ["table", "strikethrough", partial(_mathematics, formulas=formulas)]
    convert = mistune.create_markdown(escape=False, plugins=plugins)
    soup = markup.clean(str(convert(text)), partial(_target, section=section, page=page))
    markup.tidy_tables(soup)
    for heading in soup.find_all(re.compile("^h[1-5]$")):
        heading.name = f"h{int(heading.name[1]) + 1}"
        heading["id"] = _new_id(f"{section}-{_slug(heading.get_text())}", page.ids)
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


def _target(href: str, section: str, page: Page) -> str | None:
    if unquote(href) in page.downloads:
        return quote(unquote(href), safe="")
    if href.startswith("#"):
        return f"#{section}-{_slug(href)}"
    found = NOTEBOOK.match(href)
    if not found:
        return markup.external(href)
    if found["section"] not in page.sections:
        return None
    return f"#{found['section']}" + (f"-{_slug(found['heading'])}" if found["heading"] else "")


def _slug(text: str) -> str:
    words = re.sub(MARK.format(r"\d+"), "", text.lower())
    return re.sub(r"\W+", "-", words).strip("-_") or "part"


def _new_id(wanted: str, taken: set[str]) -> str:
    names = chain([wanted], (f"{wanted}-{number}" for number in count(2)))
    chosen = next(name for name in names if name not in taken)
    taken.add(chosen)
    return chosen
