"""Killed at any moment and started again, a run ends as if it had never been stopped; two at once share the work."""

import multiprocessing
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from tiny_experiment import TINY, contents, train_and_die, train_here

from ddd_utils import paths
from ddd_utils.config import params
from ddd_utils.experiments.store import Experiment

KILLS = 24
CONFIG = {**TINY, "epochs": 6, "dataset": {**TINY["dataset"], "train_images": 1000}, "batch_size": 50}


def preset(path, config):
    path.write_text(yaml.safe_dump({"training_variants": {"experiment": config}}), "utf-8")
    return path


def train(build, file, *arguments, **options):
    command = [sys.executable, "-m", "ddd_utils", "train", str(file), *arguments]
    environment = {**os.environ, "DDD_BUILD": str(build)}
    return subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env=environment, cwd=paths.ROOT, start_new_session=True, **options
    )


def folder(build, config):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DDD_BUILD", str(build))
        return Experiment(params.experiment(config)).folder


@pytest.fixture(scope="module")
def forks():
    """A server that has imported torch and forks a process at a time: killing one costs no new start."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["torch", "ddd_utils.experiments.training.lockstep", "tiny_experiment"])
    return context


def test_killed_at_random_moments_it_ends_with_the_same_bytes(forks, tmp_path):
    undisturbed, disturbed = tmp_path / "undisturbed", tmp_path / "disturbed"
    whole = forks.Process(target=train_here, args=(str(undisturbed), CONFIG))
    begun = time.monotonic()
    whole.start()
    whole.join()
    assert whole.exitcode == 0
    longest = (time.monotonic() - begun) / 6
    chance, kills, left_behind = random.Random(1312), 0, set()
    while kills < KILLS:
        started = forks.Event()
        process = forks.Process(target=train_here, args=(str(disturbed), CONFIG, started))
        process.start()
        assert started.wait(60)
        process.join(chance.uniform(0, longest))
        process.kill()
        process.join()
        kills += process.exitcode == -signal.SIGKILL
        found = folder(disturbed, CONFIG)
        left_behind |= {path.suffix for path in found.rglob("*.*")} if found.exists() else set()
        if process.exitcode == 0:
            # It got to the end before its time: one network more is asked for.
            chance.choice(sorted(found.glob("*_*.parquet"))).unlink()
    # The kills hit training, with checkpoints lying about, and not only the way there.
    assert ".pt" in left_behind
    last = forks.Process(target=train_here, args=(str(disturbed), CONFIG))
    last.start()
    last.join()
    assert last.exitcode == 0
    assert contents(folder(disturbed, CONFIG)) == contents(folder(undisturbed, CONFIG))


def test_killed_while_it_describes_the_experiment_it_leaves_nothing_behind(forks, tmp_path):
    place = folder(tmp_path, TINY)
    for task, ended, left in ((train_and_die, -signal.SIGKILL, 1), (train_here, 0, 0)):
        process = forks.Process(target=task, args=(str(tmp_path), TINY))
        process.start()
        process.join()
        assert process.exitcode == ended
        assert len(list(place.glob(".*"))) == left
        assert (place / "experiment.json").exists() == (ended == 0)


def test_a_killed_parent_takes_its_workers_along_and_the_command_goes_on(tmp_path):
    file = preset(tmp_path / "tiny.yaml", CONFIG)
    first = train(tmp_path / "build", file)
    unfinished = folder(tmp_path / "build", CONFIG) / "unfinished"
    deadline = time.monotonic() + 60
    while not list(unfinished.glob("*.pt")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    # Only the parent is killed; a worker left behind would keep its locks and the second command waiting.
    first.kill()
    first.communicate()
    second = train(tmp_path / "build", file)
    _, told = second.communicate(timeout=120)
    assert second.returncode == 0
    assert (folder(tmp_path / "build", CONFIG) / "experiment.json").exists()
    assert not unfinished.exists()
    assert re.search(r"base  epoch 16/16", told)


def test_a_request_to_end_is_answered_in_one_line(tmp_path):
    file = preset(tmp_path / "tiny.yaml", CONFIG)
    process = train(tmp_path / "build", file)
    while not list(Path(tmp_path / "build").rglob("*.pt")):
        time.sleep(0.05)
    process.terminate()
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert told.splitlines()[-1].startswith("interrupted; what was finished is kept")
    assert "Traceback" not in told


def test_two_at_once_share_the_work(tmp_path):
    file = preset(tmp_path / "tiny.yaml", TINY)
    both = [train(tmp_path / "build", file) for _ in range(2)]
    told = [process.communicate(timeout=240)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    finished = re.findall(r"  (\w+)  epoch (\d+)/\2  ", "".join(told))
    assert sorted(name for name, _ in finished) == sorted({name for name, _ in finished})
    alone = tmp_path / "alone"
    train_here_in_order(alone)
    assert contents(folder(tmp_path / "build", TINY)) == contents(folder(alone, TINY))


def train_here_in_order(build):
    """Train in a process of its own: this one keeps its environment."""
    process = multiprocessing.get_context("spawn").Process(target=train_here, args=(str(build), TINY))
    process.start()
    process.join()
    assert process.exitcode == 0
