"""Find out what is missing and have it computed, once, however many processes ask; tell how far all of it is."""

import logging
import logging.handlers
import multiprocessing
import multiprocessing.connection
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Any

from ddd_utils import logs, machine, paths
from ddd_utils.errors import ExperimentError, InputError
from ddd_utils.experiments.evaluations import Evaluation
from ddd_utils.experiments.plans import Run
from ddd_utils.experiments.progress import Progress, Steps, duration, remaining
from ddd_utils.experiments.store import Experiment
from ddd_utils.files import TornFile, read_metadata
from ddd_utils.machine import cores, devices, environment, is_locked

log = logging.getLogger(__name__)

POLL_SECONDS = 1
LISTEN_S = 1  # how long to wait for what killed processes may have reported
# A run that is "stopped" has a checkpoint, and nobody trains it.
STATES = ("done", "diverged", "running", "stopped", "missing")


# With several processes no group has more than this share of a process's fair load, so that none waits for the last.
LARGEST_SHARE = 0.5
# What makes numerical libraries of child processes use one thread each.
THREADS = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
CONTEXT: Any = multiprocessing.get_context("spawn")

# What a worker process is started with.
_events: Queue
_device: str
_decoders: int

# A run of an experiment, or a model of an evaluation, and what to call the whole in progress lines.
Task = tuple[Any, Any, str]


@dataclass(frozen=True)
class Group:
    """Runs of one experiment that share batches, or models of an evaluation that share photographs, and its name."""

    experiment: Any  # Experiment or Evaluation
    runs: tuple[Any, ...]  # Run or Model
    title: str

    @property
    def work(self) -> float:
        """Guessed work, in training images."""
        return sum(map(self.experiment.work, self.runs))


def compute(experiments: Sequence[Experiment], titles: Sequence[str] | None = None) -> None:
    """Compute what is missing of experiments; networks that fail raise ExperimentError once the others are finished."""
    asked = partial(missing, experiments, titles)
    failures = shared(asked, lambda free: train(grouped(free, len(devices())), devices()))
    finish(experiments)
    _complain(failures)


def shared(
    asked: Callable[[dict[Path, str]], list[Task]], work: Callable[[list[Task]], dict[Path, str]]
) -> dict[Path, str]:
    """Have tasks worked off until nothing but failures is missing; wait for those that other processes are at."""
    failures: dict[Path, str] = {}
    waiting = False
    while tasks := asked(failures):
        if free := [task for task in tasks if not is_locked(task[0].lock(task[1]))]:
            failures |= work(free)
            continue
        if not waiting:
            names = ", ".join(experiment.file(run).stem for experiment, run, _ in tasks)
            pids = machine.holders(experiment.lock(run) for experiment, run, _ in tasks)
            log.info("waiting for another process that computes %s%s", names, pids)
        waiting = True
        time.sleep(POLL_SECONDS)
    return failures


def finish(experiments: Iterable[Experiment | Evaluation]) -> None:
    """Describe the experiments whose runs, or models, are all there."""
    for experiment in experiments:
        if not experiment.complete() and not experiment.missing():
            experiment.finish()


def train_group(group: Group) -> None:
    """Train what is missing of a group on all devices of this machine."""
    if tasks := [(group.experiment, run, group.title) for run in group.runs if not group.experiment.done(run)]:
        _complain(train(grouped(tasks, len(devices())), devices()))


def _complain(failures: dict[Path, str]) -> None:
    if failures:
        raise ExperimentError("; ".join(f"{file.stem}: {reason}" for file, reason in failures.items()))


def missing(
    experiments: Sequence[Experiment | Evaluation], titles: Sequence[str] | None = None, failures: Iterable[Path] = ()
) -> list[Task]:
    """List the runs and models that are missing, each once, except those whose results files have failed before."""
    titles = titles or [experiment.folder.name for experiment in experiments]
    tasks: dict[Path, Task] = {}
    for experiment, title in zip(experiments, titles, strict=True):
        for run in experiment.missing():
            tasks.setdefault(experiment.file(run), (experiment, run, title))
    return [task for file, task in tasks.items() if file not in failures]


def check(experiments: Sequence[Experiment]) -> None:
    """Build every model once and look at the disk, so that trouble is found before hours of training."""
    tasks = missing(experiments)
    if not tasks:
        return  # a light installation has no networks to import
    from ddd_utils.experiments import costs
    from ddd_utils.models import by_name

    states, wanted = {}, 0
    for experiment, run, _ in tasks:
        case = costs.case(run, experiment.dataset)
        if case not in states:
            network = by_name.rehearse(run.model, case.classes, run.arguments, case.image_size)
            states[case] = costs.state_bytes(network, run.optimizer)
        wanted += costs.disk_bytes(run, experiment.dataset.sizes[1], case.classes, states[case])
    paths.results().mkdir(parents=True, exist_ok=True)  # a notebook may be the first that asks
    free = shutil.disk_usage(paths.results()).free
    if wanted > free:
        needed = f"{wanted / 1e9:.2f} GB are needed for answers and checkpoints"
        raise InputError(f"{paths.results()}: {needed}, {free / 1e9:.2f} are free")


@dataclass(frozen=True)
class RunStatus:
    """Where a run stands."""

    run: str
    state: str  # one of STATES
    epoch: int  # finished ones
    epochs: int
    seconds: float | None  # that its finished epochs took, where that is known
    work: float  # guessed, of all its epochs
    reason: str = ""  # why it diverged

    @property
    def share(self) -> float:
        """The finished part of the work."""
        return self.work * self.epoch / self.epochs


def run_status(experiment: Experiment, run: Run) -> RunStatus:
    """Read off an experiment's folder where a run stands; nothing is changed."""
    work = experiment.work(run)
    if experiment.done(run):
        found = read_metadata(experiment.file(run))
        state = "diverged" if found.get("diverged") else "done"
        return RunStatus(run.file, state, run.epochs, run.epochs, found["seconds"], work, found.get("diverged") or "")
    kept = _checkpoint(experiment.checkpoint(run))
    waiting = "stopped" if kept.get("epoch") else "missing"
    state = "running" if is_locked(experiment.lock(run)) else waiting
    return RunStatus(run.file, state, kept.get("epoch", 0), run.epochs, kept.get("seconds"), work)


def _checkpoint(path: Path) -> dict:
    """Read a checkpoint; without one nothing of torch need be there."""
    if not path.exists():
        return {}
    from ddd_utils.experiments.trainee import read_checkpoint

    try:
        return read_checkpoint(path) or {}  # it may have been finished, and so removed, a moment ago
    except TornFile:
        return {}


def status_lines(experiments: Sequence[tuple[str, Experiment]], workers: int) -> Iterator[str]:
    """Tell what is done, running, stopped, diverged and missing of titled experiments, and the time left."""
    everything = []
    for title, experiment in experiments:
        found = [run_status(experiment, run) for run in experiment.plan.runs]
        everything += found
        counts = {state: sum(each.state == state for each in found) for state in STATES}
        yield f"{title}  {experiment.folder.name}  {_counted(counts)}"
        for each in found:
            if each.state in ("running", "stopped"):
                yield f"  {each.state:<8}  {each.run}  epoch {each.epoch}/{each.epochs}"
            elif each.state == "diverged":
                yield f"  diverged  {each.run}: {each.reason}"
    yield _time_left(everything, workers)


def _time_left(runs: Sequence[RunStatus], workers: int) -> str:
    left = [each for each in runs if each.state not in ("done", "diverged")]
    if not left:
        return "nothing is left to train"
    timed = [each for each in runs if each.seconds and each.epoch]
    took, work = sum(each.seconds or 0 for each in timed), sum(each.work - each.share for each in left)
    seconds = remaining(took, sum(each.share for each in timed), work, min(workers, len(left)))
    if seconds is None:
        return "time left: not known before the first epochs are finished"
    crew = "1 process" if workers == 1 else f"{workers} processes"
    return f"time left: about {duration(seconds)} with {crew}, from the time that finished epochs took"


def evaluation_status(title: str, evaluation: Evaluation) -> str:
    """Tell how many models have answered, also where images or weights are not on this machine."""
    models = evaluation.config.models
    title = f"{title}: {len(models)} pretrained models"
    try:
        left = [model for model in models if not evaluation.done(model)]
        took = [read_metadata(evaluation.file(model))["seconds"] for model in models if model not in left]
        locked = sum(is_locked(evaluation.lock(model)) for model in left)
        counts = {"done": len(took), "claimed by a process or job at work": locked, "missing": len(left) - locked}
    except InputError as error:
        return f"{title}  {error}"
    seconds = remaining(sum(took), len(took), len(left))
    time_left = f"; about {duration(seconds)} left, one after another" if seconds else ""
    return f"{title}  {evaluation.folder.name}  {_counted(counts)}{time_left}"


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {state}" for state, count in counts.items() if count)


def grouped(tasks: Sequence[Task], processes: int) -> list[Group]:
    """Put runs into lockstep groups, the most work first; for several processes, large groups are divided."""
    streams: dict[tuple, list[Task]] = {}
    for experiment, run, title in tasks:
        streams.setdefault((experiment.folder, experiment.stream(run)), []).append((experiment, run, title))
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


def train(groups: Sequence[Group], devices: Sequence[str]) -> dict[Path, str]:
    """Train groups in one process a device; return what went wrong by results file. A dead process: ExperimentError."""
    events, free = CONTEXT.Queue(), CONTEXT.Queue()
    count = min(len(devices), len(groups))
    for device in devices[:count]:
        free.put(device)
    # Cores that no training process needs decode photographs.
    decoders = max(0, cores() - count) // count
    progress = Progress({group.experiment.file(run): _steps(group, run) for group in groups for run in group.runs})
    listener = threading.Thread(target=_listen, args=(events, progress), daemon=True)
    events.cancel_join_thread()  # a process that was killed while it reported may have left the queue locked
    patience: float | None = LISTEN_S
    failures: dict[Path, str] = {}
    listener.start()
    try:
        with environment(THREADS), ProcessPoolExecutor(count, CONTEXT, _start, (events, free, decoders)) as pool:
            try:
                with machine.without_interrupts():  # processes that start inherit it: importing, they answer no Ctrl+C
                    futures = {pool.submit(_train, group): group for group in groups}
                for future in as_completed(futures):
                    failed = _failures(future, futures[future])
                    for file, reason in failed.items():
                        progress.end(file, "", trouble=reason)
                    failures |= failed
            except BrokenProcessPool:  # a process died before it had all its groups
                raise _died(groups[0], [run for group in groups for run in group.runs]) from None
            except BaseException:
                # What the workers had finished is on disk.
                workers = list((pool._processes or {}).values())
                pool.shutdown(wait=False, cancel_futures=True)
                for worker in workers:
                    worker.kill()
                raise
        patience = None  # all have ended by themselves, so that all they reported is in the queue
    finally:
        events.put(None)
        listener.join(patience)
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
        raise _died(group, group.runs) from None
    except (InputError, OSError):
        raise
    except Exception as error:
        return dict.fromkeys(map(group.experiment.file, group.runs), f"{type(error).__name__}: {error}")


def _died(group: Group, runs: Sequence[Run]) -> ExperimentError:
    names = ", ".join(f"'{run.file}'" for run in runs)
    return ExperimentError(
        f"a training process died while {names} of {group.title} were running or waiting: it was killed, ran out "
        "of memory or crashed; the same command goes on from their last epoch"
    )


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
    # SLURM announces the end of a job to all its processes, and a terminal passes Ctrl+C on to all; the parent alone
    # answers, and takes its workers along.
    for name in ("SIGINT", "SIGTERM", "SIGUSR2"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    prepare_worker(_device)


def prepare_worker(device: str) -> None:
    """Make a process compute on one thread and its own GPU, and cuBLAS the same sums every time."""
    # cuBLAS is deterministic only with a workspace of fixed size; it reads this when it starts.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    import torch

    torch.set_num_threads(1)
    if device.startswith("cuda"):
        torch.cuda.set_device(torch.device(device))  # also where streams and graphs are made without naming one


def _end_with_parent() -> None:
    """Die with the parent: one that is killed cannot stop its workers, which would keep locks and cores for nobody."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    multiprocessing.connection.wait([parent.sentinel])
    os._exit(1)


def _train(group: Group) -> dict[Path, str]:
    """Train a group in a worker process."""
    import torch

    from ddd_utils.experiments import lockstep

    def progress(*event: Any) -> None:
        _events.put(event)

    return lockstep.train_runs(group.experiment, group.runs, torch.device(_device), progress, decoders=_decoders)
