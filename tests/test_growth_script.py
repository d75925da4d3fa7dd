"""The benchmark of growth at tiny sizes: every quantity is measured, and the drawing is small enough to be kept."""

import os
import subprocess
import sys

import pandas as pd

from ddd_utils import paths

SCRIPT = paths.ROOT / "tests" / "benchmarks" / "bench_growth.py"


def test_every_quantity_is_measured_and_drawn(tmp_path):
    table, drawing = tmp_path / "growth.csv", tmp_path / "growth.svg"
    command = [sys.executable, "-W", "ignore", str(SCRIPT), "--tiny", "--out", str(table), "--svg", str(drawing)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(paths.ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    found = pd.read_csv(table)
    assert set(found["quantity"]) == {"models", "images", "epochs", "pixels"}
    assert (found["seconds"] >= 0).all() and (found["MB"] >= 0).all()
    assert "seconds grow with the power" in done.stdout
    assert drawing.read_text("utf-8").startswith("<svg") and drawing.stat().st_size < 40_000


def test_the_drawing_in_the_documents_is_small_and_text():
    assert (paths.ROOT / "docs" / "growth.svg").stat().st_size < 40_000
    assert "kappa of all pairs" in (paths.ROOT / "docs" / "growth.svg").read_text("utf-8")
