"""How far experiments are, read off their folders; nothing is changed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ddd_utils.errors import InputError
from ddd_utils.experiments.machine import locks
from ddd_utils.experiments.plans.runs import Run
from ddd_utils.experiments.plans.store import Experiment
from ddd_utils.experiments.showing.evaluations import Evaluation
from ddd_utils.files import TornFile, read_metadata

STATES = ("done", "diverged", "running", "stopped", "missing")


@dataclass(frozen=True)
class RunStatus:
    """
    Where a run stands.

    Attributes
    ----------
    run : str
    state : {"done", "diverged", "running", "stopped", "missing"}
        "stopped" has a checkpoint and nobody who trains it.
    epoch, epochs : int
        Finished and wanted.
    seconds : float or None
        Time its finished epochs took, where that is known.
    work : float
        Guessed work of all its epochs.
    reason : str
        Why it diverged.
    """

    run: str
    state: str
    epoch: int
    epochs: int
    seconds: float | None
    work: float
    reason: str = ""


def run_status(experiment: Experiment, run: Run) -> RunStatus:
    """
    Find out where a run stands.

    Parameters
    ----------
    experiment : Experiment
    run : Run

    Returns
    -------
    RunStatus
    """
    work = experiment.work(run) * run.epochs
    if experiment.done(run):
        found = read_metadata(experiment.file(run))
        state = "diverged" if found.get("diverged") else "done"
        return RunStatus(run.file, state, run.epochs, run.epochs, found["seconds"], work, found.get("diverged") or "")
    epoch, seconds = _checkpoint(experiment.checkpoint(run))
    waiting = "stopped" if epoch else "missing"
    state = "running" if locks.held(experiment.lock(run)) else waiting
    return RunStatus(run.file, state, epoch, run.epochs, seconds, work)


def _checkpoint(path: Path) -> tuple[int, float | None]:
    if not path.exists():
        return 0, None
    from ddd_utils.experiments.training import checkpoints

    try:
        state = checkpoints.read(path)
    except TornFile:
        return 0, None
    # It may have been finished, and so removed, a moment ago.
    return (state["epoch"], state["seconds"]) if state else (0, None)


def lines(experiments: Sequence[tuple[str, Experiment]], processes: int) -> Iterator[str]:
    """
    Tell what is done, running, stopped, diverged and missing, and the time left.

    Parameters
    ----------
    experiments : sequence of (str, Experiment)
        Each with what to call it.
    processes : int
        How many would train at once.

    Yields
    ------
    str
        Lines for a terminal.
    """
    everything = []
    for title, experiment in experiments:
        found = [run_status(experiment, run) for run in experiment.plan.runs]
        everything += found
        counts = {state: sum(each.state == state for each in found) for state in STATES}
        told = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
        yield f"{title}  {experiment.folder.name}  {told}"
        for each in found:
            if each.state in ("running", "stopped"):
                yield f"  {each.state:<8}  {each.run}  epoch {each.epoch}/{each.epochs}"
            elif each.state == "diverged":
                yield f"  diverged  {each.run}: {each.reason}"
    yield _time_left(everything, processes)


def evaluation_line(title: str, evaluation: Evaluation) -> str:
    """
    Tell how many pretrained models have been shown their images.

    Parameters
    ----------
    title : str
        What to call the evaluation.
    evaluation : Evaluation

    Returns
    -------
    str
        A line for a terminal, also where the images or a model's weights are not on this machine.
    """
    models = evaluation.config.models
    title = f"{title}: {len(models)} pretrained models"
    try:
        done = sum(map(evaluation.done, models))
        working = ", running" * locks.held(evaluation.lock)
        return f"{title}  {evaluation.folder.name}  {done} done, {len(models) - done} missing{working}"
    except InputError as error:
        return f"{title}  {error}"


def _time_left(runs: Sequence[RunStatus], processes: int) -> str:
    left = [each for each in runs if each.state not in ("done", "diverged")]
    if not left:
        return "nothing is left to train"
    timed = [each for each in runs if each.seconds and each.epoch]
    if not timed:
        return "time left: not known before the first epochs are finished"
    rate = sum(each.seconds for each in timed) / sum(each.work * each.epoch / each.epochs for each in timed)
    work = sum(each.work * (1 - each.epoch / each.epochs) for each in left)
    hours = work * rate / min(processes, len(left)) / 3600
    span = f"{hours:.1f} h" if hours >= 1.5 else f"{max(1, round(hours * 60))} min"
    crew = "1 process" if processes == 1 else f"{processes} processes"
    return f"time left: about {span} with {crew}, from the time that finished epochs took"
