"""Foreign HTML: what a notebook puts out may contain anything, so it is made safe, and its tables are laid out."""

import hashlib
import json
import re
from collections.abc import Callable
from itertools import zip_longest
from typing import Any

from bs4 import BeautifulSoup, Comment, Tag
from markupsafe import Markup

from ddd_utils.charts.names_and_colours import minus

TAGS = {"a", "abbr", "b", "blockquote", "br", "caption", "cite", "code", "dd", "del", "details", "div", "dl", "dt"}
TAGS |= {"em", "figcaption", "figure", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "kbd", "li", "mark", "ol"}
TAGS |= {"p", "pre", "s", "small", "span", "strong", "sub", "summary", "sup", "table", "tbody", "td", "tfoot", "th"}
TAGS |= {"thead", "time", "tr", "u", "ul", "var"}
WITH_CONTENT = ["script", "style", "iframe", "object", "embed", "template", "noscript", "svg", "math", "form", "title"]
ATTRIBUTES = {"alt", "class", "colspan", "datetime", "height", "href", "open", "rowspan", "src", "start", "style"}
ATTRIBUTES |= {"title", "width"}
IMAGE = re.compile(r"data:image/(png|jpeg|gif|webp);base64,", re.IGNORECASE)
EXTERNAL = re.compile(r"(https?:|mailto:)", re.IGNORECASE)

LIMITS = re.compile(r"^(\S+ )(\(\S+ to \S+\))$")  # a number and its interval, between which a line may break
NUMBER = re.compile(r"(?:< )?[+\-−]?(\d[\d,  ]*)?\.?\d")
WORD = re.compile(r"[^\W\d_]{3}")
VERDICTS = {"holds", "contradicted", "not decidable", "not tested"}
LONG = 24  # characters from which a column gets room for several words a line
FOLDED = 12  # rows; a longer table is opened on request
WORDS = {"True": "yes", "False": "no"}
MISSING = {"NaN", "nan", "<NA>", "None", "NaT", ""}
ABSENT = "–"  # written by a section where there is nothing to say: neither a number nor undefined


def embedded(data: Any) -> Markup:
    """Write plain data as JSON for a script element, which a ``<`` in some text could end."""
    return Markup(json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c"))


def key(data: Any) -> str:
    """Return a short digest of plain data: the same for the same contents."""
    return hashlib.sha256(json.dumps(data).encode()).hexdigest()[:16]


def external(href: str) -> str | None:
    """Let a link pass if it leads to the web; any other leads nowhere once the page is alone."""
    return href if EXTERNAL.match(href) else None


def clean(html: str, resolve: Callable[[str], str | None] = external) -> BeautifulSoup:
    """
    Keep the harmless part of some HTML: no script, no style, nothing that would be fetched.

    Unknown elements give way to what they contain. `resolve` gives the new target of a link, or None to leave its text.
    """
    soup = BeautifulSoup(html, "html.parser")
    for text in soup.find_all(string=lambda text: isinstance(text, Comment)):
        text.extract()
    for tag in soup.find_all(WITH_CONTENT):
        tag.decompose()
    for tag in soup.find_all(True):
        if tag.name not in TAGS:
            tag.unwrap()
            continue
        tag.attrs = {name: value for name, value in tag.attrs.items() if name in ATTRIBUTES}
        if "url(" in str(tag.get("style", "")):
            del tag["style"]
        if tag.name == "a":
            _follow(tag, resolve(str(tag.attrs.pop("href", ""))))
        elif tag.name == "img" and not IMAGE.match(str(tag.get("src", ""))):
            tag.decompose()
    return soup


def _follow(tag: Tag, target: str | None) -> None:
    if target is None:
        tag.unwrap()
        return
    tag["href"] = target
    if EXTERNAL.match(target):
        tag["rel"] = "noopener noreferrer"
    elif not target.startswith("#"):  # a file beside the page
        tag["download"] = ""


def tidy_tables(soup: BeautifulSoup) -> None:
    """
    Lay out every table of a tree, in place.

    The row numbers of a default index go, the two header rows that pandas writes for a named index become one, numbers
    line up on the right, and where rows can be sorted the headings say so to the page's script. Each table gets a name,
    from its caption or its headings, and a box to scroll in; a long one is folded. One of class "claims" comes laid out
    and folded.
    """
    for table in soup.find_all("table"):
        claims = "claims" in table.get_attribute_list("class")
        if not claims:
            _lay_out(table)
        _scope(table)
        name = _name(table)
        table["aria-label"] = name
        box = table.wrap(soup.new_tag("div", attrs={"class": "scroll"}))
        rows = sum("group" not in row.get_attribute_list("class") for row in _body(table))
        if rows > FOLDED and not table.find_parent("details"):
            fold = box.wrap(soup.new_tag("details", attrs={"class": "long"}))
            summary = soup.new_tag("summary")
            summary.string = f"{name} ({rows} rows)"
            fold.insert(0, summary)


def _lay_out(table: Tag) -> None:
    for tag in [table, *table.find_all(["thead", "tbody", "tr", "th", "td"])]:
        tag.attrs = {name: value for name, value in tag.attrs.items() if name in {"colspan", "rowspan"}}
    _merge_header_rows(table)
    _drop_row_numbers(table)
    for column in _columns(table):
        _lay_out_column(column)
    _mark_sortable(table)


def _name(table: Tag) -> str:
    """Name a table by its caption, or by what its columns are."""
    if table.caption:
        return _text(table.caption)
    heads = [text for cell in (_rows(table.thead) or [[]])[0] if (text := _text(cell))]
    return f"Table: {', '.join(heads)}" if heads else "Table"


def _rows(part: Tag | None) -> list[list[Tag]]:
    return [row.find_all(["th", "td"], recursive=False) for row in part.find_all("tr")] if part else []


def _body(table: Tag) -> list[Tag]:
    return [row for part in table.find_all("tbody") for row in part.find_all("tr")]


def _columns(table: Tag) -> list[list[Tag]]:
    """List the body's columns; none where cells span several rows or columns."""
    if table.find(["th", "td"], rowspan=True) or table.find(["th", "td"], colspan=True):
        return []
    return [[cell for cell in column if cell] for column in zip_longest(*_rows(table.tbody))]


def _text(cell: Tag) -> str:
    return cell.get_text(" ", strip=True)


def _value(cell: Tag) -> str:
    """Return the text of a cell without its small print."""
    return " ".join(text.strip() for text in cell.strings if text.strip() and not text.find_parent("small"))


def _merge_header_rows(table: Tag) -> None:
    rows = _rows(table.thead)
    if len(rows) != 2 or len(rows[0]) != len(rows[1]):
        return
    if any(_text(above) and _text(below) for above, below in zip(*rows, strict=True)):
        return
    for above, below in zip(*rows, strict=True):
        above.string = _text(above) or _text(below)
    table.thead.find_all("tr")[1].decompose()


def _drop_row_numbers(table: Tag) -> None:
    heads, columns = _rows(table.thead), _columns(table)
    if len(heads) != 1 or not columns or _text(heads[0][0]):
        return
    if all(cell.name == "th" and _text(cell) == str(index) for index, cell in enumerate(columns[0])):
        for cell in [heads[0][0], *columns[0]]:
            cell.decompose()


def _lay_out_column(cells: list[Tag]) -> None:
    given = [value for cell in cells if (value := _value(cell)) not in MISSING | {ABSENT}]
    numeric = bool(given) and all(NUMBER.match(text) and not WORD.search(text) for text in given)
    long = any(len(text) > LONG for text in given)
    for cell in cells:
        classes = ["number"] if numeric else ["prose"] if long else []
        if cell.name == "td" and _text(cell) in MISSING:
            # A ratio without a value is undefined (the error consistency of networks that never err), a text is absent.
            cell.string = "undefined" if numeric else ABSENT
            classes.append("missing")
        elif _text(cell) in WORDS:
            cell.string = WORDS[_text(cell)]
        elif _text(cell) in VERDICTS:
            classes += ["verdict", *_text(cell).split()]
        elif numeric:
            _set_number(cell)
        if classes:
            cell["class"] = " ".join(classes)


def _set_number(cell: Tag) -> None:
    """Give numbers their minus, and keep an interval in one piece."""
    for text in list(cell.strings):
        whole = minus(str(text))
        if found := LIMITS.match(whole.strip()):
            interval = Tag(name="span", attrs={"class": "limits"})
            interval.string = found[2]
            text.replace_with(found[1], interval)
        elif whole != text:
            text.replace_with(whole)


def _scope(table: Tag) -> None:
    for cell in table.find_all("th"):
        grouped = cell.find_parent("tr", class_="group")
        cell["scope"] = "rowgroup" if grouped else "row" if cell.find_parent("tbody") else "col"


def _mark_sortable(table: Tag) -> None:
    heads, columns = _rows(table.thead), _columns(table)
    if len(heads) != 1 or len(columns) != len(heads[0]) or len(columns[0]) < 2:
        return
    for cell, column in zip(heads[0], columns, strict=True):
        if "number" in str(column[0].get("class")):
            cell["class"] = "number"
        cell["data-sorts"] = ""
        cell.string = _text(cell) or "row"
