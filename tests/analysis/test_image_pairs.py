import numpy as np
import pytest

from ddd_utils.analysis.examples import count_extremes, image_pairs
from ddd_utils.errors import InputError

NETWORKS = 6


def answers(trivial, impossible, divisive=10):
    scores = [NETWORKS] * trivial + [0] * impossible + [NETWORKS // 2] * divisive
    return np.array(scores) > np.arange(NETWORKS)[:, None]


def rows(pairs):
    return list(zip(pairs.trivial.tolist(), pairs.impossible.tolist(), strict=True))


def test_each_pair_has_one_image_of_either_kind():
    pairs = image_pairs(answers(50, 30), 0, 30)
    assert set(pairs.trivial) <= set(range(50)) and set(pairs.impossible) == set(range(50, 80))
    assert count_extremes(answers(50, 30), 0) == (50, 30)


def test_the_tolerance_decides_what_is_trivial():
    correct = answers(10, 10)
    correct[0, :20] = ~correct[0, :20]
    assert count_extremes(correct, 1) == (10, 10)
    assert len(image_pairs(correct, 1, 10).trivial) == 10
    with pytest.raises(
        InputError, match=r"0 trivial and 0 impossible images \(M = 6, tolerance 0\) are too few for 10"
    ):
        image_pairs(correct, 0, 10)


@pytest.mark.parametrize("count", [1, 2, 7, 60, 149])
def test_the_impossible_image_is_on_either_side_equally_often(count):
    left = [int(image_pairs(answers(200, 200), 0, count, seed).impossible_left.sum()) for seed in range(30)]
    assert set(left) == {count // 2, (count + 1) // 2}


def test_sides_do_not_alternate():
    sides = image_pairs(answers(200, 200), 0, 149).impossible_left
    assert 45 < (sides[1:] != sides[:-1]).sum() < 105


def test_the_seed_decides_everything():
    first, same, other = (image_pairs(answers(40, 40), 0, 30, seed) for seed in (7, 7, 8))
    assert rows(first) == rows(same) and (first.impossible_left == same.impossible_left).all()
    assert rows(first) != rows(other)


@pytest.mark.parametrize(("trivial", "impossible"), [(30, 5), (5, 30), (12, 8), (9, 9), (1, 30)])
def test_no_image_is_shown_again_while_another_is_unused_and_no_pair_twice(trivial, impossible):
    pairs = image_pairs(answers(trivial, impossible), 0, 30)
    for images, there in ((pairs.trivial, trivial), (pairs.impossible, impossible)):
        for lap in range(0, 30, there):
            part = images[lap : lap + there]
            assert len(set(part.tolist())) == len(part)
    assert len(set(rows(pairs))) == 30


def test_every_pair_can_be_made_and_not_one_more():
    assert len(set(rows(image_pairs(answers(6, 4), 0, 24)))) == 24
    with pytest.raises(InputError, match="too few for 25 pairs"):
        image_pairs(answers(6, 4), 0, 25)


def test_practice_comes_from_other_images():
    trials, practice = image_pairs(answers(40, 40), 0, 30), image_pairs(answers(40, 40), 0, 6, skip=30)
    assert not set(trials.images) & set(practice.images)
    assert practice.impossible_left.sum() == 3


def test_classes_are_spread_and_differ_within_a_pair():
    labels = np.concatenate([np.arange(50) % 5, np.arange(50) % 5, np.zeros(10)]).astype(int)
    pairs = image_pairs(answers(50, 50), 0, 20, labels=labels)
    assert (np.bincount(labels[pairs.trivial]) == 4).all() and (np.bincount(labels[pairs.impossible]) == 4).all()
    assert (labels[pairs.trivial] == labels[pairs.impossible]).mean() < 0.15


def test_names_stand_for_positions():
    pairs = image_pairs(answers(3, 3, divisive=0), 0, 3)
    for (trivial, impossible, left), row, side in zip(
        pairs.named([f"image {k}" for k in range(6)]), rows(pairs), pairs.impossible_left, strict=True
    ):
        assert (trivial, impossible) == tuple(f"image {k}" for k in row) and left is bool(side)


def test_one_class_is_no_obstacle():
    assert len(image_pairs(answers(5, 5), 0, 5, labels=np.zeros(20)).images) == 10
