"""Charts that answer the pointer and the keyboard, in the page itself: orders, epochs, brushes."""

import re
from importlib.util import find_spec
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from made_notebooks import Preset, chart, code, executed, prose
from test_browser import colour, contrast
from test_downloading_figures import of_chart, rows, saved

from ddd_utils import charts
from ddd_utils.charts.names_and_colours import ACCENT, MUTED, SECOND
from ddd_utils.report import page

ACCURACY = [0.3, 0.9, 0.6, 0.5]
COLOURS = MUTED, ACCENT, SECOND
NAMES = ["net_a", "net_b", "net_c", "net_d"]
BARS = "#chart-4 svg .mark-rect:not([class*='brush']) path:is({})".format(
    ",".join(f"[fill='{each}']" for each in COLOURS)
)
MATRIX, PAIR, MAP, DOTS = (f"#chart-{number}" for number in (1, 2, 3, 4))
CONTROL = ".choices input"


def specifications():
    kappa = np.array([[1, 0.1, 0.2, 0.8], [0.1, 1, 0.7, 0.2], [0.2, 0.7, 1, 0.1], [0.8, 0.2, 0.1, 1]])
    matrix = SimpleNamespace(labels=NAMES, kappa=kappa, lower=kappa - 0.05, upper=kappa + 0.05)
    correct = np.zeros((4, 30), bool)
    correct[1, :12], correct[2, 3:24], correct[3, :] = True, True, True
    i, j = np.triu_indices(4, 1)
    pairs = {"one": np.take(NAMES, i), "other": np.take(NAMES, j), "kappa": kappa[i, j], "largest": 1.0}
    accuracies = {"accuracy_one": np.take(ACCURACY, i), "accuracy_other": np.take(ACCURACY, j)}
    table = pd.DataFrame({**pairs, **accuracies, "lower": kappa[i, j] - 0.05, "upper": kappa[i, j] + 0.05})
    made = [
        charts.kappa_matrix(matrix, "One matrix", accuracy=ACCURACY),
        charts.kappa_matrices(matrix, matrix, ("all", "some"), "Two matrices", accuracy=ACCURACY),
        charts.decision_map(correct, [1], "Decisions"),
        charts.accuracy_against_kappa(table, "Pairs"),
    ]
    return [each.to_dict() for each in made]


@pytest.fixture(scope="module")
def linked(tmp_path_factory):
    """Build a page of charts that answer."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DDD_BUILD", str(tmp_path_factory.mktemp("linked")))
        cells = [code("c", chart(each)) for each in specifications()]
        return page.build(Preset(["second"]), {"second": executed("second", prose("# Linked"), *cells)}, {})


@pytest.fixture
def tab(opened, linked, all_drawn):
    tab = opened(path=linked, height=900, reduced_motion="reduce")
    all_drawn(tab)
    return tab


def texts(tab, chart, what):
    """Give what is written in a chart and where it starts in it, from the left and from above."""
    script = """all => all.map((one) => {
        const box = one.getBoundingClientRect(), picture = one.closest("svg").getBoundingClientRect();
        return [one.textContent, box.x - picture.x, box.y - picture.y];
    })"""
    return tab.eval_on_selector_all(f"{chart} svg {what}", script)


def rows_of(tab, chart):
    """Give the names of the rows of the first matrix of a chart, from above."""
    found = texts(tab, chart, ".role-axis-label text")
    left = min(x for _, x, _ in found)
    named = [(y, name) for name, x, y in found if name in NAMES and x < left + 60]
    return [name for _, name in sorted(named)][:4]


def cell(tab, chart, number):
    """Find how far from above and from the left the cells with a number stand."""
    return sorted((round(y), round(x)) for text, x, y in texts(tab, chart, ".mark-text text") if text == number)


def test_a_matrix_is_put_into_another_order_cells_and_labels_alike(tab):
    assert rows_of(tab, MATRIX) == NAMES
    before = cell(tab, MATRIX, "0.70")
    tab.locator(f"{MATRIX} .choices label", has_text="accuracy").click()
    assert rows_of(tab, MATRIX) == ["net_b", "net_c", "net_d", "net_a"]
    after = cell(tab, MATRIX, "0.70")
    assert len(before) == len(after) == 2 and after[0] < before[0]
    assert rows_of(tab, PAIR) == NAMES  # a chart of its own


def test_two_matrices_follow_one_control_and_leave_other_charts_alone(tab):
    assert tab.locator(f"{PAIR} {CONTROL}").count() == 3
    tab.locator(f"{MATRIX} .choices label", has_text="cluster").click()
    tab.locator(f"{PAIR} .choices label", has_text="accuracy").click()
    assert rows_of(tab, PAIR) == ["net_b", "net_c", "net_d", "net_a"]
    assert len({y for y, _ in cell(tab, PAIR, "0.70")}) == 2  # in four cells of two rows
    chosen = tab.eval_on_selector_all(f"{CONTROL}:checked", "all => all.map((one) => one.value)")
    assert chosen == ["cluster", "accuracy"]


def test_the_order_is_chosen_with_the_keyboard_alone(tab):
    tab.locator("main").focus()
    for _ in range(20):
        tab.keyboard.press("Tab")
        if tab.evaluate("document.activeElement.type") == "radio":
            break
    assert tab.evaluate("document.activeElement.value") == "name"
    assert colour(tab, f"{MATRIX} .choices label:has(:checked)", "outlineStyle") == "solid"
    tab.keyboard.press("ArrowRight")
    assert rows_of(tab, MATRIX) == ["net_b", "net_c", "net_d", "net_a"]
    tab.keyboard.press("Enter")  # sends no form
    tab.keyboard.press("Tab")
    assert not tab.evaluate("document.activeElement.type === 'radio'")


def test_the_control_is_named_stands_outside_of_the_picture_and_keeps_its_room(opened, linked, all_drawn):
    tab = opened(path=linked)
    room = tab.locator(f"{MATRIX} .choices").bounding_box()["height"]
    all_drawn(tab)
    assert tab.locator(f"{MATRIX} .choices").bounding_box()["height"] == room
    assert tab.locator(f"[role=img] {CONTROL}").count() == 0
    assert tab.get_by_role("group", name="Order by").count() == 2
    assert tab.locator(f"{MAP} .choices, {DOTS} .choices").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_control_can_be_read_and_is_not_printed(opened, linked, all_drawn, scheme):
    tab = opened(path=linked, color_scheme=scheme)
    all_drawn(tab)
    for selector in (".vega-bind-name", ".vega-bind-radio label"):
        assert contrast(colour(tab, f"{MATRIX} {selector}"), colour(tab, "body", "backgroundColor")) >= 4.5
    tab.emulate_media(media="print")
    assert not tab.locator(f"{MATRIX} .choices").is_visible()


def test_what_is_saved_has_the_order_that_is_seen_and_no_columns_of_its_own(tab, tmp_path):
    tab.locator(f"{MATRIX} .choices label", has_text="accuracy").click()
    _, picture = saved(tab, of_chart(tab, 1, "SVG"), tmp_path)
    labels = re.findall(
        r'text-anchor="end" transform="translate\(([-\d.]+),([-\d.]+)\)"[^>]*>(net_.)<', picture.decode()
    )
    assert [name for _, _, name in sorted(labels, key=lambda label: float(label[1]))] == [
        "net_b",
        "net_c",
        "net_d",
        "net_a",
    ]
    _, table = saved(tab, of_chart(tab, 1, "CSV"), tmp_path)
    assert set(rows(table)[0]) == {"a", "b", "kappa", "interval"} and len(rows(table)) == 17


def told(tab):
    return next(text for text, _, _ in texts(tab, MAP, ".mark-text text") if text.startswith("Epoch"))


def test_an_epoch_is_told_where_the_pointer_is_and_stays_marked(tab):
    assert told(tab) == "Epoch 3: accuracy 100.0%; 9 images learned; 0 lost since epoch 2"
    tab.locator(f"{MAP} svg").scroll_into_view_if_needed()
    box = tab.locator(f"{MAP} svg .mark-rect.role-mark").nth(1).bounding_box()
    outline = f"{MAP} svg path[stroke='#222222']"

    def over(epoch):
        tab.mouse.move(box["x"] + (epoch + 0.5) * box["width"] / 4, box["y"] + box["height"] / 2)
        return told(tab)

    assert over(2) == "Epoch 2: accuracy 70.0%; 12 images learned; 3 lost since epoch 1"
    assert over(0) == "Epoch 0, before training: accuracy 0.0%"
    marked = tab.locator(outline).last.bounding_box()
    assert marked["x"] == pytest.approx(box["x"], abs=8) and marked["height"] > 0.9 * box["height"]
    tab.mouse.move(5, 5)
    assert told(tab).startswith("Epoch 0,")


def test_a_finger_on_the_strip_tells_an_epoch(opened, linked, all_drawn):
    tab = opened(path=linked, width=390, has_touch=True)
    all_drawn(tab)
    tab.locator(f"{MAP} svg").scroll_into_view_if_needed()
    tab.locator(f"{MAP} svg .mark-rect.role-mark path").nth(1).tap(force=True)
    assert told(tab).startswith("Epoch 1:")


def counts(tab):
    """Give how many marked pairs each network is in, from the heights of the bars."""
    script = """all => all.map((one) => {
        const box = one.getBoundingClientRect();
        return [one.getAttribute("fill"), box.x, box.height];
    })"""
    bars = tab.eval_on_selector_all(BARS, script)
    full = max(height for _, _, height in bars)
    places = sorted({round(x) for _, x, _ in bars})
    filled = {round(x): round(3 * height / full) for fill, x, height in bars if fill != MUTED}
    return [filled.get(place, 0) for place in places]


def test_marked_pairs_are_counted_for_each_network(tab):
    assert counts(tab) == [3, 3, 3, 3]
    tab.locator(f"{DOTS} svg").scroll_into_view_if_needed()
    dots = tab.locator(f"{DOTS} svg .mark-symbol.role-mark path")
    box = max((dot.bounding_box() for dot in dots.all()), key=lambda box: -box["y"])  # .8, of net_a and net_d
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    tab.mouse.move(x - 20, y - 10)
    tab.mouse.down()
    tab.mouse.move(x + 20, y + 10, steps=3)
    tab.mouse.up()
    assert counts(tab) == [0, 0, 1, 1]  # the most accurate first: net_b, net_c, net_d, net_a
    tab.mouse.click(x, y + 150)
    assert counts(tab) == [3, 3, 3, 3]


def test_a_finger_marks_in_the_plot_and_scrolls_beside_it(opened, linked, all_drawn):
    tab = opened(path=linked, width=390, has_touch=True, is_mobile=True)
    all_drawn(tab)
    tab.locator(f"{DOTS} svg").evaluate("svg => svg.scrollIntoView({ behavior: 'instant' })")
    box = tab.locator(f"{DOTS} svg").bounding_box()
    marked = tab.locator(f"{DOTS} svg [class*=brush] path").first

    def drag(x, y, way):
        touch = tab.context.new_cdp_session(tab)
        for k in range(11):
            points = [{"x": x + way * k, "y": y + way * k}]
            touch.send("Input.dispatchTouchEvent", {"type": "touchMove" if k else "touchStart", "touchPoints": points})
            tab.wait_for_timeout(16)
        touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    # What the browser takes for scrolling it takes away from the page.
    tab.evaluate("window.taken = 0; addEventListener('pointercancel', () => { window.taken += 1; }, true)")
    drag(box["x"] + 90, box["y"] + 120, 12)
    assert marked.bounding_box()["height"] == pytest.approx(120, abs=3)
    assert tab.evaluate("taken") == 0
    drag(box["x"] + 100, box["y"] + 400, 20)  # over the bars
    assert tab.evaluate("taken") == 1


def test_the_pairs_of_the_network_under_the_pointer_are_in_front(tab):
    front = tab.locator(f"{DOTS} svg .mark-symbol.role-mark path[fill='{SECOND}']")
    assert front.count() == 0
    tab.locator(BARS).last.hover(force=True)
    assert front.count() == 3
    tab.mouse.move(5, 5)
    assert front.count() == 0


@pytest.mark.skipif(not find_spec("axe_playwright_python"), reason="axe-playwright-python is not installed")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_charts_that_answer(opened, linked, all_drawn, scheme):
    from axe_playwright_python.sync_playwright import Axe

    tab = opened(path=linked, color_scheme=scheme, width=390)
    all_drawn(tab)
    found = Axe().run(tab).response["violations"]
    assert [entry["id"] for entry in found if entry["impact"] in ("serious", "critical")] == []
