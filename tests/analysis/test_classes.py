"""Hard classes, and classes that are taken for one another, against plain counts."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ddd_utils.analysis import classes

NAMES = ["ant", "bee", "cat"]


def test_equal_classes_are_drawn_together():
    rng = np.random.default_rng(0)
    table = classes.class_difficulty(rng.random((5, 2_000)) < 0.7, np.repeat(np.arange(200), 10), range(200))
    assert table["accuracy"].std() > 0.05
    assert table["shrunk"].std() < 0.02
    assert ((table["lower"] <= 0.7) & (table["upper"] >= 0.7)).mean() > 0.9


def test_classes_that_are_equally_hard_stay_in_order():
    right = np.tile(np.r_[np.arange(20) < 10, np.arange(20) < 19], (3, 60))  # by class 10 or 19 of 20, in turn
    table = classes.class_difficulty(right, np.repeat(np.arange(120), 20), range(120))
    assert table["label"].tolist() == [*range(0, 120, 2), *range(1, 120, 2)]


def test_classes_that_differ_keep_their_distance():
    rng = np.random.default_rng(0)
    labels, truth = np.repeat(np.arange(30), 200), np.linspace(0.2, 0.95, 30)
    table = classes.class_difficulty(rng.random((5, 6_000)) < truth[labels], labels, [f"c{i}" for i in range(30)])
    assert table["shrunk"].is_monotonic_increasing
    table = table.sort_values("label")
    np.testing.assert_allclose(table["shrunk"], truth, atol=0.06)
    assert ((table["lower"] < truth) & (truth < table["upper"])).mean() > 0.85
    assert table["name"].tolist() == [f"c{i}" for i in range(30)]
    assert (table["images"] == 200).all()


@settings(max_examples=30, deadline=None)
@given(arrays(bool, (3, 40)), arrays(int, 40, elements=st.integers(0, 6)))
def test_values_lie_between_the_class_and_all_classes(correct, labels):
    table = classes.class_difficulty(correct, labels, "abcdefg")
    middle, slack = table["accuracy"].mean(), 1e-9
    assert (table["shrunk"] >= np.minimum(table["accuracy"], middle) - slack).all()
    assert (table["shrunk"] <= np.maximum(table["accuracy"], middle) + slack).all()
    assert table["lower"].between(0, table["upper"]).all()
    assert table["images"].sum() == 40


@settings(max_examples=50, deadline=None)
@given(arrays(int, st.tuples(st.integers(1, 7), st.integers(1, 9)), elements=st.integers(-1, 3)))
def test_a_majority_is_more_than_half(predictions):
    for answer, given_answers in zip(classes.majority_answer(predictions), predictions.T, strict=True):
        most, count = Counter(given_answers.tolist()).most_common(1)[0]
        assert answer == (most if 2 * count > len(predictions) else -1)


def confused():
    """Give five images: an ant and two bees are taken for each other, a cat for an ant, an ant is found."""
    labels = np.array([0, 1, 1, 2, 0])
    return np.array([[1, 0, 0, 0, 0], [1, 0, 0, 0, 0], [2, 1, 0, 2, 1]]), labels


def test_confused_classes_are_counted_each_way():
    table = classes.confused_classes(*confused(), ["ant", "bee"], [True, False, True, True, True])
    assert table.columns.tolist() == ["class", "taken_for", "images", "share", "the_other_way", "accepted"]
    assert list(table.itertuples(index=False, name=None)) == [
        ("bee", "ant", 2, 1.0, 1, 1),
        ("ant", "bee", 1, 0.5, 2, 1),
        ("2", "ant", 1, 1.0, 0, 1),
    ]
    assert "accepted" not in classes.confused_classes(*confused(), NAMES)


def test_without_a_common_wrong_answer_there_is_no_row():
    labels = np.array([0, 1])
    assert classes.confused_classes(np.array([[0, 1], [0, 2], [1, 1]]), labels, NAMES).empty


def test_superclasses_of_common_wrong_answers():
    found = classes.within_superclass(*confused(), ["insect", "insect", "pet"])
    # Of four common wrong answers, three stay among insects; labels: insect 3, pet 1; answers: all insects.
    assert (found["images"], found["share"], found["chance"]) == (4, 3 / 4, pytest.approx(3 / 4))
    assert found["lower"] < 0.75 < found["upper"]
