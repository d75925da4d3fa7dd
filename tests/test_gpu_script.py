"""`make gpu` at sizes that a CPU can do: every part is measured, and without a card one line says so."""

import json
import os
import subprocess
import sys

import pytest
import torch

from ddd_utils import paths

SCRIPT = [sys.executable, "-W", "ignore", str(paths.ROOT / "tests" / "benchmarks" / "gpu.py")]


def measured(*arguments):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(paths.ROOT)}
    return subprocess.run([*SCRIPT, *arguments], capture_output=True, text=True, env=environment, check=False)


def test_every_part_is_measured_and_written(tmp_path):
    done = measured("--device", "cpu", "--tiny", "--out", str(tmp_path / "gpu.json"))
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((tmp_path / "gpu.json").read_text())
    assert all(rate > 0 for rate in found["card"]["teraflops"].values())
    for images in found["training"].values():
        assert [row["networks"] for row in images["networks"]] == [1, 2]
        for row in images["networks"]:
            ratio = row["images_per_second"] / images["plain_images_per_second"]
            assert row["times_plain"] == pytest.approx(ratio) and row["share_of_bfloat16"] > 0
    assert list(found["training"]) == ["noise, small", "noise, large", "JPEG, large"]
    assert list(found["graphs"]) == ["1", "2"]
    assert set(found["options"]["small"]) == {"as it is", "channels_last", "fused", "bfloat16", "deterministic"}
    assert found["determinism"]["deterministic"] == {"weights": True, "answers": True}
    assert found["pixels"] == {"noise, small": True, "noise, large": True}
    precisions = found["pretrained"]["test_resnet"]
    assert precisions["float32"]["differ"] == 0 and precisions["bfloat16"]["images_per_second"] > 0
    assert [each["met"] for each in found["targets"]] == [
        each["value"] <= each["target"] if "seconds" in each["what"] else each["value"] >= each["target"]
        for each in found["targets"]
    ]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a card")
def test_without_a_card_one_line_says_so(tmp_path):
    done = measured("--out", str(tmp_path / "gpu.json"))
    assert done.returncode == 2 and not any(tmp_path.iterdir())
    assert done.stderr.splitlines() == ["no card: torch finds no CUDA device here, so nothing was measured"]
