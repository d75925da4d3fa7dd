"""`train --launcher slurm`: one job a lockstep group, one of them preempted, and the bytes of a run on this machine."""

import os
import time

import pytest
import slurm_cluster
import yaml
from tiny_experiment import TINY, contents, train_here
from warm_processes import CONTEXT

from ddd_utils import __main__ as cli
from ddd_utils import paths
from ddd_utils.config import params
from ddd_utils.experiments import cluster
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
    deadline = time.monotonic() + 120
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
