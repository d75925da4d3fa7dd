from itertools import combinations
from math import comb

import numpy as np
import pytest

from ddd_utils.analysis import difficulty
from ddd_utils.analysis.consistency import pairwise_error_consistency
from ddd_utils.analysis.nulls import fleiss_kappa, selection_band, subset_curve
from ddd_utils.errors import InputError


def deciders(networks, images=400, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(0.5, 1.5, images) + rng.normal(size=(networks, images)) > 0


def test_small_sizes_take_every_subset():
    correct = deciders(6)
    curve = subset_curve(correct, 1, subsets=20)
    assert curve["models"].tolist() == [4, 5, 6] and curve["subsets"].tolist() == [15, 6, 1]
    for _, row in curve.iterrows():
        some = [correct[list(chosen)] for chosen in combinations(range(6), int(row["models"]))]
        shares = [difficulty.shares(subset, 1) for subset in some]
        for column, kind in (("trivial", "trivial"), ("impossible", "impossible"), ("in_between", "in-between")):
            assert row[column] == pytest.approx(np.mean([share[kind] for share in shares]))
        between = [subset[:, difficulty.classify(subset, 1) == "in-between"] for subset in some]
        pairs = np.triu_indices(int(row["models"]), 1)
        kappa = [pairwise_error_consistency(subset)[pairs].mean() for subset in between]
        assert row["kappa_in_between"] == pytest.approx(np.mean(kappa))
        assert row[["lower", "upper"]].tolist() == pytest.approx(np.quantile(kappa, [0.025, 0.975]).tolist())
        fleiss = [fleiss_kappa(subset.sum(axis=0), len(subset)) for subset in between]
        assert row["fleiss_in_between"] == pytest.approx(np.mean(fleiss))
        assert (row["band_lower"], row["band_upper"]) == selection_band(int(row["models"]), 1)


def test_large_sizes_draw_different_subsets_the_same_each_time():
    correct = deciders(12, 200)
    curve = subset_curve(correct, 0, sizes=[6, 11], subsets=10, seed=3)
    assert curve["subsets"].tolist() == [10, 10]
    assert curve.equals(subset_curve(correct, 0, sizes=[6, 11], subsets=10, seed=3))
    assert not curve.equals(subset_curve(correct, 0, sizes=[6, 11], subsets=10, seed=4))
    # As many draws as there are subsets but one: they cannot repeat.
    assert subset_curve(correct, 0, sizes=[11], subsets=11)["subsets"].item() == comb(12, 11) - 1


def test_many_models_are_thinned_to_fifteen_sizes():
    curve = subset_curve(deciders(40, 50), 1, subsets=1)
    assert len(curve) == 15 and curve["models"].iloc[[0, -1]].tolist() == [4, 40]
    assert curve["models"].is_monotonic_increasing and curve["models"].is_unique


def test_fleiss_kappa_stays_in_the_band_that_selection_leaves():
    curve = subset_curve(deciders(10), 1)
    assert (curve["fleiss_in_between"] >= curve["band_lower"] - 1e-12).all()
    assert (curve["fleiss_in_between"] <= curve["band_upper"] + 1e-12).all()


def test_subsets_without_in_between_images_have_no_kappa():
    alike = np.repeat(deciders(1, 30), 4, axis=0)
    curve = subset_curve(alike, 0)
    assert (curve["in_between"] == 0).all()
    assert curve[["kappa_in_between", "lower", "upper", "fleiss_in_between"]].isna().all(axis=None)


@pytest.mark.parametrize(("tolerance", "sizes"), [(3, None), (-1, None), (1, [3]), (0, [7])])
def test_sizes_that_leave_nothing_in_between_are_refused(tolerance, sizes):
    with pytest.raises(InputError, match=r"in-between|must have"):
        subset_curve(deciders(6, 20), tolerance, sizes)
