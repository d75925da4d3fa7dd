"""Pairs of networks in a table are those of the matrix, and their mean that of the interval."""

import numpy as np
import pandas as pd
import pytest

from ddd_utils.analysis import consistency

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
