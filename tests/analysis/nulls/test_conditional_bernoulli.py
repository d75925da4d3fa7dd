from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ddd_utils.analysis.nulls.rasch import log_likelihood, pair_expectations
from ddd_utils.errors import InputError

ABILITY = st.one_of(st.floats(-12, 12), st.sampled_from([-np.inf, np.inf, 0.0]))


def vectors(log_odds, score):
    """All decisions with this score that infinite log odds allow, and their probabilities."""
    log_odds = np.array(log_odds)
    every = np.array(list(product([0, 1], repeat=len(log_odds))))
    finite = np.isfinite(log_odds)
    allowed = (every.sum(axis=1) == score) & (every[:, ~finite] == (log_odds[~finite] > 0)).all(axis=1)
    weights = np.exp(every[allowed][:, finite] @ log_odds[finite])
    return every[allowed], weights / weights.sum()


@settings(max_examples=150)
@given(st.lists(ABILITY, min_size=1, max_size=7))
def test_every_score_against_enumeration(log_odds):
    scores = np.arange(len(log_odds) + 1)
    found = pair_expectations([log_odds] * len(scores), scores)
    for score in scores:
        decisions, probabilities = vectors(log_odds, score)
        if len(decisions):
            expected = (decisions * probabilities[:, None]).T @ decisions
            np.testing.assert_allclose(found[score], expected, rtol=1e-10, atol=1e-300)
        else:
            assert np.isnan(found[score]).all()


@settings(max_examples=60)
@given(st.lists(ABILITY, min_size=2, max_size=6), st.data())
def test_log_likelihood_against_enumeration(log_odds, data):
    possible = [s for s in range(len(log_odds) + 1) if len(vectors(log_odds, s)[0])]
    score = data.draw(st.sampled_from(possible))
    decisions, probabilities = vectors(log_odds, score)
    drawn = data.draw(st.lists(st.integers(0, len(decisions) - 1), max_size=5))
    right = decisions[drawn].sum(axis=0)
    found = log_likelihood([right], [len(drawn)], [log_odds], [score])[0]
    assert found == pytest.approx(np.log(probabilities[drawn]).sum(), rel=1e-9, abs=1e-9)


def exact_polynomial(odds):
    coefficients = [1]
    for w in odds:
        coefficients = [a + w * b for a, b in zip([*coefficients, 0], [0, *coefficients], strict=True)]
    return coefficients


def exact_without(coefficients, w):
    """Divide the factor 1 + w z out, which whole numbers survive unharmed."""
    left = []
    for a in coefficients[:-1]:
        left.append(a - w * (left[-1] if left else 0))
    return left


def test_a_hundred_networks_of_wide_abilities_against_exact_arithmetic():
    # Odds that are whole numbers: the common factor 2^40 cancels.
    rng = np.random.default_rng(0)
    odds = [int(w) for w in np.exp(rng.permutation(np.linspace(-12, 12, 100))) * 2**40]
    scores = np.array([1, 2, 20, 50, 81, 98, 99])
    found = pair_expectations(np.tile(np.log(np.array(odds, float)), (len(scores), 1)), scores)
    whole = exact_polynomial(odds)
    for i in range(0, 100, 9):
        without_i = exact_without(whole, odds[i])
        for row, s in enumerate(scores):
            exact = float(Fraction(odds[i] * without_i[s - 1], whole[s]))
            assert found[row, i, i] == pytest.approx(exact, rel=1e-9)
        for j in {0, 1, 42, 50, 99} - {i}:
            without_both = exact_without(without_i, odds[j])
            for row, s in enumerate(scores):
                exact = float(Fraction(odds[i] * odds[j] * without_both[s - 2], whole[s])) if s > 1 else 0
                assert found[row, i, j] == found[row, j, i] == pytest.approx(exact, rel=1e-9)


def test_sums_that_the_score_fixes():
    log_odds = np.random.default_rng(1).normal(0, 3, (101, 100))
    found = pair_expectations(log_odds, np.arange(101))
    np.testing.assert_allclose(np.trace(found, axis1=1, axis2=2), np.arange(101), rtol=1e-12)
    np.testing.assert_allclose(found.sum(axis=(1, 2)), np.arange(101) ** 2, rtol=1e-12)


def test_a_constant_added_to_all_log_odds_changes_nothing():
    log_odds = np.random.default_rng(2).normal(0, 2, (5, 12))
    shifted = log_odds + np.array([-300, -7, 0, 20, 300])[:, None]
    score = [1, 4, 6, 8, 11]
    np.testing.assert_allclose(pair_expectations(shifted, score), pair_expectations(log_odds, score), rtol=1e-10)


@pytest.mark.parametrize(
    ("log_odds", "score", "message"),
    [([[0, 0]], [3], "between 0 and the number of networks, 2"), ([[0, 0]], [1, 1], "takes one score")],
)
def test_bad_input_is_named(log_odds, score, message):
    with pytest.raises(InputError, match=message):
        pair_expectations(log_odds, score)
