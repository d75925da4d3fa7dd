"""What is unlikely in answers is told wherever they enter: terminal, notebook, page and results.json."""

import json

import numpy as np
import pandas as pd
import pytest
from made_notebooks import Preset, executed, prose

import ddd_utils as ddd
from ddd_utils import experiments, paths, report
from ddd_utils.config.schema import Table
from ddd_utils.experiments import store
from ddd_utils.experiments.evaluations import Evaluation
from ddd_utils.experiments.published import Imported
from ddd_utils.files import write_json
from ddd_utils.report import claims, doubts, page
from ddd_utils.responses import Responses, watch

LABELS = np.resize(np.arange(5), 60)
HOSTILE = "<b>*m*</b>"


@pytest.fixture(autouse=True)
def build(tmp_path, monkeypatch):
    monkeypatch.setenv("DDD_BUILD", str(tmp_path / "build"))
    yield tmp_path
    watch(lambda answers: None)


@pytest.fixture
def shifted(tmp_path):
    """Write a table of two models, of which one counts its answers from 1."""
    right = np.where(np.arange(60) % 7, LABELS, 0)
    other = np.where(np.arange(60) % 5, LABELS, 4) + 1
    rows = [
        (name, f"i{i}", a, b)
        for name, given in ((HOSTILE, other), ("two", right))
        for i, (a, b) in enumerate(zip(given, LABELS, strict=True))
    ]
    path = tmp_path / "mine.csv"
    pd.DataFrame(rows, columns=["model", "image", "prediction", "label"]).to_csv(path, index=False)
    return path


def test_whoever_reads_a_table_is_told_once(shifted, caplog):
    doubts.log_doubts()
    ddd.read_responses(shifted)
    ddd.read_responses(shifted)
    [line] = [record.getMessage() for record in caplog.records if "one lower" in record.getMessage()]
    assert line.startswith(f"mine.csv: {HOSTILE}: ") and line.endswith("and the labels from 0.")


def test_a_default_yields_to_a_section(shifted):
    seen = []
    watch(seen.append)
    doubts.log_doubts(default=True)
    ddd.read_responses(shifted)
    assert len(seen) == 1


@pytest.mark.parametrize("kind", [Imported, Evaluation, store.Experiment, store._RunningStatistics])
def test_every_source_lets_its_responses_be_seen(kind, monkeypatch):
    """All of them attribute what they load, and what is attributed is seen."""
    assert "attributed" in kind.load.__code__.co_names
    networks = pd.DataFrame({"network": ["a"], "condition": ["a"], "instance": 1})
    answers, seen = Responses(LABELS[None, None], LABELS, LABELS.astype(str), networks), []
    watch(seen.append)
    answers.attributed(Imported(Table(path="x.csv")))
    assert len(seen) == 1


def test_a_section_shows_records_and_escapes_what_it_is_told(shifted, tmp_path):
    shown, book = [], claims.Book("sota_comparison", "tiny")
    doubts.note_doubts(book, shown.append)
    for _ in range(2):
        ddd.read_responses(shifted)
    [note] = shown
    assert note.startswith("**Look at this before the figures:**") and "<b>" not in note and "&#60;b&#62;" in note
    [doubt] = claims.doubts("tiny")
    assert (doubt["section"], doubt["kind"], doubt["networks"]) == ("sota_comparison", "shifted", [HOSTILE])
    assert doubt["mend"].startswith("Subtract 1 from the answers")
    claims.Book("sota_comparison", "tiny")
    assert claims.doubts("tiny") == []


def test_a_notebook_that_begins_is_told_from_then_on(shifted, capsys):
    report.begin("sota_comparison", {"__name__": "__main__", "preset": "published"})
    experiments.responses({"responses": str(shifted)})
    assert [doubt["kind"] for doubt in claims.doubts("published")] == ["shifted"]


def test_page_and_results_tell_each_doubt_once(shifted, tmp_path):
    for section in ("sota_comparison", "subsetting"):
        doubts.note_doubts(claims.Book(section, "tiny", "ab"), lambda note: None)
        ddd.read_responses(shifted)
    folder = paths.build() / "tiny"
    write_json(folder / paths.DIGESTS, {"sota_comparison": "ab", "subsetting": "ab"})
    outcomes = {name: executed(name, prose("# One")) for name in ("sota_comparison", "subsetting")}
    html = page.build(Preset([*outcomes], {}), outcomes).read_text("utf-8")
    assert html.count("Subtract 1 from the answers if they are counted from 1") == 1
    assert html.count("&lt;b&gt;*m*&lt;/b&gt;: ") == 1
    told = json.loads((folder / "results.json").read_text("utf-8"))["plausibility"]
    assert [each["section"] for each in told] == ["sota_comparison", "subsetting"]
    assert set(told[0]) == {"section", "kind", "networks", "found", "mend"}


def test_right_answers_leave_no_trace(tmp_path):
    rows = [(m, f"i{i}", int(b) if i % 7 - m else 0, b) for m in (0, 1) for i, b in enumerate(LABELS)]
    pd.DataFrame(rows, columns=["model", "image", "prediction", "label"]).to_csv(tmp_path / "t.csv", index=False)
    shown = []
    doubts.note_doubts(claims.Book("sota_comparison", "tiny"), shown.append)
    ddd.read_responses(tmp_path / "t.csv")
    assert shown == [] == claims.doubts("tiny")
