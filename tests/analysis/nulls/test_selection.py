import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from ddd_utils.analysis.consistency import condition_matrix
from ddd_utils.analysis.difficulty import classify
from ddd_utils.analysis.nulls import fleiss_kappa, selection_band, subset_consistency
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
        yaml.safe_load((ROOT / "ddd_utils/reporting/paper.yaml").read_text("utf-8"))["printed"][
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
    found = subset_consistency(correct, between, networks, draws=2)
    for row, images in (("all images", correct), ("subset", correct[:, between])):
        matrix = condition_matrix(images, networks).kappa
        assert found.loc[row, "kappa"] == pytest.approx(matrix[np.triu_indices(3, 1)].mean())
    assert found.loc["drop", "kappa"] == pytest.approx(-found["kappa"].diff().iloc[1])


def test_resampling_gives_the_error_of_new_images():
    fresh = [subset_consistency(deciders(seed=s), np.ones(400, bool), table(list("abcdef")), 1) for s in range(60)]
    spread = np.std([found.loc["all images", "kappa"] for found in fresh])
    one = subset_consistency(deciders(), np.ones(400, bool), table(list("abcdef")), draws=200)
    half_width = (one.loc["all images", "upper"] - one.loc["all images", "lower"]) / 2
    assert half_width == pytest.approx(1.96 * spread, rel=0.35)
    assert one.loc["drop", ["lower", "upper"]].tolist() == [0, 0]
