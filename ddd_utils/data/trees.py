"""Images in a folder or a tar, and the tables among them. A tar is read, never unpacked: no name leads outside."""

import os
import posixpath
import re
import stat
import tarfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from ddd_utils.data.photographs import Files, NotAnImage
from ddd_utils.errors import InputError
from ddd_utils.files import PHOTOGRAPHS, is_junk

# Control characters, and bytes of a name that are no UTF-8: they would tear tables and terminals.
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
# Ends of the names of files that nobody takes for images; what else is no image that can be read is skipped and told.
BESIDE = [
    ".arrow",
    ".bib",
    ".bin",
    ".cfg",
    ".cls",
    ".csv",
    ".db",
    ".docx",
    ".gz",
    ".h5",
    ".htm",
    ".html",
    ".idx",
    ".ini",
    ".ipynb",
    ".json",
    ".jsonl",
    ".license",
    ".lnk",
    ".lock",
    ".log",
    ".lst",
    ".mat",
    ".md",
    ".md5",
    ".npy",
    ".npz",
    ".parquet",
    ".pdf",
    ".pkl",
    ".pt",
    ".pth",
    ".py",
    ".rec",
    ".rst",
    ".sh",
    ".sha256",
    ".tar",
    ".tfrecord",
    ".toml",
    ".tsv",
    ".txt",
    ".url",
    ".xlsx",
    ".xml",
    ".yaml",
    ".yml",
    ".zip",
]
# Forms of data sets that are not read, by the end of the file's name.
UNREAD = {
    ".tfrecord": "TFRecord",
    ".arrow": "Arrow (save it as Parquet)",
    ".h5": "HDF5",
    ".hdf5": "HDF5",
    ".mdb": "LMDB",
    ".rec": "MXNet's RecordIO",
    ".npy": "a single array (np.savez makes x and y an .npz file)",
    ".csv": "a table (the folder of images is the path, the table is `labels`)",
    ".7z": "compressed (7z)",
    ".rar": "compressed (rar)",
}
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
    skipped: tuple[tuple[str, str], ...] = ()  # files that may be images but cannot be read, and why


class NoImages(InputError):
    """A folder or a tar has no images as such; it may have them in other files."""


def _is_image(name: str) -> bool:
    """Tell by its name whether a file is an image."""
    return name.lower().endswith(PHOTOGRAPHS)


def _skipped(names: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """List the files that are neither images that can be read nor something that belongs beside images."""
    ends = ((name, posixpath.splitext(name)[1].lower()) for name in names if not _is_image(name))
    unknown = ((name, end) for name, end in ends if end not in BESIDE and (end or "/" in name))
    return tuple((name, f"not a kind of file that is read ({end or 'no suffix'})") for name, end in unknown)


def _by_folder(name: str) -> list[str]:
    """Sort folder after folder: as plain text "a-b/" would come between "a" and "a/"."""
    return name.split("/")


def _checked(path: Path, files: Iterable[str]) -> list[str]:
    """List images; if there are none, or one has a name that cannot be written down, raise :class:`InputError`."""
    files = list(files)
    names = list(filter(_is_image, files))
    if not names:
        ends = Counter(posixpath.splitext(name)[1].lower() or "no suffix" for name in files).most_common(3)
        here = f"; there are {', '.join(f'{count:,} {end}' for end, count in ends)}" if ends else ""
        raise NoImages(f"{path}: no images ({', '.join(PHOTOGRAPHS)}){here}")
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
        skipped=_skipped(files),
        folders=tuple(name for name, status in found if stat.S_ISDIR(status.st_mode)),
        root="",
        places=tuple(dict.fromkeys([*only, path, path.parent])),
        stamp="\n".join(f"{name}\0{files[name].st_size}\0{files[name].st_mtime_ns}" for name in names),
    )


def _entries(folder: Path, inside: str = "", above: tuple = ()) -> Iterator[tuple[str, os.stat_result]]:
    """Yield files and folders; a link that leads back to a folder above would never end."""
    here = folder.stat()
    if (here.st_dev, here.st_ino) in above:
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            if is_junk(entry.name):
                continue
            name = f"{inside}{entry.name}"
            if entry.is_dir():
                yield name, entry.stat()
                yield from _entries(folder / entry.name, f"{name}/", (*above, (here.st_dev, here.st_ino)))
            elif _is_image(name) or entry.is_file():
                status = entry.stat()
                if stat.S_ISREG(status.st_mode):
                    yield name, status


def tar_tree(path: Path) -> Tree:
    """List the images in a tar, without hidden ones, links and devices."""
    files, folders = tar_files(path)
    names = _checked(path, sorted(files, key=_by_folder))
    parents = {posixpath.dirname(name) for name in names}
    shared = posixpath.commonpath(parents)
    folders.update(above for parent in parents for above in _upwards(parent))
    status, top = path.stat(), TarPath(path, PurePosixPath(), files)
    return Tree(
        Files(top, names),
        skipped=_skipped(files),
        folders=tuple(sorted(folders - {""}, key=_by_folder)),
        # A folder with all images in it may be a class, as in an unpacked tar.
        root=posixpath.join(posixpath.dirname(shared) if parents == {shared} else shared, ""),
        places=(*(top / above for above in _upwards(shared)), path.parent),
        stamp=f"{status.st_size}\0{status.st_mtime_ns}",
    )


def tar_files(path: Path) -> tuple[dict[str, tarfile.TarInfo], set[str]]:
    """List the files and the folders in a tar, without hidden ones and other junk."""
    _check_kind(path)
    files: dict[str, tarfile.TarInfo] = {}
    folders: set[str] = set()
    try:
        for member in _members(path):
            # A path below the tar, whatever its name says.
            parts = [part for part in member.name.split("/") if part not in ("", ".", "..")]
            member.name = "/".join(parts)
            if any(map(is_junk, parts)):
                continue
            if member.isdir():
                folders.add(member.name)
            elif member.isreg() and not member.issparse():
                # Of two files of one name the later one counts, as it does when a tar is unpacked.
                files[member.name] = member
    except Exception as error:  # Whatever the reader stumbles over is in the tar.
        raise InputError(f"{path}: not a whole tar ({' '.join(str(error).split())})") from None
    return files, folders


def _check_kind(path: Path) -> None:
    try:
        with path.open("rb") as file:
            start = file.read(8)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    for magic, kind in PACKED.items():
        if start.startswith(magic):
            raise InputError(f"{path}: compressed ({kind}); decompress it first, as images are read from within a tar")
    if form := UNREAD.get(path.suffix.lower()):
        raise InputError(f"{path}: {form}; images are read from folders, tars, Parquet and .npz files")
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
