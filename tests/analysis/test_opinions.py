"""Effective numbers against known answers and eigenvalues, votes against a plain loop."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ddd_utils.analysis import opinions

RNG = np.random.default_rng(0)


def equicorrelated(rho, models=8, images=200_000):
    """Draw decisions that correlate by rho: each is a common one with probability sqrt(rho), else its own."""
    common, own = RNG.random(images) < 0.7, RNG.random((models, images)) < 0.7
    return np.where(RNG.random((models, images)) < np.sqrt(rho), common, own)


@pytest.mark.parametrize("rho", [0.2, 0.6])
def test_known_correlation_gives_the_known_number(rho):
    found = opinions.effective_number(equicorrelated(rho)).set_index("measure")
    expected = [8 / (1 + 7 * rho), 1 / rho, 64 / (8 + 56 * rho**2)]
    assert found["value"].tolist() == pytest.approx(expected, rel=0.02)
    for row, value in zip(found.itertuples(), expected, strict=True):
        assert row.lower - 0.01 < value < row.upper + 0.01
        assert row.models_lower <= row.value <= row.models_upper


def test_copies_are_one_model_and_independent_models_are_as_many():
    one = RNG.random(5_000) < 0.6
    assert opinions.effective_number([one, one, one])["value"].tolist() == pytest.approx([1, 1, 1])
    alone = opinions.effective_number(RNG.random((4, 100_000)) < 0.6).set_index("measure")["value"]
    assert alone["effective number"] == pytest.approx(4, abs=0.1)
    assert alone["participation ratio"] == pytest.approx(4, abs=0.01)


def test_measures_are_those_of_the_correlation_matrix():
    correct = RNG.random((6, 400)) < RNG.random(400)
    phi = np.corrcoef(correct)
    eigenvalues = np.linalg.eigvalsh(phi)
    rho = np.mean([phi[i, j] for i, j in combinations(range(6), 2)])
    found = opinions.effective_number(np.vstack([correct, np.ones(400, bool)]))["value"]  # always right: left out
    assert found.tolist() == pytest.approx(
        [6 / (1 + 5 * rho), 1 / rho, eigenvalues.sum() ** 2 / (eigenvalues**2).sum()]
    )


def test_the_interval_for_other_images_covers():
    base = RNG.random(200_000)
    truth, covered = opinions.effective_number(RNG.random((5, 200_000)) < base)["value"][0], 0
    for _ in range(60):
        found = opinions.effective_number(RNG.random((5, 500)) < RNG.random(500)).iloc[0]
        covered += found["lower"] < truth < found["upper"]
    assert covered >= 51


def test_in_between_images_make_models_count_for_more_and_the_null_says_so():
    correct = RNG.random((8, 20_000)) < RNG.beta(0.7, 0.4, 20_000)
    everywhere = opinions.effective_number(correct)["value"]
    between = opinions.effective_in_between(correct, 1)
    assert (between["observed"] > everywhere).all()
    assert between["observed"].tolist() == pytest.approx(between["expected"].tolist(), rel=0.02)
    alike = correct.copy()
    alike[1] = np.where(RNG.random(20_000) < 0.8, alike[0], alike[1])
    found = opinions.effective_in_between(alike, 1).set_index("measure").loc["participation ratio"]
    assert found["observed"] < 0.97 * found["expected"]


def test_votes_are_those_of_a_plain_loop_and_of_all_orders():
    correct = RNG.random((5, 200)) < RNG.random(200)
    table = opinions.opinions_by_size(correct, orders=400).set_index("models")
    for k in (1, 3, 5):
        subsets = [list(chosen) for chosen in combinations(range(5), k)]
        votes = [(correct[chosen].sum(axis=0) > k / 2).mean() for chosen in subsets]
        assert table.loc[k, "majority"] == pytest.approx(np.mean(votes), abs=0.01)
        best = [correct[chosen].mean(axis=1).max() for chosen in subsets]
        assert table.loc[k, "best"] == pytest.approx(np.mean(best), abs=0.01)
    top = np.argsort(-correct.mean(axis=1), kind="stable")[:3]
    assert table.loc[3, "top_majority"] == (correct[top].sum(axis=0) > 1.5).mean()
    assert table.loc[[2, 4], ["majority", "best", "independent", "top_majority"]].isna().all(axis=None)
    assert table.loc[5, "effective"] == pytest.approx(opinions.effective_number(correct)["value"][0])


def test_an_independent_majority_is_that_of_coins():
    p = np.array([0.6, 0.7, 0.9])
    table = opinions.opinions_by_size(RNG.random((3, 200_000)) < p[:, None], orders=20).set_index("models")
    expected = np.prod(p) + sum((1 - p[i]) * np.prod(np.delete(p, i)) for i in range(3))
    assert table.loc[3, "independent"] == pytest.approx(expected, abs=0.005)
    assert table.loc[3, "majority"] == pytest.approx(expected, abs=0.005)


@given(st.integers(0, 2**32 - 1))
def test_pairs_that_complement_each_other_are_listed_first(seed):
    correct = np.random.default_rng(seed).random((4, 12)) < 0.5
    table = opinions.complementary_pairs(correct, list("abcd"))
    assert table["either"].is_monotonic_decreasing and (table["accuracy_one"] >= table["accuracy_other"]).all()
    for row in table.itertuples():
        one, other = (correct["abcd".index(name)] for name in (row.one, row.other))
        assert row.either == pytest.approx((one | other).mean())
        assert row.independent == pytest.approx(1 - (1 - one.mean()) * (1 - other.mean()))
        assert row.lower <= row.either + 1e-12 and row.either <= row.upper + 1e-12
