"""Images in a tar, read where they lie: nothing is ever unpacked, so no name in it can reach a file outside."""

import posixpath
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from ddd_utils.errors import InputError
from ddd_utils.experiments.images.image_bytes import NotAnImage, decode_bytes
from ddd_utils.experiments.images.photographs import Photographs
from ddd_utils.experiments.images.trees import Folder, Table, Tree, by_folder, check_names, is_image

PACKED = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"\x28\xb5\x2f\xfd": "zstd"}


@dataclass(frozen=True)
class Member:
    """A file in a tar: where its bytes begin, and how many there are."""

    name: str
    offset: int
    size: int


@dataclass(frozen=True)
class Members(Photographs):
    """Photographs in a tar; every call opens it anew, so that threads do not move one another's position."""

    path: Path  # The tar
    members: tuple[Member, ...]

    def __len__(self) -> int:
        return len(self.members)

    def image(self, index: int) -> Image.Image:
        """Decode one; a damaged one raises :class:`InputError` with its name."""
        member = self.members[index]
        return decode_bytes(_content(self.path, member), f"{self.path}/{member.name}")


def _content(path: Path, member: Member) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(member.offset)
            content = file.read(member.size)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    if len(content) < member.size:
        raise NotAnImage(f"{path}/{member.name}: not whole (the tar is cut off)")
    return content


@dataclass(frozen=True)
class TarFolder:
    """A folder in a tar as a place of tables; ``inside`` is its path with "/" after it, or nothing."""

    path: Path
    inside: str
    files: dict[str, Member]

    def __str__(self) -> str:
        return f"{self.path}/{self.inside}"

    def table(self, name: str) -> Table | None:
        """Read a table by its name or path; None if there is none."""
        member = self.files.get(self.inside + name)
        if member is None:
            return None
        folder, slash, name = member.name.rpartition("/")
        return Table(TarFolder(self.path, folder + slash, self.files), name, _content(self.path, member))

    def names(self) -> list[str]:
        """List the files."""
        below = (name.removeprefix(self.inside) for name in self.files if name.startswith(self.inside))
        return sorted(name for name in below if "/" not in name)


def tar_tree(path: Path) -> Tree:
    """List the images in a tar, without hidden ones, links and devices."""
    _check_kind(path)
    files: dict[str, Member] = {}
    folders: set[str] = set()
    try:
        for member in _members(path):
            name = _inside(member.name)
            if _hidden(name):
                continue
            if member.isdir():
                folders.add(name)
            elif member.isreg() and not member.issparse():
                # Of two files of one name the later one counts, as it does when a tar is unpacked.
                files[name] = Member(name, member.offset_data, member.size)
    except Exception as error:  # Whatever the reader stumbles over is in the tar.
        raise InputError(f"{path}: not a whole tar ({' '.join(str(error).split())})") from None
    names = tuple(sorted(filter(is_image, files), key=by_folder))
    check_names(path, names)
    parents = {posixpath.dirname(name) for name in names}
    shared = posixpath.commonpath(parents)
    folders.update(above for parent in parents for above in _upwards(parent))
    status = path.stat()
    return Tree(
        path,
        names,
        folders=tuple(sorted(folders - {""}, key=by_folder)),
        # A folder with all images in it may be a class, as in an unpacked tar.
        root=_slashed(posixpath.dirname(shared) if parents == {shared} else shared),
        images=Members(path, tuple(files[name] for name in names)),
        places=(*(TarFolder(path, _slashed(above), files) for above in _upwards(shared)), Folder(path.parent)),
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


def _inside(name: str) -> str:
    """Return a member's name as a path below the tar, whatever it says."""
    return "/".join(part for part in name.split("/") if part not in ("", ".", ".."))


def _hidden(name: str) -> bool:
    return any(part.startswith(".") for part in name.split("/"))


def _upwards(folder: str) -> Iterator[str]:
    """Yield a folder in the tar and those above it; the top has no name."""
    while folder:
        yield folder
        folder = posixpath.dirname(folder)
    yield ""


def _slashed(folder: str) -> str:
    return f"{folder}/" if folder else ""
