"""Pairs of networks in a table are those of the matrix, and their mean that of the interval."""

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize

from ddd_utils.analysis import consistency
from ddd_utils.analysis.consistency.profile import profile_limits

RNG = np.random.default_rng(0)
CORRECT = RNG.random((5, 300)) < RNG.beta(0.5, 0.5, 300)
NAMES = list("abcde")


def test_every_pair_is_listed_once_with_what_the_matrix_says():
    pairs, matrix = consistency.pair_table(CORRECT, NAMES), consistency.pairwise_matrix(CORRECT, NAMES)
    assert len(pairs) == 10 and pairs["kappa"].is_monotonic_decreasing
    errors, accuracy = consistency.standard_errors(CORRECT), CORRECT.mean(axis=1)
    for row in pairs.itertuples():
        i, j = NAMES.index(row.one), NAMES.index(row.other)
        assert i < j
        assert (row.kappa, row.lower, row.upper) == (matrix.kappa[i, j], matrix.lower[i, j], matrix.upper[i, j])
        assert (row.error, row.accuracy_one, row.accuracy_other) == (errors[i, j], accuracy[i], accuracy[j])
        assert row.largest == consistency.kappa_bounds(accuracy[i], accuracy[j])[1] >= row.kappa
        assert row.copied == pytest.approx(float(consistency.copy_probability(accuracy[i], accuracy[j], row.kappa)))


def test_pairs_without_a_kappa_come_last():
    always = np.vstack([np.ones((2, 300), bool), CORRECT[:2]])
    pairs = consistency.pair_table(always, NAMES[:4])
    assert pairs["kappa"].isna().tolist() == [False] * 5 + [True]
    assert pairs.iloc[pairs["kappa"].count() - 1]["kappa"] == pairs["kappa"].min()


@pytest.mark.parametrize(
    ("rows", "shown"), [(12, [0, 1, 10, 11]), (4, [0, 1, 2, 3]), (3, [0, 1, 2]), (1, [0]), (0, [])]
)
def test_both_ends_of_a_table_and_no_row_twice(rows, shown):
    table = pd.DataFrame({"kappa": range(rows)})
    assert consistency.extremes(table, 2, 2)["kappa"].tolist() == shown


def test_the_mean_is_that_over_all_pairs_that_are_defined():
    pairs = list(zip(*np.triu_indices(5, 1), strict=True))
    assert consistency.mean_kappa(CORRECT) == consistency.interval(CORRECT, pairs)
    twice = np.vstack([np.ones((2, 300), bool), CORRECT[:1]])
    assert consistency.mean_kappa(twice) == consistency.interval(twice, [(0, 2), (1, 2)])
    assert np.isnan(consistency.mean_kappa(twice[:2]).value)


def test_other_classes_are_thought_of_only_where_there_are_several():
    labels = np.arange(300) % 4
    means = consistency.mean_kappas(CORRECT, labels)
    assert means == {unit: consistency.mean_kappa(CORRECT, labels, unit) for unit in ("images", "classes")}
    assert list(consistency.mean_kappas(CORRECT, labels * 0)) == ["images"]


def tables(p, q, kappa, images, sets):
    """Draw 2 x 2 tables of two networks of these accuracies and this kappa."""
    both = (p + q - (1 - kappa) * (p * (1 - q) + q * (1 - p))) / 2
    return np.random.default_rng(0).multinomial(images, [both, p - both, q - both, 1 - p - q + both], size=sets)


def decisions(cells):
    return np.repeat([[1, 1, 0, 0], [1, 0, 1, 0]], cells, axis=1)


def loss(kappa, cells):
    """Log-likelihood lost where kappa is fixed, by a general optimiser."""

    def negative(accuracies):
        p, q = accuracies
        both = (p + q - (1 - kappa) * (p * (1 - q) + q * (1 - p))) / 2
        shares = np.maximum([both, p - both, q - both, 1 - p - q + both], 1e-300)
        return -(cells * np.log(shares)).sum()

    start = [(cells[0] + cells[1:3].mean()) / cells.sum()] * 2
    found = minimize(negative, start, method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-9}).fun
    return found + (cells[cells > 0] * np.log(cells[cells > 0] / cells.sum())).sum()


@pytest.mark.parametrize("cells", [(480, 5, 8, 7), (3, 4, 1, 90), (20, 10, 5, 30)])
def test_the_profile_loses_a_quantile_of_chi_squared_at_its_limits(cells):
    for limit in np.ravel(profile_limits(np.array([cells]))):
        assert 2 * loss(limit, np.array(cells)) == pytest.approx(3.841459, abs=5e-3)


@pytest.mark.parametrize(
    ("p", "q", "kappa", "images"), [(0.986, 0.986, 0.5, 500), (0.986, 0.992, 0.2, 500), (0.02, 0.03, 0.3, 500)]
)
def test_near_floor_and_ceiling_intervals_cover_kappa_where_the_normal_one_does_not(p, q, kappa, images):
    cells = tables(p, q, kappa, images, 400)
    lower, upper = profile_limits(cells)
    normal = [consistency.interval(decisions(one), [(0, 1)]) for one in cells[:150]]
    assert np.mean((lower <= kappa) & (kappa <= upper)) > 0.92
    assert np.mean([found.lower <= kappa <= found.upper for found in normal]) < 0.93
    one = consistency.pairwise_matrix(decisions(cells[0]), "ab")
    assert (one.lower[0, 1], one.upper[0, 1]) == pytest.approx((lower[0], upper[0]), abs=1e-4)


def test_a_network_that_never_fails_leaves_kappa_uncertain():
    found = consistency.pairwise_matrix(decisions([95, 0, 5, 0]), "ab")
    assert found.kappa[0, 1] == 0 and found.lower[0, 1] < -0.01 and found.upper[0, 1] > 0.2
    same = consistency.pairwise_matrix(decisions([95, 0, 0, 5]), "ab")
    assert same.kappa[0, 1] == same.upper[0, 1].round(4) == 1 and 0.3 < same.lower[0, 1] < 0.9


def test_the_most_accurate_network_is_known_to_be_chosen():
    rng = np.random.default_rng(0)
    covered = []
    for _ in range(60):  # ten networks, equally accurate
        found = consistency.accuracy_spread(rng.random((10, 300)) < 0.8)
        covered.append([found[end].lower < 0.8 < found[end].upper for end in ("lowest", "highest")])
    assert np.mean(covered) > 0.94
