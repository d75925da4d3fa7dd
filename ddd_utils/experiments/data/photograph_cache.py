"""Photographs decoded once and kept small: flat bytes on disk that every process maps into memory."""

import functools
import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import filelock
import numpy as np
from PIL import Image

from ddd_utils import paths
from ddd_utils.experiments.images.photographs import Files, Photographs
from ddd_utils.experiments.images.views import resize_short_side
from ddd_utils.experiments.machine.devices import cores
from ddd_utils.files import atomic, read_array, write_array

PIXELS, SHAPES = "pixels.bin", "shapes.npy"
# Names how files are decoded, so that what an older rule made is not taken for the same.
RULE = "upright"
# Files are decoded in chunks, so that no more than these many results wait to be written.
CHUNK = 1_000


@dataclass(frozen=True)
class Cached(Photographs):
    """Photographs in a folder: ``pixels.bin``, the bytes of all, and ``shapes.npy``, their heights and widths."""

    folder: Path

    def __len__(self) -> int:
        return len(_opened(self.folder)[1])

    def image(self, index: int) -> Image.Image:
        """Take one out."""
        pixels, shapes, ends = _opened(self.folder)
        height, width = (int(side) for side in shapes[index])
        end = int(ends[index])
        return Image.fromarray(np.array(pixels[end - 3 * height * width : end]).reshape(height, width, 3))


@functools.lru_cache(maxsize=4)
def _opened(folder: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Map the files, once a process: a map sent to another process arrives as a copy of everything."""
    shapes = read_array(folder / SHAPES)
    return np.memmap(folder / PIXELS, mode="r"), shapes, np.cumsum(3 * shapes.astype(np.int64).prod(axis=1))


def cached(files: Files, short: int) -> Cached:
    """Decode and shrink photographs into ``build/data/photographs-<hash of files>``, unless that was done before."""
    folder = paths.build() / "data" / f"photographs-{_state(files, short)}"
    if not (folder / SHAPES).exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(folder.with_suffix(".lock")):
            if not (folder / SHAPES).exists():
                _fill(folder, files, short)
    return Cached(folder)


def _state(files: Files, short: int) -> str:
    state = hashlib.sha256(json.dumps([str(files.folder), short, RULE]).encode())
    for name in files.names:
        stat = (files.folder / name).stat()
        state.update(f"{name}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode())
    return state.hexdigest()[:8]


def _fill(folder: Path, files: Files, short: int) -> None:
    shapes = np.empty((len(files), 2), np.int32)
    with ThreadPoolExecutor(cores()) as pool, atomic(folder / PIXELS) as partial, partial.open("wb") as file:
        for start in range(0, len(files), CHUNK):
            chunk = range(start, min(start + CHUNK, len(files)))
            for index, image in zip(chunk, pool.map(lambda i: _small(files, i, short), chunk), strict=True):
                shapes[index] = image.shape[:2]
                file.write(image.tobytes())
    # Its presence says that both are whole.
    write_array(folder / SHAPES, shapes)


def _small(files: Files, index: int, short: int) -> np.ndarray:
    return np.asarray(resize_short_side(files.image(index), short))
