"""Groups of runs in processes of this machine: one single-threaded process per core, or one per GPU."""

import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from ddd_utils.errors import ExperimentError, InputError
from ddd_utils.experiments.machine.devices import cores
from ddd_utils.experiments.machine.progress import Progress, Steps
from ddd_utils.experiments.plans.runs import Run
from ddd_utils.experiments.training.groups import Group


def run(groups: Sequence[Group], devices: Sequence[str], say: Callable) -> dict[Path, str]:
    """
    Train groups in one process a device, each process one group after another.

    Parameters
    ----------
    groups : sequence of Group
        What to train, in this order.
    devices : sequence of str
        torch device names.
    say : callable
        Takes a line for the terminal.

    Returns
    -------
    dict of Path to str
        What went wrong, by results file; the other runs are finished, or left to whoever else trains them.

    Raises
    ------
    ExperimentError
        If a process dies.
    InputError, OSError
        If the data or a model cannot be had, or results cannot be written.
    """
    context = multiprocessing.get_context("spawn")
    events, free = context.Queue(), context.Queue()
    places = min(len(devices), len(groups))
    for device in devices[:places]:
        free.put(device)
    # Cores that no training process needs decode photographs.
    decoders = max(0, cores() - places) // places
    progress = Progress(
        {(group.experiment.folder.name, run.file): _steps(group, run) for group in groups for run in group.runs}, say
    )
    listener = threading.Thread(target=_listen, args=(events, progress), daemon=True)
    failures = {}
    with (
        _single_threaded(),
        ProcessPoolExecutor(places, context, _start_worker, (events, free, decoders)) as pool,
    ):
        listener.start()
        futures = {pool.submit(_work, group): group for group in groups}
        try:
            for future in as_completed(futures):
                failed = _failures(future, futures[future])
                for file, reason in failed.items():
                    progress.fail(file.parent.name, file.stem, reason)
                failures |= failed
        except BaseException:
            _stop(pool)
            raise
        finally:
            events.put(None)
            listener.join()
            progress.close()
    return failures


def _steps(group: Group, run: Run) -> Steps:
    # "Plus k" is the base trained on: one run has them all.
    names = [network.network for network in group.experiment.plan.networks if network.run == run.file]
    return Steps(group.title, run.epochs, group.experiment.work(run), ", ".join(names))


def _failures(future: Future, group: Group) -> dict[Path, str]:
    """Sort a finished group: what failed while the others go on, or an error that ends everything."""
    names = ", ".join(f"'{run.file}'" for run in group.runs)
    try:
        failed = future.result()
    except BrokenProcessPool:
        raise ExperimentError(
            f"a training process died while {names} of {group.title} were running or waiting: it was killed, ran out "
            "of memory or crashed; the same command goes on from their last epoch"
        ) from None
    except (InputError, OSError):
        raise
    except Exception as error:
        failed = dict.fromkeys((run.file for run in group.runs), f"{type(error).__name__}: {error}")
    return {group.experiment.folder / f"{run}.parquet": reason for run, reason in failed.items()}


def _stop(pool: ProcessPoolExecutor) -> None:
    """End the workers at once; what they had finished is on disk."""
    workers = list((pool._processes or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for worker in workers:
        worker.kill()


def _listen(events, progress: Progress) -> None:
    while (event := events.get()) is not None:
        progress.update(*event) if isinstance(event, tuple) else progress.note(event)


class _single_threaded:
    """Give the environment to child processes in which numerical libraries use one thread each."""

    NAMES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")

    def __enter__(self):
        self.before = {name: os.environ.get(name) for name in self.NAMES}
        os.environ.update(dict.fromkeys(self.NAMES, "1"))

    def __exit__(self, *_):
        for name, value in self.before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _start_worker(events, free, decoders: int) -> None:
    global _events, _place, _decoders
    _events, _place, _decoders = events, free.get(), decoders
    # SLURM announces the end of a job to all its processes; the parent alone answers, and takes its workers along.
    for name in ("SIGTERM", "SIGUSR2"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # cuBLAS is deterministic only with a workspace of fixed size; it reads this when it starts.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    import torch

    torch.set_num_threads(1)


def _end_with_parent() -> None:
    """Die with the parent: one that is killed cannot stop its workers, which would keep locks and cores for nobody."""
    multiprocessing.connection.wait([multiprocessing.parent_process().sentinel])
    os._exit(1)


def _work(group: Group) -> dict[str, str]:
    """Train a group in a worker process."""
    import torch

    from ddd_utils.experiments.training import worker

    folder = group.experiment.folder.name

    def progress(run: str, epoch: int, *trouble: str) -> None:
        _events.put((folder, run, epoch, *trouble))

    return worker.train(group, torch.device(_place), progress, _events.put, decoders=_decoders)
