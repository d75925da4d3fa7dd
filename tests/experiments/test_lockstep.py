"""Networks trained side by side are what they would be alone, see each batch once, and fail alone."""

import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from ddd_utils.config.image_sets import Gaussian
from ddd_utils.data import datasets
from ddd_utils.data.loader import Loader
from ddd_utils.experiments import lockstep
from ddd_utils.experiments.plans import Run
from ddd_utils.experiments.trainee import Trainee, read_checkpoint, write_checkpoint
from ddd_utils.files import TornFile
from ddd_utils.models.ours import PlainConvNet

pytestmark = pytest.mark.usefixtures("one_thread")

CPU = torch.device("cpu")
RUN = Run(
    file="base",
    model="plain_convnet",
    arguments={"stages": [1, 1], "width": 8},
    epochs=3,
    batch_size=20,
    learning_rate=0.05,
    weight_decay=1e-4,
    decay_epochs=(2,),
    recalibration=40,
    also_running=True,
    keep_logits=(2, 3),
    logit_images=9,
)
GROUP = [
    replace(RUN, epochs=5),
    replace(RUN, file="optimizer", nesterov=True, also_running=False),
    replace(RUN, file="batch_size", splits=2),
    replace(RUN, file="initialisation", init_seed=7),
    replace(RUN, file="rounding", nondeterminism=1),
]


class Dropping(PlainConvNet):
    """A network whose training draws random numbers."""

    def forward(self, x):
        return self.fc(nn.functional.dropout(self.features(x).mean((2, 3)), 0.5, self.training))


@pytest.fixture(scope="module")
def data():
    return datasets.load(Gaussian(classes=10, train_per_class=10, test_per_class=5, image_size=16))


class Counting(Loader):
    """A loader that counts the batches it makes."""

    made = 0

    def train_batches(self, *arguments):
        for batch in super().train_batches(*arguments):
            self.made += 1
            yield batch


def trained(runs, data, loader=None, after_epoch=lambda trainee: None):
    trainees = [Trainee(run, len(data.classes), CPU) for run in runs]
    lockstep.train(trainees, loader or Loader(data, CPU), after_epoch)
    return trainees


def assert_same(left, right):
    for one, two in ((left.predictions, right.predictions), (left.running, right.running)):
        assert len(one) == len(two)
        assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
    assert set(left.logits) == set(right.logits)
    assert all(np.array_equal(left.logits[epoch], right.logits[epoch]) for epoch in left.logits)


def test_a_network_is_the_same_bit_for_bit_in_company_and_alone(data):
    for trainee in trained(GROUP, data):
        assert_same(trainee.result, trained([trainee.run], data)[0].result)


def test_each_batch_is_made_once_for_all(data):
    loader = Counting(data, CPU)
    trained([replace(RUN, init_seed=seed) for seed in range(4)], data, loader)
    # Five batches an epoch, and two for recalibration after each of them and before the first.
    assert loader.made == 3 * 5 + 4 * 2


def test_random_numbers_inside_a_network_are_its_own(data, monkeypatch):
    monkeypatch.setattr("ddd_utils.models.by_name.OURS", {"plain_convnet": Dropping})
    pair = [RUN, replace(RUN, file="initialisation", init_seed=7)]
    for trainee in trained(pair, data):
        assert_same(trainee.result, trained([trainee.run], data)[0].result)


def test_a_network_that_fails_does_so_alone(data):
    small = replace(RUN, file="small", arguments={"stages": [1, 1, 1, 1, 1], "width": 4})
    base, failed = trained([RUN, small], data)
    assert "size" in str(failed.failure)
    assert base.failure is None
    assert_same(base.result, trained([RUN], data)[0].result)


def test_any_network_resumes_from_its_checkpoint_bit_for_bit(data, tmp_path):
    """Stopped after different epochs, put together again: those behind catch up with the others."""
    runs = [*GROUP, replace(RUN, file="adam", optimizer="adamw", learning_rate=1e-3)]
    whole = trained(runs, data)
    stop = {run.file: 1 + number % 3 for number, run in enumerate(runs)}

    def keep(trainee):
        if trainee.epoch == stop[trainee.run.file]:
            write_checkpoint(tmp_path / trainee.run.file, trainee.state())

    trained(runs, data, after_epoch=keep)
    resumed = [Trainee(run, 10, CPU) for run in runs]
    for trainee in resumed:
        trainee.restore(read_checkpoint(tmp_path / trainee.run.file))
        assert trainee.epoch == stop[trainee.run.file]
    lockstep.train(resumed, Loader(data, CPU))
    for before, after in zip(whole, resumed, strict=True):
        assert_same(before.result, after.result)


def test_the_state_of_another_run_is_refused():
    state = Trainee(RUN, 10, CPU).state()
    with pytest.raises(ValueError, match="optimizer: the state of another run"):
        Trainee(GROUP[1], 10, CPU).restore(state)


def test_a_cut_checkpoint_is_noticed_and_a_flipped_bit_is_never_another_weight(tmp_path):
    path = tmp_path / "base.pt"
    write_checkpoint(path, Trainee(RUN, 10, CPU).state())
    whole = path.read_bytes()
    for share in (0.0, 0.3, 0.6, 0.99):
        path.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(TornFile, match=r"base\.pt"):
            read_checkpoint(path)
    path.write_bytes(whole)
    expected, noticed = read_checkpoint(path)["network"], 0
    for place in np.random.default_rng(0).integers(0, len(whole), 60):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << place % 8
        path.write_bytes(flipped)
        try:
            found = read_checkpoint(path)["network"]
        except TornFile:
            noticed += 1
        else:
            # A bit of the padding between the archive's records means nothing.
            assert all(torch.equal(found[name], weights) for name, weights in expected.items())
    assert noticed > 20


def test_networks_share_the_time_that_training_took(data):
    trainees = [Trainee(RUN, 10, CPU), Trainee(replace(RUN, init_seed=1), 10, CPU)]
    loader = Loader(data, CPU)
    started = time.perf_counter()
    lockstep.train(trainees, loader)
    took = time.perf_counter() - started
    assert sum(trainee.result.seconds for trainee in trainees) == pytest.approx(took, rel=0.3)
