import warnings
from itertools import combinations_with_replacement

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import cohen_kappa_score

from ddd_utils.analysis import consistency
from ddd_utils.errors import InputError

decisions = arrays(bool, st.tuples(st.integers(2, 5), st.integers(1, 150)))
deterministic = settings(derandomize=True, deadline=None, max_examples=100)


def correlated(networks, images, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=images) + rng.normal(size=(networks, images)) < 0.5


def scikit_learn(correct):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # undefined, which is what we want to see
        pairs = combinations_with_replacement(correct, 2)
        return [cohen_kappa_score(a, b, labels=[False, True]) for a, b in pairs]


@settings(deterministic, max_examples=60)
@given(decisions)
def test_kappa_equals_scikit_learn(correct):
    extreme = np.repeat([[True], [False]], correct.shape[1], axis=1)
    correct = np.concatenate([correct, extreme])
    kappa = consistency.pairwise_error_consistency(correct)
    np.testing.assert_allclose(kappa[np.triu_indices(len(correct))], scikit_learn(correct), rtol=0, atol=1e-12)
    np.testing.assert_array_equal(kappa, kappa.T)


def test_kappa_of_known_decisions():
    a = np.array([1, 1, 1, 1, 0, 0, 0, 0], bool)
    half = np.array([1, 1, 0, 0, 1, 1, 0, 0], bool)
    # 6 of 8 agree, 4 by chance: (.75 - .5) / (1 - .5)
    near = np.array([1, 1, 1, 0, 1, 0, 0, 0], bool)
    found = [consistency.error_consistency(a, b) for b in (a, ~a, half, near)]
    assert found == [1, -1, 0, 0.5]


def test_always_right_is_undefined_with_itself_and_zero_with_others():
    kappa = consistency.pairwise_error_consistency([[1, 1, 1], [0, 0, 0], [1, 0, 1]])
    np.testing.assert_array_equal(kappa, [[np.nan, 0, 0], [0, np.nan, 0], [0, 0, 1]])


def test_decisions_about_different_images_are_refused():
    with pytest.raises(InputError, match="same images"):
        consistency.error_consistency([True, False], [True])


def delta_method(a, b):
    """Error of kappa from its numerical gradient in the four cells of the table: an oracle without Fleiss' algebra."""
    table = np.array([[np.mean((a == i) & (b == j)) for j in (0, 1)] for i in (0, 1)])

    def kappa(cells):
        chance = (cells.sum(axis=0) * cells.sum(axis=1)).sum() / cells.sum() ** 2
        return (np.trace(cells) / cells.sum() - chance) / (1 - chance)

    step = 1e-6
    gradient = np.empty((2, 2))
    for cell in np.ndindex(2, 2):
        shift = np.zeros((2, 2))
        shift[cell] = step
        gradient[cell] = (kappa(table + shift) - kappa(table - shift)) / (2 * step)
    variance = (table * gradient**2).sum() - (table * gradient).sum() ** 2
    return np.sqrt(max(variance, 0) / len(a))


@deterministic
@given(arrays(bool, (2, 40)))
def test_standard_error_equals_the_delta_method(pair):
    found = consistency.standard_errors(pair)
    if pair.any(axis=1).all() and not pair.all(axis=1).any():
        assert found[0, 1] == pytest.approx(delta_method(*pair), abs=1e-5)
        assert found[0, 0] == found[1, 1] == 0


def test_standard_error_equals_the_spread_of_resampled_images():
    correct = correlated(2, 1000)
    rng = np.random.default_rng(1)
    resampled = [consistency.error_consistency(*correct[:, rng.integers(1000, size=1000)]) for _ in range(2000)]
    assert consistency.standard_errors(correct)[0, 1] == pytest.approx(np.std(resampled), rel=0.06)


def test_standard_error_is_undefined_where_kappa_is():
    assert np.isnan(consistency.standard_errors(np.ones((2, 5), bool))).all()


def test_bootstrap_spreads_like_the_standard_error():
    correct = correlated(3, 1000)
    draws = consistency.bootstrap(correct, draws=2000)
    above = np.triu_indices(3, 1)
    np.testing.assert_allclose(draws.std(axis=0)[above], consistency.standard_errors(correct)[above], rtol=0.06)


def test_bootstrap_resamples_the_same_images_for_all_networks():
    correct = correlated(4, 100)
    draws = consistency.bootstrap(correct, draws=20, seed=3)
    np.testing.assert_array_equal(consistency.bootstrap(correct[:2], draws=20, seed=3), draws[:, :2, :2])
    copied = consistency.bootstrap(correct[[0, 1, 0]], draws=20, seed=3)
    np.testing.assert_array_equal(copied[:, 1, 0], copied[:, 1, 2])


def test_bootstrap_within_classes_keeps_every_class():
    correct = correlated(3, 60)
    each_its_own = consistency.bootstrap(correct, draws=5, labels=np.arange(60)[::-1])
    expected = consistency.pairwise_error_consistency(correct)
    np.testing.assert_allclose(each_its_own, np.broadcast_to(expected, (5, 3, 3)), rtol=0, atol=1e-12)

    labels = np.random.default_rng(0).integers(4, size=60)
    knows_one_class = np.stack([labels == 2, np.ones(60, bool)])
    share = consistency.bootstrap(knows_one_class, "agreement", draws=50, labels=labels)[:, 0, 1]
    np.testing.assert_allclose(share, (labels == 2).mean(), rtol=0, atol=1e-12)
    assert consistency.bootstrap(knows_one_class, "agreement", draws=50)[:, 0, 1].std() > 0.02


def test_bootstrap_refuses_what_it_does_not_know():
    with pytest.raises(InputError, match="did you mean 'kappa'"):
        consistency.bootstrap(correlated(2, 10), "kapa")
    with pytest.raises(InputError, match="label"):
        consistency.bootstrap(correlated(2, 10), labels=[1, 2])


def test_interval_leaves_undefined_draws_out():
    draws = np.stack([np.r_[np.arange(101), np.nan], np.full(102, np.nan)], axis=1)
    lower, upper = consistency.interval(draws, level=0.9)
    np.testing.assert_allclose(lower, [5, np.nan])
    np.testing.assert_allclose(upper, [95, np.nan])


@pytest.fixture
def networks():
    conditions = ["base", "initialisation", "initialisation", "half_data", "half_data", "combined"]
    return pd.DataFrame(
        {"network": [f"network {i}" for i in range(6)], "condition": conditions, "instance": [1, 1, 2, 1, 2, 1]}
    )


def test_every_network_is_compared_with_the_base_and_the_halves_with_each_other(networks):
    correct = correlated(6, 800)
    table = consistency.condition_consistency(correct, networks, draws=200)
    assert list(table.columns) == ["condition", "instance", "network", "kappa", "lower", "upper"]
    kappa = consistency.pairwise_error_consistency(correct)
    np.testing.assert_array_equal(table["kappa"], [*kappa[0], kappa[3, 4]])
    assert table["condition"].tolist() == [*networks["condition"], "different_data"]
    assert table.loc[0, ["kappa", "lower", "upper"]].tolist() == [1, 1, 1]
    others = table[1:]
    assert (others["lower"] < others["kappa"]).all() and (others["kappa"] < others["upper"]).all()


def test_condition_means_say_what_their_interval_covers(networks):
    correct = correlated(6, 800)
    table = consistency.condition_means(correct, networks, draws=200).set_index("condition")
    kappa = consistency.pairwise_error_consistency(correct)
    assert table.loc["initialisation", "kappa"] == pytest.approx(kappa[0, 1:3].mean())
    assert table.loc["different_data", "kappa"] == kappa[3, 4]
    assert table["instances"].to_dict() == {
        "base": 1, "initialisation": 2, "half_data": 2, "combined": 1, "different_data": 1,
    }  # fmt: skip
    assert table.loc["combined", "note"] == "one network: image error only"
    assert table.loc["half_data", "note"] == "images and 2 networks"


def test_one_network_gets_the_same_interval_from_both_tables(networks):
    correct = correlated(6, 300)
    single = consistency.condition_consistency(correct, networks, draws=100).set_index("condition").loc["combined"]
    mean = consistency.condition_means(correct, networks, draws=100).set_index("condition").loc["combined"]
    assert (single["lower"], single["upper"]) == (mean["lower"], mean["upper"])


def test_networks_are_resampled_with_the_images(networks):
    # With every image a class of its own only the networks are left to vary: from two, the mean is that of the first,
    # of the second or of both, at sqrt(2) times its distance from the middle.
    correct = correlated(6, 200)
    table = consistency.condition_means(correct, networks, labels=np.arange(200)).set_index("condition")
    a, b = consistency.pairwise_error_consistency(correct)[0, 1:3]
    half = abs(a - b) / np.sqrt(2)
    limits = table.loc["initialisation", ["lower", "upper"]].astype(float)
    np.testing.assert_allclose(limits, [(a + b) / 2 - half, (a + b) / 2 + half])
    assert table.loc["combined", "lower"] == pytest.approx(table.loc["combined", "upper"])


def test_conditions_need_a_base_and_a_row_for_each_network(networks):
    with pytest.raises(InputError, match="base"):
        consistency.condition_means(correlated(5, 20), networks[1:])
    with pytest.raises(InputError, match="6 networks"):
        consistency.condition_consistency(correlated(5, 20), networks)


def test_condition_matrix_averages_over_pairs_of_instances(networks):
    kappa = consistency.pairwise_error_consistency(correlated(6, 300))
    matrix, labels = consistency.condition_matrix(kappa, networks)
    assert labels == ["base", "initialisation", "half_data", "combined"]
    np.testing.assert_allclose(np.diagonal(matrix), [1, kappa[1, 2], kappa[3, 4], 1])
    assert matrix[1, 2] == matrix[2, 1] == pytest.approx(kappa[1:3, 3:5].mean())
    np.testing.assert_array_equal(matrix, matrix.T)
