"""
Kill commands, their groups and their workers at random moments, and see that nothing is lost, torn or different after.

    make fire KILLS=1000                    goes on where it was stopped: a line of build/fire/kills.jsonl for each kill
    python tests/fire/kills.py 20 --jobs report

After every kill whoever is left ends within seconds, and what has its final name is what an undisturbed run makes, bit
by bit. What a killed run left is where the next one begins, until one of them gets to its end: then all is compared.
"""

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "helpers"))

import numpy as np
import psutil
import torch  # noqa: F401 - before a process forks
from PIL import Image
from public_files import serve
from tiny_experiment import TINY, contents, train_here

from ddd_utils import files, machine, paths
from ddd_utils.data import datasets, downloads
from ddd_utils.data.photographs import Files
from ddd_utils.experiments import lockstep  # noqa: F401

PATIENCE_S = 20  # for what a killed command leaves behind
HANGS_S = 600  # no command takes as long as that to its end, on a busy machine either
BODY = np.random.default_rng(0).bytes(1 << 20)
NAMES = ["a.bin", "b/c.bin", "b/d.bin"]


def fetch(build, host):
    """Download a few files."""
    os.environ["DDD_BUILD"], files.DEAD_S = build, 0
    for name in NAMES:
        downloads.fetch_from(f"{host}/{name}", hashlib.sha256(BODY).hexdigest(), name)


def shrink(build, folder):
    """Make the cache of photographs."""
    os.environ["DDD_BUILD"], files.DEAD_S, datasets.CHUNK = build, 0, 20
    datasets.cached(Files(Path(folder), tuple(sorted(path.name for path in Path(folder).iterdir()))), 40)


class Forked:
    """A child that finds torch imported: killing it costs no new start."""

    def __init__(self, task, build, *arguments):
        self.status, self.pid = None, os.fork()
        if not self.pid:
            failed = 1
            try:
                task(str(build), *arguments)
                failed = 0
            finally:
                os._exit(failed)

    def wait(self, seconds=float("inf")):
        """Return the exit status, None if it does not end in time."""
        until = time.monotonic() + seconds
        while self.status is None:
            ended, status = os.waitpid(self.pid, os.WNOHANG)
            if ended:
                self.status = os.waitstatus_to_exitcode(status)
            elif time.monotonic() > until:
                break
            time.sleep(0.002)
        return self.status


class Command:
    """A command as it is typed, in a group of its own."""

    def __init__(self, build, *words):
        command = [sys.executable, "-m", "ddd_utils", *words]
        self.said = build.with_suffix(".said")
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL,
            stderr=self.said.open("w"),
            env={**os.environ, "DDD_BUILD": str(build)},
            cwd=paths.ROOT,
            start_new_session=True,
        )
        self.pid = self.process.pid

    def wait(self, seconds=None):
        """Return the exit status, None if it does not end in time."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)
        return self.process.returncode


@dataclass(frozen=True)
class Job:
    """Work to be killed, what is to be found of it under final names, and how often its turn comes."""

    start: Callable[[Path], Forked | Command]
    found: Callable[[Path], dict[str, bytes]]
    share: int


def results(build):
    """Return what is in the folders of results, without what tells the time."""
    folders = [path for path in build.glob("results/*") if path.is_dir()]
    return {f"{folder.name}/{name}": value for folder in folders for name, value in contents(folder).items()}


def report(build):
    """Return results, and what notebooks and the page have written as data."""
    made = [path for path in build.glob("s*/**/*.json") if path.parent.name != "notebooks" and path.name[0] != "."]
    return results(build) | {str(path.relative_to(build)): path.read_bytes() for path in made}


def data(build):
    """Return downloaded files, and the cache of photographs."""
    made = [path for path in build.glob("data/**/*") if path.is_file() and path.suffix != ".lock"]
    return {str(path.relative_to(build)): path.read_bytes() for path in made if path.name[0] != "."}


def jobs(host, folder):
    """Name the jobs."""
    small = str(Path(__file__).with_name("small.yaml"))
    return {
        "train": Job(lambda build: Forked(train_here, build, TINY), results, 3),
        "download": Job(lambda build: Forked(fetch, build, host), data, 1),
        "photographs": Job(lambda build: Forked(shrink, build, str(folder)), data, 1),
        "report": Job(lambda build: Command(build, "report", small), report, 1),
        "smoke": Job(lambda build: Command(build, "report", "smoke"), report, 0),
    }


def kill(process, chance):
    """Kill the command, its group, or one of those that it has started; return which, and all whom it had started."""
    kind, family = "command", []
    with suppress(psutil.NoSuchProcess, ProcessLookupError):  # it ended in this very moment
        if isinstance(process, Command):
            family = psutil.Process(process.pid).children(recursive=True)
            kind = chance.choice(["command", "group", *["worker"] * bool(family)])
        if kind == "group":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            os.kill(chance.choice(family).pid if kind == "worker" else process.pid, signal.SIGKILL)
    return kind, family


def undisturbed(job, build):
    """Run a job to its end; return what it made, and the seconds that it took."""
    shutil.rmtree(build, ignore_errors=True)
    process, began = job.start(build), time.monotonic()
    assert process.wait() == 0
    return job.found(build), time.monotonic() - began


def one(job, build, expected, took, chance):
    """Kill a job once and look at what is left; if it was done before, all of it, and the next one begins anew."""
    process = job.start(build)
    status, kind = process.wait(chance.uniform(0, took)), "none"
    if status is None:
        kind, family = kill(process, chance)
        status = process.wait(HANGS_S)
        assert status is not None, f"it goes on, though its {kind} was killed"
        _, alive = psutil.wait_procs(family, timeout=PATIENCE_S)
        assert not alive, f"left behind: {alive}"
    found = job.found(build)
    if status == 0:
        assert found == expected, f"differs: {differing(found, expected)}"
        begin_anew(build, chance)
    else:
        assert kind != "none", f"it failed by itself, with status {status}"
        torn = {name for name in found if not sound(name, found[name], expected.get(name))}
        assert not torn, f"killed, it left what differs: {torn}"
    return kind, status


def sound(name, value, expected):
    """Say whether a file is what it should be; JSON of a report only whole: it may say what was not computed."""
    if name.endswith((".parquet", ".npy", ".bin")):
        return value == expected
    return not value or bool(json.loads(value))


def differing(found, expected):
    """Name what is different, missing or too much."""
    return sorted(name for name in {*found, *expected} if found.get(name) != expected.get(name))


def begin_anew(build, chance):
    """Remove everything that a finished run made, or some of it."""
    made = sorted(path for path in build.rglob("*") if path.is_file())
    for path in made if chance.random() < 0.5 else chance.sample(made, min(3, len(made))):
        path.unlink()


def photographs(folder):
    """Make photographs to be decoded."""
    folder.mkdir(parents=True, exist_ok=True)
    chance = np.random.default_rng(0)
    for number in range(200):
        Image.fromarray(chance.integers(0, 255, (90, 120, 3), np.uint8)).save(folder / f"{number:03}.jpg")
    return folder


def run(kills, names, work, seed=1312, done=()):
    """Kill so many times; yield a row for each kill, after those that are done."""
    shutil.rmtree(work, ignore_errors=True)
    with serve() as server, machine.environment({"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}):
        server.files.update({f"/{name}": BODY for name in NAMES})
        known = jobs(server.host, photographs(work / "jpegs"))
        turns, reference = [name for name in names for _ in range(known[name].share or 1)], {}
        count, number = len(done), 0
        while count < kills:
            number += 1
            chance = random.Random(f"{seed}-{count}-{number}")
            name = turns[count % len(turns)]
            if name not in reference:
                reference[name] = undisturbed(known[name], work / f"{name}-undisturbed")
            kind, status = one(known[name], work / name, *reference[name], chance)
            if kind != "none":
                count += 1
                yield {"kill": count, "job": name, "killed": kind, "status": status}
        for name in reference:
            process = known[name].start(work / name)
            assert process.wait() == 0
            found = known[name].found(work / name)
            assert found == reference[name][0], f"{name}: differs: {differing(found, reference[name][0])}"


def main():
    """Kill, and write down each kill."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[1])
    parser.add_argument("kills", type=int)
    parser.add_argument("--jobs", nargs="+", default=["train", "download", "photographs", "report"])
    parser.add_argument("--seed", type=int, default=1312)
    options = parser.parse_args()
    log = paths.build() / "fire" / "kills.jsonl"
    log.parent.mkdir(parents=True, exist_ok=True)
    done = log.read_text("utf-8").splitlines() if log.exists() else []
    for row in run(options.kills, options.jobs, log.parent / "kills", options.seed, done):
        print(json.dumps(row), file=(file := log.open("a", encoding="utf-8")))
        file.close()
        print(f"{row['kill']}/{options.kills}", *list(row.values())[1:], flush=True)
    print(f"{options.kills} kills: nothing was lost, torn or different")


if __name__ == "__main__":
    main()
