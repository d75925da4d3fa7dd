"""Finding one's way on the page: contents, filters, permalinks, a remembered theme, accessibility."""

from itertools import pairwise

import axe
import pytest
from made_page import OPEN

CURRENT = "#contents a[aria-current='true']"
PART = "#contents a[aria-current='location']"


def scroll_to(tab, selector):
    tab.eval_on_selector(selector, "element => element.scrollIntoView({ behavior: 'instant' })")


def test_the_contents_follow_the_scroll_down_to_the_part(opened):
    tab = opened()
    assert tab.locator(CURRENT).get_attribute("href") == "#summary"
    scroll_to(tab, "#second")
    tab.wait_for_selector(f"{CURRENT}[href='#second']")
    scroll_to(tab, "#second-deep-inside")
    tab.wait_for_selector(f"{PART}[href='#second-deep-inside']")
    assert tab.locator(CURRENT).get_attribute("href") == "#second"
    assert tab.locator("#contents ol a").all_inner_texts() != []
    scroll_to(tab, "#third")
    tab.wait_for_selector(f"{CURRENT}[href='#third']")
    assert tab.locator(CURRENT).count() == 1 and tab.locator(PART).count() == 0
    assert not tab.locator("#contents a[href='#second-deep-inside']").is_visible()


def test_a_click_on_a_section_leads_there_though_charts_are_drawn_on_the_way(opened):
    tab = opened(reduced_motion="reduce")
    tab.locator("#contents a[href='#third']").click()
    tab.wait_for_selector(f"{CURRENT}[href='#third']")
    tab.wait_for_selector("#chart-6[data-drawn]")
    assert abs(tab.eval_on_selector("#third", "element => element.getBoundingClientRect().top")) < 60


def test_the_page_can_be_read_with_the_keyboard_alone(opened):
    tab = opened(reduced_motion="reduce")
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.className") == "skip"
    assert tab.evaluate("document.activeElement.getBoundingClientRect().left") >= 0
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.hash") == "#summary"
    assert tab.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    tab.keyboard.press("Enter")
    tab.wait_for_selector(f"{CURRENT}[href='#summary']")


def test_on_a_phone_the_contents_unfold_and_fold_again(opened):
    tab = opened(width=375, reduced_motion="reduce")
    menu, contents = tab.locator("#menu"), tab.locator("#contents")
    assert not contents.is_visible()
    menu.focus()
    tab.keyboard.press("Enter")
    assert contents.is_visible() and menu.get_attribute("aria-expanded") == "true"
    tab.keyboard.press("Escape")
    assert not contents.is_visible() and tab.evaluate("document.activeElement.id") == "menu"
    menu.click()
    tab.locator("#contents a[href='#second']").click()
    assert not contents.is_visible()
    tab.wait_for_selector(f"{CURRENT}[href='#second']", state="attached")
    assert "Second" in menu.inner_text()


def shown_claims(tab):
    return tab.locator(".claims tr:not(.group):visible")


def test_claims_are_filtered_by_verdict(opened):
    tab = opened()
    tab.evaluate(OPEN)
    chips, everything = tab.locator(".filters button"), shown_claims(tab).count()
    assert chips.first.get_attribute("aria-pressed") == "true"
    assert chips.first.inner_text() == f"All {everything - 1}"  # one row is the heading's
    tab.locator(".filters button", has_text="Holds").click()
    assert shown_claims(tab).locator("td.verdict").all_inner_texts() == ["holds"]
    assert tab.locator(".claims tr.group:visible").all_inner_texts() == ["Training variants"]
    assert tab.locator("#told").inner_text().startswith("1 of ")
    tab.locator(".filters button", has_text="Contradicted").focus()
    tab.keyboard.press("Space")
    assert shown_claims(tab).locator("td.verdict").all_inner_texts() == ["contradicted\nsame sign, 3.2 times weaker"]
    chips.first.click()
    assert shown_claims(tab).count() == everything


def test_a_verdict_is_told_by_a_sign_too(opened):
    tab = opened()
    signs = "cells => cells.map((cell) => getComputedStyle(cell, '::before').content)"
    kinds = ("holds", "contradicted", "not-decidable", "not-tested", "outside")
    found = [tab.eval_on_selector_all(f".claims td.{kind}", signs)[0] for kind in kinds]
    assert len(set(found)) == 5 and "none" not in found


def test_a_heading_shows_its_link_on_focus_and_a_click_copies_it(opened):
    tab = opened(permissions=["clipboard-read", "clipboard-write"])
    link = tab.locator("#second-deep-inside > .permalink")
    assert link.evaluate("link => getComputedStyle(link).opacity") == "0"
    link.focus()
    tab.wait_for_function("() => getComputedStyle(document.activeElement).opacity === '1'")
    link.click()
    tab.wait_for_function("() => document.getElementById('told').textContent === 'Link copied'")
    assert tab.evaluate("location.hash") == "#second-deep-inside"
    assert tab.evaluate("navigator.clipboard.readText()").endswith("#second-deep-inside")


def test_the_command_and_the_citations_can_be_copied(opened):
    tab = opened(permissions=["clipboard-read", "clipboard-write"])
    blocks = tab.locator("pre.copied")
    assert blocks.count() == 3
    blocks.first.get_by_role("button").click()
    tab.wait_for_function("() => document.getElementById('told').textContent === 'Copied'")
    assert tab.evaluate("navigator.clipboard.readText()") == "make report PRESET=tiny"


def test_the_chosen_theme_is_remembered_and_stands_before_the_first_paint(opened):
    tab = opened(color_scheme="light")
    tab.locator("#theme").click()
    tab.reload(wait_until="commit")
    tab.wait_for_function("() => document.body")
    assert tab.evaluate("document.documentElement.dataset.theme") == "dark"
    tab.wait_for_load_state()
    assert tab.locator("#theme").inner_text() == "Light"


def test_without_storage_the_theme_still_changes(opened):
    tab = opened(color_scheme="light")
    tab.evaluate("Object.defineProperty(window, 'localStorage', { get() { throw new Error('refused'); } })")
    tab.locator("#theme").click()
    assert tab.evaluate("document.documentElement.dataset.theme") == "dark"


@pytest.mark.parametrize("reduced", ["reduce", "no-preference"])
def test_nothing_moves_for_those_who_do_not_want_it(opened, reduced):
    tab = opened(reduced_motion=reduced)
    scrolling = tab.evaluate("getComputedStyle(document.documentElement).scrollBehavior")
    assert scrolling == ("auto" if reduced == "reduce" else "smooth")


def test_landmarks_and_headings_are_in_order(opened):
    tab = opened()
    for landmark in ("nav[aria-label]", "main", "body > footer", "a.skip"):
        assert tab.locator(landmark).count() == 1
    levels = tab.eval_on_selector_all("h1, h2, h3, h4, h5, h6", "all => all.map((heading) => +heading.localName[1])")
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_a_chart_is_one_image_with_a_description(opened, all_drawn):
    tab = opened()
    all_drawn(tab)
    assert tab.locator("#chart-1 [role=img]").get_attribute("aria-label") == "two bars"
    assert tab.locator("figure.chart svg:not([aria-hidden])").count() == 0


@axe.needed
@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 375)])
def test_axe_finds_nothing_serious(opened, all_drawn, scheme, width):
    tab = opened(width=width, color_scheme=scheme)
    all_drawn(tab)
    tab.evaluate(OPEN)
    assert axe.grave(tab) == []
