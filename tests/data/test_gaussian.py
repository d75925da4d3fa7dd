"""The noise set has the distribution it claims, and its bits never change."""

import hashlib
import tracemalloc

import numpy as np
import pytest
import torch

from ddd_utils.analysis.noise import class_distribution
from ddd_utils.config.image_sets import Gaussian
from ddd_utils.data import datasets, loader
from ddd_utils.data.gaussian import Noise, NoiseIds, noise_images, pixel_table
from ddd_utils.data.loader import Loader, NoiseMaker

CPU = torch.device("cpu")


@pytest.mark.parametrize("sigma", [1, 2, 10, 50, 100])
def test_the_pixel_table_is_the_class_distribution_to_16_bits(sigma):
    made = np.bincount(pixel_table(sigma), minlength=256) / 2**16
    assert np.abs(made - class_distribution(sigma)).max() < 2**-15


@pytest.mark.parametrize("sigma", [1, 30, 100])
def test_pixels_follow_the_class_distribution(sigma):
    pixels = noise_images(sigma, np.arange(100), "test", 32, 1312)
    observed = np.bincount(pixels.ravel(), minlength=256)
    expected = class_distribution(sigma) * pixels.size
    enough = expected > 10
    chi = ((observed - expected)[enough] ** 2 / expected[enough]).sum()
    assert chi < enough.sum() + 5 * np.sqrt(2 * enough.sum())


def test_the_bits_are_frozen():
    noise = Noise(3, 2, "train", 8, 1312)
    assert noise.labels.tolist() == [0, 0, 1, 1, 2, 2]
    for images in (noise.images(range(6)), NoiseMaker(noise, CPU).images(np.arange(6)).numpy()):
        assert hashlib.sha256(images.tobytes()).hexdigest()[:16] == "fdde044432475a7f"


def test_an_image_does_not_depend_on_how_many_are_made():
    whole = Noise(2, 3, "test", 8, 5).images(range(6))
    assert np.array_equal(noise_images(2, [4], "test", 8, 5)[0], whole[4])


def test_training_and_test_images_differ():
    train, test = (noise_images(20, np.arange(5), split, 16, 1312) for split in ("train", "test"))
    assert (train != test).mean() > 0.9


def test_neighbouring_pixels_are_independent():
    x = noise_images(40, np.arange(200), "train", 16, 1312).astype(float)
    assert abs(np.corrcoef(x[..., :-1].ravel(), x[..., 1:].ravel())[0, 1]) < 0.02
    assert abs(np.corrcoef(x[:, 0].ravel(), x[:, 1].ravel())[0, 1]) < 0.02


@pytest.mark.parametrize(("classes", "per_class", "size"), [(2, 3, 8), (127, 50, 9), (100, 20_000, 33), (7, 2, 224)])
@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("seed", [0, 1312, 2**31])
def test_torch_makes_the_bits_that_numpy_makes(classes, per_class, size, split, seed):
    noise = Noise(classes, per_class, split, size, seed)
    count = classes * per_class
    indices = np.array([count - 1, 0, count // 2, 1, 0])
    assert np.array_equal(NoiseMaker(noise, CPU).images(indices).numpy(), noise.images(indices))


def test_a_batch_in_many_chunks_is_the_batch_in_one(monkeypatch):
    noise, indices = Noise(100, 20_000, "train", 16, 1), np.random.default_rng(0).integers(0, 2_000_000, 50)
    whole = NoiseMaker(noise, CPU).images(indices)
    monkeypatch.setitem(loader.CHUNK, "cpu", 500)
    assert torch.equal(NoiseMaker(noise, CPU).images(indices), whole)
    assert NoiseMaker(noise, CPU).images(np.arange(0)).shape == (0, 3, 16, 16)


def test_names_are_made_when_asked_for():
    names = NoiseIds(Noise(3, 2, "test", 8, 0))
    assert list(names) == ["sigma1-0", "sigma1-1", "sigma2-0", "sigma2-1", "sigma3-0", "sigma3-1"]
    assert names[-1] == "sigma3-1"
    assert len(names) == 6


def test_the_published_set_takes_no_memory_until_asked_for():
    """2,000,000 images of 224 pixels would be 301 GB."""
    tracemalloc.start()
    try:
        data = datasets.load(Gaussian())
        images, labels = next(Loader(data, CPU).train_batches([np.array([0, 1_234_567, 1_999_999])], 0, 0))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(data.train) == len(data.train.ids) == 2_000_000
    assert labels.tolist() == [0, 61, 99]
    grays, chances = np.arange(256), [class_distribution(sigma) for sigma in (1, 62, 100)]
    expected = [np.sqrt(chance @ (grays - chance @ grays) ** 2) for chance in chances]
    assert (images * 255).std(dim=(1, 2, 3)).tolist() == pytest.approx(expected, rel=0.01)
    assert peak < 60e6
