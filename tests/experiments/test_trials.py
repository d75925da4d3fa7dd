"""People's trials of model-vs-human: read, checked, named as missing, and joined to networks' answers."""

import os
from pathlib import Path

import numpy as np
import pytest
import yaml
from public_files import register

from ddd_utils.data import downloads
from ddd_utils.errors import InputError
from ddd_utils.experiments import trials
from ddd_utils.responses import Responses

SUMS = Path(os.environ.get("DDD_DATA", "")) / "sha256.yaml"
HEAD = "subj,Session,trial,rt,object_response,category,condition,imagename"
SHOWN = [("cat", "cr", "n1_a.png"), ("dog", "cr", "n1_b.png"), ("cat", "NA", "n2_c.png")]


def file(folder, number, answers, shown=SHOWN):
    rows = [
        f"subject-0{number},1,{trial},0.5,{answer},{category},{condition},"
        f"{trial:04d}_cl_s0{number}_{condition}_{category}_40_n0000000{image[1]}_{image[3:]}"
        for trial, (answer, (category, condition, image)) in enumerate(zip(answers, shown, strict=True), 1)
    ]
    path = folder / f"colour_subject-0{number}_session_1.csv"
    path.write_text("\n".join([HEAD, *rows]) + "\n")
    return path


def test_everyone_is_right_or_wrong_about_the_same_images(tmp_path):
    paths = [file(tmp_path, 1, ["cat", "na", "cat"]), file(tmp_path, 2, ["dog", "dog", "dog"])]
    found = trials.read_trials(paths)
    assert found.people == ["subject-01", "subject-02"]
    seen = dict(zip(found.images, zip(found.conditions, *found.correct, strict=True), strict=True))
    assert seen == {  # a condition "NA" is a name, and no answer is wrong
        "n00000001_a.png": ("cr", True, False),
        "n00000001_b.png": ("cr", False, True),
        "n00000002_c.png": ("NA", True, False),
    }


@pytest.mark.parametrize("fault", ["fewer", "twice", "other condition", "other columns"])
def test_a_faulty_set_is_refused_in_one_line(tmp_path, fault):
    shown = {
        "fewer": SHOWN[:2],
        "twice": [*SHOWN, SHOWN[0]],
        "other condition": [*SHOWN[:2], ("cat", "bw", "n2_c.png")],
        "other columns": SHOWN,
    }[fault]
    paths = [file(tmp_path, 1, ["cat", "dog", "cat"]), file(tmp_path, 2, ["cat"] * len(shown), shown)]
    if fault == "other columns":
        for path in paths:
            path.write_text(path.read_text().replace("object_response", "answer"))
    with pytest.raises(InputError) as refused:
        trials.read_trials(paths)
    assert str(tmp_path) in str(refused.value) and "\n" not in str(refused.value)


def test_a_set_that_cannot_be_had_is_named(tmp_path, monkeypatch):
    names = {f"{name}/colour_subject-0{number}_session_1.csv": None for name in ("a", "b") for number in (1, 2)}
    register(monkeypatch, tmp_path, model_vs_human=[{"from": "raw-data", "files": names}])
    (tmp_path / "model_vs_human" / "a").mkdir(parents=True)
    for number in (1, 2):
        file(tmp_path / "model_vs_human" / "a", number, ["cat", "dog", "cat"])
    monkeypatch.setenv("DDD_DATA", str(tmp_path))
    found = trials.observed_sets()
    assert list(found.sets) == ["a"] and list(found.missing) == ["b"]
    assert "b/colour_subject-01" in found.missing["b"]
    downloads.registry.cache_clear()


def test_networks_are_joined_by_image_whatever_the_order_and_the_form(tmp_path):
    people = trials.read_trials([file(tmp_path, n, ["cat", "dog", "dog"]) for n in (1, 2)])
    observed = trials.ObservedSets({"colour": people}, {})
    (tmp_path / "own.csv").write_text(
        "model,image,correct\n"
        + "".join(
            f"{model},{image},{int(image.endswith(right))}\n"
            for model, right in (("one", "c.png"), ("two", "a.png"))
            for image in [*people.images[::-1], "further.png"]
        )
    )
    name, correct = observed.seen_by(Responses.from_table(tmp_path / "own.csv"))
    assert name == "colour" and people.images.tolist()[0] == "n00000002_c.png"
    assert np.array_equal(correct, [[True, False, False], [False, True, False]])
    text = (tmp_path / "own.csv").read_text().replace("n00000001_b.png", "n00000001_x.png")
    (tmp_path / "own.csv").write_text(text)
    with pytest.raises(InputError, match=r"of any set, but 'n00000001_x\.png' \(did you mean 'n00000001_b\.png'"):
        observed.seen_by(Responses.from_table(tmp_path / "own.csv"))


@pytest.mark.skipif(not SUMS.is_file(), reason="DDD_DATA names no folder with sha256.yaml")
def test_the_registry_has_all_files_with_their_sums():
    wanted = yaml.safe_load(SUMS.read_text())["model_vs_human"]
    known = {file.path: file.sha256 for name, file in downloads.registry().items() if name.startswith("model_vs_human")}
    assert known == wanted and len(known) == 90
    assert len({path.split("/")[1] for path in known}) == 17
