"""Files that are whole or absent (JSON, YAML, CSV, NumPy, Parquet), and where users' files are."""

import csv
import functools
import hashlib
import json
import os
import re
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from ddd_utils import paths
from ddd_utils.errors import InputError, nearest

METADATA = b"ddd_utils"


class TornFile(InputError):
    """A file that is half-written, damaged or of another kind; ``path`` says which, ``reason`` why."""

    def __init__(self, path: Path, reason: str):
        super().__init__(f"{path}: {reason}; move it away to have it made anew")
        self.path, self.reason = path, reason


def set_aside(path: Path) -> Path:
    """Rename a damaged file to ``<name>.damaged`` or ``.damaged-2`` ..., so that it can be made anew."""
    names = [f"{path.name}.damaged", *(f"{path.name}.damaged-{number}" for number in range(2, 1000))]
    free = next(path.with_name(name) for name in names if not path.with_name(name).exists())
    return path.rename(free)


@contextmanager
def atomic(path: str | Path) -> Iterator[Path]:
    """Yield a temporary file to write, and rename it to ``path`` at the end: a file is complete or not there."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    partial = Path(name)
    try:
        yield partial
        _flush(partial)
        # mkstemp makes files private; results are as public as everything else the user makes.
        os.umask(mask := os.umask(0))
        partial.chmod(0o666 & ~mask)
        partial.replace(path)
    except OSError as error:
        if error.filename is not None or error.errno is None:
            raise
        # Libraries write through open files and so do not know which one the disk was too full for.
        raise OSError(error.errno, os.strerror(error.errno), str(path)) from None
    finally:
        partial.unlink(missing_ok=True)


def remove_partials(folder: Path, name: str = "*") -> None:
    """Remove what killed processes were writing with :func:`atomic`; no other process may be writing it now."""
    for partial in folder.glob(f".{name}.*"):
        partial.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    """Wait until a file is on the disk: after a power cut, a renamed file could otherwise be an empty one."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def short_hash(value: Any, length: int = 8) -> str:
    """Return hexadecimal digits that tell a value from others by its JSON: they name folders and files of results."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:length]


def safe_name(text: str, length: int = 40) -> str:
    """Return a text with nothing in it that a file's name cannot hold everywhere, cut to some length."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", text)[:length].strip("_-") or "unnamed"


def write_json(path: Path, data: dict) -> None:
    """Write strict JSON (no NaN), whole or not at all."""
    write_text(path, json.dumps(data, indent=1, allow_nan=False, ensure_ascii=False))


def read_json(path: Path) -> dict:
    """Read JSON; a missing or damaged file raises :class:`InputError` with its name."""
    try:
        return json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    except ValueError:
        raise TornFile(path, "damaged, not JSON") from None


class _Loader(yaml.SafeLoader):
    """YAML in which 1e-4 is a number, as people expect, and a key cannot be given twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        """Build a mapping, refusing doubled keys."""
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"the key '{key}' is given twice", node.start_mark)
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?(\d[\d_]*)(\.\d*)?[eE][-+]?\d+$"), list("-+0123456789")
)


def parse_yaml(text: str, source: str) -> Any:
    """Parse YAML; text that is none raises :class:`InputError` with its source and line."""
    try:
        return yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise InputError(f"{source}{where}: {getattr(error, 'problem', None) or 'not readable as YAML'}") from None


def read_yaml(path: Path) -> Any:
    """Read a YAML file; an unreadable one raises :class:`InputError` with its name."""
    try:
        return parse_yaml(path.read_text("utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: {getattr(error, 'strerror', None) or 'not a text file'}") from None


def write_yaml(raw: dict[str, Any], path: str | Path, heading: str = "") -> Path:
    """Write plain data as a YAML file, whole or not at all; ``heading`` is a comment for its first line."""
    path = Path(path)
    try:
        text = yaml.safe_dump(raw, sort_keys=False, allow_unicode=True)
    except yaml.representer.RepresenterError as error:
        what = type(error.args[-1]).__name__
        raise InputError(f"{path.name}: a value of type {what} cannot be written; use plain Python values") from None
    write_text(path, f"{heading}\n{text}" if heading else text)
    return path


def write_text(path: Path, text: str) -> None:
    """Write text as UTF-8 with the line ends it has, whole or not at all."""
    with atomic(path) as partial:
        partial.write_text(text, "utf-8", newline="")


def write_csv(path: Path, table: pd.DataFrame) -> None:
    """Write a table, whole or not at all; all text is quoted, so that no name in it can break a row."""
    with atomic(path) as partial:
        table.to_csv(partial, index=False, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")


def is_whole(path: Path) -> bool:
    """Say whether a Parquet or JSON file is there and was written to its end."""
    try:
        (read_json if path.suffix == ".json" else read_metadata)(path)
    except InputError:
        return False
    return True


def write_array(path: Path, array: np.ndarray) -> None:
    """Write a ``.npy`` file, whole or not at all."""
    with atomic(path) as partial, partial.open("wb") as file:
        np.save(file, array, allow_pickle=False)


def read_array(path: Path) -> np.ndarray:
    """Read a ``.npy`` file of numbers; another file, or a torn one, raises :class:`InputError` with its name."""
    try:
        return np.load(path, allow_pickle=False)
    except (ValueError, EOFError):
        raise InputError(f"{path}: not a whole NumPy file of numbers") from None


def write_parquet(path: Path, columns: dict, metadata: dict | None = None) -> None:
    """Write columns as Parquet, whole or not at all; ``metadata`` goes into the same file."""
    table = pa.table(columns)
    if metadata is not None:
        table = table.replace_schema_metadata({METADATA: json.dumps(metadata)})
    with atomic(path) as partial:
        # With checksums a flipped bit is an error, not another prediction.
        pq.write_table(table, partial, compression="zstd", write_page_checksum=True)


def read_parquet(path: Path, columns: list[str]) -> pd.DataFrame:
    """Read columns of a Parquet file; a torn one, or one without the columns, raises :class:`InputError`."""
    with _naming(path):
        missing = set(columns) - set(pq.read_schema(path).names)
        if missing:
            raise InputError(f"{path}: has no column '{min(missing)}'")
        return pq.read_table(path, columns=columns, page_checksum_verification=True).to_pandas()


def read_metadata(path: Path) -> dict:
    """Read the metadata stored by :func:`write_parquet`; reads only the file's footer, so it also finds torn files."""
    with _naming(path):
        return json.loads((pq.read_schema(path).metadata or {}).get(METADATA, b"{}"))


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    try:
        yield
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (pa.ArrowException, OSError, ValueError) as error:
        if reason := getattr(error, "strerror", None):
            raise InputError(f"{path}: {reason}") from None
        raise TornFile(path, "not a whole Parquet file (torn or truncated)") from None


JUNK = {"__macosx", "$recycle.bin", "system volume information", "lost+found", "__pycache__", "network trash folder"}
JUNK |= {"@eadir", "@recycle", "@recently-snapshot", "#recycle", "#snapshot", "@tmp", "@sharebin"}
JUNK |= {"temporary items", "thumbs.db", "desktop.ini", "icon\r", "recycler", "recycled", "found.000"}
PHOTOGRAPHS = (".bmp", ".gif", ".jfif", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")


def find(name: str, kind: str) -> Path:
    """Find a file, folder or table from the working folder, the repository or ``DDD_DATA``; the path is absolute."""
    candidates = _candidates(name)
    for path in candidates:
        if path.is_dir() if kind == "folder" else path.is_file():
            # A link keeps its own name: results are called after it.
            return path.parent.resolve() / path.name
    beside = {
        found.name for path in candidates for found in path.parent.glob("*") if found.is_dir() == (kind == "folder")
    }
    suggestion = nearest(name, sorted(str(Path(name).parent / found) for found in beside))
    what = {"folder": "image folder"}.get(kind, kind)
    raise InputError(f"there is no {what} '{name}'{suggestion}; looked in {', '.join(_looked_in(name))}")


def find_images(name: str) -> Path:
    """Find photographs: a folder, or a file that holds them (tar, ``.npz``); see :func:`find`."""
    return find(name, "file" if any(path.is_file() for path in _candidates(name)) else "folder")


def _candidates(name: str) -> list[Path]:
    local = os.environ.get("DDD_DATA")
    return [folder / name for folder in (Path(), paths.ROOT, *([Path(local)] if local else []))]


def _looked_in(name: str) -> list[str]:
    if Path(name).is_absolute():
        return [str(Path(name).parent)]
    local = os.environ.get("DDD_DATA")
    return ["the working folder", "the repository", f"DDD_DATA ({local})" if local else "DDD_DATA (not set)"]


@functools.cache
def count_photographs(folder: Path) -> int:
    """Count the photographs in a folder's sub-folders, once a session."""
    return sum(len(photographs(each)) for each in class_folders(folder))


def is_junk(name: str) -> bool:
    """Tell by its name what archivers, file servers and systems leave in folders, hidden files among them."""
    return name.startswith(".") or name.casefold() in JUNK


def class_folders(folder: Path) -> list[Path]:
    """List a folder's sub-folders by name, without hidden ones and others that nobody made."""
    return sorted(path for path in folder.iterdir() if path.is_dir() and not is_junk(path.name))


def photographs(folder: Path) -> list[str]:
    """List the names of a folder's image files, in order."""
    with os.scandir(folder) as entries:
        names = (entry.name for entry in entries)
        return sorted(name for name in names if name.lower().endswith(PHOTOGRAPHS) and not name.startswith("."))


def array_shape(path: Path, key: str) -> tuple[int, ...]:
    """Read the shape of an array in a ``.npz`` file from its header; a damaged file or no such array: InputError."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open(f"{key}.npy") as file:
            major, _ = np.lib.format.read_magic(file)
            header = {1: np.lib.format.read_array_header_1_0, 2: np.lib.format.read_array_header_2_0}[major]
            return header(file)[0]
    except KeyError:
        with zipfile.ZipFile(path) as archive:
            keys = [Path(name).stem for name in archive.namelist()]
        raise InputError(f"{path}: no array '{key}'{nearest(key, keys)}; it has {', '.join(keys) or 'none'}") from None
    except (zipfile.BadZipFile, OSError, ValueError, EOFError) as error:
        raise InputError(f"{path}: not a whole .npz file ({error})") from None


def digest(path: Path) -> str:
    """Return a file's SHA-256, as `sha256` does, computed anew only if the file has changed."""
    stat = path.stat()
    return _digest(path, (stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns))


@functools.cache
def _digest(path: Path, state: tuple) -> str:
    return sha256(path)
