"""Networks are tested in float32, whatever they are trained in: no tie is decided by the number of a class."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from tiny_experiment import TINY

from ddd_utils.config import params
from ddd_utils.experiments import lockstep, plans, trainee
from ddd_utils.experiments.store import Experiment
from ddd_utils.files import read_metadata, write_array
from ddd_utils.responses import write_predictions

IMAGES, CLASSES = 200, 10


@pytest.fixture
def reduced(monkeypatch):
    """Train as a GPU does, in bfloat16."""
    monkeypatch.setattr(trainee, "precision", lambda device: torch.autocast("cpu", torch.bfloat16))


@pytest.fixture
def network(reduced):
    """Logits that differ by less than bfloat16 can tell, for every image another class the largest."""
    run = Experiment(params.experiment(TINY)).plan.runs[0]
    found = trainee.Trainee(run, CLASSES, torch.device("cpu"))
    found.network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(CLASSES, CLASSES, bias=False))
    with torch.no_grad():
        found.network[1].weight.copy_(1 + 1e-4 * torch.eye(CLASSES))
    return found


def test_no_tie_is_decided_by_the_class_index(network):
    truth = torch.arange(IMAGES) % CLASSES
    images = torch.nn.functional.one_hot(truth, CLASSES).float()[:, None, None, :]
    with torch.no_grad():
        with trainee.precision(network.device):
            tied = network.network(images)
        assert (tied.argmax(1) == 0).all()  # as it was: every answer is the lowest class
        logits = network.forward(images)
    assert logits.dtype == torch.float32
    assert torch.equal(logits.argmax(1), truth)
    data = SimpleNamespace(data=SimpleNamespace(test=range(IMAGES)), test_batches=lambda size: images.split(64))
    with torch.no_grad():
        [(_, predictions, _)] = lockstep._answers([network], data)
    assert np.array_equal(predictions, truth.numpy())


def test_recalibration_and_training_keep_their_own_precision(network):
    seen = []
    network.network.register_forward_hook(lambda layer, given, output: seen.append(output.dtype))
    images, labels = torch.rand(4, 1, 1, CLASSES), torch.arange(4)
    network.optimizer = torch.optim.SGD(network.network.parameters(), lr=0.1)
    network.learn(images, labels)
    network.forward(images)
    assert seen[0] == torch.bfloat16 and seen[-1] == torch.float32


@pytest.mark.parametrize(
    ("facts", "kept"),
    [
        ({"device": "NVIDIA H100 80GB HBM3"}, False),
        ({"device": "NVIDIA H100 80GB HBM3", "evaluation": "float32"}, True),
        ({"device": "CPU (x86_64)"}, True),
        ({}, True),
    ],
)
def test_only_what_a_gpu_answered_in_bfloat16_is_made_anew(tmp_path, monkeypatch, facts, kept):
    monkeypatch.setenv("DDD_BUILD", str(tmp_path))
    experiment = Experiment(params.experiment(TINY))
    run = experiment.plan.runs[-1]
    write_predictions(experiment.file(run), np.zeros((2, 5), np.int16), facts)
    for file in experiment._logits(run):
        write_array(file, np.zeros(3))
    assert experiment.done(run) == kept


def test_a_checkpoint_with_bfloat16_answers_of_a_gpu_is_not_gone_on_from():
    run = Experiment(params.experiment(TINY)).plan.runs[0]
    found = trainee.Trainee(run, CLASSES, torch.device("cpu"))
    older = {key: value for key, value in found.state().items() if key != "evaluation"}
    found.restore(older)
    found.device = torch.device("cuda")
    with pytest.raises(ValueError, match="evaluated in bfloat16"):
        found.restore(older)


def test_a_result_says_in_what_it_was_evaluated(tmp_path, monkeypatch):
    monkeypatch.setenv("DDD_BUILD", str(tmp_path))
    experiment = Experiment(params.experiment(TINY))
    run = experiment.plan.runs[-1]
    table = np.zeros((5,), np.int16)
    made = trainee.Trained(predictions=[table, table], logits={run.epochs: np.zeros((2, 2), np.float32)})
    test = SimpleNamespace(labels=table, ids=np.array(list("abcde")))
    experiment.write(run, made, SimpleNamespace(test=test, classes=("a", "b")), "NVIDIA H100")
    assert read_metadata(experiment.file(run))["evaluation"] == plans.EVALUATION
    assert experiment.done(run)
