"""Lay out the tables that pandas and Markdown write: plain, sortable, numbers under each other."""

import re
from itertools import zip_longest

from bs4 import BeautifulSoup, Tag

NUMBER = re.compile(r"[+\-−]?(\d[\d,  ]*)?\.?\d")
WORD = re.compile(r"[^\W\d_]{3}")
VERDICTS = {"agree", "differ", "not comparable"}
LONG = 24  # characters from which a column gets room for several words a line
MISSING = {"NaN", "nan", "<NA>", "None", "NaT", ""}
ABSENT = "–"  # written by a section where there is nothing to say: neither a number nor undefined


def tidy_tables(soup: BeautifulSoup) -> None:
    """
    Lay out every table of a tree for the page, in place.

    The row numbers of a default index go, the two header rows that pandas writes for a named index become one, numbers
    line up on the right, headings become buttons where the rows can be sorted, and each table gets a box to scroll in.
    A table of class "claims" comes laid out (`claims_table`) and only gets the box and the scopes of its headings.

    Parameters
    ----------
    soup : BeautifulSoup
        What `clean` returned.
    """
    for table in soup.find_all("table"):
        box = {"class": "scroll", "tabindex": "0", "role": "group", "aria-label": "Table"}
        table.wrap(soup.new_tag("div", attrs=box))
        if "claims" in table.get("class", ""):
            _scope_groups(table)
            continue
        for tag in [table, *table.find_all(["thead", "tbody", "tr", "th", "td"])]:
            tag.attrs = {name: value for name, value in tag.attrs.items() if name in {"colspan", "rowspan"}}
        _merge_header_rows(table)
        _drop_row_numbers(table)
        for column in _columns(table):
            _lay_out_column(column)
        _name_headings(soup, table)


def _rows(part: Tag | None) -> list[list[Tag]]:
    return [row.find_all(["th", "td"], recursive=False) for row in part.find_all("tr")] if part else []


def _columns(table: Tag) -> list[list[Tag]]:
    """List the body's columns; none where cells span several rows or columns."""
    if table.find(["th", "td"], rowspan=True) or table.find(["th", "td"], colspan=True):
        return []
    return [[cell for cell in column if cell] for column in zip_longest(*_rows(table.tbody))]


def _text(cell: Tag) -> str:
    return cell.get_text(" ", strip=True)


def _merge_header_rows(table: Tag) -> None:
    rows = _rows(table.thead)
    if len(rows) != 2 or len(rows[0]) != len(rows[1]):
        return
    if any(_text(above) and _text(below) for above, below in zip(*rows, strict=True)):
        return
    for above, below in zip(*rows, strict=True):
        above.string = _text(above) or _text(below)
    rows[1][0].parent.decompose()


def _drop_row_numbers(table: Tag) -> None:
    heads, columns = _rows(table.thead), _columns(table)
    if len(heads) != 1 or not columns or _text(heads[0][0]):
        return
    if all(cell.name == "th" and _text(cell) == str(index) for index, cell in enumerate(columns[0])):
        for cell in [heads[0][0], *columns[0]]:
            cell.decompose()


def _lay_out_column(cells: list[Tag]) -> None:
    given = [_text(cell) for cell in cells if _text(cell) not in MISSING | {ABSENT}]
    numeric = bool(given) and all(NUMBER.match(text) and not WORD.search(text) for text in given)
    long = any(len(text) > LONG for text in given)
    for cell in cells:
        classes = ["number"] if numeric else ["prose"] if long else []
        if cell.name == "td" and _text(cell) in MISSING:
            # A ratio without a value is undefined (the error consistency of networks that never err), a text is absent.
            cell.string = "undefined" if numeric else ABSENT
            classes.append("missing")
        elif _text(cell) in VERDICTS:
            classes += ["verdict", *_text(cell).split()]
        if classes:
            cell["class"] = " ".join(classes)


def _name_headings(soup: BeautifulSoup, table: Tag) -> None:
    heads, columns = _rows(table.thead), _columns(table)
    for cell in table.find_all("th"):
        cell["scope"] = "row" if cell.find_parent("tbody") else "col"
    if len(heads) != 1 or len(columns) != len(heads[0]) or len(columns[0]) < 2:
        return
    for cell, column in zip(heads[0], columns, strict=True):
        if "number" in column[0].get("class", ""):
            cell["class"] = "number"
        button = soup.new_tag("button", attrs={"type": "button"})
        button.string = _text(cell) or "row"
        cell.clear()
        cell.append(button)
        cell["aria-sort"] = "none"


def _scope_groups(table: Tag) -> None:
    for cell in table.find_all("th"):
        grouped = "group" in cell.parent.get("class", "")
        cell["scope"] = "rowgroup" if grouped else "row" if cell.find_parent("tbody") else "col"
