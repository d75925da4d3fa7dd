"""`train --launcher slurm`: one job a group, one of them preempted, and the bytes of a run on this machine."""

import os
import time

import numpy as np
import pytest
import slurm_cluster
import timm
import torch
import yaml
from PIL import Image
from tiny_experiment import TINY, contents, train_here
from warm_processes import CONTEXT

from ddd_utils import cli, machine, paths
from ddd_utils.config import params
from ddd_utils.experiments import cluster, inference, sources
from ddd_utils.experiments.store import Experiment

CONFIG = {**TINY, "epochs": 6, "dataset": {**TINY["dataset"], "train_images": 1000}, "batch_size": 50}
OPTIONS = {"timeout_min": 5, "gpus_per_node": 0, "cpus_per_task": 2, "mem_gb": 1}


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    if reason := slurm_cluster.unavailable():
        pytest.skip(reason)
    place = tmp_path / "slurm"
    place.mkdir()
    with slurm_cluster.cluster(place) as configuration:
        monkeypatch.setenv("SLURM_CONF", str(configuration))
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(paths.ROOT), str(paths.ROOT / "tests" / "helpers")]))
        monkeypatch.setenv("DDD_BUILD", str(tmp_path / "build"))
        monkeypatch.setattr(cluster, "POLL_S", 0.2)
        yield


def test_groups_become_jobs_and_a_preempted_one_goes_on(slurm, tmp_path, monkeypatch, capsys):
    file = tmp_path / "tiny.yaml"
    file.write_text(yaml.safe_dump({"training_variants": {"experiment": CONFIG}, "cluster": OPTIONS}), "utf-8")
    experiment = Experiment(params.experiment(CONFIG))
    # The same experiment in a process of this machine, meanwhile.
    alone = CONTEXT.Process(target=train_here, args=(str(tmp_path / "alone"), CONFIG))
    alone.start()
    train = ["train", str(file), "--launcher", "slurm"]
    assert cli.main(train) == 0
    assert "for 4 groups of networks; logs in" in capsys.readouterr().err

    logs = paths.results() / "slurm" / "tiny"
    jobs = cluster.unfinished(logs)
    # The first and largest job trains all that share the base's batches.
    stream = experiment.plan.runs[0].stream
    checkpoints = [experiment.checkpoint(run) for run in experiment.plan.runs if run.stream == stream]
    deadline = time.monotonic() + 600
    while not any(file.exists() for file in checkpoints):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    slurm_cluster.interrupt(jobs[0])

    assert cli.main([*train, "--wait"]) == 0
    assert "of an earlier command are still queued or running: nothing is submitted" in capsys.readouterr().err
    assert experiment.complete()
    assert "Requeued job" in jobs[0].stdout()

    alone.join()
    with monkeypatch.context() as patch:
        patch.setenv("DDD_BUILD", str(tmp_path / "alone"))
        expected = contents(Experiment(params.experiment(CONFIG)).folder)
    assert contents(experiment.folder) == expected


@pytest.fixture
def photographs(tmp_path):
    """A preset: 3 models that see 600 photographs at 32 px and one at 48 px."""
    random = np.random.default_rng(0)
    for number in range(600):
        path = tmp_path / "photos" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (64, 64, 3), np.uint8)).save(path)
    models = []
    for seed, size in enumerate((32, 32, 32, 48)):
        torch.manual_seed(seed)
        torch.save(timm.create_model("test_resnet", num_classes=2).state_dict(), tmp_path / f"{seed}.pth")
        weights, prepared = {"file": str(tmp_path / f"{seed}.pth")}, {"size": size}
        models.append({"model": "test_resnet", "name": f"{seed}", "pretrained": weights, "preprocessing": prepared})
    file = tmp_path / "photos.yaml"
    block = {"models": models, "images": {"path": str(tmp_path / "photos")}}
    file.write_text(yaml.safe_dump({"sota_comparison": block, "cluster": OPTIONS}), "utf-8")
    return file


def test_models_that_share_views_become_jobs_and_a_preempted_one_goes_on(slurm, photographs, monkeypatch, capsys):
    monkeypatch.setenv("DDD_DEVICES", "cpu,cpu")  # as on a node with two GPUs
    train = ["train", str(photographs), "--launcher", "slurm"]
    [(_, evaluation)] = sources.evaluations(params.load(photographs), ["sota_comparison"])
    # The first and largest job is the three models' at 32 px; it waits for the last of them until it is interrupted.
    with machine.lock_if_free(evaluation.lock(evaluation.config.models[2])):
        assert cli.main(train) == 0
        assert "for 2 groups of networks; logs in" in capsys.readouterr().err
        jobs = cluster.unfinished(paths.results() / "slurm" / "photos")
        deadline = time.monotonic() + 600
        while not evaluation.done(evaluation.config.models[0]):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        slurm_cluster.interrupt(jobs[0])
    assert cli.main(["status", str(photographs)]) == 0
    assert " done" in capsys.readouterr().out

    assert cli.main([*train, "--wait"]) == 0
    assert "Requeued job" in jobs[0].stdout()
    assert evaluation.complete()
    assert cli.main(["status", str(photographs)]) == 0
    assert capsys.readouterr().out.strip().endswith("4 done")
    answers = evaluation.load().predictions
    with monkeypatch.context() as patch:
        patch.setenv("DDD_BUILD", str(photographs.parent / "alone"))
        [(_, alone)] = sources.evaluations(params.load(photographs), ["sota_comparison"])
        inference.make(alone)
        np.testing.assert_array_equal(alone.load().predictions, answers)
