"""A light installation: no torch, and one line where more is needed. (Reports: see test_own_models.)"""

import os
import subprocess
import sys

import pytest
from light_installation import variables

from ddd_utils import errors, paths
from ddd_utils.config import image_sets
from ddd_utils.data import datasets, listing
from ddd_utils.errors import InputError, needs_extra

LIGHT = (
    "config.params",
    "responses.tables",
    "responses",
    "files",
    "errors",
    "data.class_spaces",
    "data.photographs",
    "data.listing",
    "data.datasets",
)
HEAVY = ("torch", "torchvision", "timm", "sklearn", "jupyterlab", "open_clip")


@pytest.fixture(scope="module")
def light(tmp_path_factory):
    """Run a command line as a light installation does; return what became of it."""
    folder = tmp_path_factory.mktemp("light")
    environment = os.environ | variables(folder) | {"DDD_BUILD": str(folder / "build")}

    def run(*arguments):
        command = [sys.executable, *arguments]
        return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=paths.ROOT, check=False)

    return run


BLOCKED = """\
import importlib.metadata, numpy
importlib.metadata.version("numpy")
for look, name, told in [
    (__import__, "torch", "No module named 'torch'"),
    (__import__, "sklearn", "No module named 'sklearn'"),
    (importlib.metadata.version, "torch", "No package metadata was found for torch"),
]:
    try:
        look(name)
    except ImportError as error:
        assert str(error) == told, error
    else:
        raise AssertionError(name)
"""


def test_what_is_blocked_is_found_neither_by_import_nor_as_metadata(light):
    done = light("-c", BLOCKED)
    assert done.returncode == 0, done.stderr


def test_nothing_heavy_is_imported_to_read_presets_tables_and_class_lists():
    names = ", ".join(f"ddd_utils.{name}" for name in LIGHT)
    program = f"import sys, {names}; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_notebook_is_not_told_that_there_are_no_widgets(light):
    program = "import sys, IPython; sys.modules['ipykernel.zmqshell'] = sys; {}; import tqdm.auto"
    assert "IProgress not found" in light("-c", program.format("pass")).stderr
    assert light("-c", program.format("from ddd_utils import report; report.setup()")).stderr == ""


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


@pytest.mark.parametrize("absent", ["torch", "sklearn"])
def test_what_is_missing_names_its_extra(monkeypatch, absent):
    needs_extra("models", "training")
    monkeypatch.setitem(sys.modules, absent, None)
    with pytest.raises(InputError) as caught:
        needs_extra("models", "training")
    assert str(caught.value) == f'training needs {absent}, which is not installed: pip install ".[models]"'


def test_data_sets_that_libraries_bring_name_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision", None)
    for load, block in [
        (datasets.load, image_sets.Digits(noise=1.5)),
        (datasets.load, image_sets.Cifar(name="cifar10")),
        (listing.listing, image_sets.Torchvision(name="torchvision", dataset="FakeData")),
    ]:
        with pytest.raises(InputError, match=r"needs torchvision, which is not installed: pip install"):
            load(block)
