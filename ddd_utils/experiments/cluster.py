"""Work as SLURM jobs, through submitit: an array of jobs that are queued again when they are preempted."""

import contextlib
import io
import logging
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from submitit import SlurmExecutor, SlurmJob
from submitit.core.utils import FailedJobError
from submitit.helpers import DelayedSubmission

from ddd_utils import logs
from ddd_utils.config.schema import Cluster
from ddd_utils.errors import InputError

log = logging.getLogger(__name__)

# How often the queue is looked at, and how often in a row a job must be gone from it: one that is being queued again
# may be out of sight, and a result takes a while to show on a network drive.
POLL_S, LOOKS = 10.0, 3
GONE = "gone from the queue"
ENDED = {"BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED"}
ENDED |= {"REVOKED", "TIMEOUT", GONE}


class _Work:
    """Work that goes on from its own checkpoints, so that queueing it again unchanged is all it takes."""

    def __init__(self, work: Callable[[], Any]):
        self.work = work

    def __call__(self) -> None:
        logs.install()
        self.work()

    def checkpoint(self) -> DelayedSubmission:
        """Be queued again, by a `scontrol` that must outlive the SIGTERM with which its own request ends this step."""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        return DelayedSubmission(self)


def submit(work: Sequence[Callable[[], Any]], options: Cluster, folder: Path) -> list[SlurmJob]:
    """Submit work, one call without arguments a job, as one SLURM job array whose logs go into the folder."""
    # A job that is preempted or runs into its time limit is queued again by itself and then called anew: work must
    # go on from what an earlier, interrupted call has left on disk.
    if not work:
        return []
    executor = _executor(options, folder)
    try:
        # submitit prints sbatch's complaint besides raising it.
        with contextlib.redirect_stderr(io.StringIO()):
            jobs: list[Any] = executor.submit_array([_Work(each) for each in work])
    except FailedJobError as error:
        raise InputError(f"cluster: SLURM refuses the jobs: {'; '.join(str(error).splitlines())}") from None
    log.info("SLURM job %s for %d groups of networks; logs in %s", _arrays(jobs)[0], len(jobs), folder)
    return jobs


def _executor(options: Cluster, folder: Path) -> SlurmExecutor:
    if not str(folder).isprintable():
        raise InputError(f"{str(folder)!r}: a folder whose name has a line break or the like cannot reach SLURM")
    try:
        executor = SlurmExecutor(folder=folder, max_num_timeout=options.timeouts)
    except RuntimeError:
        raise InputError("cluster: there is no SLURM on this machine (srun is not found)") from None
    asked = {
        "job_name": "ddd",
        "partition": options.partition,
        "time": options.timeout_min,
        # Zero GPUs is said by leaving the option out: a cluster without any does not know the word.
        "gpus_per_node": options.gpus_per_node or None,
        "cpus_per_task": options.cpus_per_task,
        "mem": f"{round(options.mem_gb * 1024)}M",
        "array_parallelism": options.array_parallelism,
        # Some clusters let only those jobs be queued again that ask for it.
        "additional_parameters": {"requeue": True, **options.extra},
    }
    executor.update_parameters(**{key: value for key, value in asked.items() if value is not None})
    return executor


def unfinished(folder: Path) -> list[SlurmJob]:
    """Find the jobs of an earlier command that are still queued or running: the same work is not submitted twice."""
    names = [path.name.removesuffix("_submitted.pkl") for path in folder.glob("*_submitted.pkl")]
    jobs: list[SlurmJob] = [SlurmJob(folder=folder, job_id=name) for name in sorted(names)]
    states = _states() if jobs else {}
    return [job for job in jobs if states.get(job.job_id, GONE) not in ENDED]


def wait(jobs: Sequence[SlurmJob]) -> list[str]:
    """Wait until jobs have ended; return a line for each that failed: what happened, and where its log is."""
    # The queue itself is asked. submitit asks SLURM's accounting, which not every cluster has: without it, a job that
    # was killed would be waited for for ever.
    waiting, failures, told, absent = list(jobs), [], "", dict.fromkeys(jobs, 0)
    try:
        while waiting:
            states = _states()
            for job in list(waiting):
                state = states.get(job.job_id, GONE)
                absent[job] = absent[job] + 1 if state in ENDED else 0
                # A job that is still in the queue goes on, whatever an earlier call of it has left.
                if absent[job] and (job.paths.result_pickle.exists() or absent[job] >= LOOKS):
                    waiting.remove(job)
                    failures += _failure(job, state)
            if (line := _progress(len(jobs), waiting, states)) != told:
                log.info("%s", line)
            told = line
            time.sleep(POLL_S if waiting else 0)
    except KeyboardInterrupt:
        log.info("the SLURM jobs go on without this command; scancel %s would end them", " ".join(_arrays(waiting)))
        raise
    return failures


def _states() -> dict[str, str]:
    """Look up the user's jobs in the queue; those that ended stay there for some minutes."""
    command = ["squeue", "--me", "--array", "--noheader", "--states=all", "--format=%i %T"]
    told = False
    while (found := subprocess.run(command, capture_output=True, text=True, check=False)).returncode:
        # The controller is restarted now and then; the jobs do not mind.
        if not told:
            complaint = _one_line(found.stderr)
            log.info("SLURM does not answer: %s; asking again every %.0f s", complaint, POLL_S)
        told = True
        time.sleep(POLL_S)
    return dict(line.split(maxsplit=1) for line in found.stdout.splitlines())


def _progress(total: int, waiting: Sequence[SlurmJob], states: dict[str, str]) -> str:
    running = sum(states.get(job.job_id) == "RUNNING" for job in waiting)
    return f"SLURM: {running} running, {len(waiting) - running} queued, {total - len(waiting)} ended"


def _failure(job: SlurmJob, state: str) -> list[str]:
    """Say in a line why a job that ended has failed, if it has."""
    log = job.paths.stderr
    if not job.paths.result_pickle.exists():
        return [f"SLURM job {job.job_id} ended without a result ({state}); its log: {log}"]
    error = job.exception()
    if error is None:
        return []
    trace = str(error).rpartition("-" * 22)[0]
    return [f"SLURM job {job.job_id}: {_one_line(trace)}; its log: {log}"]


def _arrays(jobs: Sequence[SlurmJob]) -> list[str]:
    return sorted({job.job_id.partition("_")[0] for job in jobs})


def _one_line(text: str) -> str:
    """Return the last line of a complaint, where a traceback says what is wrong."""
    return text.strip().splitlines()[-1].strip() if text.strip() else "no reason given"
