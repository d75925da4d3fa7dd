"""A light installation: tables and published answers without torch, and one line where more is needed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ddd_utils import errors, paths

MODULES = {module for modules in errors.EXTRAS.values() for module in modules}
# Python runs this in every process, kernels included: what the extras bring is found neither by import nor as metadata.
BLOCKER = f"""\
import importlib.metadata, sys
from importlib.machinery import PathFinder

class Without(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        absent = name.partition(".")[0] in {MODULES | {"ipywidgets"}}
        return None if absent else PathFinder.find_spec(name, path, target)

def from_name(name, found=importlib.metadata.Distribution.from_name):
    if name.lower().replace("-", "_") in {MODULES | {"scikit_learn", "open_clip_torch"}}:
        raise importlib.metadata.PackageNotFoundError(name)
    return found(name)

sys.meta_path[sys.meta_path.index(PathFinder)] = Without
importlib.metadata.Distribution.from_name = from_name
"""


@pytest.fixture(scope="module")
def light(tmp_path_factory):
    """Run a command line as a light installation does; return what became of it."""
    folder = tmp_path_factory.mktemp("light")
    (folder / "sitecustomize.py").write_text(BLOCKER)
    variables = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(folder), str(paths.ROOT)]),
        "DDD_BUILD": str(folder / "build"),
    }

    def run(*arguments):
        command = [sys.executable, *arguments]
        return subprocess.run(command, capture_output=True, text=True, env=variables, cwd=paths.ROOT, check=False)

    run.folder = folder
    return run


def test_what_is_blocked_is_found_neither_by_import_nor_as_metadata(light):
    for module in ("torch", "timm", "sklearn"):
        assert f"No module named '{module}'" in light("-c", f"import {module}").stderr
    assert "PackageNotFoundError" in light("-c", "import importlib.metadata as m; m.version('torch')").stderr
    assert light("-c", "import numpy, importlib.metadata as m; m.version('numpy')").returncode == 0


def test_a_notebook_is_not_told_that_there_are_no_widgets(light):
    program = "import sys, IPython; sys.modules['ipykernel.zmqshell'] = sys; {}; import tqdm.auto"
    assert "IProgress not found" in light("-c", program.format("pass")).stderr
    assert light("-c", program.format("from ddd_utils import report; report.setup()")).stderr == ""


def test_a_report_on_ones_own_table_needs_no_torch(light):
    rng = np.random.default_rng(0)
    ease, labels = rng.normal(1, 2, 300), np.arange(300) % 5
    tables = []
    for model in range(6):
        right = rng.random(300) < 1 / (1 + np.exp(-ease))
        answers = np.where(right, labels, (labels + 1 + rng.integers(0, 4, 300)) % 5)
        images = [f"{image}.png" for image in range(300)]
        tables.append(pd.DataFrame({"model": f"m{model}", "image": images, "prediction": answers, "label": labels}))
    table = light.folder / "mine.csv"
    pd.concat(tables).to_csv(table, index=False)
    setting = f"sota_comparison.responses={table}"
    done = light(
        "-m", "ddd_utils", "report", "published", "--sections", "sota_comparison", "subsetting", "--set", setting
    )
    assert done.returncode == 0, done.stderr
    page = Path(done.stdout.strip())
    assert page.is_file()
    (kept,) = (light.folder / "build" / "results").glob("mine-*/experiment.json")
    versions = json.loads(kept.read_text())["versions"]
    assert "numpy" in versions and not {"torch", "torchvision", "timm", "scikit-learn"} & set(versions)


@pytest.mark.skipif("DDD_DATA" not in os.environ, reason="needs copies of the published answers, named by DDD_DATA")
def test_published_answers_need_no_torch(light):
    done = light("-m", "ddd_utils", "report", "published")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", ["train", "report", "plan"])
def test_what_needs_torch_names_the_extra_in_one_line(light, command):
    done = light("-m", "ddd_utils", command, "smoke")
    assert done.returncode == 2
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("error: ") and last.endswith('which is not installed: pip install ".[models]"')
    assert "Traceback" not in done.stderr


def test_an_error_names_the_extra_of_what_is_missing_and_of_nothing_else():
    told = errors.missing_extra(ModuleNotFoundError(name="torchvision.models"))
    assert told == 'this needs torchvision, which is not installed: pip install ".[models]"'
    assert errors.missing_extra(ModuleNotFoundError(name="numpy")) is None
    assert errors.missing_extra(ModuleNotFoundError()) is None
