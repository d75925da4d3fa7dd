"""Killed and started again, a run ends as if it had never been stopped; two at once share the work (see tests/fire)."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress

import pytest
import yaml
from tiny_experiment import TINY, contents, train_and_die, train_here
from warm_processes import CONTEXT

from ddd_utils import paths
from ddd_utils.config import params
from ddd_utils.experiments.store import Experiment

CONFIG = {**TINY, "epochs": 3, "dataset": {**TINY["dataset"], "train_images": 600}, "batch_size": 50}


def command(build):
    """Start `ddd train`."""
    file = build.parent / "tiny.yaml"
    file.write_text(yaml.safe_dump({"training_variants": {"experiment": CONFIG}}), "utf-8")
    return subprocess.Popen(
        [sys.executable, "-m", "ddd_utils", "train", str(file)],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "DDD_BUILD": str(build)},
        cwd=paths.ROOT,
        start_new_session=True,
    )


def folder(build):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DDD_BUILD", str(build))
        return Experiment(params.experiment(CONFIG)).folder


def fork(task, build):
    """Start work in a process that has imported torch already: killing it costs no new start."""
    begun = CONTEXT.Event()
    process = CONTEXT.Process(target=task, args=(str(build), CONFIG, begun))
    process.start()
    assert begun.wait(600)
    return process


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Train to the end once; return the results' place."""
    build = tmp_path_factory.mktemp("undisturbed")
    process = fork(train_here, build)
    process.join()
    assert process.exitcode == 0
    return folder(build)


def test_killed_while_it_describes_the_experiment_it_leaves_nothing_behind(undisturbed, tmp_path):
    place = folder(tmp_path)
    shutil.copytree(undisturbed, place)
    (place / "experiment.json").unlink()
    for task, ended, left in ((train_and_die, -signal.SIGKILL, 1), (train_here, 0, 0)):
        process = fork(task, tmp_path)
        process.join()
        assert process.exitcode == ended
        assert len(list(place.glob(".*"))) == left
        assert (place / "experiment.json").exists() == (ended == 0)


def until_it_trains(process, unfinished):
    """Wait until a command has finished an epoch of some network."""
    begun = time.time()
    while True:
        for file in unfinished.glob("*.pt"):
            with suppress(FileNotFoundError):  # its network has just been finished
                if file.stat().st_mtime > begun:
                    return
        assert process.poll() is None
        time.sleep(0.02)


def test_a_command_that_is_told_to_end_or_killed_leaves_the_rest_to_the_next(undisturbed, tmp_path):
    unfinished = folder(tmp_path / "build") / "unfinished"
    process = command(tmp_path / "build")
    until_it_trains(process, unfinished)
    process.terminate()
    _, told = process.communicate(timeout=600)
    assert process.returncode == 130
    assert told.splitlines()[-1].startswith("interrupted; what was finished is kept")
    assert "Traceback" not in told
    # Two at once share what is left. Only the parent of one is killed; a worker that it left behind would keep its
    # locks, and the other command waiting.
    killed, other = command(tmp_path / "build"), command(tmp_path / "build")
    until_it_trains(killed, unfinished)
    killed.kill()
    told = "".join(process.communicate(timeout=900)[1] for process in (killed, other))
    assert (killed.returncode, other.returncode) == (-signal.SIGKILL, 0)
    finished = [name for name, _ in re.findall(r"  (\w+)  epoch (\d+)/\2  ", told)]
    assert finished and len(set(finished)) == len(finished)
    assert not unfinished.exists()
    assert contents(folder(tmp_path / "build")) == contents(undisturbed)
