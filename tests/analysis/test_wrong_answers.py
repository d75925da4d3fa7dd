import numpy as np
import pytest

from ddd_utils.analysis import wrong_answers
from ddd_utils.analysis.difficulty import DIFFICULTIES, classify, scores, shares
from ddd_utils.analysis.statistics import wilson
from ddd_utils.analysis.wrong_answers import (
    error_rates,
    impossible_because_of_label,
    impossible_kinds,
    relabelled_correct,
    same_wrong_answer,
    shares_without_errors,
)
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


PREDICTIONS = np.array([[1, 1, 2, 3, 0, 5], [1, 2, 2, 3, 0, 0]])
LABELS = np.array([0, 0, 0, 0, 0, 0])
ACCEPTED = [(1,), {2, 7}, [], (0, 4), (0,), (0, 1, 2)]


def deciders(networks=5, images=600):
    rng = np.random.default_rng(0)
    return rng.normal(0.5, 1.5, images) + rng.normal(size=(networks, images)) > 0


def test_error_rates_by_score():
    correct = deciders()
    wrong_label = scores(correct) < np.random.default_rng(1).integers(0, 6, correct.shape[1])
    table = error_rates(wrong_label, scores(correct), range(7))
    assert table.columns.tolist() == ["score", "images", "errors", "rate", "lower", "upper"]
    assert table["images"].sum() == correct.shape[1] and table["errors"].sum() == wrong_label.sum()
    row = table.iloc[2]
    assert row["rate"] == pytest.approx(wrong_label[scores(correct) == 2].mean())
    assert (row["lower"], row["upper"]) == wilson(row["errors"], row["images"])
    assert table.iloc[6]["images"] == 0 and table.iloc[6][["rate", "lower", "upper"]].isna().all()


def test_error_rates_by_difficulty_leave_out_what_is_not_asked_for():
    groups = np.array(["trivial", "impossible", "impossible", "in-between"])
    table = error_rates([0, 1, 0, 1], groups, ["impossible", "trivial"], "difficulty")
    assert table["difficulty"].tolist() == ["impossible", "trivial"]
    assert table["rate"].tolist() == [0.5, 0]


def test_shares_with_and_without_label_errors():
    correct = deciders()
    wrong_label = np.arange(correct.shape[1]) % 3 == 0
    table = shares_without_errors(correct, wrong_label, 1).set_index(["set", "difficulty"])
    for name, kept in (("all images", correct), ("without label errors", correct[:, ~wrong_label])):
        assert table.loc[name, "share"].to_dict() == pytest.approx(shares(kept, 1))
        for kind in DIFFICULTIES:
            row = table.loc[(name, kind)]
            assert row["images"] == (classify(kept, 1) == kind).sum()
            assert (row["lower"], row["upper"]) == wilson(row["images"], kept.shape[1])


def test_without_any_right_label_nothing_is_left():
    table = shares_without_errors(deciders(), np.ones(600, bool)).set_index("set")
    assert table.loc["without label errors", "share"].isna().all()


@pytest.mark.parametrize("wrong_label", [[0, 1], [[0, 1, 0]], [0, 2, 1]])
def test_marks_that_do_not_fit_are_refused(wrong_label):
    with pytest.raises(InputError):
        error_rates(wrong_label, [0, 1, 2], range(3))


def test_any_accepted_label_is_right():
    correct, acceptable = relabelled_correct(PREDICTIONS, ACCEPTED)
    assert correct.astype(int).tolist() == [[1, 0, 0, 0, 1, 0], [1, 1, 0, 0, 1, 1]]
    assert acceptable.tolist() == [True, True, False, True, True, True]


def test_the_one_label_accepted_alone_changes_nothing():
    rng = np.random.default_rng(0)
    predictions, labels = rng.integers(0, 3, (4, 100)), rng.integers(0, 3, 100)
    correct, acceptable = relabelled_correct(predictions, [(label,) for label in labels])
    np.testing.assert_array_equal(correct, predictions == labels)
    assert acceptable.all()


def test_images_without_any_accepted_label_are_never_right():
    correct, acceptable = relabelled_correct(PREDICTIONS, [()] * 6)
    assert not correct.any() and not acceptable.any()


def test_what_becomes_of_impossible_images():
    table = impossible_because_of_label(PREDICTIONS, LABELS, ACCEPTED).set_index("outcome")
    # Images 0 to 3 are impossible: 0 and 1 are solved by another label, 2 has none, 3 stays.
    assert table["images"].to_dict() == {"no acceptable label": 1, "no longer impossible": 2, "still impossible": 1}
    assert table.loc["no longer impossible", "share"] == 0.5
    assert tuple(table.loc["no longer impossible", ["lower", "upper"]]) == wilson(2, 4)


def test_the_tolerance_holds_for_the_accepted_labels_too():
    predictions = np.array([[1, 1], [2, 1], [3, 1]])
    table = impossible_because_of_label(predictions, [0, 0], [(0, 1), (0, 1)], tolerance=1).set_index("outcome")
    assert table["images"].to_dict() == {"no acceptable label": 0, "no longer impossible": 1, "still impossible": 1}


def test_no_impossible_image_leaves_the_shares_undefined():
    table = impossible_because_of_label([[0], [1]], [0], [(0,)])
    assert table["images"].sum() == 0 and table["share"].isna().all()


def test_one_set_of_labels_an_image():
    with pytest.raises(InputError, match="5 for predictions"):
        relabelled_correct(PREDICTIONS, ACCEPTED[:5])


def test_the_share_of_wrong_answers_that_were_not_recorded():
    assert wrong_answers.unrecorded_share([[0, -1, 2, 1], [0, 0, -1, 0]], [0, 1, 0, 0]) == 2 / 5
    assert wrong_answers.unrecorded_share([[0, -1]], [0, 1]) == 1
    assert np.isnan(wrong_answers.unrecorded_share([[0, 1]], [0, 1]))


def test_every_image_is_in_one_of_the_groups():
    predictions = np.array([[0, 1, 1, 1], [0, 0, 1, 2], [0, 0, 1, 3], [0, 0, 2, 4]])
    found = wrong_answers.difficulty_groups(predictions, [0, 0, 0, 0])
    assert found.tolist() == ["trivial", "in-between", "impossible, consensus", "impossible, confused"]
    assert set(found) == set(wrong_answers.GROUPS)


def test_sets_are_repeated_without_the_images_of_a_wrong_label():
    sets = {"here": np.eye(3, dtype=bool)}
    assert list(wrong_answers.also_without(sets, None)) == ["here"]
    found = wrong_answers.also_without(sets, np.array([True, False, False]))
    assert list(found) == ["here", "here, without label errors"]
    assert found["here, without label errors"].tolist() == np.eye(3, dtype=bool)[:, 1:].tolist()
