"""What decides whether a recorded step is used; the recording itself needs a GPU, here a stand-in is replayed."""

import numpy as np
import pytest
import torch

from ddd_utils.config.image_sets import Gaussian
from ddd_utils.data import datasets
from ddd_utils.data.loader import Loader
from ddd_utils.experiments import lockstep
from ddd_utils.experiments.plans import Run
from ddd_utils.experiments.trainee import Trainee

pytestmark = pytest.mark.usefixtures("one_thread")

CPU = torch.device("cpu")
RUN = Run("base", "plain_convnet", {"stages": [1, 1], "width": 8}, 2, 10, 0.05, 1e-4)


@pytest.fixture(scope="module")
def data():
    return datasets.load(Gaussian(classes=7, train_per_class=14, test_per_class=9, image_size=16))


class StandIn:
    """Does at each replay what a graph does: the same work on whatever the buffers hold."""

    def __init__(self, trainees, images, labels, times=1):
        self.work, self.times, self.replays = (trainees, images, labels), times, 0

    def replay(self):
        trainees, images, labels = self.work
        self.replays += 1
        for trainee in trainees:
            for _ in range(self.times):
                trainee.learn(images, labels)


def trained(data, monkeypatch, recorded=None, run=RUN):
    made = []

    def record(*work):
        made.append(recorded(*work))
        return made[-1]

    wanted = lockstep.Steps.__init__

    def on_a_gpu(self, trainees):
        wanted(self, trainees)
        self.wanted = recorded is not None and not any(map(lockstep._draws_numbers, trainees))

    with monkeypatch.context() as patch:
        patch.setattr(lockstep, "_recorded", record)
        patch.setattr(lockstep.Steps, "__init__", on_a_gpu)
        trainees = [Trainee(run, 10, CPU)]
        lockstep.train(trainees, Loader(data, CPU))
    return np.stack(trainees[0].result.predictions), made


def test_recorded_steps_train_the_same_network_and_a_graph_that_does_something_else_is_not_used(data, monkeypatch):
    def refuse(*_):
        raise RuntimeError("operation not permitted when stream is capturing")

    plain, _ = trained(data, monkeypatch)
    # Each epoch has ten batches: three to warm up, one that is taken both ways, a smaller last one.
    for recorded, replays in ((StandIn, [6, 6]), (lambda *work: StandIn(*work, times=3), [1, 1]), (refuse, [])):
        found, made = trained(data, monkeypatch, recorded)
        assert np.array_equal(found, plain)
        assert [graph.replays for graph in made] == replays


@pytest.mark.parametrize(
    ("layer", "draws"),
    [
        (torch.nn.Dropout(0.5), True),
        (torch.nn.Dropout2d(0.1), True),
        (torch.nn.Dropout(0.0), False),
        (torch.nn.ReLU(), False),
    ],
)
def test_networks_that_draw_random_numbers_are_not_recorded(layer, draws):
    trainee = Trainee(RUN, 10, CPU)
    trainee.network.features.append(layer)
    assert lockstep._draws_numbers(trainee) == draws
