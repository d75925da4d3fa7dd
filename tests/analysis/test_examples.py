import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from ddd_utils.analysis import difficulty
from ddd_utils.analysis.examples import Answer, answers_of, examples
from ddd_utils.errors import InputError

DECISIONS = arrays.arrays(bool, st.tuples(st.integers(3, 6), st.integers(1, 40)))
ANSWERS = st.lists(st.integers(-1, 4), min_size=1, max_size=12)


@st.composite
def labelled(draw):
    correct = draw(DECISIONS)
    return correct, np.array(draw(st.lists(st.integers(0, 4), min_size=correct.shape[1], max_size=correct.shape[1])))


@given(labelled(), st.integers(0, 1), st.integers(0, 9), st.integers(0, 3))
def test_the_examples_are_of_their_kind_and_of_as_many_classes_as_there_are(case, tolerance, count, seed):
    correct, labels = case
    kinds = difficulty.classify(correct, tolerance)
    chosen = examples(correct, tolerance, count, seed, labels)
    assert tuple(chosen) == difficulty.DIFFICULTIES
    for kind, images in chosen.items():
        assert len(images) == min(count, (kinds == kind).sum()) == len(set(images.tolist()))
        assert (kinds[images] == kind).all()
        if kind != "in-between":
            classes = np.unique(labels[kinds == kind]).size
            assert np.unique(labels[images]).size == min(count, classes)


@given(labelled())
def test_no_image_left_out_is_more_divisive(case):
    correct, labels = case
    uneven = abs(2 * correct.sum(axis=0) - len(correct))
    images = examples(correct, 0, 3, labels=labels)["in-between"]
    others = np.setdiff1d(np.flatnonzero(difficulty.classify(correct) == "in-between"), images)
    assert (np.diff(uneven[images]) >= 0).all()
    assert not (others.size and images.size) or uneven[images].max() <= uneven[others].min()


@given(labelled(), st.integers(0, 3), st.integers(0, 6))
def test_the_same_seed_chooses_the_same_images_and_fewer_are_the_first_of_more(case, seed, count):
    correct, labels = case
    more, fewer = (examples(correct, 1, number, seed, labels) for number in (8, count))
    assert all(np.array_equal(more[kind][:count], fewer[kind]) for kind in more)


def test_chance_decides_among_equals():
    correct = np.tile([[True], [False]], 100)
    drawn = [tuple(examples(correct, 0, 5, seed)["in-between"].tolist()) for seed in range(20)]
    assert len(set(drawn)) == 20
    assert min(map(min, drawn)) < 25 and max(map(max, drawn)) >= 75


def test_equally_divisive_images_are_of_several_classes():
    correct, labels = np.tile([[True], [False]], 100), np.repeat([0, 1, 2], [98, 1, 1])
    assert set(labels[examples(correct, 0, 3, labels=labels)["in-between"]]) == {0, 1, 2}


def test_one_label_an_image_and_a_tolerance_that_fits():
    with pytest.raises(InputError, match="one label an image"):
        examples(np.ones((3, 4)), 0, labels=[1])
    with pytest.raises(InputError, match="tolerance 2"):
        examples(np.ones((3, 4)), 2)


def test_answers_are_grouped_the_right_one_first_the_unknown_last():
    found = answers_of([2, 0, -1, 2, 1, -1, 7], 1, ["cat", "dog", "cow"], list("abcdefg"))
    assert found == [
        Answer("dog", True, ("e",)),
        Answer("cow", False, ("a", "d")),
        Answer("cat", False, ("b",)),
        Answer("7", False, ("g",)),
        Answer("not recorded", False, ("c", "f")),
    ]


def test_classes_of_one_name_are_different_answers():
    found = answers_of([0, 1], 1, ["crane", "crane"], ["a", "b"])
    assert [(each.text, each.right, each.networks) for each in found] == [
        ("crane", True, ("b",)),
        ("crane", False, ("a",)),
    ]


@given(ANSWERS, st.integers(0, 4))
def test_every_network_has_one_answer(predictions, label):
    names = [f"network {i}" for i in range(len(predictions))]
    found = answers_of(predictions, label, list("abcde"), names)
    assert sorted(name for each in found for name in each.networks) == sorted(names)
    assert [each.right for each in found] == [label in predictions, *[False] * (len(found) - 1)][: len(found)]
    recorded = [len(each.networks) for each in found if not each.right and each.text != "not recorded"]
    assert recorded == sorted(recorded, reverse=True)


def test_one_name_a_network():
    with pytest.raises(InputError, match="2 names"):
        answers_of([0], 0, ["a"], ["one", "two"])
