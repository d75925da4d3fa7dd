"""Crops of photographs: resized and cut as a model's configuration says."""

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
# An image whose sides differ by more than this is cut before it is resized.
LONGEST = 64
# RandomResizedCrop's ranges of area and aspect ratio, and how often it tries to fit a crop into the image.
AREA, RATIO, TRIES = (0.08, 1.0), (3 / 4, 4 / 3), 10
TEST_RESIZE = 256 / 224


@dataclass(frozen=True)
class View:
    """How a photograph becomes a crop. Models with equal views share the decoded images."""

    size: int  # height and width of the crop, pixels
    resized: int  # pixels of the resized side, before the crop is cut
    crop: str = "center"  # resized is the shorter side; "squash": both; "border": the longer, the rest is filled
    interpolation: str = "bilinear"  # one of `FILTERS`
    fill: tuple[int, int, int] = (0, 0, 0)  # gray level of each channel beyond the image's border

    @property
    def nbytes(self) -> int:
        """Bytes of one crop."""
        return 3 * self.size**2

    def of(self, image: Image.Image) -> np.ndarray:
        """Cut the crop, uint8 (size, size, 3), to the same pixels as torchvision, timm and open_clip."""
        image = self._middle(image)
        image = image.resize(self._scaled(*image.size), FILTERS[self.interpolation])
        if min(image.size) < self.size:  # it becomes the middle of a larger one
            width, height = (max(side, self.size) for side in image.size)
            larger = Image.new("RGB", (width, height), self.fill)
            larger.paste(image, ((width - image.width) // 2, (height - image.height) // 2))
            image = larger
        left, top = (round((side - self.size) / 2) for side in image.size)
        return np.asarray(image.crop((left, top, left + self.size, top + self.size)))

    def _middle(self, image: Image.Image) -> Image.Image:
        """Cut off the unseen ends of a very long image: resized, they could fill the memory."""
        longest = LONGEST * min(image.size)
        if self.crop != "center" or max(image.size) <= longest:
            return image
        # As many pixels go on one end as on the other.
        width, height = (side if side <= longest else longest + (side - longest) % 2 for side in image.size)
        left, top = (image.width - width) // 2, (image.height - height) // 2
        return image.crop((left, top, left + width, top + height))

    def _scaled(self, width: int, height: int) -> tuple[int, int]:
        """Tell the width and height of an image after resizing."""
        if self.crop == "squash":
            return self.resized, self.resized
        if self.crop == "border":
            ratio = max(width, height) / self.resized
            return max(1, round(width / ratio)), max(1, round(height / ratio))
        short = min(width, height)
        return self.resized * width // short, self.resized * height // short


@dataclass(frozen=True)
class Preparation:
    """All that happens to a photograph before inference."""

    view: View
    mean: tuple[float, float, float]  # Normalisation of each channel, for pixels in [0, 1]
    sd: tuple[float, float, float]  # Normalisation of each channel, for pixels in [0, 1]


def preparation(
    size: int,
    mean: tuple[float, float, float],
    sd: tuple[float, float, float],
    crop: str = "center",
    interpolation: str = "bilinear",
    crop_fraction: float | None = None,
    resized: int | None = None,
    fill: tuple[int, int, int] | None = None,
) -> Preparation:
    """Describe a preparation as timm does: ``size`` is ``crop_fraction`` (.875) of the side before the crop."""
    resized = math.floor(size / (crop_fraction or 0.875)) if resized is None else resized
    red, green, blue = (round(255 * channel) for channel in mean)
    # Where nothing is filled up, the fill must not keep models from sharing images.
    view = View(size, resized, crop, interpolation, (fill or (red, green, blue)) if crop == "border" else (0, 0, 0))
    return Preparation(view, mean, sd)


def crop_boxes(random: np.ndarray, height: int, width: int) -> np.ndarray:
    """Choose RandomResizedCrop's boxes (top, left, height, width), the first of ten tries that fits; random (n, 40)."""
    tries = random.reshape(len(random), TRIES, 4)
    area = height * width * (AREA[0] + tries[..., 0] * (AREA[1] - AREA[0]))
    ratio = np.exp(np.log(RATIO[0]) + tries[..., 1] * np.log(RATIO[1] / RATIO[0]))
    w, h = np.rint(np.sqrt(area * ratio)).astype(int), np.rint(np.sqrt(area / ratio)).astype(int)
    top = (tries[..., 2] * (height - h + 1)).astype(int)
    left = (tries[..., 3] * (width - w + 1)).astype(int)
    fits = (w > 0) & (w <= width) & (h > 0) & (h <= height)
    first = np.argmax(fits, axis=1)
    boxes = np.stack([top, left, h, w], axis=-1)[np.arange(len(random)), first]
    # Where none fits: the largest central box of such a ratio.
    central_w, central_h = round(min(width, height * RATIO[1])), round(min(height, width / RATIO[0]))
    boxes[~fits.any(axis=1)] = (height - central_h) // 2, (width - central_w) // 2, central_h, central_w
    return boxes


def random_crop(image: Image.Image, random: np.ndarray, size: int) -> np.ndarray:
    """Cut a training crop: RandomResizedCrop and a flip (by a bit the crop does not use)."""
    top, left, height, width = crop_boxes(random[None], image.height, image.width)[0]
    crop = image.resize((size, size), Image.Resampling.BILINEAR, box=(left, top, left + width, top + height))
    mirrored = int(random[-1] * 2**20) % 2
    return np.asarray(crop.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if mirrored else crop)


def central_crop(image: Image.Image, size: int) -> np.ndarray:
    """Cut a test crop: the shorter side to 256/224 of the size, then the centre."""
    return View(size, round(size * TEST_RESIZE)).of(image)


def resize_short_side(image: Image.Image, short: int) -> Image.Image:
    """Resize (bilinear, antialiased) so that the shorter side has ``short`` pixels."""
    width, height = (short * side // min(image.size) for side in image.size)
    return image.resize((width, height), Image.Resampling.BILINEAR)
