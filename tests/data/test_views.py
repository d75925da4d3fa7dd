"""A model sees of a photograph what torchvision, timm and open_clip would show it, to the pixel."""

import numpy as np
import open_clip
import pytest
import torchvision
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image
from timm.data.transforms_factory import transforms_imagenet_eval

from ddd_utils.data.views import LONGEST, View, preparation

MEAN, SD = (0.48, 0.45, 0.4), (0.2, 0.2, 0.2)
SIDES = st.integers(8, 200)


def noise(width, height):
    return Image.fromarray(np.random.default_rng(width + height).integers(0, 256, (height, width, 3), np.uint8))


@settings(max_examples=60)
@given(
    width=SIDES,
    height=SIDES,
    size=st.integers(8, 120),
    fraction=st.sampled_from([0.8, 0.875, 0.95, 1.0]),
    crop=st.sampled_from(["center", "squash", "border"]),
    interpolation=st.sampled_from(["bilinear", "bicubic", "nearest", "lanczos"]),
)
def test_pixels_are_timms(width, height, size, fraction, crop, interpolation):
    # timm itself fails where a side would vanish.
    assume(min(width, height) / max(width, height) > 1 / size)
    image = noise(width, height)
    mine = preparation(size, MEAN, SD, crop, interpolation, fraction).view.of(image)
    theirs = transforms_imagenet_eval(size, fraction, crop, interpolation=interpolation, mean=MEAN, normalize=False)
    np.testing.assert_array_equal(mine, theirs(image).permute(1, 2, 0))


@pytest.mark.parametrize("width, height", [(300, 200), (97, 301), (500, 375)])
def test_pixels_are_torchvisions(width, height):
    transforms = torchvision.models.ResNet50_Weights.IMAGENET1K_V2.transforms()
    prepared = preparation(224, tuple(transforms.mean), tuple(transforms.std), resized=232)
    image = noise(width, height)
    theirs = torchvision.transforms.functional.center_crop(
        torchvision.transforms.functional.resize(image, transforms.resize_size, transforms.interpolation), [224]
    )
    np.testing.assert_array_equal(prepared.view.of(image), np.asarray(theirs))


@pytest.mark.parametrize("theirs, mine", [("shortest", "center"), ("squash", "squash"), ("longest", "border")])
def test_pixels_are_open_clips(theirs, mine):
    image = noise(123, 77)
    compose = open_clip.image_transform(64, False, (0.0,) * 3, (1.0,) * 3, resize_mode=theirs)
    prepared = preparation(64, (0.0,) * 3, (1.0,) * 3, mine, "bicubic", 1.0, fill=(0, 0, 0))
    expected = np.rint(255 * compose(image).permute(1, 2, 0).numpy())
    np.testing.assert_array_equal(prepared.view.of(image), expected)


@pytest.mark.parametrize("width, height", [(1, 1), (20_000, 3), (1, 5_000), (2, 2 * LONGEST + 1)])
def test_extreme_shapes_give_a_square(width, height):
    for crop in ("center", "squash", "border"):
        assert View(32, 36, crop, "bicubic").of(Image.new("RGB", (width, height), (9, 8, 7))).shape == (32, 32, 3)


def test_a_very_long_image_shows_its_middle():
    pixels = np.zeros((4, 20_000, 3), np.uint8)
    pixels[:, 9_998:10_002] = 200
    seen = View(32, 32, "center", "nearest").of(Image.fromarray(pixels))
    assert (seen == 200).all()


def test_views_are_shared_unless_what_lies_beyond_the_border_differs():
    other = (0.1, 0.2, 0.3)
    assert preparation(32, MEAN, SD).view == preparation(32, other, SD).view
    assert preparation(32, MEAN, SD, "border").view != preparation(32, other, SD, "border").view
