"""Photographs decoded once for all models that see the same of them."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
from PIL import Image

from ddd_utils.errors import InputError
from ddd_utils.experiments.images.photographs import NotAnImage, Photographs
from ddd_utils.experiments.images.views import View
from ddd_utils.experiments.machine.devices import cores

# Photographs are decoded in lots, so that few results wait.
LOT = 256
# Share of the free memory that decoded photographs may take; larger sets lie in a file.
SHARE = 0.4


def passes(views: Sequence[View], images: int, budget: int) -> list[list[View]]:
    """
    Divide views into passes over the files: as many views at once as fit into memory, at least one.

    Parameters
    ----------
    views : sequence of View
        Different ones.
    images : int
        How many photographs.
    budget : int
        Bytes for decoded photographs.

    Returns
    -------
    list of list of View
        In each pass, files are read and decoded once.
    """
    found: list[list[View]] = []
    for view in views:
        room = budget - images * sum(each.nbytes for each in found[-1]) if found else 0
        if found and images * view.nbytes <= room:
            found[-1].append(view)
        else:
            found.append([view])
    return found


def free_memory() -> int:
    """Tell how many bytes of memory this process may still take: the system's, or what is left to its job."""
    return min([psutil.virtual_memory().available, *_left_to_the_job()])


def _left_to_the_job() -> Iterator[int]:
    """Read what control groups (containers, SLURM's jobs) leave to this process, where there are any."""
    try:
        own = Path("/proc/self/cgroup").read_text().rpartition("0::/")[2].strip()
    except OSError:
        return
    root = Path("/sys/fs/cgroup")
    for group in (root / own, *(root / own).parents):
        if not group.is_relative_to(root):
            return
        with suppress(OSError, ValueError):  # "max" is no number
            yield int((group / "memory.max").read_text()) - int((group / "memory.current").read_text())


def decode(
    photographs: Photographs,
    wanted: Sequence[int],
    views: Sequence[View],
    scratch: Path,
    budget: int,
    progress: Callable[[int], None],
) -> tuple[dict[View, np.ndarray], list[tuple[int, str]]]:
    """
    Decode photographs, and cut every view out of each.

    Parameters
    ----------
    photographs : Photographs
    wanted : sequence of int
        Which of them.
    views : sequence of View
    scratch : Path
        A folder for what does not fit into memory; the caller removes it.
    budget : int
        Bytes of memory that may be taken.
    progress : callable
        Told how many more are done.

    Returns
    -------
    dict of View to ndarray of uint8, shape (images, size, size, 3)
    list of (int, str)
        Which could not be read, as indices into ``wanted``, and why; their pixels are 0.

    Raises
    ------
    InputError
        If there is no room for them on the disk either, or files cannot be read at all.
    """
    pixels = {view: _room(view, len(wanted), scratch, budget) for view in views}
    unread: list[tuple[int, str]] = []

    def one(place: int) -> None:
        try:
            image = photographs.image(wanted[place])
            squares = {view: view.of(image) for view in pixels}
        except (NotAnImage, Image.DecompressionBombError) as error:
            unread.append((place, str(error)))
            return
        for view, square in squares.items():
            pixels[view][place] = square

    with ThreadPoolExecutor(cores()) as pool:
        for start in range(0, len(wanted), LOT):
            lot = range(start, min(start + LOT, len(wanted)))
            list(pool.map(one, lot))
            progress(len(lot))
    return pixels, sorted(unread)


def _room(view: View, images: int, scratch: Path, budget: int) -> np.ndarray:
    shape = (images, view.size, view.size, 3)
    if images * view.nbytes <= budget:
        return np.zeros(shape, np.uint8)
    scratch.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(scratch).free
    if images * view.nbytes > free:  # writing to a mapped file would end the process
        needed = f"{images * view.nbytes / 1e9:.2f} GB are needed for decoded images of {view.size} px"
        raise InputError(f"{scratch}: {needed}, {free / 1e9:.2f} are free")
    return np.lib.format.open_memmap(scratch / f"{view.size}.npy", "w+", np.uint8, shape=shape)
