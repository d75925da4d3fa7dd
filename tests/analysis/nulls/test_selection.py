from itertools import combinations
from math import comb

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from ddd_utils.analysis import consistency, difficulty, nulls
from ddd_utils.analysis.consistency import condition_matrix, pairwise_error_consistency
from ddd_utils.analysis.difficulty import classify
from ddd_utils.analysis.nulls import fleiss_kappa, selection_band, subset_consistency, subset_curve
from ddd_utils.errors import InputError
from ddd_utils.paths import ROOT


def deciders(networks=6, images=400, seed=0):
    rng = np.random.default_rng(seed)
    easiness = rng.normal(0.5, 1.5, images)
    return easiness + rng.normal(size=(networks, images)) > 0


def table(conditions):
    return pd.DataFrame({"condition": conditions})


@pytest.mark.parametrize(
    ("networks", "tolerance", "upper"), [(11, 1, 0.345), (13, 1, 0.436), (30, 1, 0.743), (5, 1, -0.2)]
)
def test_upper_limit_of_the_selection_band(networks, tolerance, upper):
    assert selection_band(networks, tolerance)[1] == pytest.approx(upper, abs=5e-4)


@given(st.integers(4, 20), st.integers(0, 2), st.data())
def test_in_between_agreement_never_leaves_the_band(networks, tolerance, data):
    tolerance = min(tolerance, networks // 2 - 1)
    score = st.integers(tolerance + 1, networks - tolerance - 1)
    drawn = data.draw(st.lists(score, min_size=1, max_size=40))
    lower, upper = selection_band(networks, tolerance)
    assert lower - 1e-12 <= fleiss_kappa(drawn, networks) <= upper + 1e-12


def test_both_limits_of_the_band_are_reached():
    lower, upper = selection_band(11, 1)
    assert fleiss_kappa([2, 9], 11) == pytest.approx(upper)
    assert fleiss_kappa([4, 4, 4], 11) == pytest.approx(lower)


def test_fleiss_kappa_of_two_networks_is_scotts_pi():
    a, b = deciders(2)
    observed, p = (a == b).mean(), np.mean([a, b])
    expected = p**2 + (1 - p) ** 2
    assert fleiss_kappa(a.astype(int) + b, 2) == pytest.approx((observed - expected) / (1 - expected))


def test_fleiss_kappa_is_the_mean_cohen_kappa_of_equally_accurate_networks():
    rng = np.random.default_rng(0)
    correct = rng.random((2, 500)) < 0.5
    correct[1] = rng.permutation(correct[0])  # the same accuracy, so that both kappas expect the same agreement
    assert fleiss_kappa(correct.sum(axis=0), 2) == pytest.approx(cohen_kappa_score(*correct), abs=1e-12)


def test_fleiss_kappa_of_the_published_counts():
    share = np.array(
        yaml.safe_load((ROOT / "ddd_utils/report/paper.yaml").read_text("utf-8"))["printed"][
            "sota_share_by_models_correct"
        ]
    )
    score = np.repeat(np.arange(12), np.round(share * 50_000).astype(int))
    between = (score > 1) & (score < 10)
    assert fleiss_kappa(score, 11) == pytest.approx(0.4796, abs=2e-4)
    assert fleiss_kappa(score[between], 11) == pytest.approx(0.0971, abs=2e-4)


def test_networks_that_are_always_right_have_no_defined_agreement():
    assert np.isnan(fleiss_kappa([3, 3], 3))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: fleiss_kappa([1], 1), "at least two"),
        (lambda: fleiss_kappa([4], 3), "from 0 to"),
        (lambda: selection_band(3, 1), "no image can be in-between"),
        (lambda: subset_consistency(deciders(), np.zeros(400, bool), table(list("abcdef"))), "some of the 400"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_subset_means_are_those_of_the_condition_matrix():
    correct, networks = deciders(), table(["base", "order", "order", "order", "half", "half"])
    between = classify(correct) == "in-between"
    found = subset_consistency(correct, between, networks)
    for row, images in (("all images", correct), ("subset", correct[:, between])):
        matrix = condition_matrix(images, networks).kappa
        assert found.loc[row, "kappa"] == pytest.approx(matrix[np.triu_indices(3, 1)].mean())
    assert found.loc["drop", "kappa"] == pytest.approx(-found["kappa"].diff().iloc[1])


@pytest.mark.parametrize("conditions", ["abcdef", "abbbcc"])
def test_the_limits_are_those_of_resampled_images(conditions):
    correct, networks = deciders(), table(list(conditions))
    between, rng = classify(correct) == "in-between", np.random.default_rng(3)
    means = []
    for drawn in rng.integers(400, size=(1000, 400)):
        matrices = [condition_matrix(correct[:, of], networks).kappa for of in (drawn, drawn[between[drawn]])]
        means.append([matrix[np.triu_indices(len(matrix), 1)].mean() for matrix in matrices])
    resampled = np.column_stack([means, -np.diff(means)])
    found = subset_consistency(correct, between, networks)
    np.testing.assert_allclose(found["upper"] - found["lower"], 2 * 1.96 * resampled.std(axis=0), rtol=0.08)


def test_the_limits_hold_the_means_of_new_images():
    found = [subset_consistency(deciders(seed=s), np.arange(400) < 200, table(list("abcdef"))) for s in range(200)]
    truth = subset_consistency(
        np.hstack([deciders(seed=s) for s in range(200)]), np.ones(80_000, bool), table(list("abcdef"))
    )
    for row, true in (("all images", truth["kappa"].iloc[0]), ("subset", truth["kappa"].iloc[0]), ("drop", 0)):
        held = [each.loc[row, "lower"] < true < each.loc[row, "upper"] for each in found]
        assert np.mean(held) == pytest.approx(0.95, abs=0.04)


def test_a_subset_of_all_images_drops_by_nothing():
    found = subset_consistency(deciders(), np.ones(400, bool), table(list("abcdef")))
    assert found.loc["drop", ["kappa", "lower", "upper"]].tolist() == [0, 0, 0]


def test_pairs_without_a_kappa_are_left_out():
    correct, networks, half = deciders(), table(list("abcdef")), np.arange(400) < 200
    silent = np.vstack([correct, np.ones((2, 400), bool)])
    found = subset_consistency(silent, half, table(list("abcdefgh")))
    kappas = pairwise_error_consistency(silent)[np.triu_indices(8, 1)]
    assert np.isnan(kappas).sum() == 1
    assert found.loc["all images", "kappa"] == pytest.approx(np.nanmean(kappas))
    assert subset_consistency(silent[6:], half, networks.iloc[:2]).loc[:, "kappa":].isna().all(axis=None)


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


@pytest.mark.parametrize("tolerance", [0, 1, 2])
def test_the_fewest_models_of_which_an_image_can_be_in_between_are_enough(tolerance):
    fewest = 2 * (tolerance + 1)
    correct = deciders(7, 100)
    curve = subset_curve(correct, tolerance, sizes=[fewest], subsets=2)
    assert curve["models"].tolist() == [fewest] == subset_curve(correct, tolerance)["models"].tolist()[:1]
    # Only one score is in-between there, so that both limits of the band are the same.
    assert curve["band_lower"].item() == pytest.approx(curve["band_upper"].item())
    with pytest.raises(InputError, match=f"must have {fewest} to 7 models at tolerance {tolerance}, not {fewest - 1}"):
        subset_curve(correct, tolerance, sizes=[fewest - 1])


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


def test_the_band_stands_beside_fleiss_kappa():
    correct = np.random.default_rng(0).random((7, 200)) < 0.5
    (row,) = nulls.band_table({"seven": (correct, 1)}).to_dict("records")
    between = difficulty.classify(correct, 1) == "in-between"
    assert (row["networks"], row["M"], row["tolerance"], row["in-between"]) == ("seven", 7, 1, between.sum())
    assert row["Fleiss, all"] == nulls.fleiss_kappa(correct.sum(axis=0), 7)
    assert row["Fleiss, in-between"] == nulls.fleiss_kappa(correct[:, between].sum(axis=0), 7)
    assert row["Fleiss, in-between_lower"] <= row["Fleiss, in-between"] <= row["Fleiss, in-between_upper"]
    assert (row["lowest possible"], row["highest possible"]) == nulls.selection_band(7, 1)


def test_a_network_that_is_chosen_twice_agrees_with_itself():
    correct = np.random.default_rng(0).random((5, 200)) < 0.5
    table = nulls.choices_table(correct, {"once": [0, 1, 2, 3], "twice": [0, 0, 1, 2, 3]}, 0).set_index("networks")
    assert table[["M", "distinct"]].to_numpy().tolist() == [[4, 4], [5, 4]]
    for title, rows in (("once", [0, 1, 2, 3]), ("twice", [0, 0, 1, 2, 3])):
        between = difficulty.classify(correct[rows], 0) == "in-between"
        mean = consistency.mean_kappa(correct[rows][:, between])
        assert table.loc[title, "in-between images"] == between.sum()
        assert table.loc[title, "mean kappa, in-between images"] == pytest.approx(mean.value)
    assert table.loc["twice", "mean kappa, all images"] > table.loc["once", "mean kappa, all images"]


def test_a_choice_without_in_between_images_has_no_kappa_there():
    same = np.repeat([[True, False]], 3, axis=0)
    (row,) = nulls.choices_table(same, {"same": [0, 1, 2]}, 0).to_dict("records")
    assert row["in-between images"] == 0 and "mean kappa, in-between images" not in row
    assert row["mean kappa, all images"] == 1
