"""Which runs are trained side by side, and how they are spread over processes."""

from collections.abc import Sequence
from dataclasses import dataclass

from ddd_utils.experiments.plans.runs import Run
from ddd_utils.experiments.plans.store import Experiment

# With several processes no group has more than this share of a process's fair load, so that none waits for the last.
LARGEST_SHARE = 0.5


@dataclass(frozen=True)
class Group:
    """
    Runs of one experiment that share a stream of batches.

    Attributes
    ----------
    experiment : Experiment
    runs : tuple of Run
    title : str
        What to call the experiment in progress lines, for example the section that needs it.
    """

    experiment: Experiment
    runs: tuple[Run, ...]
    title: str

    @property
    def work(self) -> float:
        """Guessed work, in training images."""
        return sum(_work(self.experiment, run) for run in self.runs)


def grouped(tasks: Sequence[tuple[Experiment, Run, str]], places: int) -> list[Group]:
    """
    Put runs into lockstep groups, the most work first.

    Parameters
    ----------
    tasks : sequence of (Experiment, Run, str)
        Runs, each with its experiment and what to call that.
    places : int
        Number of processes. With one, a group holds all runs that share a stream; with more, large groups are divided.

    Returns
    -------
    list of Group
    """
    streams: dict[tuple, list[tuple[Experiment, Run, str]]] = {}
    for experiment, run, title in tasks:
        streams.setdefault((experiment.folder, run.stream), []).append((experiment, run, title))
    whole = [Group(tasks[0][0], tuple(run for _, run, _ in tasks), tasks[0][2]) for tasks in streams.values()]
    limit = LARGEST_SHARE * sum(group.work for group in whole) / places
    groups = [part for group in whole for part in (_divided(group, limit) if places > 1 else [group])]
    return sorted(groups, key=lambda group: group.work, reverse=True)


def _divided(group: Group, limit: float) -> list[Group]:
    """Divide a group into as few about equal parts as the limit asks for."""
    count = min(len(group.runs), -int(-group.work // limit))
    parts: list[list[Run]] = [[] for _ in range(count)]
    loads = [0.0] * count
    for run in sorted(group.runs, key=lambda run: _work(group.experiment, run), reverse=True):
        lightest = loads.index(min(loads))
        parts[lightest].append(run)
        loads[lightest] += _work(group.experiment, run)
    return [Group(group.experiment, tuple(part), group.title) for part in parts]


def _work(experiment: Experiment, run: Run) -> float:
    return experiment.work(run) * run.epochs
