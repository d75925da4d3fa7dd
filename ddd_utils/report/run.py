"""Execute the notebooks of a preset with papermill, a few at a time, each in its own kernel."""

import logging
import multiprocessing
import os
import queue
import re
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import jupytext
from nbformat import NotebookNode

from ddd_utils import paths
from ddd_utils.config.schema import Preset, declared_parameters
from ddd_utils.errors import InputError, nearest
from ddd_utils.report import claims, game

AT_A_TIME = 2
LAST = "summary"  # it reads what all others have recorded
TRACEBACK_LINES = 12
START_SECONDS = 180  # a kernel on a busy machine may need long to answer
QUIET = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",  # else every kernel warns of frozen modules
}
log = logging.getLogger(__name__)
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


@dataclass(frozen=True)
class Outcome:
    """What became of one notebook."""

    section: str  # its name
    notebook: Path  # as it was executed
    error: str | None  # type and message in the first line, then the end of the traceback; None if nothing went wrong
    seconds: float  # wall time


@dataclass(frozen=True)
class _Job:
    section: str
    source: Path
    notebook: Path
    parameters: dict


def execute(preset: Preset, sections: Sequence[str]) -> dict[str, Outcome]:
    """
    Execute the notebooks of some sections of a preset into ``build()/<preset>/notebooks``.

    All are checked before the first starts. Two run at a time; ``summary``, if asked for, runs when all others have
    ended. A notebook that fails leaves the others running. Outcomes come in the order asked for.
    """
    folder = paths.build() / preset.name
    jobs = [_job(section, preset.parameters(section), folder) for section in sections]
    outcomes = _run(jobs) if jobs else {}
    return {section: outcomes[section] for section in sections}


def execute_one(section: str, parameters: Mapping, folder: Path) -> Outcome:
    """Execute one notebook with these parameters into a folder's ``notebooks``."""
    return _run([_job(section, parameters, folder)])[section]


def _run(jobs: list[_Job]) -> dict[str, Outcome]:
    jobs[0].notebook.parent.mkdir(parents=True, exist_ok=True)
    workers: queue.Queue[ProcessPoolExecutor] = queue.Queue()
    for _ in range(AT_A_TIME):
        workers.put(_worker())
    try:
        outcomes = [
            *_all(workers, [job for job in jobs if job.section != LAST]),
            *_all(workers, [job for job in jobs if job.section == LAST]),
        ]
    finally:
        while not workers.empty():
            workers.get().shutdown()
    return {outcome.section: outcome for outcome in outcomes}


def _job(section: str, parameters: Mapping, folder: Path) -> _Job:
    source = paths.NOTEBOOKS / f"{section}.py"
    if not source.is_file():
        known = [path.stem for path in paths.NOTEBOOKS.glob("*.py")]
        raise InputError(f"there is no notebook '{section}.py' in {paths.NOTEBOOKS.name}/{nearest(section, known)}")
    declared = declared_parameters(source)
    for key in parameters:
        if key not in declared:
            raise InputError(
                f"unknown parameter '{key}' for section '{section}': {source.name} declares "
                f"{', '.join(declared) or 'none'}{nearest(key, declared)}"
            )
    return _Job(section, source, folder / "notebooks" / f"{section}.ipynb", dict(parameters))


def _worker() -> ProcessPoolExecutor:
    # A process of its own: papermill changes the working directory, and papermill's imports (4 s) are paid once.
    return ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))


def _all(workers: queue.Queue, jobs: list[_Job]) -> list[Outcome]:
    with ThreadPoolExecutor(AT_A_TIME) as threads:
        running = [threads.submit(_one, workers, job) for job in jobs]
        try:
            return [one.result() for one in running]
        except BaseException:
            threads.shutdown(cancel_futures=True)  # an interrupt must not start those that still wait
            raise


def _one(workers: queue.Queue, job: _Job) -> Outcome:
    worker = workers.get()
    started = time.perf_counter()
    log.info("%s: notebook started", job.section)
    try:
        error = worker.submit(_execute, job).result()
    except BrokenProcessPool:
        error = "The process that ran this notebook was killed, probably for want of memory."
        worker = _worker()
    finally:
        workers.put(worker)
    seconds = time.perf_counter() - started
    ending = "done" if error is None else f"FAILED ({error.splitlines()[0]})"
    log.info("%s: %s in %.0f s", job.section, ending, seconds)
    return Outcome(job.section, job.notebook, error, seconds)


def _execute(job: _Job) -> str | None:
    """Run one notebook in this process and return its error; what kernel and libraries write goes into a log file."""
    os.environ.update(QUIET)
    preset = job.parameters.get("preset", job.notebook.parent.parent.name)
    _forget(job, preset)
    error = _executed(job)
    if error is not None:
        _forget(job, preset)
    return error


def _forget(job: _Job, preset: str) -> None:
    claims.forget(job.section, preset)
    game.forget(job.notebook.parent.parent, job.section)


def _executed(job: _Job) -> str | None:
    chatter = job.notebook.with_suffix(".log")
    with chatter.open("w", encoding="utf-8") as stream:
        for descriptor in (1, 2):
            os.dup2(stream.fileno(), descriptor)
    from papermill.exceptions import PapermillExecutionError

    notebook = jupytext.read(job.source)
    for index, cell in enumerate(notebook.cells):
        cell.id = f"{job.section}-{index}"  # jupytext draws them at random
    try:
        _with_papermill(notebook, job)
    except PapermillExecutionError as failure:
        return _describe(failure.ename, failure.evalue, failure.traceback)
    except Exception as failure:  # a kernel that died, a full disk: the other sections go on
        return _describe(type(failure).__name__, str(failure), chatter.read_text("utf-8", "replace").splitlines())
    chatter.unlink()
    return None


def _with_papermill(notebook: NotebookNode, job: _Job) -> None:
    import papermill
    from nbclient.exceptions import DeadKernelError

    run = partial(
        papermill.execute_notebook,
        notebook,
        job.notebook,
        job.parameters,
        kernel_name="python3",
        language="python",
        cwd=job.source.parent,
        progress_bar=False,
        start_timeout=START_SECONDS,
    )
    try:
        run()
    except DeadKernelError:
        raise
    except RuntimeError:  # two kernels starting at once may be given one port: the second dies before its first answer
        run()


def _describe(name: str, message: str, traceback: Sequence[str]) -> str:
    lines = _ANSI.sub("", "\n".join(traceback)).splitlines()
    head = _ANSI.sub("", f"{name}: {message}" if message else name)
    tail = [line.rstrip() for line in lines if line.strip("- ")]  # neither empty nor a ruled line
    if tail and tail[-1].startswith(name):  # the traceback ends with what the head says
        tail.pop()
    return "\n".join([head, *tail[-TRACEBACK_LINES:]]).replace(f"{paths.ROOT}{os.sep}", "")
