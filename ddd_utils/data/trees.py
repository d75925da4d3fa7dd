"""Images in a folder or a tar, and the tables among them. A tar is read, never unpacked: no name leads outside."""

import os
import posixpath
import re
import stat
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from ddd_utils.data.photographs import Files, NotAnImage
from ddd_utils.errors import InputError
from ddd_utils.files import PHOTOGRAPHS

# Control characters, and bytes of a name that are no UTF-8: they would tear tables and terminals.
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
PACKED = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"\x28\xb5\x2f\xfd": "zstd"}


@dataclass(frozen=True)
class TarPath:
    """A file or a folder of a tar: as much of a :class:`Path` as readers of images and tables use."""

    tar: Path
    inside: PurePosixPath
    files: dict[str, tarfile.TarInfo]

    def __str__(self) -> str:
        return str(self.tar / self.inside)

    def __truediv__(self, name: str) -> "TarPath":
        return replace(self, inside=self.inside / name)

    @property
    def name(self) -> str:
        """The last part of it."""
        return self.inside.name

    @property
    def parent(self) -> "TarPath":
        """The folder it lies in."""
        return replace(self, inside=self.inside.parent)

    def is_file(self) -> bool:
        """Say whether the tar has such a file."""
        return str(self.inside) in self.files

    def iterdir(self) -> "Iterator[TarPath]":
        """Yield the files of a folder."""
        return (self / path.name for path in map(PurePosixPath, self.files) if path.parent == self.inside)

    def read_bytes(self) -> bytes:
        """Read a file. The tar is opened anew each time: threads would move one another's position."""
        member = self.files[str(self.inside)]
        try:
            with self.tar.open("rb") as file:
                file.seek(member.offset_data)
                content = file.read(member.size)
        except OSError as error:
            raise InputError(f"{self.tar}: {error.strerror}") from None
        if len(content) < member.size:
            raise NotAnImage(f"{self}: not whole (the tar is cut off)")
        return content


@dataclass(frozen=True)
class Tree:
    """Images of a folder or a tar."""

    images: Files  # folder after folder
    folders: tuple[str, ...]  # paths of the folders in it, in the same order
    root: str  # the folder above the classes, with "/" after it, or nothing
    places: tuple[Path | TarPath, ...]  # folders where a table of labels may be, nearest first
    stamp: str  # changes when the tree does


def _is_image(name: str) -> bool:
    """Tell by its name whether a file is an image."""
    return name.lower().endswith(PHOTOGRAPHS)


def _by_folder(name: str) -> list[str]:
    """Sort folder after folder: as plain text "a-b/" would come between "a" and "a/"."""
    return name.split("/")


def _checked(path: Path, names: Iterable[str]) -> list[str]:
    """List images; if there are none, or one has a name that cannot be written down, raise :class:`InputError`."""
    names = list(names)
    if not names:
        raise InputError(f"{path}: no images ({', '.join(PHOTOGRAPHS)})")
    for name in names:
        if UNPRINTABLE.search(name):
            raise InputError(f"{path}: {name!a} is no printable UTF-8 text; rename it")
    return names


def folder_tree(path: Path) -> Tree:
    """List a folder's images and those of its sub-folders, without hidden ones."""
    try:
        found = sorted(_entries(path), key=lambda each: _by_folder(each[0]))
    except OSError as error:
        raise InputError(f"{error.filename or path}: {error.strerror}") from None
    files = {name: status for name, status in found if not stat.S_ISDIR(status.st_mode)}
    names = _checked(path, files)
    tops = {name.rpartition("/")[0].partition("/")[0] for name in names}
    # One folder may be a class, or hold all images and their table.
    only = [path / top for top in tops if len(tops) == 1]
    return Tree(
        Files(path, names),
        folders=tuple(name for name, status in found if stat.S_ISDIR(status.st_mode)),
        root="",
        places=tuple(dict.fromkeys([*only, path, path.parent])),
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
            elif _is_image(name) and stat.S_ISREG((status := entry.stat()).st_mode):
                yield name, status


def tar_tree(path: Path) -> Tree:
    """List the images in a tar, without hidden ones, links and devices."""
    _check_kind(path)
    files: dict[str, tarfile.TarInfo] = {}
    folders: set[str] = set()
    try:
        for member in _members(path):
            # A path below the tar, whatever its name says.
            parts = [part for part in member.name.split("/") if part not in ("", ".", "..")]
            member.name = "/".join(parts)
            if any(part.startswith(".") for part in parts):
                continue
            if member.isdir():
                folders.add(member.name)
            elif member.isreg() and not member.issparse():
                # Of two files of one name the later one counts, as it does when a tar is unpacked.
                files[member.name] = member
    except Exception as error:  # Whatever the reader stumbles over is in the tar.
        raise InputError(f"{path}: not a whole tar ({' '.join(str(error).split())})") from None
    names = _checked(path, sorted(filter(_is_image, files), key=_by_folder))
    parents = {posixpath.dirname(name) for name in names}
    shared = posixpath.commonpath(parents)
    folders.update(above for parent in parents for above in _upwards(parent))
    status, top = path.stat(), TarPath(path, PurePosixPath(), files)
    return Tree(
        Files(top, names),
        folders=tuple(sorted(folders - {""}, key=_by_folder)),
        # A folder with all images in it may be a class, as in an unpacked tar.
        root=posixpath.join(posixpath.dirname(shared) if parents == {shared} else shared, ""),
        places=(*(top / above for above in _upwards(shared)), path.parent),
        stamp=f"{status.st_size}\0{status.st_mtime_ns}",
    )


def _check_kind(path: Path) -> None:
    try:
        with path.open("rb") as file:
            start = file.read(8)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    for magic, kind in PACKED.items():
        if start.startswith(magic):
            raise InputError(f"{path}: compressed ({kind}); decompress it first, as images are read from within a tar")
    if start.startswith(b"PK"):
        raise InputError(f"{path}: a zip file; unpack it, and name the folder")


def _members(path: Path) -> Iterator[tarfile.TarInfo]:
    with tarfile.open(path, "r:", encoding="utf-8") as archive:
        file, last = archive.fileobj, -1
        while (member := _next(archive)) is not None:
            if member.offset <= last:
                raise tarfile.ReadError(f"damaged at byte {last:,}")
            last = member.offset
            yield member
        # `next` takes a damaged header for the end, where there should be zeros or nothing.
        file.seek(archive.offset)
        block = file.read(tarfile.BLOCKSIZE)
        if len(block) == tarfile.BLOCKSIZE and block.strip(b"\0"):
            raise tarfile.ReadError(f"damaged at byte {archive.offset:,}")


def _next(archive: tarfile.TarFile) -> tarfile.TarInfo | None:
    """Return the next member; None at the end, which in a tar that was cut off is where the file ends."""
    try:
        return archive.next()
    except tarfile.ReadError:
        if archive.fileobj.read(1):
            raise
        archive.offset = archive.fileobj.tell()
        return None


def _upwards(folder: str) -> Iterator[str]:
    """Yield a folder in the tar and those above it; the top has no name."""
    while folder:
        yield folder
        folder = posixpath.dirname(folder)
    yield ""
