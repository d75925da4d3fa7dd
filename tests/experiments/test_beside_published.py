"""One's own model beside published ones: the same of ImageNet's images, one set, from whichever order they come."""

import json
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from public_files import NAMES, register, write_imagenet

from ddd_utils.config import params
from ddd_utils.config.schema import ModelSet, PretrainedSet
from ddd_utils.data import downloads
from ddd_utils.data.class_spaces import synsets
from ddd_utils.errors import InputError
from ddd_utils.experiments import inference, published, sources
from ddd_utils.experiments.evaluations import Evaluation
from ddd_utils.experiments.people import LABEL_ERRORS
from ddd_utils.report import sentences, tables

LABELS = [0, 0, 1, 2]  # of NAMES, which are in the order of the published answers
ANSWERS = {"alpha": [0, 1, 2, 4], "beta": [5, 0, 1, 2], "gamma": [0, 0, 1, 7]}


@pytest.fixture
def world(monkeypatch, tmp_path):
    """Four of ImageNet's images in folders of their WordNet ids, three published models and one file of weights."""
    data = tmp_path / "data"
    write_imagenet(data, {name: [[answer, 10, 11, 12, 13] for answer in row] for name, row in ANSWERS.items()})
    classes = [{"cid": index, "wnid": synset, "synset": ["x"]} for index, synset in enumerate(synsets())]
    (data / published.CLASS_INFO).write_text(json.dumps(classes))
    rows = [[name, synsets()[label]] for name, label in zip(NAMES, LABELS, strict=True)]
    (data / published.FILE_NAMES).write_text(json.dumps({"image_filenames": rows}))
    known = [
        {"from": "a", "files": {"class_info.json": None, "imagenet-validation-original.json": None}},
        {"from": "b", "to": "predictions", "files": {f"{name}.npy": None for name in ANSWERS}},
    ]
    authors = [{"from": "c", "files": {Path(name).name: None for name in (LABEL_ERRORS, published.SCORES)}}]
    register(monkeypatch, tmp_path, imagenetv2=known, meding2022=authors)
    monkeypatch.setenv("DDD_DATA", str(data))
    monkeypatch.setenv("DDD_BUILD", str(tmp_path / "build"))
    monkeypatch.setattr(published, "IMAGES", len(NAMES))
    for name, synset in rows:
        (tmp_path / "val" / synset).mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(len(name)).integers(0, 256, (40, 40, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "val" / synset / name)
    torch.manual_seed(0)
    torch.save(timm.create_model("test_resnet").state_dict(), tmp_path / "mine.pth")
    yield tmp_path
    downloads.registry.cache_clear()


def read(world, name="mine", images="val", **more):
    mine = {"model": "test_resnet", "name": name, "pretrained": {"file": str(world / "mine.pth")}}
    entries = [mine | {"preprocessing": {"size": 32}}, {"published": "imagenet", **more}]
    return params.experiment({"models": entries, "images": str(world / images)})


@pytest.mark.parametrize("wanted", [{}, {"models": ["beta"]}, {"models": ["gamma", "beta"]}])
def test_published_answers_join_those_of_ones_own_model(world, wanted):
    config = read(world, **wanted)
    sources.check([sources.source(config)])
    sources.compute([sources.source(config)])
    chosen = sources.source(config)
    assert chosen.complete() and chosen.alternatives() == {}
    answers = chosen.load()
    names = wanted.get("models", list(ANSWERS))
    assert answers.networks["network"].tolist() == ["mine", *names]
    by_name = dict(zip(NAMES, zip(LABELS, *(ANSWERS[name] for name in names), strict=True), strict=True))
    expected = np.array([by_name[name.rpartition("/")[2]] for name in answers.image_ids.tolist()])
    assert answers.labels.tolist() == expected[:, 0].tolist() and answers.info["on_imagenet"]
    np.testing.assert_array_equal(answers.predictions[1:, 0], expected[:, 1:].T)
    alone = Evaluation(config.model_copy(update={"published": None})).load()
    np.testing.assert_array_equal(answers.predictions[0], alone.predictions[0])
    for name, values in alone.certainty.items():  # nothing is known of published models' probabilities here
        np.testing.assert_array_equal(answers.certainty[name][0], values[0])
        assert np.isnan(answers.certainty[name][1:].astype(float)).all()
    assert answers.networks["source"].tolist() == ["yours", *["imagenetv2"] * len(names)]
    assert answers.images([0])[0].shape == (40, 40, 3)
    provenance = sources.provenance_of([chosen])
    assert len(provenance["inputs"]) == 2 and any("predictions/beta" in name for name in str(provenance).split("'"))


def test_the_page_tells_whose_answers_are_whose(world):
    config = read(world)
    chosen = sources.source(config)
    sources.compute([chosen])
    answers = chosen.load()
    accuracies, prepared, made = tables.models(answers)
    row = accuracies.set_index("network").loc["mine"]
    assert (row["source"], row["top-1 as published"]) == ("yours", "unknown")
    assert set(accuracies.set_index("network").drop("mine")["parameters"]) == {"–"}
    assert prepared["network"].tolist() == made["network"].tolist() == ["mine"]
    assert "mine: shown every image here. The answers of all others are published." in sentences.models(answers, "x")


def test_what_nobody_has_published_answers_to_is_refused_before_any_model_runs(world):
    (world / "other" / synsets()[0]).mkdir(parents=True)
    (world / "val" / synsets()[0] / NAMES[0]).rename(world / "other" / synsets()[0] / NAMES[0])
    (world / "moved" / synsets()[5]).mkdir(parents=True)
    (world / "val" / synsets()[0] / NAMES[1]).rename(world / "moved" / synsets()[5] / NAMES[1])
    (world / "other" / synsets()[0] / "cat.JPEG").write_bytes((world / "other" / synsets()[0] / NAMES[0]).read_bytes())
    for config, told in (
        (read(world, images="other"), r"cat\.JPEG' is not called as the images with published answers"),
        (read(world, images="moved"), f"by ImageNet's labels, which '.*{NAMES[1]}' does not have here"),
        (read(world, name="beta", images="val"), "'beta' is also a published model: give yours another `name`"),
    ):
        with pytest.raises(InputError, match=told):
            inference.check(Evaluation(config))


MINE = {"model": "resnet18", "pretrained": True}


@pytest.mark.parametrize(
    ("models", "images", "told"),
    [
        ([MINE], "photos", r"two models at least.*; one alone is .* models: \[\.\.\., published: imagenet\]"),
        ([{"published": "imagenet"}], "photos", "published answers alone are given as responses"),
        ([MINE, {"published": "imagenet", "top": 5}], "photos", "top: 1"),
        ([MINE, {"published": "imagenet"}, {"published": "imagenet"}], "photos", "is said once"),
        ([MINE, {"published": "imagenett"}], "photos", r"'imagenett' is not one of imagenet \(did you mean 'imagenet'"),
        ([MINE, {"published": "imagenet", "model": "x"}], "photos", r"models\.1\.model: unknown key"),
        ([{"model": "resnet18"}, {"published": "imagenet"}], {"name": "digits"}, "to ImageNet's images, not 'digits'"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_one_line(models, images, told):
    with pytest.raises(InputError, match=told) as caught:
        params.experiment({"models": models, "images": images})
    assert "\n" not in str(caught.value)


def test_a_set_without_published_answers_is_hashed_as_ever():
    config = params.experiment({"models": ["resnet18", "resnet50"], "images": "photos"})
    assert isinstance(config, PretrainedSet) and "published" not in config.hashed()
    beside = params.experiment({"models": ["resnet18", {"published": "imagenet"}], "images": "photos"})
    assert beside.hashed()["published"]["models"] == "all" and beside.images.among == "all"
    assert isinstance(params.experiment({"models": ["resnet18", "vgg11"], "images": {"name": "digits"}}), ModelSet)
