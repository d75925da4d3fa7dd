"""Answers to decoded photographs: those of a plain loop, whatever the batch, the devices and the memory."""

import numpy as np
import pytest
import torch
from torch import nn

from ddd_utils.data.views import preparation
from ddd_utils.errors import InputError
from ddd_utils.experiments import inference
from ddd_utils.experiments.decisions import Chooser
from ddd_utils.experiments.inference import answer

PREPARED = preparation(16, (0.4, 0.5, 0.6), (0.2, 0.25, 0.3))
CLASSES = 6
LABELS = np.arange(50) % CLASSES


def pixels(images=50):
    return np.random.default_rng(images).integers(0, 256, (images, 16, 16, 3), np.uint8)


def network(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, CLASSES)
    ).eval()


def everything():
    return Chooser(np.arange(CLASSES), np.ones(CLASSES, bool))


def plainly(model, images):
    mean, sd = (torch.tensor(each).view(3, 1, 1) for each in (PREPARED.mean, PREPARED.sd))
    with torch.inference_mode():
        return model((torch.from_numpy(images).permute(0, 3, 1, 2) / 255 - mean) / sd).argmax(1).numpy()


@pytest.fixture
def small_batches(monkeypatch):
    monkeypatch.setattr(inference, "CPU_PIXELS", 7 * 16**2)


@pytest.mark.parametrize("devices", [1, 2, 5])
def test_answers_are_those_of_a_plain_loop(small_batches, devices):
    found = answer(network(), pixels(), LABELS, PREPARED, everything(), ["cpu"] * devices)
    np.testing.assert_array_equal(found.all["prediction"], plainly(network(), pixels()))
    assert (found.batch, found.precision) == (7, "float32")


def test_the_number_of_threads_is_given_back():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    answer(network(), pixels(5), LABELS, PREPARED, everything(), ["cpu"])
    assert torch.get_num_threads() == 2
    torch.set_num_threads(before)


class Greedy(nn.Module):
    """Has memory for so many images."""

    def __init__(self, model, room, error):
        super().__init__()
        self.model, self.room, self.error, self.sizes = model, room, error, []

    def forward(self, images):
        self.sizes.append(len(images))
        if len(images) > self.room:
            raise self.error
        return self.model(images)


OUT_OF_MEMORY = [
    torch.OutOfMemoryError("CUDA out of memory"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:114] DefaultCPUAllocator: can't allocate memory"),
    MemoryError(),
]


@pytest.mark.parametrize("error", OUT_OF_MEMORY, ids=lambda error: type(error).__name__)
def test_a_batch_that_does_not_fit_is_halved_and_no_image_lost(small_batches, error):
    model = Greedy(network(), 2, error)
    found = answer(model, pixels(), LABELS, PREPARED, everything(), ["cpu"])
    np.testing.assert_array_equal(found.all["prediction"], plainly(network(), pixels()))
    assert found.batch == 1
    assert model.sizes[:3] == [7, 3, 1] and max(model.sizes[3:]) == 1


def test_an_image_that_does_not_fit_and_another_error_are_told():
    with pytest.raises(InputError, match="a single image does not fit into memory"):
        answer(Greedy(network(), 0, MemoryError()), pixels(), LABELS, PREPARED, everything(), ["cpu"])
    with pytest.raises(RuntimeError, match="shapes"):
        answer(Greedy(network(), 0, RuntimeError("shapes differ")), pixels(), LABELS, PREPARED, everything(), ["cpu"])


def test_outputs_that_are_not_finite_are_refused():
    model = network()
    model[-1].bias.data[2] = torch.nan
    with pytest.raises(InputError, match="not finite"):
        answer(model, pixels(), LABELS, PREPARED, everything(), ["cpu"])


def test_the_choice_among_present_classes_and_among_all():
    outputs = torch.tensor([[1.0, 5.0, 3.0, 2.0], [4.0, 1.0, 0.0, 9.0]])
    # Outputs 0 and 2 stand for one answer, output 3 for none.
    chooser = Chooser(np.array([1, 0, 1, -1]), present=np.array([False, True]))
    chosen = chooser.choose(outputs, np.array([1, 1]))
    assert chosen["all"]["prediction"].tolist() == [0, 1]
    assert chosen["present"]["prediction"].tolist() == [1, 1]
    odds = np.exp(outputs[:, :3].numpy())
    both = (odds[:, 0] + odds[:, 2]) / odds.sum(axis=1)  # of the answer that has two outputs
    np.testing.assert_allclose(chosen["all"]["probability_label"], both, atol=5e-4)
    np.testing.assert_allclose(chosen["all"]["probability"], [1 - both[0], both[1]], atol=5e-4)
    np.testing.assert_allclose(chosen["all"]["margin"], np.abs(2 * both - 1), atol=5e-4)
    assert chosen["present"]["probability"].tolist() == chosen["present"]["margin"].tolist() == [1, 1]


@pytest.mark.parametrize("devices", [1, 3])
def test_probabilities_are_those_of_a_plain_softmax(small_batches, devices):
    mean, sd = (torch.tensor(each).view(3, 1, 1) for each in (PREPARED.mean, PREPARED.sd))
    with torch.inference_mode():
        outputs = network()((torch.from_numpy(pixels()).permute(0, 3, 1, 2) / 255 - mean) / sd)
    shares = np.sort(outputs.softmax(1).numpy(), axis=1)
    found = answer(network(), pixels(), LABELS, PREPARED, everything(), ["cpu"] * devices).all
    for name, wanted in (
        ("probability", shares[:, -1]),
        ("margin", shares[:, -1] - shares[:, -2]),
        ("probability_label", outputs.softmax(1).numpy()[np.arange(50), LABELS]),
    ):
        assert found[name].dtype == np.float16
        np.testing.assert_allclose(found[name], wanted, atol=5e-4)


def test_a_class_that_a_network_does_not_know_has_probability_0():
    chosen = Chooser(np.array([0, 1]), np.ones(3, bool)).choose(torch.tensor([[0.0, 2.0]]), np.array([2]))
    assert chosen["all"]["probability_label"].tolist() == [0]


@pytest.mark.parametrize(
    ("flips", "seconds", "checked", "precision"),
    [
        (0, 2.1, 40, torch.bfloat16),
        (1, 2.1, 40, torch.bfloat16),
        (2, 2.1, 40, torch.float32),
        (0, 1.9, 40, torch.float32),  # not slow enough
        (0, 2.1, 50, torch.float32),  # too few images
    ],
)
def test_bfloat16_is_used_if_float32_is_slow_and_it_hardly_changes_a_decision(
    monkeypatch, flips, seconds, checked, precision
):
    runner = inference._Runner(network(), PREPARED, everything(), ["cpu"])
    runner._gpu = True
    exact = np.zeros(1_000, np.int16)
    changed = np.where(np.arange(1_000) < flips, 1, exact)
    clock = [0.0]
    monkeypatch.setattr(inference.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(inference, "CHECKED", checked)

    def run(some, labels, kind):
        clock[0] += seconds if kind == torch.float32 else 1
        return {"all": {"prediction": exact if kind == torch.float32 else changed}}

    monkeypatch.setattr(runner, "run", run)
    assert runner.settle_precision(pixels(), LABELS) == precision
    assert runner.named(precision).startswith(("bfloat16", "float32, convolutions in TF32"))


class Undecided(nn.Module):
    """Puts out what differs by less than bfloat16 can tell: for the images' n-th brightness class n is the largest."""

    def __init__(self):
        super().__init__()
        self.last = nn.Linear(CLASSES, CLASSES, bias=False)
        self.last.weight.data = torch.ones(CLASSES, CLASSES) + 1e-4 * torch.eye(CLASSES)

    def forward(self, images):
        brightness = (images[:, 0, 0, 0] * 0.2 + 0.4) * 255
        return self.last(torch.nn.functional.one_hot(brightness.round().long(), CLASSES).float())


def test_no_tie_of_low_precision_is_decided_by_the_class_index():
    truth = np.arange(40) % CLASSES
    images = np.broadcast_to(truth[:, None, None, None], (40, 16, 16, 3)).astype(np.uint8)
    # One class is not among the images': ties among the others count too.
    chooser = Chooser(np.arange(CLASSES), np.arange(CLASSES) > 0)
    runner = inference._Runner(Undecided(), PREPARED, chooser, ["cpu"])
    with torch.autocast("cpu", torch.bfloat16):
        assert (Undecided()(torch.from_numpy(images).permute(0, 3, 1, 2) / 255 / 0.2 - 2).argmax(1) == 0).all()
    for precision in (torch.float32, torch.bfloat16):
        found = runner.run(images, truth, precision)
        np.testing.assert_array_equal(found["all"]["prediction"], truth)
        np.testing.assert_array_equal(found["present"]["prediction"][truth > 0], truth[truth > 0])
    outputs = torch.tensor([[3.0, 3.0, 1.0], [3.0, 1.0, 1.0], [1.0, 2.0, 3.0]])
    assert Chooser(np.arange(3), np.array([False, True, True])).tied(outputs).tolist() == [True, True, False]


def test_bfloat16_really_is_computed_when_asked_for():
    runner = inference._Runner(network(), PREPARED, everything(), ["cpu"])
    outputs = [runner._outputs(pixels(), torch.device("cpu"), kind).float() for kind in (torch.float32, torch.bfloat16)]
    assert 0 < (outputs[0] - outputs[1]).abs().max() < 0.1
