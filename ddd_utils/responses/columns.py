"""Columns of anyone's table, each as codes into its few distinct values: lean, and quick to check."""

import csv
import gzip
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.json as pajson
import pyarrow.parquet as pq
from pyarrow import feather

from ddd_utils.errors import InputError

LINES = (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz")
ARROW = (".parquet", ".feather", ".arrow", *LINES)
TEXT = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz")
# What else a table may be in, and what of pandas reads it.
PANDAS = {".xlsx": "excel", ".xls": "excel", ".ods": "excel", ".json": "json", ".zip": "csv", ".pkl": "pickle"}
PANDAS |= {".parquet": "parquet", ".feather": "feather"}
# What is taken for a table now and then, by its beginning.
NO_TABLES = {
    "<!doctype": "a web page, not a table",
    "<html": "a web page, not a table",
    "version https://git-lfs": "a pointer of Git LFS, not the file: `git lfs pull` fetches it",
    "PK\x03\x04": "a ZIP archive or Excel workbook, not text",
}
DISTINCT = pa.dictionary(pa.int32(), pa.string())
DELIMITERS = ",;\t|"
# What the readers raise for damaged files; a damaged Parquet heading is undecodable.
UNREADABLE = (
    OSError,
    EOFError,
    UnicodeError,
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

    def refuse(self, sheet: "Sheet", wrong: Iterable[bool], what: Callable[[str], str]) -> None:
        """Raise the error that says what the first wrong value is; ``wrong`` is one for each distinct value."""
        wrong = np.array(list(wrong), bool)
        if wrong.any():
            row = int(np.argmax(wrong[self.codes]))
            raise sheet.fault(row, f"'{self.name}' is {what(self.values[self.codes[row]])}")


@dataclass(frozen=True)
class Dialect:
    """How a table of text is written: its encoding, what parts the cells, and whether Excel's "sep=;" is above it."""

    encoding: str
    delimiter: str
    above: int


class Sheet:
    """A table in a file: its headings, its columns, and the numbers of its rows. Written as text, it is its path."""

    def __init__(self, path: Path):
        self.path, name = path, path.name.lower()
        if path.is_dir():
            raise InputError(f"{path}: is a folder, not a table")
        if not name.endswith((*TEXT, *ARROW)):
            raise InputError(f"{path}: {_unknown(path)}")
        self.arrow, self.folded = name.endswith(ARROW), 0  # rows, where a row holds the answers of all models
        with self._naming():
            if not path.stat().st_size:
                raise InputError(f"{path}: is empty")
            self.dialect = _dialect(path) if not self.arrow else Dialect("utf-8", ",", 0)
            self.names: list[str] = self._schema().names if self.arrow else next(self._records(), (1, []))[1]

    def __str__(self) -> str:
        return str(self.path)

    def read(self, names: list[str]) -> dict[str, Column]:
        """Read some columns by heading; a cell is taken as the text it would be written as."""
        with self._naming():
            # A Parquet column is read and packed before the next one, so that only one is ever held unpacked.
            pieces = self._arrow_columns(names) if self.arrow else self._text_columns(names)
            return {name: self._packed(name, column) for name, column in pieces}

    def numbers(self, names: list[str]) -> dict[str, np.ndarray]:
        """Read the columns of numbers among some, NaN for empty cells; not those of empty cells alone."""
        if not names:
            return {}
        try:
            pieces = self._arrow_columns(names) if self.arrow else self._text_columns(names, pa.float64())
            read = {name: piece.cast(pa.float64()).to_numpy() for name, piece in pieces}
        except UNREADABLE:  # all are read at once, unless one holds something else
            return {name: found for each in names for name, found in self.numbers([each]).items()} if names[1:] else {}
        return {name: found for name, found in read.items() if not np.isnan(found).all()}

    def row_number(self, index: int) -> int:
        """Count a row as a spreadsheet does: headings are row 1, and blank lines, which are not read, count too."""
        index = index % self.folded if self.folded else index
        if self.arrow:
            return index + (1 if self._is(LINES) else 2)
        return next(islice(self._records(), index + 1, None))[0]

    def fault(self, index: int, what: str) -> InputError:
        """Make the error that names a row; ``index`` counts from 0, without headings and blank lines."""
        return InputError(f"{self}: row {self.row_number(index)}: {what}")

    def _is(self, suffixes: tuple[str, ...]) -> bool:
        return self.path.name.lower().endswith(suffixes)

    def _schema(self) -> pa.Schema:
        return pq.read_schema(self.path) if self._is((".parquet",)) else self._table().schema

    def _table(self) -> pa.Table:
        return pajson.read_json(self.path) if self._is(LINES) else feather.read_table(self.path)

    def _arrow_columns(self, names: list[str]) -> Iterator[tuple[str, pa.ChunkedArray]]:
        parquet = self._is((".parquet",))
        table = None if parquet else self._table()
        schema = table.schema if table else self._schema()
        for name in names:
            kind = schema.field(name).type
            if pa.types.is_nested(kind):
                raise InputError(f"{self}: column '{name}' holds {kind}, not text or numbers")
            column = self._parquet_column(name, kind) if table is None else table[name]
            # A damaged file may decode into codes without a value, or into text that is none.
            column.validate(full=True)
            yield name, column

    def _parquet_column(self, name: str, kind: pa.DataType) -> pa.ChunkedArray:
        text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
        with pq.ParquetFile(self.path, read_dictionary=[name] if text else []) as file:
            return file.read([name])[name]

    def _text_columns(self, names: list[str], kind: pa.DataType = DISTINCT) -> Iterator[tuple[str, pa.ChunkedArray]]:
        options = pacsv.ConvertOptions(include_columns=names, column_types=dict.fromkeys(names, kind))
        # A quoted cell may hold line breaks.
        lines = pacsv.ParseOptions(newlines_in_values=True, delimiter=self.dialect.delimiter)
        how = pacsv.ReadOptions(encoding=self.dialect.encoding, skip_rows=self.dialect.above)
        try:
            table = pacsv.read_csv(self.path, read_options=how, parse_options=lines, convert_options=options)
        except pa.ArrowInvalid:
            self._check_records()
            raise
        yield from zip(names, table.columns, strict=True)

    def _packed(self, name: str, column: pa.ChunkedArray) -> Column:
        """Keep the distinct values that occur, without spaces around them, and for each row which it is."""
        if not len(column):
            raise InputError(f"{self}: has no rows")
        if not pa.types.is_dictionary(column.type):
            column = column.dictionary_encode()
        column = column.unify_dictionaries()
        values = column.chunk(0).dictionary.cast(pa.string()).to_pylist()
        chunks = (chunk.indices.cast(pa.int32()).fill_null(len(values)) for chunk in column.chunks)
        codes = np.concatenate([chunk.to_numpy(zero_copy_only=False) for chunk in chunks])
        return distinct(name, codes, [(value or "").strip() for value in [*values, ""]])

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the rows of a text with their numbers, without blank lines; slow, for headings and to find a fault."""
        dialect = self.dialect
        encoding = dialect.encoding.replace("utf-8", "utf-8-sig")
        with _opened(self.path, "rt", encoding=encoding, errors="surrogateescape", newline="") as file:
            for number, cells in enumerate(csv.reader(file, delimiter=dialect.delimiter), 1):
                try:
                    "".join(cells).encode()
                except UnicodeEncodeError:
                    what = f"{self}: row {number} is not UTF-8; save the table as UTF-8"
                    raise InputError(what) from None
                if cells and number > dialect.above:
                    yield number, cells

    def _check_records(self) -> None:
        rows = self._records()
        width = len(next(rows)[1])
        for number, cells in rows:
            if len(cells) != width:
                raise InputError(f"{self}: row {number} has {len(cells)} cells, the headings are {width}")

    @contextmanager
    def _naming(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise InputError(f"{self}: no such file") from None
        except UNREADABLE as error:
            if self._is((".parquet",)) and not getattr(error, "strerror", None):
                raise InputError(f"{self}: not a whole Parquet file (torn or truncated)") from None
            reason = getattr(error, "strerror", None) or str(error).partition("\n")[0]
            raise InputError(f"{self}: cannot be read as a table: {reason}") from None


def distinct(name: str, codes: np.ndarray, values: list[str]) -> Column:
    """Make a column of values of which some may be equal, or occur in no row."""
    used = np.zeros(len(values), bool)
    used[codes] = True
    if used.all() and len(set(values)) == len(values):
        return Column(name, codes, np.array(values, object))
    place = {value: index for index, value in enumerate(dict.fromkeys(np.array(values, object)[used]))}
    moved = np.array([place.get(value, 0) for value in values], np.int32)
    return Column(name, moved[codes], np.array([*place], object))


def _opened(path: Path, mode: str, **options: Any) -> Any:
    return (gzip.open if path.suffix.lower() == ".gz" else open)(path, mode, **options)


def _dialect(path: Path) -> Dialect:
    """Find out how a text is written from its beginning: the delimiter is what parts its headings into most cells."""
    with _opened(path, "rb") as file:
        start = file.read(1 << 16)
    encoding = "utf-16" if start[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-16-le" if start[1:2] == b"\0" else "utf-8"
    lines = start.decode(encoding, "replace").lstrip("\ufeff").splitlines() or [""]
    if what := next((what for begin, what in NO_TABLES.items() if lines[0].lower().startswith(begin.lower())), None):
        raise InputError(f"{path}: {what}")
    if lines[0].lower().startswith("sep=") and len(lines[0].strip()) == 5:
        return Dialect(encoding, lines[0].strip()[4], 1)
    first = next((line for line in lines if line.strip()), "")
    return Dialect(encoding, max(DELIMITERS, key=lambda each: len(next(csv.reader([first], delimiter=each), []))), 0)


def _unknown(path: Path) -> str:
    """Say what a table may be in, and how pandas makes it of what this is in."""
    known = ", ".join([*TEXT[:4], ARROW[0], ARROW[1], LINES[0], ".npy"])
    how = with_pandas(path) if path.suffix.lower() in PANDAS else ""
    return f"unknown kind of table '{path.suffix}'; it may be {known}{how}"


def with_pandas(path: Path, change: str = "") -> str:
    """Give the two lines that convert a table into one that is read."""
    reader, stem = PANDAS.get(path.suffix.lower(), "csv"), path.name.partition(".")[0]
    lines = f"`table = pd.read_{reader}({path.name!r}){change}`, `table.to_csv('{stem}_new.csv', index=False)`"
    return f". With pandas: {lines}"
