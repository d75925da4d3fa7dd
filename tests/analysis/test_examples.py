import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from ddd_utils.analysis import difficulty, score_models
from ddd_utils.analysis.examples import (
    Answer,
    answers_of,
    count_extremes,
    decisive_images,
    difficulty_table,
    examples,
    hard_and_easy,
    image_pairs,
)
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


NETWORKS = 6


def decided(trivial, impossible, divisive=10):
    scores = [NETWORKS] * trivial + [0] * impossible + [NETWORKS // 2] * divisive
    return np.array(scores) > np.arange(NETWORKS)[:, None]


def rows(pairs):
    return list(zip(pairs.trivial.tolist(), pairs.impossible.tolist(), strict=True))


def test_each_pair_has_one_image_of_either_kind():
    pairs = image_pairs(decided(50, 30), 0, 30)
    assert set(pairs.trivial) <= set(range(50)) and set(pairs.impossible) == set(range(50, 80))
    assert count_extremes(decided(50, 30), 0) == (50, 30)


def test_the_tolerance_decides_what_is_trivial():
    correct = decided(10, 10)
    correct[0, :20] = ~correct[0, :20]
    assert count_extremes(correct, 1) == (10, 10)
    assert len(image_pairs(correct, 1, 10).trivial) == 10
    with pytest.raises(
        InputError, match=r"0 trivial and 0 impossible images \(M = 6, tolerance 0\) are too few for 10"
    ):
        image_pairs(correct, 0, 10)


@pytest.mark.parametrize("count", [1, 2, 7, 60, 149])
def test_the_impossible_image_is_on_either_side_equally_often(count):
    left = [int(image_pairs(decided(200, 200), 0, count, seed).impossible_left.sum()) for seed in range(30)]
    assert set(left) == {count // 2, (count + 1) // 2}


def test_sides_do_not_alternate():
    sides = image_pairs(decided(200, 200), 0, 149).impossible_left
    assert 45 < (sides[1:] != sides[:-1]).sum() < 105


def test_the_seed_decides_everything():
    first, same, other = (image_pairs(decided(40, 40), 0, 30, seed) for seed in (7, 7, 8))
    assert rows(first) == rows(same) and (first.impossible_left == same.impossible_left).all()
    assert rows(first) != rows(other)


@pytest.mark.parametrize(("trivial", "impossible"), [(30, 5), (5, 30), (12, 8), (9, 9), (1, 30)])
def test_no_image_is_shown_again_while_another_is_unused_and_no_pair_twice(trivial, impossible):
    pairs = image_pairs(decided(trivial, impossible), 0, 30)
    for images, there in ((pairs.trivial, trivial), (pairs.impossible, impossible)):
        for lap in range(0, 30, there):
            part = images[lap : lap + there]
            assert len(set(part.tolist())) == len(part)
    assert len(set(rows(pairs))) == 30


def test_every_pair_can_be_made_and_not_one_more():
    assert len(set(rows(image_pairs(decided(6, 4), 0, 24)))) == 24
    with pytest.raises(InputError, match="too few for 25 pairs"):
        image_pairs(decided(6, 4), 0, 25)


def test_practice_comes_from_other_images():
    trials, practice = image_pairs(decided(40, 40), 0, 30), image_pairs(decided(40, 40), 0, 6, skip=30)
    assert np.array_equal(trials.trivial, image_pairs(decided(40, 40), 0, 30, skip=0).trivial)
    assert not set(trials.images) & set(practice.images)
    assert practice.impossible_left.sum() == 3


def test_classes_are_spread_and_differ_within_a_pair():
    labels = np.concatenate([np.arange(50) % 5, np.arange(50) % 5, np.zeros(10)]).astype(int)
    pairs = image_pairs(decided(50, 50), 0, 20, labels=labels)
    assert (np.bincount(labels[pairs.trivial]) == 4).all() and (np.bincount(labels[pairs.impossible]) == 4).all()
    assert (labels[pairs.trivial] == labels[pairs.impossible]).mean() < 0.15


def test_names_stand_for_positions():
    pairs = image_pairs(decided(3, 3, divisive=0), 0, 3)
    for (trivial, impossible, left), row, side in zip(
        pairs.named([f"image {k}" for k in range(6)]), rows(pairs), pairs.impossible_left, strict=True
    ):
        assert (trivial, impossible) == tuple(f"image {k}" for k in row) and left is bool(side)


def test_one_class_is_no_obstacle():
    assert len(image_pairs(decided(5, 5), 0, 5, labels=np.zeros(20)).images) == 10


def deciders(networks=6, images=500):
    rng = np.random.default_rng(0)
    return rng.normal(0.5, 1.5, images) + rng.normal(size=(networks, images)) > 0


NAMES = np.array([f"image {i}" for i in range(500)])


def test_the_table_lists_each_image():
    correct, labels = deciders(), np.arange(500) % 10
    table = difficulty_table(NAMES, labels, correct, 1, 0.8, 0.4)
    assert table.columns.tolist() == ["image", "label", "score", "difficulty", "posterior_difficulty"]
    assert table["image"].tolist() == NAMES.tolist() and table["label"].tolist() == labels.tolist()
    assert table["score"].tolist() == correct.sum(axis=0).tolist()
    assert table["difficulty"].tolist() == difficulty.classify(correct, 1).tolist()
    expected = score_models.posterior_difficulty(table["score"], 0.8, 0.4, 6)
    np.testing.assert_allclose(table["posterior_difficulty"], expected, atol=5e-7)


def test_the_table_names_the_classes_and_leaves_out_labels_that_are_not_known():
    correct, labels = deciders(images=3), np.array([1, 0, 1], np.int16)
    rest = (correct, 1, 0.8, 0.4)
    table = difficulty_table(NAMES[:3], labels, *rest, classes=["cat", "dog"])
    assert table["label"].tolist() == ["dog", "cat", "dog"]
    assert difficulty_table(NAMES[:3], labels, *rest, classes=None)["label"].tolist() == [1, 0, 1]
    bare = difficulty_table(NAMES[:3], None, *rest)
    assert bare.columns.tolist() == ["image", "score", "difficulty", "posterior_difficulty"]
    for label in (2, -1):
        with pytest.raises(InputError, match=f"2 class names, none for label {label}"):
            difficulty_table(NAMES[:3], [0, label, 1], *rest, classes=["cat", "dog"])


def test_decisive_images_divide_the_networks_most_evenly():
    correct = deciders()
    score = dict(zip(NAMES, difficulty.scores(correct), strict=True))
    chosen = decisive_images(correct, NAMES)
    uneven = [abs(score[name] - 3) for name in chosen]
    assert uneven == sorted(uneven) and uneven[0] == 0
    assert set(chosen) == {name for name in NAMES if 0 < score[name] < 6}
    assert decisive_images(correct, NAMES, number=7) == chosen[:7]
    assert set(decisive_images(correct, NAMES, tolerance=1)) == {name for name in NAMES if 1 < score[name] < 5}


def test_the_choice_depends_neither_on_the_order_of_images_nor_of_networks():
    correct = deciders()
    shuffled = np.random.default_rng(1).permutation(500)
    assert decisive_images(correct[::-1, shuffled], NAMES[shuffled], 50) == decisive_images(correct, NAMES, 50)


def test_equally_decisive_images_come_from_all_over_the_table():
    correct = np.tile([[True], [False]], 500)
    places = [int(name.split()[1]) for name in decisive_images(correct, NAMES, 100)]
    assert np.histogram(places, bins=4, range=(0, 500))[0].min() >= 10


def test_unanimous_networks_have_no_decisive_image():
    assert decisive_images(np.ones((3, 4), bool), list("abcd")) == []


def test_one_name_and_one_label_an_image():
    with pytest.raises(InputError, match="names"):
        decisive_images(deciders(), NAMES[:3])
    with pytest.raises(InputError, match="labels"):
        difficulty_table(NAMES, [1], deciders(), 1, 1, 1)


@pytest.mark.parametrize("seed", range(5))
def test_each_of_the_hardest_images_gets_an_easy_one_of_its_class(seed):
    rng = np.random.default_rng(seed)
    correct, labels = rng.random((5, 60)) < 0.6, rng.integers(0, 4, 60)
    hard, easy = hard_and_easy(correct, labels, 8)
    score = correct.sum(axis=0)
    assert sorted(score[hard]) == sorted(score)[:8]
    assert (labels[hard] == labels[easy]).all() and len(set(easy)) == 8
    for kind in set(labels[hard]):
        own = labels[easy] == kind
        assert sorted(score[easy][own]) == sorted(score[labels == kind])[-own.sum() :]
