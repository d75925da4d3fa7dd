import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from ddd_utils.analysis.statistics import holm, mean_intervals, percentile_interval, wilson
from ddd_utils.errors import InputError

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=30)


@pytest.mark.parametrize("level", [0.95, 0.8])
def test_wilson_intervals_are_those_of_scipy(level):
    successes, n = np.array([0, 1, 107, 149, 3]), np.array([10, 7, 149, 149, 50_000])
    lower, upper = wilson(successes, n, level)
    for i, (some, of) in enumerate(zip(successes.tolist(), n.tolist(), strict=True)):
        expected = stats.binomtest(some, of).proportion_ci(level, method="wilson")
        assert (lower[i], upper[i]) == pytest.approx(tuple(expected), abs=1e-12)


def test_a_share_of_nothing_is_undefined():
    lower, upper = wilson([[0, 1]], [[0], [2]])
    assert np.isnan(lower[0, 0]) and np.isnan(upper[0, 0])
    assert lower.shape == (2, 2) and lower[1, 0] == 0 and 0 < lower[1, 1] < 0.5 < upper[1, 1] < 1


def test_means_and_students_interval_in_the_order_of_the_categories():
    rng = np.random.default_rng(0)
    values = pd.DataFrame({"kind": pd.Categorical(["b"] * 7 + ["a"] * 5, ["b", "a", "none"]), "size": rng.random(12)})
    found = mean_intervals(values, ["kind"], "size", level=0.9)
    assert found[["kind", "images"]].to_numpy().tolist() == [["b", 7], ["a", 5]]
    for row in found.itertuples():
        sample = values.loc[values["kind"] == row.kind, "size"]
        limits = stats.ttest_1samp(sample, 0).confidence_interval(0.9)
        assert (row.size, row.lower, row.upper) == pytest.approx((sample.mean(), *limits))


def test_one_image_has_a_mean_and_no_interval():
    found = mean_intervals(pd.DataFrame({"score": [3], "share": [0.5]}), ["score"], "share").iloc[0]
    assert found["share"] == 0.5 and found[["lower", "upper"]].isna().all()


def test_percentile_interval_leaves_undefined_draws_out():
    draws = np.stack([np.r_[np.arange(101), np.nan], np.full(102, np.nan)], axis=1)
    lower, upper = percentile_interval(draws, level=0.9)
    np.testing.assert_allclose(lower, [5, np.nan])
    np.testing.assert_allclose(upper, [95, np.nan])


@pytest.mark.parametrize(
    ("p_values", "adjusted"),
    [
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),
        ([0.5, 0.6], [1, 1]),
        ([0.02, np.nan, 0.01], [0.02, np.nan, 0.02]),
        ([], []),
    ],
)
def test_holm_by_hand(p_values, adjusted):
    np.testing.assert_allclose(holm(p_values), adjusted, rtol=1e-12)


@given(P_VALUES)
def test_holm_is_at_least_as_powerful_as_bonferroni_and_keeps_the_order(p_values):
    p = np.array(p_values)
    adjusted = holm(p)
    assert (adjusted >= p).all() and (adjusted <= np.minimum(p * p.size, 1)).all()
    assert (np.diff(adjusted[np.argsort(p)]) >= 0).all()


def test_undefined_p_values_do_not_count():
    np.testing.assert_allclose(holm([0.01, np.nan, 0.03]), [0.02, np.nan, 0.03])


@pytest.mark.parametrize(("bad", "message"), [([1.2], "between 0 and 1"), ([[0.1]], "plain list")])
def test_what_are_not_p_values_is_named(bad, message):
    with pytest.raises(InputError, match=message):
        holm(bad)
