import numpy as np
import pytest
from scipy.special import expit

from ddd_utils.analysis import nulls
from ddd_utils.analysis.consistency import error_consistency, interval, pairwise_error_consistency, standard_errors
from ddd_utils.analysis.nulls import conditional_rasch_kappa, leave_pair_out_kappa, score_stratified_kappa
from ddd_utils.analysis.nulls.expected_kappa import kappa_of_tables, kept_cells
from ddd_utils.analysis.nulls.rasch import tables_by_score
from ddd_utils.errors import InputError


def deciders(networks=7, images=400, seed=0):
    rng = np.random.default_rng(seed)
    ability = np.linspace(0, 1, networks)[:, None]
    return ability + rng.normal(0, 1.5, images) + rng.normal(size=(networks, images)) > 0


def off_diagonal(matrix):
    return matrix[~np.eye(len(matrix), dtype=bool)]


def test_counts_of_a_small_example():
    tables = tables_by_score(np.array([[1, 1, 0, 0], [1, 0, 0, 1]], bool))
    assert tables.images.tolist() == [[1, 2, 1]]
    assert tables.both[0].tolist() == [[[0, 0], [0, 0]], [[1, 0], [0, 1]], [[1, 1], [1, 1]]]


@pytest.mark.parametrize("tolerance", [None, 0, 1])
def test_kappa_of_observed_tables_is_that_of_the_images(tolerance):
    correct = deciders()
    score = correct.sum(axis=0)
    kept = slice(None) if tolerance is None else (score > tolerance) & (score < 7 - tolerance)
    found = kappa_of_tables(tables_by_score(correct), kept_cells(7, tolerance))[0]
    np.testing.assert_allclose(off_diagonal(found), off_diagonal(pairwise_error_consistency(correct[:, kept])))
    assert np.isnan(np.diagonal(found)).all()


@pytest.mark.parametrize("tolerance", [0, 1])
def test_leaving_the_pair_out_keeps_the_images_that_the_others_call_in_between(tolerance):
    correct = deciders()
    found = kappa_of_tables(tables_by_score(correct), kept_cells(7, tolerance, leave_pair_out=True))[0]
    for i in range(7):
        for j in range(i):
            others = np.delete(correct, [i, j], axis=0).sum(axis=0)
            kept = (others > tolerance) & (others < 5 - tolerance)
            expected = error_consistency(correct[i, kept], correct[j, kept])
            assert found[i, j] == found[j, i] == pytest.approx(expected)


@pytest.mark.parametrize(("networks", "leave_pair_out"), [(3, False), (5, True)])
def test_too_few_networks_for_the_tolerance(networks, leave_pair_out):
    with pytest.raises(InputError, match=f"with {networks} networks and tolerance 1 no image can be in-between"):
        kept_cells(networks, 1, leave_pair_out)
    assert kept_cells(networks + 1, 1, leave_pair_out).any()


def test_a_negative_tolerance_is_refused():
    with pytest.raises(InputError, match="tolerance -1"):
        kept_cells(9, -1)


NULLS = [conditional_rasch_kappa, score_stratified_kappa, leave_pair_out_kappa]


def independent(networks=6, images=2000, seed=0):
    """Decide independently given difficulty, most images being nearly trivial or impossible."""
    rng = np.random.default_rng(seed)
    odds = np.linspace(-1, 1.5, networks)[:, None] + rng.normal(0, 2.5, images)
    return rng.random((networks, images)) < expit(odds)


def pairs(matrix):
    return matrix[np.triu_indices(len(matrix), 1)]


def covered(found):
    return (pairs(found.excess.lower) < 0) & (pairs(found.excess.upper) > 0)


def test_intervals_of_independent_networks_cover_zero():
    share = np.mean([covered(score_stratified_kappa(independent(seed=seed))) for seed in range(200)])
    assert 0.93 <= share <= 0.97


@pytest.mark.parametrize("null", [conditional_rasch_kappa, leave_pair_out_kappa])
def test_intervals_of_the_other_nulls_cover_zero(null):
    share = np.mean([covered(null(independent(seed=seed), 0, groups=25)) for seed in range(60)])
    assert 0.92 <= share <= 0.98


@pytest.mark.parametrize("null", NULLS)
def test_two_networks_that_copy_each_other_stand_out(null):
    correct = independent()
    copied = np.random.default_rng(9).random(2000) < 0.3
    correct[4, copied] = correct[1, copied]
    found = null(correct, 0)
    most = np.argmax(pairs(found.excess.value))
    assert pairs(found.excess.value)[most] == found.excess.value[1, 4]
    assert found.excess.lower[1, 4] > 0
    assert found.adjusted_p_values()[1, 4] < 1e-6


def test_the_parts_fit_together():
    correct = independent()
    found = score_stratified_kappa(correct)
    np.testing.assert_allclose(pairs(found.observed.value), pairs(pairwise_error_consistency(correct)))
    np.testing.assert_allclose(found.excess.value, found.observed.value - found.expected.value)
    for part in ("observed", "expected", "excess"):
        matrix, mean = getattr(found, part), getattr(found, f"mean_{part}")
        np.testing.assert_allclose(matrix.lower + matrix.upper, 2 * matrix.value)
        assert mean.value == pytest.approx(pairs(matrix.value).mean())
        assert mean.lower < mean.value < mean.upper
    np.testing.assert_array_equal(pairs(found.p_values) < 0.05, ~covered(found))


@pytest.mark.parametrize("null", [conditional_rasch_kappa, score_stratified_kappa])
def test_the_mean_agreement_expected_is_the_one_observed(null):
    correct = independent()
    found = null(correct, groups=2)
    p = correct.mean(axis=1)
    chance = np.outer(p, p) + np.outer(1 - p, 1 - p)

    def agreement(kappa):
        return pairs(chance + (1 - chance) * kappa).mean()

    assert agreement(found.expected.value) == pytest.approx(agreement(found.observed.value), abs=1e-9)
    assert agreement(found.observed.value) == pytest.approx(pairs((correct[:, None] == correct).mean(axis=2)).mean())


def test_the_intervals_of_observed_kappas_and_their_mean_are_those_of_a_new_draw_of_images():
    correct = independent()
    found = score_stratified_kappa(correct)
    pairs_of = list(zip(*np.triu_indices(6, 1), strict=True))
    assert found.mean_observed.standard_error == pytest.approx(interval(correct, pairs_of).standard_error, rel=0.3)
    np.testing.assert_allclose(pairs(found.observed.standard_error), pairs(standard_errors(correct)), rtol=0.4)


def test_the_table_lists_the_pairs_from_the_highest_excess_down():
    found = score_stratified_kappa(independent(5))
    table = found.table(list("abcde"))
    assert len(table) == 10 and table["excess"].is_monotonic_decreasing
    row = table.iloc[3]
    i, j = "abcde".index(row["one"]), "abcde".index(row["other"])
    assert row["expected_upper"] == found.expected.upper[i, j]
    assert row["p_adjusted"] == found.adjusted_p_values()[j, i] >= found.p_values[i, j]


def test_groups_left_out_in_several_stacks_give_the_same_interval(monkeypatch):
    correct = independent(images=500)
    at_once = score_stratified_kappa(correct, groups=7)
    monkeypatch.setattr("ddd_utils.analysis.nulls.expected_kappa.BLOCK", 600)
    np.testing.assert_allclose(score_stratified_kappa(correct, groups=7).excess.lower, at_once.excess.lower)


def test_the_seed_deals_the_images_out():
    correct = independent(images=500)
    first, again, other = (conditional_rasch_kappa(correct, groups=10, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.excess.lower, again.excess.lower)
    assert (pairs(first.excess.lower) != pairs(other.excess.lower)).all()


def test_a_network_that_is_always_right_leaves_nothing_to_test_and_does_not_disturb_the_others():
    correct = independent(5)
    found = score_stratified_kappa(np.vstack([correct, np.ones((1, 2000), bool)]), groups=5)
    np.testing.assert_allclose(found.excess.value[5, :5], 0, atol=1e-12)
    assert np.isnan(found.p_values[5]).all()
    alone = score_stratified_kappa(correct, groups=5)
    np.testing.assert_allclose(found.expected.value[:5, :5], alone.expected.value, atol=1e-8)
    np.testing.assert_allclose(found.p_values[:5, :5], alone.p_values, atol=1e-6)


@pytest.mark.parametrize("null", NULLS[:2])
def test_two_networks_that_are_always_right_are_undefined_in_the_means_too(null):
    found = null(np.vstack([independent(5), np.ones((2, 2000), bool)]), groups=2)
    assert np.isnan([part.value[5, 6] for part in (found.observed, found.expected, found.excess)]).all()
    assert found.mean_expected.value == pytest.approx(np.nanmean(pairs(found.expected.value)))
    assert np.isnan(pairs(found.expected.value)).sum() == 1


def test_no_image_in_between_leaves_everything_undefined():
    found = conditional_rasch_kappa(np.tile(np.arange(60) % 3 > 0, (4, 1)), tolerance=0)
    assert np.isnan(found.observed.value).all() and np.isnan(found.p_values).all()
    assert np.isnan(found.mean_expected.value) and found.table(list("abcd")).empty


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: conditional_rasch_kappa(independent(2)), "at least 3 networks, not 2"),
        (lambda: score_stratified_kappa(independent(3)), "at least 4 networks, not 3"),
        (lambda: leave_pair_out_kappa(independent(5), 1), "by the other networks' score"),
        (lambda: conditional_rasch_kappa(independent(5), 2), "no image can be in-between"),
        (lambda: conditional_rasch_kappa(independent(5), groups=1), "two groups"),
        (lambda: conditional_rasch_kappa(independent(5)[:, :1]), "two images"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(InputError, match=message):
        call()


@pytest.mark.parametrize("tolerance", [0, 1])
def test_all_nulls_at_once_are_those_one_by_one(tolerance):
    correct = np.random.default_rng(0).random((nulls.fewest_networks(tolerance), 200)) < 0.5
    found = nulls.compare_nulls(correct, tolerance)
    last = f"in-between, tolerance {tolerance}", f"pair left out, tolerance {tolerance}"
    assert len(found) == 3 + 2 * tolerance and list(found)[-2:] == list(last)
    assert found["all images"].mean_excess == nulls.conditional_rasch_kappa(correct).mean_excess
    assert found[last[0]].mean_excess == nulls.conditional_rasch_kappa(correct, tolerance).mean_excess
    assert found[last[1]].mean_excess == nulls.leave_pair_out_kappa(correct, tolerance).mean_excess
    table = nulls.null_means(found)
    assert table["what"].tolist() == list(found)
    assert table["expected_upper"].iloc[-1] == found[last[1]].mean_expected.upper
