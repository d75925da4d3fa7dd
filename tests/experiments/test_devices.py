"""All devices of a node are at work, for training and for pretrained models; fakes stand in for GPUs."""

import threading
from collections import Counter

import numpy as np
import pytest
import torch
from tiny_experiment import TINY

from ddd_utils import machine
from ddd_utils.config import params
from ddd_utils.data.views import preparation
from ddd_utils.errors import InputError
from ddd_utils.experiments import inference, launch
from ddd_utils.experiments.decisions import Chooser
from ddd_utils.experiments.store import Experiment

THREE = ["cpu", "cpu", "cpu"]


@pytest.fixture(autouse=True)
def three(monkeypatch, tmp_path):
    monkeypatch.setenv("DDD_BUILD", str(tmp_path))
    monkeypatch.setenv("DDD_DEVICES", "cpu, cpu,cpu")


@pytest.mark.parametrize(("named", "found"), [("cpu", ["cpu"]), ("cuda:0,cuda:3", ["cuda:0", "cuda:3"])])
def test_devices_can_be_named(monkeypatch, named, found):
    assert machine.devices() == THREE
    monkeypatch.setenv("DDD_DEVICES", named)
    assert machine.devices() == found


@pytest.mark.parametrize("named", ["gpu", "cuda", "cpu;cpu", "cpu,cuda:0", "2", ",cpu"])
def test_what_is_no_list_of_devices_is_refused(monkeypatch, named):
    monkeypatch.setenv("DDD_DEVICES", named)
    with pytest.raises(InputError, match="is not a list such as cuda:0,cuda:1 or cpu,cpu"):
        machine.devices()


def test_training_has_a_process_and_work_for_each_device(monkeypatch):
    given = []

    def train(groups, devices):
        given.append((groups, devices))
        return {group.experiment.file(run): "not now" for group in groups for run in group.runs}

    monkeypatch.setattr(launch, "train", train)
    experiment = Experiment(params.experiment(TINY))
    with pytest.raises(launch.ExperimentError, match="not now"):
        launch.compute([experiment])
    [(groups, devices)] = given
    assert devices == THREE and len(groups) >= 3
    given.clear()
    [whole] = [group for group in launch.grouped(launch.missing([experiment]), 1) if len(group.runs) > 3]
    with pytest.raises(launch.ExperimentError, match="not now"):  # a SLURM job has one group, and divides it
        launch.train_group(whole)
    [(groups, devices)] = given
    assert devices == THREE and len(groups) >= 3


def test_a_worker_computes_on_its_own_gpu(monkeypatch):
    chosen = []
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    monkeypatch.setattr(torch, "set_num_threads", lambda count: None)
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    launch.prepare_worker("cpu")
    launch.prepare_worker("cuda:1")
    assert chosen == [torch.device("cuda:1")]


def test_pretrained_models_answer_on_every_device_at_once():
    at_work, waiting = Counter(), threading.Barrier(3)

    class Patient(torch.nn.Module):
        def forward(self, images):
            if at_work[threading.get_ident()] == 0:
                waiting.wait(200)  # a device that is left out would be waited for in vain
            at_work[threading.get_ident()] += 1
            return images.mean((2, 3))

    prepared = preparation(8, (0.5,) * 3, (0.2,) * 3)
    runner = inference._Runner(Patient(), prepared, Chooser(np.arange(3), np.ones(3, bool)), THREE)
    runner.batch = 2
    runner.run(np.zeros((40, 8, 8, 3), np.uint8), np.zeros(40, int), torch.float32)
    assert len(at_work) == 3 and sum(at_work.values()) == 20
