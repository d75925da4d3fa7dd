"""What is behind a bar and a cell, asked for by a real browser with the network off."""

import numpy as np
import pandas as pd
import pytest
from axe_playwright_python.sync_playwright import Axe
from made_explorer import HOSTILE, made, marks
from made_notebooks import Preset, chart, code, executed, prose, shown

from ddd_utils import charts
from ddd_utils.analysis import consistency, difficulty
from ddd_utils.analysis.exploration import explore
from ddd_utils.analysis.statistics import wilson
from ddd_utils.report import page
from ddd_utils.report.explorer import Explorer
from ddd_utils.report.text import written
from ddd_utils.responses import Responses


@pytest.fixture(scope="module")
def explored(tmp_path_factory):
    """Build a page of two sections with the same explorer: a histogram in one, a matrix in the other."""
    one, responses, found = made(marked=True)
    correct = responses.correct()[1:]
    histogram = charts.score_bars(difficulty.score_histogram(correct), 1, "Scores")
    matrix = charts.kappa_matrix(consistency.pairwise_matrix(correct, found.kappa.labels), "Kappa")
    data = shown(**{key.replace("/", "__"): value for key, value in one._repr_mimebundle_().items()})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DDD_BUILD", str(tmp_path_factory.mktemp("explored")))
        cells = {"first": one.linked(histogram, "score"), "second": one.linked(matrix, "pair")}
        outcomes = {
            name: executed(name, prose(f"# {name}\n\n## Part"), code("a", data), code("b", chart(made_chart.to_dict())))
            for name, made_chart in cells.items()
        }
        path = page.build(Preset(list(outcomes)), outcomes, {})
    return path, correct, responses, found


@pytest.fixture
def tab(opened, explored, all_drawn):
    tab = opened(path=explored[0])
    all_drawn(tab)
    return tab


def behind(tab, section):
    return tab.locator(f"#{section} .behind")


def click(tab, section, marks, place):
    mark = tab.locator(f"#{section} svg {marks}").nth(place)
    mark.scroll_into_view_if_needed()
    box = mark.bounding_box()
    tab.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 3)


def test_a_click_on_a_bar_shows_its_images_and_who_said_what(tab, explored):
    _, correct, responses, found = explored
    scores = correct.sum(axis=0)
    click(tab, "first", ".mark-rect.role-mark path", -3)  # the columns are drawn last
    panel = behind(tab, "first")
    assert panel.locator("h4").text_content() == "3 of 5 networks are right"
    assert f"{(scores == 3).sum()} images" in panel.locator("p").first.text_content()
    assert tab.locator("#first .closer select").input_value() == "3"
    pictured = found.images[scores[found.images] == 3]
    assert panel.locator("figure").count() == min(len(pictured), 12)
    first = panel.locator("figure").first
    assert first.locator("img").get_attribute("alt").startswith(str(responses.image_ids[pictured[0]]))
    assert first.locator("li.right").text_content().startswith("✓ ")
    first.locator("summary").first.click()
    right = [found.kappa.labels[network] for network in np.flatnonzero(correct[:, pictured[0]])]
    assert first.locator(".who").first.text_content() == ", ".join(right)
    assert tab.evaluate("window.hacked") is None


def test_a_click_on_a_bar_says_which_factors_its_images_have(tab, explored):
    _, correct, _, found = explored
    looked, score = marks(), correct.sum(axis=0)
    here = looked.known & (score == 3)
    tab.locator("#first .closer select").select_option("3")
    panel = behind(tab, "first")
    said = panel.locator(".note").first.text_content()
    assert f"on {here.sum()} images of this bar, and on all 55 at which they looked" in said
    rows = panel.locator(".factors tbody tr")
    shares = {
        name: (looked.marked[here, at].mean(), looked.marked[:, at].sum() / 55)
        for at, name in enumerate(looked.factors)
    }
    order = sorted(shares, key=lambda name: -shares[name][0] / shares[name][1])
    assert rows.locator("th").all_text_contents() == order
    for row, name in zip(rows.all(), order, strict=True):
        share, everywhere = shares[name]
        low, high = wilson(share * here.sum(), here.sum())
        cells = row.locator("td").all_text_contents()
        assert cells == [f"{share:.1%} ({low:.1%} to {high:.1%})", f"{everywhere:.1%}"]
        assert ("apart" in (row.get_attribute("class") or "")) == (not low <= everywhere <= high)
    first = found.images[score[found.images] == 3][0]
    has = [name for at, name in enumerate(looked.factors) if looked.marked[first, at]]
    caption = panel.locator("figcaption").first.text_content()
    assert caption.endswith(f"marked: {', '.join(has)}") if has else "marked" not in caption
    assert tab.evaluate("window.hacked") is None


def test_the_list_does_the_same_by_keyboard_and_the_panel_closes(tab, explored):
    choice = tab.locator("#first .closer select")
    choice.focus()
    tab.keyboard.press("ArrowDown")
    panel = behind(tab, "first")
    assert panel.locator("h4").text_content() == "None of 5 networks is right"
    more = panel.locator(".more")
    if more.count():
        more.press("Enter")
    scores = explored[1].sum(axis=0)
    assert panel.locator("figure").count() == (scores[explored[3].images] == 0).sum()
    panel.get_by_role("button", name="Close").press("Enter")
    assert not panel.is_visible()
    assert tab.evaluate("document.activeElement.tagName") == "SELECT"


def test_a_click_on_a_cell_compares_its_networks(tab, explored):
    _, correct, _, found = explored
    marks = ".mark-rect.role-mark path"
    names = "paths => paths.map(({ __data__: { datum } }) => `${datum.a} ${datum.b}`)"
    click(tab, "second", marks, tab.eval_on_selector_all(f"#second svg {marks}", names).index("a10 a9"))
    panel = behind(tab, "second")
    assert panel.locator("h4").text_content() == "a10 and a9"
    ring = tab.locator("#second svg path[stroke='#C05A1A']")
    assert ring.count() == 2  # the cell and its mirror image
    one, other = correct[0], correct[2]
    counts = [(one & other).sum(), (one & ~other).sum(), (~one & other).sum(), (~one & ~other).sum()]
    cells = panel.locator(".fourfold").first.locator("tbody td")
    assert [int(cell.evaluate("cell => cell.firstChild.textContent")) for cell in cells.all()] == counts
    facts = panel.locator("dd").all_text_contents()
    assert facts[2].startswith(written(found.kappa.kappa[0, 2], ".3f") + " [")
    assert facts[4].startswith(written(found.null.excess.value[0, 2], "+.3f") + " [") and "Holm" in facts[4]
    score = correct.sum(axis=0)
    some = (score > 1) & (score < 4)
    cells = panel.locator(".fourfold").last.locator("tbody td").first
    assert int(cells.evaluate("cell => cell.firstChild.textContent")) == (one & other & some).sum()
    titles = panel.locator(".fourfold caption").all_text_contents()
    assert titles == ["All 60 images", f"{some.sum()} in-between images"]
    assert facts[5].startswith(written(found.between.kappa.kappa[0, 2], ".3f") + " [")
    only = panel.locator("h5").all_text_contents()
    assert only == ["Only a10 is right", "Only a9 is right"]
    apart = found.images[(one & ~other)[found.images]], found.images[(~one & other)[found.images]]
    shown_now = [min(12, len(images)) for images in apart]
    assert panel.locator("figure").count() == sum(shown_now)
    assert panel.locator("figure").first.locator("li.right").first.text_content().startswith("✓ a10: ")
    assert panel.locator("figure").first.locator("li.wrong").text_content().startswith("✗ a9: ")


def test_two_networks_are_chosen_from_lists_and_one_is_not_a_pair(tab):
    lists = tab.locator("#second .closer select")
    lists.nth(0).select_option("e")
    assert not behind(tab, "second").is_visible()
    lists.nth(1).select_option(HOSTILE)
    assert behind(tab, "second").locator("h4").text_content() == f"e and {HOSTILE}"
    lists.nth(1).select_option("e")
    assert not behind(tab, "second").is_visible()
    assert "one network" in tab.locator("#told").text_content()
    assert tab.evaluate("window.hacked") is None


def test_an_undefined_kappa_says_why(opened, tmp_path, monkeypatch, all_drawn):
    correct = np.repeat([[True], [True], [False]], 9, axis=1)
    networks = pd.DataFrame({"network": list("abc"), "condition": list("abc"), "instance": 1})
    ids = np.array([str(image) for image in range(9)])
    responses = Responses(correct[:, None].astype(np.int16) - 1, np.zeros(9, np.int16), ids, networks)
    one = Explorer(explore(correct, list("abc"), tolerance=1), responses, range(3), ["only"])
    matrix = one.linked(charts.kappa_matrix(consistency.pairwise_matrix(correct, list("abc")), "Kappa"), "pair")
    data = shown(**{key.replace("/", "__"): value for key, value in one._repr_mimebundle_().items()})
    monkeypatch.setenv("DDD_BUILD", str(tmp_path))
    section = executed("second", prose("# second"), code("a", data), code("b", chart(matrix.to_dict())))
    tab = opened(path=page.build(Preset(["second"]), {"second": section}, {}))
    all_drawn(tab)
    for place, name in enumerate("ab"):
        tab.locator("#second .closer select").nth(place).select_option(name)
    facts = behind(tab, "second").locator("dd").all_text_contents()
    assert facts[2] == "undefined: both are always right, or both always wrong"
    tab.locator("#second .closer select").nth(1).select_option("c")
    assert behind(tab, "second").locator("dd").nth(2).text_content().startswith("0.000")


def test_answers_without_classes_are_right_or_wrong_and_images_have_their_names(
    opened, tmp_path, monkeypatch, all_drawn
):
    one, responses, _ = made(pictures=False, missing=range(6), labels_known=False)
    histogram = charts.score_bars(difficulty.score_histogram(responses.correct()[1:]), 1, "Scores")
    data = shown(**{key.replace("/", "__"): value for key, value in one._repr_mimebundle_().items()})
    monkeypatch.setenv("DDD_BUILD", str(tmp_path))
    section = executed(
        "first", prose("# first"), code("a", data), code("b", chart(one.linked(histogram, "score").to_dict()))
    )
    tab = opened(path=page.build(Preset(["first"]), {"first": section}, {}))
    all_drawn(tab)
    tab.locator("#first .closer select").select_option("2")
    figure = behind(tab, "first").locator("figure").first
    assert figure.locator("strong").text_content() in set(responses.image_ids)
    assert figure.locator("li").all_text_contents()[0].startswith("✓ right (2)")
    assert figure.locator("li").all_text_contents()[1].startswith("wrong (3)")


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (360, "dark")])
def test_everyone_can_use_it_on_any_screen(opened, explored, all_drawn, width, scheme):
    tab = opened(path=explored[0], width=width, color_scheme=scheme)
    all_drawn(tab)
    tab.locator("#first .closer select").select_option("2")
    tab.locator("#second .closer select").nth(0).select_option("a10")
    tab.locator("#second .closer select").nth(1).select_option("a9")
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    found = Axe().run(tab).response["violations"]
    assert [(each["id"], each["help"]) for each in found if each["impact"] in ("serious", "critical")] == []
    tab.emulate_media(media="print")
    assert behind(tab, "second").is_visible() and not tab.locator(".closer").first.is_visible()
    answers = behind(tab, "second").locator("li details ul").first
    assert not answers.is_visible()  # sixty names below each image would fill pages
