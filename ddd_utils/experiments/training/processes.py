"""Groups of runs in processes of this machine: one single-threaded process per core, or one per GPU."""

import logging
import logging.handlers
import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Any

from ddd_utils import logs
from ddd_utils.errors import ExperimentError, InputError
from ddd_utils.experiments.plans import Run
from ddd_utils.experiments.progress import Progress, Steps
from ddd_utils.experiments.store import Experiment
from ddd_utils.machine import cores, environment

# With several processes no group has more than this share of a process's fair load, so that none waits for the last.
LARGEST_SHARE = 0.5
# What makes numerical libraries of child processes use one thread each.
THREADS = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
CONTEXT: Any = multiprocessing.get_context("spawn")

# What a worker process is started with.
_events: Queue
_device: str
_decoders: int

Task = tuple[Experiment, Run, str]  # a run, its experiment, and what to call that in progress lines


@dataclass(frozen=True)
class Group:
    """Runs of one experiment that share a stream of batches, and what to call the experiment."""

    experiment: Experiment
    runs: tuple[Run, ...]
    title: str

    @property
    def work(self) -> float:
        """Guessed work, in training images."""
        return sum(map(self.experiment.work, self.runs))


def grouped(tasks: Sequence[Task], processes: int) -> list[Group]:
    """Put runs into lockstep groups, the most work first; for several processes, large groups are divided."""
    streams: dict[tuple, list[Task]] = {}
    for experiment, run, title in tasks:
        streams.setdefault((experiment.folder, run.stream), []).append((experiment, run, title))
    whole = [Group(tasks[0][0], tuple(run for _, run, _ in tasks), tasks[0][2]) for tasks in streams.values()]
    limit = LARGEST_SHARE * sum(group.work for group in whole) / processes
    groups = [part for group in whole for part in (_divided(group, limit) if processes > 1 else [group])]
    return sorted(groups, key=lambda group: group.work, reverse=True)


def _divided(group: Group, limit: float) -> list[Group]:
    """Divide a group into as few about equal parts as the limit asks for."""
    count = min(len(group.runs), -int(-group.work // limit))
    parts: list[list[Run]] = [[] for _ in range(count)]
    loads = [0.0] * count
    for run in sorted(group.runs, key=group.experiment.work, reverse=True):
        lightest = loads.index(min(loads))
        parts[lightest].append(run)
        loads[lightest] += group.experiment.work(run)
    return [Group(group.experiment, tuple(part), group.title) for part in parts]


def run(groups: Sequence[Group], devices: Sequence[str]) -> dict[Path, str]:
    """Train groups in one process a device; return what went wrong by results file. A dead process: ExperimentError."""
    events, free = CONTEXT.Queue(), CONTEXT.Queue()
    count = min(len(devices), len(groups))
    for device in devices[:count]:
        free.put(device)
    # Cores that no training process needs decode photographs.
    decoders = max(0, cores() - count) // count
    progress = Progress({group.experiment.file(run): _steps(group, run) for group in groups for run in group.runs})
    listener = threading.Thread(target=_listen, args=(events, progress), daemon=True)
    failures: dict[Path, str] = {}
    with environment(THREADS), ProcessPoolExecutor(count, CONTEXT, _start, (events, free, decoders)) as pool:
        listener.start()
        futures = {pool.submit(_train, group): group for group in groups}
        try:
            for future in as_completed(futures):
                failed = _failures(future, futures[future])
                for file, reason in failed.items():
                    progress.end(file, "", trouble=reason)
                failures |= failed
        except BaseException:
            # What the workers had finished is on disk.
            workers = list((pool._processes or {}).values())
            pool.shutdown(wait=False, cancel_futures=True)
            for worker in workers:
                worker.kill()
            raise
        finally:
            events.put(None)
            listener.join()
            progress.close()
    return failures


def _steps(group: Group, run: Run) -> Steps:
    # "Plus k" is the base trained on: one run has them all.
    names = [network.network for network in group.experiment.plan.networks if network.run == run.file]
    return Steps(group.title, run.file, run.epochs, group.experiment.work(run) / run.epochs, ", ".join(names))


def _failures(future: Future, group: Group) -> dict[Path, str]:
    """Sort a finished group: what failed while the others go on, or an error that ends everything."""
    try:
        return future.result()
    except BrokenProcessPool:
        names = ", ".join(f"'{run.file}'" for run in group.runs)
        raise ExperimentError(
            f"a training process died while {names} of {group.title} were running or waiting: it was killed, ran out "
            "of memory or crashed; the same command goes on from their last epoch"
        ) from None
    except (InputError, OSError):
        raise
    except Exception as error:
        return dict.fromkeys(map(group.experiment.file, group.runs), f"{type(error).__name__}: {error}")


def _listen(events: Queue, progress: Progress) -> None:
    """Take what the workers report, finished epochs and what they log, until None comes."""
    while (event := events.get()) is not None:
        if isinstance(event, logging.LogRecord):
            logging.getLogger(event.name).handle(event)
        else:
            progress.update(*event)


def _start(events: Queue, free: Queue, decoders: int) -> None:
    """Prepare a worker process, which takes the next free device."""
    global _events, _device, _decoders
    _events, _device, _decoders = events, free.get(), decoders
    logs.PACKAGE.addHandler(logging.handlers.QueueHandler(events))
    logs.PACKAGE.setLevel(logging.INFO)
    # SLURM announces the end of a job to all its processes; the parent alone answers, and takes its workers along.
    for name in ("SIGTERM", "SIGUSR2"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    prepare_worker()


def prepare_worker() -> None:
    """Make a process compute on one thread, and cuBLAS the same sums every time."""
    # cuBLAS is deterministic only with a workspace of fixed size; it reads this when it starts.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    import torch

    torch.set_num_threads(1)


def _end_with_parent() -> None:
    """Die with the parent: one that is killed cannot stop its workers, which would keep locks and cores for nobody."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    multiprocessing.connection.wait([parent.sentinel])
    os._exit(1)


def _train(group: Group) -> dict[Path, str]:
    """Train a group in a worker process."""
    import torch

    from ddd_utils.experiments.training import lockstep

    def progress(*event: Any) -> None:
        _events.put(event)

    return lockstep.train_runs(group.experiment, group.runs, torch.device(_device), progress, decoders=_decoders)
