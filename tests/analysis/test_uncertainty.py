from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra.numpy import arrays

from ddd_utils.analysis import consistency
from ddd_utils.analysis.consistency import uncertainty
from ddd_utils.errors import InputError

deterministic = settings(max_examples=100)


def correlated(networks, images, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=images) + rng.normal(size=(networks, images)) < 0.5


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


def test_a_network_that_is_always_right_or_wrong_has_no_error_with_others():
    rng = np.random.default_rng(0)
    for images in (7, 90, 300, 1280, 50_000):
        for share in (0.1, 0.5, 0.97):
            other = rng.permutation(images) < min(max(share * images, 1), images - 1)
            errors = consistency.standard_errors([np.ones(images, bool), np.zeros(images, bool), other])
            np.testing.assert_array_equal(errors[:2, 2], 0)


def covariance(correct, labels=None, resample="images"):
    """Covariances of all pairs' kappas, from the intervals of pairs and of their differences."""
    pairs = list(combinations(range(len(correct)), 2))

    def variance(one, minus=None):
        return consistency.interval(correct, [one], minus, labels, resample).standard_error ** 2

    alone = np.array([variance(pair) for pair in pairs])
    apart = [[variance(one, [other]) for other in pairs] for one in pairs]
    return (alone[:, None] + alone - apart) / 2


@deterministic
@given(arrays(bool, (2, 40)))
def test_the_error_of_one_pair_is_its_standard_error(pair):
    found = consistency.interval(pair, [(0, 1)]).standard_error
    assert found == pytest.approx(consistency.standard_errors(pair)[0, 1], rel=1e-9, abs=1e-7, nan_ok=True)


def classes(images, count=40):
    """Make unequal classes that differ in how difficult their images are, and decisions about them."""
    rng = np.random.default_rng(1)
    labels = np.sort(rng.integers(count, size=images) ** 2 // count)
    difficulty = 2 * rng.normal(size=count)[labels] + 0.5 * rng.normal(size=images)
    shuffled = rng.permutation(images)
    return labels[shuffled], (difficulty + rng.normal(size=(5, images)) < 0.8)[:, shuffled]


def assert_same_covariance(found, resampled, tolerance=0.08):
    draws = resampled[:, *np.triu_indices(resampled.shape[1], 1)]
    expected = np.cov(draws, rowvar=False)
    assert np.linalg.norm(found - expected) < tolerance * np.linalg.norm(expected)


def test_covariance_is_that_of_resampled_images():
    _, correct = classes(2000)
    assert_same_covariance(covariance(correct), consistency.bootstrap(correct, draws=3000))


def test_covariance_within_classes_is_that_of_images_resampled_within_classes():
    labels, correct = classes(2000)
    within = covariance(correct, labels)
    assert_same_covariance(within, consistency.bootstrap(correct, draws=3000, labels=labels))
    assert within.mean() < 0.8 * covariance(correct).mean()


def test_unique_labels_equal_no_labels():
    correct, labels = correlated(4, 300), np.arange(300)[::-1]
    unlabelled = consistency.interval(correct, [(0, 1)])
    assert vars(consistency.interval(correct, [(0, 1)], labels=labels)) == pytest.approx(vars(unlabelled), rel=1e-12)


def test_small_random_classes_leave_the_standard_error_as_it_is():
    correct = correlated(4, 600)
    labels = np.random.default_rng(3).permutation(600) // 2
    for left_alone in (0, 1, 100):
        labels[:left_alone] = 1000 + np.arange(left_alone)
        within, without = (covariance(correct, given) for given in (labels, None))
        np.testing.assert_allclose(np.sqrt(np.diagonal(within)), np.sqrt(np.diagonal(without)), rtol=0.15)


def test_small_classes_have_the_error_of_new_images_within_the_classes():
    # Three images of each of 60 classes: the decisions within a class are drawn anew, its difficulty stays.
    rng = np.random.default_rng(4)
    labels = np.repeat(np.arange(60), 3)
    chance_of_right = 1 / (1 + np.exp(-2 * rng.normal(size=60)[labels]))
    found = []
    for _ in range(1000):
        common = rng.random(180)
        copies = rng.random((2, 180)) < 0.6
        correct = np.where(copies, common, rng.random((2, 180))) < chance_of_right
        estimate = consistency.interval(correct, [(0, 1)], labels=labels)
        found.append((estimate.value, estimate.standard_error**2))
    values, variances = np.transpose(found)
    assert np.sqrt(variances.mean()) == pytest.approx(values.std(), rel=0.07)


@pytest.mark.parametrize("size", [2, 5])
def test_images_resampled_within_small_classes_vary_as_new_ones_would(size):
    rng = np.random.default_rng(4)
    labels = np.repeat(np.arange(200 // size), size)
    chance_of_right = 1 / (1 + np.exp(-2 * rng.normal(size=len(labels) // size)[labels]))
    drawn = [rng.random((2, labels.size)) < chance_of_right for _ in range(1500)]
    truth = np.mean([consistency.error_consistency(*correct) for correct in drawn])
    found = [consistency.bootstrap(correct, 100, labels=labels)[:, 0, 1] for correct in drawn[:200]]
    lower, upper = np.quantile(found, [0.025, 0.975], axis=1)
    assert np.mean((lower <= truth) & (truth <= upper)) > 0.9  # with n drawn of n: .83 and .89
    within = covariance(drawn[0], labels=labels)[0, 0]
    assert consistency.bootstrap(drawn[0], 3000, labels=labels)[:, 0, 1].var() == pytest.approx(within, rel=0.1)


def test_classes_leave_a_network_that_is_always_right_what_it_is():
    labels = np.r_[np.repeat(np.arange(30), 3), 99]  # one class has a single image
    draws = consistency.bootstrap([np.ones(91, bool), np.ones(91, bool), np.arange(91) % 2 > 0], 50, labels=labels)
    assert np.isnan(draws[:, 0, 1]).all() and (draws[:, 0, 2] == 0).all()


def test_covariance_over_classes_is_that_of_resampled_whole_classes():
    labels, correct = classes(2000)
    _, labels = np.unique(labels, return_inverse=True)
    each = np.array([(correct[:, None] & correct)[:, :, labels == c].sum(axis=2) for c in range(labels.max() + 1)])
    sizes = np.bincount(labels)
    drawn = np.random.default_rng(2).integers(sizes.size, size=(6000, sizes.size))
    resampled = consistency.kappa_from_counts(each[drawn].sum(axis=1), sizes[drawn].sum(axis=1)[:, None, None])
    # A bootstrap of few units varies less than new units would: by (K - 1) / K, which the formula puts right.
    found = covariance(correct, labels, "classes") * (1 - 1 / sizes.size)
    assert_same_covariance(found, resampled, tolerance=0.15)
    assert found.mean() > 2 * covariance(correct).mean()


def test_the_mean_of_many_pairs_is_far_less_certain_than_independent_pairs_would_be():
    correct = correlated(30, 1000)
    pairs = np.transpose(np.triu_indices(30, 1))
    found = consistency.interval(correct, pairs)
    resampled = consistency.bootstrap(correct, draws=600)[:, *pairs.T].mean(axis=1)
    assert found.value == pytest.approx(consistency.pairwise_error_consistency(correct)[*pairs.T].mean())
    assert found.standard_error == pytest.approx(resampled.std(), rel=0.1)
    independent = np.sqrt((consistency.standard_errors(correct)[*pairs.T] ** 2).sum()) / len(pairs)
    assert found.standard_error > 5 * independent


def test_two_pairs_that_share_a_network_differ_with_the_error_of_resampled_images():
    correct = correlated(4, 1000)
    kappa, draws = consistency.pairwise_error_consistency(correct), consistency.bootstrap(correct, draws=3000)
    pair = consistency.interval(correct, [(0, 1)], minus=[(2, 0)])
    assert pair.value == pytest.approx(kappa[0, 1] - kappa[0, 2])
    assert pair.standard_error == pytest.approx((draws[:, 0, 1] - draws[:, 0, 2]).std(), rel=0.05)
    apart = [consistency.interval(correct, [pair]).standard_error for pair in [(0, 1), (0, 2)]]
    assert pair.standard_error < 0.95 * np.hypot(*apart)
    means = consistency.interval(correct, [(0, 1)], minus=[(0, 2), (0, 3)])
    assert means.value == pytest.approx(kappa[0, 1] - kappa[0, 2:].mean())
    assert means.standard_error == pytest.approx((draws[:, 0, 1] - draws[:, 0, 2:].mean(axis=1)).std(), rel=0.05)


def test_interval_covers_the_kappa_of_all_images():
    # One copies the other on .59375 of the images: kappa .5.
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(1000):
        a, copies = rng.random((2, 400)) < [[0.8], [0.59375]]
        alone = rng.random(400) < (0.7 - 0.59375 * 0.8) / (1 - 0.59375)
        found = consistency.interval([a, np.where(copies, a, alone)], [(0, 1)])
        covered += found.lower <= 0.5 <= found.upper
    assert 930 <= covered <= 970


def test_interval_has_the_level_asked_for_and_stays_within_the_values_of_kappa():
    correct = correlated(2, 500)
    wide, narrow = (consistency.interval(correct, [(0, 1)], level=level) for level in (0.95, 0.5))
    assert wide.upper - wide.lower == pytest.approx(2 * 1.959964 * wide.standard_error)
    assert narrow.upper - narrow.lower == pytest.approx(2 * 0.6744898 * wide.standard_error)
    alternating = np.arange(20) % 2 == 0
    almost = [alternating, alternating ^ (np.arange(20) == 3), ~alternating]
    assert consistency.interval(almost, [(0, 1)]).upper == 1
    assert consistency.interval(almost, [(0, 1)], minus=[(0, 2)]).upper == 2


def test_networks_that_always_agree_have_no_error():
    a, b = correlated(2, 50)
    same = consistency.interval([a, a, b], [(0, 1)])
    assert (same.value, same.standard_error, same.lower, same.upper) == (1, 0, 1, 1)
    found = covariance([a, a, b])
    np.testing.assert_allclose([found[0], found[:, 0]], 0, atol=1e-15)
    np.testing.assert_allclose(found[1:, 1:], found[1, 1])


def test_networks_that_always_differ_have_no_error():
    rng = np.random.default_rng(0)
    for images in range(10, 70, 2):
        half = rng.permutation(images) % 2 == 0  # with its opposite: kappa -1, and no image moves it
        for labels in (None, rng.integers(7, size=images)):
            found = consistency.interval([half, ~half], [(0, 1)], labels=labels)
            assert found.standard_error == pytest.approx(0, abs=1e-7)


def test_networks_that_are_always_right_leave_the_estimate_undefined():
    correct = np.vstack([np.ones((2, 50), bool), correlated(2, 50)])
    for pairs in ([(0, 1)], [(2, 3), (0, 1)], [(0, 0)]):
        found = consistency.interval(correct, pairs)
        assert np.isnan([found.value, found.standard_error, found.lower, found.upper]).all()
    found = covariance(correct)
    assert np.isnan(found[0]).all() and np.isnan(found[:, 0]).all()
    assert np.isfinite(found[1:, 1:]).all()
    # Against any other network its kappa is 0 for every draw of images.
    assert consistency.interval(correct, [(0, 2)]).standard_error == pytest.approx(0, abs=1e-12)


def test_images_are_handled_in_blocks(monkeypatch):
    labels, correct = classes(100, 7)
    cases = [{}, {"labels": labels}, {"labels": labels, "resample": "classes"}]

    def errors():
        return [consistency.interval(correct, [(0, 1)], **case).standard_error for case in cases]

    whole = errors()
    monkeypatch.setattr(uncertainty, "BLOCK", 9)
    assert errors() == pytest.approx(whole)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"resample": "class"}, "unknown resample 'class' .did you mean 'classes'"),
        ({"resample": "classes"}, "at least two classes"),
        ({"labels": [1, 2]}, "one label an image"),
        ({"pairs": []}, "at least one"),
        ({"pairs": [0, 1]}, "at least one"),
        ({"pairs": [(0, 2)]}, "networks 0 to 1"),
        ({"minus": [(-1, 0)]}, "networks 0 to 1"),
    ],
)
def test_bad_input_is_named(arguments, message):
    with pytest.raises(InputError, match=message):
        consistency.interval(correlated(2, 10), **{"pairs": [(0, 1)], **arguments})
