"""Make foreign HTML safe: what a notebook puts out may contain anything."""

import json
import re
from collections.abc import Callable
from typing import Any

from bs4 import BeautifulSoup, Comment, Tag
from markupsafe import Markup

TAGS = {"a", "abbr", "b", "blockquote", "br", "caption", "cite", "code", "dd", "del", "details", "div", "dl", "dt"}
TAGS |= {"em", "figcaption", "figure", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "kbd", "li", "mark", "ol"}
TAGS |= {"p", "pre", "s", "small", "span", "strong", "sub", "summary", "sup", "table", "tbody", "td", "tfoot", "th"}
TAGS |= {"thead", "time", "tr", "u", "ul", "var"}
WITH_CONTENT = ["script", "style", "iframe", "object", "embed", "template", "noscript", "svg", "math", "form", "title"]
ATTRIBUTES = {"alt", "class", "colspan", "datetime", "height", "href", "open", "rowspan", "src", "start", "style"}
ATTRIBUTES |= {"title", "width"}
IMAGE = re.compile(r"data:image/(png|jpeg|gif|webp);base64,", re.IGNORECASE)
EXTERNAL = re.compile(r"(https?:|mailto:)", re.IGNORECASE)


def embedded(data: Any) -> Markup:
    """
    Write plain data for a script element, which a ``<`` in some text could end.

    Parameters
    ----------
    data : dict, list, str or number
        What JSON can hold.

    Returns
    -------
    Markup
        JSON.
    """
    return Markup(json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c"))


def external(href: str) -> str | None:
    """
    Let a link pass if it leads to the web.

    Parameters
    ----------
    href : str
        Where the link leads.

    Returns
    -------
    str or None
        The same, or None for a link that leads nowhere once the page is alone.
    """
    return href if EXTERNAL.match(href) else None


def clean(html: str, resolve: Callable[[str], str | None] = external) -> BeautifulSoup:
    """
    Keep the harmless part of some HTML: no script, no style, nothing that would be fetched.

    Parameters
    ----------
    html : str
        Any markup.
    resolve : callable
        Gives the new target of a link, or None to leave just its text.

    Returns
    -------
    BeautifulSoup
        Its tree. Unknown elements give way to what they contain.
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
        if "url(" in tag.get("style", ""):
            del tag["style"]
        if tag.name == "a":
            _follow(tag, resolve(tag.attrs.pop("href", "")))
        elif tag.name == "img" and not IMAGE.match(tag.get("src", "")):
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
