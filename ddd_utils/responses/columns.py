"""Columns of anyone's CSV or Parquet table, each as codes into its few distinct values: lean, and quick to check."""

import csv
import gzip
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from ddd_utils.errors import InputError

READABLE = (".csv", ".csv.gz", ".parquet")
# What the readers raise for damaged files; a damaged Parquet heading is undecodable.
UNREADABLE = (
    OSError,
    EOFError,
    UnicodeDecodeError,
    zlib.error,
    csv.Error,
    pa.ArrowInvalid,
    pa.ArrowNotImplementedError,
)


@dataclass(frozen=True)
class Column:
    """One column of a table: the code of each row's value, and the values."""

    name: str
    codes: np.ndarray  # int (rows,), into the values
    values: np.ndarray  # str (distinct values,); each occurs at least once, an empty cell is ""

    def refuse(self, path: Path, wrong: list[bool], what: Callable[[str], str]) -> None:
        """Raise the error that says what the first wrong value is; ``wrong`` is one for each distinct value."""
        if any(wrong):
            row = int(np.argmax(np.array(wrong)[self.codes]))
            raise fault(path, row, f"'{self.name}' is {what(self.values[self.codes[row]])}")


def column_names(path: Path) -> list[str]:
    """Read the headings of a table (``.csv``, ``.csv.gz`` or ``.parquet``)."""
    if path.is_dir():
        raise InputError(f"{path}: is a folder, not a table")
    if not path.name.lower().endswith(READABLE):
        raise InputError(f"{path}: unknown kind of table '{path.suffix}'; it may be {', '.join(READABLE)}")
    with _naming(path):
        if not path.stat().st_size:
            raise InputError(f"{path}: is empty")
        if _is_parquet(path):
            return pq.read_schema(path).names
        return next(_records(path), (1, []))[1]


def read_columns(path: Path, names: list[str]) -> dict[str, Column]:
    """Read some columns of a table by heading; a cell is taken as the text it would be written as."""
    with _naming(path):
        # A Parquet column is read and packed before the next one, so that only one is ever held unpacked.
        pieces = _parquet_columns(path, names) if _is_parquet(path) else _csv_columns(path, names)
        return {name: _packed(path, name, column) for name, column in pieces}


def row_number(path: Path, index: int) -> int:
    """Count a row as a spreadsheet does: the headings are row 1, and blank lines, which are not read, count too."""
    if _is_parquet(path):
        return index + 2
    return next(islice(_records(path), index + 1, None))[0]


def fault(path: Path, index: int, what: str) -> InputError:
    """Make the error that names a row; ``index`` counts from 0, without headings and blank lines."""
    return InputError(f"{path}: row {row_number(path, index)}: {what}")


def _is_parquet(path: Path) -> bool:
    return path.suffix.lower() == ".parquet"


def _parquet_columns(path: Path, names: list[str]) -> Iterator[tuple[str, pa.ChunkedArray]]:
    schema = pq.read_schema(path)
    for name in names:
        kind = schema.field(name).type
        if pa.types.is_nested(kind):
            raise InputError(f"{path}: column '{name}' holds {kind}, not text or numbers")
        text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
        with pq.ParquetFile(path, read_dictionary=[name] if text else []) as file:
            column = file.read([name])[name]
        # A damaged file may decode into codes without a value, or into text that is none.
        column.validate(full=True)
        yield name, column


def _csv_columns(path: Path, names: list[str]) -> Iterator[tuple[str, pa.ChunkedArray]]:
    text = pa.dictionary(pa.int32(), pa.string())
    options = pacsv.ConvertOptions(include_columns=names, column_types=dict.fromkeys(names, text))
    # A quoted cell may hold line breaks.
    lines = pacsv.ParseOptions(newlines_in_values=True)
    try:
        table = pacsv.read_csv(path, parse_options=lines, convert_options=options)
    except pa.ArrowInvalid:
        _check_records(path)
        raise
    yield from zip(names, table.columns, strict=True)


def _packed(path: Path, name: str, column: pa.ChunkedArray) -> Column:
    """Keep the distinct values that occur, and for each row which it is."""
    if not len(column):
        raise InputError(f"{path}: has no rows")
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    column = column.unify_dictionaries()
    values = column.chunk(0).dictionary.cast(pa.string()).to_pylist()
    chunks = (chunk.indices.cast(pa.int32()).fill_null(len(values)) for chunk in column.chunks)
    codes = np.concatenate([chunk.to_numpy(zero_copy_only=False) for chunk in chunks])
    used = np.zeros(len(values) + 1, bool)
    used[codes] = True
    values = np.array([*(value or "" for value in values), ""], object)
    if not used[:-1].all():
        codes = (np.cumsum(used) - 1)[codes]
    return Column(name, codes, values[used])


def _records(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of a CSV with their numbers, without blank lines; slow, for headings and to find a fault."""
    opener = gzip.open if path.suffix.lower() == ".gz" else open
    with opener(path, "rt", encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        for number, cells in enumerate(csv.reader(file), 1):
            try:
                "".join(cells).encode()
            except UnicodeEncodeError:
                raise InputError(f"{path}: row {number} is not UTF-8; save the table as UTF-8") from None
            if cells:
                yield number, cells


def _check_records(path: Path) -> None:
    rows = _records(path)
    width = len(next(rows)[1])
    for number, cells in rows:
        if len(cells) != width:
            raise InputError(f"{path}: row {number} has {len(cells)} cells, the headings are {width}")


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except UNREADABLE as error:
        if _is_parquet(path) and not getattr(error, "strerror", None):
            raise InputError(f"{path}: not a whole Parquet file (torn or truncated)") from None
        reason = getattr(error, "strerror", None) or str(error).partition("\n")[0]
        raise InputError(f"{path}: cannot be read as a table: {reason}") from None
