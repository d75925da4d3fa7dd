"""What a section's notebook does in JupyterLab, and does not when it is executed for the report."""

import pytest
from IPython.core.interactiveshell import InteractiveShell

from ddd_utils import report
from ddd_utils.config import params
from ddd_utils.errors import InputError

BARS = {"data": {"values": [{"x": 1}]}, "mark": "bar", "encoding": {"x": {"field": "x"}}, "description": "one bar"}


@pytest.fixture(autouse=True)
def build(tmp_path, monkeypatch):
    monkeypatch.setenv("DDD_BUILD", str(tmp_path / "build"))
    monkeypatch.delenv("DDD_LAB", raising=False)
    return tmp_path / "build"


def begun(section, **given):
    values = {"__name__": "__main__", "preset": "quick", **given}
    report.begin(section, values)
    return params.load(values["preset"])


def test_a_changed_section_reaches_the_other_notebooks_until_it_is_changed_back(tmp_path, monkeypatch):
    monkeypatch.setenv("DDD_LAB", str(tmp_path / "lab"))
    assert begun("sota_comparison", training={"epochs": 3}).sota_comparison.training.epochs == 3
    seen = begun("subsetting", tolerance=2)
    assert (seen.sota_comparison.training.epochs, seen.subsetting.tolerance) == (3, 2)
    line = report.read_preset("subsetting", {"__name__": "__main__", "preset": "quick", "tolerance": 2})[1]
    assert line.startswith("Not as in `quick`: sota_comparison, subsetting.")
    assert begun("controls").folder == seen.folder
    assert begun("sota_comparison").name == begun("subsetting", tolerance=2).name != seen.name
    assert begun("subsetting") == params.load("quick")


def test_without_jupyterlab_a_change_stays_in_its_notebook():
    begun("sota_comparison", training={"epochs": 3})
    assert begun("subsetting").name == "quick"


def test_a_chart_has_a_picture_beside_it_only_in_front_of_a_reader(monkeypatch):
    chart, text = "application/vnd.vegalite.v5+json", "text/plain"
    shown = report._vegalite_bundle(BARS)
    assert set(shown) == {chart, text, "image/svg+xml"} and shown["image/svg+xml"].startswith("<svg")
    assert set(report._vegalite_bundle({**BARS, "mark": "no such mark"})) == {chart, text}
    monkeypatch.setenv(report.PARENT, "/ddd_utils")
    assert set(report._vegalite_bundle(BARS)) == {chart, text}


def test_bad_input_is_one_line_in_a_notebook(capsys):
    shell = InteractiveShell()
    shell.user_ns["InputError"] = InputError
    shell.run_cell("raise InputError('no such model')")
    assert capsys.readouterr().out.strip() == "InputError: no such model"
