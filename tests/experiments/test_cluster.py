"""SLURM jobs go on after preemption, ask for what the preset says and fail by name; against a SLURM of our own."""

import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import slurm_cluster
from counting import Counting

from ddd_utils import paths
from ddd_utils.config import params
from ddd_utils.config.schema import Cluster
from ddd_utils.errors import InputError
from ddd_utils.experiments import cluster
from ddd_utils.files import write_yaml

SMALL = {"timeout_min": 3, "gpus_per_node": 0, "cpus_per_task": 1, "mem_gb": 0.1}
PATIENCE_S = 600


@pytest.fixture(scope="module")
def slurm(tmp_path_factory):
    if reason := slurm_cluster.unavailable():
        pytest.skip(reason)
    with (
        slurm_cluster.cluster(tmp_path_factory.mktemp("slurm")) as configuration,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("SLURM_CONF", str(configuration))
        # The jobs import what these tests import.
        patch.setenv("PYTHONPATH", os.pathsep.join([str(paths.ROOT), str(paths.ROOT / "tests" / "helpers")]))
        patch.setattr(cluster, "POLL_S", 0.2)
        yield


def options(**values) -> Cluster:
    return Cluster(**{**SMALL, **values})


def work(folder: Path, count: int = 1, **values) -> list[Counting]:
    folders = [folder / f"work {index}" for index in range(count)]
    for each in folders:
        each.mkdir()
    return [Counting(each, **values) for each in folders]


def until(ready) -> None:
    end = time.monotonic() + PATIENCE_S
    while not ready():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)


def test_an_array_does_all_its_work_and_says_where_the_logs_are(slurm, tmp_path, caplog):
    counting = work(tmp_path, 3)
    jobs = cluster.submit(counting, options(), tmp_path / "logs")
    assert cluster.wait(jobs) == []
    assert [each.reached() for each in counting] == [5, 5, 5]
    assert [each.starts() for each in counting] == [[0]] * 3
    array = jobs[0].job_id.partition("_")[0]
    assert [job.job_id for job in jobs] == [f"{array}_{index}" for index in range(3)]
    assert caplog.messages[0] == f"SLURM job {array} for 3 groups of networks; logs in {tmp_path / 'logs'}"
    assert caplog.messages[-1] == "SLURM: 0 running, 0 queued, 3 ended"
    assert all("Job completed successfully" in job.stdout() for job in jobs)


def test_interrupted_jobs_are_queued_again_and_go_on(slurm, tmp_path):
    counting = work(tmp_path, 3, halt=3)
    preempted, timed_out, requeued = jobs = cluster.submit(counting, options(), tmp_path / "logs")
    until(lambda: all(each.reached() == 3 for each in counting))
    preempted._interrupt()
    timed_out._interrupt(timeout=True)
    subprocess.run(["scontrol", "requeue", requeued.job_id], check=True)
    assert cluster.wait(jobs) == []
    assert [each.reached() for each in counting] == [5, 5, 5]
    assert [each.starts() for each in counting] == [[0, 3]] * 3
    assert ["Requeued job" in job.stdout() for job in jobs] == [True, True, False]


def test_a_job_goes_on_though_the_end_of_its_step_reaches_its_own_request(slurm, tmp_path, monkeypatch):
    # On a loaded node the step's SIGTERM comes before `scontrol requeue` has ended.
    slow = tmp_path / "bin" / "scontrol"
    slow.parent.mkdir()
    slow.write_text(f'#!/bin/sh\n{shutil.which("scontrol")} "$@" || exit\nsleep .4\n')
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", str(slow.parent), prepend=os.pathsep)
    [counting] = work(tmp_path, halt=3)
    [job] = cluster.submit([counting], options(), tmp_path / "logs")
    until(lambda: counting.reached() == 3)
    slurm_cluster.interrupt(job)
    assert cluster.wait([job]) == []
    assert (counting.reached(), counting.starts()) == (5, [0, 3])
    assert "SIGTERM" not in job.stderr()


def test_what_an_earlier_call_left_counts_only_once_the_job_has_ended(tmp_path, monkeypatch):
    job, states = cluster.SlurmJob(tmp_path, "7"), ["PENDING", "PENDING", "RUNNING", "COMPLETED"]
    job.paths.result_pickle.touch()
    (tmp_path / "7_submitted.pkl").touch()
    monkeypatch.setattr(cluster, "POLL_S", 0)
    monkeypatch.setattr(cluster, "_states", lambda: {"7": states.pop(0)})
    # As the job's file says: its first call was killed, its second one succeeded.
    monkeypatch.setattr(job, "exception", lambda: ValueError("killed") if states else None)
    assert [each.job_id for each in cluster.unfinished(tmp_path)] == ["7"]
    assert cluster.wait([job]) == []
    assert states == []


def test_a_job_that_slurm_preempts_goes_on_when_the_node_is_free_again(slurm, tmp_path):
    [counting] = work(tmp_path, halt=3)
    jobs = cluster.submit([counting], options(cpus_per_task=4), tmp_path / "logs")
    until(lambda: counting.reached() == 3)
    more_important = ["srun", "--partition=high", "--cpus-per-task=4", "true"]
    subprocess.run(more_important, check=True, capture_output=True, timeout=PATIENCE_S)
    assert cluster.wait(jobs) == []
    assert counting.reached() == 5
    assert counting.starts() == [0, 3]


def test_failures_are_named_with_their_logs(slurm, tmp_path):
    good, bad, cancelled, late = counting = work(tmp_path, 4, halt=3)
    counting[:2] = replace(good, halt=None), replace(bad, halt=None, fail=True)
    logs = tmp_path / "logs"
    jobs = cluster.submit(counting, options(timeouts=0), logs)
    names = [job.job_id for job in jobs]
    until(lambda: good.reached() == 5 and cancelled.reached() == late.reached() == 3)
    assert {names[2], names[3]} <= {job.job_id for job in cluster.unfinished(logs)}
    jobs[2].cancel()
    jobs[3]._interrupt(timeout=True)
    failures = dict(zip(("bad", "late", "cancelled"), cluster.wait(jobs), strict=True))
    log = {name: logs / f"{name}_0_log.err" for name in names}
    assert failures["bad"] == f"SLURM job {names[1]}: ValueError: the images are gone; its log: {log[names[1]]}"
    assert "the images are gone" in log[names[1]].read_text()
    assert failures["late"].endswith(f"timed-out too many times.; its log: {log[names[3]]}")
    assert failures["cancelled"] == (
        f"SLURM job {names[2]} ended without a result (CANCELLED); its log: {log[names[2]]}"
    )
    assert cluster.unfinished(logs) == []


def test_options_reach_slurm(slurm, tmp_path):
    asked = options(
        **{"partition": "high", "timeout_min": 7, "gpus_per_node": 2, "cpus_per_task": 3, "mem_gb": 1.5},
        array_parallelism=1,
        extra={"comment": "two words", "nice": 100},
    )
    jobs = cluster.submit(work(tmp_path, 2), asked, tmp_path / "logs")
    shown = subprocess.run(["scontrol", "show", "job", jobs[0].job_id], check=True, capture_output=True, text=True)
    found = dict(re.findall(r"(\S+?)=(.*?)(?=\s+\S+?=|\s*$)", shown.stdout, re.MULTILINE))
    expected = {
        "Partition": "high",
        "TimeLimit": "00:07:00",
        "CPUs/Task": "3",
        "MinMemoryNode": "1.50G",
        "TresPerNode": "gres:gpu:2",
        "Requeue": "1",
        "Nice": "100",
        "Comment": "two words",
        "ArrayTaskThrottle": "1",
    }
    assert {key: found.get(key) for key in expected} == expected
    assert cluster.wait(jobs) == []


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"partition": "gup"}, "invalid partition specified: gup"),
        ({"gpus_per_node": 9}, "Requested node configuration is not available"),
        ({"extra": {"reservation": "ours"}}, "Requested reservation is invalid"),
    ],
)
def test_refused_jobs_are_one_line(slurm, tmp_path, capfd, values, reason):
    with pytest.raises(InputError) as caught:
        cluster.submit(work(tmp_path, 2), options(**values), tmp_path / "logs")
    assert str(caught.value).startswith("cluster: SLURM refuses the jobs: ")
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_a_controller_that_is_away_is_waited_for(monkeypatch, caplog):
    answers = iter(["echo 'squeue: error: not now' >&2; exit 1", "exit 1", "echo 7_0 RUNNING"])
    run = subprocess.run
    monkeypatch.setattr(cluster, "POLL_S", 0)
    monkeypatch.setattr(subprocess, "run", lambda _, **how: run(["sh", "-c", next(answers)], **how))
    assert cluster._states() == {"7_0": "RUNNING"}
    assert caplog.messages == ["SLURM does not answer: squeue: error: not now; asking again every 0 s"]


def test_an_interrupted_wait_leaves_the_jobs_and_says_so(tmp_path, monkeypatch, caplog):
    def interrupt():
        raise KeyboardInterrupt

    jobs = [cluster.SlurmJob(tmp_path, "7_0"), cluster.SlurmJob(tmp_path, "7_1")]
    monkeypatch.setattr(cluster, "_states", interrupt)
    with pytest.raises(KeyboardInterrupt):
        cluster.wait(jobs)
    assert caplog.messages == ["the SLURM jobs go on without this command; scancel 7 would end them"]


def test_without_slurm_one_line_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="there is no SLURM on this machine"):
        cluster.submit([print], options(), tmp_path)


def test_no_work_is_no_job(tmp_path):
    assert cluster.submit([], options(), tmp_path) == []
    assert cluster.wait([]) == []
    assert cluster.unfinished(tmp_path) == []


def test_a_preset_says_what_jobs_ask_for():
    preset = params.load("paper", ["cluster.partition=gpu", "cluster.extra={account: lab}"])
    assert (preset.cluster.partition, preset.cluster.extra) == ("gpu", {"account": "lab"})
    assert preset.cluster.timeout_min == 1440
    assert params.load("quick").cluster == Cluster()
    assert "cluster" not in preset.sections
    assert "cluster" not in params.SECTIONS


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("cluster.partitoin=gpu", "cluster.partitoin: unknown key (did you mean 'partition'?)"),
        ("clutser.partition=gpu", "clutser: unknown key (did you mean 'cluster'?)"),
        ("cluster.timeout_min=1", "cluster.timeout_min: at least 3 is needed, not 1"),
        ("cluster.extra={acount: lab}", "cluster.extra.acount: not among the options that say where and when (did you"),
        ("cluster.extra={output: /tmp/x}", "cluster.extra.output: not among the options that say where and when"),
        ("cluster.extra={wrap: touch PWNED}", "cluster.extra.wrap: not among the options"),
        ('cluster.extra={account: "a\\ntouch PWNED"}', r"cluster: 'a\ntouch PWNED' is not plain"),
        ('cluster.partition="a\\u2028b"', r"cluster: 'a\u2028b' is not plain"),
        ("cluster.partition=$(touch PWNED)", "cluster: '$(touch PWNED)' is not plain"),
        ("cluster.extra={nice: [1]}", "cluster.extra.nice: a word or a whole number is needed, not [1]"),
        ("cluster.gpus_per_node=-1", "cluster.gpus_per_node: at least 0 is needed, not -1"),
    ],
)
def test_a_mistake_in_the_cluster_is_named(override, message):
    with pytest.raises(InputError) as caught:
        params.load("paper", [override])
    assert message in str(caught.value)


def test_the_preset_that_ran_a_command_is_refused(tmp_path):
    injection = {"partition": "a\ntouch PWNED #"}
    raw = {**params.load("published").raw, "cluster": injection}
    with pytest.raises(InputError, match=r"cluster: 'a\\ntouch PWNED #' is not plain"):
        params.load(write_yaml(raw, tmp_path / "slurm_injection.yaml"))


def test_a_folder_with_a_line_break_never_reaches_slurm(tmp_path):
    with pytest.raises(InputError, match=r"cannot reach SLURM"):
        cluster.submit([print], options(), tmp_path / "a\ntouch PWNED")


def test_presets_are_read_without_submitit():
    code = "import sys; from ddd_utils import params; params.load('paper'); sys.exit('submitit' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=paths.ROOT)
