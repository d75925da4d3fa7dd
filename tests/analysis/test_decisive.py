import numpy as np
import pytest

from ddd_utils.analysis import difficulty, score_models
from ddd_utils.analysis.examples import decisive_images, difficulty_table
from ddd_utils.errors import InputError


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
