"""Data sets on this machine: where they are, how many images they hold, and whether they are still the same."""

import functools
import os
import zipfile
from pathlib import Path

import numpy as np

from ddd_utils import paths
from ddd_utils.errors import InputError, nearest
from ddd_utils.files import sha256

PHOTOGRAPHS = (".bmp", ".gif", ".jfif", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")


def find(name: str, kind: str) -> Path:
    """Find a file, folder or table from the working folder, the repository or ``DDD_DATA``; the path is absolute."""
    candidates = _candidates(name)
    for path in candidates:
        if path.is_dir() if kind == "folder" else path.is_file():
            # A link keeps its own name: results are called after it.
            return path.parent.resolve() / path.name
    beside = {
        found.name for path in candidates for found in path.parent.glob("*") if found.is_dir() == (kind == "folder")
    }
    suggestion = nearest(name, sorted(str(Path(name).parent / found) for found in beside))
    what = {"folder": "image folder"}.get(kind, kind)
    raise InputError(f"there is no {what} '{name}'{suggestion}; looked in {', '.join(_looked_in(name))}")


def find_images(name: str) -> Path:
    """Find photographs: a folder, or a file that holds them (tar, ``.npz``); see :func:`find`."""
    return find(name, "file" if any(path.is_file() for path in _candidates(name)) else "folder")


def _candidates(name: str) -> list[Path]:
    local = os.environ.get("DDD_DATA")
    return [folder / name for folder in (Path(), paths.ROOT, *([Path(local)] if local else []))]


def _looked_in(name: str) -> list[str]:
    if Path(name).is_absolute():
        return [str(Path(name).parent)]
    local = os.environ.get("DDD_DATA")
    return ["the working folder", "the repository", f"DDD_DATA ({local})" if local else "DDD_DATA (not set)"]


@functools.cache
def count_photographs(folder: Path) -> int:
    """Count the photographs in a folder's sub-folders, once a session."""
    return sum(len(photographs(each)) for each in class_folders(folder))


def class_folders(folder: Path) -> list[Path]:
    """List a folder's sub-folders by name, without hidden ones."""
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def photographs(folder: Path) -> list[str]:
    """List the names of a folder's image files, in order."""
    with os.scandir(folder) as entries:
        names = (entry.name for entry in entries)
        return sorted(name for name in names if name.lower().endswith(PHOTOGRAPHS) and not name.startswith("."))


def array_shape(path: Path, key: str) -> tuple[int, ...]:
    """Read the shape of an array in a ``.npz`` file from its header; a damaged file or no such array: InputError."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open(f"{key}.npy") as file:
            major, _ = np.lib.format.read_magic(file)
            header = {1: np.lib.format.read_array_header_1_0, 2: np.lib.format.read_array_header_2_0}[major]
            return header(file)[0]
    except KeyError:
        with zipfile.ZipFile(path) as archive:
            keys = [Path(name).stem for name in archive.namelist()]
        raise InputError(f"{path}: no array '{key}'{nearest(key, keys)}; it has {', '.join(keys) or 'none'}") from None
    except (zipfile.BadZipFile, OSError, ValueError, EOFError) as error:
        raise InputError(f"{path}: not a whole .npz file ({error})") from None


def digest(path: Path) -> str:
    """Return a file's SHA-256 in hexadecimal, computed anew only if the file has changed."""
    stat = path.stat()
    return _digest(path, (stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns))


@functools.cache
def _digest(path: Path, state: tuple) -> str:
    return sha256(path)
