import numpy as np
import pytest

from ddd_utils.analysis.decisions import BLOCK, as_correct, count_both_right, pack
from ddd_utils.errors import InputError


@pytest.mark.parametrize("images", [1, 63, 64, 65, 64 * BLOCK, 64 * BLOCK + 1, 3 * 64 * BLOCK])
def test_packed_counts_equal_a_matrix_product(images):
    correct = np.random.default_rng(images).random((4, images)) < 0.6
    assert pack(correct).shape == (4, -(-images // 64))
    np.testing.assert_array_equal(count_both_right(correct), correct.astype(int) @ correct.T.astype(int))


def test_counts_survive_networks_that_are_always_right():
    images = 200_000
    assert (count_both_right(np.ones((2, images), bool)) == images).all()


def test_zeros_and_ones_are_decisions():
    np.testing.assert_array_equal(as_correct([[0, 1], [1, 1]]), [[False, True], [True, True]])


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.ones(5, bool), "networks, images"),
        (np.ones((3, 0), bool), "networks, images"),
        ([[0, 2]], "predictions"),
        ([[0.5, 1]], "probabilities"),
    ],
)
def test_what_is_not_decisions_is_refused(bad, message):
    with pytest.raises(InputError, match=message):
        as_correct(bad)
