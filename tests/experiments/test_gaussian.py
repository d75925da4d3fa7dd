"""The noise set has the distribution it claims, and its bits never change."""

import hashlib

import numpy as np
import pytest

from ddd_utils.analysis.noise import class_distribution
from ddd_utils.experiments.gaussian import noise_images, noise_split, pixel_table


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
    images, labels = noise_split(3, 2, "train", 8, 1312)
    assert labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert hashlib.sha256(images.tobytes()).hexdigest()[:16] == "fdde044432475a7f"


def test_an_image_does_not_depend_on_how_many_are_made():
    whole, _ = noise_split(2, 3, "test", 8, 5)
    assert np.array_equal(noise_images(2, [4], "test", 8, 5)[0], whole[4])


def test_training_and_test_images_differ():
    train, test = (noise_images(20, np.arange(5), split, 16, 1312) for split in ("train", "test"))
    assert (train != test).mean() > 0.9


def test_neighbouring_pixels_are_independent():
    x = noise_images(40, np.arange(200), "train", 16, 1312).astype(float)
    assert abs(np.corrcoef(x[..., :-1].ravel(), x[..., 1:].ravel())[0, 1]) < 0.02
    assert abs(np.corrcoef(x[:, 0].ravel(), x[:, 1].ravel())[0, 1]) < 0.02
