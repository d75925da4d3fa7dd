"""What a model sees of a photograph: resized and cropped as its configuration says."""

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


@dataclass(frozen=True)
class View:
    """How a photograph becomes a square of pixels. Models with equal views share the decoded images."""

    size: int  # Height and width of the square in pixels
    resized: int  # Pixels of the side that is resized before the square is cut out
    crop: str = "center"
    interpolation: str = "bilinear"  # {"nearest", "bilinear", "bicubic", "lanczos"}
    fill: tuple[int, int, int] = (0, 0, 0)  # Gray level of each channel beyond the image's border

    @property
    def nbytes(self) -> int:
        """Bytes of one square."""
        return 3 * self.size**2

    def of(self, image: Image.Image) -> np.ndarray:
        """Cut the square out of an image, pixel by pixel as torchvision, timm and open_clip do."""
        image = self._middle(image)
        image = image.resize(self._scaled(*image.size), FILTERS[self.interpolation])
        if min(image.size) < self.size:
            image = self._filled_up(image)
        left, top = (round((side - self.size) / 2) for side in image.size)
        return np.asarray(image.crop((left, top, left + self.size, top + self.size)))

    def _middle(self, image: Image.Image) -> Image.Image:
        """Cut off the ends of a very long image that are not seen anyway: resized, they could fill the memory."""
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

    def _filled_up(self, image: Image.Image) -> Image.Image:
        """Put an image into the middle of a larger one."""
        width, height = (max(side, self.size) for side in image.size)
        larger = Image.new("RGB", (width, height), self.fill)
        larger.paste(image, ((width - image.width) // 2, (height - image.height) // 2))
        return larger


@dataclass(frozen=True)
class Preparation:
    """All that happens to a photograph before a model sees it."""

    view: View
    mean: tuple[float, float, float]  # Normalisation of each channel, for pixels in [0, 1]
    sd: tuple[float, float, float]  # Normalisation of each channel, for pixels in [0, 1]


def preparation(
    size: int,
    mean: tuple[float, ...],
    sd: tuple[float, ...],
    crop: str = "center",
    interpolation: str = "bilinear",
    crop_fraction: float | None = None,
    resized: int | None = None,
    fill: tuple[int, ...] | None = None,
) -> Preparation:
    """Describe a preparation as timm does."""
    resized = math.floor(size / (crop_fraction or 0.875)) if resized is None else resized
    beyond = fill or tuple(round(255 * channel) for channel in mean)
    # Where nothing is filled up, the fill must not keep models from sharing images.
    view = View(size, resized, crop, interpolation, beyond if crop == "border" else (0, 0, 0))
    return Preparation(view, tuple(mean), tuple(sd))
