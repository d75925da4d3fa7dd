"""What is done, running, stopped, diverged and missing is read off the folder, and so is the time left."""

import re

import pytest
import torch
from tiny_experiment import TINY

from ddd_utils import cli, machine
from ddd_utils.config import params
from ddd_utils.data.loader import Loader
from ddd_utils.experiments import launch, lockstep
from ddd_utils.experiments.store import Experiment
from ddd_utils.experiments.trainee import Trainee, write_checkpoint

GOOD = {**TINY["base"], "optimizer": "sgd", "learning_rate": 0.1}
MODELS = [
    {**GOOD, "name": "finished"},
    {**GOOD, "name": "wild", "learning_rate": 1e30},
    {**GOOD, "name": "halfway"},
    {**GOOD, "name": "held"},
    {**GOOD, "name": "untouched"},
]
CONFIG = {"models": MODELS, "images": TINY["dataset"], "training": {"epochs": 2, "batch_size": 10}}


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    experiment = Experiment(params.experiment(CONFIG))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DDD_BUILD", str(tmp_path_factory.mktemp("build")))
        assert not experiment.folder.exists()  # where it lies is settled here
    runs = dict(zip([model["name"] for model in MODELS], experiment.plan.runs, strict=True))
    lockstep.train_runs(experiment, (runs["finished"], runs["wild"]), torch.device("cpu"))

    def keep(trainee):
        if trainee.epoch == 1:
            write_checkpoint(experiment.checkpoint(trainee.run), trainee.state())

    data = lockstep.datasets.load(experiment.dataset)
    lockstep.train([Trainee(runs["halfway"], 10, torch.device("cpu"))], Loader(data, torch.device("cpu")), keep)
    with machine.lock_if_free(experiment.lock(runs["held"])):
        yield experiment


def test_each_run_is_where_it_is(begun):
    found = {run.file.rpartition("-")[0]: launch.run_status(begun, run) for run in begun.plan.runs}
    assert {name: each.state for name, each in found.items()} == {
        "finished": "done",
        "wild": "diverged",
        "halfway": "stopped",
        "held": "running",
        "untouched": "missing",
    }
    assert {name: each.epoch for name, each in found.items() if each.epoch} == {"finished": 2, "wild": 2, "halfway": 1}
    assert found["wild"].reason == "the loss is not finite in epoch 1"


def test_the_lines_name_what_matters_and_the_time_left(begun):
    told = list(launch.status_lines([("sota_comparison", begun)], 2))
    assert told[0].endswith("  1 done, 1 diverged, 1 running, 1 stopped, 1 missing")
    assert any("stopped" in line and "halfway" in line and "epoch 1/2" in line for line in told)
    assert re.fullmatch(r"time left: about \d+ s with 2 processes, from the time that finished epochs took", told[-1])


def test_the_time_left_is_what_finished_epochs_took():
    done = launch.RunStatus("a", "done", 4, 4, 3600.0, 100.0)
    left = launch.RunStatus("b", "missing", 0, 8, None, 400.0)
    assert "about 4.0 h with 1 process," in launch._time_left([done, left], 1)
    half = launch.RunStatus("c", "stopped", 2, 4, 1800.0, 100.0)
    assert "about 2.2 h with 2 processes" in launch._time_left([done, half, left], 2)
    assert launch._time_left([left], 2).startswith("time left: not known")
    assert launch._time_left([done], 2) == "nothing is left to train"


def test_status_of_a_preset_changes_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("DDD_BUILD", str(tmp_path))
    assert cli.main(["status", "smoke"]) == 0
    told = capsys.readouterr().out.splitlines()
    sections = ["training_variants:", "sota_comparison:", "controls:", "controls:"]
    assert [line.split()[0] for line in told[:-1]] == sections
    assert all("missing" in line for line in told[:-1])
    assert not any(tmp_path.rglob("*.*"))
