"""Tables that say which class each image is of, in the forms in which data sets come."""

import csv
import io
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from ddd_utils import local_files
from ddd_utils.data.trees import Folder, Place, Table, Tree
from ddd_utils.errors import InputError, nearest

DEVKIT, META = "ILSVRC2012_validation_ground_truth.txt", "meta.mat"
# Tiny ImageNet's, Kaggle's, Caffe's and the ImageNet development kit's.
WELL_KNOWN = ("labels.csv", "val_annotations.txt", "LOC_val_solution.csv", "val.txt", DEVKIT)
IMAGE_COLUMNS = ("image", "file", "filename", "name", "imageid")
# Kaggle's prediction string is a class and boxes.
PREDICTION = "predictionstring"
LABEL_COLUMNS = ("label", "class", "wnid", "category", PREDICTION)


def find(tree: Tree, name: str) -> Table:
    """Find the table that was asked for: among the images, beside them, or anywhere; else name the nearest."""
    found = _first(tree.places, [name])
    with suppress(InputError):
        found = found or Folder(Path()).table(str(local_files.find(name, "table")))
    if found is None:
        others = [other for place in tree.places for other in place.names()]
        places = ", ".join(map(str, tree.places))
        raise InputError(f"there is no table of labels '{name}'{nearest(name, others)}; looked in {places}")
    return found


def well_known(places: Sequence[Place]) -> Table | None:
    """Look for a table by the names that those of common data sets have."""
    return _first(places, WELL_KNOWN)


def _first(places: Sequence[Place], names: Sequence[str]) -> Table | None:
    tables = (place.table(name) for place in places for name in names)
    return next((table for table in tables if table is not None), None)


def keys(table: Table, images: Sequence[str]) -> tuple[str, ...]:
    """Look up every image's class; a row gives an image's path or the end of it, with or without suffix."""
    if table.name == DEVKIT:
        return _devkit(table, images)
    index, found = _Index(images), {}
    for number, name, key in _rows(table):
        where = f"{table}: row {number}"
        if not name or not key:
            raise InputError(f"{where}: not an image and its class")
        image = index.find(name, where)
        if image in found:
            raise InputError(f"{where}: '{name}' has a row already")
        found[image] = key
    missing = [image for image in images if image not in found]
    if missing:
        more = f" and {len(missing) - 1:,} more" if len(missing) > 1 else ""
        raise InputError(f"{table}: no row for the image '{missing[0]}'{more}")
    return tuple(found[image] for image in images)


def _text(table: Table) -> str:
    try:
        return table.content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{table}: not a text file in UTF-8") from None


def _rows(table: Table) -> Iterator[tuple[int, str, str]]:
    """Yield row number, image and class."""
    rows = ((number, cells) for number, cells in enumerate(_cells(table), 1) if any(cells))
    number, first = next(rows, (0, []))
    header = [cell.lower() for cell in first]
    image, label = (
        next((header.index(name) for name in names if name in header), None) for names in (IMAGE_COLUMNS, LABEL_COLUMNS)
    )
    if image is None or label is None:
        if table.name.lower().endswith(".csv"):
            lacking, names = ("images", IMAGE_COLUMNS) if image is None else ("classes", LABEL_COLUMNS)
            raise InputError(f"{table}: its header has no column of {lacking} ({', '.join(names)})")
        image, label = 0, 1
        yield number, *_pair(first, image, label)
    for number, cells in rows:
        name, key = _pair(cells, image, label)
        yield number, name, key.partition(" ")[0] if header[label] == PREDICTION else key


def _pair(cells: list[str], image: int, label: int) -> tuple[str, str]:
    padded = cells + [""] * (max(image, label) + 1 - len(cells))
    return padded[image], padded[label]


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
            raise InputError(f"{where}: there is no image '{name}'{nearest(path, options)}")
        if len(candidates) > 1:
            raise InputError(f"{where}: '{name}' may be '{candidates[0]}' or '{candidates[1]}'")
        return candidates[0]


def _fitting(path: str, known: dict[str, list[tuple[str, str]]]) -> list[str]:
    """Return the image with this path, or all whose path ends like it or the other way round."""
    candidates = known.get(_base(path), [])
    same = [image for other, image in candidates if other == path]
    return same or [image for other, image in candidates if _ends(path, other) or _ends(other, path)]


def _ends(path: str, end: str) -> bool:
    return path.endswith(f"/{end}")


def _base(path: str) -> str:
    return path.rpartition("/")[2]


def _plain(name: str) -> str:
    """Write a path as on Linux; macOS spells letters with accents in its own way."""
    path = unicodedata.normalize("NFC", name).replace("\\", "/")
    return "/".join(part for part in path.split("/") if part not in ("", "."))


def _devkit(table: Table, images: Sequence[str]) -> tuple[str, ...]:
    """Read the development kit's ids: one a line in order of file name, counted otherwise than WordNet ids sort."""
    lines = _text(table).split()
    if len(lines) != len(images):
        raise InputError(f"{table}: {len(lines):,} labels for {len(images):,} images")
    synsets = _synsets(table)
    for number, line in enumerate(lines, 1):
        if line not in synsets:
            raise InputError(f"{table}: row {number}: {META} has no class '{line}'")
    in_order = sorted(images, key=_base)
    found = dict(zip(in_order, (synsets[line] for line in lines), strict=True))
    return tuple(found[image] for image in images)


def _synsets(table: Table) -> dict[str, str]:
    """Read the WordNet id of each of the kit's own ids."""
    meta = table.place.table(META)
    if meta is None:
        raise InputError(
            f"{table}: its numbers are the development kit's own; put the kit's {META} beside it (folder data of "
            "ILSVRC2012_devkit_t12.tar.gz)"
        )
    import scipy.io

    try:
        classes = scipy.io.loadmat(io.BytesIO(meta.content), squeeze_me=True)["synsets"]
        return {str(int(each["ILSVRC2012_ID"])): str(each["WNID"]) for each in classes}
    except Exception as error:  # Whatever the reader stumbles over is in the file.
        raise InputError(f"{meta}: not the kit's table of classes ({type(error).__name__})") from None
