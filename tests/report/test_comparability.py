"""A figure stands beside the paper's only where data, networks and training are the paper's."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from ddd_utils.config import params
from ddd_utils.report import claims, comparability
from ddd_utils.report.comparability import Basis, family, obstacle, of_people, of_the_eleven, planned

ELEVEN = [entry.label for entry in params.load("paper").sota_comparison.models]


def variants(preset, section, key, **changes):
    """Return a set of training variants of a shipped preset, some keys of it changed."""
    block = {**params.load(preset).raw[section][key], **changes}
    return params.experiment(block)


def judged(claim_id, config=None, networks=("base",), images=50_000, **info):
    stated = claims.claim(claim_id)
    rows = pd.DataFrame({"network": list(networks)})
    responses = SimpleNamespace(config=config, networks=rows, labels=np.zeros(images, int), info=info)
    return obstacle(claims.about(stated), responses)


@pytest.mark.parametrize(
    ("claim_id", "preset", "section", "key"),
    [
        ("kappa_imagenet.optimizer", "paper", "training_variants", "experiment"),
        ("easiest_class_accuracy", "paper", "training_variants", "experiment"),
        ("kappa_cifar100.optimizer", "paper", "controls", "natural"),
        ("kappa_cifar100.optimizer", "gpu", "controls", "natural"),  # the small stem is the paper's
        ("kappa_gaussian.optimizer", "paper", "controls", "noise"),
        ("first_classes_accuracy", "paper", "kl_divergence", "experiment"),
    ],
)
def test_the_papers_own_experiments_are_comparable(claim_id, preset, section, key):
    assert judged(claim_id, variants(preset, section, key)) == ""


@pytest.mark.parametrize(("place", "claim_id"), [(0, "kappa_vgg11.combined"), (1, "kappa_densenet121.combined")])
def test_so_are_its_other_bases(place, claim_id):
    bases = params.load("paper").controls.other_bases
    assert judged(claim_id, bases[place]) == ""
    assert judged(claim_id, bases[1 - place]) == "other networks"


VIT = {"model": "timm.models.vision_transformer.VisionTransformer", "arguments": {}}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"dataset": {"name": "digits"}}, "another data set"),
        ({"dataset": {"name": "cifar10"}}, "another data set"),
        ({"base": VIT}, "other networks"),
        ({"base": {"model": "resnet18", "arguments": {"stem": "small", "width": 16}}}, "other networks"),
        ({"base": {"model": "resnet18"}}, "other networks"),
        ({"other": {"model": "resnet50", "arguments": {"stem": "small"}}}, "other networks"),
        ({"epochs": 29}, "other training"),
        ({"learning_rate": 0.05}, "other training"),
        ({"batch_size": 128}, "other training"),
        ({"weight_decay": 0.0}, "other training"),
        ({"bn_recalibration": 2560}, "other training"),
        ({"stratified_batches": True}, "other training"),
        ({"seed": 1, "instances": {"combined": 1}, "representation_images": 100}, ""),
    ],
)
def test_each_change_of_the_papers_cifar_100_experiment_has_its_reason(changes, reason):
    assert judged("kappa_cifar100.optimizer", variants("paper", "controls", "natural", **changes)) == reason


@pytest.mark.parametrize(
    "change", [{"train_per_class": 1000}, {"image_size": 32}, {"crop": "none"}, {"classes": 10}], ids=str
)
def test_size_and_crop_of_the_noise_matter_and_test_images_do_not(change):
    block = params.load("paper").raw["controls"]["noise"]["dataset"]
    noise = variants("paper", "controls", "noise", dataset={**block, **change})
    assert judged("kappa_gaussian.optimizer", noise) == "other training"
    assert (
        judged("kappa_gaussian.optimizer", variants("paper", "controls", "noise", dataset={**block, "seed": 7})) == ""
    )


def test_the_small_photographs_of_a_cache_are_not_the_papers():
    block = params.load("paper").raw["training_variants"]["experiment"]["dataset"]
    cached = variants("paper", "training_variants", "experiment", dataset={**block, "cache_short_side": 256})
    assert judged("accuracy_mean", cached) == "other training"


@pytest.mark.parametrize(
    ("networks", "images", "on_imagenet", "reason"),
    [
        (ELEVEN, 50_000, True, ""),
        (ELEVEN, 10_000, True, "another data set"),
        (ELEVEN, 50_000, False, "another data set"),
        (ELEVEN[1:], 50_000, True, "other networks"),
        (["alexnet", "vgg16"], 50_000, True, "other networks"),
    ],
)
def test_the_eleven_models_on_all_of_imagenet(networks, images, on_imagenet, reason):
    assert judged("sota_trivial_share", None, networks, images, on_imagenet=on_imagenet) == reason


def test_images_selected_from_all_of_imagenet_are_the_papers():
    chosen = {"on_imagenet": True, "all_images": 50_000}
    assert judged("sota_kappa_in_between", None, ELEVEN, 21_000, **chosen) == ""
    assert judged("sota_kappa_in_between", None, ELEVEN, 21_000, **{**chosen, "all_images": 40_000}) != ""


def test_the_published_scores_of_the_eleven_are_theirs_on_all_images_alone():
    assert of_the_eleven(50_000) == Basis(11, 50_000, "imagenet", outside="circular")
    assert of_the_eleven(10_000).obstacle == "another data set"


def test_answers_of_unknown_origin_are_never_comparable_with_a_trained_network():
    assert judged("kappa_gaussian.optimizer", None) == "another data set"
    assert judged("accuracy_mean", None, ELEVEN, on_imagenet=True) == "other networks"


@pytest.mark.parametrize(
    ("claim_id", "responses", "reason"),
    [
        ("impossible_label_errors", {"networks": ["alexnet", "vgg16"], "on_imagenet": True}, ""),
        ("impossible_label_errors", {"networks": ELEVEN, "on_imagenet": False}, "another data set"),
        (
            "lowest_condition_kappa_gaussian",
            {"config": variants("paper", "controls", "noise", epochs=1)},
            "other training",
        ),
        ("lowest_condition_kappa_gaussian", {"config": variants("gpu", "controls", "natural")}, "another data set"),
        ("lowest_condition_kappa", {"config": variants("gpu", "controls", "natural")}, ""),
    ],
)
def test_a_claim_about_a_data_set_or_about_any_asks_for_no_more(claim_id, responses, reason):
    assert judged(claim_id, **responses) == reason


@pytest.mark.parametrize(
    ("claim_id", "preset", "reason"),
    [
        ("sota_kappa_all", "paper", ""),
        ("sota_kappa_all", "published", "other networks"),
        ("impossible_label_errors", "published", ""),
        ("sota_kappa_all", "gpu", "another data set"),
    ],
)
def test_what_a_preset_would_test_is_known_before_it_is_run(claim_id, preset, reason):
    assert planned(claims.about(claims.claim(claim_id)), params.load(preset).sota_comparison.experiment) == reason


def test_data_chosen_after_a_trial_test_nothing(monkeypatch):
    monkeypatch.setattr(comparability, "TRIED", ("cifar100",))
    config = variants("gpu", "controls", "natural")
    assert planned(claims.about(claims.claim("kappa_cifar100.optimizer")), config) == "chosen after a trial"
    answers = SimpleNamespace(config=config, networks=[1], labels=[1], info={"dataset": "cifar100"})
    assert claims._basis(claims.claim("lowest_condition_kappa"), answers).outside == "chosen after a trial"


def test_people_are_comparable_on_photographs():
    assert of_people(9, 149).obstacle == of_people(9, 149, "imagenet/val").obstacle == ""
    assert of_people(9, 149, "digits").obstacle == "another data set"
    assert of_people(9, 149, simulated=True).obstacle == "simulated observers"


@pytest.mark.parametrize(
    ("model", "base"),
    [
        ("vgg11", "vgg11"),
        ("plain_convnet", "vgg11"),
        ("torchvision.models.DenseNet", "densenet121"),
        ("resnet18", None),
    ],
)
def test_a_base_stands_beside_the_papers_of_its_family(model, base):
    assert family(model) == base
