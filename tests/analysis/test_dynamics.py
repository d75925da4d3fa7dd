import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.distance import pdist, squareform

from ddd_utils.analysis import dynamics
from ddd_utils.analysis.dynamics import dissimilarity, rdm_correlation
from ddd_utils.errors import InputError

LABELS = np.array([0, 1, 2, 0])


def test_changes_of_known_predictions():
    predictions = np.array([[[0, 0, 0, 0], [1, 1, 1, 0]], [[0, 1, 2, 0], [0, 1, 2, 0]]])
    first, second = dynamics.swaps(predictions, LABELS).to_dict("records")
    assert first == {
        "network": 0, "epoch": 1, "changed": 0.75,
        "right_to_wrong": 0.25, "wrong_to_right": 0.25, "wrong_to_wrong": 0.25, "accuracy_gain": 0.0,
    }  # fmt: skip
    assert second["network"] == 1 and second["changed"] == 0


@given(arrays(np.int16, st.tuples(st.integers(1, 3), st.integers(2, 5), st.just(30)), elements=st.integers(0, 3)))
def test_the_kinds_of_change_add_up(predictions):
    labels = np.arange(30) % 4
    table = dynamics.swaps(predictions, labels)
    assert len(table) == predictions.shape[0] * (predictions.shape[1] - 1)
    parts = table["right_to_wrong"] + table["wrong_to_right"] + table["wrong_to_wrong"]
    np.testing.assert_allclose(table["changed"], parts, atol=1e-12)
    np.testing.assert_allclose(table["accuracy_gain"], table["wrong_to_right"] - table["right_to_wrong"], atol=1e-12)


@pytest.mark.parametrize("shape", [(3, 4), (1, 3, 5), (1, 1, 4)])
def test_predictions_that_show_no_change_are_refused(shape):
    with pytest.raises(InputError):
        dynamics.swaps(np.zeros(shape, int), LABELS)


def test_learning_history_of_known_decisions():
    correct = np.array(
        [
            # kept, lost at the step, never learned (right before training), learned late, lost and regained
            [0, 0, 1, 0, 1],
            [1, 1, 0, 0, 1],
            [1, 1, 0, 1, 0],
            [1, 0, 0, 1, 1],
        ],
        bool,
    )
    table = dynamics.learning_history(correct, [0, 1, 2, 3])
    assert table["quantity"].tolist() == [
        "learned in the first epoch and never lost", "never learned", *["lost at the learning-rate step"] * 4,
    ]  # fmt: skip
    assert table["epoch"].tolist() == [3, 3, 1, 2, 3, 4]
    np.testing.assert_allclose(table["share"], [0.2, 0.2, np.nan, 0.2, 0.2, np.nan])


def test_a_history_takes_training_and_steps_inside_it():
    with pytest.raises(InputError, match="epoch 0"):
        dynamics.learning_history(np.ones((1, 4), bool), [])
    with pytest.raises(InputError, match="after epoch 9"):
        dynamics.learning_history(np.ones((3, 4), bool), [9])


@pytest.fixture
def features():
    return np.random.default_rng(0).normal(size=(20, 7))


def test_dissimilarity_equals_scipy(features):
    np.testing.assert_allclose(dissimilarity(features), squareform(pdist(features, "correlation")), atol=1e-12)


def test_a_layer_that_responds_to_an_image_evenly_is_undefined_there():
    found = dissimilarity([[1, 1, 1], [1, 2, 3], [3, 2, 1]])
    np.testing.assert_allclose(found, [[np.nan] * 3, [np.nan, 0, 2], [np.nan, 2, 0]], atol=1e-12)


def test_rdm_correlation_ignores_the_diagonal_and_counts_each_pair_once(features):
    a, b = dissimilarity(features), dissimilarity(features + np.random.default_rng(1).normal(size=features.shape))
    assert rdm_correlation(a, b) == pytest.approx(
        np.corrcoef(squareform(a, checks=False), squareform(b, checks=False))[0, 1]
    )
    assert 0.2 < rdm_correlation(a, b) < 0.9
    assert rdm_correlation(a, 2 * a + np.eye(20)) == pytest.approx(1)
    assert rdm_correlation(a, -a) == pytest.approx(-1)


def test_networks_of_the_same_geometry_correlate_perfectly(features):
    permuted_and_scaled = 3 * features[:, ::-1] + 5
    assert rdm_correlation(dissimilarity(features), dissimilarity(permuted_and_scaled)) == pytest.approx(1)


def test_undefined_dissimilarities_give_an_undefined_correlation():
    found = dissimilarity([[1, 1, 1], [1, 2, 3], [3, 2, 1]])
    assert np.isnan(rdm_correlation(found, found))


@pytest.mark.parametrize(("a", "b"), [((3, 3), (4, 4)), ((3, 4), (3, 4)), ((2, 2), (2, 2)), ((9,), (9,))])
def test_matrices_of_different_images_are_refused(a, b):
    with pytest.raises(InputError, match="same"):
        rdm_correlation(np.zeros(a), np.zeros(b))


def test_the_jackknife_of_a_similarity_covers_other_images():
    rng = np.random.default_rng(3)
    networks = pd.DataFrame({"condition": ["base", "optimizer"], "network": ["base", "b"], "instance": 1})
    weights = {name: rng.normal(size=(6, 8)) for name in ("shared", "base", "b")}

    def logits(images):
        seen = rng.normal(size=(images, 6))
        own = {name: weights["shared"] + 0.7 * weights[name] for name in ("base", "b")}
        return {name: seen @ weight for name, weight in own.items()}

    truth = dynamics.similarity_to_base(logits(1500), networks)["correlation"][1]
    found = [dynamics.similarity_to_base(logits(80), networks, groups=10).iloc[1] for _ in range(100)]
    assert 0.85 <= np.mean([row["lower"] <= truth <= row["upper"] for row in found]) <= 1


def test_the_jackknife_of_a_similarity_is_that_of_a_plain_loop():
    rng = np.random.default_rng(5)
    networks = pd.DataFrame({"condition": ["base", "optimizer"], "network": ["base", "b"], "instance": 1})
    logits = rng.normal(size=(2, 47, 5)) + rng.normal(size=(47, 5))
    row = dynamics.similarity_to_base(dict(zip(networks["network"], logits, strict=True)), networks, groups=10).iloc[1]
    left = [[dissimilarity(each[np.arange(47) % 10 != group]) for each in logits] for group in range(10)]
    spread = np.std([rdm_correlation(*each) for each in left]) * 3  # the root of 9 groups that stay
    assert row["correlation"] - row["lower"] == pytest.approx(1.96 * spread)


def test_too_few_images_for_a_jackknife_leave_the_limits_open():
    networks = pd.DataFrame({"condition": ["base"], "network": ["base"], "instance": [1]})
    table = dynamics.similarity_to_base({"base": np.random.default_rng(0).normal(size=(30, 5))}, networks)
    assert table["correlation"][0] == pytest.approx(1) and np.isnan(table["lower"][0])
