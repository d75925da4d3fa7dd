"""YAML in and out: numbers as people write them, errors in one line, files whole or not at all."""

import re
from pathlib import Path
from typing import Any

import yaml

from ddd_utils import paths
from ddd_utils.errors import InputError, nearest
from ddd_utils.files import atomic


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


def read_yaml(text: str, source: str) -> Any:
    """Parse YAML; text that is none raises :class:`InputError` with its source and line."""
    try:
        return yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise InputError(f"{source}{where}: {getattr(error, 'problem', None) or 'not readable as YAML'}") from None


def read_file(path: Path) -> Any:
    """Read a YAML file; an unreadable one raises :class:`InputError` with its name."""
    try:
        return read_yaml(path.read_text("utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: {getattr(error, 'strerror', None) or 'not a text file'}") from None


def read_models(models: Any) -> Any:
    """Make a list of entries of a model set: a YAML file's name, or a list of names and entries."""
    if isinstance(models, str):
        found = [path for path in (Path(models), paths.ROOT / models, paths.PARAMS / models) if path.is_file()]
        if not found:
            known = [f"models/{path.name}" for path in sorted((paths.PARAMS / "models").glob("*.yaml"))]
            raise InputError(f"models: there is no file '{models}'{nearest(models, known)}")
        return _entries(read_file(found[0]), found[0].parent.resolve())
    return _entries(models, Path().resolve())


def _entries(models: Any, folder: Path) -> list:
    """Write names as entries, and weights that lie beside the set's file with their full path."""
    if not isinstance(models, list):
        raise InputError("models: a model set is a list of names or entries")
    entries = [{"model": entry} if isinstance(entry, str) else entry for entry in models]
    return [located(entry, folder) for entry in entries]


def located(entry: Any, folder: Path) -> Any:
    """Give an entry's file of weights its full path where it lies in a folder."""
    weights = entry.get("pretrained") if isinstance(entry, dict) else None
    if not isinstance(weights, dict) or not isinstance(file := weights.get("file"), str):
        return entry
    if not (folder / file).is_file():
        return entry
    return {**entry, "pretrained": {**weights, "file": str(folder / file)}}


def save(raw: dict[str, Any], path: str | Path, heading: str = "") -> Path:
    """Write plain data as a YAML file, whole or not at all; ``heading`` is a comment for its first line."""
    path = Path(path)
    try:
        text = yaml.safe_dump(raw, sort_keys=False, allow_unicode=True)
    except yaml.representer.RepresenterError as error:
        what = type(error.args[-1]).__name__
        raise InputError(f"{path.name}: a value of type {what} cannot be written; use plain Python values") from None
    with atomic(path) as partial:
        partial.write_text(f"{heading}\n{text}" if heading else text, "utf-8")
    return path
