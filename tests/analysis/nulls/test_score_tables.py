import numpy as np
import pytest

from ddd_utils.analysis.consistency import error_consistency, pairwise_error_consistency
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
    assert tables.images.tolist() == [1, 2, 1]
    assert tables.both.tolist() == [[[0, 0], [0, 0]], [[1, 0], [0, 1]], [[1, 1], [1, 1]]]


@pytest.mark.parametrize("tolerance", [None, 0, 1])
def test_kappa_of_observed_tables_is_that_of_the_images(tolerance):
    correct = deciders()
    score = correct.sum(axis=0)
    kept = slice(None) if tolerance is None else (score > tolerance) & (score < 7 - tolerance)
    found = kappa_of_tables(tables_by_score(correct), kept_cells(7, tolerance))
    np.testing.assert_allclose(off_diagonal(found), off_diagonal(pairwise_error_consistency(correct[:, kept])))
    assert np.isnan(np.diagonal(found)).all()


@pytest.mark.parametrize("tolerance", [0, 1])
def test_leaving_the_pair_out_keeps_the_images_that_the_others_call_in_between(tolerance):
    correct = deciders()
    found = kappa_of_tables(tables_by_score(correct), kept_cells(7, tolerance, leave_pair_out=True))
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
