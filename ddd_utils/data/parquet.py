"""Images in Parquet files, as Hugging Face's tools write them: a column of encoded images and one of their classes."""

import bisect
import functools
import json
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from ddd_utils import headings
from ddd_utils.data.photographs import Found, NotAnImage, Photographs, decode_bytes, stamp
from ddd_utils.data.trees import UNPRINTABLE
from ddd_utils.errors import InputError

# So many images are read at a time, and so many such steps kept: images that are decoded side by side are neighbours.
STEP, KEPT = 16, 8
ENCODED = re.compile(r"^(large_)?binary$|^struct<.*\bbytes: (large_)?binary")
CLASS = re.compile(r"^u?int\d+$|^(large_)?string$")
_READING = threading.Lock()


@dataclass(frozen=True)
class Rows(Photographs):
    """Images of Parquet files, one after another."""

    column: str
    groups: list[tuple[Path, int, int]]  # file, when it was changed last, and row group
    starts: list[int]  # index of the first image of each group
    ids: list[str]

    def image(self, index: int) -> Image.Image:
        """Read and decode one."""
        group = bisect.bisect_right(self.starts, index) - 1
        step, row = divmod(int(index) - self.starts[group], STEP)
        with _READING, _named(self.groups[group][0]):
            content = _step(*self.groups[group], self.column, step)[row]
        if content is None:
            raise NotAnImage(f"{self.ids[index]}: no bytes of an image in its row, only a path or nothing")
        return decode_bytes(content, self.ids[index])


@functools.lru_cache(maxsize=KEPT)
def _step(path: Path, changed: int, group: int, column: str, step: int) -> list[bytes | None]:
    """Read a step of a row group, of which the next is read without beginning anew."""
    reading = _begun(path, changed, group, column)
    if reading[0] > step:
        _begun.cache_clear()
        reading = _begun(path, changed, group, column)
    while reading[0] <= step:
        batch = next(reading[1])
        reading[0] += 1
    values = batch.column(0)
    return (values.field("bytes") if pa.types.is_struct(values.type) else values).to_pylist()


@functools.lru_cache(maxsize=1)
def _begun(path: Path, changed: int, group: int, column: str) -> list[Any]:
    """Begin to read a row group: the number of the next step, and the steps."""
    # Without these two the whole group would be read at once; some files have one group.
    file = pq.ParquetFile(path, pre_buffer=False, buffer_size=2**20)
    return [0, file.iter_batches(STEP, row_groups=[group], columns=[column], use_threads=False)]


@contextmanager
def _named(path: Path) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError, ValueError, StopIteration, IndexError) as error:
        reason = "no such file" if isinstance(error, FileNotFoundError) else "not a whole Parquet file"
        raise InputError(f"{path}: {reason}") from None


def read(shards: Sequence[Path], labels: str | None, classes: Sequence[str] | None) -> Found:
    """Find images in files that belong together; `labels` names the column of classes, `classes` what is in it."""
    with _named(shards[0]):
        schema = pq.read_schema(shards[0])
    image, label = _columns(shards[0], schema, labels)
    rows: list[dict[str, Any]] = []
    groups: list[tuple[Path, int, int]] = []
    ends = [0]
    for shard in shards:
        with _named(shard):
            file = pq.ParquetFile(shard)
            rows += file.read([label, f"{image}.path"]).to_pylist()
        if not file.schema_arrow.equals(schema):
            raise InputError(f"{shard}: its columns are not those of {shards[0].name}")
        for group in range(file.num_row_groups):
            groups.append((shard, shard.stat().st_mtime_ns, group))
            ends.append(ends[-1] + file.metadata.row_group(group).num_rows)
    keys = [row[label] for row in rows]
    if None in keys or not keys:
        raise InputError(f"{shards[0]}: {f'no {label!r} in row {keys.index(None) + 1}' if keys else 'no rows'}")
    ids = [(row.get(image) or {}).get("path") for row in rows]
    if len(set(ids)) < len(ids) or not all(name and not UNPRINTABLE.search(name) for name in ids):
        ids = [f"image-{index}" for index in range(len(ids))]
    column = f"{image}.bytes" if pa.types.is_struct(schema.field(image).type) else image
    found = keys if isinstance(keys[0], str) else np.array(keys)
    names = classes or _names(schema, label)
    return Found(Rows(column, groups, ends[:-1], ids), ids, found, stamp(shards), names)


def _columns(path: Path, schema: pa.Schema, labels: str | None) -> tuple[str, str]:
    """Find the column of encoded images and that of classes, which may be asked for."""
    usual = [schema.names[index] for index in headings.candidates("label", schema.names)]
    images = [each.name for each in schema if ENCODED.search(str(each.type))]
    classes = [
        each.name for each in schema if each.name in ([labels] if labels else usual) and CLASS.search(str(each.type))
    ]
    for what, found in (("images in bytes", images), ("classes (numbers or names)", classes)):
        if len(found) != 1:
            several = f"several columns of {what}, {', '.join(found)}" if found else f"no column of {what}"
            raise InputError(f"{path}: {several}; name one with `labels`: {', '.join(schema.names)}")
    return images[0], classes[0]


def _names(schema: pa.Schema, label: str) -> list[str] | None:
    """Read the names that Hugging Face's tools keep of numbered classes."""
    try:
        return list(map(str, json.loads(schema.metadata[b"huggingface"])["info"]["features"][label]["names"]))
    except (KeyError, TypeError, ValueError):
        return None
