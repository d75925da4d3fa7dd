"""Files that are whole or absent (JSON, YAML, CSV, NumPy, Parquet), and where users' files are."""

import csv
import functools
import glob
import hashlib
import itertools
import json
import math
import os
import re
import tempfile
import time
import zipfile
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from ddd_utils import paths
from ddd_utils.errors import InputError, nearest, nearest_file

METADATA = b"ddd_utils"
# Nobody writes a file and pauses for so long.
DEAD_S = 3600


class TornFile(InputError):
    """A file that is half-written, damaged or of another kind; ``path`` says which, ``reason`` why."""

    def __init__(self, path: Path, reason: str):
        super().__init__(f"{path}: {reason}; move it away to have it made anew")
        self.path, self.reason = path, reason


def set_aside(path: Path) -> Path:
    """Rename a damaged file to ``<name>.damaged`` or ``.damaged-2`` ..., so that it can be made anew."""
    ends = itertools.chain([""], map("-{}".format, itertools.count(2)))
    names = (path.with_name(f"{path.name}.damaged{end}") for end in ends)
    return path.rename(next(name for name in names if not name.exists()))


@contextmanager
def atomic(path: str | Path) -> Iterator[Path]:
    """Yield a temporary file to write, and rename it to ``path`` at the end: a file is complete or not there."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_partials(path.parent, glob.escape(path.name), DEAD_S)
    with tempfile.NamedTemporaryFile(prefix=f".{path.name}.", dir=path.parent, delete=False) as made:
        partial = Path(made.name)
    try:
        yield partial
        _flush(partial)
        # Temporary files are private; results are as public as everything else the user makes.
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


def remove_partials(folder: Path, name: str = "*", untouched_s: float = 0) -> None:
    """Remove what killed processes were writing with :func:`atomic`: all, or what was not written to for so long."""
    for partial in folder.glob(f".{name}.{'?' * 8}"):
        with suppress(OSError):  # another process was faster, or it is another user's
            if untouched_s == 0 or time.time() - partial.stat().st_mtime > untouched_s:
                partial.unlink()


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
        seen = set()
        for each, _ in node.value:
            key = self.construct_object(each, deep=True)
            if isinstance(key, Hashable):  # any other is refused below
                if key in seen:
                    complaint = f"the key '{key}' is given twice"
                    raise yaml.constructor.ConstructorError(None, None, complaint, node.start_mark)
                seen.add(key)
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?(\d[\d_]*)(\.\d*)?[eE][-+]?\d+$"), list("-+0123456789")
)


def parse_yaml(text: str, source: str) -> Any:
    """Parse YAML; text that is none raises :class:`InputError` with its source and line."""
    try:
        value = yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise InputError(f"{source}{where}: {getattr(error, 'problem', None) or 'not readable as YAML'}") from None
    except RecursionError:
        raise InputError(f"{source}: nested more than {DEEPEST} levels deep") from None
    except (ValueError, OverflowError) as error:  # a number of thousands of digits, the 31st of February
        raise InputError(f"{source}: a value that cannot be read: {str(error).partition(';')[0]}") from None
    _check_plain(value, source)
    return value


# Aliases let a few lines of YAML stand for more than any memory holds, or for a value inside itself.
DEEPEST, MOST, LARGEST = 50, 100_000, 2**53


def _check_plain(value: Any, source: str) -> None:
    """Refuse YAML that is not text, numbers, lists and mappings, of a size that somebody could have written."""
    waiting: list[tuple[str, Any, int]] = [(source, value, 0)]
    for count in itertools.count(1):
        if not waiting:
            return
        where, each, depth = waiting.pop()
        if depth > DEEPEST:
            raise InputError(f"{source}: nested more than {DEEPEST} levels deep, or a value contains itself")
        if count > MOST:
            raise InputError(f"{source}: more than {MOST:,} values, aliases counted as often as they stand")
        if isinstance(each, dict):
            waiting += [(f"{where}{_step(where, key, source)}", inner, depth + 1) for key, inner in each.items()]
        elif isinstance(each, list):
            waiting += [(f"{where}.{index}", inner, depth + 1) for index, inner in enumerate(each)]
        elif not isinstance(each, str | int | float | None):
            raise InputError(
                f"{where}: a value of type {type(each).__name__} ({each!r:.40}); text is written in quotes"
            )
        elif isinstance(each, int | float) and not abs(each) <= LARGEST:
            raise InputError(f"{where}: a number up to {LARGEST:.0e} is needed, not {each:.3g}")


def _step(where: str, key: Any, source: str) -> str:
    if not isinstance(key, str | int) or not str(key).isprintable():
        raise InputError(f"{where}: the key {key!r:.60} is not plain text on one line")
    return f"{': ' if where == source else '.'}{key}"


def read_yaml(path: Path) -> Any:
    """Read a YAML file; an unreadable one raises :class:`InputError` with its name."""
    try:
        return parse_yaml(path.read_text("utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: {getattr(error, 'strerror', None) or 'not a text file'}") from None


def read_own_yaml(path: Path) -> Any:
    """Read YAML that came with the package, in a tenth of the time: it was checked before it was committed."""
    return yaml.load(path.read_text("utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))


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
    """Write a table, whole or not at all; all text is quoted, and none is a formula to a spreadsheet."""
    table = table.map(_no_formula).rename(columns=_no_formula)
    with atomic(path) as partial:
        table.to_csv(partial, index=False, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")


def _no_formula(cell: Any) -> Any:
    """Put an apostrophe before text that spreadsheets would run: it may come from a stranger's table."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


def is_whole(path: Path) -> bool:
    """Say whether a Parquet, JSON or NumPy file is there and was written to its end."""
    readers: dict[str, Callable[[Path], Any]] = {".json": read_json, ".npy": read_array}
    try:
        readers.get(path.suffix, read_metadata)(path)
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
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (ValueError, EOFError):
        raise TornFile(path, "not a whole NumPy file of numbers") from None


def write_parquet(path: Path, columns: dict, metadata: dict | None = None) -> None:
    """Write columns as Parquet, whole or not at all; ``metadata`` goes into the same file."""
    table = pa.table(columns, metadata=None if metadata is None else {METADATA: json.dumps(metadata)})
    with atomic(path) as partial:
        # With checksums a flipped bit is an error, not another prediction.
        pq.write_table(table, partial, compression="zstd", write_page_checksum=True)


def read_parquet(path: Path, columns: list[str], also: Iterable[str] = ()) -> pd.DataFrame:
    """Read columns of a Parquet file, others if it has them; a torn one, or one without the former: InputError."""
    with _naming(path):
        there = pq.read_schema(path).names
        if missing := set(columns) - set(there):
            raise InputError(f"{path}: has no column '{min(missing)}'")
        columns = [*columns, *(name for name in also if name in there)]
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
SHARDS = 5_000  # files that a name with braces may stand for
PHOTOGRAPHS = (".bmp", ".gif", ".jfif", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")


def find(name: str, kind: str) -> Path:
    """Find a file, folder or table from the working folder, the repository or ``DDD_DATA``; the path is absolute."""
    if not name.strip():
        raise InputError(f"there is no {kind} '{name}'")
    candidates = _candidates(name)
    for path in candidates:
        if path.is_dir() if kind == "folder" else path.is_file():
            # A link keeps its own name: results are called after it.
            return path.parent.resolve() / path.name
    what = {"folder": "image folder"}.get(kind, kind)
    if any(path.exists() for path in candidates):
        raise InputError(f"'{name}' is a {'file' if kind == 'folder' else 'folder'}, and no {what}")
    absent = "" if any(path.parent.is_dir() for path in candidates) else str(Path(name).parent)
    beside = (found for path in _candidates(absent or name) for found in path.parent.glob("*"))
    names = {found.name for found in beside if found.is_dir() == (kind == "folder" or bool(absent))}
    suggestion = (f", nor a folder '{absent}'" if absent else "") + nearest_file(absent or name, names)
    looked_in = f"the working folder, the repository, DDD_DATA ({os.environ.get('DDD_DATA') or 'not set'})"
    looked_in = str(Path(name).parent) if Path(name).is_absolute() else looked_in
    raise InputError(f"there is no {what} '{name}'{suggestion}; looked in {looked_in}")


def find_images(name: str) -> Path:
    """Find photographs: a folder, or a file that holds them, see :func:`find`; or several, see :func:`fitting`."""
    candidates = _candidates(name)
    several = re.search(r"[*{]", name) and next((path for path in candidates if fitting(path)), None)
    kind = "file" if "*" in name or any(path.is_file() for path in candidates) else "folder"
    return several.absolute() if several else find(name, kind)


def fitting(path: Path) -> list[Path]:
    """List the path, or all that fit it: with ``*``, and all that its braces (``{000..003}``, ``{a,b}``) stand for."""
    if path.exists():
        return [path]
    # Every other part was in braces. Two asterisks would stand for folders at any depth.
    parts = re.split(r"\{(.*?)\}", re.sub(r"\*+", "*", str(path.absolute())))
    choices = [_written_out(part) if odd % 2 else [part] for odd, part in enumerate(parts)]
    names = map("".join, itertools.islice(itertools.product(*choices), SHARDS))
    listed = (sorted(Path("/").glob(name[1:])) if "*" in name else [Path(name)] for name in names)
    together = list(itertools.chain.from_iterable(listed))
    return together if any(each.exists() for each in together) else []


def _written_out(braces: str) -> Sequence[str]:
    if bounds := re.fullmatch(r"(\d+)\.\.(\d+)", braces):
        numbers = range(int(bounds[1]), int(bounds[2]) + 1)[:SHARDS]
        return [str(number).zfill(len(bounds[1])) for number in numbers]
    return braces.split(",")


def _candidates(name: str) -> list[Path]:
    folders = [Path(), paths.ROOT, *map(Path, filter(None, [os.environ.get("DDD_DATA")]))]
    return [folder / name for folder in folders]


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
        return sorted(each.name for each in entries if each.name.lower().endswith(PHOTOGRAPHS) and each.name[0] != ".")


def array_shape(path: Path, key: str) -> tuple[int, ...]:
    """Read the shape of an array in a ``.npz`` file from its header; a damaged file or no such array: InputError."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open(f"{key}.npy") as file:
            major, _ = np.lib.format.read_magic(file)
            header = {1: np.lib.format.read_array_header_1_0, 2: np.lib.format.read_array_header_2_0}[major]
            shape, _, kind = header(file)
            promised, held = math.prod(shape) * kind.itemsize, archive.getinfo(f"{key}.npy").file_size - file.tell()
    except KeyError:
        keys = [Path(name).stem for name in archive.namelist()]
        raise InputError(f"{path}: no array '{key}'{nearest(key, keys)}; it has {', '.join(keys) or 'none'}") from None
    except (zipfile.BadZipFile, OSError, ValueError, EOFError) as error:
        raise InputError(f"{path}: not a whole .npz file ({error})") from None
    if promised != held and not kind.hasobject:
        raise InputError(f"{path}: its array '{key}' promises {promised:,} bytes and has {held:,}")
    return shape


def digest(path: Path) -> str:
    """Return a file's SHA-256, as `sha256` does, computed anew only if the file has changed."""
    stat = path.stat()
    return _digest(path, (stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns))


@functools.cache
def _digest(path: Path, state: tuple) -> str:
    return sha256(path)
