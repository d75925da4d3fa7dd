"""How far experiments are, read off their folders; nothing is changed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ddd_utils.errors import InputError
from ddd_utils.experiments import locks
from ddd_utils.experiments.evaluations import Evaluation
from ddd_utils.experiments.plans import Run
from ddd_utils.experiments.progress import duration, remaining
from ddd_utils.experiments.store import Experiment
from ddd_utils.files import TornFile, read_metadata

# A run that is "stopped" has a checkpoint, and nobody trains it.
STATES = ("done", "diverged", "running", "stopped", "missing")


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


def run_status(experiment: Experiment, run: Run) -> RunStatus:
    """Find out where a run stands."""
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
    from ddd_utils.experiments.training.trainee import read_checkpoint

    try:
        state = read_checkpoint(path)
    except TornFile:
        return 0, None
    # It may have been finished, and so removed, a moment ago.
    return (state["epoch"], state["seconds"]) if state else (0, None)


def lines(experiments: Sequence[tuple[str, Experiment]], processes: int) -> Iterator[str]:
    """Tell what is done, running, stopped, diverged and missing of titled experiments, and the time left."""
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
    """Tell how many models have been shown their images, also where images or weights are not on this machine."""
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
    done = sum(each.work * each.epoch / each.epochs for each in timed)
    work = sum(each.work * (1 - each.epoch / each.epochs) for each in left)
    seconds = remaining(sum(each.seconds or 0 for each in timed), done, work, min(processes, len(left)))
    if seconds is None:
        return "time left: not known before the first epochs are finished"
    crew = "1 process" if processes == 1 else f"{processes} processes"
    return f"time left: about {duration(seconds)} with {crew}, from the time that finished epochs took"
