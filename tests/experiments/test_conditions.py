"""The 13 conditions are what the paper's appendix says, each a difference from one base."""

from collections import Counter
from dataclasses import asdict, replace

import numpy as np
import pytest

from ddd_utils.config import params
from ddd_utils.config.schema import Variants
from ddd_utils.experiments.plans import plan
from ddd_utils.experiments.trainee import batches, learning_rate, parts, pool


@pytest.fixture(scope="module")
def full():
    config = Variants.model_validate({"dataset": {"name": "cifar100"}, "epochs": 90})
    return plan(config)


@pytest.fixture(scope="module")
def runs(full):
    return {run.file: run for run in full.runs}


def test_the_full_design_has_the_papers_networks(full):
    counts = Counter(network.condition for network in full.networks)
    once = ("base", "plus_1_epoch", "plus_10_epochs", "optimizer", "batch_size", "architecture")
    repeated = ("initialisation", "learning_rate", "cuda_nondeterministic", "data_order", "combined")
    assert counts == {**dict.fromkeys(once, 1), **dict.fromkeys(repeated, 5), "half_data": 2}
    assert (len(full.networks), len(full.runs)) == (33, 31)


def test_quick_trains_15_networks_in_13_runs():
    quick = plan(params.load("quick").training_variants.experiment)
    assert (len(quick.networks), len(quick.runs)) == (15, 13)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("optimizer", {"nesterov": True}),
        ("batch_size", {"splits": 2}),
        ("initialisation_3", {"init_seed": 1315}),
        ("learning_rate_1", {"learning_rate": pytest.approx(0.148)}),
        ("learning_rate_5", {"learning_rate": pytest.approx(0.152)}),
        ("cuda_nondeterministic_2", {"nondeterminism": 2}),
        ("data_order_2", {"order_seed": 1512}),
        ("architecture", {"model": "densenet121", "splits": 4}),
        ("half_data_2", {"half": 1}),
        (
            "combined_1",
            {
                "model": "densenet121",
                "splits": 4,
                "init_seed": 1313,
                "learning_rate": pytest.approx(0.148),
                "order_seed": 1412,
                "nesterov": True,
            },
        ),
    ],
)
def test_a_condition_changes_what_it_says_and_nothing_else(runs, name, expected):
    changed, base = asdict(runs[name]), asdict(runs["base"])
    ignored = {"file", "epochs", "keep_logits", "also_running"}
    assert {key: value for key, value in changed.items() if value != base[key] and key not in ignored} == expected


def test_the_gaussian_learning_rates_step_by_a_hundred_thousandth():
    config = Variants.model_validate({"dataset": {"name": "gaussian"}, "learning_rate": 0.001})
    rates = [run.learning_rate for run in plan(config).runs if run.file.startswith("learning_rate")]
    assert np.allclose(np.diff(rates), 1e-5)


def test_plus_k_continues_the_base(full):
    plus = {network.network: network for network in full.networks if network.run == "base"}
    assert {name: network.first_epoch for name, network in plus.items()} == {
        "base": 0,
        "plus_1_epoch": 1,
        "plus_10_epochs": 10,
    }
    assert full.runs[0].epochs == 100
    assert full.runs[0].keep_logits == (90, 91, 100)


def test_the_learning_rate_falls_after_each_third_and_then_stays(full):
    base = full.runs[0]
    rates = [learning_rate(base, epoch) for epoch in range(100)]
    assert rates[:30] == [0.1] * 30
    assert np.allclose(rates[30:60], 0.01)
    assert np.allclose(rates[60:], 0.001)


def test_two_halves_are_disjoint_and_complete(runs):
    first, second = (pool(runs[f"half_data_{half}"], 1001) for half in (1, 2))
    assert sorted([*first, *second]) == list(range(1001))
    # Random, so never the first half of a class-sorted folder.
    assert 300 < np.median(first) < 700


def updates(run, images, epoch):
    """List the images of each update, as the training loop cuts them out of the common batches."""
    labels = np.zeros(images, int)
    return [batch[part] for batch in batches(run, epoch, labels) for part in parts(run, len(batch))]


def test_a_split_batch_shows_the_same_images_in_the_same_order(runs):
    base, split = (updates(runs[name], 1000, 3) for name in ("base", "batch_size"))
    assert np.array_equal(np.concatenate(base), np.concatenate(split))
    assert [len(part) for part in base] == [256, 256, 256, 232]
    assert [len(part) for part in split] == [128] * 6 + [116] * 2


def test_parts_of_a_single_image_are_left_out(full):
    run = replace(full.runs[0], splits=2)
    assert [part.stop - part.start for part in parts(run, 5)] == [3, 2]
    assert parts(run, 3) == [slice(0, 2)]
    assert parts(run, 1) == []


def test_another_order_of_sums_changes_places_only_within_a_batch(runs):
    orders = [updates(runs[name], 1000, 0) for name in ("base", "cuda_nondeterministic_1", "cuda_nondeterministic_2")]
    for left, *others in zip(*orders, strict=True):
        assert all(sorted(left) == sorted(other) for other in others)
        assert len({tuple(part) for part in (left, *others)}) == 3


def test_data_order_differs_between_epochs_and_instances(runs):
    orders = [
        tuple(np.concatenate(updates(runs[name], 300, epoch)))
        for name in ("base", "data_order_1", "data_order_2")
        for epoch in (0, 1)
    ]
    assert len(set(orders)) == 6


def test_runs_share_a_stream_exactly_if_their_batches_are_the_same(full, runs):
    streams = {}
    for run in full.runs:
        streams.setdefault(run.stream, set()).add(run.file)
    sharing = {file: members for members in streams.values() for file in members}
    alone = {"half_data_1", "half_data_2"}
    ordered = [{f"data_order_{k}", f"combined_{k}"} for k in range(1, 6)]
    assert sharing["base"] == set(runs) - alone - set.union(*ordered)
    assert all(sharing[file] == {file} for file in alone)
    assert all(members in streams.values() for members in ordered)


def test_stratified_batches_hold_the_classes_in_equal_shares(full):
    labels = np.repeat(np.arange(10), 30)
    run = replace(full.runs[0], batch_size=50, stratified=True)
    shuffled, stratified = (list(batches(replace(run, stratified=each), 2, labels)) for each in (False, True))
    assert sorted(np.concatenate(stratified)) == list(range(300))
    for part in stratified:
        assert np.bincount(labels[part], minlength=10).tolist() == [5] * 10
    assert any(len(set(np.bincount(labels[part], minlength=10))) > 1 for part in shuffled)
    # The classes do not come in the same order every time.
    assert labels[stratified[0][:10]].tolist() != labels[stratified[0][10:20]].tolist()
