"""Photographs decoded, and crops chosen and cut as in the usual ImageNet recipe."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ddd_utils.errors import InputError
from ddd_utils.experiments.images.image_bytes import decode_bytes
from ddd_utils.experiments.images.views import View

# RandomResizedCrop's ranges of area and aspect ratio, and how often it tries to fit a crop into the image.
AREA, RATIO, TRIES = (0.08, 1.0), (3 / 4, 4 / 3), 10
TEST_RESIZE = 256 / 224


def crop_boxes(random: np.ndarray, height: int, width: int) -> np.ndarray:
    """Choose RandomResizedCrop's boxes: 8 to 100 % of the area, aspect ratio 3/4 to 4/3, the first of ten tries that fits."""
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


class Photographs(ABC):
    """The photographs of a split, decoded when asked for, in any process."""

    @abstractmethod
    def image(self, index: int) -> Image.Image:
        """Decode one (RGB)."""


@dataclass(frozen=True)
class Files(Photographs):
    """Photographs in files."""

    folder: Path
    names: list[str]  # Paths in the folder

    def __len__(self) -> int:
        return len(self.names)

    def image(self, index: int) -> Image.Image:
        """Decode one file; a damaged one raises :class:`InputError` with its name."""
        return decode(self.folder / self.names[index])


def decode(path: Path) -> Image.Image:
    """Decode a file; see :func:`decode_bytes`."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    return decode_bytes(content, str(path))


def random_crop(image: Image.Image, random: np.ndarray, size: int) -> np.ndarray:
    """Cut a training crop: RandomResizedCrop and a flip (by a bit the crop does not use)."""
    top, left, height, width = crop_boxes(random[None], image.height, image.width)[0]
    crop = image.resize((size, size), Image.BILINEAR, box=(left, top, left + width, top + height))
    mirrored = int(random[-1] * 2**20) % 2
    return np.asarray(crop.transpose(Image.FLIP_LEFT_RIGHT) if mirrored else crop)


def central_crop(image: Image.Image, size: int) -> np.ndarray:
    """Cut a test crop: the shorter side to 256/224 of the size, then the centre."""
    return View(size, round(size * TEST_RESIZE)).of(image)


def resize_short_side(image: Image.Image, short: int) -> Image.Image:
    """Resize (bilinear, antialiased) so that the shorter side has ``short`` pixels."""
    width, height = (short * side // min(image.size) for side in image.size)
    return image.resize((width, height), Image.BILINEAR)
