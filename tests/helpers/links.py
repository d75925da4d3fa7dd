"""Following every link of a page in a browser, as far as that can be done without a network."""

import re
from urllib.parse import unquote, urlsplit

# A click on a link of this page, seen a moment later; where it leads may be in a folded part.
FOLLOW = """async (link) => {
  link.click();
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  const target = document.getElementById(decodeURIComponent(link.hash.slice(1)));
  if (!target) return "leads nowhere";
  const box = target.getBoundingClientRect();
  const seen = box.bottom > 0 && box.top < innerHeight && target.checkVisibility();
  return seen ? "" : "its target does not come into view";
}"""


def broken(tab, path):
    """
    List the links of an open page that do not work.

    Those within the page are clicked, files beside it are looked for, links to the web are only read.

    Parameters
    ----------
    tab : Page
        The page, opened with reduced motion and its charts drawn.
    path : Path
        Its file.

    Returns
    -------
    list of (str, str)
        Where each leads, and what is wrong.
    """
    found = []
    for link in tab.locator("a, area").all():
        href = link.get_attribute("href")
        if reason := _reason(link, href, path.parent):
            found.append((href, reason))
    named = re.findall(r"[\w-]+\.(?:csv|txt|json|parquet|html)\b", tab.locator("body > footer").inner_text())
    return found + [(name, "no such file") for name in named if not (path.parent / name).is_file()]


def _reason(link, href, folder):
    if not href:
        return "has no address"
    if href.startswith("#"):
        return link.evaluate(FOLLOW)
    address = urlsplit(href)
    if address.scheme == "data":  # a file that the page carries
        return "" if link.get_attribute("download") else "would be shown, not saved"
    if address.scheme:
        rel = (link.get_attribute("rel") or "").split()
        if address.scheme not in ("http", "https") or not address.netloc:
            return "is not a page of the web"
        return "lets that page reach this one" if link.get_attribute("target") and "noopener" not in rel else ""
    return "" if (folder / unquote(address.path)).is_file() else "no such file"
