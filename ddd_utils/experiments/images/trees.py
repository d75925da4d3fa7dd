"""Image files in a folder, and the tables that may lie among them: what a folder and a tar have in common."""

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ddd_utils.errors import InputError
from ddd_utils.experiments.images.photographs import Files, Photographs
from ddd_utils.local_files import PHOTOGRAPHS

# Control characters, and bytes of a name that are no UTF-8: they would tear tables and terminals.
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


class Place(Protocol):
    """Where tables may lie; written out, it is what one puts before a table's name."""

    def table(self, name: str) -> "Table | None":
        """Read a table by its name or path; None if there is none."""

    def names(self) -> list[str]:
        """List the files."""


@dataclass(frozen=True)
class Table:
    """A file read in some place."""

    place: Place  # Where it lies
    name: str
    content: bytes

    def __str__(self) -> str:
        return f"{self.place}{self.name}"


@dataclass(frozen=True)
class Tree:
    """Images of a folder or a tar."""

    path: Path  # The folder or the tar
    names: tuple[str, ...]  # Paths of the images in it, folder after folder
    folders: tuple[str, ...]  # Paths of the folders in it, in the same order
    root: str  # Where the folders of classes are: a folder's path with "/" after it, or nothing
    images: Photographs  # The images in the order of their names
    places: tuple[Place, ...]  # Where their labels may be, nearest first
    stamp: str  # Tells a changed tree from an unchanged one


def is_image(name: str) -> bool:
    """Tell by its name whether a file is an image."""
    return name.lower().endswith(PHOTOGRAPHS)


def by_folder(name: str) -> list[str]:
    """Sort folder after folder: as plain text "a-b/" would come between "a" and "a/"."""
    return name.split("/")


def check_names(path: Path, names: tuple[str, ...]) -> None:
    """Raise :class:`InputError` if there is no image, or one with a name that cannot be written down."""
    if not names:
        raise InputError(f"{path}: no images ({', '.join(PHOTOGRAPHS)})")
    for name in names:
        if UNPRINTABLE.search(name):
            raise InputError(f"{path}: {name!a} is no printable UTF-8 text; rename it")


@dataclass(frozen=True)
class Folder:
    """A folder as a place of tables."""

    path: Path

    def __str__(self) -> str:
        return f"{self.path}{os.sep}"

    def table(self, name: str) -> Table | None:
        """Read a table by its name or path; None if there is none."""
        path = self.path / name
        try:
            return Table(Folder(path.parent), path.name, path.read_bytes()) if path.is_file() else None
        except OSError as error:
            raise InputError(f"{path}: {error.strerror}") from None

    def names(self) -> list[str]:
        """List the files."""
        return sorted(entry.name for entry in os.scandir(self.path) if entry.is_file())


def folder_tree(path: Path) -> Tree:
    """List a folder's images and those of its sub-folders, without hidden ones."""
    try:
        found = sorted(_entries(path), key=lambda each: by_folder(each[0]))
    except OSError as error:
        raise InputError(f"{error.filename or path}: {error.strerror}") from None
    files = {name: status for name, status in found if not stat.S_ISDIR(status.st_mode)}
    names = tuple(files)
    check_names(path, names)
    tops = {name.rpartition("/")[0].partition("/")[0] for name in names}
    return Tree(
        path,
        names,
        folders=tuple(name for name, status in found if stat.S_ISDIR(status.st_mode)),
        root="",
        images=Files(path, list(names)),
        # One folder may be a class, or hold all images and their table.
        places=tuple(map(Folder, dict.fromkeys([*(path / top for top in tops if len(tops) == 1), path, path.parent]))),
        stamp="\n".join(f"{name}\0{status.st_size}\0{status.st_mtime_ns}" for name, status in files.items()),
    )


def _entries(folder: Path, inside: str = "", above: tuple = ()) -> Iterator[tuple[str, os.stat_result]]:
    """Yield images and folders; a link that leads back to a folder above would never end."""
    here = folder.stat()
    if (here.st_dev, here.st_ino) in above:
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            name = f"{inside}{entry.name}"
            if entry.is_dir():
                yield name, entry.stat()
                yield from _entries(folder / entry.name, f"{name}/", (*above, (here.st_dev, here.st_ino)))
            elif is_image(name) and stat.S_ISREG((status := entry.stat()).st_mode):
                yield name, status
