"""Every link of the page works."""

import pytest
from links import broken
from made_page import BESIDE, ELSEWHERE


@pytest.mark.parametrize("width", [1280, 375])
def test_every_link_works(opened, all_drawn, report, width):
    tab = opened(width=width, reduced_motion="reduce", permissions=["clipboard-write"])
    all_drawn(tab)
    assert broken(tab, report) == []


def test_nothing_else_leads_away_from_the_page(opened):
    tab = opened()
    hrefs = tab.eval_on_selector_all("[href]", "all => all.map((one) => one.getAttribute('href'))")
    assert {href for href in hrefs if not href.startswith(("#", "data:text/csv"))} == {ELSEWHERE}
    assert tab.locator("link, base, iframe, object, embed, form, [ping], [target]").count() == 0
    sources = tab.eval_on_selector_all("[src], [srcset]", "all => all.map((one) => one.src)")
    assert all(source.startswith("data:") for source in sources)


def test_a_file_in_the_page_is_saved_and_not_shown(opened):
    tab = opened(accept_downloads=True)
    with tab.expect_download() as download:
        tab.locator("a[download]").first.click()
    assert download.value.suggested_filename == BESIDE.replace(".csv", "-tiny.csv")


@pytest.mark.parametrize(
    ("link", "reason"),
    [
        ('<a href="#gone">x</a>', "leads nowhere"),
        ('<a href="#hid">x</a><p id="hid" hidden>y</p>', "its target does not come into view"),
        ('<a href="gone.csv">x</a>', "no such file"),
        ('<a href="data:text/csv,x">x</a>', "would be shown, not saved"),
        ('<a href="mailto:a@example.org">x</a>', "is not a page of the web"),
        ('<a href="https://example.org" target="_blank" rel="opener">x</a>', "lets that page reach this one"),
        ("<a>x</a>", "has no address"),
    ],
)
def test_a_link_that_does_not_work_is_found(opened, tmp_path, link, reason):
    path = tmp_path / "page.html"
    path.write_text(f"{link}<footer>lists.csv</footer>")
    assert [why for _, why in broken(opened(path=path), path)] == [reason, "no such file"]
