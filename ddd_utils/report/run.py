"""Execute the notebooks of a preset with papermill, a few at a time, each in its own kernel."""

import logging
import os
import re
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

from ddd_utils import kernels, paths
from ddd_utils.config.schema import Preset, declared_parameters
from ddd_utils.errors import InputError, nearest
from ddd_utils.files import read_json
from ddd_utils.report import claims

AT_A_TIME = 2
LAST = "summary"  # it reads what all others have recorded
TRACEBACK_LINES = 12
START_SECONDS = 180  # a kernel on a busy machine may need long to answer
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
    digest: str = ""


def execute(
    preset: Preset,
    sections: Sequence[str],
    digests: Mapping[str, str] | None = None,
    meanwhile: Callable[[], object] = lambda: None,
) -> dict[str, Outcome]:
    """
    Execute notebooks into ``build()/<preset>/notebooks``, two at a time; ``summary`` when all others have ended.

    ``meanwhile`` is called once they have been started, for this process has nothing to do until they have ended.
    """
    # All are checked before the first starts; one that fails leaves the others running. A notebook carries the digest
    # of its section, by which `kept` knows it again.
    folder, digests = paths.build() / preset.name, digests or {}
    jobs = [_job(section, preset.parameters(section), folder, digests.get(section, "")) for section in sections]
    outcomes = _run(jobs, meanwhile) if jobs else {}
    return {section: outcomes[section] for section in sections}


def kept(preset: Preset, sections: Sequence[str], digests: Mapping[str, str]) -> dict[str, Outcome]:
    """Return the outcomes of sections that an earlier run has executed, without error, with the same parameters."""
    found = {}
    for section in sections:
        executed = notebook(paths.build() / preset.name, section)
        try:
            about = read_json(executed).get("metadata", {})
        except InputError:
            continue
        if about.get("ddd") == {"digest": digests[section]} and not about["papermill"]["exception"]:
            found[section] = Outcome(section, executed, None, about["papermill"]["duration"])
    return found


def failed(preset: Preset, sections: Mapping[str, str]) -> dict[str, Outcome]:
    """Let sections whose answers cannot be had fail with the reason; their notebooks would only try again."""
    outcomes = {}
    for section, reason in sections.items():
        job = _job(section, preset.parameters(section), paths.build() / preset.name)
        job.notebook.unlink(missing_ok=True)
        _forget(job)
        outcomes[section] = Outcome(section, job.notebook, reason, 0.0)
    return outcomes


def execute_one(section: str, parameters: Mapping, folder: Path) -> Outcome:
    """Execute one notebook with these parameters into a folder's ``notebooks``."""
    return _run([_job(section, parameters, folder)])[section]


def _run(jobs: list[_Job], meanwhile: Callable[[], object] = lambda: None) -> dict[str, Outcome]:
    kernels.warm()
    import papermill  # noqa: F401 - not in two threads at once

    jobs[0].notebook.parent.mkdir(parents=True, exist_ok=True)
    batches = ([job for job in jobs if (job.section == LAST) == last] for last in (False, True))
    return {outcome.section: outcome for batch in batches for outcome in _all(batch, meanwhile)}


def notebook(folder: Path, section: str) -> Path:
    """Return where the executed notebook of a section stands in the folder of a report."""
    return folder / "notebooks" / f"{section}.ipynb"


def _job(section: str, parameters: Mapping, folder: Path, digest: str = "") -> _Job:
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
    return _Job(section, source, notebook(folder, section), dict(parameters), digest)


def _all(jobs: list[_Job], meanwhile: Callable[[], object]) -> list[Outcome]:
    with ThreadPoolExecutor(AT_A_TIME) as threads:
        running = [threads.submit(_one, job) for job in jobs]
        try:
            meanwhile()
            return [one.result() for one in running]
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)  # an interrupt must not start those that still wait
            kernels.stop_all()
            raise


def _one(job: _Job) -> Outcome:
    started = time.perf_counter()
    log.info("%s: notebook started", job.section)
    _forget(job)
    error = _executed(job)
    if error is not None:
        _forget(job)
        _say_what_to_do(job, error)
    seconds = time.perf_counter() - started
    ending = "done" if error is None else f"FAILED ({error.splitlines()[0]})"
    log.info("%s: %s in %.0f s", job.section, ending, seconds)
    return Outcome(job.section, job.notebook, error, seconds)


def _forget(job: _Job) -> None:
    folder = job.notebook.parent.parent
    claims.forget(job.section, job.parameters.get("preset", folder.name))
    paths.pairs(folder, job.section).unlink(missing_ok=True)


def _executed(job: _Job) -> str | None:
    """Run one notebook and return its error; what kernel and libraries write past it goes into a log file."""
    from jupyter_core.utils import ensure_event_loop
    from nbclient.exceptions import DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    job.notebook.unlink(missing_ok=True)
    chatter = job.notebook.with_suffix(".log")
    chatter.write_text("")
    kind = kernels.manager(job.source.parent, chatter)
    notebook = jupytext.read(job.source)
    for index, cell in enumerate(notebook.cells):
        cell.id = f"{job.section}-{index}"  # jupytext draws them at random
    notebook.metadata["ddd"] = {"digest": job.digest}
    try:
        _with_papermill(notebook, job, kind)
    except PapermillExecutionError as failure:
        return _describe(failure.ename, failure.evalue, failure.traceback)
    except DeadKernelError:
        return _describe(_ending(kind.ended), "", chatter.read_text("utf-8", "replace").splitlines())
    except Exception as failure:  # a full disk: the other sections go on
        return _describe(type(failure).__name__, str(failure), chatter.read_text("utf-8", "replace").splitlines())
    finally:
        ensure_event_loop().close()  # each thread has made one
    chatter.unlink(missing_ok=True)
    return None


def _say_what_to_do(job: _Job, error: str) -> None:
    """Let a failed notebook, where it has been saved, end with what went wrong and how to run it again."""
    if not job.notebook.exists():
        return
    notebook = nbformat.read(job.notebook, as_version=4)
    preset = job.parameters.get("preset", job.notebook.parent.parent.name)
    text = (
        f"**This section failed:** {error.splitlines()[0]}\n\n"
        f"Mend that, and run `make report PRESET={preset} SECTIONS={job.section}`."
    )
    notebook.cells.append(new_markdown_cell(text, id=f"{job.section}-failed"))
    nbformat.write(notebook, job.notebook)


def _ending(status: int | None) -> str:
    """Tell how a kernel ended that was not asked to."""
    if status == -signal.SIGKILL:
        return "The process that ran this notebook was killed, probably for want of memory."
    how = f"signal {signal.Signals(-status).name}" if status and status < 0 else f"status {status}"
    return f"The process that ran this notebook ended with {how}."


def _with_papermill(notebook: NotebookNode, job: _Job, kind: type[Any]) -> None:
    import papermill
    from nbclient.exceptions import DeadKernelError

    run = partial(
        papermill.execute_notebook,
        notebook,
        job.notebook,
        job.parameters,
        kernel_name="python3",
        language="python",
        kernel_manager_class=kind,
        request_save_on_cell_execute=False,  # it would write and check the whole notebook after every cell
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
