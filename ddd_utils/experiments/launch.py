"""Run what is missing: one single-threaded process per core, or one process per GPU."""

import multiprocessing
import os
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from pathlib import Path

from ddd_utils.errors import InputError
from ddd_utils.experiments.progress import Progress, Steps
from ddd_utils.experiments.runs import Run
from ddd_utils.experiments.store import Experiment

_events = None


def tell(line: str) -> None:
    """Write a line of progress; standard error never reaches a report."""
    print(line, file=sys.stderr, flush=True)


class ExperimentError(RuntimeError):
    """Networks that could not be trained; the message names them."""


def compute(experiments: Sequence[Experiment], titles: Sequence[str] | None = None, say: Callable = tell) -> None:
    """
    Compute what is missing of some experiments, all of it at once and the longest runs first.

    Parameters
    ----------
    experiments : sequence of Experiment
        What is needed; doubles are computed once.
    titles : sequence of str, optional
        What to call each in the progress lines, for example the section that needs it.
    say : callable
        Takes a line for the terminal.

    Raises
    ------
    ExperimentError
        If networks fail; the others are finished and kept.
    InputError
        If a results file is torn or a model cannot be built.
    """
    titles = titles or [experiment.folder.name for experiment in experiments]
    by_folder: dict[Path, list[tuple[Experiment, str]]] = {}
    for experiment, title in zip(experiments, titles, strict=True):
        by_folder.setdefault(experiment.folder, []).append((experiment, title))
    with ExitStack() as locks:
        # Locks are taken in one order everywhere, so two processes cannot wait for each other.
        for _, sharing in sorted(by_folder.items()):
            if not all(experiment.complete() for experiment, _ in sharing):
                locks.enter_context(sharing[0][0].lock(say))
        tasks = {}
        for experiment, title in (each for sharing in by_folder.values() for each in sharing):
            for run in experiment.missing():
                tasks.setdefault(experiment.file(run), (experiment, run, title))
        longest_first = sorted(tasks.values(), key=lambda task: task[0].work(task[1]) * task[1].epochs, reverse=True)
        failures = _run_all(longest_first, say) if tasks else []
        for experiment in experiments:
            if not experiment.complete() and not experiment.missing():
                experiment.finish()
    if failures:
        raise ExperimentError("; ".join(failures))


def check(experiments: Iterable[Experiment]) -> None:
    """
    Build every model once, so that an unknown name or argument is found before hours of training.

    Parameters
    ----------
    experiments : iterable of Experiment
        What is about to be computed.

    Raises
    ------
    InputError
        Names the model and the nearest right one.
    """
    from ddd_utils.experiments import networks

    runs = {(run.model, repr(run.arguments)): run for experiment in experiments for run in experiment.missing()}
    for run in runs.values():
        networks.create(run.model, 10, run.arguments)


def devices() -> list[str]:
    """
    List the devices to train on: every GPU, or else one entry per core.

    Returns
    -------
    list of str
        torch device names, without importing torch where there is no NVIDIA driver.
    """
    if Path("/proc/driver/nvidia").exists() or os.environ.get("CUDA_VISIBLE_DEVICES"):
        import torch

        if torch.cuda.is_available():
            return [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    return ["cpu"] * len(os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1))


def _run_all(tasks: list[tuple[Experiment, Run, str]], say: Callable) -> list[str]:
    context = multiprocessing.get_context("spawn")
    events, free = context.Queue(), context.Queue()
    places = devices()[: len(tasks)]
    for place in places:
        free.put(place)
    steps = {(each.folder.name, run.file): Steps(title, run.epochs, each.work(run)) for each, run, title in tasks}
    progress = Progress(steps, say)
    listener = threading.Thread(target=_listen, args=(events, progress), daemon=True)
    failures = []
    with _single_threaded(), ProcessPoolExecutor(len(places), context, _start_worker, (events, free)) as pool:
        listener.start()
        futures = {pool.submit(_work, experiment, run): run for experiment, run, _ in tasks}
        try:
            for future in as_completed(futures):
                failures += _failure(future, futures[future])
        except BaseException:
            _stop(pool)
            raise
        finally:
            events.put(None)
            listener.join()
            progress.close()
    return failures


def _failure(future, run: Run) -> list[str]:
    """Sort a finished run: nothing to say, a failure to go on from, or one that ends everything."""
    error = future.exception()
    if error is None:
        return []
    if isinstance(error, BrokenProcessPool):
        raise ExperimentError(
            f"a training process died while '{run.file}' was running: it was killed, ran out of memory or crashed"
        )
    if isinstance(error, (InputError, OSError)):
        raise error
    return [f"{run.file}: {error}"]


def _stop(pool: ProcessPoolExecutor) -> None:
    """End the workers at once; what they had finished is on disk."""
    workers = list((pool._processes or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for worker in workers:
        worker.terminate()


def _listen(events, progress: Progress) -> None:
    while (event := events.get()) is not None:
        progress.update(*event)


class _single_threaded:
    """Give the environment to child processes in which numerical libraries use one thread each."""

    NAMES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")

    def __enter__(self):
        self.before = {name: os.environ.get(name) for name in self.NAMES}
        os.environ.update(dict.fromkeys(self.NAMES, "1"))

    def __exit__(self, *_):
        for name, value in self.before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _start_worker(events, free) -> None:
    global _events, _place
    _events, _place = events, free.get()
    # cuBLAS is deterministic only with a workspace of fixed size; it reads this when it starts.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    import torch

    torch.set_num_threads(1)


def _work(experiment: Experiment, run: Run) -> None:
    """Train one run in a worker process and write it down."""
    import torch

    from ddd_utils.experiments import datasets, training

    key = (experiment.folder.name, run.file)
    device = torch.device(_place)
    data = datasets.load(experiment.dataset)
    _events.put((*key, 0))
    trained = training.train(run, data, device, lambda epoch: _events.put((*key, epoch)))
    experiment.write(run, trained, data, _describe(device))


def _describe(device) -> str:
    import platform

    import torch

    return torch.cuda.get_device_name(device) if device.type == "cuda" else f"CPU ({platform.machine()})"
