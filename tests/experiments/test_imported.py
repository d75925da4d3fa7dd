"""What is only read is checked once, kept like any experiment's results, and found again by what is in it."""

import json
import os
import threading

import numpy as np
import pandas as pd
import pytest
from public_files import NAMES, register, write_imagenet

from ddd_utils import cli, experiments, machine
from ddd_utils.config import params
from ddd_utils.config.schema import Published, Table
from ddd_utils.data import downloads
from ddd_utils.data.class_spaces import imagenet_names
from ddd_utils.errors import InputError
from ddd_utils.experiments import sources
from ddd_utils.experiments.published import CLASS_INFO, LABEL_ERRORS, SCORES, Imported
from ddd_utils.experiments.published_models import PREDICTIONS
from ddd_utils.responses import Responses

HOSTILE = ["a/b", "../up", "images", "ResNet", "resnet", "ж" * 300, "x" * 300, "con tains.dots and  spaces", "", "-rf"]


@pytest.fixture
def build(monkeypatch, tmp_path):
    monkeypatch.setenv("DDD_BUILD", str(tmp_path / "build"))
    return tmp_path / "build"


def write_table(path, right=(1, 0, 0, 1), images=("i", "j")):
    rows = [(model, image) for model in ("one", "two") for image in images]
    frame = pd.DataFrame(rows, columns=["model", "image"]).assign(correct=right)
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.to_csv(path, index=False)
    return Imported(Table(path=str(path)))


def test_a_table_is_kept_and_loaded_as_read(build, tmp_path, lines):
    table = write_table(tmp_path / "mine.csv")
    assert not table.complete()
    table.make()
    assert table.complete()
    assert lines == ["table mine.csv: 2 models, 2 images"]
    read, kept = Responses.from_table(tmp_path / "mine.csv"), table.load()
    assert np.array_equal(kept.predictions, read.predictions)
    assert kept.image_ids.tolist() == ["i", "j"]
    assert kept.networks["network"].tolist() == ["one", "two"]
    assert kept.info["device"] == "table mine.csv"
    assert kept.info["on_imagenet"] is False


def test_a_table_is_no_data_set_and_keeps_its_class_names(build, tmp_path):
    rows = [(model, image, image) for model in ("one", "two") for image in ("cat", "dog")]
    frame = pd.DataFrame(rows, columns=["model", "image", "label"]).assign(prediction="dog")
    frame.to_csv(tmp_path / "imagenet.csv", index=False)
    table = Imported(Table(path=str(tmp_path / "imagenet.csv")))
    table.make()
    info = table.load().info
    assert table.folder.name.startswith("imagenet-")
    assert (info["dataset"], info["file"], info["labels_known"]) == ("table", "imagenet.csv", True)
    assert info["classes"] == table.load().class_names == ["cat", "dog"]


def test_a_table_is_read_once(build, tmp_path, monkeypatch):
    write_table(tmp_path / "mine.csv").make()
    monkeypatch.setattr(Responses, "from_table", lambda path, missing: pytest.fail("read again"))
    experiments.responses({"responses": str(tmp_path / "mine.csv")})


def test_changed_bytes_are_another_folder_and_the_same_bytes_are_not(build, tmp_path):
    first = write_table(tmp_path / "mine.csv").folder
    assert write_table(tmp_path / "elsewhere" / "mine.csv").folder == first
    assert write_table(tmp_path / "mine.csv", (1, 1, 0, 1)).folder != first


@pytest.mark.parametrize(
    "name", ["my models.v2.csv", ".csv", "ä" * 90 + ".csv", "..csv", "x" * 200 + ".csv", "a;$(b)'.csv"]
)
def test_any_file_name_gives_a_sane_folder(build, tmp_path, name):
    table = write_table(tmp_path / name)
    table.make()
    assert table.folder.parent == build / "results"
    assert table.folder.name.replace("-", "").replace("_", "").isalnum()
    assert len(table.folder.name) < 60
    assert sorted(path.name for path in (build / "results").iterdir()) == [
        table.folder.name,
        f"{table.folder.name}.lock",
    ]


@pytest.mark.parametrize("names", [HOSTILE, HOSTILE[::-1]])
def test_any_model_names_are_saved_each_to_its_own_file(tmp_path, names):
    predictions = np.arange(len(names), dtype=np.int16)[:, None, None]
    networks = pd.DataFrame({"network": names, "condition": names, "instance": 1})
    Responses(predictions, np.zeros(1, np.int16), np.array(["i"]), networks).save(tmp_path / "kept")
    again = Responses.load(tmp_path / "kept")
    assert again.networks["network"].tolist() == names
    assert again.predictions.ravel().tolist() == list(range(len(names)))
    files = [path.name for path in (tmp_path / "kept").iterdir()]
    assert len({name.casefold() for name in files}) == len(files) == len(names) + 2
    assert all(name.isascii() and len(name) < 120 and name[0] not in ".-" for name in files)
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_a_lost_file_is_made_anew(build, tmp_path):
    table = write_table(tmp_path / "mine.csv")
    table.make()
    for lost in ("one.parquet", "images.parquet", "experiment.json"):
        (table.folder / lost).unlink()
        assert not table.complete()
        table.make()
        assert table.complete()


@pytest.mark.parametrize("name", ["two.parquet", "images.parquet", "experiment.json"])
def test_a_torn_file_is_set_aside_by_name_and_made_anew(build, tmp_path, name, lines):
    table = write_table(tmp_path / "mine.csv")
    table.make()
    lines.clear()
    (table.folder / name).write_bytes(b"PAR1")
    assert not table.complete()
    sources.compute([table])
    assert lines[0] == f"{table.folder / name}: torn or damaged; it is now {name}.damaged, and is made anew"
    assert table.complete()
    assert (table.folder / f"{name}.damaged").read_bytes() == b"PAR1"


def test_an_interrupted_import_is_not_taken_for_complete(build, tmp_path, monkeypatch):
    table = write_table(tmp_path / "mine.csv")
    with monkeypatch.context() as patch:
        patch.setattr("ddd_utils.responses.answers.write_json", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            table.make()
    assert (table.folder / "one.parquet").exists()
    assert not table.complete()


def test_what_a_killed_process_was_writing_is_removed(build, tmp_path):
    table = write_table(tmp_path / "mine.csv")
    table.folder.mkdir(parents=True)
    for name in ("one.parquet", "images.parquet", "experiment.json"):
        (table.folder / f".{name}.a1b2c3d4").write_bytes(b"half")
    table.make()
    assert table.complete() and not list(table.folder.glob(".*"))


def test_a_faulty_table_keeps_nothing(build, tmp_path):
    table = write_table(tmp_path / "mine.csv", (1, 0, "perhaps", 1))
    with pytest.raises(InputError, match=r"mine\.csv"):
        table.make()
    assert not table.folder.exists()


def test_two_processes_do_not_import_at_once(build, tmp_path, lines):
    table = write_table(tmp_path / "mine.csv")
    taken, release = threading.Event(), threading.Event()

    def hold():
        with machine.lock_if_free(table.folder.with_suffix(".lock")):
            taken.set()
            release.wait()

    lines.heard = lambda line: release.set()
    holder = threading.Thread(target=hold)
    holder.start()
    taken.wait()
    table.make()
    holder.join()
    assert lines[0] == f"waiting for another process that computes {table.folder.name} (pid {os.getpid()})"
    assert table.complete()


def test_a_table_has_no_images_training_or_running_statistics(build, tmp_path):
    write_table(tmp_path / "mine.csv")
    what = {"responses": str(tmp_path / "mine.csv")}
    answers = experiments.responses(what)
    assert (answers.class_names, answers.decay_epochs, answers.has_images) == (["0"], [], False)
    for pictures in (answers.images, answers.thumbnails):
        with pytest.raises(InputError, match=r"mine-[0-9a-f]{8}: .* come without images"):
            pictures([0])
    assert experiments.alternatives(answers) == {}


def test_a_report_tells_where_a_table_is_from(build, tmp_path):
    table = write_table(tmp_path / "mine.csv")
    preset = params.load("quick", [f"sota_comparison.responses={tmp_path / 'mine.csv'}"])
    ((source, _),) = sources.needed(preset, ["sota_comparison"])
    assert sources.provenance_of([source]) == {}
    sources.compute([table])
    told = sources.provenance_of([source])
    assert told == table.load().provenance
    assert told["device"] == "table mine.csv"
    assert len(told["source"][table.folder.name]["SHA-256"]) == 64
    assert "training" not in told


@pytest.fixture
def imagenet(build, tmp_path, monkeypatch):
    folder = tmp_path / "data"
    write_imagenet(folder, {"alpha": np.zeros((4, 5), int), "beta": np.eye(4, 5, dtype=int)})
    truth = {"from": "a", "files": {"class_info.json": None, "imagenet-validation-original.json": None}}
    predictions = {
        "from": "b",
        "to": "predictions",
        "files": {f"{name}.npy": None for name in ("alpha", "beta", "gamma")},
    }
    authors = {"from": "c", "files": {"label_errors.npy": None, "Rebuttal_mean_decisions_correct.npy": None}}
    register(monkeypatch, tmp_path, imagenetv2=[truth, predictions], meding2022=[authors])
    monkeypatch.setenv("DDD_DATA", str(folder))
    monkeypatch.setattr("ddd_utils.experiments.published.IMAGES", 4)
    yield folder
    downloads.registry.cache_clear()


def test_published_predictions_are_kept_with_their_origin(imagenet, lines):
    what = Imported(Published(published="imagenet"))
    what.make()
    responses = what.load()
    assert what.folder.name.startswith("imagenet-")
    assert responses.image_ids.tolist() == NAMES
    assert lines[-1] == "published predictions: 2 models, 4 images"
    assert sum(line.startswith("left out: meding2022/") for line in lines) == 2
    info = json.loads((what.folder / "experiment.json").read_text())
    assert info["source"]["repository"] == "https://github.com/someone/something/tree/abc (licence: MIT)"
    assert info["source"]["SHA-256 not known"] == ["class_info", "imagenet-validation-original", "alpha", "beta"]
    assert responses.class_names == list(imagenet_names())


def test_a_table_of_imagenet_images_comes_with_what_is_published_about_them(imagenet, tmp_path, lines):
    (imagenet / CLASS_INFO).unlink()
    (imagenet / "meding2022").mkdir()
    np.save(imagenet / LABEL_ERRORS, np.zeros(4))
    write_table(tmp_path / "mine.csv", images=NAMES[:2]).make()
    assert [line.split(": ")[1] for line in lines if line.startswith("left out: ")] == [
        CLASS_INFO,
        SCORES,
    ]
    assert lines[-1] == "table mine.csv: 2 models, 2 images"


def test_nothing_is_fetched_for_a_table_of_other_images(imagenet, tmp_path, monkeypatch, lines):
    monkeypatch.setattr("ddd_utils.experiments.published.fetch", None)
    write_table(tmp_path / "mine.csv", images=(NAMES[0], "j")).make()
    assert lines == ["table mine.csv: 2 models, 2 images"]


def test_another_choice_of_models_or_answers_is_another_folder(imagenet):
    def folder(**choice):
        return Imported(Published(published="imagenet", **choice)).folder

    before = folder()
    assert folder(models=["alpha", "beta"]) == before
    assert folder(top=5) != before
    np.save(imagenet / f"{PREDICTIONS}/gamma.npy", np.zeros((4, 5), int))
    assert folder() != before
    assert folder(models=["alpha", "beta"]) == before
    np.save(imagenet / f"{PREDICTIONS}/alpha.npy", np.ones((4, 5), int))
    assert folder(models=["alpha", "beta"]) != before


def error_of(arguments, capsys):
    assert cli.main(["report", *arguments]) == 2
    return capsys.readouterr().err


def test_a_report_on_a_faulty_table_ends_before_anything_is_trained(build, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("ddd_utils.experiments.launch.train", lambda *_: pytest.fail("trained"))
    write_table(tmp_path / "mine.csv", (1, 0, "perhaps", 1))
    error = error_of(["smoke", "--set", f"sota_comparison.responses={tmp_path / 'mine.csv'}"], capsys)
    assert "'perhaps'" in error
    assert error.count("\n") == 1
    assert not list(build.rglob("*.parquet"))


@pytest.mark.parametrize(
    ("models", "message"),
    [
        ("[alpha, betta]", "no published predictions of 'betta' (did you mean 'beta'?)"),
        ("[alpha, gamma]", "imagenetv2/predictions/gamma.npy: not downloaded, as its SHA-256 is not known; put a copy"),
    ],
)
def test_a_report_on_models_that_cannot_be_had_ends_in_one_line(imagenet, build, capsys, models, message):
    error = error_of(["published", "--set", f"sota_comparison.responses.models={models}"], capsys)
    assert message in error
    assert error.count("\n") == 1
    assert not list(build.rglob("*.parquet"))


TRUTH = [0, 0, 1, 2]
CALLED = {
    "names": ["tench", "tench", "goldfish", "great white shark"],
    "names in other letters": ["Tench", "TENCH", "carassius_auratus", "great-white shark"],
    "names of one's own": ["Schleie", "Schleie", "goldfish", "2"],
    "WordNet ids": ["n01440764", "n01440764", "n01443537", "n01484850"],
    "numbers": TRUTH,
}


def about_imagenet(path, labels, predictions):
    rows = [(model, image) for model in ("one", "two") for image in NAMES]
    frame = pd.DataFrame(rows, columns=["model", "image"]).assign(label=[*labels, *labels], prediction=predictions)
    frame.to_csv(path, index=False)
    return Imported(Table(path=str(path)))


@pytest.mark.parametrize("how", CALLED)
def test_classes_of_imagenets_images_are_told_whatever_they_are_called(imagenet, tmp_path, how):
    labels = CALLED[how]
    answers = about_imagenet(tmp_path / "mine.csv", labels, [*labels, *reversed(labels)])
    answers.make()
    found = answers.load()
    assert (found.labels.tolist(), found.predictions[1, 0].tolist()) == (TRUTH, TRUTH[::-1])
    assert found.info["on_imagenet"] and found.info["by_file_name"] == {"differ": 0, "right": [1.0, 0.0]}
    assert how == "numbers" or found.class_names == list(imagenet_names())


def test_the_labels_of_imagenets_images_are_known_where_only_who_is_right_is_told(imagenet, tmp_path):
    table = write_table(tmp_path / "mine.csv", right=[1, 0, 1, 1, 0, 0, 0, 1], images=NAMES)
    table.make()
    found = table.load()
    assert found.labels.tolist() == TRUTH and found.info["on_imagenet"] and found.info["labels_known"]
    assert found.predictions[:, 0].tolist() == [[0, -1, 1, 2], [-1, -1, -1, 2]]


def test_labels_that_are_not_imagenets_are_counted_beside_what_imagenets_say(imagenet, tmp_path):
    table = about_imagenet(tmp_path / "mine.csv", [1, 1, 2, 3], [*TRUTH, 0, 0, 0, 0])
    table.make()
    info = table.load().info
    assert not info["on_imagenet"] and info["by_file_name"] == {"differ": 4, "right": [1.0, 0.5]}


def test_a_class_name_that_imagenet_has_not_is_named(imagenet, tmp_path):
    labels = CALLED["names"]
    with pytest.raises(InputError, match=r"'goldfsh' is the label of no image, .* \(did you mean 'goldfish'\?\)"):
        about_imagenet(tmp_path / "mine.csv", labels, [*labels, *labels[:2], "goldfsh", "hen"]).make()


def test_what_becomes_of_missing_answers_is_part_of_what_is_kept(imagenet, tmp_path):
    table = about_imagenet(
        tmp_path / "mine.csv", CALLED["names"], ["tench", "", *CALLED["names"][2:], *CALLED["names"]]
    )
    with pytest.raises(InputError, match="row 3: 'prediction' is empty"):
        table.make()
    wrong, without = (Imported(Table(path=table.config.path, missing=how)) for how in ("wrong", "leave_out"))
    for each in (wrong, without):
        each.make()
    assert len({each.folder for each in (table, wrong, without)}) == 3
    assert wrong.load().correct().sum() == 7 and without.load().image_ids.tolist() == [NAMES[0], *NAMES[2:]]
