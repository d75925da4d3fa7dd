"""An experiment that trains in a second or two, in any process, and what it leaves behind."""

import os
import signal
import time

import pyarrow.parquet as pq

from ddd_utils import files
from ddd_utils.config import params
from ddd_utils.experiments import launch
from ddd_utils.experiments.launch import grouped
from ddd_utils.experiments.store import Experiment
from ddd_utils.files import read_metadata

# All networks of this experiment learn more than chance, in one epoch.
TINY = {
    "dataset": {"name": "digits", "train_images": 200, "image_size": 8},
    "base": {"model": "plain_convnet", "arguments": {"stages": [1, 1], "width": 16}},
    "other": {"model": "plain_convnet", "arguments": {"stages": [1, 1], "width": 20}},
    "epochs": 1,
    "batch_size": 10,
    "bn_recalibration": 100,
    "instances": dict.fromkeys(
        ("initialisation", "learning_rate", "cuda_nondeterministic", "data_order", "combined"), 1
    ),
}


def train_here(build: str, config: dict, started=None) -> None:
    """Train what is missing in this process."""
    import torch

    from ddd_utils.experiments import lockstep

    os.environ["DDD_BUILD"] = build
    torch.set_num_threads(1)
    experiment = Experiment(params.experiment(config))
    if started is not None:
        started.set()
    for group in grouped(launch.missing([experiment]), 2):
        lockstep.train_runs(group.experiment, group.runs, torch.device("cpu"))
    experiment.finish()


def train_and_die(build: str, config: dict, started=None) -> None:
    """Train, and be killed when the description of the experiment is written and has not got its name yet."""
    flush = files._flush

    def die(partial):
        if partial.name.startswith(".experiment.json."):
            os.kill(os.getpid(), signal.SIGKILL)
        flush(partial)

    files._flush = die
    train_here(build, config, started)


class Late:
    """A reason that is a while on its way: a queue's own thread writes it down while its process goes on."""

    def __reduce__(self):
        time.sleep(0.1)
        return str, ("told late",)


def report_late(group) -> dict:
    """Do a worker's work, whose last report comes after its result."""
    for run in group.runs:
        launch._events.put((group.experiment.file(run), run.epochs, Late()))
    return {}


def die_reporting(group) -> None:
    """Be killed in the middle of a report."""
    launch._events._wlock.acquire()
    os.kill(os.getpid(), signal.SIGKILL)


def contents(folder) -> dict[str, bytes]:
    """Return everything in a results folder that does not tell the time."""
    found = {}
    for path in sorted(folder.iterdir()):
        if path.suffix == ".parquet":
            table = pq.read_table(path)
            columns = {name: table[name].to_numpy().tobytes() for name in table.column_names if name != "id"}
            metadata = {key: value for key, value in read_metadata(path).items() if key != "seconds"}
            found[path.name] = repr((columns, metadata)).encode()
        elif path.suffix == ".npy":
            found[path.name] = path.read_bytes()
        else:
            found[path.name] = b""
    return found
