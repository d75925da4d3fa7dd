"""Images arrive as they should: split without overlap, augmented by keyed numbers, cropped as elsewhere."""

import numpy as np
import pytest
import torch
from torchvision.transforms.v2 import functional as F

from ddd_utils.config import params
from ddd_utils.config.image_sets import Digits, Gaussian
from ddd_utils.data import datasets, loader, views
from ddd_utils.data.gaussian import uniforms
from ddd_utils.data.loader import Loader
from ddd_utils.experiments.store import Experiment

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def photos():
    return torch.randint(0, 256, (6, 3, 40, 50), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("size", [8, 32, 96])
def test_cropping_and_resizing_agree_with_torchvision(photos, size):
    random = uniforms(np.arange(6), 4 * views.TRIES, 0, 0, 0)
    boxes = views.crop_boxes(random, 40, 50)
    ours = loader.resize_boxes(photos, boxes, size).int()
    theirs = torch.stack(
        [
            F.resized_crop(photo, *map(int, box), [size, size], antialias=True)
            for photo, box in zip(photos, boxes, strict=True)
        ]
    ).int()
    assert (ours - theirs).abs().max() <= 1


def test_crop_boxes_have_the_recipes_areas_and_ratios():
    boxes = views.crop_boxes(uniforms(np.arange(4000), 40, 1, 2, 3), 200, 300)
    top, left, height, width = boxes.T
    assert (top >= 0).all()
    assert (left >= 0).all()
    assert (top + height <= 200).all()
    assert (left + width <= 300).all()
    share = height * width / (200 * 300)
    assert share.min() < 0.1
    # An image of ratio 3:2 holds no crop of ratio 4:3 larger than 8/9 of it.
    assert share.max() == pytest.approx(8 / 9, abs=0.01)
    assert (width / height).min() == pytest.approx(3 / 4, abs=0.03)
    assert (width / height).max() == pytest.approx(4 / 3, abs=0.03)


def test_a_crop_that_never_fits_is_the_central_one():
    boxes = views.crop_boxes(np.full((1, 40), 0.999), 10, 1000)
    assert boxes.tolist() == [[0, 493, 10, 13]]


def test_flip_and_shift_move_pixels_as_told(photos):
    square = photos[:2, :, :, :40]
    still, flipped = loader.flip_and_shift(square, np.array([[0.9, 0.5, 0.5], [0.1, 0.5, 0.5]]))
    assert torch.equal(still, square[0])
    assert torch.equal(flipped, square[1].flip(2))
    corner = loader.flip_and_shift(square[:1], np.array([[0.9, 0.0, 0.0]]))[0]
    assert torch.equal(corner[:, 4:, 4:], square[0][:, :36, :36])
    assert corner[:, :4].sum() == 0


def test_digits_are_split_without_overlap_and_without_loss():
    data = datasets.load(Digits(train_images=400, noise=96))
    assert (len(data.train), len(data.test)) == (400, 1397)
    assert not set(data.train.ids) & set(data.test.ids)
    assert len(set(data.train.ids) | set(data.test.ids)) == 1797
    assert data.test.pixels.shape == (1397, 3, 32, 32)
    assert set(np.unique(data.test.labels)) == set(range(10))


def test_noise_degrades_digits_by_the_stated_amount():
    clean, noisy = (datasets.load(Digits(noise=noise)).test.pixels.astype(float) for noise in (0, 20))
    middle = (clean > 100) & (clean < 155)
    assert (noisy - clean)[middle].std() == pytest.approx(20, rel=0.05)


def test_gaussian_test_pixels_are_the_same_made_alone_or_together():
    config = Gaussian(classes=5, train_per_class=2, test_per_class=3, image_size=8)
    whole = next(Loader(datasets.load(config), CPU).test_batches(15)).mul(255).round().byte().numpy()
    assert np.array_equal(datasets.test_pixels(config, np.array([14, 0, 7])), whole[[14, 0, 7]])


def test_published_noise_is_smoothed_by_enlarging():
    """RandomResizedCrop multiplies the standard deviation by about 2/3 when it enlarges."""
    config = Gaussian(classes=40, train_per_class=2, test_per_class=8, image_size=64, crop="random_resized")
    data = datasets.load(config)
    seen, again = (torch.cat(list(Loader(data, CPU).test_batches(size))) for size in (100, 70))
    assert seen[data.test.labels == 39].std().item() * 255 == pytest.approx(40 * 2 / 3, rel=0.1)
    assert torch.equal(seen, again)


def test_what_is_trained_shows_its_test_images_one_by_one():
    noise = {"name": "gaussian", "classes": 2, "train_per_class": 2, "test_per_class": 2, "image_size": 8}
    images = Experiment(params.experiment({"dataset": noise})).images
    whole = datasets.test_pixels(Gaussian(**noise), np.arange(4)).transpose(0, 2, 3, 1)
    assert np.array_equal([images[index] for index in range(4)], whole)
