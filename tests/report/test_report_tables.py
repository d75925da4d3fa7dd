"""Tables of a set of models: what they are, how often they are right, what their scores imply; lists to take away."""

import csv
import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from made_models import made

from ddd_utils import paths
from ddd_utils.analysis import consistency, difficulty
from ddd_utils.config.params import load
from ddd_utils.config.schema import PretrainedSet, Published
from ddd_utils.errors import InputError
from ddd_utils.paths import PARENT
from ddd_utils.report import tables
from ddd_utils.report.tables import take_away, write_difficulty
from ddd_utils.report.text import literal
from ddd_utils.responses import Responses

CORRECT = np.array([[1, 0, 0, 0], [1, 1, 1, 0]], bool)
TRAINED = load("quick").sota_comparison.experiment
PRETRAINED = PretrainedSet.model_validate({"models": ["resnet18", "resnet50"], "images": {"path": "photos"}})
CLASSES = {"classes_present": 200, "classes_all": 1000}
NETWORKS = pd.DataFrame(
    {
        "network": ["one", "two"],
        "architecture": ["resnet18", "vit"],
        "parameters": [11_181_642, 5],
        "optimizer": "SGD",
        "learning_rate": 0.01,
        "seconds": 1.5,
        "input_size": 224,
        "crop": "center 0.875, bicubic",
        "precision": "bfloat16",
        "images_per_second": [1234.56, 0.4],
        "weights": "a file",
        "condition": ["one", "two"],
        "instance": 1,
        "right_present": [1, 3],
        "right_all": [0, 2],
    }
)


def answers(config, correct=CORRECT, **info):
    labels = np.arange(correct.shape[1], dtype=np.int16)
    predictions = np.where(correct, labels, labels + 1)[:, None]
    return Responses(predictions, labels, labels.astype(str), NETWORKS, info, config=config)


def test_accuracy_by_corruption_has_a_column_a_severity_and_says_what_was_not_shown():
    groups = pd.DataFrame({"corruption": ["fog", "fog", "motion_blur", "motion_blur"], "severity": [1, 3, 3, 3]})
    table = tables.by_corruption(difficulty.accuracy_by(CORRECT, ["vit", "<b>"], groups))
    assert table.columns.tolist() == ["corruption", "network", "severity 1", "severity 3"]
    assert table.to_numpy().tolist() == [
        ["fog", "<b>", "100.0% (20.7% to 100.0%)", "100.0% (20.7% to 100.0%)"],
        ["fog", "ViT", "100.0% (20.7% to 100.0%)", "0.0% (0.0% to 79.3%)"],
        ["motion blur", "<b>", "–", "50.0% (9.5% to 90.5%)"],
        ["motion blur", "ViT", "–", "0.0% (0.0% to 65.8%)"],
    ]


def test_the_most_accurate_model_comes_first_and_has_its_interval():
    (table,) = tables.models(answers(TRAINED))
    assert table["network"].tolist() == ["two", "one"] and table["parameters"].tolist() == ["5", "11,181,642"]
    assert table["accuracy"].tolist() == ["0.750 (0.301 to 0.954)", "0.250 (0.046 to 0.699)"]
    assert table.columns.tolist()[-3:] == ["optimizer", "learning rate", "seconds"]


@pytest.mark.parametrize("config", [Published(published="imagenet"), None])
def test_answers_from_elsewhere_come_with_accuracies_alone(config):
    (table,) = tables.models(answers(config))
    assert table.columns.tolist() == ["network", "accuracy"]


def test_pretrained_models_have_an_accuracy_for_each_choice():
    table, *_ = tables.models(answers(PRETRAINED, **CLASSES))
    assert table.columns.tolist() == [
        "network",
        "right among the 200 classes present",
        "right among all 1,000 classes",
        "top-1 as published",
        "parameters",
    ]
    assert table.iloc[0, 1:3].tolist() == ["75.0% (30.1% to 95.4%)", "50.0% (15.0% to 85.0%)"]
    alike, *_ = tables.models(answers(PRETRAINED, **{**CLASSES, "classes_all": 200}))
    assert alike.columns.tolist() == ["network", "accuracy", "top-1 as published", "parameters"]


def test_the_way_of_the_images_to_pretrained_models_is_written_out():
    known = {"mean": [[0.485, 0.456, 0.406], [0.5] * 3], "sd": [[0.25] * 3] * 2, "activation": ["ReLU", "GELU"]}
    given = answers(PRETRAINED)
    _, prepared, made = tables.models(replace(given, networks=NETWORKS.assign(**known)))
    assert prepared["size, crop, interpolation, mean and sd"].tolist() == [
        "224 px, center 0.875, bicubic, mean 0.485, 0.456, 0.406, sd 0.25",
        "224 px, center 0.875, bicubic, mean 0.5, sd 0.25",
    ]
    assert prepared["activation"].tolist() == ["ReLU", "GELU"]
    assert made["speed"].tolist() == ["1,234.6 images/s, bfloat16", "0.4 images/s, bfloat16"]
    assert made["architecture and weights"].tolist() == ["resnet18; a file", "vit; a file"]
    _, older, _ = tables.models(given)  # what versions did not keep is not known
    assert older.iloc[0, 1].endswith("mean unknown, sd unknown") and set(older["activation"]) == {"unknown"}


def test_the_published_accuracy_stands_beside_the_measured_one():
    known = NETWORKS.assign(expected_top1=[0.76130, np.nan], own_transform=[False, None])
    for networks, told in ((NETWORKS, "unknown"), (known, "76.1% (other input)")):
        table, *_ = tables.models(replace(answers(PRETRAINED), networks=networks))
        assert table.set_index("network")["top-1 as published"].to_dict() == {"one": told, "two": "unknown"}


def test_images_that_could_not_be_read_are_listed_up_to_a_limit():
    assert tables.unreadable(answers(PRETRAINED, skipped=[])) == tables.unreadable(answers(TRAINED)) == []
    rows = [{"image": f"{i}.png", "reason": "torn"} for i in range(60)]
    said, table = tables.unreadable(answers(PRETRAINED, skipped=rows))
    assert "**60**; the first 50 are listed" in said and len(table) == 50
    note, said, _ = tables.unreadable(answers(PRETRAINED, skipped=rows, notes={"3 classes without images: <b>": "?"}))
    assert "**60**" in said and literal("classes without images: <b>") in note and "<b>" not in note
    said, table = tables.unreadable(answers(PRETRAINED, skipped=rows[:2]))
    assert "listed" not in said and table["image"].tolist() == ["0.png", "1.png"]


def test_shares_stand_beside_those_that_the_paper_prints():
    table = tables.model_shares({"here": CORRECT}, {0})
    assert table["models"].tolist() == ["here", "the paper's eleven, printed"]
    assert table["M"].tolist() == [2, 11] and table["tolerance"].tolist() == [0, 1]
    assert table["trivial"][0].startswith("25.0% (") and table["trivial"][1] == "46.0%"


def test_the_models_of_the_scores_are_columns():
    correct = np.random.default_rng(0).random((6, 100)) < np.random.default_rng(1).beta(0.5, 0.5, 100)
    table = tables.score_fits(correct, tolerance=9)
    assert table.columns.tolist() == ["observed", "binomial", "beta-binomial", "beta-binomial with point masses"]
    assert table.loc["misplaced", "observed"] == "–" and table.loc["misplaced", "binomial"].endswith("%")


def test_the_choice_among_classes_is_shown_only_where_it_matters():
    present, every = np.random.default_rng(0).random((2, 2, 40)) < 0.5
    given = answers(PRETRAINED, present, **CLASSES)
    others = {"present": given, "all": answers(PRETRAINED, every, **CLASSES)}
    said, table = tables.by_choice(given, others, 0)
    assert "(tolerance 0)" in said
    assert table["answers"].tolist() == ["among the 200 classes present", "among all 1,000 classes"]
    for row, correct in zip(table.to_dict("records"), (present, every), strict=True):
        assert row["trivial"].startswith(f"{difficulty.shares(correct)['trivial']:.1%} (")
        assert row["mean kappa"].startswith(f"{consistency.mean_kappa(correct).value:z.3f} (")
    assert tables.by_choice(given, {"present": given, "all": given}, 0) == []
    assert tables.by_choice(answers(TRAINED), {}, 0) == []


def test_a_kappa_that_is_not_defined_is_said_to_be_so():
    right = np.ones((2, 4), bool)
    given, other = answers(PRETRAINED, right, **CLASSES), SimpleNamespace(correct=lambda: CORRECT)
    _, table = tables.by_choice(given, {"present": given, "all": other}, 0)
    assert table["mean kappa"][0] == "undefined"


NAMES = ["plain.png", 'with "quotes", and commas', "=SUM(A1)", "-1", "two\nlines", "return\r", "Zürich 🐟", "NA"]


def table():
    return pd.DataFrame({"image": NAMES, "label": range(8), "score": 3, "posterior_difficulty": 0.123457})


def test_both_files_hold_what_they_were_given(tmp_path):
    difficulty, decisive = write_difficulty(tmp_path / "new", table(), ["b.png", "Zürich 🐟"])
    assert (difficulty.name, decisive.name) == ("difficulty.csv", "decisive_images.txt")
    with difficulty.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    # No name is a formula to a spreadsheet.
    names = [f"'{name}" if name[0] in "=-" else name for name in NAMES]
    assert [row["image"] for row in rows] == names
    assert rows[7] == {"image": "NA", "label": "7", "score": "3", "posterior_difficulty": "0.123457"}
    pd.testing.assert_frame_equal(
        pd.read_csv(difficulty, keep_default_na=False), table().assign(image=names), check_dtype=False
    )
    assert decisive.read_bytes() == "b.png\nZürich 🐟\n".encode()


def test_a_second_report_replaces_the_files_and_leaves_no_others(tmp_path):
    write_difficulty(tmp_path, table(), ["a"])
    write_difficulty(tmp_path, table().head(1), [])
    assert {path.name for path in tmp_path.iterdir()} == {"difficulty.csv", "decisive_images.txt"}
    assert len((tmp_path / "difficulty.csv").read_text().splitlines()) == 2
    assert (tmp_path / "decisive_images.txt").read_text() == ""


@pytest.mark.parametrize("name", ["two\nlines", "end\r"])
def test_a_name_that_does_not_fit_in_a_line_is_refused_before_anything_is_written(tmp_path, name):
    with pytest.raises(InputError, match="line break") as error:
        write_difficulty(tmp_path, table(), ["fine", name])
    assert len(str(error.value).splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_what_is_taken_away_belongs_to_the_responses(tmp_path, monkeypatch):
    monkeypatch.setenv("DDD_BUILD", str(tmp_path))
    monkeypatch.setenv(PARENT, "/ddd_utils")
    answers = made(6)
    said = take_away("quick", answers, 1, 0.4, 0.5)
    found = pd.read_csv(tmp_path / "quick" / "difficulty.csv")
    assert found["score"].tolist() == answers.correct().sum(axis=0).tolist()
    assert set(found["label"]) == {"cat", "dog", "emu"}
    decisive = (tmp_path / "quick" / "decisive_images.txt").read_text().splitlines()
    between = (found["difficulty"] == "in-between").sum()
    assert len(decisive) == between
    assert "[difficulty.csv](difficulty.csv): 90 images" in said and f"the {between} most decisive" in said
    monkeypatch.delenv(PARENT)  # in JupyterLab the link starts from the notebooks' folder
    link = re.search(r"\]\((.*?csv)\)", take_away("quick", answers, 1, 0.4, 0.5))[1]
    assert (paths.NOTEBOOKS / link).resolve() == tmp_path / "quick" / "difficulty.csv"


def test_unknown_labels_are_not_written(tmp_path, monkeypatch):
    monkeypatch.setenv("DDD_BUILD", str(tmp_path))
    take_away("quick", made(6, labels_known=False), 1, 0.4, 0.5)
    assert "label" not in pd.read_csv(tmp_path / "quick" / "difficulty.csv")
