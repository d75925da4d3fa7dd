"""Presets, tables and class lists are read without the libraries that train and test networks."""

import subprocess
import sys

import pytest

from ddd_utils.errors import InputError, needs_extra

LIGHT = (
    "params, tables, responses, files, errors, experiments.images.class_spaces, experiments.images.photographs, "
    "experiments.images.listing, experiments.data.datasets"
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
