"""Runs that share batches go together; with several processes none has much more to do than the others."""

import pytest
from tiny_experiment import TINY

from ddd_utils.config import params
from ddd_utils.experiments.launch import grouped
from ddd_utils.experiments.store import Experiment

INSTANCES = ("initialisation", "learning_rate", "cuda_nondeterministic", "data_order", "combined")


@pytest.fixture(scope="module")
def tasks():
    config = {**TINY, "epochs": 30, "instances": dict.fromkeys(INSTANCES, 5)}
    experiment = Experiment(params.experiment(config))
    return [(experiment, run, "section") for run in experiment.plan.runs]


def test_one_process_trains_all_that_share_a_stream_together(tasks):
    groups = grouped(tasks, 1)
    assert len(groups) == 8
    assert all(len({run.stream for run in group.runs}) == 1 for group in groups)
    assert len(groups[0].runs) == 1 + 1 + 1 + 5 + 5 + 5 + 1
    assert sorted(run.file for group in groups for run in group.runs) == sorted(run.file for _, run, _ in tasks)


@pytest.mark.parametrize("places", [2, 4, 16])
def test_several_processes_are_loaded_alike(tasks, places):
    groups = grouped(tasks, places)
    assert all(len({run.stream for run in group.runs}) == 1 for group in groups)
    assert sorted(run.file for group in groups for run in group.runs) == sorted(run.file for _, run, _ in tasks)
    loads, longest = [0.0] * places, max(group.work for group in grouped([tasks[0]], 1))
    for group in groups:
        loads[loads.index(min(loads))] += group.work
    assert max(loads) <= max(1.15 * sum(loads) / places, longest)


def test_experiments_are_never_mixed(tasks):
    other = Experiment(params.experiment({**TINY, "epochs": 31}))
    groups = grouped([*tasks, *((other, run, "other") for run in other.plan.runs)], 1)
    assert {group.title for group in groups} == {"section", "other"}
    assert all((group.title == "other") == (group.experiment is other) for group in groups)
