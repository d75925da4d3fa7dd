"""The difference of two figures: its interval, and when there is none."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ddd_utils.reporting import comparison
from ddd_utils.reporting.claims import Record

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
    assert reason in comparison.REASONS


def test_what_both_have_and_what_one_has_are_told_apart():
    first = {
        "sota_trivial_share": record(0.4),
        "sota_kappa_all": record(None),
        "human_accuracy_mean": record(None, m=0),
    }
    first |= {"of another version": record(1)}
    second = {"sota_kappa_all": record(0.4), "sota_impossible_share": record(0.1)}
    assert [row.stated.id for row in comparison.common(first, second)] == ["sota_kappa_all"]
    assert [stated.id for stated in comparison.alone(first, second)] == ["sota_trivial_share"]
    assert [stated.id for stated in comparison.alone(second, first)] == ["sota_impossible_share"]
