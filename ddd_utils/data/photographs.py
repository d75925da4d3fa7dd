"""Images out of bytes, files and arrays: whole or refused, upright, RGB with 8 bits a channel."""

import io
import os
import re
import warnings
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import (
    BmpImagePlugin,
    ExifTags,
    GifImagePlugin,
    Image,
    ImageFile,
    ImageOps,
    JpegImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from ddd_utils import files
from ddd_utils.errors import InputError

try:
    import simplejpeg
except ImportError:
    simplejpeg = None

MOST_PIXELS = 500_000_000
MOST_CLASSES = np.iinfo(np.int16).max
# Readers by the first bytes of a file. They are called themselves, as `Image.open` measures every image against one
# limit for the whole process, `Image.MAX_IMAGE_PIXELS`, which no thread can change for itself: an image of 90 million
# pixels would be a warning and one of 180 million an error. It would also try formats that no photograph has, some of
# which start other programs. (Pillow's readers of TIFF and WebP ask for the limit once more: they end at 178 million.)
READERS: dict[tuple[bytes, ...], Any] = {
    (b"\xff\xd8\xff",): JpegImagePlugin.JpegImageFile,
    (b"\x89PNG\r\n\x1a\n",): PngImagePlugin.PngImageFile,
    (b"RIFF",): WebPImagePlugin.WebPImageFile,
    (b"GIF87a", b"GIF89a"): GifImagePlugin.GifImageFile,
    (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"): TiffImagePlugin.TiffImageFile,
    (b"BM",): BmpImagePlugin.BmpImageFile,
    (b"P1", b"P2", b"P3", b"P4", b"P5", b"P6"): PpmImagePlugin.PpmImageFile,
}
# Colour spaces of the JPEGs that simplejpeg turns into RGB as Pillow does; printers' four inks are not among them.
PLAIN = ("YCbCr", "Gray")
# What EXIF's orientations ask for, so that the first row is at the top and the first column on the left.
TURNS: dict[Any, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# A TIFF's way to count gray levels that Pillow heeds up to 8 bits.
WHITE_IS_ZERO = 0
# As `warnings.filterwarnings` writes it down.
_PILLOWS_OWN = ("ignore", None, Warning, re.compile("PIL"), 0)


class Photographs(ABC):
    """The photographs of a split, decoded when asked for, in any process."""

    @abstractmethod
    def image(self, index: int) -> Image.Image:
        """Decode one (RGB)."""


@dataclass(frozen=True)
class Found:
    """What a reader of images finds, and all that it need say; it decodes none of them."""

    images: Photographs  # threads may decode them side by side
    ids: Sequence[str]  # a unique name for each
    labels: Sequence[str] | np.ndarray  # the class of each: text, or a number from 0
    stamp: str  # changes with the images' files
    classes: Sequence[str] | None = None  # all in order, or the names of numbers; None = those that images have
    notes: Mapping[str, str] = field(default_factory=dict)  # what to know of them, and what would mend it


def stamp(paths: Iterable[Path]) -> str:
    """Tell changed files from others of their names."""
    return "\n".join(f"{state.st_size}\0{state.st_mtime_ns}" for state in map(os.stat, paths))


@dataclass(frozen=True)
class Files(Photographs):
    """Photographs in files, of a folder or of a tar."""

    folder: Any  # a Path, or what has its `/` and `read_bytes`
    names: list[str]  # paths in the folder
    border: int = 0  # pixels to cut off each side

    def __len__(self) -> int:
        return len(self.names)

    def image(self, index: int) -> Image.Image:
        """Decode one file; a damaged one raises :class:`InputError` with its name."""
        image = decode(self.folder / self.names[index])
        return ImageOps.crop(image, self.border) if self.border else image


class NotAnImage(InputError):
    """Bytes that are no whole image; trouble in reading them is another error."""


def decode_bytes(content: bytes, name: str) -> Image.Image:
    """Decode a file to RGB: upright, what is transparent white, 16 bits scaled to 8, the first of several frames."""
    # simplejpeg, where it is installed, is libjpeg-turbo like Pillow's decoder: same pixels.
    # Neither notices data missing before the end mark of a JPEG. simplejpeg could, but results must not depend on it.
    try:
        image = _opened(content)
        pixels = _turbo(content, image)
        return _upright(_rgb(image) if pixels is None else Image.fromarray(pixels), image)
    except MemoryError:
        raise
    except Exception as error:  # Whatever a decoder stumbles over, over bytes from anywhere, is in the bytes.
        raise NotAnImage(f"{name}: not a whole image ({in_a_line(error)})") from None


def in_a_line(error: Exception) -> str:
    """Write what a library says of an error in one line."""
    return " ".join(str(error).split()) or type(error).__name__


def upright_rgb(image: Image.Image) -> Image.Image:
    """Return an image that was opened elsewhere in the form that :func:`decode_bytes` returns."""
    return _upright(_rgb(image), image)


def silence() -> None:
    """Ignore what Pillow itself warns of, such as odd metadata: an image is either read or refused."""
    if _PILLOWS_OWN not in warnings.filters:
        # For good: `warnings.catch_warnings` would put back one thread's filters while another still needs its own.
        warnings.filterwarnings("ignore", module=_PILLOWS_OWN[3].pattern)


def _opened(content: bytes) -> ImageFile.ImageFile:
    """Read the header."""
    silence()
    reader = next((reader for starts, reader in READERS.items() if content.startswith(starts)), None)
    if reader is None:
        formats = ", ".join(each.format for each in READERS.values())
        raise ValueError(f"none of {formats}" if content else "an empty file")
    if reader is PngImagePlugin.PngImageFile:
        # Checksums: decoding does not look at those of the pixels.
        reader(io.BytesIO(content)).verify()
    image = reader(io.BytesIO(content))
    if image.width * image.height > MOST_PIXELS:
        raise ValueError(f"{image.width} x {image.height} pixels, more than {MOST_PIXELS:,}")
    return image


def _turbo(content: bytes, image: ImageFile.ImageFile) -> np.ndarray | None:
    """Decode a plain JPEG; None for what only Pillow reads or judges."""
    if simplejpeg is None or image.format != "JPEG" or not simplejpeg.is_jpeg(content):
        return None
    try:
        if simplejpeg.decode_jpeg_header(content)[2] not in PLAIN:
            return None
        return simplejpeg.decode_jpeg(content, "RGB")
    except ValueError:
        return None


def _rgb(image: Image.Image) -> Image.Image:
    image.load()
    if image.mode == "F":
        raise ValueError("floating-point pixels, of which none is known to be white")
    if image.mode.startswith("I"):
        return _eight_bits(image).convert("RGB")
    if not image.has_transparency_data:
        return image.convert("RGB")
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    """Scale a gray image of 16 bits, which Pillow would clip."""
    gray = np.array(image, np.int32)
    if gray.min() < 0 or gray.max() > 65_535:
        raise ValueError(f"gray levels from {gray.min()} to {gray.max()}, but 16 bits are 0 to 65535")
    gray[gray == image.info.get("transparency")] = 65_535
    if getattr(image, "tag_v2", {}).get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION) == WHITE_IS_ZERO:
        gray = 65_535 - gray
    return Image.fromarray(((gray + 128) // 257).astype(np.uint8))


def _upright(image: Image.Image, source: Image.Image) -> Image.Image:
    """Turn an image as the metadata of its source say; damaged metadata say nothing."""
    try:
        turn = TURNS.get(source.getexif().get(ExifTags.Base.Orientation))
    except Exception:
        return image
    return image if turn is None else image.transpose(turn)


def decode(path: Any) -> Image.Image:
    """Decode a file; see :func:`decode_bytes`. One that cannot be read at all raises plain :class:`InputError`."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    return decode_bytes(content, str(path))


def read_npz(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read x and y of a ``.npz`` file: pixels, uint8 (images, 3, height, width), and labels, int16 (images,)."""
    images, labels = (_member(path, key) for key in ("x", "y"))
    if images.dtype != np.uint8:
        raise InputError(f"{path}: x is {images.dtype}, but images are uint8 (0 to 255)")
    if images.ndim not in (3, 4) or (images.ndim == 4 and images.shape[3] != 3) or 0 in images.shape:
        raise InputError(
            f"{path}: x has shape {images.shape}, not (images, height, width, 3) or (images, height, width)"
        )
    if images.shape[1] != images.shape[2]:
        raise InputError(
            f"{path}: x has images of {images.shape[1]} x {images.shape[2]} pixels, but they must be square"
        )
    if not np.issubdtype(labels.dtype, np.integer):
        raise InputError(f"{path}: y is {labels.dtype}, but labels are whole numbers")
    if labels.shape != images.shape[:1]:
        raise InputError(f"{path}: y has shape {labels.shape}, but x holds {len(images)} images")
    if labels.min() < 0 or labels.max() > MOST_CLASSES:
        raise InputError(
            f"{path}: y runs from {labels.min()} to {labels.max()}, but labels count from 0 to at most {MOST_CLASSES}"
        )
    color = images if images.ndim == 4 else np.repeat(images[..., None], 3, axis=3)
    return np.ascontiguousarray(color.transpose(0, 3, 1, 2)), labels.astype(np.int16)


def _member(path: Path, key: str) -> np.ndarray:
    files.array_shape(path, key)
    try:
        with np.load(path, allow_pickle=False) as file:
            return file[key]
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"{path}: {key} cannot be read ({error})") from None
