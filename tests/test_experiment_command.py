"""`python -m ddd_utils experiment` from what is typed to the page, with made responses instead of trained ones."""

import json
import re
import shutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup

from ddd_utils import cli, experiments, paths
from ddd_utils.experiments.store import Experiment
from ddd_utils.responses import Responses

TRIVIAL, IMPOSSIBLE = 40, 12


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("DDD_BUILD", str(tmp_path / "build"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def computed(monkeypatch):
    """Six networks that agree on every image, whatever the preset asks for."""
    images = TRIVIAL + IMPOSSIBLE
    predictions = np.where(np.arange(images) < TRIVIAL, 0, 1).astype(np.int16)
    networks = pd.DataFrame({"network": list("abcdef"), "condition": list("abcdef"), "instance": 1})
    made = Responses(
        np.tile(predictions, (6, 1, 1)),
        np.zeros(images, np.int16),
        np.array([f"image {k}" for k in range(images)]),
        networks,
        {"dataset": "digits"},
        source=SimpleNamespace(images=[np.full((8, 8, 3), k, np.uint8) for k in range(images)]),
    )
    monkeypatch.setattr(Experiment, "complete", lambda self: True)
    monkeypatch.setattr(experiments, "responses", lambda *_: made)


def study(path):
    return json.loads(
        BeautifulSoup(path.read_text("utf-8"), "html.parser").find("script", type="application/json").string
    )


def failed(capsys, *arguments):
    assert cli.main(["experiment", *arguments]) == cli.EXIT_INPUT
    line = capsys.readouterr().err
    assert line.startswith("error: ") and line.count("\n") == 1
    return line


def test_the_page_is_written_and_the_same_seed_makes_the_same_bytes(computed, place, capsys):
    for name, seed in (("one", "7"), ("two", "7"), ("three", "8")):
        assert cli.main(["experiment", "quick", "--trials", "10", "--seed", seed, "--out", f"{name}.html"]) == 0
    said = capsys.readouterr()
    assert said.out.splitlines() == ["one.html", "two.html", "three.html"]
    assert said.err.splitlines()[0] == "sota_comparison: 10 trials with 10 trivial and 10 impossible images"
    one, two, three = ((place / f"{name}.html").read_bytes() for name in ("one", "two", "three"))
    assert one == two != three
    found = study(place / "one.html")
    assert len(found["trials"]) == 10 and len(found["practice"]) == 6 and found["feedback"] == "delayed"
    for trial in found["trials"]:
        names = {side: int(found["names"][trial[side]].split()[1]) for side in ("left", "right")}
        assert (names[trial["impossible"]] >= TRIVIAL) and min(names.values()) < TRIVIAL


def test_images_seen_again_are_counted(computed, capsys):
    assert cli.main(["experiment", "quick", "--section", "training_variants", "--feedback", "immediate"]) == 0
    said = capsys.readouterr().err
    assert said.startswith("training_variants: 149 trials with 40 trivial and 12 impossible images, each shown up to")


def test_the_folder_of_a_report_stands_for_its_preset(computed, place, capsys):
    folder = place / "build" / "mine"
    folder.mkdir(parents=True)
    assert "there is no mine.yaml in this folder" in failed(capsys, "build/mine")
    shutil.copy(paths.PARAMS / "quick.yaml", folder / "mine.yaml")
    assert cli.main(["experiment", "build/mine", "--trials", "3"]) == 0
    assert len(study(place / "experiment.html")["trials"]) == 3


def test_too_few_images_are_counted_in_one_line(computed, capsys, monkeypatch):
    made = experiments.responses()
    alike = replace(made, predictions=made.predictions * 0)
    monkeypatch.setattr(experiments, "responses", lambda *_: alike)
    line = failed(capsys, "quick")
    assert re.search(r"sota_comparison: 52 trivial and 0 impossible images \(M = 6, tolerance 1\) are too few", line)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["quick", "--trials", "150"], "--trials 150: from 1 to 149"),
        (["quick", "--trials", "0"], "--trials 0: from 1 to 149"),
        (["quik"], "did you mean 'quick'"),
        (["quick", "--set", "training_variants.tolerance=1"], "--set training_variants.tolerance=1"),
        (["quick"], "sota_comparison is not computed yet: run `python -m ddd_utils train quick --sections sota_comp"),
        (["cifar10", "--section", "sota_comparison"], "preset 'cifar10' has no section 'sota_comparison'"),
        (["published"], "sota_comparison: these answers come without images"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(capsys, arguments, said):
    assert said in failed(capsys, *arguments)
