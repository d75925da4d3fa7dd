import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import cohen_kappa_score, confusion_matrix

from ddd_utils.analysis import exploration
from ddd_utils.analysis.exploration import ENOUGH, explore, telling_images
from ddd_utils.errors import InputError


def decisions(networks=7, images=3000, seed=0):
    """Networks whose images differ in difficulty, two of them nearly the same."""
    rng = np.random.default_rng(seed)
    difficulty = rng.beta(0.4, 0.3, images)
    correct = rng.random((networks, images)) < difficulty
    correct[1] = correct[0] ^ (rng.random(images) < 0.002)
    return correct


def ways(correct):
    """Count the images on which one network (row) is right and the other (column) wrong."""
    right = correct.astype(int)
    return right @ (1 - right).T


def test_every_score_and_every_way_to_differ_is_covered():
    correct = decisions()
    chosen = telling_images(correct)
    assert len(chosen) == len(set(chosen)) == 200 and (np.diff(chosen) > 0).all()
    per_score = np.bincount(correct[:, chosen].sum(axis=0), minlength=8)
    assert per_score.min() >= 100 // 8
    assert (ways(correct[:, chosen]) >= np.minimum(ways(correct), ENOUGH)).all()
    assert 0 < ways(correct)[0, 1] < ENOUGH  # the twins hardly differ: all there is has been taken


def test_of_many_networks_some_images_are_searched_and_common_ways_to_differ_are_covered(monkeypatch):
    correct = decisions()
    monkeypatch.setattr(exploration, "WORK", 7**2 * 500)
    chosen = telling_images(correct)
    assert len(chosen) == len(set(chosen)) == 200
    assert np.bincount(correct[:, chosen].sum(axis=0), minlength=8).min() >= 100 // 8
    common = ways(correct) >= 250  # a sixth of all images are searched
    assert common.sum() > 20 and (ways(correct[:, chosen])[common] >= ENOUGH).all()


@given(arrays(bool, st.tuples(st.integers(1, 6), st.integers(1, 40))), st.integers(1, 20), st.integers(0, 3))
@settings(max_examples=60)
def test_as_many_as_asked_for_none_twice_and_always_the_same(correct, count, seed):
    chosen = telling_images(correct, count=count, seed=seed)
    assert len(chosen) == len(set(chosen.tolist())) == min(count, correct.shape[1])
    assert np.array_equal(chosen, telling_images(correct, count=count, seed=seed))
    scores = correct.sum(axis=0)
    missing = set(scores.tolist()) - set(scores[chosen].tolist())
    assert not missing or count / 2 < len(set(scores.tolist()))  # there was no room for all


def test_classes_take_turns_within_a_score():
    correct = np.ones((3, 100), bool)
    labels = np.repeat(np.arange(10), [91, *[1] * 9])
    chosen = telling_images(correct, labels, count=20)
    assert set(labels[chosen]) == set(range(10))


def test_counts_and_kappas_are_those_of_the_decisions():
    correct = decisions(5, 400)
    found = explore(correct, list("abcde"))
    table = confusion_matrix(correct[2], correct[4], labels=[True, False])
    both, one, other = table[0, 0], table[0, 1], table[1, 0]
    assert found.both_right[2, 4] == both
    assert found.both_right[2, 2] - both == one and found.both_right[4, 4] - both == other
    assert found.scores.tolist() == np.bincount(correct.sum(axis=0), minlength=6).tolist()
    assert found.kappa.kappa[2, 4] == pytest.approx(cohen_kappa_score(correct[2], correct[4]))
    assert found.null.observed.value[2, 4] == pytest.approx(found.kappa.kappa[2, 4])


def test_pairs_are_counted_on_the_in_between_images_too():
    correct = decisions(5, 400)
    part, score = explore(correct, list("abcde"), tolerance=1).between, correct.sum(axis=0)
    some = correct[:, (score > 1) & (score < 4)]
    assert part.total == some.shape[1] and part.both_right[2, 4] == (some[2] & some[4]).sum()
    assert part.kappa.kappa[2, 4] == pytest.approx(cohen_kappa_score(some[2], some[4]))
    assert explore(correct, list("abcde")).between is None
    assert explore(np.ones((3, 50), bool), list("abc"), tolerance=1).between is None  # there are no such images


@pytest.mark.parametrize(("networks", "images"), [(3, 50), (5, 1)])
def test_too_few_networks_or_images_have_no_null(networks, images):
    found = explore(np.ones((networks, images), bool), [str(i) for i in range(networks)])
    assert found.null is None and found.scores[-1] == images


def test_labels_must_fit():
    with pytest.raises(InputError, match="labels for 5 images"):
        telling_images(np.ones((2, 5), bool), labels=[1, 2, 3])
