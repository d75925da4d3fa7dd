"""Crops of photographs, chosen and cut as in the usual ImageNet recipe."""

import numpy as np
from PIL import Image

# RandomResizedCrop's ranges of area and aspect ratio, and how often it tries to fit a crop into the image.
AREA, RATIO, TRIES = (0.08, 1.0), (3 / 4, 4 / 3), 10
TEST_RESIZE = 256 / 224


def crop_boxes(random: np.ndarray, height: int, width: int) -> np.ndarray:
    """
    Choose RandomResizedCrop's boxes: 8 to 100 % of the area, aspect ratio 3/4 to 4/3, the first of ten tries that fits.

    Parameters
    ----------
    random : ndarray, shape (images, 40)
        Uniform in [0, 1): ten tries of area, ratio, top and left.
    height, width : int
        Size of the images in pixels.

    Returns
    -------
    ndarray of int, shape (images, 4)
        Top, left, height and width.
    """
    tries = random.reshape(len(random), TRIES, 4)
    area = height * width * (AREA[0] + tries[..., 0] * (AREA[1] - AREA[0]))
    ratio = np.exp(np.log(RATIO[0]) + tries[..., 1] * np.log(RATIO[1] / RATIO[0]))
    w, h = np.rint(np.sqrt(area * ratio)).astype(int), np.rint(np.sqrt(area / ratio)).astype(int)
    top = (tries[..., 2] * (height - h + 1)).astype(int)
    left = (tries[..., 3] * (width - w + 1)).astype(int)
    fits = (w > 0) & (w <= width) & (h > 0) & (h <= height)
    first = np.argmax(fits, axis=1)
    boxes = np.stack([top, left, h, w], axis=-1)[np.arange(len(random)), first]
    boxes[~fits.any(axis=1)] = _central_box(height, width)
    return boxes


def _central_box(height: int, width: int) -> tuple[int, int, int, int]:
    w = round(min(width, height * RATIO[1]))
    h = round(min(height, width / RATIO[0]))
    return (height - h) // 2, (width - w) // 2, h, w


def random_crop(path, random: np.ndarray, size: int) -> np.ndarray:
    """Decode a training photograph: RandomResizedCrop and a flip (by a bit the crop does not use)."""
    with Image.open(path) as image:
        image = image.convert("RGB")
        top, left, height, width = crop_boxes(random[None], image.height, image.width)[0]
        crop = image.resize((size, size), Image.BILINEAR, box=(left, top, left + width, top + height))
        mirrored = int(random[-1] * 2**20) % 2
        return np.asarray(crop.transpose(Image.FLIP_LEFT_RIGHT) if mirrored else crop)


def central_crop(path, size: int) -> np.ndarray:
    """Decode a test photograph: the shorter side to 256/224 of the size, then the central crop."""
    with Image.open(path) as image:
        image = image.convert("RGB")
        short = round(size * TEST_RESIZE)
        image = image.resize([short * side // min(image.size) for side in image.size], Image.BILINEAR)
        left, top = (round((side - size) / 2) for side in image.size)
        return np.asarray(image.crop((left, top, left + size, top + size)))
