"""Images and their classes, wherever they come from: folders, tars, arrays, tables of labels in many forms."""

import csv
import hashlib
import io
import itertools
import json
import logging
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ddd_utils import files, headings
from ddd_utils.config import image_sets
from ddd_utils.data.photographs import Photographs, read_npz
from ddd_utils.data.trees import TarPath, Tree, folder_tree, tar_tree
from ddd_utils.errors import InputError, nearest, needs_extra

log = logging.getLogger(__name__)

DEVKIT, META = "ILSVRC2012_validation_ground_truth.txt", "meta.mat"
# Tiny ImageNet's, Kaggle's, Caffe's and the ImageNet development kit's.
WELL_KNOWN = ("labels.csv", "val_annotations.txt", "LOC_val_solution.csv", "val.txt", DEVKIT)
# Kaggle's prediction string is a class and boxes.
PREDICTION = "predictionstring"
COLUMNS = {"images": headings.NAMES["image"], "classes": (*headings.NAMES["label"], PREDICTION)}
Table = Path | TarPath


def _find_table(tree: Tree, name: str) -> Table:
    """Find the table that was asked for: among the images, beside them, or anywhere; else name the nearest."""
    if found := _first(tree.places, [name]):
        return found
    with suppress(InputError):
        return files.find(name, "table")
    others = [other.name for place in tree.places for other in place.iterdir() if other.is_file()]
    looked_in = ", ".join(map(str, tree.places))
    raise InputError(f"there is no table of labels '{name}'{nearest(name, others)}; looked in {looked_in}")


def _first(places: Iterable[Table], names: Sequence[str]) -> Table | None:
    return next((place / name for place in places for name in names if (place / name).is_file()), None)


def _table_keys(table: Table, images: Sequence[str]) -> list[str]:
    """Look up every image's class; a row gives an image's path or the end of it, with or without suffix."""
    if table.name == DEVKIT:
        return _devkit(table, images)
    index, found, beyond = _Index(images), {}, []
    for number, name, key in _rows(table):
        where = f"{table}: row {number}"
        if not name or not key:
            raise InputError(f"{where}: not an image and its class")
        try:
            image = index.find(name, where)
        except NoImage as error:  # of a larger set, unless an image lacks a row
            beyond.append(error)
            continue
        if image in found:
            raise InputError(f"{where}: '{name}' has a row already")
        found[image] = key
    missing = [image for image in images if image not in found]
    if missing and beyond:
        raise beyond[0]
    if beyond:
        log.info("%s: %s rows are of images that are not here", table.name, f"{len(beyond):,}")
    if missing:
        more = f" and {len(missing) - 1:,} more" if len(missing) > 1 else ""
        raise InputError(f"{table}: no row for the image '{missing[0]}'{more}")
    return [found[image] for image in images]


def _text(table: Table) -> str:
    try:
        return table.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{table}: not a text file in UTF-8") from None
    except OSError as error:
        raise InputError(f"{table}: {error.strerror}") from None


def _rows(table: Table) -> Iterator[tuple[int, str, str]]:
    """Yield row number, image and class."""
    rows: Iterator[tuple[int, list[str]]]
    rows = ((number, cells) for number, cells in enumerate(_cells(table), 1) if any(cells))
    number, first = next(rows, (0, []))
    header = [headings.plain(cell) for cell in first]
    image, label = (next((header.index(name) for name in names if name in header), None) for names in COLUMNS.values())
    if image is None or label is None:
        if table.name.lower().endswith(".csv"):
            lacking = "images" if image is None else "classes"
            raise InputError(f"{table}: its header has no column of {lacking} ({', '.join(COLUMNS[lacking][:4])}, ...)")
        image, label = 0, 1
        rows = itertools.chain([(number, first)], rows)
    for number, cells in rows:
        name, key = (cells[column] if column < len(cells) else "" for column in (image, label))
        yield number, name, key.partition(" ")[0] if header[label : label + 1] == [PREDICTION] else key


def _cells(table: Table) -> Iterator[list[str]]:
    text = _text(table)
    first = text.lstrip().partition("\n")[0]
    split: Iterable[list[str]]
    if table.name.lower().endswith(".csv"):
        split = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count))
    elif "\t" in first:
        split = (line.split("\t") for line in text.split("\n"))
    else:
        # From the end: names of files may have spaces in them.
        split = (line.rsplit(maxsplit=1) for line in text.split("\n"))
    try:
        for cells in split:
            yield [cell.strip() for cell in cells]
    except csv.Error as error:
        raise InputError(f"{table}: {error}") from None


class NoImage(InputError):
    """A row of a table of labels is of an image that is not there."""


class _Index:
    """Finds images by all of their path or its end, with and without suffix."""

    def __init__(self, images: Sequence[str]):
        self.whole, self.bare = defaultdict(list), defaultdict(list)
        for image in images:
            path = _plain(image)
            self.whole[_base(path)].append((path, image))
            bare = path.rpartition(".")[0]
            self.bare[_base(bare)].append((bare, image))

    def find(self, name: str, where: str) -> str:
        path = _plain(name)
        candidates = _fitting(path, self.whole) or _fitting(path, self.bare)
        if not candidates:
            known = [candidate for known in self.whole.values() for candidate, _ in known]
            options = known if "/" in path else map(_base, known)
            raise NoImage(f"{where}: there is no image '{name}'{nearest(path, options)}")
        if len(candidates) > 1:
            raise InputError(f"{where}: '{name}' may be '{candidates[0]}' or '{candidates[1]}'")
        return candidates[0]


def _fitting(path: str, known: dict[str, list[tuple[str, str]]]) -> list[str]:
    """Return the image with this path, or all whose path ends like it or the other way round."""
    candidates = known.get(_base(path), [])
    same = [image for other, image in candidates if other == path]
    return same or [image for other, image in candidates if path.endswith(f"/{other}") or other.endswith(f"/{path}")]


def _base(path: str) -> str:
    return path.rpartition("/")[2]


def _plain(name: str) -> str:
    """Write a path as on Linux; macOS spells letters with accents in its own way."""
    path = unicodedata.normalize("NFC", name).replace("\\", "/")
    return "/".join(part for part in path.split("/") if part not in ("", "."))


def _devkit(table: Table, images: Sequence[str]) -> list[str]:
    """Read the development kit's ids: one a line in order of file name, counted otherwise than WordNet ids sort."""
    lines = _text(table).split()
    if len(lines) != len(images):
        raise InputError(f"{table}: {len(lines):,} labels for {len(images):,} images")
    synsets = _synsets(table)
    for number, line in enumerate(lines, 1):
        if line not in synsets:
            raise InputError(f"{table}: row {number}: {META} has no class '{line}'")
    found = dict(zip(sorted(images, key=_base), lines, strict=True))
    return [synsets[found[image]] for image in images]


def _synsets(table: Table) -> dict[str, str]:
    """Read the WordNet id of each of the kit's own ids."""
    meta = table.parent / META
    if not meta.is_file():
        raise InputError(
            f"{table}: its numbers are the development kit's own; put the kit's {META} beside it (folder data of "
            "ILSVRC2012_devkit_t12.tar.gz)"
        )
    import scipy.io

    try:
        classes = scipy.io.loadmat(io.BytesIO(meta.read_bytes()), squeeze_me=True)["synsets"]
        return {str(int(each["ILSVRC2012_ID"])): str(each["WNID"]) for each in classes}
    except Exception as error:  # Whatever the reader stumbles over is in the file.
        raise InputError(f"{meta}: not the kit's table of classes ({type(error).__name__})") from None


@dataclass(frozen=True)
class Listing:
    """Images and what they are of; none of them is decoded yet."""

    images: Photographs  # threads may decode them side by side
    ids: tuple[str, ...]  # a unique name for each
    keys: tuple[str, ...]  # class of each as its source says: a folder, an entry in a table, a name or number
    order: tuple[str, ...]  # the classes in their own order
    state: str  # changes with the source, and is known without reading the images


def listing(config: image_sets.Photographs | image_sets.Torchvision) -> Listing:
    """List images; whatever leaves their classes unclear raises InputError with file and row."""
    if isinstance(config, image_sets.Torchvision):
        needs_extra("models", f"torchvision's data set '{config.dataset}'")
        from ddd_utils.data import torchvision_sets

        images, labels, names, stamp = torchvision_sets.read(config)
        return make(images, images.ids, *named(labels, names, config.dataset), stamp)
    path = files.find_images(config.path)
    if path.suffix.lower() == ".npz":
        return _npz(path, config)
    if config.classes is not None:
        raise InputError(f"`classes` names the numbers in an .npz file, but {path} is none")
    return _tree(folder_tree(path) if path.is_dir() else tar_tree(path), config.labels)


def make(images: Photographs, ids: Sequence[str], keys: Sequence[str], order: Sequence[str], stamp: str) -> Listing:
    """Put a listing together; ``stamp`` is what tells the source's files from changed ones."""
    state = hashlib.sha256(json.dumps([stamp, *map(list, (ids, keys, order))]).encode()).hexdigest()
    return Listing(images, tuple(ids), tuple(keys), tuple(order), state)


def named(labels: np.ndarray, names: Sequence[str] | None, source: str) -> tuple[list[str], list[str]]:
    """Name the classes of numbered images: the class of each, and all classes in order."""
    if names is None:
        return [str(label) for label in labels], [str(label) for label in np.unique(labels)]
    if labels.min() < 0 or labels.max() >= len(names):
        raise InputError(
            f"{source}: labels run from {labels.min()} to {labels.max()}, but {len(names)} classes are named"
        )
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"{source}: two classes are called '{name}'")
    return [names[label] for label in labels], list(names)


@dataclass(frozen=True, eq=False)
class Pixels(Photographs):
    """Images of an array, uint8 of shape (images, 3, height, width)."""

    pixels: np.ndarray

    def image(self, index: int) -> Image.Image:
        """Take one out."""
        return Image.fromarray(np.ascontiguousarray(self.pixels[index].transpose(1, 2, 0)))


def _npz(path: Path, config: image_sets.Photographs) -> Listing:
    if config.labels is not None:
        raise InputError(f"`labels` names a table, but {path} holds its labels itself, as y")
    pixels, labels = read_npz(path)
    keys, order = named(labels, config.classes, str(path))
    status = path.stat()
    ids = [f"image-{index}" for index in range(len(labels))]
    return make(Pixels(pixels), ids, keys, order, f"{status.st_size}\0{status.st_mtime_ns}")


def _tree(tree: Tree, labels: str | None) -> Listing:
    table = _table(tree, labels)
    if table is None:
        _check_level(tree)
        # The uppermost folder is the class; one without images is a class too.
        keys = [_top(tree, name) for name in tree.images.names]
        below = (name.removeprefix(tree.root) for name in tree.folders if name.startswith(tree.root))
        order = [name for name in below if "/" not in name]
    else:
        keys = _table_keys(table, tree.images.names)
        order = sorted(set(keys), key=int) if all(map(str.isdecimal, keys)) else sorted(set(keys))
    if tree.skipped:
        name, why = tree.skipped[0]
        log.info("%s: %s files are skipped, such as %s: %s", tree.images.folder, f"{len(tree.skipped):,}", name, why)
    if empty := sorted(set(order) - set(keys)):
        log.info("%s: classes without images: %s", tree.images.folder, ", ".join(empty[:5]))
    return make(tree.images, tree.images.names, keys, order, tree.stamp)


def _table(tree: Tree, labels: str | None) -> Table | None:
    """Find the table of labels; None if the images lie in folders of classes."""
    if labels is not None:
        return _find_table(tree, labels)
    tops = {_top(tree, name) for name in tree.images.names}
    if len(tops) > 1 and "" not in tops:
        table = _first(tree.places[:-1], WELL_KNOWN)
        if table is not None:
            log.info("%s: classes are those of %s, not the folders", tree.images.folder, table.name)
        return table
    table = _first(tree.places, WELL_KNOWN)
    if table is None and "" in tops:
        loose = next(name for name in tree.images.names if not _top(tree, name))
        raise InputError(
            f"{tree.images.folder}: '{loose}' is in no folder of a class, and there is no table of labels "
            f"({', '.join(WELL_KNOWN)}); name one with `labels`"
        )
    return table


def _check_level(tree: Tree) -> None:
    """Refuse folders that are one level too high: a data set's, of which the folders inside are the classes."""
    above: dict[str, str] = {}
    for parts in (name.removeprefix(tree.root).split("/") for name in tree.images.names):
        if len(parts) < 3:
            return  # images lie in the uppermost folders themselves
        if (other := above.setdefault(parts[1], parts[0])) != parts[0]:
            what = f"'{other}' and '{parts[0]}' both have a folder '{parts[1]}'"
            break
    else:
        if len(set(above.values())) > 1:
            return
        what, other = f"all images lie in folders of '{next(iter(above.values()))}'", next(iter(above.values()))
    raise InputError(
        f"{tree.images.folder}: {what}, which seem to be the classes: give the level above them, "
        f"{tree.images.folder / other}, or name a table with `labels`"
    )


def _top(tree: Tree, name: str) -> str:
    """Return the folder of an image under the root; nothing if it lies there itself."""
    folder, slash, _ = name.removeprefix(tree.root).partition("/")
    return folder if slash else ""
