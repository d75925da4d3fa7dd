"""Published predictions, labels and answers: read as they are meant, and in the order of the images at hand."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from public_files import NAMES, register, write_imagenet
from scipy import stats

from ddd_utils.data import downloads
from ddd_utils.errors import InputError
from ddd_utils.experiments import people, published
from ddd_utils.experiments.published import CLASS_INFO, FILE_NAMES, LABEL_ERRORS, SCORES
from ddd_utils.experiments.published_models import PREDICTIONS
from ddd_utils.responses import Responses

REAL = Path(os.environ.get("DDD_DATA", "/none"))
ANSWERS = {
    # Labels are 0, 0, 1, 2.
    "alpha": [[0, 1, 2, 3, 4], [1, 0, 2, 3, 4], [2, 0, 3, 4, 1], [4, 3, 1, 0, 5]],
    "beta": [[5, 6, 7, 8, 9], [0, 6, 7, 8, 9], [1, 6, 7, 8, 9], [2, 6, 7, 8, 9]],
}


@pytest.fixture
def small(monkeypatch, tmp_path):
    """Make a world of four images, in which 'gamma' is known but has no file."""
    folder = tmp_path / "data"
    write_imagenet(folder, ANSWERS)
    (folder / "meding2022").mkdir()
    np.save(folder / LABEL_ERRORS, [0.0, 1.0, 0.0, 0.0])
    np.save(folder / SCORES, np.array([[3], [0], [11], [1]]) / 11)
    imagenet = [
        {"from": "a", "files": {"class_info.json": None, "imagenet-validation-original.json": None}},
        {"from": "b", "to": "predictions", "files": {f"{model}.npy": None for model in ("alpha", "beta", "gamma")}},
    ]
    authors = [{"from": "c", "files": {Path(name).name: None for name in (LABEL_ERRORS, SCORES)}}]
    register(monkeypatch, tmp_path, imagenetv2=imagenet, meding2022=authors)
    monkeypatch.setenv("DDD_DATA", str(folder))
    monkeypatch.setattr("ddd_utils.experiments.published.IMAGES", 4)
    yield folder
    downloads.registry.cache_clear()


def test_first_answers_become_responses(small):
    responses = published.imagenet_responses(["beta", "alpha"])
    assert responses.networks["network"].tolist() == ["beta", "alpha"]
    assert responses.predictions[:, 0].tolist() == [[5, 0, 1, 2], [0, 1, 2, 4]]
    assert responses.labels.tolist() == [0, 0, 1, 2]
    assert responses.image_ids.tolist() == NAMES
    assert responses.info["dataset"] == "imagenet"


def test_with_top_5_the_label_among_five_answers_counts_as_given(small):
    responses = published.imagenet_responses("all", top=5)
    assert responses.predictions[:, 0].tolist() == [[0, 0, 1, 4], [5, 0, 1, 2]]
    assert responses.correct().tolist() == [[True, True, True, False], [False, True, True, True]]


def test_all_models_are_those_that_can_be_had(small):
    assert published.imagenet_models() == ["alpha", "beta"]
    np.save(small / f"{PREDICTIONS}/gamma.npy", np.zeros((4, 5), int))
    assert published.imagenet_models() == ["alpha", "beta", "gamma"]


@pytest.mark.parametrize(
    ("models", "message"),
    [
        (["alpha", "bta"], "no published predictions of 'bta' (did you mean 'beta'?)"),
        (["alpha", "alpha"], "the model 'alpha' is named twice"),
        (
            ["alpha", "gamma"],
            "imagenetv2/predictions/gamma.npy: not downloaded, as its SHA-256 is not known; put a copy",
        ),
    ],
)
def test_models_that_cannot_be_had_are_named(small, models, message):
    with pytest.raises(InputError) as caught:
        published.imagenet_responses(models)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((4, 4), int), "is int64 of shape (4, 4), not int of shape (4, 5)"),
        (np.zeros((4, 5)), "is float64 of shape (4, 5)"),
        (np.full((4, 5), 1000), "holds 1000 to 1000, not classes from 0 to 999"),
        (np.full((4, 5), -1), "holds -1 to -1"),
        (np.full((4, 5), None), "not a whole NumPy file of numbers"),
    ],
)
def test_a_file_that_holds_something_else_is_named(small, array, message):
    path = small / f"{PREDICTIONS}/alpha.npy"
    np.save(path, array)
    with pytest.raises(InputError) as caught:
        published.imagenet_responses()
    assert f"{path}: " in str(caught.value)
    assert message in str(caught.value)


def test_a_torn_file_is_named(small):
    path = small / f"{PREDICTIONS}/alpha.npy"
    for keep in (0, 60, 150):
        path.write_bytes(path.read_bytes()[:keep] if keep else b"")
        with pytest.raises(InputError, match=r"alpha\.npy: not a whole NumPy file"):
            published.imagenet_responses()
        np.save(path, ANSWERS["alpha"])


def test_label_errors_and_scores_follow_the_order_of_the_images(small):
    assert published.label_errors(NAMES).tolist() == [False, True, False, False]
    assert published.published_scores(NAMES).tolist() == [3, 0, 11, 1]
    ids = ["val/n3/ILSVRC2012_val_00000002.JPEG", "ILSVRC2012_val_00000001", "c:\\val\\ILSVRC2012_val_00000003.png"]
    assert published.label_errors(ids).tolist() == [False, True, False]
    assert published.published_scores(ids).tolist() == [1, 0, 3]


def on_imagenet(ids, labels):
    """Say whether labels are found to be ImageNet's own."""
    network = pd.DataFrame({"network": ["a"], "condition": ["a"], "instance": 1})
    answers = Responses(np.zeros((1, 1, len(ids)), np.int16), np.array(labels, np.int16), np.array(ids, str), network)
    return published.known_by_name(answers).info["on_imagenet"]


@pytest.mark.parametrize(
    "ids", [[], ["sigma1-0"], [*NAMES, "cat"], ["ILSVRC2012_val_00000005"], ["ILSVRC2012_val_00000000"]]
)
def test_other_images_have_no_such_labels_and_nothing_is_fetched(small, monkeypatch, ids):
    monkeypatch.setattr("ddd_utils.experiments.published.fetch", None)
    assert published.label_errors(ids) is None
    assert published.published_scores(ids) is None
    assert published.real_labels(ids) is None
    assert not on_imagenet(ids, [0] * len(ids))
    published.fetch_companions(ids)


def test_labels_are_imagenets_only_if_all_are_its_own_indices(small):
    assert on_imagenet(NAMES, np.array([0, 0, 1, 2], np.int16))
    assert on_imagenet(["val/ILSVRC2012_val_00000002", "ILSVRC2012_val_00000003.png"], [2, 0])
    assert not on_imagenet(NAMES, [0, 0, 1, 1])
    (small / CLASS_INFO).unlink()
    assert not on_imagenet(NAMES, [0, 0, 1, 2])


def test_facts_of_imagenets_images_in_the_order_of_the_responses(small):
    responses = Responses(
        np.zeros((2, 1, 3), np.int16),
        np.array([2, 1, 0]),
        np.array(NAMES[:0:-1]),
        pd.DataFrame({"network": list("ab")}),
        {"on_imagenet": True},
    )
    facts = published.imagenet_facts(responses)
    assert facts.accepted == published.real_labels(NAMES[:0:-1])
    assert facts.wrong_label.tolist() == [False, False, True]
    assert facts.eleven.shape == (11, 3) and facts.eleven.sum(axis=0).tolist() == [1, 11, 0]
    elsewhere = published.imagenet_facts(replace(responses, info={"on_imagenet": False}))
    assert (elsewhere.accepted, elsewhere.wrong_label, elsewhere.eleven) == (None, None, None)
    assert published.imagenet_facts(replace(responses, info={})) == elsewhere


def test_companions_that_cannot_be_downloaded_are_left_out(small, lines):
    published.fetch_companions(NAMES)
    assert lines == []
    (small / SCORES).unlink()
    (small / FILE_NAMES).unlink()
    published.fetch_companions(NAMES)
    assert [line.split(": ")[:2] for line in lines] == [
        ["left out", FILE_NAMES],
        ["left out", SCORES],
    ]


def test_label_errors_may_be_absent_but_not_altered(small, monkeypatch):
    (small / LABEL_ERRORS).unlink()
    assert published.label_errors(NAMES) is None
    with pytest.raises(InputError, match="not multiples of 1/11"):
        np.save(small / SCORES, np.full((4, 1), 0.5))
        published.published_scores(NAMES)


def test_real_labels_are_those_of_the_file_whatever_its_folder():
    # The second validation image is a skier (795) in the mountains (970); on the first, people agreed on nothing.
    ids = ["a/b/ILSVRC2012_val_00000002.JPEG", "ILSVRC2012_val_00000001", "ILSVRC2012_val_00000004"]
    assert published.real_labels(ids) == [(970, 795), (), (809,)]


def test_networks_on_cifar10_are_not_to_be_downloaded(monkeypatch):
    monkeypatch.delenv("DDD_DATA", raising=False)
    with pytest.raises(
        downloads.Unavailable, match=r"cifar10_models_and_humans\.npz: there is no public copy"
    ) as caught:
        people.cifar10_people()
    assert "put it at DDD_DATA/human/cifar10_models_and_humans.npz" in str(caught.value)


@pytest.fixture
def cifar(monkeypatch, tmp_path):
    counts = np.arange(20).reshape(2, 10)
    arrays = {
        "model": ["a", "b", "c"],
        "prediction": np.zeros((3, 2), np.uint8),
        "label": [0, 1],
        "human_counts": counts,
    }
    (tmp_path / "human").mkdir()
    np.save(tmp_path / people.COUNTS, counts)
    np.savez(tmp_path / people.PEOPLE, **arrays)
    register(monkeypatch, tmp_path, human=[{"from": "data", "files": {Path(people.COUNTS).name: None}}])
    monkeypatch.setenv("DDD_DATA", str(tmp_path))
    yield tmp_path, arrays
    downloads.registry.cache_clear()


def test_people_and_networks_answer_on_the_same_images(cifar):
    found = people.cifar10_people()
    assert (found.models, found.predictions.shape, found.labels.tolist()) == (["a", "b", "c"], (3, 2), [0, 1])
    assert found.human_counts.tolist() == cifar[1]["human_counts"].tolist()


def test_what_cannot_be_had_about_people_is_told(cifar, monkeypatch):
    def refused():
        raise downloads.Unavailable("answers.ods: no network")

    monkeypatch.setitem(people._READERS, "second", refused)
    monkeypatch.setitem(people._READERS, "label_errors", lambda: np.array([3]))
    assert people.people_facts(wanted=False) == people.PeopleFacts()
    found = people.people_facts()
    assert found.cifar10 is not None and found.label_errors.tolist() == [3]
    assert found.second is None and found.missing == {"second": "answers.ods: no network"}


@pytest.mark.parametrize("change", [{"human_counts": np.zeros((2, 10))}, {"label": [0, 1, 2]}, {"model": ["a"]}])
def test_people_and_networks_on_other_images_are_refused(cifar, change):
    folder, arrays = cifar
    np.savez(folder / people.PEOPLE, **{**arrays, **change})
    with pytest.raises(InputError, match="do not fit"):
        people.cifar10_people()


def test_a_file_without_the_arrays_is_refused(cifar):
    folder, _ = cifar
    np.savez(folder / people.PEOPLE, model=["a"])
    with pytest.raises(InputError, match="not the arrays model, prediction, label, human_counts"):
        people.cifar10_people()
    (folder / people.PEOPLE).write_bytes(b"PK")
    with pytest.raises(InputError, match="not the arrays"):
        people.cifar10_people()


needs_data = pytest.mark.skipif(not (REAL / "imagenetv2").is_dir(), reason="DDD_DATA names no folder with imagenetv2/")


@pytest.fixture(scope="module")
def imagenet():
    return published.imagenet_responses(["alexnet", "pnasnet5large"])


@needs_data
def test_real_predictions_are_as_accurate_as_known(imagenet):
    # Top-1 accuracies of these weights as their authors give them: 56.4 and 82.7 %.
    assert imagenet.correct().mean(axis=1) == pytest.approx([0.564, 0.827], abs=0.003)
    top5 = published.imagenet_responses(["alexnet", "pnasnet5large"], top=5)
    assert top5.correct().mean(axis=1) == pytest.approx([0.791, 0.960], abs=0.003)


@needs_data
def test_better_labels_are_in_the_order_of_the_images(imagenet):
    accepted = published.real_labels(imagenet.image_ids)
    agrees = [label in labels for label, labels in zip(imagenet.labels, accepted, strict=True) if labels]
    assert np.mean(agrees) > 0.85  # 1 in 1,000 if the orders differed


@needs_data
def test_the_authors_lists_are_in_the_order_of_the_images(imagenet):
    errors, scores = published.label_errors(imagenet.image_ids), published.published_scores(imagenet.image_ids)
    assert errors.sum() == 2_916
    assert (scores.min(), scores.max()) == (0, 11)
    assert np.corrcoef(scores, imagenet.correct()[1])[0, 1] > 0.6
    assert scores[errors].mean() < scores[~errors].mean() - 2
    backwards = imagenet.image_ids[::-1]
    assert np.array_equal(published.label_errors(backwards), errors[::-1])


@needs_data
def test_real_images_have_imagenets_labels(imagenet):
    assert on_imagenet(imagenet.image_ids[::-7], imagenet.labels[::-7])
    assert not on_imagenet(imagenet.image_ids[::-7], imagenet.labels[::7])


@needs_data
def test_cifar10_networks_and_people_agree_on_most_images():
    found = people.cifar10_people()
    assert found.predictions.shape == (12, 10_000)
    assert found.human_counts.sum(axis=1).min() == 47
    assert (found.human_counts.argmax(axis=1) == found.labels).mean() > 0.98
    assert ((found.predictions == found.labels).mean(axis=1) > 0.9).all()


@needs_data
def test_the_second_experiment_is_tidy_and_its_items_fit_their_difficulty():
    table = people.second_experiment()
    assert table.shape == (8 * 300 * 3, 5)
    assert table.groupby(["observer", "question"])["item"].apply(sorted).map(lambda items: items == [*range(300)]).all()
    assert table.drop_duplicates("item")["difficulty"].value_counts().to_dict() == dict.fromkeys(
        people.DIFFICULTIES, 100
    )
    kept = table[~table["item"].isin([43, 221, 253])]
    means = kept.groupby(["question", "difficulty", "item"])["answer"].mean()
    p_values = {
        question: stats.kruskal(*(values for _, values in means[question].groupby("difficulty"))).pvalue
        for question in people.QUESTIONS
    }
    assert p_values == pytest.approx({"categories": 0.006, "main": 0.00015, "odd": 0.008}, rel=0.15)


@needs_data
def test_most_label_errors_of_the_second_experiment_are_impossible_images():
    wrong = people.second_experiment_label_errors()
    items = people.second_experiment().drop_duplicates("item").set_index("item")["difficulty"]
    assert len(wrong) == 47
    assert (items[wrong] == "impossible").sum() == 43
