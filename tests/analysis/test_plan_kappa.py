"""Planned numbers of images give the power that they promise, in data drawn from scratch."""

import numpy as np
import pytest

import ddd_utils as ddd
from ddd_utils.analysis.consistency import interval, standard_errors
from ddd_utils.analysis.planning import plan_kappa
from ddd_utils.errors import InputError

Z = 1.959964


def tables(p, q, kappa, images, draws, rng):
    """Draw how many images both, the first, the second and none get right, (draws, 4)."""
    chance = p * q + (1 - p) * (1 - q)
    agree = chance + kappa * (1 - chance)
    both = (agree - (1 - p - q)) / 2
    return rng.multinomial(images, [both, p - both, q - both, 1 - p - q + both], size=draws) / images


def kappas_and_variances(shares):
    """Compute kappa and the variance that Fleiss, Cohen and Everitt (1969) give it, for one image."""
    a, b, c, d = shares.T
    p, q = a + b, a + c
    chance = p * q + (1 - p) * (1 - q)
    kappa = (a + d - chance) / (1 - chance)
    spread = (
        a * (1 - (p + q) * (1 - kappa)) ** 2
        + d * (1 - (2 - p - q) * (1 - kappa)) ** 2
        + (1 - kappa) ** 2 * (b * (q + 1 - p) ** 2 + c * (p + 1 - q) ** 2)
        - (kappa - chance * (1 - kappa)) ** 2
    )
    return kappa, spread / (1 - chance) ** 2


@pytest.mark.parametrize(
    ("kappas", "accuracies"), [((0.25, 0.30), (0.8, 0.8)), ((0.4, 0.5), (0.7, 0.85)), ((-0.1, 0.0), (0.6, 0.6))]
)
def test_independent_kappas_are_told_apart_with_the_power_planned(kappas, accuracies):
    images, rng = plan_kappa(kappas, accuracies), np.random.default_rng(0)
    (one, first), (other, second) = (
        kappas_and_variances(tables(*accuracies, kappa, images, 4000, rng)) for kappa in kappas
    )
    power = np.mean((other - one) / np.sqrt((first + second) / images) > Z)
    assert power == pytest.approx(0.8, abs=0.03)


def test_the_example_of_the_issue():
    assert plan_kappa([0.25, 0.30], [0.8, 0.8]) == pytest.approx(8200, rel=0.01)
    assert ddd.plan_kappa is plan_kappa


def test_a_kappa_is_told_from_zero_with_the_power_planned():
    images, rng = plan_kappa(0.1, 0.75, power=0.9), np.random.default_rng(1)
    found, _ = kappas_and_variances(tables(0.75, 0.75, 0.1, images, 4000, rng))
    _, null = kappas_and_variances(np.array([[0.5625, 0.1875, 0.1875, 0.0625]]))
    assert np.mean(found > Z * np.sqrt(null / images)) == pytest.approx(0.9, abs=0.03)


@pytest.mark.parametrize("design", ["same images", "shared model"])
def test_kappas_on_the_same_images_are_told_apart_with_the_power_planned(design):
    # The decisions of deciders with one common difficulty, whose loadings a grid of correlations was searched for.
    images, rng, draws = plan_kappa([0.3, 0.45], 0.7, design=design), np.random.default_rng(2), 300
    big = rng.standard_normal((3, 400_000))
    threshold = np.quantile(big, 0.3)

    def kappa_at(correlation):
        right = np.sqrt(correlation) * big[0] + np.sqrt(1 - correlation) * big[1:] > threshold
        agree = (right[0] == right[1]).mean()
        return (agree - 0.58) / 0.42

    grid = np.linspace(0.2, 0.9, 36)
    low, high = np.interp([0.3, 0.45], [kappa_at(each) for each in grid], grid)
    if design == "same images":
        loadings, pairs = np.sqrt([low, low, high, high]), [(2, 3), (0, 1)]
    else:
        loadings, pairs = np.array([np.sqrt(high), low / np.sqrt(high), np.sqrt(high)]), [(0, 2), (0, 1)]
    found = 0
    for _ in range(draws):
        own = rng.standard_normal((len(loadings), images))
        decisions = loadings[:, None] * rng.standard_normal(images) + np.sqrt(1 - loadings**2)[:, None] * own
        difference = interval(decisions > threshold, pairs[:1], minus=pairs[1:])
        found += difference.lower > 0
    assert found / draws == pytest.approx(0.8, abs=0.07)


def test_more_power_a_smaller_difference_and_a_stricter_test_take_more_images():
    before = plan_kappa([0.3, 0.4])
    assert before < plan_kappa([0.3, 0.4], power=0.9) < plan_kappa([0.3, 0.35], power=0.9)
    assert before < plan_kappa([0.3, 0.4], level=0.01)
    assert plan_kappa([0.3, 0.4], design="shared model") < plan_kappa([0.3, 0.4], design="same images") < before
    assert plan_kappa([0.4, 0.3]) == before


def test_each_kappa_has_the_accuracies_of_its_own_deciders():
    found = plan_kappa([0.3, 0.2], [0.6, 0.7, 0.8, 0.9])
    assert found == plan_kappa([0.2, 0.3], [0.8, 0.9, 0.6, 0.7]) == plan_kappa([0.2, 0.3], [0.9, 0.8, 0.7, 0.6])
    assert found != plan_kappa([0.2, 0.3], [0.6, 0.7, 0.8, 0.9])
    assert plan_kappa([0.2, 0.3], [0.7] * 3, design="shared model") == plan_kappa(
        [0.2, 0.3], 0.7, design="shared model"
    )


def test_the_error_of_one_kappa_is_that_of_the_package():
    decisions = np.repeat([[1, 1], [1, 0], [0, 1], [0, 0]], [600, 100, 150, 150], axis=0).T
    kappa = ddd.error_consistency(*decisions)
    images = plan_kappa([kappa, kappa + 1e-4], [0.7, 0.75])
    error = np.sqrt(2) * standard_errors(decisions)[0, 1] * np.sqrt(1000 / images)
    assert 1e-4 / error == pytest.approx(Z + 0.8416, rel=1e-3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0.3, 0.3],), "two that differ from each other"),
        ((0,), "one that differs from 0"),
        (([0.1, 0.2, 0.3],), "one that differs from 0, or two"),
        ((0.9, [0.5, 0.8]), "accuracies 0.5 and 0.8 allow -0.400 to 0.400, not 0.9"),
        (([0.2, 0.3], [0.7] * 4, 0.8, 0.05, "shared model"), "one for all or one for each of 3 deciders, not 4"),
        ((0.2, [0.5, 0.8, 0.9]), "one for all or one for each of 2 deciders, not 3"),
        ((0.2, 1.2), "must lie between 0 and 1"),
        (([0.1, 0.2], 0.8, 0.8, 0.05, "same"), "'same' is none of independent, same images, shared model"),
        (([-0.1, 0.2], 0.8, 0.8, 0.05, "same images"), "must not be negative"),
    ],
)
def test_what_cannot_be_planned_is_told_in_one_line(arguments, message):
    with pytest.raises(InputError) as caught:
        plan_kappa(*arguments)
    assert message in str(caught.value) and "\n" not in str(caught.value)
