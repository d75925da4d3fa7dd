from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import expit, logsumexp
from scipy.stats import chi2, kstest

from ddd_utils.analysis import nulls
from ddd_utils.analysis.nulls import andersen_test, rasch
from ddd_utils.analysis.nulls.rasch import (
    expected_tables,
    fit_abilities,
    log_likelihood,
    pair_expectations,
    rasch_abilities,
    stratified_abilities,
    tables_by_score,
)
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
            np.testing.assert_allclose(found[score], expected, rtol=1e-10, atol=1e-8)
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
    np.testing.assert_allclose(
        pair_expectations(shifted, score), pair_expectations(log_odds, score), rtol=1e-10, atol=1e-12
    )


@pytest.mark.parametrize(
    ("log_odds", "score", "message"),
    [([[0, 0]], [3], "between 0 and the number of networks, 2"), ([[0, 0]], [1, 1], "takes one score")],
)
def test_bad_input_is_named(log_odds, score, message):
    with pytest.raises(InputError, match=message):
        pair_expectations(log_odds, score)


def rasch_decisions(networks=5, images=300, seed=0):
    rng = np.random.default_rng(seed)
    return rng.random((networks, images)) < expit(np.linspace(-1, 1, networks)[:, None] + rng.normal(0, 2, images))


def enumerated_likelihood(abilities, correct):
    """Conditional log-likelihood, image by image, by enumeration."""
    networks = len(correct)
    every = (np.arange(2**networks)[:, None] >> np.arange(networks)) & 1
    normaliser = np.array([logsumexp((every @ abilities)[every.sum(axis=1) == s]) for s in range(networks + 1)])
    return (abilities @ correct).sum() - normaliser[correct.sum(axis=0)].sum()


def fit_by_search(correct):
    """Let a general optimiser find the abilities, the first one 0; return them and their log-likelihood."""
    found = minimize(
        lambda rest: -enumerated_likelihood(np.array([0, *rest]), correct), np.zeros(len(correct) - 1), tol=1e-10
    )
    return np.array([0, *found.x]), -found.fun


@pytest.fixture(params=["few networks", "many"])
def covariances(request, monkeypatch):
    """The covariances of decisions in the fit: exact, and those that are near, as for more than sixty networks."""
    if request.param == "many":
        monkeypatch.setattr(rasch, "FEW_NETWORKS", 0)


@pytest.mark.usefixtures("covariances")
def test_rasch_abilities_maximise_the_conditional_likelihood():
    correct = rasch_decisions()
    abilities = rasch_abilities(tables_by_score(correct))[0, 1]
    np.testing.assert_allclose(abilities - abilities[0], fit_by_search(correct)[0], atol=1e-4)


@pytest.mark.usefixtures("covariances")
@pytest.mark.parametrize("right", [1, 3, 9])
def test_of_two_networks_of_which_one_is_right_the_ratio_of_successes_is_the_odds(right):
    # From shares of 1/9 and 8/9 Newton's method alone jumps across the optimum and back for ever.
    found = fit_abilities(np.array([[right, 8.0]]), np.array([[right + 8.0]]), np.array([[1]]))[0]
    assert found[1] - found[0] == pytest.approx(np.log(8 / right), abs=1e-6)


@pytest.mark.usefixtures("covariances")
def test_rasch_matches_every_networks_number_of_right_decisions():
    tables = tables_by_score(rasch_decisions())
    expected = expected_tables(rasch_abilities(tables), tables.images)
    np.testing.assert_allclose(expected.right.sum(axis=1), tables.right.sum(axis=1), atol=1e-6)


@pytest.mark.usefixtures("covariances")
def test_stratified_abilities_match_every_accuracy_at_every_score():
    tables = tables_by_score(rasch_decisions())
    expected = expected_tables(stratified_abilities(tables), tables.images)
    np.testing.assert_allclose(expected.right, tables.right, atol=1e-6)


@pytest.mark.usefixtures("covariances")
@pytest.mark.parametrize("fit", [rasch_abilities, stratified_abilities])
@pytest.mark.parametrize("decided", [0, 1])
def test_networks_without_information_are_expected_to_decide_as_they_do(fit, decided):
    correct = rasch_decisions()
    correct[2, (correct.sum(axis=0) > 0) & (correct.sum(axis=0) < 5)] = decided
    tables = tables_by_score(correct)
    expected = expected_tables(fit(tables), tables.images)
    np.testing.assert_allclose(expected.right[..., 2], tables.right[..., 2], atol=1e-6)
    np.testing.assert_allclose(expected.both.sum(), tables.both.sum(), rtol=1e-12)


@pytest.mark.usefixtures("covariances")
@pytest.mark.parametrize("fit", [rasch_abilities, stratified_abilities])
def test_networks_in_perfect_order_are_fitted_although_their_abilities_are_unbounded(fit):
    correct = np.arange(6)[:, None] >= np.tile(np.arange(7), 4)  # the better one is always right where the worse is
    tables = tables_by_score(correct)
    np.testing.assert_allclose(expected_tables(fit(tables), tables.images).both, tables.both, atol=1e-6)


@pytest.mark.usefixtures("covariances")
def test_two_groups_of_networks_that_never_mix_are_fitted():
    rng = np.random.default_rng(3)
    good, poor = rng.random((3, 200)) < 0.6, rng.random((3, 200)) < 0.4
    easy = good.all(axis=0)
    correct = np.vstack([good, poor & easy])
    tables = tables_by_score(correct)
    expected = expected_tables(rasch_abilities(tables), tables.images)
    np.testing.assert_allclose(expected.right.sum(axis=1), tables.right.sum(axis=1), atol=1e-4)


@pytest.mark.parametrize("fit", [rasch_abilities, stratified_abilities])
def test_near_covariances_lead_to_the_same_abilities_in_few_steps(fit, monkeypatch):
    tables, steps, near = tables_by_score(rasch_decisions(networks=70, images=3000)), [], rasch._near_moments
    monkeypatch.setattr(rasch, "FEW_NETWORKS", 70)
    exact = expected_tables(fit(tables), tables.images).both
    monkeypatch.setattr(rasch, "FEW_NETWORKS", 69)
    monkeypatch.setattr(rasch, "_near_moments", lambda *given: steps.append(1) or near(*given))
    np.testing.assert_allclose(expected_tables(fit(tables), tables.images).both, exact, atol=1e-6)
    assert len(steps) < 8


def test_andersen_statistic_against_a_general_optimiser():
    correct = rasch_decisions()
    found = andersen_test(correct)
    score = correct.sum(axis=0)
    hard, easy = correct[:, score <= found.split], correct[:, score > found.split]
    gain = fit_by_search(hard)[1] + fit_by_search(easy)[1] - fit_by_search(correct)[1]
    assert found.split == np.median(score[(score > 0) & (score < 5)])
    assert found.statistic == pytest.approx(2 * gain, abs=1e-5)
    assert found.degrees == 4
    assert found.p_value == pytest.approx(chi2.sf(2 * gain, 4), abs=1e-6)


def test_andersen_p_values_are_uniform_where_abilities_do_not_change():
    p_values = [andersen_test(rasch_decisions(images=1000, seed=seed)).p_value for seed in range(100)]
    assert kstest(p_values, "uniform").pvalue > 0.01


def test_andersen_rejects_a_network_that_is_good_on_easy_images_only():
    rng = np.random.default_rng(0)
    difficulty = rng.normal(0, 2, 2000)
    slopes = np.array([2.5, 1, 1, 1, 1, 1])[:, None]
    assert andersen_test(rng.random((6, 2000)) < expit(slopes * difficulty)).p_value < 1e-6


def test_andersen_needs_two_scores():
    with pytest.raises(InputError, match="two different scores"):
        andersen_test([[1, 1, 0], [0, 1, 0], [0, 1, 0]])


def test_the_tests_of_several_sets_in_a_table():
    correct = np.random.default_rng(0).random((5, 200)) < 0.5
    (row,) = nulls.andersen_table({"five": correct}).to_dict("records")
    test = nulls.andersen_test(correct)
    assert row == {
        "networks": "five",
        "split_after_score": test.split,
        "statistic": test.statistic,
        "degrees": 4,
        "p_value": test.p_value,
    }
