"""Presets, tables and class lists are read without the libraries that train and test networks."""

import subprocess
import sys

import pytest

from ddd_utils.config import image_sets
from ddd_utils.data import datasets, listing
from ddd_utils.errors import InputError, needs_extra

LIGHT = (
    "config.params, responses.tables, responses, files, errors, data.class_spaces, data.photographs, data.listing, "
    "data.datasets"
)
HEAVY = ("torch", "torchvision", "timm", "sklearn", "jupyterlab", "open_clip")


def test_nothing_heavy_is_imported():
    names = [f"ddd_utils.{name}" for name in LIGHT.split(", ")]
    program = f"import sys, {', '.join(names)}; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


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
