"""Answers made wrong are told, with what would mend them; right answers, weak ones too, are not."""

import numpy as np
import pytest

from ddd_utils.analysis.plausibility import FEWEST, _above_chance, examine


def world(seed, classes, per_class, networks=3, low=0.6, high=0.9, shuffled=False):
    """Simulate models that err on the same hard images, four times of ten with the same answer."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(classes), per_class)
    labels = rng.permutation(labels) if shuffled else labels
    ease, likely = rng.normal(0, 1.5, labels.size), rng.integers(0, classes, labels.size)
    answers = []
    for accuracy in rng.uniform(low, high, networks):
        odds = ease + rng.normal(0, 1.5, labels.size)
        wrong = np.where(rng.random(labels.size) < 0.4, likely, rng.integers(0, classes, labels.size))
        answers.append(np.where(odds > np.quantile(odds, 1 - accuracy), labels, wrong))
    return np.array(answers), labels


def told(answers, labels, **how):
    names = [f"m{number}" for number in range(len(answers))]
    return [(each.kind, each.networks) for each in examine(answers, labels, names, **how)]


EVERYONE = ("m0", "m1", "m2")
# classes, images of each, the least accuracy that is surely above chance
SIZES = [(2, 150, 0.7), (4, 30, 0.5), (10, 30, 0.25), (16, 40, 0.2), (100, 20, 0.15), (1_000, 1, 0.3), (1_000, 20, 0.1)]


def test_right_answers_of_any_kind_are_not_told():
    alarms = []
    for seed in range(200):
        classes, per_class, low = SIZES[seed % len(SIZES)]
        answers, labels = world(seed, classes, per_class, 2 + seed % 7, low, 0.95, shuffled=seed % 2)
        alarms += [(seed, each) for each in told(answers, labels)]
    assert alarms == []


@pytest.mark.parametrize(("classes", "per_class"), [(4, 30), (10, 20), (100, 5), (1_000, 5)])
@pytest.mark.parametrize("seed", range(3))
def test_answers_or_labels_moved_by_one_are_told_of_whom_they_are(classes, per_class, seed):
    answers, labels = world(seed, classes, per_class, shuffled=True)
    assert told(answers, labels + 1) == told(answers + 1, labels) == [("shifted", EVERYONE)]
    assert told(answers, (labels + 1) % classes) == [("shifted", EVERYONE)]
    one = answers.copy()
    one[1] += 1
    assert told(one, labels) == [("shifted", ("m1",))]
    one[1] = np.roll(answers[1], 1)
    assert told(one, labels) == [("images moved", ("m1",))]


def test_the_line_says_what_would_be_right_and_what_mends_it():
    answers, labels = world(0, 10, 30)
    [found] = examine(answers[:1], labels + 1, ["ResNet"])
    now, then = (f"{(answers[0] == each).mean():.1%}" for each in (labels + 1, labels))
    assert str(found) == (
        f"ResNet: {now} right, but {then} if the labels were one lower. "
        "Subtract 1 from the labels if they are counted from 1, and the answers from 0."
    )


def test_many_models_are_told_in_one_line():
    answers, labels = world(0, 10, 30, 9)
    answers[:7] += 1
    [found] = examine(answers, labels, [f"m{number}" for number in range(9)])
    assert found.found.startswith("m0, m1, m2 and 4 more: ") and len(found.networks) == 7


@pytest.mark.parametrize(("classes", "per_class"), [(1_000, 50), (10, 20), (100, 5), (20, 10)])
@pytest.mark.parametrize("seed", range(3))
def test_a_permuted_order_of_classes_is_told(classes, per_class, seed):
    answers, labels = world(seed, classes, per_class)
    order = np.random.default_rng(seed + 10).permutation(classes)
    answers[1] = order[answers[1]]
    assert told(answers, labels) == [("order of classes", ("m1",))]


def test_two_classes_that_have_changed_places_are_told():
    answers, labels = world(0, 2, 60)
    assert told(1 - answers, labels) == [("order of classes", EVERYONE)]


def test_with_one_image_a_class_the_order_cannot_be_checked_and_that_is_said():
    answers, labels = world(0, 500, 1)
    answers[2] = np.random.default_rng(1).permutation(500)[answers[2]]
    [found] = examine(answers, labels, EVERYONE)
    assert (found.kind, found.networks) == ("chance", ("m2",)) and "cannot be checked" in found.mend


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("there", [True, False])
def test_classes_numbered_as_text_is_sorted_are_told(first, there):
    answers, labels = world(0, 12, 30)
    order = np.array(sorted(range(first, 12 + first), key=str)) - first
    answers[0] = (order if there else np.argsort(order))[answers[0]]
    assert told(answers, labels) == [("string order", ("m0",))]


def test_few_right_answers_to_classes_sorted_as_text_are_told_even_of_few_images():
    numbers = [str(number) for number in range(12)]
    always_two, labels = np.full((1, 12), 2), np.arange(12)
    assert told(always_two, labels, info={"classes": sorted(numbers)}) == [("string order", ("m0",))]
    assert told(always_two, labels, info={"classes": numbers}) == []
    assert told(labels[None], labels, info={"classes": sorted(numbers)}) == []
    assert told(always_two, labels, info={"classes": sorted(numbers)}, trained=True) == []


def test_guessers_are_told_and_their_number_is_what_theory_says():
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(10), 50)
    guesses = rng.integers(0, 10, (500, 500))
    [found] = examine(guesses, labels, [f"m{number}" for number in range(500)])
    assert found.kind == "chance" and 485 <= len(found.networks) <= 500  # 99%, within three standard deviations
    unlike = 9 - labels  # never right
    assert told(unlike[None], labels[rng.permutation(500)])[0][0] == "chance"


def test_chance_has_the_mean_and_variance_of_shuffled_labels():
    rng = np.random.default_rng(0)
    answers, labels = rng.choice(4, 60, p=[0.5, 0.3, 0.1, 0.1]), rng.choice(4, 60, p=[0.1, 0.2, 0.3, 0.4])
    counts = np.array([(answers == rng.permutation(labels)).sum() for _ in range(20_000)])
    chance, above = _above_chance(answers, labels, 4)
    assert chance * 60 == pytest.approx(counts.mean(), abs=0.1)
    assert above == pytest.approx(((answers == labels).sum() - counts.mean()) / counts.std(), abs=0.1)


def test_one_answer_to_nearly_everything_is_told_unless_the_labels_are_so():
    answers, labels = world(0, 10, 30)
    answers[1] = np.where(np.arange(300) % 20, 3, answers[1])
    assert told(answers, labels) == [("one answer", ("m1",))]
    rare = (np.arange(400) % 20 == 0).astype(int)
    assert told(np.where(np.arange(400) % 45, rare, 1 - rare)[None], rare) == []


def test_one_model_under_two_names_is_told_by_its_wrong_answers():
    answers, labels = world(0, 10, 300)
    again = np.where(np.arange(3_000) % 100, answers[1], labels)  # as evaluated with another precision
    assert told(np.vstack([answers, again]), labels) == [("same model", ("m1", "m3"))]
    assert told(np.vstack([answers, again]), labels, trained=True) == []
    judged = np.where(np.vstack([answers, again]) == labels, 0, -1)
    assert told(judged, 0 * labels, info={"labels_known": False}) == [("same model", ("m1", "m3"))]


@pytest.mark.parametrize(("recorded", "enough"), [(True, 8), (False, 20)])
def test_few_wrong_answers_must_be_the_same_without_exception(recorded, enough):
    labels = np.arange(80) % 4
    for wrong in (enough - 1, enough):
        answers = np.where(np.arange(80) < wrong, (labels + 1) % 4 if recorded else -1, labels)
        assert told(np.array([answers, answers]), labels) == [("same model", ("m0", "m1"))] * (wrong == enough)


def test_copies_are_told_once():
    answers, labels = world(0, 10, 30)
    assert told(np.repeat(answers[:1], 5, axis=0), labels) == [("same model", ("m0", "m1", "m2", "m3", "m4"))]


def test_who_is_never_right_is_told_where_no_labels_are_known():
    judged = np.where(np.random.default_rng(0).random((3, 50)) < 0.7, 0, -1)
    judged[2] = -1
    assert told(judged, np.zeros(50, int), info={"labels_known": False}) == [("chance", ("m2",))]


def test_networks_trained_here_are_not_suspected_of_other_labels():
    answers, labels = world(0, 10, 30)
    assert told(answers, labels + 1, trained=True) == [("chance", EVERYONE)]


def test_labels_that_are_not_imagenets_and_numbers_that_are_no_probabilities_are_told():
    answers, labels = world(0, 10, 30)
    assert told(answers, labels, info={"by_file_name": {"differ": 0, "right": [0.8]}, "probabilities": (0, 1)}) == []
    wrong = {"by_file_name": {"differ": 12, "right": [0.5, 0.81]}, "probabilities": (-3.5, 12)}
    labels_line, numbers = map(str, examine(answers, labels, EVERYONE, wrong))
    assert labels_line.startswith("12 labels are not those of ImageNet's") and "50.0% to 81.0%" in labels_line
    assert "from -3.5 to 12" in numbers
    [lost] = examine(answers, labels, EVERYONE, {"missing": "Of 900 answers 2 are missing: they count as wrong"})
    assert lost.kind == "missing answers" and str(lost).startswith("Of 900 answers 2 are missing")


def test_notes_on_the_images_are_told_where_something_would_mend_them():
    notes = {"Files not taken for images: 3 .heic": "Convert them.", "Files not taken for images: 1 hidden": ""}
    (found,) = examine([[0, 1]], [0, 1], ["a"], {"notes": notes})
    assert (found.kind, str(found)) == ("images", "Files not taken for images: 3 .heic. Convert them.")


@pytest.mark.parametrize("images", [1, 2, FEWEST - 1])
def test_few_images_tell_nothing(images):
    labels = np.arange(images) % 2
    assert told(np.vstack([labels, 1 - labels]), labels) == []


def draws(expected, images, shift, seed):
    """Answers of models whose chance of being right is the published share, moved."""
    labels = np.arange(images) % 1_000
    right = (
        np.random.default_rng(seed).random((len(expected), images)) < np.array(list(expected.values()))[:, None] + shift
    )
    return np.where(right, labels, (labels + 7) % 1_000), labels


PUBLISHED = {"m0": 0.565, "m1": 0.761, "m2": 0.885}


def test_accuracies_that_are_another_draw_of_the_published_ones_are_not_told():
    alarms = [draw for draw in range(40) if told(*draws(PUBLISHED, 50_000, 0, draw), info={"expected": PUBLISHED})]
    assert alarms == []


@pytest.mark.parametrize("shift", [-0.02, 0.02])
def test_an_accuracy_far_from_the_published_one_is_told_of_its_models(shift):
    answers, labels = draws(PUBLISHED, 50_000, shift, 0)
    known = {name: PUBLISHED[name] for name in ("m0", "m1")}
    [found] = examine(answers, labels, list(PUBLISHED), {"expected": known})
    shares = [f"{(answers[row] == labels).mean():.1%}" for row in (0, 1)]
    assert (found.kind, found.networks) == ("published accuracy", ("m0", "m1"))
    assert f"{shares[0]} to {shares[1]} right, but these weights are published with 56.5% to 76.1%" in found.found
