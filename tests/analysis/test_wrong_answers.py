import numpy as np
import pytest

from ddd_utils.analysis.statistics import wilson
from ddd_utils.analysis.wrong_answers import impossible_kinds, same_wrong_answer
from ddd_utils.errors import InputError


def test_same_wrong_answer_of_known_predictions():
    labels = np.array([0, 0, 0, 0, 0, 0])
    predictions = np.array([[1, 1, 1, 1, 0, 2], [1, 2, 1, 0, 0, 2], [0, 0, 0, 0, 3, 0]])
    found = same_wrong_answer(predictions, labels)
    assert found.both_wrong.tolist() == [[5, 4, 0], [4, 4, 0], [0, 0, 1]]
    assert found.share[0, 1] == found.share[1, 0] == 3 / 4
    assert (found.lower[0, 1], found.upper[0, 1]) == wilson(3, 4)
    for values in (found.share, found.lower, found.upper):
        assert np.isnan(np.diagonal(values)).all() and np.isnan(values[2, :2]).all()


def test_shares_agree_with_counting_pair_by_pair():
    rng = np.random.default_rng(0)
    predictions, labels = rng.integers(0, 4, (6, 500)).astype(np.int16), rng.integers(0, 4, 500)
    found = same_wrong_answer(predictions, labels)
    for i in range(6):
        for j in range(i):
            both = (predictions[i] != labels) & (predictions[j] != labels)
            assert found.both_wrong[i, j] == both.sum()
            assert found.share[i, j] == found.share[j, i] == (predictions[i] == predictions[j])[both].mean()


@pytest.mark.parametrize(
    ("answers", "tolerance", "kind"),
    [
        ([1, 1, 2, 3], 0, "consensus"),  # exactly half
        ([1, 1, 2, 2], 0, "consensus"),
        ([1, 2, 2, 3, 4], 0, "confused"),  # two of five are under half
        ([4, 2, 1, 2, 2], 0, "consensus"),
        ([1, 2, 3, 4], 0, "confused"),
        ([0, 1, 1, 2], 0, ""),
        ([0, 1, 1, 2], 1, "consensus"),
        ([0, 0, 1, 2, 3], 1, ""),
        ([0, 0, 1, 2, 3], 2, "confused"),  # the right label is no consensus about a wrong one
        ([0, 0, 0, 0], 1, ""),
    ],
)
def test_kinds_of_impossible_images(answers, tolerance, kind):
    predictions = np.stack([answers, np.zeros(len(answers), int)], axis=1)
    assert impossible_kinds(predictions, [0, 0], tolerance).tolist() == [kind, ""]


def test_kinds_agree_with_counting_answers():
    rng = np.random.default_rng(1)
    predictions, labels = rng.integers(0, 6, (7, 2000)), np.zeros(2000, int)
    kinds = impossible_kinds(predictions, labels, 1)
    for answers, kind in zip(predictions.T, kinds, strict=True):
        counts = np.bincount(answers, minlength=6)
        expected = "" if counts[0] > 1 else "consensus" if 2 * counts[1:].max() >= 7 else "confused"
        assert kind == expected
    assert set(kinds) == {"", "consensus", "confused"}


@pytest.mark.parametrize("ask", [same_wrong_answer, impossible_kinds])
def test_wrong_answers_of_which_none_was_recorded_are_refused(ask):
    with pytest.raises(InputError, match="no wrong answer was recorded"):
        ask([[0, -1], [0, 0]], [0, 0])
    with pytest.raises(InputError, match="shapes"):
        ask([[0, 1], [0, 0]], [0, 0, 0])


def test_a_few_answers_that_were_not_recorded_agree_with_none():
    same = same_wrong_answer([[1, 1, -1], [1, 2, -1]], [0, 0, 0])
    assert same.share[0, 1] == 0.5 and same.both_wrong[0, 1] == 2
    kinds = impossible_kinds([[1, -1], [1, -1], [2, -1], [3, 4]], [0, 0])
    assert kinds.tolist() == ["consensus", "confused"]
