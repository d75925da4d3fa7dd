"""Images in a folder or a tar, and the tables among them. A tar is read, never unpacked: no name leads outside."""

import os
import posixpath
import re
import stat
import tarfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from ddd_utils.data.photographs import Files, NotAnImage, in_a_line, stamp
from ddd_utils.errors import InputError, nearest
from ddd_utils.files import PHOTOGRAPHS, is_junk

# Control characters, and bytes of a name that are no UTF-8: they would tear tables and terminals.
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
# Ends of the names of files that nobody takes for images; what else is no image that can be read is skipped and told.
BESIDE = """
.arrow .bib .bin .cfg .cls .csv .db .docx .gz .h5 .htm .html .idx .ini .ipynb .json .jsonl .license .lnk .lock .log .lst
.mat .md .md5 .npy .npz .parquet .pdf .pkl .pt .pth .py .rec .rst .sh .sha256 .tar .tfrecord .toml .tsv .txt .url .xlsx
.xml .yaml .yml .zip
"""
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
}
SHARDS = (".tar", ".parquet")
# What compresses files, by their first bytes.
COMPRESSED = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"\x28\xb5\x2f\xfd": "Zstandard"}
COMPRESSED |= {b"Rar!": "RAR", b"7z": "7z"}
# Why files are skipped that are no images, beside the ends of their names.
JUNK, LINKS = "hidden or left by systems", "links and the like in a tar"
Span = tuple[Path, int, int]  # a file in a tar: the tar, where it begins there, and its length in bytes


@dataclass(frozen=True)
class TarPath:
    """A file or a folder of tars: as much of a :class:`Path` as readers of images and tables use."""

    top: Path  # the tar, or the folder of several
    inside: PurePosixPath
    files: dict[str, Span]

    def __str__(self) -> str:
        return str(self.top / self.inside)

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
        """Say whether there is such a file."""
        return str(self.inside) in self.files

    def iterdir(self) -> "Iterator[TarPath]":
        """Yield the files of a folder."""
        return (self / path.name for path in map(PurePosixPath, self.files) if path.parent == self.inside)

    def read_bytes(self) -> bytes:
        """Read a file. The tar is opened anew each time: threads would move one another's position."""
        if not self.is_file():
            raise InputError(f"{self}: no such file")
        tar, start, size = self.files[str(self.inside)]
        try:
            with tar.open("rb") as file:
                file.seek(start)
                content = file.read(size)
        except OSError as error:
            raise InputError(f"{tar}: {error.strerror}") from None
        if len(content) < size:
            raise NotAnImage(f"{self}: not whole (the tar is cut off)")
        return content


@dataclass(frozen=True)
class Tree:
    """Images of a folder, of a tar or of several tars."""

    images: Files  # folder after folder
    below: list[str]  # the path of each under the folder of all classes
    classes: list[str]  # the folders in there
    places: tuple[Path | TarPath, ...]  # folders where a table of labels may be, nearest first
    stamp: str  # changes when the tree does
    skipped: Counter[str]  # files that were not taken for images, by reason


def _is_image(name: str) -> bool:
    """Tell by its name whether a file is an image."""
    return name.lower().endswith(PHOTOGRAPHS)


def _unread(names: Iterable[str]) -> Counter[str]:
    """Count the files that are neither images that can be read nor something that belongs beside images, by suffix."""
    ends = ((name, posixpath.splitext(name)[1].lower()) for name in names if not _is_image(name))
    beside = BESIDE.split()
    return Counter(end or "no suffix" for name, end in ends if end not in beside and (end or "/" in name))


def _by_folder(name: str) -> list[str]:
    """Sort folder after folder: as plain text "a-b/" would come between "a" and "a/"."""
    return name.split("/")


def _tree(
    images: Files, files: Iterable[str], folders: Iterable[str], roots: Iterable[str], skipped: Counter, **more: Any
) -> Tree:
    """Put a tree together; `roots` are the folders of all classes, with "/" after each, or nothing."""
    root = re.compile("|".join(map(re.escape, roots)))
    below = [root.sub("", name, count=1) for name in images.names]
    inner = {root.sub("", name, count=1) for name in folders if root.match(name)}
    classes = sorted(name for name in inner if name and "/" not in name)
    return Tree(images, below, classes, skipped=skipped + _unread(files), **more)


def _checked(path: Path, files: Iterable[str]) -> list[str]:
    """List images; if there are none, or one has a name that cannot be written down, raise :class:`InputError`."""
    files = list(files)
    names = list(filter(_is_image, files))
    if not names:
        ends = Counter(posixpath.splitext(name)[1].lower() or "no suffix" for name in files).most_common(3)
        here = f"; there are {', '.join(f'{count:,} {end}' for end, count in ends)}" if ends else ""
        held = next((path / name for name in files if name.endswith(SHARDS)), path)
        name = re.sub(r"[0-9].*", "*", held.stem) + held.suffix
        such = (
            f"give files that hold images as a pattern, such as {held.parent / name}" if path.is_dir() else "unpack it"
        )
        pattern = f"; {such}" if held != path else ""
        raise InputError(f"{path}: no images ({', '.join(PHOTOGRAPHS)}){here}{pattern}")
    for name in names:
        if UNPRINTABLE.search(name):
            raise InputError(f"{path}: {name!a} is no printable UTF-8 text; rename it")
    return names


def folder_tree(path: Path, parts: Sequence[Path]) -> Tree:
    """List the images of folders in a folder (or of itself) and of their sub-folders, without hidden ones."""
    skipped: Counter[str] = Counter()
    roots = [_root(path, part) for part in parts]
    try:
        entries = [entry for root in roots for entry in _entries(path / root, skipped, root)]
    except OSError as error:
        raise InputError(f"{error.filename or path}: {error.strerror}") from None
    entries.sort(key=lambda each: _by_folder(each[0]))
    files = {name: status for name, status in entries if not stat.S_ISDIR(status.st_mode)}
    names = _checked(path, files)
    tops = {name.rpartition("/")[0].partition("/")[0] for name in names}
    # One folder may be a class, or hold all images and their table.
    only = [path / top for top in tops if len(tops) == 1]
    return _tree(
        Files(path, names),
        files,
        [name for name, status in entries if stat.S_ISDIR(status.st_mode)],
        roots,
        skipped,
        places=tuple(dict.fromkeys([*only, path, path.parent])),
        stamp="\n".join(f"{name}\0{files[name].st_size}\0{files[name].st_mtime_ns}" for name in names),
    )


def _root(path: Path, part: Path) -> str:
    """Write what is before the names of a part's files in those of the whole."""
    return "" if part == path else f"{part.relative_to(path).as_posix()}/"


def _entries(
    folder: Path, skipped: Counter[str], inside: str = "", above: tuple = ()
) -> Iterator[tuple[str, os.stat_result]]:
    """Yield files and folders; a link that leads back to a folder above would never end."""
    here = folder.stat()
    if (here.st_dev, here.st_ino) in above:
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            name = f"{inside}{entry.name}"
            if is_junk(entry.name):
                skipped[JUNK] += 1
            elif entry.is_dir():
                yield name, entry.stat()
                yield from _entries(folder / entry.name, skipped, f"{name}/", (*above, (here.st_dev, here.st_ino)))
            elif _is_image(name) or entry.is_file():
                status = entry.stat()
                if stat.S_ISREG(status.st_mode):
                    yield name, status


def tar_tree(path: Path, tars: Sequence[Path], within: Sequence[str] = ()) -> Tree:
    """
    List the images of tars in a folder, each as if it were a folder (or of one), without hidden ones and links.

    Only those `within` some folders are taken, such as "fog/3" or "*/3", if any are named.
    """
    files: dict[str, Span] = {}
    folders: set[str] = set()
    skipped: Counter[str] = Counter()
    for tar in tars:
        _list_tar(tar, _root(path, tar), files, folders, skipped)
    names = _checked(path, sorted(files, key=_by_folder))
    folders.update(above for parent in set(map(posixpath.dirname, names)) for above in _upwards(parent))
    chosen = [f"{folder}/" for asked in within for folder in _called(asked, folders, path)]
    names = [name for name in names if not within or name.startswith(tuple(chosen))]
    parents = {posixpath.dirname(name) for name in names}
    shared, top = posixpath.commonpath(parents), TarPath(path, PurePosixPath(), files)
    # A folder with all images in it may be a class, as in an unpacked tar.
    root = posixpath.join(posixpath.dirname(shared) if parents == {shared} else shared, "")
    return _tree(
        Files(top, names),
        files,
        folders,
        chosen or ([root] if path in tars else [_root(path, tar) for tar in tars]),
        skipped,
        places=(*(top / above for above in _upwards(shared)), path if path.is_dir() else path.parent),
        stamp=stamp(tars),
    )


def _called(asked: str, folders: Iterable[str], path: Path) -> list[str]:
    """Find the folders in tars whose last parts are as asked; if there are none, name the nearest."""
    if found := [folder for folder in folders if PurePosixPath(folder).match(asked)]:
        return found
    known = {"/".join(folder.split("/")[-2:]) for folder in folders}
    raise InputError(f"{path}: there is no folder '{asked}' in its tars{nearest(asked, sorted(known))}")


def _list_tar(path: Path, before: str, files: dict[str, Span], folders: set[str], skipped: Counter[str]) -> None:
    """List the files and the folders in a tar, `before` each name, and count what is left out."""
    _check_kind(path)
    try:
        for member in _members(path):
            # A path below the tar, whatever its name says.
            parts = [part for part in member.name.split("/") if part not in ("", ".", "..")]
            name = before + "/".join(parts)
            if any(map(is_junk, parts)):
                skipped[JUNK] += 1
            elif member.isdir():
                folders.add(name)
            elif member.isreg() and not member.issparse():
                # Of two files of one name the later one counts, as it does when a tar is unpacked.
                files[name] = path, member.offset_data, member.size
            else:
                skipped[LINKS] += 1
    except Exception as error:  # Whatever the reader stumbles over is in the tar.
        raise InputError(f"{path}: not a whole tar ({in_a_line(error)})") from None


def _check_kind(path: Path) -> None:
    try:
        with path.open("rb") as file:
            start = file.read(8)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    for magic, kind in COMPRESSED.items():
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
            archive.members.clear()  # they would all be kept
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
