"""Training is real, keyed, and each of its parts does what it says."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ddd_utils.config.image_sets import Digits, Gaussian
from ddd_utils.data import datasets
from ddd_utils.data.loader import Loader
from ddd_utils.experiments import lockstep
from ddd_utils.experiments.plans import Run
from ddd_utils.experiments.trainee import Trainee, batches
from ddd_utils.models.by_name import create

pytestmark = pytest.mark.usefixtures("one_thread")

CPU = torch.device("cpu")
NOISE = Gaussian(classes=4, train_per_class=24, test_per_class=10, image_size=8)
RUN = Run(
    file="toy",
    model="plain_convnet",
    arguments={"stages": [1, 1], "width": 4},
    epochs=3,
    batch_size=16,
    learning_rate=0.05,
    weight_decay=1e-4,
    decay_epochs=(1, 2),
    recalibration=32,
    keep_logits=(2, 3),
    logit_images=7,
)


@pytest.fixture(scope="module")
def data():
    return datasets.load(NOISE)


def train(run, data, after_epoch=lambda trainee: None):
    trainee = Trainee(run, len(data.classes), CPU)
    lockstep.train([trainee], Loader(data, CPU), after_epoch)
    if trainee.failure:
        raise trainee.failure
    return trainee.result


def answers(run, data):
    return np.stack(train(run, data).predictions)


def test_every_epoch_is_recorded_epoch_0_included(data):
    seen = []
    trained = train(replace(RUN, also_running=True), data, lambda trainee: seen.append(trainee.epoch))
    assert np.stack(trained.predictions).shape == np.stack(trained.running).shape == (4, 40)
    assert {epoch: logits.shape for epoch, logits in trained.logits.items()} == {2: (7, 4), 3: (7, 4)}
    assert seen == [1, 2, 3]
    assert trained.parameters == sum(weights.numel() for weights in create(RUN.model, 4, RUN.arguments).parameters())


def test_a_run_repeats_itself_exactly(data):
    assert np.array_equal(answers(RUN, data), answers(RUN, data))


def test_continuing_is_the_same_as_stopping_earlier(data):
    """ "plus k" is the base trained on, so the longer run begins with the shorter one."""
    assert np.array_equal(answers(replace(RUN, epochs=5), data)[:4], answers(RUN, data))


@pytest.mark.parametrize(
    "change",
    [
        {"nesterov": True},
        {"splits": 2},
        {"init_seed": 1},
        {"order_seed": 1},
        {"learning_rate": 0.1},
        {"half": 0},
        {"recalibration": 0},
    ],
)
def test_each_difference_makes_a_difference(data, change):
    run = replace(RUN, epochs=6, decay_epochs=())
    assert not np.array_equal(answers(run, data), answers(replace(run, **change), data))


def test_another_order_of_sums_starts_alike_and_drifts_apart(data):
    run = replace(RUN, epochs=2, decay_epochs=(), keep_logits=(0, 1, 2))
    logits = [train(replace(run, nondeterminism=k), data).logits for k in (0, 1, 2)]
    assert np.array_equal(logits[0][0], logits[1][0])
    gaps = [np.abs(logits[0][epoch] - logits[1][epoch]).max() for epoch in (1, 2)]
    assert 0 < gaps[0] < 1e-3
    assert not np.array_equal(logits[1][2], logits[2][2])


def test_evaluating_both_ways_does_not_disturb_training(data):
    """Recalibration gives the running statistics back, so what is trained is the same with and without it."""
    both = train(replace(RUN, also_running=True), data)
    off = train(replace(RUN, recalibration=0), data)
    assert np.array_equal(np.stack(both.running), np.stack(off.predictions))
    assert np.array_equal(np.stack(both.predictions), answers(RUN, data))


def test_recalibrated_statistics_are_those_of_the_chosen_images(data):
    trainee = Trainee(replace(RUN, recalibration=96, batch_size=96), 4, CPU)
    network, loader = trainee.network, Loader(data, CPU)
    before = network.features[1].running_mean.clone()
    with torch.no_grad(), lockstep._recalibrated([trainee], loader):
        convolved = network.features[0](next(loader.train_batches([np.arange(96)], 0, 0))[0])
        assert torch.allclose(network.features[1].running_mean, convolved.mean((0, 2, 3)), atol=1e-5)
        assert torch.allclose(network.features[1].running_var, convolved.var((0, 2, 3)), rtol=1e-4)
    assert torch.equal(network.features[1].running_mean, before)
    assert network.features[1].momentum == 0.1


def test_training_learns():
    digits = datasets.load(Digits(train_images=200, image_size=8))
    run = replace(RUN, epochs=8, decay_epochs=(6,), learning_rate=0.1, keep_logits=())
    accuracy = (answers(run, digits) == digits.test.labels).mean(1)
    assert accuracy[0] < 0.35
    assert accuracy[-1] > 0.7


def test_a_loss_that_is_not_finite_ends_the_run_at_its_epoch(data):
    trained = train(replace(RUN, learning_rate=1e30), data)
    assert trained.diverged == "the loss is not finite in epoch 1"
    assert len(trained.predictions) == 1


def test_a_network_that_learned_nothing_is_marked(data, monkeypatch):
    """A network whose logits are all equal always names the first class, which is chance."""
    monkeypatch.setattr(
        "ddd_utils.models.ours.PlainConvNet.forward", lambda self, x: self.fc.bias.expand(len(x), 4) * 0
    )
    trained = train(replace(RUN, recalibration=0), data)
    assert trained.diverged == "after 3 epochs its accuracy of 25.0% is not above chance"
    assert len(trained.predictions) == 4


def test_sgd_steps_are_those_of_the_textbook(data):
    """One update by hand: weight decay, then momentum, then the step."""
    run = replace(RUN, epochs=1, batch_size=96, recalibration=0, weight_decay=0.01)
    trainee, loader = Trainee(run, 4, CPU), Loader(data, CPU)
    twin = Trainee(run, 4, CPU).network
    before = [weights.detach().clone() for weights in twin.parameters()]
    images, labels = next(loader.train_batches(batches(run, 0, data.train.labels), run.order_seed, 0))
    torch.nn.functional.cross_entropy(twin.train()(images), labels).backward()
    expected = [old - 0.05 * (w.grad + 0.01 * old) for old, w in zip(before, twin.parameters(), strict=True)]
    trainee.begin_epoch()
    trainee.step(images, labels, 0)
    for new, old in zip(trainee.network.parameters(), expected, strict=True):
        assert torch.allclose(new, old, atol=1e-6)
