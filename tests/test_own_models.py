"""Responses that were not made here: a user's table and published predictions go in, the sections come out."""

import json
import os
import re
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from light_installation import variables
from run_here import run_here
from test_report import run

from ddd_utils import cli
from ddd_utils.config import params

MODELS = ["a/b:1", "<b>bold</b>", "ResNet 50", "vit", "übernetz", "last"]


def answers(models=MODELS, images=300, classes=7, seed=0):
    """Answer with models that share the images' difficulty; wrong answers are the next class."""
    rng = np.random.default_rng(seed)
    difficulty, label = rng.normal(0, 2, images), rng.integers(classes, size=images)
    ability = np.linspace(0, 2, len(models))[:, None]
    right = rng.logistic(size=(len(models), images)) < ability - difficulty
    table = pd.DataFrame({"model": np.repeat(models, images), "image": np.tile(np.arange(images), len(models))})
    table["image"] = table["image"].map("img_{:03d}.png".format)
    table["label"] = np.tile(label, len(models))
    return table.assign(prediction=np.where(right, label, (label + 1) % classes).ravel(), right=right.ravel())


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A report on a table, in a light installation."""
    build = tmp_path_factory.mktemp("build")
    table = answers()
    table.drop(columns="right").to_csv(build / "my models.csv", index=False)
    setting = f"sota_comparison.responses={build / 'my models.csv'}"
    sections = ["--sections", "sota_comparison", "subsetting"]
    report = run(build, "published", *sections, "--set", setting, **variables(build))
    assert report.returncode == 0, report.stderr
    page = Path(report.stdout.strip())
    return build, table, page.read_text("utf-8"), page.parent


def shown_here(folder, monkeypatch, **parameters):
    """Run both sections in this process on a table; return what they show, and the folder of what they write."""
    monkeypatch.setenv("DDD_BUILD", str(folder))
    settings = [f"sota_comparison.responses={folder / 'mine.parquet'}", "subsetting.variants=null"]
    preset = params.load("smoke", settings)
    preset.write()
    texts = [
        run_here(section, monkeypatch, **preset.parameters(section)) for section in ("sota_comparison", "subsetting")
    ]
    return "\n".join(texts), preset.folder


def test_a_users_table_runs_through_both_sections_and_trains_nothing(made):
    build, table, page, _ = made
    assert 'id="sota_comparison"' in page and 'id="subsetting"' in page
    (kept,) = (build / "results").glob("*/experiment.json")
    assert re.fullmatch(r"my.models-[0-9a-f]{8}", kept.parent.name)
    versions = json.loads(kept.read_text())["versions"]
    assert "numpy" in versions and not {"torch", "torchvision", "timm", "scikit-learn"} & set(versions)
    accuracy = table.groupby("model")["right"].mean()
    for model in MODELS:
        assert f"{accuracy[model]:.3f}" in page


def test_names_from_outside_are_text(made):
    _, _, page, _ = made
    assert "<b>bold</b>" not in page
    assert "&lt;b&gt;bold&lt;/b&gt;" in page


def test_the_difficulty_of_each_image_can_be_taken_away(made):
    _, table, page, folder = made
    links = BeautifulSoup(page, "html.parser").select("a[download^=difficulty], a[download^=decisive]")
    assert len(links) >= 2 and {link["download"].partition("-")[0] for link in links} == {
        "difficulty",
        "decisive_images",
    }
    for link in links:
        name, _, ending = link["download"].partition("-")
        assert urlopen(link["href"]).read() == (folder / f"{name}.{ending[-3:]}").read_bytes()
    found = pd.read_csv(folder / "difficulty.csv").set_index("image")
    score = table.groupby("image")["right"].sum()
    assert found["score"].to_dict() == score.to_dict()
    assert (found["difficulty"] == "trivial").sum() == (score >= len(MODELS) - 1).sum()
    assert found["posterior_difficulty"].between(0, 1).all()
    assert found.sort_values("score")["posterior_difficulty"].is_monotonic_decreasing
    decisive = (folder / "decisive_images.txt").read_text("utf-8").splitlines()
    assert len(decisive) == (found["difficulty"] == "in-between").sum()
    assert abs(score[decisive[0]] - len(MODELS) / 2) <= abs(score[decisive[-1]] - len(MODELS) / 2)


def test_two_models_of_which_only_right_and_wrong_is_known(tmp_path, monkeypatch):
    table = answers(["one", "two"], images=80).rename(columns={"right": "correct"})
    table[["model", "image", "correct"]].to_parquet(tmp_path / "mine.parquet")
    shown, folder = shown_here(tmp_path, monkeypatch)
    assert "2 networks are too few" in shown
    assert "no image can be in-between at tolerance 1: it is 0 here" in shown
    assert "your table is not ImageNet" in shown
    assert "label" not in (folder / "difficulty.csv").read_text("utf-8").splitlines()[0]


def test_models_that_never_differ(tmp_path, monkeypatch):
    table = pd.concat([answers(["one"], images=60).assign(model=name) for name in "abcdef"])
    names = table["label"].map("class {}".format)
    table = table.assign(label=names, prediction=names.where(table["right"], "class 0"))
    table.drop(columns="right").to_parquet(tmp_path / "mine.parquet")
    shown, folder = shown_here(tmp_path, monkeypatch)
    assert "no image is in-between" in shown and "These models never differ" in shown
    assert pd.read_csv(folder / "difficulty.csv")["label"].str.startswith("class ").all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table[1:], "'a/b:1'"),
        (lambda table: table.assign(label=table["label"].where(table.index != 302, 6)), "label"),
        (lambda table: table[:0], "no rows"),
        (lambda table: table.rename(columns={"model": "modle"}), "did you mean"),
    ],
)
def test_a_faulty_table_is_one_line_and_nothing_runs(tmp_path, monkeypatch, capsys, change, message):
    monkeypatch.setenv("DDD_BUILD", str(tmp_path / "build"))
    path = tmp_path / "mine.csv"
    change(answers().drop(columns="right")).to_csv(path, index=False)
    assert cli.main(["report", "smoke", "--set", f"sota_comparison.responses={path}"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "mine.csv" in error and message in error
    assert not list((tmp_path / "build").rglob("*.parquet")) and not list((tmp_path / "build").rglob("*.ipynb"))


@pytest.mark.skipif(
    not Path(os.environ.get("DDD_DATA", "nowhere"), "imagenetv2").is_dir(),
    reason="DDD_DATA names no folder with imagenetv2/",
)
def test_without_torch_the_published_preset_shows_dichotomous_difficulty_on_imagenet(tmp_path):
    report = run(tmp_path / "build", "published", **variables(tmp_path))
    assert report.returncode == 0, report.stderr
    path = Path(report.stdout.strip())
    assert path.stat().st_size < 10_000_000
    results = json.loads(path.with_name("results.json").read_text())
    found = {claim["id"]: (claim["m"], round(claim["value"] or 0, 4)) for claim in results["claims"]}
    # Shares depend on the number of models: beside the paper's stand those of its eleven.
    known = {"trivial_share": (11, 0.46), "impossible_share": (11, 0.115)}
    known |= {"kappa_all": (41, 0.5939), "kappa_in_between": (41, 0.3593)}  # by scikit-learn
    assert {name: found[f"sota_{name}"] for name in known} == known
    counts = results["scores"]["models"]["counts"]
    shares = [counts[-1], sum(counts[-2:]), counts[0], sum(counts[:2])]
    assert [round(share / sum(counts), 4) for share in shares] == [0.3469, 0.4399, 0.0499, 0.0673]
    assert len(pd.read_csv(path.with_name("difficulty.csv"))) == 50_000
