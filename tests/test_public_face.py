"""What `import ddd_utils as ddd` gives: quick to import, nothing loaded before its use, every example true."""

import doctest
import subprocess
import sys
from importlib import metadata

import pytest

import ddd_utils as ddd
from ddd_utils import machine

NAMES = [name for name in ddd.__all__ if name not in ("__version__", "charts", "params")]
HEAVY = {"torch", "torchvision", "timm", "pandas", "altair", "scipy", "numpy", "pyarrow"}
NUMERIC = """
import numpy as np
correct = np.random.default_rng(0).random((6, 60)) < np.linspace(0, 1, 60)
ddd.error_consistency(correct[0], correct[1]), ddd.pairwise_error_consistency(correct), ddd.interval(correct, [(0, 1)])
ddd.standard_errors(correct), ddd.shares(correct, 1), ddd.classify(correct, 1), ddd.score_histogram(correct)
ddd.leave_pair_out_kappa(correct, 1), ddd.score_stratified_kappa(correct), ddd.kappa_bounds(0.8, 0.6)
"""


def loaded(code):
    """Which modules a fresh interpreter has after this code."""
    code = f"import ddd_utils as ddd\n{code}\nimport sys\nprint(*sys.modules)"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


def test_importing_loads_nothing_else():
    found = loaded("dir(ddd)")
    assert not found & HEAVY
    assert not {name for name in found if name.startswith("ddd_utils.")}


@pytest.mark.parametrize("code", [NUMERIC, "ddd.read_responses, ddd.Responses"], ids=["numeric", "responses"])
def test_the_numeric_functions_and_responses_bring_neither_torch_nor_altair(code):
    found = loaded(code)
    assert "numpy" in found
    assert not found & {"torch", "torchvision", "timm", "altair", "scipy.stats", "ddd_utils.experiments"}


def test_charts_come_without_torch():
    found = loaded("ddd.charts.score_bars")
    assert "altair" in found and "torch" not in found


@pytest.mark.parametrize("name", NAMES)
def test_the_examples_of_each_name_are_true(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    thing = getattr(ddd, name)
    tests = [test for test in doctest.DocTestFinder(recurse=False).find(thing, name) if test.examples]
    assert tests, f"{name} has no example"
    assert "Examples\n" in thing.__doc__
    for test in tests:
        assert doctest.DocTestRunner().run(test).failed == 0


def test_the_example_of_the_package_is_true():
    assert doctest.testmod(ddd).failed == 0


def test_every_name_is_listed_and_others_are_refused():
    assert set(ddd.__all__) <= set(dir(ddd))
    assert all(hasattr(ddd, name) for name in ddd.__all__)
    with pytest.raises(AttributeError, match="no attribute 'kappas'"):
        ddd.kappas  # noqa: B018


def test_the_version_is_that_of_the_installed_package(monkeypatch):
    def missing(name):
        raise metadata.PackageNotFoundError(name)

    assert isinstance(ddd.__version__, str)
    monkeypatch.delitem(vars(ddd), "__version__", raising=False)
    monkeypatch.setattr(machine, "version", lambda name: f"1.2 of {name}")
    assert ddd.__version__ == "1.2 of ddd_utils"
    monkeypatch.delitem(vars(ddd), "__version__")
    monkeypatch.setattr(machine, "version", missing)
    assert ddd.__version__ == "0+unknown"
    monkeypatch.delitem(vars(ddd), "__version__")


def test_a_folder_of_results_and_a_table_are_read_alike(tmp_path):
    table = tmp_path / "models.csv"
    table.write_text("model,image,correct\none,a,1\none,b,0\ntwo,a,1\ntwo,b,1\n", "utf-8")
    answers = ddd.read_responses(table)
    answers.save(tmp_path / "results")
    again = ddd.read_responses(str(tmp_path / "results"))
    assert answers.correct().tolist() == again.correct().tolist() == [[True, False], [True, True]]
