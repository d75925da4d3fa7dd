"""Tables and small files that say what images are of, in the many forms that there are."""

import csv
import io
import itertools
import json
import logging
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ddd_utils import files, headings
from ddd_utils.data.trees import TarPath, Tree
from ddd_utils.errors import InputError, nearest

log = logging.getLogger(__name__)

DEVKIT, META = "ILSVRC2012_validation_ground_truth.txt", "meta.mat"
# Hugging Face's, which need not say what images are of.
METADATA = ("metadata.csv", "metadata.jsonl")
# Also Tiny ImageNet's, Kaggle's, Caffe's and the ImageNet development kit's.
WELL_KNOWN = ("labels.csv", "val_annotations.txt", "LOC_val_solution.csv", "val.txt", DEVKIT, *METADATA)
# ObjectNet's: the classes of its classes' names, and these of its folders.
OBJECTNET = ("objectnet_to_imagenet_1k.json", "folder_to_objectnet_label.json")
# Kaggle's prediction string is a class and boxes.
PREDICTION = "predictionstring"
COLUMNS = {"images": headings.NAMES["image"], "classes": (*headings.NAMES["label"], PREDICTION)}
Table = Path | TarPath


def find_table(tree: Tree, name: str) -> Table:
    """Find the table that was asked for: among the images, beside them, or anywhere; else name the nearest."""
    if found := first(tree.places, [name]):
        return found
    with suppress(InputError):
        return files.find(name, "table")
    others = [other.name for place in tree.places for other in place.iterdir() if other.is_file()]
    looked_in = ", ".join(map(str, tree.places))
    raise InputError(f"there is no table of labels '{name}'{nearest(name, others)}; looked in {looked_in}")


def first(places: Iterable[Table], names: Sequence[str]) -> Table | None:
    """Find the first table of some names in the first place that has one."""
    return next((place / name for place in places for name in names if (place / name).is_file()), None)


def table_keys(table: Table, images: Sequence[str]) -> list[str]:
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
    rows = ((number, cells) for number, cells in _cells(table) if any(cells))
    number, first = next(rows, (0, []))
    header = [headings.plain(cell) for cell in first]
    image, label = (next((header.index(name) for name in names if name in header), None) for names in COLUMNS.values())
    if image is None or label is None:
        if table.name.lower().endswith((".csv", ".jsonl")):
            lacking = "images" if image is None else "classes"
            raise InputError(f"{table}: its header has no column of {lacking} ({', '.join(COLUMNS[lacking][:4])}, ...)")
        image, label = 0, 1
        rows = itertools.chain([(number, first)], rows)
    for number, cells in rows:
        name, key = (cells[column] if column < len(cells) else "" for column in (image, label))
        yield number, name, key.partition(" ")[0] if header[label : label + 1] == [PREDICTION] else key


def _cells(table: Table) -> Iterator[tuple[int, list[str]]]:
    """Yield row numbers and cells, the header's first."""
    text = _text(table)
    first = text.lstrip().partition("\n")[0]
    split: Iterable[list[str]]
    if table.name.lower().endswith(".jsonl"):
        yield from _json_cells(table, text)
        return
    if table.name.lower().endswith(".csv"):
        split = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count))
    elif "\t" in first:
        split = (line.split("\t") for line in text.split("\n"))
    else:
        # From the end: names of files may have spaces in them.
        split = (line.rsplit(maxsplit=1) for line in text.split("\n"))
    try:
        for number, cells in enumerate(split, 1):
            yield number, [cell.strip() for cell in cells]
    except csv.Error as error:
        raise InputError(f"{table}: {error}") from None


def _json_cells(table: Table, text: str) -> Iterator[tuple[int, list[str]]]:
    header: list[str] = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            row = _object(line, f"{table}: row {number}")
            if not header:
                yield 0, (header := list(row))
            yield number, [str(row[name]) if isinstance(row.get(name), str | int) else "" for name in header]


def _object(text: str, where: str) -> dict[str, Any]:
    try:
        row = json.loads(text)
    except (ValueError, RecursionError):
        row = None
    if not isinstance(row, dict):
        raise InputError(f"{where}: not a JSON object")
    return row


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


def class_in(file: Table, asked: str | None) -> str:
    """Read the class from a file about one image: its only line, or a field of a JSON object."""
    text = _text(file)
    if file.name.endswith(".cls"):
        if len(text.strip().splitlines()) != 1:
            raise InputError(f"{file}: not one line with a class")
        return text.strip()
    row = _object(text, str(file))
    known = [asked] if asked else [list(row)[index] for index in headings.candidates("label", list(row))]
    if len(known) != 1 or not isinstance(row.get(known[0]), str | int):
        wanted = f"no '{asked}'" if asked else "several classes" if len(known) > 1 else "no class"
        raise InputError(f"{file}: {wanted} among {', '.join(row) or 'no fields'}; name the field with `labels`")
    return str(row[known[0]])


def imagenets(table: Table) -> dict[str, str]:
    """Read what of ImageNet's classes the folders of ObjectNet are, where they are; several are parted by ";"."""
    folders, classes = (_object(_text(each), str(each)) for each in (table.parent / OBJECTNET[1], table))
    return {folder: str(classes[name]) for folder, name in folders.items() if name in classes}


def tells(table: Table) -> bool:
    """Say whether a table has a column of classes."""
    header = map(headings.plain, next(_cells(table), (0, []))[1])
    return any(name in COLUMNS["classes"] for name in header)
