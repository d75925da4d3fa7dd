import re

import pytest
from made_notebooks import Preset, executed, prose
from made_page import OPEN

from ddd_utils.report import page

TABLE = "#summary .output table:not(.claims)"


def colour(tab, selector, what="color"):
    return tab.eval_on_selector(selector, f"element => getComputedStyle(element)['{what}']")


def luminance(colour):
    channels = [int(value) / 255 for value in re.findall(r"\d+", colour)[:3]]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return sum(weight * value for weight, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    high, low = sorted([luminance(one), luminance(other)], reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_every_chart_is_drawn_without_network_when_it_comes_near(opened, all_drawn):
    tab = opened()
    tab.wait_for_timeout(300)
    assert tab.locator("figure.chart").count() == 6
    assert tab.locator("figure.chart svg").count() == 0
    tab.locator("#chart-6").scroll_into_view_if_needed()
    tab.wait_for_selector("#chart-6[data-drawn]")
    all_drawn(tab)
    assert tab.locator("figure.chart svg").count() == 6
    assert tab.locator("figure.chart svg").first.text_content().count(" u") > 1  # an expression was evaluated


def test_what_lies_below_a_chart_stays_in_place_when_it_is_drawn(opened, all_drawn):
    tab = opened()
    before = tab.evaluate("document.documentElement.scrollHeight")
    all_drawn(tab)
    assert abs(tab.evaluate("document.documentElement.scrollHeight") - before) < 6 * 40


def test_markup_from_outside_does_nothing(opened, all_drawn):
    tab = opened()
    all_drawn(tab)
    assert tab.evaluate("window.hacked") is None
    assert "onerror" in tab.locator("#third .failure strong").text_content()


def test_a_mark_tells_its_values(opened, all_drawn):
    tab = opened()
    all_drawn(tab)
    bar = tab.locator("#chart-1 .mark-rect.role-mark path").nth(1)
    bar.scroll_into_view_if_needed()
    bar.hover()
    tab.wait_for_selector("#vg-tooltip-element.visible")
    assert tab.locator("#vg-tooltip-element td").all_text_contents() == ["x", "<i>b", "y", "3.00"]


def column(tab, number):
    return tab.eval_on_selector_all(
        f"{TABLE} tbody td:nth-child({number})", "cells => cells.map((cell) => cell.textContent)"
    )


def test_tables_sort_by_mouse_and_keyboard_with_undefined_values_last(opened, all_drawn):
    tab = opened()
    network, kappa = (tab.locator(f"{TABLE} th").nth(index) for index in (0, 1))
    tab.locator(f"{TABLE} th button").nth(1).click()
    assert column(tab, 2) == ["−1.25", "0.50", "undefined"]
    assert kappa.get_attribute("aria-sort") == "ascending"
    tab.keyboard.press("Enter")
    assert column(tab, 2) == ["0.50", "−1.25", "undefined"]
    assert kappa.get_attribute("aria-sort") == "descending"
    tab.keyboard.press("Enter")
    assert column(tab, 1) == ["b", "a10", "a9"]
    tab.keyboard.press("ArrowLeft")
    tab.keyboard.press("Space")
    assert column(tab, 1) == ["a9", "a10", "b"]
    assert network.get_attribute("aria-sort") == "ascending"
    assert kappa.get_attribute("aria-sort") == "none"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_follow_the_system_and_the_button_charts_included(opened, all_drawn, scheme):
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
def test_text_has_enough_contrast(opened, all_drawn, scheme):
    tab = opened(color_scheme=scheme)
    all_drawn(tab)
    paper, alarm = colour(tab, "body", "backgroundColor"), colour(tab, ".failure", "backgroundColor")
    for selector in (
        "p",
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
def test_the_page_never_scrolls_sideways(opened, all_drawn, width):
    tab = opened(width=width)
    all_drawn(tab)
    tab.evaluate(OPEN)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width


def test_links_resolve_and_ids_are_unique(opened):
    tab = opened()
    links = tab.eval_on_selector_all("a[href^='#']", "links => links.map((link) => link.hash.slice(1))")
    ids = tab.eval_on_selector_all("[id]", "elements => elements.map((element) => element.id)")
    assert set(links) <= set(ids)
    assert len(set(ids)) == len(ids)


def test_print_is_dark_on_white_with_all_charts_and_without_controls(opened, all_drawn):
    tab = opened(color_scheme="dark")
    tab.locator("#theme").click()
    tab.locator("#theme").click()
    all_drawn(tab)
    tab.emulate_media(media="print")
    assert luminance(colour(tab, "#chart-1 .role-title-text text", "fill")) < 0.1
    assert luminance(colour(tab, "body", "backgroundColor")) > 0.9
    assert not tab.locator("nav.sections").is_visible()
    assert not tab.locator("#chart-1 .saves").is_visible()
    assert tab.locator("#chart-6 svg").is_visible()
    assert not tab.locator("pre.code").first.is_visible()
    assert tab.locator(".claims").is_visible()  # folded on the screen


def test_printing_draws_every_chart_first(opened):
    tab = opened()
    assert tab.locator("figure.chart[data-drawn]").count() == 0
    assert tab.pdf().startswith(b"%PDF")
    assert tab.locator("figure.chart[data-drawn]").count() == 6


def test_a_page_without_a_chart_complains_of_nothing(opened, tmp_path, monkeypatch):
    monkeypatch.setenv("DDD_BUILD", str(tmp_path))
    path = page.build(Preset(["summary"]), {"summary": executed("summary", prose("# Alone"))}, {})
    assert path.stat().st_size < 2_000_000
    tab = opened(path=path)
    assert tab.locator("#summary h2").text_content() == "Alone"
