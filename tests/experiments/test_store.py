"""Results are computed once, found again, never mixed up and never torn; processes stay out of one another's way."""

import hashlib
import json
import os
import signal

import numpy as np
import pytest
from tiny_experiment import TINY
from warm_processes import CONTEXT

from ddd_utils import experiments, machine
from ddd_utils.config import params
from ddd_utils.errors import ExperimentError, InputError
from ddd_utils.experiments import launch, sources, store
from ddd_utils.experiments.store import Experiment
from ddd_utils.responses import Responses


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """Train the tiny experiment once for all tests of this file."""
    folder = tmp_path_factory.mktemp("build")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DDD_BUILD", str(folder))
        launch.compute([Experiment(params.experiment(TINY))])
        yield folder


def changed(**values):
    return Experiment(params.experiment({**TINY, **values}))


def test_the_results_folder_is_laid_out_as_promised(build):
    folder = changed().folder
    assert folder.parent == build / "results"
    assert folder.name.startswith("digits-")
    names = {path.name for path in folder.iterdir()}
    assert {"experiment.json", "images.parquet", "base.parquet", "half_data_2.parquet"} <= names
    info = json.loads((folder / "experiment.json").read_text())
    assert info["configuration"]["epochs"] == 1
    assert {"versions", "device", "git_commit", "wall_seconds"} <= set(info)
    assert not [name for name in names if name.startswith(".")]


def test_responses_hold_all_networks_with_equal_epochs(build):
    responses = experiments.responses(TINY)
    assert responses.predictions.shape == (13, 2, 1597)
    conditions = responses.networks["condition"].unique().tolist()
    assert conditions[:3] == ["base", "plus_1_epoch", "plus_10_epochs"]
    assert set(responses.logits()) == set(responses.networks["network"])
    assert len(responses.logit_images) == 500 < 1597
    largest = [each.argmax(axis=1) for each in responses.logits().values()]  # of the very images, not of the first 500
    assert np.array_equal(largest, responses.predictions[:, -1, responses.logit_images])
    assert responses.class_names == [str(digit) for digit in range(10)] and "classes" not in responses.info
    assert responses.decay_epochs == list(responses.source.plan.decay_epochs)
    assert responses.provenance == sources.provenance_of([responses.source])
    assert responses.provenance["training"].keys() == {responses.folder.name}
    assert [image.shape for image in responses.thumbnails([0, 3])] == [(8, 8, 3)] * 2
    again = Responses.load(responses.folder)
    assert np.array_equal(again.predictions, responses.predictions)


def test_running_statistics_are_kept_beside(build):
    (running,) = experiments.alternatives(experiments.responses(TINY)).values()
    assert running.networks["network"].tolist() == ["base", "plus_1_epoch", "plus_10_epochs"]
    assert changed(bn_recalibration=0).alternatives() == {}


def test_a_second_call_computes_nothing(build, monkeypatch):
    monkeypatch.setattr(launch, "train", lambda *_: pytest.fail("trained again"))
    experiments.responses(TINY)
    launch.compute([changed(), changed()])


def test_what_matters_changes_the_folder_and_what_does_not_does_not(build):
    assert changed(weight_decay=1e-3).folder != changed().folder
    assert changed(instances={**TINY["instances"], "initialisation": 3}).folder == changed().folder


def test_more_instances_add_to_what_is_there(build):
    more = changed(instances={**TINY["instances"], "initialisation": 2})
    assert [run.file for run in more.missing()] == ["initialisation_2"]
    before = {path: path.stat().st_mtime_ns for path in more.folder.glob("*.parquet")}
    launch.compute([more])
    assert len(more.load().networks) == 14
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert len(experiments.responses(TINY).networks) == 13


def flip(file, share):
    content = bytearray(file.read_bytes())
    content[int(share * len(content))] ^= 0xFF
    file.write_bytes(content)


def both_readings():
    answers = experiments.responses(TINY)
    return answers.predictions, experiments.alternatives(answers)["running"].predictions


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("optimizer.parquet", lambda file: file.write_bytes(file.read_bytes()[:200])),
        ("optimizer.parquet", lambda file: flip(file, 0.02)),
        ("base-running.parquet", lambda file: flip(file, 0.02)),
        ("images.parquet", lambda file: file.write_bytes(b"")),
        ("experiment.json", lambda file: file.write_text("{")),
        ("experiment.json", lambda file: file.write_text("{}")),
        ("experiment.json", lambda file: file.write_text('{"networks": [3], "epochs": 1}')),
        ("base-logits-1.npy", lambda file: flip(file, 0.9)),
        ("optimizer-logits-1.npy", lambda file: file.write_bytes(file.read_bytes()[:-9])),
    ],
    ids=["torn", "flipped bit", "statistics", "images", "description", "{}", "types", "logits", "torn logits"],
)
def test_a_damaged_result_is_set_aside_by_name_and_made_anew(build, capsys, name, damage):
    experiment = changed()
    file = experiment.folder / name
    before, damaged = both_readings(), file.with_name(f"{name}.damaged")
    damage(file)
    after = both_readings()
    assert all(map(np.array_equal, after, before))
    assert f"{file}: torn or damaged; it is now {damaged.name}, and is made anew" in capsys.readouterr().err
    assert damaged.exists()
    damaged.unlink()


@pytest.mark.parametrize("name", ["data_order_1.parquet", "data_order_1-logits-1.npy"])
def test_a_lost_file_is_computed_again_to_the_same_bits(build, name):
    experiment = changed()
    before, logits = experiment.load().predictions, experiment.load().logits()
    (experiment.folder / name).unlink()
    assert not experiment.complete()
    launch.compute([experiment])
    assert np.array_equal(experiment.load().predictions, before)
    assert all(map(np.array_equal, experiment.load().logits().values(), logits.values()))


def test_every_file_has_its_checksum_in_the_description(build):
    folder = changed().folder
    known = json.loads((folder / "experiment.json").read_text())["checksums"]
    assert set(known) == {file.name for file in changed().files()} - {"experiment.json"}
    assert "base-logits-11.npy" in known
    assert {hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in known} == set(known.values())


def test_a_description_without_checksums_is_whole_and_gets_them_when_read(build, monkeypatch):
    file = changed().folder / "experiment.json"
    before = json.loads(file.read_text())
    file.write_text(json.dumps({key: value for key, value in before.items() if key != "checksums"}))
    assert changed().complete()
    monkeypatch.setattr(launch, "train", lambda *_: pytest.fail("trained for want of a checksum"))
    experiments.responses(TINY)
    assert json.loads(file.read_text()) == before


def test_a_run_made_anew_is_not_held_against_the_old_checksum(build):
    """Killed between the two, the next command must not take the new file for a damaged one."""
    experiment = changed()
    file = experiment.folder / "optimizer.parquet"
    file.unlink()
    launch.train(launch.grouped(launch.missing([experiment]), 1), ["cpu"])
    assert not (experiment.folder / "experiment.json").exists()
    sources.mend(experiment)
    assert file.exists()
    launch.compute([experiment])
    assert experiment.complete()


@pytest.mark.parametrize(
    "name", ["data_order_1.parquet", "data_order_1-logits-2.npy", "images.parquet", "experiment.json"]
)
def test_what_a_killed_process_was_writing_is_removed(build, name):
    experiment = changed()
    left = experiment.folder / f".{name}.a1b2c3d4"
    left.write_bytes(b"half")
    (experiment.folder / "data_order_1.parquet").unlink()
    (experiment.folder / "experiment.json").unlink()
    launch.compute([experiment])
    assert experiment.complete()
    assert not left.exists()


def test_only_one_process_at_a_time_describes_an_experiment(build, monkeypatch):
    """Another one would take what is being written for what a killed process has left."""
    experiment, held, write = changed(), [], store.write_json
    lock = experiment.folder.with_name(f"{experiment.folder.name}.lock")

    def watched(*arguments):
        held.append(machine.is_locked(lock))
        write(*arguments)

    monkeypatch.setattr(store, "write_json", watched)
    (experiment.folder / "experiment.json").unlink()
    launch.finish([experiment])
    assert held == [True] and experiment.complete() and not machine.is_locked(lock)


@pytest.mark.parametrize("name", ["images.parquet", "experiment.json"])
def test_a_lost_description_is_written_again_without_training(build, monkeypatch, name):
    file = changed().folder / name
    before = experiments.responses(TINY)
    file.unlink()
    monkeypatch.setattr(launch, "train", lambda *_: pytest.fail("trained again"))
    after = experiments.responses(TINY)
    assert np.array_equal(after.predictions, before.predictions)
    assert np.array_equal(after.labels, before.labels)
    assert list(after.image_ids) == list(before.image_ids)


def test_a_network_that_fails_is_named_and_the_others_are_kept(build):
    """Images of 8 px are too small for a network of five poolings; its companions in lockstep go on."""
    failing = changed(other={"model": "plain_convnet", "arguments": {"stages": [1, 1, 1, 1, 1], "width": 4}})
    with pytest.raises(ExperimentError, match=r"architecture: .*size") as error:
        launch.compute([failing])
    assert "combined_1: " in str(error.value)
    assert {run.file for run in failing.missing()} == {"architecture", "combined_1"}
    assert not (failing.folder / "experiment.json").exists()


def test_a_network_that_diverges_is_left_out_and_named(build):
    good = {**TINY["base"], "optimizer": "sgd", "learning_rate": 0.1}
    models = [good, {**good, "name": "fast", "learning_rate": 0.2}, {**good, "name": "wild", "learning_rate": 1e30}]
    config = {"models": models, "images": TINY["dataset"], "training": {"epochs": 2, "batch_size": 10}}
    responses = experiments.responses(config)
    assert responses.networks["network"].tolist() == ["plain_convnet", "fast"]
    left_out = [{"network": "wild", "condition": "wild", "diverged": "the loss is not finite in epoch 1"}]
    assert responses.info["diverged"] == left_out
    assert Experiment(params.experiment(config)).complete()


def test_a_base_that_diverges_is_a_clear_line(build):
    with pytest.raises(InputError, match="the base network diverged: the loss is not finite in epoch 1"):
        experiments.responses({**TINY, "learning_rate": 1e30, "weight_decay": 0.5})


def _hold(entered, leave):
    experiment = Experiment(params.experiment(TINY))
    with machine.lock_if_free(experiment.lock(experiment.plan.runs[0])) as ours:
        assert ours
        entered.set()
        leave.wait(600)


def test_a_run_that_another_process_trains_is_left_to_it(build, monkeypatch):
    """The others are trained meanwhile; when that process dies, its lock is free without anybody's doing."""
    experiment = changed()
    for name in ("base", "optimizer"):
        (experiment.folder / f"{name}.parquet").unlink()
    entered, leave = CONTEXT.Event(), CONTEXT.Event()
    other = CONTEXT.Process(target=_hold, args=(entered, leave))
    other.start()
    assert entered.wait(600)
    assert machine.is_locked(experiment.lock(experiment.plan.runs[0]))
    os.kill(other.pid, signal.SIGSTOP)  # its command is gone, but it cannot follow, and keeps the lock
    lines, trained = [], []
    run, log = launch.train, launch.log.info

    def watched(groups, *rest):
        trained.append([run.file for group in groups for run in group.runs])
        return run(groups, *rest)

    def logged(line, *values):
        log(line, *values)
        lines.append(line % values)
        if line.startswith("waiting"):
            other.kill()

    monkeypatch.setattr(launch, "train", watched)
    monkeypatch.setattr(launch.log, "info", logged)
    launch.compute([experiment])
    assert trained == [["optimizer"], ["base"]]
    stopped = f"pid {other.pid} is stopped: kill -CONT {other.pid} lets it go on, kill -9 {other.pid} ends it"
    assert f"waiting for another process that computes base ({stopped})" in lines
    assert experiment.complete()
    assert not (experiment.folder / "unfinished").exists()


def test_an_unknown_model_is_found_before_training(build):
    config = {**TINY, "base": {"model": "plain_convnt"}}
    with pytest.raises(InputError, match="did you mean 'plain_convnet'"):
        launch.check([Experiment(params.experiment(config))])


def test_a_model_set_shares_its_folder_but_never_its_files(build):
    small = {**TINY["base"], "optimizer": "sgd", "learning_rate": 0.1}
    wide = {**TINY["other"], "optimizer": "sgd", "learning_rate": 0.1, "name": "wide"}
    training = {"epochs": 1, "batch_size": 10}
    one, two = (
        Experiment(params.experiment({"models": models, "images": TINY["dataset"], "training": training}))
        for models in ([small, wide], [{**small, "learning_rate": 0.2}, wide])
    )
    assert one.folder == two.folder
    launch.compute([one])
    assert len(two.missing()) == 1
    launch.compute([two])
    assert one.load().networks["network"].tolist() == ["plain_convnet", "wide"]
    assert np.array_equal(one.load().predictions[1], two.load().predictions[1])
    assert not np.array_equal(one.load().predictions[0], two.load().predictions[0])


def test_a_disk_that_is_too_small_is_found_before_training(build, monkeypatch):
    experiment = changed(weight_decay=0.5)
    usage = launch.shutil.disk_usage(build)
    with monkeypatch.context() as patch:
        patch.setattr(launch.shutil, "disk_usage", lambda path: usage._replace(free=200_000))
        with pytest.raises(InputError, match=r"results: 0\.\d\d GB are needed .*, 0\.00 are free"):
            launch.check([experiment])
    launch.check([experiment])
