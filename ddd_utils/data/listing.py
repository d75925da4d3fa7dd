"""The images that pretrained models answer: their names and classes, wherever they come from."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ddd_utils import local_files
from ddd_utils.config import image_sets
from ddd_utils.data import label_tables
from ddd_utils.data.photographs import Photographs, read_npz
from ddd_utils.data.trees import Table, Tree, folder_tree, tar_tree
from ddd_utils.errors import InputError, needs_extra


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
    path = local_files.find_images(config.path)
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

    def __len__(self) -> int:
        return len(self.pixels)

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
    keys, order = _folders(tree) if table is None else _labelled(table, tree.names)
    return make(tree.images, tree.names, keys, order, tree.stamp)


def _labelled(table: Table, names: Sequence[str]) -> tuple[list[str], list[str]]:
    keys = list(label_tables.keys(table, names))
    return keys, _sorted(set(keys))


def _table(tree: Tree, labels: str | None) -> Table | None:
    """Find the table of labels; None if the images lie in folders of classes."""
    if labels is not None:
        return label_tables.find(tree, labels)
    tops = {_top(tree, name) for name in tree.names}
    if len(tops) > 1 and "" not in tops:
        return None
    table = label_tables.well_known(tree.places)
    if table is None and "" in tops:
        loose = next(name for name in tree.names if not _top(tree, name))
        raise InputError(
            f"{tree.path}: '{loose}' is in no folder of a class, and there is no table of labels "
            f"({', '.join(label_tables.WELL_KNOWN)}); name one with `labels`"
        )
    return table


def _folders(tree: Tree) -> tuple[list[str], list[str]]:
    """Let the uppermost folder be the class; one without images is a class too."""
    below = (name.removeprefix(tree.root) for name in tree.folders if name.startswith(tree.root))
    return [_top(tree, name) for name in tree.names], [name for name in below if "/" not in name]


def _top(tree: Tree, name: str) -> str:
    """Return the folder of an image under the root; nothing if it lies there itself."""
    folder, slash, _ = name.removeprefix(tree.root).partition("/")
    return folder if slash else ""


def _sorted(keys: Iterable[str]) -> list[str]:
    """Sort numbers by value, anything else as text."""
    keys = list(keys)
    return sorted(keys, key=int) if all(key.isdecimal() for key in keys) else sorted(keys)
