"""Your models on your images, in one change of a parameter: the report has all of it, whatever the names."""

import json
import re
from html import unescape
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import timm
import torch
import yaml
from PIL import Image
from test_report import run

from ddd_utils import cli
from ddd_utils.config import params
from ddd_utils.experiments.evaluations import Evaluation
from ddd_utils.report import run as run_notebooks

SYNSETS = {"n01440764": "tench", "n01443537": "goldfish", "n02123045": "tabby"}
MODELS = ["<b>bold</b>", "net & co", "third $x$", "fourth", "fifth"]
FILES = ["plain.png", "<i>odd</i>.png".replace("/", "∕"), "a b'c.png", "d.png"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Five models of a thousand outputs that mostly know the colour by which the three classes differ."""
    folder = tmp_path_factory.mktemp("mine")
    random = np.random.default_rng(0)
    for channel, synset in enumerate(SYNSETS):
        (folder / "my photos" / synset).mkdir(parents=True)
        for name in FILES:
            pixels = random.integers(0, 160, (48, 64, 3), np.uint8)
            pixels[..., channel] += random.integers(0, 90, dtype=np.uint8)
            Image.fromarray(pixels).save(folder / "my photos" / synset / name)
    (folder / "my photos" / "n01440764" / "torn & <u>.jpg").write_bytes(b"\xff\xd8 no photograph")
    entries = []
    for number, name in enumerate(MODELS):
        torch.manual_seed(number)
        network = timm.create_model("test_resnet")
        torch.nn.init.normal_(network.fc.weight)
        torch.save(network.state_dict(), folder / f"{number}.pth")
        entries.append({"model": "test_resnet", "name": name, "pretrained": {"file": f"{number}.pth"}})
        entries[-1]["preprocessing"] = {"size": 32, "interpolation": "bilinear"}
    (folder / "my_models.yaml").write_text(yaml.safe_dump(entries))
    asked = f"sota_comparison={{models: {folder / 'my_models.yaml'}, images: {folder / 'my photos'}}}"
    report = run(folder / "build", "photographs", "--sections", "sota_comparison", "--set", asked)
    assert report.returncode == 0, report.stderr
    return folder, asked, Path(report.stdout.strip()), report.stdout


def test_the_report_shows_models_images_and_both_decisions(made, monkeypatch):
    folder, asked, path, told = made
    page = path.read_text("utf-8")
    monkeypatch.setenv("DDD_BUILD", str(folder / "build"))
    found = Evaluation(params.load("photographs", [asked]).sota_comparison.experiment).load()
    assert len(found.labels) == 12
    for row in found.networks.itertuples():
        assert f"{row.right_present / 12:.1%}" in page and f"{row.right_all / 12:.1%}" in page
    text = unescape(re.sub(r"<[^>]+>", "", page))
    for said in ("among the 3 classes present", "among all 1,000 classes", *SYNSETS.values()):
        assert said in text
    assert told == f"{path}\n"
    assert page.count("data:image/") >= 3


def test_names_from_outside_are_text(made):
    page = made[2].read_text("utf-8")
    for harmful in ("<b>bold", "<i>odd", "<u>"):
        assert harmful not in page
    assert "&lt;b&gt;bold&lt;/b&gt;" in page
    assert "torn &amp; &lt;u&gt;.jpg" in page


def test_paths_of_this_machine_stay_out_but_for_what_was_asked(made):
    folder, page = made[0], made[2].read_text("utf-8")
    places = {match.start() for match in re.finditer(re.escape(str(folder)), page)}
    parameters = [
        match.span()
        for match in re.finditer(r"<dl.*?</dl>|<table.*?</table>|<details.*?</details>|<pre.*?</pre>", page, re.S)
    ]
    assert all(any(start <= place < stop for start, stop in parameters) for place in places)


def test_a_second_run_has_nothing_to_compute(made, capsys, monkeypatch):
    folder, asked, _, _ = made
    monkeypatch.setenv("DDD_BUILD", str(folder / "build"))
    assert cli.main(["train", "photographs", "--set", asked]) == 0
    assert capsys.readouterr().err == ""


def test_the_difficulty_of_each_photograph_can_be_taken_away(made):
    found = pd.read_csv(made[2].with_name("difficulty.csv"))
    assert set(found["image"]) == {f"{synset}/{name}" for synset in SYNSETS for name in FILES}
    assert set(found["label"]) == set(SYNSETS.values())


def test_a_mistyped_name_is_told_before_any_image_is_read(made, capsys, monkeypatch):
    folder = made[0]
    monkeypatch.setenv("DDD_BUILD", str(folder / "other"))
    asked = f"sota_comparison={{models: [resnet5O, resnet18], images: '{folder / 'my photos'}'}}"
    assert cli.main(["report", "photographs", "--set", asked]) == 2
    told = capsys.readouterr().err.splitlines()
    assert told == ["error: sota_comparison.models: unknown model 'resnet5O' (did you mean 'resnet50'?)"]


def test_a_model_that_cannot_be_had_is_told_and_the_rest_is_kept(made, capsys, monkeypatch):
    folder = made[0]
    monkeypatch.setenv("DDD_BUILD", str(folder / "third"))
    weights = {"url": "https://127.0.0.1:9/never.pth", "sha256": "0" * 64}
    entries = yaml.safe_load((folder / "my_models.yaml").read_text())[:1]
    entries[0]["pretrained"]["file"] = str(folder / "0.pth")
    (folder / "one_missing.yaml").write_text(yaml.safe_dump([*entries, {"model": "resnet18", "pretrained": weights}]))
    asked = f"sota_comparison={{models: {folder / 'one_missing.yaml'}, images: {folder / 'my photos'}}}"
    assert cli.main(["train", "photographs", "--set", asked]) == 1
    assert "error: 'resnet18': weights/never.pth: no connection while downloading" in capsys.readouterr().err
    assert list((folder / "third" / "results").glob("*/*bold*.parquet"))
    started = []
    monkeypatch.setattr(run_notebooks, "_one", started.append)
    settings = ["--sections", "sota_comparison", "--set", asked]
    assert cli.main(["report", "photographs", *settings]) == 1
    told = capsys.readouterr()
    assert started == [] and told.err.count("never.pth: no connection") == 1  # no notebook starts to try again
    page = Path(told.out.strip()).read_text("utf-8")
    assert "no connection while downloading" in page and "failed: sota_comparison (see the report)" in told.err


def test_status_tells_how_many_models_are_done(made, capsys, monkeypatch):
    folder, asked, _, _ = made
    monkeypatch.setenv("DDD_BUILD", str(folder / "build"))
    assert cli.main(["status", "photographs", "--set", asked]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("sota_comparison: ") and line.endswith("  5 done")
    assert cli.main(["status", "photographs"]) == 0
    assert "there is no image folder '/data/imagenet/val'" in capsys.readouterr().out


def test_the_answers_are_described(made):
    folder = made[0]
    (described,) = (folder / "build" / "results").glob("*/experiment.json")
    found = json.loads(described.read_text())
    assert [row["network"] for row in found["networks"]] == MODELS
    assert found["source"]["weights"][0] == "file 0.pth"
