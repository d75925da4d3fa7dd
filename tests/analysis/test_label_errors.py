import numpy as np
import pytest

from ddd_utils.analysis.difficulty import DIFFICULTIES, classify, scores, shares
from ddd_utils.analysis.statistics import wilson
from ddd_utils.analysis.wrong_answers import (
    error_rates,
    impossible_because_of_label,
    relabelled_correct,
    shares_without_errors,
)
from ddd_utils.errors import InputError

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
