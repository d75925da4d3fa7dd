"""Difficulty on real responses: score counts of the paper's 11 models, and answers of 30 ImageNet models."""

import importlib.util
import json
import os
from pathlib import Path

import numpy as np
import pytest

from ddd_utils.analysis import difficulty, score_models, wrong_answers
from ddd_utils.analysis.nulls import subset_curve

DATA = Path(os.environ.get("DDD_DATA", ""))
PAPER, MODELS = DATA / "meding2022", DATA / "imagenetv2"

pytestmark = pytest.mark.skipif(
    "DDD_DATA" not in os.environ or not PAPER.is_dir() or not MODELS.is_dir(),
    reason="DDD_DATA names no folder with meding2022/ and imagenetv2/",
)


@pytest.fixture(scope="module")
def wrong_label():
    return np.load(PAPER / "label_errors.npy").astype(bool).ravel()


@pytest.fixture(scope="module")
def paper_scores():
    return np.round(11 * np.load(PAPER / "Rebuttal_mean_decisions_correct.npy").ravel()).astype(int)


@pytest.fixture(scope="module")
def answers():
    """Return the predictions of 30 models, the labels and the file names of the images."""
    classes = {entry["wnid"]: entry["cid"] for entry in json.loads((MODELS / "class_info.json").read_text())}
    images = json.loads((MODELS / "imagenet-validation-original.json").read_text())["image_filenames"]
    labels = np.array([classes[wnid] for _, wnid in images])
    files = sorted((MODELS / "predictions").glob("*.npy"))
    predictions = np.array([np.load(file, mmap_mode="r")[:, 0] for file in files]).astype(np.int16)
    return predictions, labels, [name for name, _ in images]


def test_the_papers_eleven_models(paper_scores):
    counts = score_models.score_counts(paper_scores, 11)
    smooth = score_models.fit_beta_binomial(counts)
    assert smooth.parameters == pytest.approx({"alpha": 0.755, "beta": 0.352}, abs=5e-4)
    assert float(score_models.kappa_of_counts(counts)) == pytest.approx(0.4796, abs=5e-5)
    inside = paper_scores[(paper_scores > 1) & (paper_scores < 10)]
    between = score_models.score_counts(inside, 11)
    assert float(score_models.kappa_of_counts(between)) == pytest.approx(0.0971, abs=5e-5)
    assert score_models.null_kappa(smooth) == pytest.approx(0.4746, abs=5e-5)
    assert score_models.null_kappa(smooth, 1) == pytest.approx(0.1009, abs=5e-5)
    lower, upper = score_models.fleiss_interval(counts, 1)
    assert lower < 0.0971 < upper and upper - lower < 0.006


def test_the_papers_models_have_a_point_mass_at_impossible_only(paper_scores, wrong_label):
    counts = score_models.score_counts(paper_scores, 11)
    inflated = score_models.fit_inflated_beta_binomial(counts)
    assert inflated.parameters["never_right"] == pytest.approx(0.032, abs=5e-4)
    assert inflated.parameters["always_right"] == 0
    assert wrong_label.sum() == 2916
    rest = score_models.fit_inflated_beta_binomial(score_models.score_counts(paper_scores[~wrong_label], 11))
    assert rest.parameters["never_right"] < 0.6 * inflated.parameters["never_right"]


def test_wrong_answers_of_thirty_models(answers, wrong_label):
    predictions, labels, _ = answers
    share = wrong_answers.same_wrong_answer(predictions, labels).share
    assert (np.nanmean(share), np.nanmin(share), np.nanmax(share)) == pytest.approx((0.53, 0.33, 0.76), abs=5e-3)
    kinds = wrong_answers.impossible_kinds(predictions, labels)
    assert (kinds == "consensus").sum() / (kinds != "").sum() == pytest.approx(0.73, abs=5e-3)
    rates = wrong_answers.error_rates(wrong_label, kinds, wrong_answers.IMPOSSIBLE_KINDS, "kind")
    assert rates["rate"].tolist() == pytest.approx([0.54, 0.13], abs=5e-3)


def test_most_impossible_images_have_another_label_that_some_model_gives(answers):
    predictions, labels, names = answers
    # The file lies in timm, whose import would take longer than this test.
    package = Path(importlib.util.find_spec("timm").origin).parent
    real = json.loads((package / "data" / "_info" / "imagenet_real_labels.json").read_text())
    accepted = [tuple(real[int(name[-13:-5]) - 1]) for name in names]
    correct, acceptable = wrong_answers.relabelled_correct(predictions, accepted)
    # ReaL leaves 3,163 images without a label, and models are better by its labels than by the original ones.
    assert (~acceptable).sum() == 3163
    assert correct[:, acceptable].mean() > (predictions == labels).mean() + 0.05
    table = wrong_answers.impossible_because_of_label(predictions, labels, accepted).set_index("outcome")
    impossible = (difficulty.scores(predictions == labels) == 0).sum()
    assert table["images"].sum() == impossible
    assert table.loc["no longer impossible", "lower"] > 0.5 > table.loc["still impossible", "upper"]


def test_in_between_kappa_grows_with_the_number_of_models(answers):
    predictions, labels, _ = answers
    curve = subset_curve(predictions == labels, 1, sizes=[6, 11, 20, 30], subsets=5).set_index("models")
    assert curve["kappa_in_between"].is_monotonic_increasing
    assert curve.loc[30, "kappa_in_between"] == pytest.approx(0.3208, abs=5e-5)
    assert curve.loc[11, "kappa_in_between"] < curve.loc[11, "band_upper"] == pytest.approx(0.345, abs=5e-4)
