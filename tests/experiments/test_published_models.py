"""Published models of several sources: joined by file name, chosen by what they are, counted once, lacking by name."""

import importlib.util
import os
import re
from pathlib import Path

import numpy as np
import pytest
from public_files import NAMES, register, serve, write_imagenet

from ddd_utils.config.schema import Published
from ddd_utils.data import downloads
from ddd_utils.errors import InputError
from ddd_utils.experiments import published, published_models
from ddd_utils.experiments.published import Imported
from ddd_utils.files import read_json, sha256, write_json
from ddd_utils.responses import write_predictions

REAL = Path(os.environ.get("DDD_DATA", "/none"))
# Labels are 0, 0, 1, 2 for the files 3, 1, 4, 2.
ANSWERS = {"alpha": [0, 0, 2, 2], "resnet50": [1, 0, 1, 1]}


def rows(answers, header="", last=",0"):
    """Write a table in the order of file names, not of labels."""
    by_name = sorted(zip(NAMES, answers, strict=True))
    return header + "".join(f"{name},{answer}{last}\n" for name, answer in by_name)


@pytest.fixture
def world(monkeypatch, tmp_path):
    """Make a world of three sources in which three models have no file here."""
    folder = tmp_path / "data"
    write_imagenet(folder, {name: [[first, 9, 9, 9, 9] for first in answers] for name, answers in ANSWERS.items()})
    for source, name, text in (
        ("analysing_relations", "topk_ids_resnet50.csv", rows([1, 2, 1, 2])),
        ("analysing_relations", "topk_ids_swin.csv", rows([0, 0, 2, 2])),
        ("imagenetx", "ViT.csv", rows([0, 2, 2, 2], "file_name,predicted_class,predicted_probability\n", ",0.5")),
    ):
        (folder / source).mkdir(exist_ok=True)
        (folder / source / name).write_text(text)
    truth = {"from": "a", "files": {"class_info.json": None, "imagenet-validation-original.json": None}}
    first = {"from": "b", "to": "predictions", "files": {f"{name}.npy": None for name in (*ANSWERS, "away")}}
    second = {"from": "res", "files": {"topk_ids_resnet50.csv": None, "topk_ids_swin.csv": None}}
    second["files"]["topk_ids_far.csv"] = "0" * 64
    third = {"from": "base", "files": {"ViT.csv": None, "DINO.csv": "1" * 64}}
    authors = {"from": "c", "files": {"label_errors.npy": None, "Rebuttal_mean_decisions_correct.npy": None}}
    sources = {"meding2022": [authors], "analysing_relations": [second], "imagenetx": [third]}
    register(monkeypatch, tmp_path, imagenetv2=[truth, first], **sources)
    monkeypatch.setenv("DDD_DATA", str(folder))
    monkeypatch.setenv("DDD_BUILD", str(tmp_path / "build"))
    monkeypatch.setattr("ddd_utils.experiments.published.IMAGES", 4)
    monkeypatch.setattr(downloads, "HOST", "http://127.0.0.1:9")
    yield folder
    downloads.registry.cache_clear()


def test_answers_are_joined_by_file_name(world):
    found = published.imagenet_responses(["alpha", "resnet50_timm", "ViT"])
    assert found.predictions[:, 0].tolist() == [[0, 0, 2, 2], [1, 2, 1, 2], [0, 2, 2, 2]]


def test_a_name_that_two_sources_have_tells_them_apart(world):
    known = published_models.known_models()
    assert known["resnet50"].source == "imagenetv2" and known["resnet50_timm"].source == "analysing_relations"
    assert known["swin"].family == "transformer" and known["DINO"].family == "self-supervised"


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        ("all", ["alpha", "resnet50", "resnet50_timm", "swin", "ViT"]),
        (["imagenetx", "alpha"], ["alpha", "ViT"]),
        (["CNN"], ["alpha", "resnet50", "resnet50_timm"]),
        (["transformer"], ["swin", "ViT"]),
        (["swin", "transformer"], ["swin", "ViT"]),
    ],
)
def test_models_are_chosen_by_name_source_and_family(world, wanted, names):
    assert published.imagenet_models(wanted) == names


def test_the_same_model_from_two_sources_is_named_and_counted_once(world, lines):
    what = Imported(Published(published="imagenet"))
    what.make()
    found = what.load()
    assert found.info["same_model"] == {"swin": "alpha"}
    assert found.networks["network"].tolist() == ["alpha", "resnet50", "resnet50_timm", "ViT"]
    assert found.networks["family"].tolist() == ["CNN", "CNN", "CNN", "transformer"]
    with pytest.raises(InputError, match=r"models: alpha, swin is one model; a comparison takes two"):
        published.imagenet_responses(["alpha", "swin"])


def test_without_a_network_the_report_runs_and_says_what_lacks(world, lines):
    what = Imported(Published(published="imagenet"))
    before = what.folder
    what.make()
    assert what.load().info["not_at_hand"] == ["far", "DINO"]
    assert lines[1].startswith("2 of 7 published models are left out (far, DINO): analysing_relations/topk_ids_far.csv")
    assert what.folder == before and what.complete()


def test_what_lacks_is_downloaded_once_there_is_a_network(world, monkeypatch, tmp_path, lines):
    what = Imported(Published(published="imagenet", models=["imagenetx", "alpha"]))
    what.make()
    before = what.folder
    text = rows([0, 0, 0, 1]).encode()
    (tmp_path / "DINO.csv").write_bytes(text)
    registered = (tmp_path / "registry.yaml").read_text().replace("1" * 64, sha256(tmp_path / "DINO.csv"))
    (tmp_path / "registry.yaml").write_text(registered)
    downloads.registry.cache_clear()
    with serve() as server:
        server.files["/someone/something/abc/base/DINO.csv"] = text
        monkeypatch.setattr(downloads, "HOST", server.host)
        what.make()
    found = what.load()
    assert what.folder != before and found.info["not_at_hand"] == []
    assert found.networks["network"].tolist() == ["alpha", "DINO", "ViT"]


def test_a_model_that_is_named_must_be_had(world):
    with pytest.raises(downloads.Unavailable, match=r"imagenetx/DINO\.csv: no connection"):
        published.imagenet_responses(["alpha", "DINO"])


def test_a_group_of_which_nothing_can_be_had_ends_in_one_line(world):
    (world / "imagenetx" / "ViT.csv").unlink()
    with pytest.raises(downloads.Unavailable, match=r"imagenetx/DINO\.csv: no connection"):
        Imported(Published(published="imagenet", models=["imagenetx"])).make()


def test_only_the_first_answers_of_two_sources_are_published(world):
    assert published.imagenet_models("all", top=5) == list(ANSWERS)
    with pytest.raises(InputError, match="of 'swin' only the first answer is published"):
        published.imagenet_models(["alpha", "swin"], top=5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (rows([0, 0, 0, 0]).replace(NAMES[1], "ILSVRC2012_val_00000009.JPEG"), f"no answer to the image '{NAMES[1]}'"),
        (rows([0, 0, 0, 0]) + f"{NAMES[0]},1,0\n", "not a table of file name and class"),
        (rows([0, 0, 0, "x"]), "not a table of file name and class"),
        (rows([0, 0, 0, 1000]), "holds 0 to 1000, not classes"),
        (rows([0, 0, 0, 1.5]), "not whole numbers"),
        ("", "no answer to the image"),
        ("\x00\xff", "not a table of file name and class"),
    ],
)
def test_a_faulty_table_is_told_in_one_line(world, text, message):
    (world / "analysing_relations" / "topk_ids_swin.csv").write_text(text, "latin-1")
    with pytest.raises(InputError) as caught:
        published.imagenet_responses(["alpha", "swin"])
    assert "topk_ids_swin.csv: " in str(caught.value) and message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_models_that_always_agree_by_chance_alone_are_not_the_same():
    correct = np.array([[1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 0]], bool)
    assert published_models.same_models(correct, list("abc")) == {}
    assert published_models.same_models(correct[[2, 0, 2]], list("abc")) == {"c": "a"}


def test_the_registry_has_all_models_and_a_checksum_for_each():
    table = published_models.family_table()
    counts = {"imagenetv2": 64, "analysing_relations": 15, "imagenetx": 4}
    assert table["source"].value_counts().to_dict() == counts
    assert all(downloads.registry()[file].sha256 for file in table["file"])
    assert table["name"].is_unique and table.notna().all(axis=None)


# The weights of each timm model, and how often they are right, as timm's own tables give it for those at hand.
WEIGHTS = {
    "convit_small": ("fb_in1k", 0.814),
    "convit_tiny": ("fb_in1k", None),
    "convmixer_768_32": ("in1k", None),
    "convnext_tiny": ("fb_in1k", 0.821),
    "deit_small_patch16_224": ("fb_in1k", None),
    "deit_tiny_patch16_224": ("fb_in1k", 0.722),
    "densenet121_timm": ("ra_in1k", 0.756),
    "efficientnet_b4": ("ra2_in1k", 0.828),
    "resnet50_timm": ("a1_in1k", 0.804),
    "swin_base_patch4_window7_224": ("ms_in22k_ft_in1k", None),
    "swin_tiny_patch4_window7_224": ("ms_in1k", 0.814),
    "vgg11_timm": ("tv_in1k", 0.690),
    "vit_small_patch16_224": ("augreg_in21k_ft_in1k", 0.814),
    "vit_small_patch32_224": ("augreg_in21k_ft_in1k", None),
    "vit_tiny_patch16_224": ("augreg_in21k_ft_in1k", 0.755),
}


@pytest.mark.skipif(importlib.util.find_spec("timm") is None, reason="timm is not installed")
def test_what_timms_models_saw_is_what_the_names_of_their_weights_say():
    table = published_models.family_table().set_index("name")
    rows = table[table["source"] == "analysing_relations"]
    assert set(WEIGHTS) == set(rows.index)
    # Read, not imported: that takes many seconds.
    folder = Path(importlib.util.find_spec("timm").origin).parent / "models"
    every = "".join(file.read_text() for file in folder.glob("*.py"))
    for name, (weights, _) in WEIGHTS.items():
        assert f"'{name.removesuffix('_timm')}.{weights}'" in every
        more = "ImageNet-21k" if re.search("in2[12]k", weights) else "ImageNet-1k"
        assert rows.loc[name, "pretraining"] == more
        assert (rows.loc[name, "family"] == "transformer") == bool(re.match("convit|deit|swin|vit", name))
        assert (rows.loc[name, "recipe"] == "classic") == weights.startswith("tv_")


@pytest.mark.skipif(not (REAL / "analysing_relations").is_dir(), reason="DDD_DATA names no analysing_relations/")
def test_timms_models_are_as_accurate_as_their_weights():
    found = published.imagenet_responses(["analysing_relations"])
    accuracy = dict(zip(found.networks["network"], found.correct().mean(axis=1), strict=True))
    wanted = {name: share for name, (_, share) in WEIGHTS.items() if name in accuracy and share}
    assert len(wanted) == len(accuracy) and accuracy == pytest.approx(wanted, abs=0.001)


def test_models_that_saw_more_than_imagenet_are_named_in_their_sources():
    table = published_models.family_table().set_index("name")
    ours = table[table["source"] == "imagenetv2"]
    more = ours.index[ours["pretraining"] != "ImageNet-1k"].tolist()
    assert more == ["dpn107", "dpn68b", "dpn92"]  # pretrained="imagenet+5k" in its eval.py
    assert set(ours["family"]) == {"CNN"} and set(ours["recipe"]) == {"classic"}
    assert table.loc["ViT", ["recipe", "pretraining"]].tolist() == ["unknown", "unknown"]


@pytest.mark.skipif(not (REAL / "sha256.yaml").is_file(), reason="DDD_DATA names no folder with sha256.yaml")
def test_the_checksums_are_those_that_were_published():
    import yaml

    published_sums = {
        Path(name).name: digest
        for part in yaml.safe_load((REAL / "sha256.yaml").read_text()).values()
        for name, digest in part.items()
    }
    for file in published_models.family_table()["file"]:
        assert downloads.registry()[file].sha256 == published_sums[Path(file).name]


def test_probabilities_are_read_where_they_are_published_and_kept(world):
    (world / "imagenetx" / "ViT.csv").write_text(
        "file_name,predicted_class,predicted_probability\n"
        + "".join(f"{name},{k % 3},{0.25 * k}\n" for k, name in enumerate(sorted(NAMES)))
    )
    source = Imported(Published(published="imagenet", models=["alpha", "resnet50_timm", "ViT"]))
    source.make()
    kept = source.load()
    assert np.isnan(kept.probability[:2]).all() and kept.margin is None
    by_name = {name: 0.25 * k for k, name in enumerate(sorted(NAMES))}
    assert kept.probability[2].tolist() == [by_name[name] for name in kept.image_ids]
    assert published.imagenet_responses(["alpha", "resnet50"]).probability is None


def test_what_was_kept_without_probabilities_is_read_again_in_its_place(world):
    source = Imported(Published(published="imagenet", models=["alpha", "ViT"]))
    source.make()
    description = read_json(source.description_file)
    write_json(source.description_file, {key: each for key, each in description.items() if key != "certainty"})
    write_predictions(source.folder / "ViT.parquet", source.load().predictions[1])
    again = Imported(source.config)
    assert not again.complete()
    again.make()
    assert again.complete() and again.folder == source.folder
    assert again.load().probability[1].tolist() == [0.5] * 4


def test_what_is_no_number_is_no_probability(world):
    heading = "file_name,predicted_class,predicted_probability\n"
    (world / "imagenetx" / "ViT.csv").write_text(rows([0, 1, 2, 2], heading, ",high"))
    with pytest.raises(InputError, match="file name and probability"):
        published.imagenet_responses(["alpha", "ViT"])
