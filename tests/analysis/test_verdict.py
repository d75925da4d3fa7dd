import json
from functools import partial

import numpy as np
import pytest

from ddd_utils.analysis import difficulty, nulls, score_models, verdict
from ddd_utils.analysis.nulls.simulation import _drawn_tables, simulated_spreads
from ddd_utils.analysis.score_models import smooth
from ddd_utils.analysis.verdict import FAILS, HOLDS, OPEN
from ddd_utils.errors import InputError
from tests.helpers import worlds

SMALL, WIDE = (11, 2000), (30, 2000)
families = partial(worlds.smooth, shared=4)


@pytest.mark.parametrize(
    ("world", "sizes"),
    [
        (worlds.smooth, [SMALL, WIDE, (11, 50_000), (30, 50_000)]),
        (partial(worlds.smooth, abilities=0.8), [SMALL, WIDE]),
        (partial(worlds.smooth, discrimination=0.7, abilities=0.8), [SMALL, (11, 50_000)]),
        (partial(worlds.smooth, tail="t"), [SMALL, (11, 50_000)]),
        (partial(worlds.smooth, tail="t", abilities=0.8), [WIDE]),
        (partial(worlds.smooth, tail="uniform", width=3), [SMALL, WIDE]),
        (partial(worlds.smooth, tail="skew"), [SMALL, (11, 50_000)]),
        (partial(worlds.smooth, centre=5), [SMALL, WIDE]),  # accuracy .95
        (partial(worlds.smooth, centre=-1.5, abilities=0.5), [SMALL]),  # .3
        (families, [SMALL, WIDE, (11, 50_000)]),
        (worlds.independent, [SMALL, WIDE]),
    ],
)
def test_smooth_difficulty_is_not_called_dichotomous(world, sizes):
    for networks, images in sizes:
        found = verdict.dichotomous(world(networks, images), draws=60)
        assert found.outcome == FAILS, (networks, images, found.details)


@pytest.mark.parametrize(
    ("world", "sizes"),
    [
        (worlds.two_kinds, [SMALL, WIDE, (30, 50_000)]),
        (partial(worlds.two_kinds, abilities=0.8), [SMALL]),
        (partial(worlds.two_kinds, error=0.02), [SMALL, WIDE]),
        (partial(worlds.two_kinds, trivial=0.75, impossible=0.25, error=0.05), [SMALL, WIDE]),  # nothing in between
        (partial(worlds.two_kinds, trivial=0.9, impossible=0.03), [(11, 10_000)]),  # accuracy .94
        (partial(worlds.two_kinds, trivial=0.1, impossible=0.6), [SMALL]),
    ],
)
def test_two_kinds_of_images_are_dichotomous_and_counted_right(world, sizes):
    share = {"trivial": 0.5, "impossible": 0.15} | world.keywords if isinstance(world, partial) else {}
    for networks, images in sizes:
        found = verdict.dichotomous(world(networks, images), draws=60)
        assert found.outcome == HOLDS, (networks, images, found.details)
        for kind in share.keys() & {"trivial", "impossible"}:
            assert found.details[f"{kind}_mass"] == pytest.approx(share[kind], abs=0.03)


def test_one_end_alone_is_not_enough_and_is_told():
    wrong = np.random.default_rng(5).random(20_000) < 0.12
    found = verdict.dichotomous(np.where(wrong, False, worlds.smooth(11, 20_000, centre=2.5, width=1.2)), draws=60)
    assert found.outcome == FAILS
    assert (found.details["impossible_holds"], found.details["trivial_holds"]) == (1, 0)
    assert found.details["impossible_mass_low"] < 0.12 < found.details["impossible_mass_high"]
    assert found.effect == found.details["trivial_mass"] < 0.02


def test_copies_of_networks_change_nothing_and_near_copies_leave_it_open():
    four = worlds.smooth(4, 2000)
    assert verdict.dichotomous(np.repeat(four, 3, axis=0), draws=20) == verdict.dichotomous(four, draws=20)
    flipped = np.repeat(four, 3, axis=0) ^ (np.random.default_rng(3).random((12, 2000)) < 0.01)
    found = verdict.dichotomous(flipped, draws=20)
    assert found.outcome == OPEN and found.details["described"] < 0.95


def test_where_a_smooth_family_does_as_well_as_two_kinds_it_is_left_open():
    kinds = np.random.default_rng(4).choice(3, 10_000, p=[0.15, 0.35, 0.5])
    rest = worlds.smooth(11, 10_000, centre=0.5, abilities=0.5)
    found = verdict.dichotomous(np.select([kinds == 0, kinds == 2], [False, True], rest), draws=60)
    assert found.outcome == OPEN and found.details["misfit"] < 0.02
    for name in ("misfit", "described"):
        value, low, high = (found.details[f"{name}{end}"] for end in ("", "_low", "_high"))
        assert low < value < high and value - low == pytest.approx(high - value)


@pytest.mark.parametrize(("networks", "images"), [WIDE, (11, 50_000)])
def test_two_humps_are_neither_smooth_nor_two_kinds(networks, images):
    found = verdict.dichotomous(worlds.two_humps(networks, images), draws=60)
    assert found.outcome == OPEN and found.details["misfit_low"] > verdict.RULES["misfit"].least


def test_counts_are_decisions_of_equally_able_networks():
    correct = worlds.smooth(11, 2000)
    counts = np.bincount(correct.sum(axis=0), minlength=12)
    one, other = verdict.dichotomous(correct, draws=20), verdict.dichotomous(counts, draws=20)
    assert (one.outcome, one.n, one.networks) == (other.outcome, other.n, other.networks) == (FAILS, 2000, 11)
    assert other.details["misplaced_logit-normal"] == pytest.approx(one.details["misplaced_logit-normal"], abs=0.01)


def test_the_smooth_families_fit_as_an_independent_calculation_does():
    counts = np.bincount(worlds.smooth(7, 3000, centre=1, width=1.5).sum(axis=0), minlength=8)
    fitted = score_models.fit_beta_binomial(counts)
    _, shares, value = smooth._best(counts, partial(smooth._mixed, smooth._beta, kernel(7), None))
    assert value == pytest.approx(fitted.log_likelihood, abs=0.02)
    np.testing.assert_allclose(shares, fitted.probabilities, atol=1e-4)
    # Gauss-Hermite quadrature for the logit-normal.
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    chance = 1 / (1 + np.exp(-(1 + 1.5 * nodes)))
    binomial = [
        np.exp(score_models.fits.log_choose(7)) * c ** np.arange(8) * (1 - c) ** (7 - np.arange(8)) for c in chance
    ]
    cells = smooth.FAMILIES["logit-normal"](np.array([[1.0]]), np.log([[1.5]]))
    np.testing.assert_allclose((cells @ kernel(7))[0], weights @ binomial / weights.sum(), atol=1e-4)
    for family in smooth.FAMILIES.values():
        np.testing.assert_allclose(family(np.array([[-3.0], [2.0]]), np.array([[-1.0], [1.0]])).sum(axis=1), 1)


def kernel(networks):
    chance = 1 / (1 + np.exp(-smooth.CENTRES))
    score = np.arange(networks + 1)
    return (
        np.exp(score_models.fits.log_choose(networks)) * chance[:, None] ** score * (1 - chance[:, None]) ** score[::-1]
    )


@pytest.mark.parametrize(
    ("world", "outcome"),
    [
        (worlds.independent, FAILS),
        (worlds.smooth, FAILS),
        (partial(worlds.smooth, abilities=0.8), FAILS),
        (partial(worlds.smooth, discrimination=0.4, abilities=0.5), FAILS),
        (partial(worlds.smooth, tail="t"), FAILS),
        (families, HOLDS),
        (partial(worlds.smooth, shared=6), HOLDS),
    ],
)
@pytest.mark.parametrize(("networks", "images"), [SMALL, (20, 2000)])
def test_families_of_networks_spread_the_pairs_and_nothing_else_does(world, outcome, networks, images):
    found = verdict.models_differ(world(networks, images), 1)
    assert found.outcome == outcome, found
    seen = found.details["seen_on_all"]
    assert seen == (outcome == HOLDS)  # what is there is diluted on all images, not hidden
    assert 0.3 < found.details["dilution"] < 1.05


def test_the_interval_of_the_spread_is_not_of_the_mean_excess():
    found = verdict.models_differ(families(11, 5000), 1)
    null = nulls.score_stratified_kappa(families(11, 5000), 1, groups=20)
    excess = null.excess.value[np.triu_indices(11, 1)]
    assert found.details["in_between_spread"] == pytest.approx(excess.std())
    assert abs(excess.mean()) < 0.01 < found.low < found.effect < found.high


def test_data_drawn_from_the_null_keep_scores_and_accuracies():
    correct = worlds.smooth(6, 4000, abilities=0.8)
    tables = nulls.rasch.tables_by_score(correct)
    abilities = nulls.rasch.stratified_abilities(tables)
    drawn = np.mean(list(_drawn_tables(abilities[0], tables.images[0].astype(int), 60, 0)), axis=0)
    np.testing.assert_allclose(np.trace(drawn, axis1=1, axis2=2), np.arange(7) * tables.images[0])
    expected = nulls.rasch.expected_tables(abilities, tables.images).both[0]
    np.testing.assert_allclose(drawn, expected, atol=4 * np.sqrt(expected.max() / 4 / 60) + 1)


def test_p_values_are_even_under_the_null():
    spreads = []
    for seed in range(30):
        correct = worlds.smooth(5, 300, seed, abilities=0.5)
        null = simulated_spreads(correct, [None], 19, seed)[:, 0]
        spreads.append((null >= nulls.score_stratified_kappa(correct, groups=2).spread.value).mean())
    assert 0.3 < np.mean(spreads) < 0.7
    assert np.mean(np.array(spreads) <= 0.05) < 0.2


@pytest.mark.parametrize(("world", "outcome"), [(worlds.independent, FAILS), (worlds.smooth, HOLDS)])
def test_failing_alike(world, outcome):
    found = verdict.fail_alike(world(11, 2000))
    assert found.outcome == outcome and found.low <= found.effect <= found.high
    few = [verdict.fail_alike(worlds.independent(3, 100, seed)).outcome for seed in range(100)]
    assert few.count(HOLDS) <= 5 and few.count(OPEN) > 85


@pytest.mark.parametrize("world", [worlds.smooth, worlds.two_kinds, families])
def test_the_fall_is_arithmetic_of_the_scores(world):
    correct = world(11, 2000)
    counts = np.bincount(correct.sum(axis=0), minlength=12)
    found = verdict.falls_in_between(correct, 1)
    assert found == verdict.falls_in_between(counts, 1)
    inside = counts * ((np.arange(12) > 1) & (np.arange(12) < 10))
    for key, of in (("all", counts), ("in_between", inside)):
        s, n = np.repeat(np.arange(12), of), of.sum()
        p = s.mean() / 11
        assert found.details[key] == pytest.approx(1 - (s * (11 - s)).sum() / n / (11 * 10 * p * (1 - p)))
    assert found.details["lowest"] <= found.details["in_between"] <= found.details["highest"]
    assert found.outcome == HOLDS and found.effect == found.details["all"] - found.details["in_between"]


def test_impossible_images_beyond_label_errors():
    correct = worlds.two_kinds(11, 2000)
    kinds = difficulty.classify(correct)
    accepted = np.random.default_rng(1).random(2000) < 0.8
    found = verdict.beyond_label_errors(correct, accepted)
    assert found.outcome == HOLDS and found.n == accepted.sum()
    assert found.effect == (kinds[accepted] == "impossible").mean()
    assert found.details["trivial_kept"] == accepted[kinds == "trivial"].mean()
    assert verdict.beyond_label_errors(correct, kinds != "impossible").outcome == FAILS
    assert verdict.beyond_label_errors(correct[:, :60], kinds[:60] != "impossible").outcome == OPEN


@pytest.mark.parametrize(
    ("call", "size"),
    [
        (lambda: verdict.fail_alike([[1, 0, 1]]), (1, 3)),
        (lambda: verdict.fail_alike(np.ones((2, 5), bool)), (2, 5)),
        (lambda: verdict.dichotomous(worlds.smooth(3, 100)), (3, 100)),
        (lambda: verdict.models_differ(worlds.smooth(3, 100), 0), (3, 100)),
        (lambda: verdict.models_differ(worlds.smooth(5, 30), 1), (5, 30)),
        (lambda: verdict.falls_in_between([5, 0, 0, 0, 5], 1), (4, 10)),
        (lambda: verdict.beyond_label_errors([[1, 0], [1, 1]], [False, False]), (2, 2)),
    ],
)
def test_what_cannot_be_tested_is_left_open_with_the_reason(call, size):
    found = call()
    assert found.outcome == OPEN and found.reason and np.isnan(found.effect)
    assert (found.networks, found.n) == size
    assert json.loads(json.dumps(found.as_json()))["low"] is None


def test_a_mark_for_every_image():
    with pytest.raises(InputError, match="one mark an image"):
        verdict.beyond_label_errors([[1, 0], [1, 1]], [True])


@pytest.mark.parametrize("networks", [4, 5])
def test_a_handful_of_deciders_do_not_tell_two_kinds_from_smooth_difficulty(networks):
    rng = np.random.default_rng(0)
    right = rng.choice([0, 1, 0.5], 1000, p=[0.1, 0.3, 0.6])
    found = verdict.dichotomous(rng.random((networks, 1000)) < right, draws=5)
    assert found.outcome == OPEN and "6 networks or more" in found.reason
