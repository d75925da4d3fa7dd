"""Cached results are found again: folders and file names of frozen configurations, written down before any change."""

import os
from pathlib import Path

import numpy as np
import pytest
import yaml

from ddd_utils.config import params
from ddd_utils.experiments import sources

HERE = Path(__file__).parent
CONFIGURATIONS = yaml.safe_load((HERE / "configurations.yaml").read_text("utf-8"))
FILES = yaml.safe_load((HERE / "files.yaml").read_text("utf-8"))
LONG_AGO = 1_700_000_000_000_000_000  # ns; a listing of photographs tells changed files by their times


def write_npz(path, images, labels):
    with path.open("wb") as file:
        np.savez(file, x=images, y=labels)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder of things that configurations name: photographs, arrays, weights and a table, always the same bytes."""
    folder = tmp_path_factory.mktemp("golden") / "made"
    random = np.random.Generator(np.random.Philox(1312))
    for name in ("cat", "dog"):
        (folder / "photographs" / name).mkdir(parents=True)
        for number in range(3):
            (folder / "photographs" / name / f"{number}.png").write_bytes(random.bytes(64))
    for name, count in (("train", 8), ("test", 4)):
        pixels = random.integers(0, 256, (count, 8, 8, 3), np.uint8)
        write_npz(folder / f"{name}.npz", pixels, np.arange(count, dtype=np.uint8) % 2)
    (folder / "weights.pth").write_bytes(random.bytes(256))
    rows = [f"{model},{image},{image % 2},{image % 2}" for model in ("a", "b") for image in range(4)]
    (folder / "my models.csv").write_text("\n".join(["model,image,prediction,label", *rows]) + "\n", "utf-8")
    for path in sorted(folder.rglob("*"), reverse=True):
        os.utime(path, ns=(LONG_AGO, LONG_AGO))
    return folder


def results_files(name):
    """List what a configuration's results are called, relative to the folder of all results."""
    source = sources.source(params.experiment(CONFIGURATIONS[name]))
    return sorted(f"{source.folder.name}/{file.name}" for file in source.files())


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_results_keep_their_folder_and_file_names(name, made, tmp_path, monkeypatch):
    monkeypatch.setenv("DDD_BUILD", str(tmp_path))
    monkeypatch.delenv("DDD_DATA", raising=False)
    monkeypatch.chdir(made.parent)  # the configurations name files from there
    assert results_files(name) == FILES[name]
