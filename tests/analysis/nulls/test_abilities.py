import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit, logsumexp
from scipy.stats import chi2, kstest

from ddd_utils.analysis.nulls import andersen_test
from ddd_utils.analysis.nulls.rasch import (
    ScoreTables,
    expected_tables,
    fit_abilities,
    rasch_abilities,
    stratified_abilities,
    tables_by_score,
)
from ddd_utils.errors import InputError


def rasch_decisions(networks=5, images=300, seed=0):
    rng = np.random.default_rng(seed)
    return rng.random((networks, images)) < expit(np.linspace(-1, 1, networks)[:, None] + rng.normal(0, 2, images))


def stack(correct):
    tables = tables_by_score(correct)
    return ScoreTables(tables.both[None], tables.images[None])


def log_likelihood(abilities, correct):
    """Conditional log-likelihood, image by image, by enumeration."""
    networks = len(correct)
    every = (np.arange(2**networks)[:, None] >> np.arange(networks)) & 1
    normaliser = np.array([logsumexp((every @ abilities)[every.sum(axis=1) == s]) for s in range(networks + 1)])
    return (abilities @ correct).sum() - normaliser[correct.sum(axis=0)].sum()


def fit_by_search(correct):
    """Let a general optimiser find the abilities, the first one 0; return them and their log-likelihood."""
    found = minimize(lambda rest: -log_likelihood(np.array([0, *rest]), correct), np.zeros(len(correct) - 1), tol=1e-10)
    return np.array([0, *found.x]), -found.fun


def test_rasch_abilities_maximise_the_conditional_likelihood():
    correct = rasch_decisions()
    abilities = rasch_abilities(stack(correct))[0, 1]
    np.testing.assert_allclose(abilities - abilities[0], fit_by_search(correct)[0], atol=1e-4)


@pytest.mark.parametrize("right", [1, 3, 9])
def test_of_two_networks_of_which_one_is_right_the_ratio_of_successes_is_the_odds(right):
    # From shares of 1/9 and 8/9 Newton's method alone jumps across the optimum and back for ever.
    found = fit_abilities(np.array([[right, 8.0]]), np.array([[right + 8.0]]), np.array([[1]]))[0]
    assert found[1] - found[0] == pytest.approx(np.log(8 / right), abs=1e-6)


def test_rasch_matches_every_networks_number_of_right_decisions():
    tables = stack(rasch_decisions())
    expected = expected_tables(rasch_abilities(tables), tables.images)
    np.testing.assert_allclose(expected.right.sum(axis=1), tables.right.sum(axis=1), atol=1e-6)


def test_stratified_abilities_match_every_accuracy_at_every_score():
    tables = stack(rasch_decisions())
    expected = expected_tables(stratified_abilities(tables), tables.images)
    np.testing.assert_allclose(expected.right, tables.right, atol=1e-6)


@pytest.mark.parametrize("fit", [rasch_abilities, stratified_abilities])
@pytest.mark.parametrize("decided", [0, 1])
def test_networks_without_information_are_expected_to_decide_as_they_do(fit, decided):
    correct = rasch_decisions()
    correct[2, (correct.sum(axis=0) > 0) & (correct.sum(axis=0) < 5)] = decided
    tables = stack(correct)
    expected = expected_tables(fit(tables), tables.images)
    np.testing.assert_allclose(expected.right[..., 2], tables.right[..., 2], atol=1e-6)
    np.testing.assert_allclose(expected.both.sum(), tables.both.sum(), rtol=1e-12)


@pytest.mark.parametrize("fit", [rasch_abilities, stratified_abilities])
def test_networks_in_perfect_order_are_fitted_although_their_abilities_are_unbounded(fit):
    correct = np.arange(6)[:, None] >= np.tile(np.arange(7), 4)  # the better one is always right where the worse is
    tables = stack(correct)
    np.testing.assert_allclose(expected_tables(fit(tables), tables.images).both, tables.both, atol=1e-6)


def test_two_groups_of_networks_that_never_mix_are_fitted():
    rng = np.random.default_rng(3)
    good, poor = rng.random((3, 200)) < 0.6, rng.random((3, 200)) < 0.4
    easy = good.all(axis=0)
    correct = np.vstack([good, poor & easy])
    tables = stack(correct)
    expected = expected_tables(rasch_abilities(tables), tables.images)
    np.testing.assert_allclose(expected.right.sum(axis=1), tables.right.sum(axis=1), atol=1e-4)


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
