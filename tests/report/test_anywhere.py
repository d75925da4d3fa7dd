"""The page on a phone, by keyboard, in the dark, on paper and without JavaScript: every form of chart and of table."""

import io
from types import SimpleNamespace

import made_charts
import numpy as np
import pandas as pd
import pytest
from made_notebooks import Preset, chart, code, executed, prose, shown
from made_page import OPEN
from PIL import Image

from ddd_utils import charts
from ddd_utils.report import page

PHONE, PAPER = 350, (673, 986)  # px: a small phone's width, and A4 less the margins of the style sheet
HALF = {
    "mark": "bar",
    "data": {"values": [{"x": 1, "y": 2}]},
    "encoding": {"y": {"field": "y", "type": "quantitative"}},
}
HALF |= {"width": "container", "height": 250, "usermeta": {"ddd": {"half": True}}, "title": "Half as wide"}
CLAIMS = pd.DataFrame({"name": ["a claim whose name is much longer than the window of a small phone is wide", "short"]})
CLAIMS = CLAIMS.assign(
    unit="per cent", value=[0.2, 0.3], lower=0.1, upper=0.4, paper=0.2, text="holds", outcome="holds"
)
CLAIMS = CLAIMS.assign(decided=True, one=False)
FINDINGS = "<div class='findings'>{}</div>".format(
    "".join(f"<div class='{kind}'><h3>{kind}</h3><ul><li>this</li></ul></div>" for kind in ("holds", "contradicted"))
)
NAMES = ["a\u2028b", "c\u2029d", "hyphens-but-no-blank-to-break-at"]
ODD = pd.DataFrame({"name": NAMES, "rate": [0.1, 0.2, 0.2], "lower": 0.1, "upper": [0.2, 0.3, 0.3]})


def dotted(networks):
    """Draw a matrix in which some pairs have dots."""
    value = np.linspace(-0.1, 0.1, networks**2).reshape(networks, networks)
    interval = SimpleNamespace(value=(value + value.T) / 2, lower=value - 0.1, upper=value + 0.1)
    null = SimpleNamespace(excess=interval, observed=interval, expected=interval)
    names = [f"network {place} of {networks}" for place in range(networks)]
    return charts.excess_matrix(null, names, f"{networks} networks", np.eye(networks, k=2, dtype=bool), "name")


def swinging():
    """Draw pairs whose axis has another number at its end, or not, as its plot gets a few pixels wider or narrower."""
    names = {"one": ["plus_1_epoch", "optimizer"], "other": ["plus_10_epochs", "cuda_nondeterministic"]}
    pairs = made_charts.with_limits(excess=[0.136, -0.054], observed=[0.6, 0.6], expected=[0.47, 0.62]).assign(**names)
    return charts.excess_dots(pairs.assign(excess_lower=[0.11, -0.0725], excess_upper=[0.1619, -0.036]), "Swings")


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    """Build a page of every form of chart, two tables, and a first screen."""
    drawn = made_charts.every_chart(made_charts.predictions(), made_charts.networks())
    drawn["odd"] = charts.label_error_rows(ODD.rename(columns={"name": "group"}).assign(images=5), "Odd names")
    drawn["claims"] = charts.claims_forest(CLAIMS, "per cent")
    drawn |= {"few": dotted(13), "many": dotted(41), "swings": swinging()}
    tables = [pd.DataFrame({"network": np.arange(rows), "kappa": 0.5}) for rows in (3, 30)]
    first = [
        code("h", shown(text__html='<p class="headline">A sentence or two.</p>')),
        code("c", chart(HALF), chart(HALF)),
        code("f", shown(text__html=FINDINGS)),
    ]
    cells = [code("x", chart(each.to_dict())) for each in drawn.values()]
    cells += [code("t", shown(text__html=table._repr_html_())) for table in tables]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DDD_BUILD", str(tmp_path_factory.mktemp("anywhere")))
        outcomes = {
            "summary": executed("summary", prose("# A title"), *first),
            "second": executed("second", prose("# Second\n\n## Part\n\n#### Deep"), *cells),
        }
        return page.build(Preset(list(outcomes)), outcomes, {})


def test_on_a_phone_no_chart_is_cut_off_or_scrolls_sideways(opened, everything, all_drawn):
    tab = opened(path=everything, width=PHONE, height=700)
    all_drawn(tab)
    cut = tab.eval_on_selector_all(
        "figure.chart",
        """all => all.filter((figure) => {
          const box = figure.getBoundingClientRect(), scroll = figure.querySelector(".scroll");
          const inside = ({ left, right }) => left >= box.left - 2 && right <= box.right + 2;
          const words = [...figure.querySelectorAll("svg, svg text")]
            .filter((one) => one.textContent.trim() && getComputedStyle(one).opacity !== "0");
          const whole = words.every((one) => inside(one.getBoundingClientRect()));
          return scroll.scrollWidth > scroll.clientWidth + 1 || !whole;
        }).map((figure) => figure.id)""",
    )
    assert cut == []
    assert tab.evaluate("document.documentElement.scrollWidth") <= PHONE


@pytest.mark.parametrize(("networks", "names"), [(13, True), (41, False)])
def test_on_a_phone_dots_lie_in_their_cells_and_names_can_be_read_or_are_left_out(
    opened, everything, all_drawn, networks, names
):
    tab = opened(path=everything, width=PHONE, height=700)
    all_drawn(tab)
    matrix = tab.locator(f"figure[data-title^='{networks} networks']")
    first, dot = (matrix.locator(f"svg .mark-{kind}.role-mark path").first for kind in ("rect", "symbol"))
    (left, top, side, high), middle = map(placed, (first.bounding_box(), dot.bounding_box()))
    # Cells come row by row, less the diagonal: the first cell is row 0, column 1, the first dot row 0, column 2.
    assert middle[0] + middle[2] / 2 == pytest.approx(left + 1.5 * side, abs=1)
    assert middle[1] + middle[3] / 2 == pytest.approx(top + high / 2, abs=1)
    seen = "all => all.map((one) => getComputedStyle(one)).filter(({ opacity }) => opacity !== '0')"
    sizes = matrix.locator("svg .role-axis-label text").evaluate_all(
        f"{seen}.map(({{ fontSize }}) => parseFloat(fontSize))"
    )
    assert (min(sizes) >= 11) if names else not sizes
    assert ("touch a cell" in matrix.locator("svg").text_content()) != names


def placed(box):
    return box["x"], box["y"], box["width"], box["height"]


def test_on_a_screen_charts_fill_the_column_and_a_turned_phone_draws_them_anew(opened, everything, all_drawn):
    tab = opened(path=everything, width=700, height=1100)
    all_drawn(tab)
    filled = "figure => [figure.querySelector('svg').getBoundingClientRect().width, figure.clientWidth]"
    for size in (700, 500):
        tab.set_viewport_size({"width": size, "height": 900})
        tab.locator("#chart-4").scroll_into_view_if_needed()
        tab.wait_for_function(f"() => +document.querySelector('#chart-4').dataset.room < {size}")
        width, room = tab.eval_on_selector("#chart-4", filled)
        assert 0.93 * room < width <= room + 1


def test_numbers_in_cells_can_be_read_and_a_dark_matrix_is_dark(opened, everything, all_drawn):
    tab = opened(path=everything, color_scheme="dark")
    all_drawn(tab)
    matrix = tab.locator("figure.chart:has(.choices)").first
    sizes = matrix.locator("svg .mark-text text").evaluate_all(
        "all => all.map((one) => parseFloat(getComputedStyle(one).fontSize))"
    )
    assert sizes and min(sizes) >= 11
    seen = np.asarray(Image.open(io.BytesIO(matrix.locator("svg").screenshot())).convert("L"))
    assert np.median(seen) < 60


STOPS = """() => {
  const seen = [...document.querySelectorAll("a[href], button, input, select, summary, [tabindex]")]
    .filter((one) => one.tabIndex >= 0 && !one.disabled && one.checkVisibility() && one.type !== "radio");
  const groups = new Set(seen.map((one) => one.closest(".saves, thead, .answers") ?? one));
  const scrolling = [...document.querySelectorAll("[tabindex='0']:is(.scroll, pre, .formula)")]
    .filter((box) => box.scrollWidth <= box.clientWidth + 1 && box.scrollHeight <= box.clientHeight + 1);
  return [seen.length, groups.size, scrolling.length, document.querySelectorAll("figure.chart, main table").length];
}"""


def test_the_keyboard_stops_once_at_a_group_and_at_no_box_that_does_not_scroll(opened, everything, all_drawn):
    tab = opened(path=everything)
    all_drawn(tab)
    stops, groups, idle, things = tab.evaluate(STOPS)
    assert stops == groups and idle == 0
    assert stops <= 2 * things + 20  # a chart and a table have two at most; the rest are links and folds
    saves = tab.locator("#chart-3 .saves button")
    saves.first.focus()
    tab.keyboard.press("ArrowRight")
    assert saves.nth(1).evaluate("one => one === document.activeElement && one.tabIndex === 0")
    tab.keyboard.press("End")
    assert saves.nth(2).evaluate("one => one === document.activeElement")
    assert saves.evaluate_all("all => all.filter((one) => one.tabIndex === 0).length") == 1


def test_every_table_has_a_name_for_those_who_listen(opened, everything):
    tab = opened(path=everything)
    names = tab.eval_on_selector_all("main table", "all => all.map((one) => one.ariaLabel ?? one.caption?.textContent)")
    assert len(names) > 4 and all(names)
    assert "Deep. Table: network, kappa" in names


def test_names_with_line_separators_are_drawn(opened, everything, all_drawn):
    tab = opened(path=everything)
    all_drawn(tab)
    assert "a b" in tab.locator("figure[data-title='Odd names'] svg").text_content()


def test_without_javascript_everything_is_told_and_no_control_is_dead(opened, everything):
    tab = opened(path=everything, java_script_enabled=False)
    assert tab.locator(":is(button, select, input, [role=button]):visible").count() == 0
    assert "Click" not in tab.locator("main").inner_text()
    told = "all => all.map((one) => [getComputedStyle(one, '::before').content.length, one.clientHeight])"
    descriptions = tab.eval_on_selector_all("figure.chart .canvas", told)
    assert all(length > 10 and 15 < height < 250 for length, height in descriptions)
    hidden = "all => all.filter((one) => !one.checkVisibility() && !one.closest('.facts')).length"
    assert tab.locator("main table").evaluate_all(hidden) == 0


def test_on_paper_no_chart_is_higher_or_wider_than_a_page_or_broken_over_two(opened, everything, all_drawn):
    tab = opened(path=everything, width=PAPER[0], height=PAPER[1])
    all_drawn(tab)
    tab.emulate_media(media="print")
    breaks = "all => all.map((one) => getComputedStyle(one).breakBefore)"
    assert tab.eval_on_selector_all(".chapter", breaks) == ["auto", "page", "page"]
    sizes = "all => all.map((one) => { const box = one.getBoundingClientRect(); return [box.width, box.height]; })"
    assert (np.array(tab.eval_on_selector_all("figure.chart svg", sizes)) <= PAPER).all()
    assert (np.array(tab.eval_on_selector_all("figure.chart", sizes))[:, 1] <= PAPER[1]).all()
    assert set(
        tab.eval_on_selector_all("figure.chart", "all => all.map((one) => getComputedStyle(one).breakInside)")
    ) == {"avoid"}


def test_the_first_screen_has_headline_verdict_two_charts_and_what_was_found(opened, everything):
    tab = opened(path=everything, width=1280, height=900)
    left, right = (figure.bounding_box() for figure in tab.locator("figure[data-half]").all())
    assert left["y"] == right["y"] and left["x"] + left["width"] <= right["x"]
    columns = [column.bounding_box() for column in tab.locator(".findings > div").all()]
    assert columns[0]["y"] == columns[1]["y"] and columns[1]["y"] + columns[1]["height"] < 900
    size = "one => parseFloat(getComputedStyle(one).fontSize)"
    assert tab.eval_on_selector(".opening .headline", size) > 1.5 * tab.eval_on_selector(".front h1", size)
    tab.set_viewport_size({"width": PHONE, "height": 700})
    above, below = (figure.bounding_box() for figure in tab.locator("figure[data-half]").all())
    assert above["x"] == below["x"] and above["y"] + above["height"] <= below["y"]


@pytest.mark.parametrize("folded", ["details.long", "details.facts"])
def test_what_is_no_argument_is_folded_and_opens(opened, everything, folded):
    tab = opened(path=everything)
    assert not tab.locator(f"{folded} table").first.is_visible()
    tab.evaluate(OPEN)
    assert tab.locator(f"{folded} table").first.is_visible()
