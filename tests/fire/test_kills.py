"""The short form of `make fire`: killed at random moments and started again, all ends as if nothing had been."""

import json
import os
import subprocess
import sys
from pathlib import Path

KILLS = 5


def test_killed_at_random_moments_everything_ends_with_the_same_bytes(tmp_path):
    script = Path(__file__).with_name("kills.py")
    words = [str(KILLS), "--jobs", "train", "download", "photographs"]
    environment = {**os.environ, "DDD_BUILD": str(tmp_path), "OMP_NUM_THREADS": "1"}
    found = subprocess.run(
        [sys.executable, script, *words], capture_output=True, text=True, env=environment, check=False
    )
    assert found.returncode == 0, found.stderr
    rows = [json.loads(line) for line in (tmp_path / "fire" / "kills.jsonl").read_text("utf-8").splitlines()]
    assert [row["kill"] for row in rows] == list(range(1, KILLS + 1))
    assert {row["job"] for row in rows} == {"train", "download", "photographs"}
