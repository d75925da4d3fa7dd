"""What nobody foresaw is one line that names a log; Ctrl+C is one line, whenever it comes, and leaves nobody behind."""

import errno
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pandas as pd
import psutil
import pytest
import yaml
from tiny_experiment import TINY, die_reporting, report_late

from ddd_utils import cli, files, kernels, paths
from ddd_utils.config import params
from ddd_utils.errors import ExperimentError, InputError
from ddd_utils.experiments import launch
from ddd_utils.experiments.store import Experiment

LINE = "interrupted; what was finished is kept, the same command goes on from there"


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (KeyError("loss"), 1, "error: KeyError: 'loss'; this should not happen, its traceback is in "),
        (RuntimeError("one\ntwo"), 1, "error: RuntimeError: one two; this should not happen, its traceback is in "),
        (RecursionError("too deep"), 1, "error: RecursionError: too deep; this should not happen"),
        (OSError(errno.ENOSPC, "No space left on device"), 2, "error: No space left on device; its traceback is in "),
        (FileNotFoundError(errno.ENOENT, "No such file", "a.npy"), 2, "error: a.npy: No such file"),
    ],
)
def test_what_nobody_foresaw_is_one_line_that_names_a_log(tmp_path, monkeypatch, capsys, error, status, line):
    def fail(options):
        raise error

    monkeypatch.setenv("DDD_BUILD", str(tmp_path))
    monkeypatch.setattr(cli, "_check_checkout", fail)
    assert cli.main(["status", "quick"]) == status
    told = capsys.readouterr().err
    assert told.startswith(line) and told.count("\n") == 1
    logs = list((tmp_path / "errors").glob("*.log"))
    assert [str(log) in told for log in logs] == [True] * ("traceback" in told)
    assert all(f"{type(error).__name__}" in log.read_text() and "Traceback" in log.read_text() for log in logs)


def test_a_lock_that_finds_no_shared_memory_names_dev_shm(monkeypatch, capsys):
    def fail(options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(cli, "_check_checkout", fail)
    monkeypatch.setattr(cli.machine.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1, 1, 0))
    assert cli.main(["status", "quick"]) == 2
    assert capsys.readouterr().err.startswith("error: /dev/shm is full: ")


def test_a_worker_that_dies_while_groups_are_handed_out_is_one_line(monkeypatch):
    class Broken(launch.ProcessPoolExecutor):
        def submit(self, *arguments):
            raise launch.BrokenProcessPool("a child process terminated abruptly")

    monkeypatch.setattr(launch, "ProcessPoolExecutor", Broken)
    experiment = Experiment(params.experiment(TINY))
    groups = launch.grouped([(experiment, run, "tiny") for run in experiment.plan.runs], 1)
    with pytest.raises(ExperimentError, match="a training process died while 'base'"):
        launch.train(groups, ["cpu"])


def test_what_a_worker_reports_last_is_told_though_its_result_comes_first(monkeypatch, lines):
    monkeypatch.setattr(launch, "_train", report_late)
    experiment = Experiment(params.experiment(TINY))
    groups = launch.grouped([(experiment, run, "tiny") for run in experiment.plan.runs], 1)
    assert launch.train(groups, ["cpu"]) == {}
    runs = len(experiment.plan.runs)
    assert len(lines) == runs and f"[{runs}/{runs} runs]" in lines[-1]


def test_a_worker_that_is_killed_while_it_reports_keeps_nobody_waiting(monkeypatch):
    monkeypatch.setattr(launch, "_train", die_reporting)
    experiment = Experiment(params.experiment(TINY))
    groups = launch.grouped([(experiment, run, "tiny") for run in experiment.plan.runs], 1)
    with pytest.raises(ExperimentError, match="a training process died"):
        launch.train(groups, ["cpu"])


def test_no_cell_that_is_written_is_a_formula(tmp_path):
    table = pd.DataFrame(
        {"image": ["=1+1", "+4", "-2", "@SUM(5)", "\t=1", "cat", "a=b"], "=x": [-1.5, 2, 3, 4, 5, 6, 7]}
    )
    files.write_csv(tmp_path / "a.csv", table)
    found = pd.read_csv(tmp_path / "a.csv")
    assert found.columns.tolist() == ["image", "'=x"]
    assert found["image"].tolist() == ["'=1+1", "'+4", "'-2", "'@SUM(5)", "'\t=1", "cat", "a=b"]
    assert found["'=x"].tolist() == table["=x"].tolist()


def test_an_archive_that_promises_exabytes_is_refused_at_once(tmp_path):
    import io
    import zipfile

    import numpy as np

    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"descr": "|u1", "fortran_order": False, "shape": (10**18, 3)})
    with zipfile.ZipFile(tmp_path / "huge.npz", "w") as archive:
        archive.writestr("x.npy", head.getvalue())
    with pytest.raises(InputError, match=r"its array 'x' promises 3,000,000,000,000,000,000 bytes and has 0"):
        files.array_shape(tmp_path / "huge.npz", "x")


@pytest.mark.parametrize("arguments", [{"act_layer": "x"}, {"block": "x"}, {"checkpoint_path": "/nonexistent.pt"}])
def test_whatever_a_factory_raises_is_one_line(arguments):
    from ddd_utils.models import by_name

    name = "test_vit" if "act_layer" in arguments else "test_resnet"
    with pytest.raises(InputError, match=f"^model '{name}'[^\n]*$"):
        by_name.create(name, 10, arguments)


COMPUTES = """
import hashlib, sys
sys.argv[0] = "/bin/ddd"
from ddd_utils import interrupts
interrupts.PATIENCE_S = float(sys.argv[1])
interrupts.end_soon()
interrupts.answer(interrupts.orderly)
print("computing", flush=True)
hashlib.pbkdf2_hmac("sha256", b"", b"", 1_000_000_000)
"""


def signals(process, what):
    """List the signals that wait for a process (ShdPnd), or that it answers itself (SigCgt)."""
    (mask,) = re.findall(rf"^{what}:\t(\w+)$", Path(f"/proc/{process.pid}/status").read_text(), re.MULTILINE)
    return {each for each in signal.Signals if int(mask, 16) >> (each - 1) & 1}


def interrupt(process):
    """Send Ctrl+C, and wait until it has come: two that wait are one."""
    process.send_signal(signal.SIGINT)
    while process.poll() is None and signal.SIGINT in signals(process, "ShdPnd"):
        time.sleep(0.01)


@pytest.mark.parametrize(("patience", "times"), [(0.2, 1), (600, 2)])
def test_ctrl_c_ends_what_a_library_computes(patience, times):
    process = subprocess.Popen(
        [sys.executable, "-c", COMPUTES, str(patience)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=paths.ROOT,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdout.readline() == "computing\n"
    took = psutil.Process(process.pid).cpu_times
    before = took().user
    while took().user < before + 0.05:
        time.sleep(0.02)
    try:
        for _ in range(times):
            interrupt(process)
        _, told = process.communicate(timeout=300)
    finally:
        process.kill()
    assert (process.returncode, told) == (130, f"{LINE}\n")


def train(build):
    file = build.parent / "tiny.yaml"
    config = {**TINY, "epochs": 300, "dataset": {**TINY["dataset"], "train_images": 1000}}
    file.write_text(yaml.safe_dump({"training_variants": {"experiment": config}}), "utf-8")
    return start(build, "train", str(file))


def start(build, *arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "ddd_utils", *arguments],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "DDD_BUILD": str(build)},
        cwd=paths.ROOT,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # what runs in the background ignores it
    )


INTERRUPTED = """
import os, signal, sys, time
from functools import partial
signal.signal(signal.SIGINT, signal.SIG_DFL)
from ddd_utils import __main__ as program, cli

sys.argv = ["ddd", "status", "quick"]
patience = partial(setattr, program.interrupts, "PATIENCE_S")
interrupt = "os.kill(os.getpid(), signal.SIGINT)"
cli.WHEN
program.run()
"""


@pytest.mark.parametrize(
    "when",
    [
        "_parser = lambda: exec(interrupt)",  # as `dataclasses` does while libraries are loaded
        "_check_checkout = lambda _: exec(interrupt)",
        # An end that takes longer than the patience with it.
        "_check_checkout = lambda _: exec(interrupt); program.gc.freeze = partial(time.sleep, 1); patience(0.1)",
    ],
)
def test_ctrl_c_is_told_once(tmp_path, when):
    (tmp_path / "program.py").write_text(INTERRUPTED.replace("WHEN", when))
    command, path = [sys.executable, "-m", "program"], {"PYTHONPATH": f"{tmp_path}{os.pathsep}{paths.ROOT}"}
    ended = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env={**os.environ, **path})
    assert (ended.returncode, ended.stderr) == (130, f"{LINE}\n")


@pytest.mark.parametrize(("after", "times"), [(0, 1), (0.6, 1), (1.3, 2), (4, 1), (7, 2)])
def test_ctrl_c_is_one_line_at_any_moment(tmp_path, after, times):
    process = train(tmp_path / "build")
    while signal.SIGTERM not in signals(process, "SigCgt"):  # until then Python itself is starting
        time.sleep(0.01)
    time.sleep(after)
    told = interrupted(process, times)
    assert told.splitlines()[-1] == LINE and told.count(LINE) == 1


@pytest.mark.skipif(not kernels.FORKS, reason="kernels are not forked on this system")
@pytest.mark.parametrize("after", [0, 0.3, 1])
def test_ctrl_c_while_the_kernels_server_loads_its_libraries_is_one_line(tmp_path, after):
    process = start(tmp_path / "build", "report", "quick", "--sections", "summary")
    while not any("forkserver" in " ".join(each.cmdline()) for each in psutil.Process(process.pid).children()):
        time.sleep(0.01)
    time.sleep(after)
    assert interrupted(process) in (f"{LINE}\n", f"summary: notebook started\n{LINE}\n")


def interrupted(process, times=1):
    """Interrupt a command and everybody whom it started; return what it says, once nobody is left."""
    family = psutil.Process(process.pid).children(recursive=True)
    for _ in range(times):
        os.killpg(process.pid, signal.SIGINT)  # a terminal sends it to all
        time.sleep(0.05)
    try:
        told = process.communicate(timeout=300)[1]
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 130 and "Traceback" not in told, told[-600:]
    _, alive = psutil.wait_procs(family, timeout=60)
    assert alive == []
    return told
