"""What a preset asks of a machine is counted, not guessed; speeds are measured, and what is there is not counted."""

import json
from dataclasses import replace

import numpy as np
import pytest
import timm
import torch
import torchvision
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ddd_utils import cli, machine
from ddd_utils.config import params
from ddd_utils.config.image_sets import Gaussian
from ddd_utils.config.schema import Variants
from ddd_utils.data import datasets
from ddd_utils.data.loader import Loader
from ddd_utils.errors import InputError
from ddd_utils.experiments import calibration, costs, inference, lockstep, plans, sources
from ddd_utils.experiments.calibration import Timing
from ddd_utils.experiments.costs import Case, Measured, Row
from ddd_utils.experiments.store import Experiment
from ddd_utils.experiments.trainee import Trainee
from ddd_utils.files import write_array
from ddd_utils.responses import write_predictions

TINY = {
    "dataset": {"name": "gaussian", "classes": 4, "train_per_class": 9, "test_per_class": 5, "image_size": 8},
    "base": {"model": "plain_convnet", "arguments": {"stages": [1], "width": 4}},
    "other": {"model": "plain_convnet", "arguments": {"stages": [1], "width": 8}, "batch_size": 8},
    "epochs": 2,
    "batch_size": 16,
    "bn_recalibration": 12,
}
FREE = Measured(flops=1.0, state_bytes=0, train=1.0, update=0.0, answer=0.0)


@pytest.fixture(autouse=True)
def _build(tmp_path, monkeypatch):
    monkeypatch.setenv("DDD_BUILD", str(tmp_path))


def imagenet(model, classes=1000, optimizer="sgd"):
    return Case(model, "{}", optimizer, 224, 64, classes)


@pytest.mark.parametrize("model", ["ResNet18", "ResNet50", "DenseNet121", "VGG11", "AlexNet"])
def test_operations_are_those_that_torchvision_states(model):
    stated = torchvision.models.get_weight(f"{model}_Weights.IMAGENET1K_V1").meta["_ops"]
    # torchvision counts multiply-adds, in thousand millions and three decimals.
    assert calibration.forward_flops(imagenet(model.lower())) / 2e9 == pytest.approx(stated, abs=0.001)


@pytest.mark.parametrize(("optimizer", "kind"), [("sgd", torch.optim.SGD), ("adamw", torch.optim.AdamW)])
def test_a_checkpoint_is_as_large_as_predicted(tmp_path, optimizer, kind):
    network = calibration.by_name.create("resnet18", 10, {"width": 16})
    trained = kind(network.parameters(), lr=0.1, **({"momentum": 0.9} if optimizer == "sgd" else {}))
    network(torch.zeros(2, 3, 32, 32)).sum().backward()
    trained.step()
    torch.save([network.state_dict(), trained.state_dict()], tmp_path / "checkpoint.pt")
    size = (tmp_path / "checkpoint.pt").stat().st_size
    # The file also holds names.
    assert costs.state_bytes(network, optimizer) <= size < 1.05 * costs.state_bytes(network, optimizer)


def test_work_is_what_the_training_loop_does():
    config = Variants.model_validate(TINY)
    data = datasets.load(config.dataset)
    runs = {run.file: run for run in plans.plan(config).runs}
    for run in (runs[name] for name in ("base", "batch_size", "architecture", "half_data_1", "half_data_2")):
        trainee, shown = Trainee(run, len(data.classes), torch.device("cpu")), Shown(data, torch.device("cpu"))
        learn, updates = trainee.optimizer.step, []
        trainee.optimizer.step = lambda learn=learn, updates=updates: updates.append(learn())
        lockstep.train([trainee], shown)
        what = plans.work(run, config.dataset.sizes)
        assert what.trained + what.recalibrated == shown.trained
        assert what.answered == shown.answered
        assert what.updates == len(updates)


class Shown(Loader):
    """A loader that counts the images it hands out."""

    trained = answered = 0

    def train_batches(self, *arguments):
        for images, labels in super().train_batches(*arguments):
            self.trained += len(images)
            yield images, labels

    def test_batches(self, size):
        for images in super().test_batches(size):
            self.answered += len(images)
            yield images


def test_the_paper_preset_is_counted_by_hand():
    found = sources.trained(params.load("paper"))
    assert len(found) == 5 and all(len(each.plan.runs) == 31 for _, each in found)
    title, base = found[0]
    cases = {costs.case(run, base.dataset) for run in base.plan.runs}
    row = costs.row(title, base, dict.fromkeys(cases, FREE))
    images, test = 1_281_167, 50_000
    # The base for 100 epochs, 28 runs for 90, and two halves of the images for 90.
    assert row.networks == 31
    assert row.epochs == 100 + 30 * 90
    assert row.trained == images * (100 + 28 * 90 + 90)
    assert row.answered == test * (101 + 30 * 91)
    assert row.flops == 3 * row.trained + row.answered
    assert row.hours == pytest.approx(row.trained / 3600)
    assert row.longest == pytest.approx(images * 100 / 3600)
    kinds = {costs.case(run, each.dataset) for _, each in found for run in each.plan.runs}
    assert {(kind.model, kind.image_size, kind.update) for kind in kinds} == {
        ("resnet18", 224, 256),
        ("resnet18", 224, 128),
        ("densenet121", 224, 64),
        ("densenet121", 224, 32),
        ("resnet50", 224, 64),
        ("vgg11", 224, 64),
        ("vgg11", 224, 32),
        ("alexnet", 224, 256),
        ("resnet18", 32, 256),
        ("resnet18", 32, 128),
        ("densenet121", 32, 256),
    }
    assert sorted(costs.case(each.plan.runs[0], each.dataset).classes for _, each in found) == [100] * 2 + [1000] * 3


def test_sections_that_share_an_experiment_count_it_once():
    preset = params.load("smoke")
    titles = [title for title, _ in sources.trained(preset)]
    assert titles == [
        "training_variants: gaussian, plain_convnet",
        "sota_comparison: digits, 4 models",
        "controls: digits, resnet18",
        "controls: digits, plain_convnet",
    ]
    assert [title for title, _ in sources.trained(preset, ["kl_divergence"])] == [
        "kl_divergence: gaussian, plain_convnet"
    ]
    assert sources.trained(params.load("published")) == []


def test_what_is_done_is_not_counted():
    experiment = Experiment(Variants.model_validate(TINY))
    kinds = dict.fromkeys((costs.case(run, experiment.dataset) for run in experiment.plan.runs), FREE)
    before = costs.row("all", experiment, kinds)
    run = experiment.plan.runs[1]
    for epoch in run.keep_logits:
        write_array(experiment.folder / f"{run.file}-logits-{epoch}.npy", np.zeros((1, 1)))
    write_predictions(experiment.file(run), np.zeros((3, 20), np.int16))
    after = costs.row("rest", experiment, kinds)
    assert (before.done, after.done) == (0, 1)
    assert before.networks - after.networks == 1
    assert before.trained - after.trained == 36 * 2


@given(
    epochs=st.integers(1, 30),
    images=st.integers(1, 2000),
    classes=st.integers(2, 1000),
    right=st.floats(0, 1),
    seed=st.integers(0, 99),
)
@settings(max_examples=20)
def test_no_answers_take_more_room_than_guesses(tmp_path_factory, epochs, images, classes, right, seed):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, images)
    answers = np.where(rng.random((epochs, images)) < right, labels, rng.integers(0, classes, (epochs, images)))
    path = tmp_path_factory.mktemp("answers") / "answers.parquet"
    write_predictions(path, answers.astype(np.int16))
    # A few bytes of page headers differ.
    assert path.stat().st_size <= 1.05 * costs.predictions_bytes(epochs, images, classes) + 200


@given(st.floats(1e-4, 1), st.floats(0, 5), st.integers(1, 64))
def test_the_cost_of_an_update_and_of_an_image_are_told_apart(image, update, fewer):
    step, small = update + 2 * fewer * image, update + fewer * image
    timing = Timing(2 * fewer, fewer, [step] * 3, [small] * 3, [2 * fewer * image / 3] * 3)
    found = calibration._pooled([timing, timing])
    assert found["train"] == pytest.approx(image, rel=1e-6)
    assert found["update"] == pytest.approx(update, rel=1e-6, abs=1e-6)
    assert (found["low"], found["high"], found["repeats"]) == (1, 1, 6)


def test_a_noisy_clock_never_makes_time_run_backwards():
    found = calibration._pooled([Timing(4, 2, [1.0, 1.1, 0.9], [1.5, 1.4, 1.6], [0.4])])
    assert found["train"] == pytest.approx(0.1) and found["update"] == pytest.approx(0.6)
    assert (found["low"], found["high"]) == (pytest.approx(0.9), pytest.approx(1.1))


@pytest.mark.usefixtures("one_thread")
def test_calibration_times_real_steps_and_fewer_images_where_time_is_short():
    small = Case("resnet18", '{"width": 8}', "sgd", 32, 4, 10)
    cases = [small, replace(small, update=8), replace(small, optimizer="adamw")]
    whole = calibration.time_cases(cases, "cpu", 600)
    assert [timing.images for timing in whole] == [4, 8, 4]
    assert all(timing.fewer == 0 and min(timing.step + timing.answer) > 0 for timing in whole)
    [cut] = calibration.time_cases([replace(small, update=32)], "cpu", 0)
    assert (cut.images, cut.fewer) == (4, 2) and len(cut.small) == calibration.LEAST_REPEATS


def test_an_unknown_model_is_named():
    with pytest.raises(InputError, match="unknown model 'resnet19'"):
        calibration.measure([imagenet("resnet19")], ["cpu"], 1)


def plan(rows, devices=2, watts=100.0):
    kinds = {imagenet("vgg11"): replace(FREE, images=2, repeats=4)}
    total = costs.add("total", rows)
    return costs.Estimate("paper", rows, total, "CPU core", devices, watts, "as given", 400, kinds, 3)


def test_energy_and_wall_hours_follow_from_device_hours():
    made = plan([Row("one", networks=2, hours=6, longest=4), Row("two", networks=1, hours=3, longest=3)])
    assert made.as_dict()["total"]["kwh"] == pytest.approx(0.9)
    assert made.as_dict()["total"]["kg_co2"] == pytest.approx(0.36)
    assert made.wall_hours == 4.5
    assert plan(made.rows, devices=8).wall_hours == 4
    assert costs.PAPER_WATTS == 300


@given(st.floats(0, 1e8), st.floats(0, 1), st.floats(1, 3), st.integers(0, 10**13))
def test_the_table_fits_120_columns(hours, low, high, count):
    row = Row("x" * 60, 500, 500, 50_000, count, count, count * 1e9, count, hours, hours * low, hours * high, hours)
    lines = costs.text(plan([row])).splitlines()
    assert max(map(len, lines)) <= 120
    assert lines[1].count(" (") == 1


def test_the_command_prints_a_table_or_json(capsys, monkeypatch):
    monkeypatch.setattr(machine, "devices", lambda: ["cpu"])
    quick = ["plan", "smoke", "--sections", "kl_divergence", "--seconds", "1", "--watts", "65", "--gco2", "100"]
    assert cli.main([*quick, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["total"]["networks"] == 12 and printed["watts"] == 65 and printed["paper"]["kwh"] == 1800
    assert printed["total"]["hours_low"] <= printed["total"]["hours"] <= printed["total"]["hours_high"]
    assert cli.main(["plan", "published"]) == 0
    assert "total" in capsys.readouterr().out
    assert cli.main(["plan", "smoke", "--sections", "control"]) == 2
    assert "did you mean 'controls'" in capsys.readouterr().err


def test_classes_of_a_folder_are_counted_where_it_exists(tmp_path):
    folder = {"name": "folder", "train": str(tmp_path), "test": str(tmp_path)}
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    run = Experiment(Variants.model_validate({"dataset": folder})).plan.runs[0]
    found = Variants.model_validate({"dataset": folder}).dataset
    assert costs.case(run, found).classes == 2
    assert costs.case(run, found.model_copy(update={"train": "/nowhere"})).classes == 1000
    assert costs.case(run, Gaussian(classes=7)).classes == 7


@pytest.fixture
def photographs(tmp_path):
    """Two kinds of models, one twice with other weights, in two views of six photographs."""
    for number in range(6):
        path = tmp_path / "photos" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((40, 40, 3), number, np.uint8)).save(path)
    models = []
    for name, size in (("test_resnet", 32), ("test_resnet", 32), ("test_vit2", 64)):
        weights = {"file": str(tmp_path / f"{len(models)}.pth")}
        torch.save(timm.create_model(name, num_classes=2).state_dict(), weights["file"])
        models.append({"model": name, "name": f"{len(models)}", "pretrained": weights, "preprocessing": {"size": size}})
    file = tmp_path / "photos.yaml"
    block = {"models": models, "images": {"path": str(tmp_path / "photos")}}
    file.write_text(yaml.safe_dump({"sota_comparison": block}), "utf-8")
    return file


def test_pretrained_models_are_planned_and_what_has_answered_is_not_counted(photographs, monkeypatch, capsys):
    monkeypatch.setattr(machine, "devices", lambda: ["cpu"])
    [(_, evaluation)] = sources.evaluations(params.load(photographs), ["sota_comparison"])
    cases = [costs.answer_case(model, evaluation) for model in evaluation.config.models]
    assert [(case.model, case.image_size) for case in cases] == [("test_resnet", 32)] * 2 + [("test_vit2", 64)]
    free = dict.fromkeys(cases, FREE)
    row = costs.answers_row("all", evaluation, {case: replace(FREE, answer=2.0) for case in free}, 5.0, 2)
    assert (row.networks, row.done, row.answered, row.flops, row.trained) == (3, 0, 18, 18, 0)
    # Two seconds an image, and five for decoding each of six, while both devices wait.
    assert row.hours == pytest.approx((18 * 2 + 6 * 5 * 2) / 3600)
    inference.make(evaluation, evaluation.config.models[:1])
    left = costs.answers_row("rest", evaluation, free, 5.0, 2)
    assert (left.networks, left.done, left.answered) == (2, 1, 12)
    assert cli.main(["plan", str(photographs), "--seconds", "0.1", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["slurm_jobs"] == 2 and printed["experiments"][0]["networks"] == 2
    assert 0 < printed["total"]["hours_low"] <= printed["total"]["hours"] <= printed["total"]["hours_high"]
