import csv

import pandas as pd
import pytest
from made_models import made

from ddd_utils.errors import InputError
from ddd_utils.report.tables import take_away, write_difficulty

NAMES = ["plain.png", 'with "quotes", and commas', "=SUM(A1)", "-1", "two\nlines", "return\r", "Zürich 🐟", "NA"]


def table():
    return pd.DataFrame({"image": NAMES, "label": range(8), "score": 3, "posterior_difficulty": 0.123457})


def test_both_files_hold_what_they_were_given(tmp_path):
    difficulty, decisive = write_difficulty(tmp_path / "new", table(), ["b.png", "Zürich 🐟"])
    assert (difficulty.name, decisive.name) == ("difficulty.csv", "decisive_images.txt")
    with difficulty.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["image"] for row in rows] == NAMES
    assert rows[7] == {"image": "NA", "label": "7", "score": "3", "posterior_difficulty": "0.123457"}
    pd.testing.assert_frame_equal(pd.read_csv(difficulty, keep_default_na=False), table(), check_dtype=False)
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
    answers = made(6)
    said = take_away("quick", answers, 1, 0.4, 0.5)
    found = pd.read_csv(tmp_path / "quick" / "difficulty.csv")
    assert found["score"].tolist() == answers.correct().sum(axis=0).tolist()
    assert set(found["label"]) == {"cat", "dog", "emu"}
    decisive = (tmp_path / "quick" / "decisive_images.txt").read_text().splitlines()
    between = (found["difficulty"] == "in-between").sum()
    assert len(decisive) == between
    assert "[difficulty.csv](difficulty.csv): 90 images" in said and f"the {between} most decisive" in said


def test_unknown_labels_are_not_written(tmp_path, monkeypatch):
    monkeypatch.setenv("DDD_BUILD", str(tmp_path))
    take_away("quick", made(6, labels_known=False), 1, 0.4, 0.5)
    assert "label" not in pd.read_csv(tmp_path / "quick" / "difficulty.csv")
