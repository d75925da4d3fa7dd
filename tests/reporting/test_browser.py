import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
from made_notebooks import Preset, chart, code, executed, prose, shown

from ddd_utils import paths
from ddd_utils.reporting import page

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
BARS = {
    "data": {"values": [{"x": "a", "y": 1}, {"x": "<i>b", "y": 3, "gone": None}]},
    "mark": "bar",
    "encoding": {
        "x": {"field": "x", "type": "nominal"},
        "y": {"field": "y", "type": "quantitative", "axis": {"labelExpr": "format(datum.value, '.1f') + ' u'"}},
        "color": {"field": "x", "type": "nominal"},
        "tooltip": [{"field": "x"}, {"field": "y", "format": ".2f"}, {"field": "gone"}],
    },
    "title": "Bars",
    "width": 700,
    "height": 150,
    "description": "two bars",
}
FRAME = pd.DataFrame(
    {"network": ["b", "a10", "a9"], "kappa": [0.5, None, -1.25], "a very long heading of a column": ["x" * 60] * 3}
)
LONG = "\n\n".join(["A paragraph that fills the page, over and over. " * 8] * 12)
HOSTILE = "<img src=x onerror='window.hacked=1'><script>window.hacked=1</script>"
FORMULA = (
    r"$$\kappa = \frac{c_{obs} - c_{exp}}{1 - c_{exp}} = 1 - \frac{a + b + c + d + e + f + g + h}{i + j + k + l + m}$$"
)


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    room = tmp_path_factory.mktemp("page")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DDD_BUILD", str(room))
        assert paths.build() == room.resolve()
        outcomes = {
            "summary": executed(
                "summary",
                prose("# First\nSee [the second](second.ipynb#Deep-inside)."),
                code("f", shown(text__html=FRAME._repr_html_())),
            ),
            "second": executed(
                "second",
                prose(f"# Second\n\n{FORMULA}\n\n{LONG}\n\n## Deep inside"),
                *[code("b", chart(BARS)) for _ in range(6)],
            ),
            "third": executed("third", code("h", shown(text__html=HOSTILE)), error=HOSTILE + "\n" + "long line " * 60),
        }
        preset = Preset(list(outcomes), {"second": {"deep": {"key": "value" * 30}}})
        return page.build(preset, outcomes, {"second": {"device": HOSTILE}})


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM)
        yield browser
        browser.close()


@pytest.fixture
def opened(browser, report):
    """Open the report with the network off; what it asked for and complained of must be nothing."""
    contexts, trouble = [], []

    def open_it(width=1280, height=800, **settings):
        context = browser.new_context(viewport={"width": width, "height": height}, offline=True, **settings)
        contexts.append(context)
        tab = context.new_page()
        tab.on("request", lambda request: trouble.append(request.url) if not is_local(request.url) else None)
        tab.on(
            "console", lambda message: trouble.append(message.text) if message.type in ("error", "warning") else None
        )
        tab.on("pageerror", lambda error: trouble.append(str(error)))
        tab.goto(report.as_uri())
        return tab

    def is_local(url):
        return url == report.as_uri() or url.split("#")[0] == report.as_uri() or url.startswith(("data:", "blob:"))

    yield open_it
    for context in contexts:
        context.close()
    assert trouble == []


def all_drawn(tab):
    tab.wait_for_function("() => !document.querySelector('figure.chart:not([data-drawn])')")


def colour(tab, selector, what="color"):
    return tab.eval_on_selector(selector, f"element => getComputedStyle(element)['{what}']")


def luminance(colour):
    channels = [int(value) / 255 for value in re.findall(r"\d+", colour)[:3]]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return sum(weight * value for weight, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    high, low = sorted([luminance(one), luminance(other)], reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_every_chart_is_drawn_without_network_and_without_scrolling(opened):
    tab = opened()
    all_drawn(tab)
    assert tab.locator("figure.chart svg").count() == 6
    assert tab.locator("figure.chart svg").first.text_content().count(" u") > 1  # an expression was evaluated


def test_charts_in_view_come_first(opened):
    tab = opened()
    tab.evaluate("window.requestIdleCallback = () => {}")
    tab.locator("#chart-6").scroll_into_view_if_needed()
    tab.wait_for_selector("#chart-6[data-drawn]")


def test_markup_from_outside_does_nothing(opened):
    tab = opened()
    all_drawn(tab)
    assert tab.evaluate("window.hacked") is None
    assert "onerror" in tab.locator("#third .failure strong").text_content()


def test_a_mark_tells_its_values(opened):
    tab = opened()
    all_drawn(tab)
    bar = tab.locator("#chart-1 .mark-rect.role-mark path").nth(1)
    bar.scroll_into_view_if_needed()
    bar.hover()
    tab.wait_for_selector("#vg-tooltip-element.visible")
    assert tab.locator("#vg-tooltip-element td").all_text_contents() == ["x", "<i>b", "y", "3.00"]


def test_a_chart_is_saved_with_colours_of_its_own(opened, tmp_path):
    tab = opened(color_scheme="dark")
    all_drawn(tab)
    with tab.expect_download() as download:
        tab.locator("#chart-1 .save").click()
    download.value.save_as(tmp_path / "chart.svg")
    assert download.value.suggested_filename == "second-chart-1.svg"
    text = (tmp_path / "chart.svg").read_text()
    assert "<svg" in text
    assert "var(" not in text
    assert colour(tab, "body") in text


def column(tab, number):
    return tab.eval_on_selector_all(
        f"#summary .output tbody td:nth-child({number})", "cells => cells.map((cell) => cell.textContent)"
    )


def test_tables_sort_by_mouse_and_keyboard_with_undefined_values_last(opened):
    tab = opened()
    network, kappa = (tab.locator("#summary .output th").nth(index) for index in (0, 1))
    tab.locator("#summary th button").nth(1).click()
    assert column(tab, 2) == ["-1.25", "0.50", "undefined"]
    assert kappa.get_attribute("aria-sort") == "ascending"
    tab.keyboard.press("Enter")
    assert column(tab, 2) == ["0.50", "-1.25", "undefined"]
    assert kappa.get_attribute("aria-sort") == "descending"
    tab.keyboard.press("Enter")
    assert column(tab, 1) == ["b", "a10", "a9"]
    tab.keyboard.press("Shift+Tab")
    tab.keyboard.press("Space")
    assert column(tab, 1) == ["a9", "a10", "b"]
    assert network.get_attribute("aria-sort") == "ascending"
    assert kappa.get_attribute("aria-sort") == "none"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_follow_the_system_and_the_button_charts_included(opened, scheme):
    tab = opened(color_scheme=scheme)
    all_drawn(tab)
    chart_text = "#chart-1 .role-title-text text"
    before = colour(tab, "body", "backgroundColor"), colour(tab, chart_text, "fill")
    assert (luminance(before[0]) > 0.5) == (scheme == "light")
    tab.locator("#theme").click()
    after = colour(tab, "body", "backgroundColor"), colour(tab, chart_text, "fill")
    assert (luminance(after[0]) > 0.5) == (scheme == "dark")
    assert contrast(*before) > 7
    assert contrast(*after) > 7


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_enough_contrast(opened, scheme):
    tab = opened(color_scheme=scheme)
    all_drawn(tab)
    paper, alarm = colour(tab, "body", "backgroundColor"), colour(tab, ".failure", "backgroundColor")
    for selector in (
        "p",
        ".lead",
        "main a",
        "nav a",
        "summary",
        "thead th",
        ".overline",
        "nav .failed span",
        ".missing",
    ):
        assert contrast(colour(tab, selector), paper) >= 4.5, selector
    assert contrast(colour(tab, "#chart-1 .role-axis-label text", "fill"), paper) >= 4.5
    assert contrast(colour(tab, ".failure"), alarm) >= 4.5


@pytest.mark.parametrize("width", [360, 700, 1000, 1600])
def test_the_page_never_scrolls_sideways(opened, width):
    tab = opened(width=width)
    all_drawn(tab)
    tab.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    if width == 360:
        assert tab.eval_on_selector("#chart-1 .scroll", "box => box.scrollWidth > box.clientWidth")


def test_links_resolve_and_navigation_follows_the_reader(opened):
    tab = opened()
    all_drawn(tab)
    links = tab.eval_on_selector_all("a[href^='#']", "links => links.map((link) => link.hash.slice(1))")
    ids = tab.eval_on_selector_all("[id]", "elements => elements.map((element) => element.id)")
    assert set(links) <= set(ids)
    assert len(set(ids)) == len(ids)
    tab.locator("nav a", has_text="Third").click()
    tab.wait_for_selector("nav a[href='#third'][aria-current]")
    tab.locator("nav a", has_text="Summary").click()
    tab.wait_for_selector("nav a[href='#summary'][aria-current]")
    assert tab.locator("nav a[aria-current]").count() == 1


def test_code_is_one_click_away(opened):
    tab = opened()
    assert not tab.locator("#summary details.code pre").is_visible()
    tab.locator("#summary details.code summary").click()
    assert tab.locator("#summary details.code pre").is_visible()
    tab.locator("#code").click()
    assert tab.locator("details.code[open]").count() == tab.locator("details.code").count() == 2
    tab.locator("#code").click()
    assert tab.locator("details.code[open]").count() == 0


def test_print_is_dark_on_white_with_all_charts_and_without_controls(opened):
    tab = opened(color_scheme="dark")
    tab.locator("#theme").click()
    tab.locator("#theme").click()
    all_drawn(tab)
    tab.emulate_media(media="print")
    assert luminance(colour(tab, "#chart-1 .role-title-text text", "fill")) < 0.1
    assert luminance(colour(tab, "body", "backgroundColor")) > 0.9
    assert not tab.locator("nav.sections").is_visible()
    assert not tab.locator("#chart-1 .save").is_visible()
    assert tab.locator("#chart-6 svg").is_visible()


def test_a_page_without_a_chart_complains_of_nothing(opened, browser, tmp_path, monkeypatch):
    monkeypatch.setenv("DDD_BUILD", str(tmp_path))
    path = page.build(Preset(["summary"]), {"summary": executed("summary", prose("# Alone"))}, {})
    assert Path(path).stat().st_size < 2_000_000
    tab, errors = browser.new_page(), []
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.goto(path.as_uri())
    assert tab.locator("h2").text_content() == "Alone"
    tab.close()
    assert errors == []
