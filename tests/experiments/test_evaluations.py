"""Pretrained models shown photographs: decoded once, answered once, kept as soon as known, and found again."""

import logging
import os
import pickle
import shutil
import signal
import subprocess
import sys
import threading
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import timm
import torch
from PIL import Image

from ddd_utils import experiments, logs, machine, paths
from ddd_utils.analysis import margins
from ddd_utils.config import params
from ddd_utils.config.schema import SotaComparison, Subsetting
from ddd_utils.data import photographs
from ddd_utils.errors import ExperimentError, InputError
from ddd_utils.experiments import evaluations, inference, launch, sources
from ddd_utils.experiments.evaluations import SUFFIX, Evaluation
from ddd_utils.files import read_metadata
from ddd_utils.responses import CERTAINTY, Responses, read_predictions, write_predictions

CLASSES = ["ant", "bee", "<i>cow"]


@pytest.fixture(scope="module")
def material(tmp_path_factory):
    """A folder of photographs, one of them broken, and the weights of four networks."""
    folder = tmp_path_factory.mktemp("material")
    random = np.random.default_rng(0)
    for name in CLASSES:
        (folder / "photos" / name).mkdir(parents=True)
        for number in range(4):
            size = random.integers(20, 90, 2)
            pixels = random.integers(0, 256, (*size, 3), np.uint8)
            Image.fromarray(pixels).save(folder / "photos" / name / f"{number}.png")
    (folder / "photos" / "bee" / "broken.jpg").write_text("no image")
    for seed in range(4):
        torch.manual_seed(seed)
        network = timm.create_model("test_resnet", num_classes=3)
        torch.nn.init.normal_(network.fc.weight)
        torch.save(network.state_dict(), folder / f"{seed}.pth")
    return folder


@pytest.fixture
def build(tmp_path, monkeypatch):
    monkeypatch.setenv("DDD_BUILD", str(tmp_path))
    return tmp_path


def entry(material, seed, **more):
    size = {"size": 32 if seed < 3 else 48, "crop_fraction": 1.0}
    return {
        "model": "test_resnet",
        "name": f"net {seed}",
        "pretrained": {"file": str(material / f"{seed}.pth")},
        "preprocessing": size,
        **more,
    }


def block(material, seeds=(0, 1, 2, 3), **images):
    return {
        "models": [entry(material, seed) for seed in seeds],
        "images": {"path": str(material / "photos"), **images},
    }


def described(settings):
    return Evaluation(SotaComparison.model_validate(settings).experiment)


def evaluation(material, seeds=(0, 1, 2, 3), **images):
    return described(block(material, seeds, **images))


def make(evaluation):
    """Let the models answer; return the lines of progress."""
    found, handler, ours = [], logging.Handler(), logging.getLogger("ddd_utils")
    handler.emit = lambda record: found.append(record.getMessage())
    ours.addHandler(handler)
    try:
        inference.make(evaluation)
    finally:
        ours.removeHandler(handler)
    return found


def plainly(material, seed):
    """Answer as anybody would: one image, one model, libraries' own transforms."""
    network = timm.create_model("test_resnet", num_classes=3)
    network.load_state_dict(torch.load(material / f"{seed}.pth", weights_only=True))
    size = entry(material, seed)["preprocessing"]["size"]
    config = timm.data.resolve_data_config(
        {"input_size": (3, size, size), "crop_pct": 1.0}, pretrained_cfg=network.pretrained_cfg, use_test_size=True
    )
    transform = timm.data.create_transform(**config)
    files = sorted(path for path in (material / "photos").rglob("*.png"))
    with torch.inference_mode():
        outputs = [network.eval()(transform(Image.open(file).convert("RGB"))[None])[0] for file in files]
    return torch.stack(outputs).softmax(1).numpy()


def test_photographs_are_decoded_once_and_the_answers_are_those_of_a_plain_loop(build, material, monkeypatch):
    decoded, plain = [], photographs.Files.image
    monkeypatch.setattr(photographs.Files, "image", lambda self, index: decoded.append(index) or plain(self, index))
    chosen = evaluation(material)
    lines = make(chosen)
    assert sorted(decoded) == list(range(13))
    assert lines[0].endswith("13 images decoded in 0 s, 1 skipped") and len(lines) == 5
    found = chosen.load()
    assert found.networks["network"].tolist() == ["net 0", "net 1", "net 2", "net 3"]
    files = sorted(str(path.relative_to(material / "photos")) for path in (material / "photos").rglob("*.png"))
    for row, seed in zip(found.predictions[:, 0], range(4), strict=True):
        by_id = dict(zip(found.image_ids, row, strict=True))
        assert [by_id[file] for file in files] == plainly(material, seed).argmax(axis=1).tolist()
    order = sorted(CLASSES)
    assert [order[label] for label in found.labels] == [name.split("/")[0] for name in found.image_ids]
    row = found.networks.iloc[3]
    assert (row["architecture"], row["input_size"], row["precision"]) == ("test_resnet", 48, "float32")
    assert row["right_all"] == found.correct()[3].sum()
    assert row["images_per_second"] > 0 and row["parameters"] > 100_000 and row["weights"] == "file 3.pth"
    assert row["outputs"] == ", ".join(order) and all(line.endswith(row["outputs"]) for line in lines[1:])
    (skipped,) = found.info["skipped"]
    assert skipped["image"] == "bee/broken.jpg" and skipped["reason"].startswith("not a whole image")
    assert (found.info["classes"], found.info["classes_present"]) == (order, 3)


@pytest.mark.parametrize("form", ["shards", "parquet"])
def test_images_within_other_files_get_the_answers_of_a_plain_loop(build, material, tmp_path, form):
    from image_files import write_tar  # a process that imports this module has no helpers

    order = sorted(CLASSES)
    images = [(str(path), path.read_bytes()) for path in sorted((material / "photos").rglob("*.png"))]
    labels = [order.index(name.split("/")[-2]) for name, _ in images]
    for part in (0, 1):
        rows, numbers = images[part * 6 :][:6], labels[part * 6 :][:6]
        if form == "shards":
            contents = {}
            for index, ((_, content), label) in enumerate(zip(rows, numbers, strict=True)):
                contents |= {f"{index}.png": content, f"{index}.cls": str(label), f"{index}.heic": ""}
            write_tar(tmp_path / f"val-{part}.shards", contents)
        else:
            structs = [{"bytes": content, "path": None} for _, content in rows] + [{"bytes": b"none", "path": None}]
            table = pa.table({"image": structs, "label": [*numbers, 0]})
            pq.write_table(table, tmp_path / f"val-{part}.parquet", row_group_size=4)
    chosen = evaluation(material, (0, 1), path=str(tmp_path / f"val-{{0..1}}.{form}"), classes=tuple(order))
    make(chosen)
    found = chosen.load()
    assert found.labels.tolist() == labels and found.class_names == order
    assert found.predictions[0, 0].tolist() == plainly(material, 0).argmax(1).tolist()
    assert len(found.info["skipped"]) == (2 if form == "parquet" else 0)
    assert list(found.info["notes"]) == (["Files not taken for images: 12 .heic"] if form == "shards" else [])
    assert all(pixels.dtype == np.uint8 for pixels in found.images(range(12)))


def test_images_of_imagenet_c_are_called_with_their_corruption(material):
    asked = {"corruption": "fog", "severity": [1, 2]}
    assert evaluation(material, **asked).name == f"{material.name}/photos/fog/{{1,2}}"
    assert evaluation(material).name == f"{material.name}/photos"


KINDS = [(corruption, severity) for corruption in ("fog", "motion_blur") for severity in range(1, 6)]


@pytest.mark.parametrize("tar", [False, True])
@pytest.mark.parametrize(
    ("asked", "kinds"),
    [
        ({}, []),
        ({"corruption": "fog", "severity": 3}, []),
        ({"severity": [1, 2, 3, 4, 5]}, KINDS),
        ({"corruption": "fog"}, KINDS[:5]),
        ({"severity": 2}, KINDS[1::5]),
        ({"corruption": ["motion_blur"], "severity": [2, 4]}, KINDS[6:9:2]),
    ],
)
def test_the_corruption_and_the_severity_of_each_image_are_known_where_there_are_several(
    material, tmp_path, tar, asked, kinds
):
    from image_files import fill, write_tar

    classes = ("1/a.png", "3/a.png") if not tar else ("cat/a.png", "dog/a.png")  # called as severities are, or not
    names = [f"{corruption}/{severity}/{each}" for corruption, severity in KINDS for each in classes]
    path = write_tar(tmp_path / "all.tar", dict.fromkeys(names, 1)) if tar else fill(tmp_path / "set", names)
    source = evaluation(material, path=str(path if asked else path.with_name("elsewhere")), **asked)
    ids = np.array(source.listing.ids if asked else ["fog/1/1/a.png", "fog/2/1/a.png"])
    networks = pd.DataFrame({"network": ["one"], "condition": ["one"], "instance": 1})
    answers = Responses(np.zeros((1, 1, len(ids)), np.int16), np.zeros(len(ids), np.int16), ids, networks)
    found = experiments.corruptions(answers.attributed(source, classes=[]))
    assert (found is None) == (not kinds) and experiments.corruptions(answers) is None
    if kinds:
        assert found.to_numpy().tolist() == [list(kind) for kind in kinds for _ in range(2)]


def test_views_that_do_not_fit_into_memory_together_are_made_one_after_the_other(build, material, monkeypatch):
    monkeypatch.setattr(inference, "free_memory", lambda: 0)
    chosen = evaluation(material)
    lines = make(chosen)
    assert sum("decoded" in line for line in lines) == 2
    in_a_file = chosen.load().predictions
    assert not chosen.unfinished.exists()
    for file in chosen.folder.glob("*.parquet"):
        file.unlink()
    monkeypatch.undo()
    monkeypatch.setenv("DDD_BUILD", str(build))
    make(chosen)
    np.testing.assert_array_equal(in_a_file, chosen.load().predictions)


def test_a_full_disk_is_told_before_anything_is_written(build, material, monkeypatch):
    monkeypatch.setattr(inference, "free_memory", lambda: 0)
    monkeypatch.setattr(inference.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1, 1, 1_000))
    with pytest.raises(
        InputError, match=r"unfinished/net_0-\w+: 0\.00 GB are needed for decoded images of \d+ px, 0\.00 are free"
    ):
        make(evaluation(material))


def test_a_model_more_is_the_only_one_to_be_asked(build, material):
    make(evaluation(material, (0, 1)))
    before = evaluation(material, (0, 1)).load()
    lines = make(evaluation(material, (0, 1, 3)))
    assert len(lines) == 2 and "net 3" in lines[1]
    np.testing.assert_array_equal(evaluation(material, (0, 1)).load().predictions, before.predictions)
    assert make(evaluation(material, (0, 1, 3))) == []


def test_a_model_that_fails_is_named_and_the_others_are_kept(build, material, monkeypatch):
    settings = block(material, (0, 1))
    wide = {
        "model": "test_resnet",
        "name": "wide",
        "arguments": {"in_chans": 4},
        "pretrained": settings["models"][0]["pretrained"],
    }
    failing = described({**settings, "models": [wide, *settings["models"]]})
    with pytest.raises(ExperimentError, match="wide"):
        inference.make(failing)
    assert evaluation(material, (0, 1)).done(failing.config.models[2])
    assert not failing.complete()
    # What is left cannot be made, so no photograph is decoded for it.
    monkeypatch.setattr(photographs.Files, "image", lambda *_: pytest.fail("an image was read"))
    with pytest.raises(ExperimentError, match="wide"):
        inference.make(failing)


def test_a_model_that_breaks_while_answering_is_named_and_the_others_go_on(build, material, monkeypatch):
    plain, calls = inference.answer, []

    def answer(*arguments):
        calls.append(arguments)
        if len(calls) == 1:
            raise RuntimeError("mat1 and mat2\nshapes")
        return plain(*arguments)

    monkeypatch.setattr(inference, "answer", answer)
    with pytest.raises(ExperimentError, match=r"^'net 0': RuntimeError: mat1 and mat2$"):
        make(evaluation(material, (0, 1)))
    assert evaluation(material, (0, 1)).done(evaluation(material, (0, 1)).config.models[1])


def test_a_changed_photograph_is_another_set(build, material, tmp_path):
    folder = tmp_path / "copy"
    (folder / "ant").mkdir(parents=True)
    (folder / "bee").mkdir()
    for name in ("ant", "bee"):
        Image.new("RGB", (30, 30)).save(folder / name / "0.png")
    settings = {**block(material, (0, 1)), "images": str(folder)}
    first = described(settings).folder
    Image.new("RGB", (31, 30), "red").save(folder / "ant" / "0.png")
    assert described(settings).folder != first


def test_no_readable_photograph_is_told_in_a_line(build, material, tmp_path):
    for name in CLASSES:
        (tmp_path / "none" / name).mkdir(parents=True)
        (tmp_path / "none" / name / "0.jpg").write_text("no image")
    settings = {**block(material, (0, 1)), "images": str(tmp_path / "none")}
    with pytest.raises(InputError, match=r"no image can be read: .*0\.jpg"):
        inference.make(described(settings))


@pytest.mark.parametrize(
    ("images", "entry", "message"),
    [
        ({"mapping": {"anr": "tabby"}}, {}, r"the images have no class 'anr' \(did you mean 'ant'\?\)"),
        ({}, {"classes": ["ant", "bee"]}, r"'fc.weight' is of shape \(3, 96\) and not \(2, 96\)"),
        (
            {},
            {"model": "resnet5O", "pretrained": True},
            r"models: unknown model 'resnet5O' \(did you mean 'resnet50'\?\)",
        ),
    ],
)
def test_what_does_not_fit_is_told_before_any_image_is_read(build, material, monkeypatch, images, entry, message):
    monkeypatch.setattr(photographs.Files, "image", lambda *_: pytest.fail("an image was read"))
    settings = block(material, (0, 1), **images)
    settings["models"][1] |= entry
    with pytest.raises(InputError, match=message):
        sources.check([described(settings)])


def test_what_several_sections_need_is_made_once(build, material, monkeypatch, lines):
    monkeypatch.setattr(inference, "answer", lambda *_: (_ for _ in ()).throw(RuntimeError("no")))
    with pytest.raises(ExperimentError, match=r"^'net 0': RuntimeError: no; 'net 1': RuntimeError: no$"):
        sources.compute([evaluation(material, (0, 1)), evaluation(material, (0, 1))])
    assert sum("decoded" in line for line in lines) == 1


def test_in_a_notebook_decoding_and_each_model_are_followed_in_place(build, material, monkeypatch, cell, lines):
    plain = inference.answer

    def answer(network, *given):
        if not broken:
            broken.append(network)
            raise RuntimeError("no")
        return plain(network, *given)

    broken = []
    monkeypatch.setattr(inference, "answer", answer)
    with pytest.raises(ExperimentError, match=r"^'net 0': RuntimeError: no$"):
        inference.make(evaluation(material, (0, 1)))
    assert lines == []
    drawn = [bundle["text/html"] for bundle in cell]
    assert all(logs.PROGRESS in bundle for bundle in cell)
    assert any("images decoded in 0 s, 1 skipped</div>" in html for html in drawn)
    assert "1 of 2 models tested in" in drawn[-1] and "net 0 failed: RuntimeError: no" in drawn[-1]


@pytest.mark.parametrize("error", [MemoryError(), OSError(5, "Input/output error")])
def test_trouble_in_reading_is_no_fault_of_an_image(build, material, monkeypatch, error):
    plain = photographs.Path.read_bytes

    def read_bytes(path):
        if path.name == "2.png":
            raise error
        return plain(path)

    monkeypatch.setattr(photographs.Path, "read_bytes", read_bytes)
    with pytest.raises((InputError, MemoryError)):
        make(evaluation(material, (0, 1)))
    monkeypatch.undo()
    monkeypatch.setenv("DDD_BUILD", str(build))
    make(evaluation(material, (0, 1)))
    assert len(evaluation(material, (0, 1)).load().labels) == 12


@pytest.mark.parametrize("lost", ["images.parquet", "skipped.json", "experiment.json"])
def test_a_lost_description_is_made_anew(build, material, lost):
    before = experiments.responses(block(material, (0, 1)))
    (before.folder / lost).unlink()
    after = experiments.responses(block(material, (0, 1)))
    np.testing.assert_array_equal(before.predictions, after.predictions)
    assert before.info["skipped"] == after.info["skipped"]


def test_what_a_killed_run_has_left_is_removed_first(build, material, monkeypatch):
    chosen = evaluation(material, (0, 1))
    left = chosen.unfinished / chosen.file(chosen.config.models[0]).stem
    left.mkdir(parents=True)
    (left / "32.npy").write_bytes(b"left over")
    seen = []
    plain = inference.decode
    monkeypatch.setattr(inference, "decode", lambda *given: seen.append(left.exists()) or plain(*given))
    make(chosen)
    assert seen == [False]


def test_sets_of_the_same_images_are_described_one_by_one(build, material):
    for seeds in ((0, 1), (0, 1, 2), (0, 1)):
        told = experiments.responses(block(material, seeds)).provenance
        assert told == sources.provenance_of([evaluation(material, seeds)])
        (weights,) = told["source"].values()
        assert weights["weights"] == [f"file {seed}.pth" for seed in seeds]
        assert "training" not in told and "answers computed in" in told


def test_a_folder_is_called_the_same_from_everywhere(material, monkeypatch, tmp_path):
    monkeypatch.setenv("DDD_DATA", str(material))
    found = {described({**block(material), "images": "photos"}).folder}
    monkeypatch.chdir(tmp_path)
    found |= {described({**block(material), "images": "photos"}).folder}
    assert len(found) == 1 and found.pop().name.startswith(f"{material.name}_photos-")


def test_both_decisions_are_kept(build, tmp_path):
    """Three of ImageNet's classes, a network of a thousand outputs: it mostly answers with one of the others."""
    photos = tmp_path / "wordnet"
    random = np.random.default_rng(1)
    for synset in ("n01440764", "n01443537", "n02123045"):
        (photos / synset).mkdir(parents=True)
        for number in range(5):
            Image.fromarray(random.integers(0, 256, (40, 40, 3), np.uint8)).save(photos / synset / f"{number}.png")
    models = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        network = timm.create_model("test_resnet")
        torch.nn.init.normal_(network.fc.weight)
        torch.save(network.state_dict(), tmp_path / f"{seed}.pth")
        weights = {"file": str(tmp_path / f"{seed}.pth")}
        models.append({"model": "test_resnet", "name": str(seed), "pretrained": weights, "preprocessing": {"size": 32}})
    settings = {"models": models, "images": {"path": str(photos), "among": "all"}}
    answers = experiments.alternatives(asked := experiments.responses(settings))
    assert [each.config.images.among for each in answers.values()] == ["present", "all"]
    np.testing.assert_array_equal(asked.predictions, answers["all"].predictions)
    assert set(np.unique(answers["present"].predictions)) <= {0, 1, 281}
    assert not set(np.unique(answers["all"].predictions)) <= {0, 1, 281}
    assert answers["present"].labels.tolist() == [0] * 5 + [1] * 5 + [281] * 5
    assert answers["present"].folder == answers["all"].folder
    row = answers["all"].networks.iloc[0]
    assert row["right_present"] == answers["present"].correct()[0].sum()
    assert row["right_all"] == answers["all"].correct()[0].sum()
    assert (answers["all"].info["classes_all"], answers["all"].info["classes_present"]) == (1_000, 3)


def test_thumbnails_are_the_images_that_were_shown(build, material):
    chosen = block(material, (0, 1))
    found = experiments.responses(chosen)
    # Behind the broken one, positions in the listing are others than in the answers.
    index = [list(found.image_ids).index("bee/3.png"), len(found.image_ids) - 1]
    pictures = found.images(index)
    for picture, name in zip(pictures, found.image_ids[index], strict=True):
        np.testing.assert_array_equal(picture, np.asarray(Image.open(material / "photos" / name)))
    small = found.thumbnails(index, side=10)
    assert all(max(picture.shape) == 10 for picture in small)


def test_photographs_are_listed_once_for_all_that_a_section_asks(build, material, monkeypatch):
    make(evaluation(material, (0, 1)))
    listed, plain = [], evaluations.listing
    monkeypatch.setattr(evaluations, "listing", lambda images: listed.append(images) or plain(images))
    found = experiments.responses(block(material, (0, 1)))
    assert (found.class_names, found.decay_epochs, found.provenance != {}) == (sorted(CLASSES), [], True)
    assert len(found.thumbnails([0, 1])) == 2
    assert experiments.alternatives(found).keys() == {"present", "all"}
    assert len(listed) == 1


def test_a_report_lists_photographs_once(build, material, monkeypatch):
    make(evaluation(material, (0, 1)))
    listed, plain = [], evaluations.listing
    monkeypatch.setattr(evaluations, "listing", lambda images: listed.append(images) or plain(images))
    settings = SotaComparison.model_validate(block(material, (0, 1)))
    preset = params.Preset(name="mine", sota_comparison=settings, subsetting=Subsetting(variants=None))
    needed = sources.needed(preset, ["sota_comparison", "subsetting"])
    assert [section for _, section in needed] == ["sota_comparison", "subsetting"]
    for source, _ in needed:
        assert source.complete() and sources.provenance_of([source])
    assert len(listed) == 1


def test_two_at_once_share_the_work(build, material, lines):
    workers = [threading.Thread(target=inference.make, args=(evaluation(material),)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sum("images/s" in line for line in lines) == 4


def test_some_models_of_a_set_are_made_apart_and_followed(build, material):
    chosen = evaluation(material)
    there = pickle.loads(pickle.dumps(chosen))  # as a job gets it
    assert vars(there).keys() == {"config"} and there.lock(there.config.models[0]).is_relative_to(chosen.folder)
    groups = launch.grouped(launch.missing([chosen], ["section"]), 1)
    assert [[model.label for model in group.runs] for group in groups] == [["net 0", "net 1", "net 2"], ["net 3"]]
    sources.compute_group(groups[1])
    assert [chosen.done(model) for model in chosen.config.models] == [False] * 3 + [True]
    assert not chosen.description_file.exists()
    with machine.lock_if_free(chosen.lock(chosen.config.models[0])):
        told = launch.evaluation_status("section", chosen)
    assert "  1 done, 1 claimed by a process or job at work, 2 missing; about 0 s left" in told
    sources.compute_group(groups[0])
    assert chosen.complete() and not chosen.unfinished.exists()
    assert launch.evaluation_status("section", chosen).endswith("  4 done")


def test_photographs_that_only_another_process_could_read_end_the_work(build, material, monkeypatch):
    first, second = evaluation(material, (0, 1)), evaluation(material, (2, 3))
    plain, row = inference.decode, list(first.listing.ids).index("ant/1.png")

    def decode(*given):  # meanwhile another process has come to the same photographs, and read one more
        if second.positions() is None:
            inference_make(first)
        pixels, unread = plain(*given)
        return pixels, sorted([*unread, (row, "gone")])

    def inference_make(evaluation):
        with monkeypatch.context() as patch:
            patch.setattr(inference, "decode", plain)
            make(evaluation)

    monkeypatch.setattr(inference, "decode", decode)
    with pytest.raises(InputError, match="could be read before cannot be read now: gone"):
        make(second)
    assert first.complete()


KILLED = """
import os, signal, sys
sys.path.insert(0, {tests!r})
from pathlib import Path
import test_evaluations as t
from ddd_utils.experiments import inference
plain, calls = inference.answer, []
def answer(*arguments):
    calls.append(1)
    if len(calls) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return plain(*arguments)
inference.answer = answer
t.make(t.evaluation(Path({material!r})))
"""


def test_a_killed_run_goes_on_with_the_model_it_was_at(build, material):
    script = KILLED.format(tests=str(paths.ROOT / "tests" / "experiments"), material=str(material))
    done = subprocess.run([sys.executable, "-c", script], cwd=paths.ROOT, capture_output=True, env={**os.environ})
    assert done.returncode == -signal.SIGKILL
    chosen = evaluation(material)
    finished = [model for model in chosen.config.models if chosen.done(model)]
    assert len(finished) == 2
    lines = make(chosen)
    assert sum("images/s" in line for line in lines) == 2
    again = chosen.load()
    for file in chosen.folder.iterdir():
        file.unlink()
    make(chosen)
    np.testing.assert_array_equal(again.predictions, chosen.load().predictions)
    for name in CERTAINTY:
        np.testing.assert_array_equal(again.certainty[name], chosen.load().certainty[name])


def test_probabilities_are_kept_and_results_without_them_still_load(build, material):
    chosen = evaluation(material, (0, 1))
    make(chosen)
    found, files = chosen.load(), sorted(str(path.relative_to(material / "photos")) for path in material.rglob("*.png"))
    place = [files.index(name) for name in found.image_ids]
    shares = np.stack([plainly(material, seed)[place] for seed in (0, 1)])
    ordered = np.sort(shares, axis=2)
    np.testing.assert_allclose(found.probability, ordered[..., -1], atol=5e-4)
    np.testing.assert_allclose(found.margin, ordered[..., -1] - ordered[..., -2], atol=5e-4)
    np.testing.assert_allclose(
        found.probability_label, shares[:, np.arange(len(found.labels)), found.labels], atol=5e-4
    )
    shares[:, np.arange(len(found.labels)), found.labels] *= -1
    sure = margins.decision_margins(found.correct(), **found.certainty)
    assert sure.exact
    np.testing.assert_allclose(sure.values, -shares.min(axis=2) - shares.max(axis=2), atol=1e-3)
    assert set(chosen.description()["checksums"]) == {file.name for file in chosen.files()} - {"experiment.json"}
    older = chosen.config.models[0]
    for among in SUFFIX:  # as the versions before wrote them
        path = chosen.file(older, among)
        write_predictions(path, read_predictions(path, len(found.labels)), read_metadata(path))
    (chosen.folder / "experiment.json").unlink()
    assert not any("images/s" in line for line in make(chosen)) and chosen.complete()
    assert np.isnan(chosen.load().probability[0]).all() and np.isfinite(chosen.load().probability[1]).all()
    np.testing.assert_array_equal(chosen.load().predictions, found.predictions)


def test_a_torn_file_is_made_anew(build, material):
    chosen = block(material, (0, 1))
    before = experiments.responses(chosen)
    torn = evaluation(material, (0, 1)).file(evaluation(material, (0, 1)).config.models[0])
    torn.write_bytes(torn.read_bytes()[:-20])
    torn.with_name(f".{torn.name}.a1b2c3d4").write_bytes(b"what a killed process was writing")
    np.testing.assert_array_equal(experiments.responses(chosen).predictions, before.predictions)
    assert list(torn.parent.glob("*.damaged")) and not list(torn.parent.glob(".*"))


def test_published_accuracies_are_compared_on_the_whole_validation_set_alone():
    networks = pd.DataFrame(
        {"network": list("abc"), "expected_top1": [0.7, 0.8, np.nan], "own_transform": [True, False, None]}
    )
    known = {True: {"a": 0.7}, False: {}}
    cases = {(50_000, True): True, (49_960, True): True, (5_000, True): False, (50_000, False): False}
    for (images, on_imagenet), comparable in cases.items():
        found = SimpleNamespace(labels=np.zeros(images), info={"on_imagenet": on_imagenet}, networks=networks)
        assert evaluations._expected(found) == known[comparable]
        found.networks = networks[["network"]]
        assert evaluations._expected(found) == {}
