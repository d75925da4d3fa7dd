import warnings
from fractions import Fraction
from itertools import combinations_with_replacement, product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import cohen_kappa_score

from ddd_utils.analysis import consistency
from ddd_utils.analysis.consistency.kappa import BLOCK, count_both_right, pack
from ddd_utils.errors import InputError

decisions = arrays(bool, st.tuples(st.integers(2, 5), st.integers(1, 150)))
deterministic = settings(max_examples=100)


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


def test_accuracies_limit_kappa():
    lowest, highest = consistency.kappa_bounds([0.8, 0.8, 0.5, 1, 1], [0.6, 0.8, 0.5, 0.5, 1])
    np.testing.assert_allclose(highest, [0.54545, 1, 1, 0, np.nan], atol=5e-6)
    np.testing.assert_allclose(lowest[1:], [-0.25, -1, 0, np.nan])


@deterministic
@given(st.integers(1, 30).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(0, n))))
def test_limits_are_those_of_all_tables_with_these_accuracies(case):
    images, right, also_right = case
    first = np.arange(images) < right
    overlaps = [np.roll(np.arange(images) < also_right, shift) for shift in range(images)]
    found = [consistency.error_consistency(first, second) for second in overlaps]
    limits = consistency.kappa_bounds(right / images, also_right / images)
    np.testing.assert_allclose(limits, (min(found), max(found)), rtol=0, atol=1e-12)


def copying(p, q, share):
    """Kappa of a network that copies another's share of images and else decides for itself, by adding up all cases."""
    alone = (q - share * p) / (1 - share)
    table = {}
    for copies, right, own in product((True, False), repeat=3):
        chances = [share if copies else 1 - share, p if right else 1 - p, alone if own else 1 - alone]
        cell = right, right if copies else own
        table[cell] = table.get(cell, 0) + chances[0] * chances[1] * chances[2]
    assert sum(table.values()) == 1 and table[True, True] + table[False, True] == q
    agreement, chance = table[True, True] + table[False, False], p * q + (1 - p) * (1 - q)
    return (agreement - chance) / (1 - chance)


def test_copy_probability_of_known_networks():
    assert consistency.copy_probability(0.8, 0.7, 0.5) == pytest.approx(0.59375)
    assert copying(Fraction(8, 10), Fraction(7, 10), Fraction(19, 32)) == Fraction(1, 2)
    highest = consistency.kappa_bounds(0.9, 0.3)[1]
    np.testing.assert_allclose(consistency.copy_probability(0.9, 0.3, [0, highest]), [0, 1 / 3])
    impossible = consistency.copy_probability([0.8, 0.8, 1, 0], [0.7, 0.7, 0.7, 0], [-0.1, 0.9, 0, 0])
    assert np.isnan(impossible).all()


@deterministic
@given(st.integers(1, 19), st.integers(1, 19), st.integers(0, 19))
def test_copying_with_this_probability_gives_kappa(p, q, share):
    p, q, share = Fraction(max(p, q), 20), Fraction(min(p, q), 20), Fraction(share, 20)
    assume(share <= q / p)
    kappa = float(copying(p, q, share))
    for accuracies in [(p, q), (q, p)]:
        assert consistency.copy_probability(*map(float, accuracies), kappa) == pytest.approx(float(share), abs=1e-12)


def test_accuracies_in_percent_are_refused():
    with pytest.raises(InputError, match="between 0 and 1"):
        consistency.kappa_bounds(80, 0.5)
    with pytest.raises(InputError, match="between 0 and 1"):
        consistency.copy_probability(0.8, np.nan, 0.5)


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
    labels = np.random.default_rng(0).integers(4, size=60)
    know_classes = np.stack([labels == 2, labels < 3])
    kappa = consistency.bootstrap(know_classes, draws=50, labels=labels)[:, 0, 1]
    np.testing.assert_allclose(kappa, consistency.error_consistency(*know_classes), rtol=0, atol=1e-12)
    assert consistency.bootstrap(know_classes, draws=50)[:, 0, 1].std() > 0.02


def test_bootstrap_pools_classes_of_one_image():
    correct = correlated(3, 60)
    unique = consistency.bootstrap(correct, draws=5, labels=np.arange(60)[::-1])
    np.testing.assert_array_equal(unique, consistency.bootstrap(correct, draws=5))
    labels = np.r_[np.zeros(40, int), np.arange(1, 21)]
    pooled = consistency.bootstrap(correct, draws=5, labels=np.minimum(labels, 1))
    np.testing.assert_array_equal(consistency.bootstrap(correct, draws=5, labels=labels), pooled)


def test_bootstrap_refuses_labels_that_do_not_fit():
    with pytest.raises(InputError, match="label"):
        consistency.bootstrap(correlated(2, 10), labels=[1, 2])


@pytest.mark.parametrize("images", [1, 63, 64, 65, 64 * BLOCK, 64 * BLOCK + 1, 3 * 64 * BLOCK])
def test_packed_counts_equal_a_matrix_product(images):
    correct = np.random.default_rng(images).random((4, images)) < 0.6
    assert pack(correct).shape == (4, -(-images // 64))
    np.testing.assert_array_equal(count_both_right(correct), correct.astype(int) @ correct.T.astype(int))


def test_counts_survive_networks_that_are_always_right():
    images = 200_000
    assert (count_both_right(np.ones((2, images), bool)) == images).all()
