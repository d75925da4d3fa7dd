import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ddd_utils.analysis import dynamics
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
    table = dynamics.learning_history(correct, [1, 2, 3])
    assert table["quantity"].tolist() == [
        "learned in the first epoch and never lost", "never learned", *["lost at the learning-rate step"] * 3,
    ]  # fmt: skip
    assert table["epoch"].tolist() == [3, 3, 2, 3, 4]
    np.testing.assert_allclose(table["share"], [0.2, 0.2, 0.2, 0.2, np.nan])


def test_a_history_takes_training_and_steps_inside_it():
    with pytest.raises(InputError, match="epoch 0"):
        dynamics.learning_history(np.ones((1, 4), bool), [])
    with pytest.raises(InputError, match="after epoch 9"):
        dynamics.learning_history(np.ones((3, 4), bool), [9])
