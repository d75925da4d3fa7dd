"""Images and their classes, wherever they come from: folders, tars, Parquet, arrays, torchvision's sets."""

import hashlib
import json
import logging
import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ddd_utils import files
from ddd_utils.config import image_sets
from ddd_utils.data import label_tables, parquet
from ddd_utils.data.photographs import Files, Found, Photographs, read_npz, stamp
from ddd_utils.data.trees import JUNK, Tree, folder_tree, tar_tree
from ddd_utils.errors import InputError, nearest, needs_extra

log = logging.getLogger(__name__)

NUMBER = re.compile(r"-?\d{1,99}")


@dataclass(frozen=True)
class Listing:
    """Images and what they are of; none of them is decoded yet."""

    images: Photographs  # threads may decode them side by side
    ids: tuple[str, ...]  # a unique name for each
    keys: tuple[str, ...]  # class of each as its source says: a folder, an entry in a table, a name or number
    order: tuple[str, ...]  # the classes in their own order
    state: str  # changes with the source, and is known without reading the images
    notes: dict[str, str]  # what to know of them, and what would mend it, if that is needed


def listing(config: image_sets.Photographs | image_sets.Torchvision) -> Listing:
    """List images; whatever leaves their classes unclear raises InputError with file and row."""
    found = _found(config)
    source = config.dataset if isinstance(config, image_sets.Torchvision) else config.path
    keys, order = _classes(found, source)
    # What is known without reading the images, so that changed ones are told from others.
    state = hashlib.sha256(json.dumps([found.stamp, list(found.ids), list(keys), list(order)]).encode()).hexdigest()
    notes = dict(found.notes)
    if empty := sorted(set(order) - set(keys)):
        some = ", ".join([*empty[:5], "..."] if len(empty) > 5 else empty)
        notes[f"{len(empty):,} classes without images: {some}"] = "Is the set whole? They are classes nonetheless."
    for note in notes:
        log.info("%s: %s", source, note)
    return Listing(found.images, tuple(found.ids), tuple(keys), tuple(order), state, notes)


def _found(config: image_sets.Photographs | image_sets.Torchvision) -> Found:
    """Let the reader for this kind of images find them."""
    if isinstance(config, image_sets.Torchvision):
        needs_extra("models", f"torchvision's data set '{config.dataset}'")
        from ddd_utils.data import torchvision_sets

        return torchvision_sets.read(config)
    try:
        parts, within = files.fitting(files.find_images(config.where)), []
    except InputError:
        if not (parts := _tars(config)):
            raise
        within = [f"{kind}/{degree}" for kind in config.corruption or ["*"] for degree in config.severity or "12345"]
    path = parts[0] if len(parts) == 1 else Path(os.path.commonpath([part.parent for part in parts]))
    if parts[0].is_dir():
        return _tree(folder_tree(path, parts), config)
    if path.suffix.lower() == ".npz":
        return _npz(path, config)
    if parts[0].suffix.lower() == ".parquet":
        return parquet.read(parts, config.labels, config.classes)
    return _tree(tar_tree(path, parts, within), config)


def _tars(config: image_sets.Photographs) -> list[Path]:
    """List the tars in which the folders of ImageNet-C come, if any were asked for; they are at the path or in it."""
    if config.where == config.path:
        return []
    parts = files.fitting(files.find_images(config.path))
    return [tar for part in parts for tar in (sorted(part.glob("*.tar")) if part.is_dir() else [part])]


def _classes(found: Found, source: str) -> tuple[Sequence[str], Sequence[str]]:
    """Tell the class of each image, and all classes in order; where images have numbers, these are named."""
    labels, names = found.labels, found.classes
    if not isinstance(labels, np.ndarray):
        numbers = all(map(NUMBER.fullmatch, labels))
        known = set(names or labels)
        unnamed = next((label for label in labels if label not in known), None)
        if unnamed is None and (names or not numbers or min(map(int, labels)) >= 0):
            return labels, names or sorted(set(labels), key=int if numbers else None)
        if not numbers:
            raise InputError(f"{source}: the class '{unnamed}' is not among `classes`{nearest(unnamed, names)}")
        labels = np.array(list(map(int, labels)))
    if labels.min() < 0:
        raise InputError(f"{source}: the label {labels.min()} stands for no class; images without labels have it")
    if names is None:
        return [str(label) for label in labels], [str(label) for label in np.unique(labels)]
    if labels.max() >= len(names):
        raise InputError(
            f"{source}: labels run from {labels.min()} to {labels.max()}, but {len(names)} classes are named"
        )
    if twice := next((name for name, count in Counter(names).items() if count > 1), None):
        raise InputError(f"{source}: two classes are called '{twice}'")
    return [names[label] for label in labels], names


@dataclass(frozen=True, eq=False)
class Pixels(Photographs):
    """Images of an array, uint8 of shape (images, 3, height, width)."""

    pixels: np.ndarray

    def image(self, index: int) -> Image.Image:
        """Take one out."""
        return Image.fromarray(np.ascontiguousarray(self.pixels[index].transpose(1, 2, 0)))


def _npz(path: Path, config: image_sets.Photographs) -> Found:
    if config.labels is not None:
        raise InputError(f"`labels` names a table, but {path} holds its labels itself, as y")
    pixels, labels = read_npz(path)
    ids = [f"image-{index}" for index in range(len(labels))]
    return Found(Pixels(pixels), ids, labels, stamp([path]), config.classes)


def _tree(tree: Tree, config: image_sets.Photographs) -> Found:
    if config.labels is config.mapping is None and (
        table := label_tables.first(tree.places, [f"mappings/{label_tables.OBJECTNET[0]}"])
    ):
        return _objectnet(tree, label_tables.imagenets(table), config)
    keys = _beside(tree, config.labels)
    if keys is None and (table := _table(tree, config.labels)) is not None:
        keys = label_tables.table_keys(table, tree.images.names)
    if keys is not None:
        return Found(tree.images, tree.images.names, keys, tree.stamp, config.classes, _notes(tree, config))
    if config.classes is not None:
        raise InputError(f"`classes` names classes that are numbers, but those of {tree.images.folder} are folders")
    _check_level(tree)
    # The uppermost folder is the class; one without images is a class too.
    return Found(
        tree.images, tree.images.names, list(map(_top, tree.below)), tree.stamp, tree.classes, _notes(tree, config)
    )


def _objectnet(tree: Tree, classes: Mapping[str, str], config: image_sets.Photographs) -> Found:
    """Find the images of ObjectNet whose classes ImageNet has too; a border of two pixels is to be cut off all."""
    folders = {name: name.split("/")[-2:][0] for name in tree.images.names}
    names = [name for name, folder in folders.items() if folder in classes]
    if not names:
        raise InputError(f"{tree.images.folder}: no folder is one of ObjectNet's that {label_tables.OBJECTNET[0]} has")
    others = f"{len(folders) - len(names):,} of ObjectNet's images are of classes that ImageNet does not have"
    images = Files(tree.images.folder, names, border=2)
    labels = [classes[folders[name]] for name in names]
    return Found(images, names, labels, tree.stamp, notes={others: "", **_notes(tree, config)})


def _notes(tree: Tree, config: image_sets.Photographs) -> dict[str, str]:
    notes = {}
    if tree.skipped:
        counts = ", ".join(f"{count:,} {reason}" for reason, count in tree.skipped.most_common())
        mend = "Convert those that are images to PNG or JPEG." if set(tree.skipped) - {JUNK} else ""
        notes[f"Files not taken for images: {counts}"] = mend
    names = Counter(tree.below)
    # Shards may number their images anew, each from 0.
    folders = isinstance(tree.images.folder, Path) or config.where != config.path
    if folders and (times := max(names.values())) > 1:
        said = f"{len(names):,} names of images are in up to {times} folders each, as in ImageNet-C"
        notes[said] = "Intervals take images as independent, so give one corruption and one severity to trust them."
    return notes


def _beside(tree: Tree, labels: str | None) -> list[str] | None:
    """Read the classes from files beside the images, as webdataset has them: x.cls, or a field of x.json, for x.jpg."""
    folder, names = tree.images.folder, tree.images.names
    flat = len(set(map(_top, tree.below))) == 1
    fields = flat and ("." not in labels if labels else not label_tables.first(tree.places, label_tables.WELL_KNOWN))
    for end, wanted in ((".cls", labels is None), (".json", fields)):
        # What is called x ends at the first dot of its name.
        beside = [re.sub(r"\.[^/]*$", end, name) for name in names]
        if wanted and (folder / beside[0]).is_file():
            return [label_tables.class_in(folder / name, labels) for name in beside]
    return None


def _table(tree: Tree, labels: str | None) -> label_tables.Table | None:
    """Find the table of labels; None if the images lie in folders of classes."""
    if labels is not None:
        return label_tables.find_table(tree, labels)
    tops = set(map(_top, tree.below))
    sorted_in = len(tops) > 1 and "" not in tops
    table = label_tables.first(tree.places[:-1] if sorted_in else tree.places, label_tables.WELL_KNOWN)
    if sorted_in and table is not None:
        if table.name in label_tables.METADATA and not label_tables.tells(table):
            return None
        log.info("%s: classes are those of %s, not the folders", tree.images.folder, table.name)
    if table is None and "" in tops:
        loose = next(name for name, below in zip(tree.images.names, tree.below, strict=True) if not _top(below))
        raise InputError(
            f"{tree.images.folder}: '{loose}' is in no folder of a class, and there is no table of labels "
            f"({', '.join(label_tables.WELL_KNOWN)}); name one with `labels`"
        )
    return table


def _check_level(tree: Tree) -> None:
    """Refuse folders that are one level too high: a data set's, of which the folders inside are the classes."""
    above: dict[str, str] = {}
    for parts in (name.split("/") for name in tree.below):
        if len(parts) < 3:
            return  # images lie in the uppermost folders themselves
        if (other := above.setdefault(parts[1], parts[0])) != parts[0]:
            what = f"'{other}' and '{parts[0]}' both have a folder '{parts[1]}'"
            break
    else:
        if len(set(above.values())) > 1:
            return
        what, other = f"all images lie in folders of '{next(iter(above.values()))}'", next(iter(above.values()))
    if set(above) <= set("12345"):
        what = f"'{other}' seems to be a corruption of ImageNet-C, and folders in it its severities"
        raise InputError(f"{tree.images.folder}: {what}: give `corruption` and `severity` beside `path`")
    raise InputError(
        f"{tree.images.folder}: {what}, which seem to be the classes: give the level above them, "
        f"{tree.images.folder / other}, or name a table with `labels`"
    )


def _top(below: str) -> str:
    """Return the uppermost folder of an image; nothing if it lies in none."""
    folder, slash, _ = below.partition("/")
    return folder if slash else ""
