"""Images in Parquet files, as Hugging Face's tools write them: a column of encoded images and one of their classes."""

import functools
import json
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from ddd_utils import headings
from ddd_utils.data.photographs import Found, NotAnImage, Photographs, decode_bytes, stamp
from ddd_utils.data.trees import UNPRINTABLE
from ddd_utils.errors import InputError, nearest

# So many images are read at a time, and so many such steps kept: images that are decoded side by side are neighbours.
STEP, KEPT = 16, 8
ENCODED = re.compile(r"^(large_)?binary$|^struct<.*\bbytes: (large_)?binary")
_READING = threading.Lock()


@dataclass(frozen=True)
class Rows(Photographs):
    """Images of Parquet files, one after another."""

    column: str
    groups: list[tuple[Path, int]]  # file and row group
    starts: np.ndarray = field(repr=False)  # index of the first image of each group
    ids: tuple[str, ...] = field(repr=False)

    def image(self, index: int) -> Image.Image:
        """Read and decode one."""
        group = int(np.searchsorted(self.starts, index, "right")) - 1
        step, row = divmod(int(index - self.starts[group]), STEP)
        with _READING:
            content = _step(*self.groups[group], self.column, step)[row]
        if content is None:
            raise NotAnImage(f"{self.ids[index]}: no bytes of an image in its row, only a path or nothing")
        return decode_bytes(content, self.ids[index])


@functools.lru_cache(maxsize=KEPT)
def _step(path: Path, group: int, column: str, step: int) -> list[bytes | None]:
    """Read a step of a row group, of which the next is read without beginning anew."""
    with _named(path):
        reading = _begun(path, group, column)
        if reading[0] > step:
            _begun.cache_clear()
            reading = _begun(path, group, column)
        while reading[0] <= step:
            batch = next(reading[1])
            reading[0] += 1
        values = batch.column(0)
        return (values.field("bytes") if pa.types.is_struct(values.type) else values).to_pylist()


@functools.lru_cache(maxsize=1)
def _begun(path: Path, group: int, column: str) -> list[Any]:
    """Begin to read a row group: the number of the next step, and the steps."""
    # Without these two the whole group would be read at once; some files have one group.
    file = pq.ParquetFile(path, pre_buffer=False, buffer_size=2**20)
    return [0, file.iter_batches(STEP, row_groups=[group], columns=[column], use_threads=False)]


@contextmanager
def _named(path: Path) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError, ValueError) as error:
        raise InputError(f"{path}: {getattr(error, 'strerror', None) or 'not a whole Parquet file'}") from None


def read(shards: Sequence[Path], labels: str | None, classes: Sequence[str] | None) -> Found:
    """Find images in files that belong together; `labels` names the column of classes, `classes` what is in it."""
    with _named(shards[0]):
        schema = pq.read_schema(shards[0])
    image, label = _columns(shards[0], schema, labels)
    nested = [each.name for each in schema.field(image).flatten()]  # image.bytes and image.path; or the column itself
    groups, sizes, found, ids = [], [], [], []
    for shard in shards:
        with _named(shard):
            file = pq.ParquetFile(shard)
            if not file.schema_arrow.equals(schema):
                raise InputError(f"{shard}: its columns are not those of {shards[0].name}")
            own = file.read([label]).column(label).to_pylist()
            paths = file.read([f"{image}.path"]).column(image).to_pylist() if f"{image}.path" in nested else []
        if None in own:
            raise InputError(f"{shard}: row {own.index(None) + 1} has no '{label}'")
        groups += [(shard, group) for group in range(file.num_row_groups)]
        sizes += [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
        ids += [each["path"] for each in paths] or [f"{shard.stem}/{row}" for row in range(len(own))]
        found += own
    if not found:
        raise InputError(f"{shards[0]}: no images")
    kept, column = _telling(ids), f"{image}.bytes" if len(nested) > 1 else image
    images = Rows(column, groups, np.cumsum([0, *sizes[:-1]]), kept)
    numbers = np.array(found) if isinstance(found[0], int) else found
    return Found(images, kept, numbers, stamp(shards), classes or _class_names(schema, label))


def _telling(ids: Sequence[str | None]) -> tuple[str, ...]:
    """Keep names that tell images apart and can be written down; else count the images."""
    plain = all(name and not UNPRINTABLE.search(name) for name in ids) and len(set(ids)) == len(ids)
    return tuple(map(str, ids)) if plain else tuple(f"image-{index}" for index in range(len(ids)))


def _columns(path: Path, schema: pa.Schema, labels: str | None) -> tuple[str, str]:
    """Find the column of encoded images and that of classes, which may be asked for."""
    if labels is not None and labels not in schema.names:
        raise InputError(f"{path}: no column '{labels}'{nearest(labels, schema.names)}; {_listed(schema)}")
    images = [each.name for each in schema if ENCODED.search(str(each.type))]
    classes = [labels] if labels else [schema.names[index] for index in headings.candidates("label", schema.names)]
    for what, found, mend in (("images in bytes", images, ""), ("classes", classes, "; name it with `labels`")):
        if len(found) != 1:
            raise InputError(
                f"{path}: {'several columns' if found else 'no column'} of {what}{mend}; {_listed(schema)}"
            )
    if not re.fullmatch("u?int[0-9]+|(large_)?string", kind := str(schema.field(classes[0]).type)):
        raise InputError(f"{path}: '{classes[0]}' holds {kind}, but a class is a number or a name")
    return images[0], classes[0]


def _listed(schema: pa.Schema) -> str:
    return f"its columns are {', '.join(schema.names)}"


def _class_names(schema: pa.Schema, label: str) -> list[str] | None:
    """Read the names that Hugging Face's tools keep of numbered classes."""
    try:
        return json.loads(schema.metadata[b"huggingface"])["info"]["features"][label]["names"]
    except (KeyError, TypeError, ValueError):
        return None
