"""Data sets of torchvision, by the names of their classes."""

import hashlib
import inspect
import json
import os
import tarfile
import threading
import zipfile
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torchvision
from PIL import Image

from ddd_utils import paths
from ddd_utils.config import image_sets
from ddd_utils.data.photographs import Found, NotAnImage, Photographs, in_a_line, silence, stamp, upright_rgb
from ddd_utils.errors import InputError, nearest

# What torchvision raises when files are missing or damaged, or cannot be downloaded.
ABSENT = (OSError, RuntimeError, EOFError, zipfile.BadZipFile, tarfile.TarError)
# Attributes in which its classes keep numbers of classes, their names, files and pixels.
LABELS = ("targets", "labels", "_labels")
NAMES = ("wnids", "classes", "categories")
FILES = ("imgs", "_samples", "_images", "_image_files", "images")
PIXELS = ("data", "x")
_SEEDED = threading.Lock()


@dataclass(frozen=True, eq=False)
class Items(Photographs):
    """Images of a torchvision data set."""

    dataset: Any
    ids: tuple[str, ...]

    def image(self, index: int) -> Image.Image:
        """Take or decode one; a damaged one raises :class:`InputError` with its name."""
        # Made-up images come from torch's one generator; all others may be read side by side.
        made_up = isinstance(self.dataset, torchvision.datasets.FakeData)
        silence()
        try:
            with _SEEDED if made_up else nullcontext():
                return upright_rgb(self.dataset[index][0])
        except Exception as error:  # Whatever a decoder stumbles over is in the image.
            reason = in_a_line(error)
            # The system's own errors (no memory, no permission, a broken disk) say nothing of the image.
            systems = isinstance(error, MemoryError) or getattr(error, "errno", None) is not None
            raise (InputError if systems else NotAnImage)(
                f"{self.ids[index]}: {reason if systems else f'not a whole image ({reason})'}"
            ) from None


def read(config: image_sets.Torchvision) -> Found:
    """Open a data set, or download it."""
    dataset = _dataset(config)
    labels = _labels(dataset, config.dataset)
    files = _files(dataset)
    ids = _ids(files, len(labels))
    state = json.dumps([config.dataset, config.arguments, _stamp(dataset, files)], sort_keys=True, default=str)
    names = next((getattr(dataset, attribute) for attribute in NAMES if hasattr(dataset, attribute)), None)
    if names is not None:  # ImageNet's classes have several, the usual one first
        names = [name[0] if isinstance(name, tuple) else str(name) for name in names]
    return Found(Items(dataset, ids), ids, labels, state, names)


def _dataset(config: image_sets.Torchvision) -> Any:
    known = torchvision.datasets.__all__
    if config.dataset not in known:
        raise InputError(f"torchvision has no data set '{config.dataset}'{nearest(config.dataset, known)}")
    maker = getattr(torchvision.datasets, config.dataset)
    takes = _parameters(maker)
    for name in config.arguments:
        if name not in takes:
            raise InputError(f"torchvision's {config.dataset} takes no '{name}'{nearest(name, takes)}")
    arguments = {**({"root": str(paths.ROOT / config.root)} if "root" in takes else {}), **config.arguments}
    for part in _parts(takes, arguments):
        try:
            return _made(maker, takes, {**arguments, **part})
        except _NoSuchPart as error:
            refused = error
    raise refused


def _parameters(maker: type) -> list[str]:
    """List the arguments of a class, with those it passes on to its bases."""
    found: dict[str, inspect.Parameter] = {}
    for each in maker.__mro__:
        if "__init__" in vars(each):
            takes = inspect.signature(vars(each)["__init__"]).parameters
            found = {**takes, **found}
            if all(parameter.kind is not parameter.VAR_KEYWORD for parameter in takes.values()):
                break
    return [name for name, parameter in found.items() if parameter.kind is not parameter.VAR_KEYWORD][1:]


def _parts(takes: list[str], arguments: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the arguments that ask for the test part, in order of preference: some sets only have "val"."""
    if "train" in takes:
        return [{} if "train" in arguments else {"train": False}]
    if "split" in takes and "split" not in arguments:
        return [{"split": "test"}, {"split": "val"}]
    return [{}]


class _NoSuchPart(InputError):
    """A data set has no part of this name."""


def _made(maker: type, takes: list[str], arguments: dict[str, Any]) -> Any:
    name = f"torchvision's {maker.__name__}"
    try:
        return maker(**arguments)
    except (TypeError, ValueError, ImportError) as error:
        kind = _NoSuchPart if "for argument split" in str(error) else InputError
        raise kind(f"{name}: {in_a_line(error)}") from None
    except ABSENT as error:
        if "download" not in takes or "download" in arguments:
            raise InputError(f"{name}: {in_a_line(error)}") from None
    try:
        return maker(**arguments, download=True)
    except (*ABSENT, ValueError, ImportError) as error:
        where = arguments.get("root", "its folder")
        raise InputError(f"{name} is not in {where} and cannot be downloaded: {in_a_line(error)}") from None


def _labels(dataset: Any, name: str) -> np.ndarray:
    """Return the numbers of the images' classes: an attribute if some images confirm it, else from every image."""
    if not len(dataset):
        raise InputError(f"torchvision's {name}: no images")
    probes = sorted({0, len(dataset) // 2, len(dataset) - 1})
    try:
        for attribute in LABELS:
            kept = np.asarray(getattr(dataset, attribute, ()))
            if kept.shape == (len(dataset),) and all(_is(dataset, index, kept[index]) for index in probes):
                return _whole(kept)
        return _whole(np.array([dataset[index][1] for index in range(len(dataset))]))
    except Exception as error:  # Items of all kinds: pairs of photographs, boxes, captions, films.
        raise InputError(
            f"torchvision's {name}: its items are no images with a class each ({in_a_line(error)})"
        ) from None


def _is(dataset: Any, index: int, label: Any) -> bool:
    try:
        return bool(dataset[index][1] == label)
    except (OSError, SyntaxError):  # A damaged image contradicts nothing.
        return True


def _whole(labels: np.ndarray) -> np.ndarray:
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer) or labels.min() < 0:
        raise ValueError(f"labels are {labels.dtype} of shape {labels.shape}, not numbers from 0")
    return labels


def _files(dataset: Any) -> list[Path] | None:
    """Return the images' files, if they are kept one by one."""
    for attribute in FILES:
        entries = getattr(dataset, attribute, None)
        if isinstance(entries, list | tuple) and len(entries) == len(dataset):
            found = [entry[0] if isinstance(entry, tuple) else entry for entry in entries]
            if all(isinstance(path, str | os.PathLike) for path in found):
                return [Path(path) for path in found]
    return None


def _ids(files: list[Path] | None, count: int) -> tuple[str, ...]:
    """Return the files' paths from the folder that all are in; numbers where there are none."""
    if files is None or len(set(files)) < count:
        return tuple(f"image-{index}" for index in range(count))
    shared = os.path.commonpath([path.parent for path in files])
    return tuple(path.relative_to(shared).as_posix() for path in files)


def _stamp(dataset: Any, files: list[Path] | None) -> str:
    """Tell changed files, or changed pixels where they are all in memory."""
    if files is not None:
        return stamp(files)
    pixels = next((np.asarray(getattr(dataset, name)) for name in PIXELS if hasattr(dataset, name)), None)
    return "" if pixels is None else hashlib.sha256(np.ascontiguousarray(pixels).data).hexdigest()
