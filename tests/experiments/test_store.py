"""Results are computed once, found again, never mixed up and never torn; processes stay out of one another's way."""

import json
import multiprocessing
import threading
import time

import numpy as np
import pytest

from ddd_utils import experiments, params
from ddd_utils.errors import InputError
from ddd_utils.experiments import launch
from ddd_utils.experiments.store import Experiment
from ddd_utils.responses import Responses

TINY = {
    "dataset": {"name": "gaussian", "classes": 4, "train_per_class": 8, "test_per_class": 5, "image_size": 8},
    "base": {"model": "plain_convnet", "arguments": {"stages": [1], "width": 4}},
    "other": {"model": "plain_convnet", "arguments": {"stages": [1], "width": 8}},
    "epochs": 1,
    "batch_size": 16,
    "bn_recalibration": 16,
    "instances": dict.fromkeys(
        ("initialisation", "learning_rate", "cuda_nondeterministic", "data_order", "combined"), 1
    ),
}


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """Train the tiny experiment once for all tests of this file."""
    folder = tmp_path_factory.mktemp("build")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DDD_BUILD", str(folder))
        launch.compute([Experiment(params.experiment(TINY))], say=lambda line: None)
        yield folder


def changed(**values):
    return Experiment(params.experiment({**TINY, **values}))


def test_the_results_folder_is_laid_out_as_promised(build):
    folder = changed().folder
    assert folder.parent == build / "results"
    assert folder.name.startswith("gaussian-")
    names = {path.name for path in folder.iterdir()}
    assert {"experiment.json", "images.parquet", "base.parquet", "half_data_2.parquet"} <= names
    info = json.loads((folder / "experiment.json").read_text())
    assert info["configuration"]["epochs"] == 1
    assert {"versions", "device", "git_commit", "wall_seconds"} <= set(info)
    assert not [name for name in names if name.startswith(".")]


def test_responses_hold_all_networks_with_equal_epochs(build):
    responses = experiments.responses(TINY)
    assert responses.predictions.shape == (13, 2, 20)
    conditions = responses.networks["condition"].unique().tolist()
    assert conditions[:3] == ["base", "plus_1_epoch", "plus_10_epochs"]
    assert set(responses.logits()) == set(responses.networks["network"])
    again = Responses.load(responses.folder)
    assert np.array_equal(again.predictions, responses.predictions)


def test_running_statistics_are_kept_beside(build):
    running = experiments.responses(TINY, statistics="running")
    assert running.networks["network"].tolist() == ["base", "plus_1_epoch", "plus_10_epochs"]
    with pytest.raises(InputError, match="only one set of statistics"):
        launch.compute([changed(bn_recalibration=0)], say=lambda line: None)
        experiments.responses({**TINY, "bn_recalibration": 0}, statistics="running")


def test_a_second_call_computes_nothing(build, monkeypatch):
    monkeypatch.setattr(launch, "_run_all", lambda *_: pytest.fail("trained again"))
    experiments.responses(TINY)
    launch.compute([changed(), changed()], say=lambda line: None)


def test_what_matters_changes_the_folder_and_what_does_not_does_not(build):
    assert changed(weight_decay=1e-3).folder != changed().folder
    assert changed(instances={**TINY["instances"], "initialisation": 3}).folder == changed().folder


def test_more_instances_add_to_what_is_there(build):
    more = changed(instances={**TINY["instances"], "initialisation": 2})
    assert [run.file for run in more.missing()] == ["initialisation_2"]
    before = {path: path.stat().st_mtime_ns for path in more.folder.glob("*.parquet")}
    launch.compute([more], say=lambda line: None)
    assert len(more.load().networks) == 14
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert len(experiments.responses(TINY).networks) == 13


def test_a_torn_result_is_named_before_anything_is_computed(build):
    experiment = changed()
    file = experiment.folder / "optimizer.parquet"
    whole = file.read_bytes()
    try:
        file.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(InputError, match=r"optimizer\.parquet: not a whole Parquet file"):
            experiment.missing()
    finally:
        file.write_bytes(whole)


def test_a_lost_file_is_computed_again_to_the_same_bits(build):
    experiment = changed()
    file = experiment.folder / "data_order_1.parquet"
    before = experiment.load().predictions
    file.unlink()
    launch.compute([experiment], say=lambda line: None)
    assert np.array_equal(experiment.load().predictions, before)


@pytest.mark.parametrize("name", ["images.parquet", "experiment.json"])
def test_a_lost_description_is_written_again_without_training(build, monkeypatch, name):
    file = changed().folder / name
    before = experiments.responses(TINY)
    file.unlink()
    monkeypatch.setattr(launch, "_run_all", lambda *_: pytest.fail("trained again"))
    after = experiments.responses(TINY)
    assert np.array_equal(after.predictions, before.predictions)
    assert np.array_equal(after.labels, before.labels)
    assert list(after.image_ids) == list(before.image_ids)


def test_a_network_that_fails_is_named_and_the_others_are_kept(build):
    failing = changed(learning_rate=1e30, weight_decay=0.5)
    with pytest.raises(launch.ExperimentError, match="base: the loss is not finite in epoch"):
        launch.compute([failing], say=lambda line: None)
    assert not (failing.folder / "experiment.json").exists()


def _hold(folder, entered, leave):
    import os

    os.environ["DDD_BUILD"] = str(folder)
    with Experiment(params.experiment(TINY)).lock(lambda line: None):
        entered.set()
        leave.wait(60)


def test_a_second_process_waits_and_says_so(build):
    context = multiprocessing.get_context("spawn")
    entered, leave = context.Event(), context.Event()
    other = context.Process(target=_hold, args=(build, entered, leave))
    other.start()
    assert entered.wait(60)
    lines, got = [], []

    def wait():
        with changed().lock(lines.append):
            got.append(time.monotonic())

    waiting = threading.Thread(target=wait)
    waiting.start()
    time.sleep(0.5)
    assert lines == [f"waiting for another process that computes {changed().folder.name}"]
    assert not got
    # A process that dies gives its lock back without being asked.
    other.kill()
    waiting.join(30)
    assert got


def test_an_unknown_model_is_found_before_training(build):
    config = {**TINY, "base": {"model": "plain_convnt"}}
    with pytest.raises(InputError, match="did you mean 'plain_convnet'"):
        launch.check([Experiment(params.experiment(config))])


def test_a_model_set_shares_its_folder_but_never_its_files(build):
    digits = {"name": "digits", "train_images": 100, "image_size": 16}
    small = {"model": "plain_convnet", "arguments": {"stages": [1], "width": 4}}
    wide = {"model": "plain_convnet", "arguments": {"stages": [1], "width": 8}, "name": "wide"}
    one, two = (
        Experiment(params.experiment({"models": models, "images": digits, "training": {"epochs": 1}}))
        for models in ([small, wide], [{**small, "learning_rate": 0.1}, wide])
    )
    assert one.folder == two.folder
    launch.compute([one], say=lambda line: None)
    assert len(two.missing()) == 1
    launch.compute([two], say=lambda line: None)
    assert one.load().networks["network"].tolist() == ["plain_convnet", "wide"]
    assert np.array_equal(one.load().predictions[1], two.load().predictions[1])
    assert not np.array_equal(one.load().predictions[0], two.load().predictions[0])
