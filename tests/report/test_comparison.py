"""Two reports side by side: the difference of two figures, its interval, and the tables that hold them."""

import math

import numpy as np
import pytest
from bs4 import BeautifulSoup
from hypothesis import given
from hypothesis import strategies as st
from made_notebooks import Preset, executed, prose
from made_page import HOSTILE

from ddd_utils.report import claims, comparison, markup, page
from ddd_utils.report.claims import Record

KINDS = ("trivial", "in_between", "impossible")
FIGURE = st.floats(-1e3, 1e3)
REACH = st.floats(0, 1e3)


def record(value, interval=None, dataset="imagenet", **more):
    return Record(value=value, interval=interval, dataset=dataset, **more)


def test_distances_to_the_limits_are_added_in_squares_each_side_for_itself():
    assert comparison.limits(10, (7, 14), 20, (17, 32)) == pytest.approx((10 - 5, 10 + math.hypot(12, 3)))


@given(FIGURE, REACH, REACH, FIGURE, REACH, REACH)
def test_the_interval_holds_the_difference_and_is_no_wider_than_the_worst_case(
    a, below_a, above_a, b, below_b, above_b
):
    lower, upper = comparison.limits(a, (a - below_a, a + above_a), b, (b - below_b, b + above_b))
    slack = 1e-9
    assert b - a - below_b - above_a - slack <= lower <= b - a <= upper <= b - a + above_b + below_a + slack
    assert b - a - lower >= max(below_b, above_a) - slack and upper - (b - a) >= max(above_b, below_a) - slack


@given(FIGURE, REACH, REACH, FIGURE, REACH, REACH)
def test_the_other_way_round_the_interval_is_mirrored(a, below_a, above_a, b, below_b, above_b):
    one, other = (a, (a - below_a, a + above_a)), (b, (b - below_b, b + above_b))
    lower, upper = comparison.limits(*one, *other)
    assert comparison.limits(*other, *one) == pytest.approx((-upper, -lower), abs=1e-9)


def test_the_interval_covers_the_true_difference_of_shares_as_often_as_it_says():
    draws, n, (p, q) = np.random.default_rng(0), (2000, 500), (0.3, 0.05)
    found = [draws.binomial(size, share, 4000) / size for size, share in zip(n, (p, q), strict=True)]
    covered = []
    for a, b in zip(*found, strict=True):
        (a_low, a_high), (b_low, b_high) = wilson(a, n[0]), wilson(b, n[1])
        lower, upper = comparison.limits(a, (a_low, a_high), b, (b_low, b_high))
        covered.append(lower <= q - p <= upper)
    assert 0.94 <= np.mean(covered) <= 0.965


def wilson(share, n, z=1.959964):
    middle, half = share + z**2 / 2 / n, z * math.sqrt(share * (1 - share) / n + z**2 / 4 / n**2)
    return (middle - half) / (1 + z**2 / n), (middle + half) / (1 + z**2 / n)


def test_different_data_sets_have_an_interval():
    apart = comparison.difference(record(0.5, (0.4, 0.6)), record(0.7, (0.7, 0.7), "digits"))
    assert apart.value == pytest.approx(0.2) and apart.interval == pytest.approx((0.1, 0.3)) and apart.reason == ""


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        (record(None), record(0.5, (0.4, 0.6), "digits"), "undefined"),
        (record(0.5, dataset="any"), record(0.5, dataset="any"), "arithmetic on the paper’s figures"),
        (record(0.5, (0.4, 0.6), n=100), record(0.5, (0.4, 0.6), n=200), "same data set"),
        (record(0.5, (0.4, 0.6), "folder"), record(0.5, (0.4, 0.6)), "which images is not known"),
        (record(0.5, (0.4, 0.6)), record(0.5, None, "digits"), "no interval to go by"),
        (record(0.7, (0.4, 0.6)), record(0.5, (0.4, 0.6), "digits"), "a figure lies outside its interval"),
        (record(0.5, (0.6, 0.4)), record(0.5, (0.4, 0.6), "digits"), "a figure lies outside its interval"),
    ],
)
def test_without_independent_errors_there_is_a_reason_and_no_interval(first, second, reason):
    for one, other in ((first, second), (second, first)):
        apart = comparison.difference(one, other)
        assert (apart.interval, apart.reason) == (None, reason)
        assert (apart.value is None) == (reason == "undefined")


@pytest.fixture(autouse=True)
def build(tmp_path, monkeypatch):
    monkeypatch.setenv("DDD_BUILD", str(tmp_path / "build"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "build"


def written(name, dataset, shares, note=""):
    """Record the shares of a report as its section does."""
    book = claims.Book("sota_comparison", name)
    for kind, share in zip(KINDS, shares, strict=True):
        book.record(f"sota_{kind}_share", share, (share - 0.03, share + 0.04), claims.Basis(11, 500, dataset), note)


@pytest.fixture
def two(build):
    written("one", "imagenet", (0.5, 0.3, 0.2), note="tolerance 1")
    written("other", "digits", (0.7, 0.25, 0.05), note="tolerance 1")
    kappas = claims.Book("subsetting", "one")
    kappas.record("sota_kappa_all", 0.5, (0.4, 0.6), claims.Basis(11, 500, "imagenet"))
    claims.Book("kl_divergence", "other")
    return comparison.read("one", "other")


def rows(shown):
    """List the texts of the cells of each row, as the page lays them out."""
    soup = markup.clean(shown.data)
    markup.tidy_tables(soup)
    return [
        [" ".join(cell.get_text(" ").split()) for cell in row.find_all(["th", "td"])] for row in soup.find_all("tr")
    ]


def report(**records):
    return comparison.Report(None, "a name", records, None)


def test_what_both_have_and_what_one_has_are_told_apart():
    first = report(
        sota_trivial_share=record(0.4),
        sota_kappa_all=record(None),
        human_accuracy_mean=record(None, m=0),
        of_another_version=record(1),
    )
    both = comparison.Comparison(first, report(sota_kappa_all=record(0.4), sota_impossible_share=record(0.1)))
    assert both.common == ["sota_kappa_all"]
    assert [len(table.find_all("tr")) for table in markup.clean(both.only_one().data).find_all("table")] == [2, 2]


def test_headline_figures_stand_in_one_row_with_their_difference(two):
    head, *found = rows(two.headline_figures())
    assert head == ["Figure", "Paper", "one", "other", "Difference"]
    basis = "M = 11, n = 500"
    assert found[5] == [
        "trivial Models",
        "46.0%",
        f"50.0% 47.0% to 54.0% {basis} ImageNet, tolerance 1",
        f"70.0% 67.0% to 74.0% {basis} digits, tolerance 1",
        "+20.0 pp +15.0 to +25.0 pp",
    ]
    kappa = next(row for row in found if row[0] == "Mean error consistency, all images Models")
    assert kappa[2:] == [f"0.500 0.400 to 0.600 {basis} ImageNet", "– not computed", "–"]
    assert {cell for row in found[:5] for cell in row[2:]} == {"– not computed", "–"}


def test_an_undefined_figure_is_no_missing_one(two):
    claims.Book("subsetting", "other").record("sota_kappa_all", None, responses=claims.Basis(11, 500, "digits"))
    models = rows(comparison.read("one", "other").headline_figures())[6:]
    assert [row[2].split()[0] for row in models] == ["50.0%", "30.0%", "20.0%", "0.500", "–"]
    assert [row[3].split(" M")[0] for row in models[3:]] == ["– undefined", "– not computed"]


def test_every_common_claim_has_a_row_and_the_rest_is_folded(two):
    _, *found = rows(two.every_claim())
    shared = {f"sota_{kind}_share" for kind in KINDS}
    assert len(found) == 3 and two.common == [key for key in claims.registry() if key in shared]
    assert found[0][2].endswith("ImageNet, tolerance 1") and found[0][4].startswith("+20.0 pp")
    assert two.counted().data.startswith("There are 3; the difference has an interval in 3.")
    alone = markup.clean(two.only_one().data)
    assert [summary.text for summary in alone.select("details > summary")] == ["1 only in one"]
    assert "None only in other." in alone.text


def test_columns_of_figures_are_numbers_that_can_be_sorted_by(two):
    soup = markup.clean(two.headline_figures().data)
    markup.tidy_tables(soup)
    assert {cell["class"] for cell in soup.find_all("td")} == {"number"}
    assert len(soup.select("th[data-sorts]")) == 5


def test_the_shares_are_drawn_and_told(two):
    drawn = two.shares().to_dict()
    assert "one, Models, trivial: 50.0%" in drawn["description"] and "Training" not in drawn["description"]
    assert comparison.Comparison(report(), report()).shares() is None


def test_nothing_in_common_is_said():
    both = comparison.Comparison(report(), report())
    assert "no claim has a figure in both" in both.counted().data and both.every_claim().data == ""


def test_on_one_data_set_the_cell_says_so_and_gives_no_interval(two):
    written("again", "imagenet", (0.4, 0.3, 0.3))
    both = comparison.read("one", "again")
    assert rows(both.every_claim())[1][4] == "−10.0 pp same data set"
    assert "no difference has an interval" in both.counted().data


def test_two_folders_of_one_name_are_told_apart(two, build):
    (build / "other").rename(build.parent / "one")
    both = comparison.read("build/one", "./one")
    assert (both.one.name, both.other.name) == ("one (first)", "one (second)")


def test_the_runs_say_when_each_page_was_built(two):
    page.build(Preset(["summary"], name="one"), {"summary": executed("summary", prose("# A <time>"))})
    soup = markup.clean(comparison.read("one", "other").runs().data)
    first, second = soup.select("tbody tr")
    assert first.time["datetime"] and "ImageNet" in first.text
    assert "not known" in second.text and "digits" in second.text


def test_hostile_names_are_shown_as_they_stand(build):
    written("other", "digits", (0.7, 0.25, 0.05))
    written("<img src=x onerror=hack()>", HOSTILE, (0.5, 0.3, 0.2), note=HOSTILE)
    both = comparison.read("other", "<img src=x onerror=hack()>")
    for shown in (both.runs(), both.headline_figures(), both.every_claim(), both.only_one()):
        soup = BeautifulSoup(shown.data, "html.parser")
        assert not soup.find(["img", "script"])
    assert HOSTILE in BeautifulSoup(both.every_claim().data, "html.parser").text


@pytest.mark.parametrize(
    ("value", "form", "text"),
    [
        (0.1234, ".1%", "+12.3 pp"),
        (-0.0001, ".0%", "+0 pp"),
        (-0.25, "+.2f", "-0.25"),
        (1234.4, ",.0f", "+1,234"),
        (2.5e-5, ".3e", "+2.500e-05"),
    ],
)
def test_a_difference_has_a_sign_and_shares_differ_by_points(value, form, text):
    assert comparison.signed(value, form) == text


@pytest.mark.parametrize("form", sorted({stated.format for stated in claims.registry().values()}))
def test_every_format_of_the_paper_can_be_signed(form):
    assert comparison.signed(0.5, form).startswith("+")
