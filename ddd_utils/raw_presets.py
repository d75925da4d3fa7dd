"""A preset before it is checked: plain mappings, in which settings are replaced and paths are written out."""

from contextlib import suppress
from pathlib import Path
from typing import Any

from ddd_utils import local_files, paths
from ddd_utils.errors import InputError
from ddd_utils.image_sets import read_images
from ddd_utils.schema import find_table
from ddd_utils.yaml_files import located, read_yaml


def prefer_what_was_asked_for(block: Any, before: Any) -> None:
    """Forget a preset's responses where a setting gives it other images to show: they would win over them."""
    if not (isinstance(block, dict) and isinstance(before, dict)):
        return
    if block.get("images") != before.get("images") and block.get("responses") == before.get("responses"):
        block["responses"] = None


def settle(raw: dict) -> None:
    """Write the paths of `sota_comparison` so that they hold in the notebooks too, whose working folder is another."""
    block = raw.get("sota_comparison")
    if not isinstance(block, dict):
        return
    if isinstance(block.get("responses"), str):
        block["responses"] = str(paths.from_root(find_table(block["responses"])))
    if isinstance(models := block.get("models"), str) and Path(models).is_file():
        block["models"] = str(paths.from_root(Path(models).resolve()))
    elif isinstance(models, list):
        block["models"] = [located(entry, Path().resolve()) for entry in models]
    images = read_images(block.get("images"))
    if isinstance(images, dict) and isinstance(images.get("path"), str):
        with suppress(InputError):  # told when they are needed: a preset may name images of another machine
            images["path"] = str(paths.from_root(local_files.find_images(images["path"])))
        block["images"] = images


def settle_data(block: Any) -> None:
    """Write the files of data sets in a block so that they are found from another working folder too."""
    for key, value in list(block.items() if isinstance(block, dict) else enumerate(block)):
        if isinstance(value, dict | list):
            settle_data(value)
        elif key in ("train", "test") and isinstance(value, str) and Path(value).exists():
            block[key] = str(paths.from_root(Path(value).resolve()))


def override(raw: dict, setting: str) -> None:
    """Replace a value by a setting such as ``section.key=value``; a mapping is merged into one of its kind."""
    key, equals, text = setting.partition("=")
    *parents, last = key.strip().split(".")
    if not equals or not all([*parents, last]):
        raise InputError(f"--set {setting}: expected section.key=value")
    value = read_yaml(text, f"--set {key}")
    block = raw
    for parent in parents:
        block = block.setdefault(parent, {})
        if not isinstance(block, dict):
            raise InputError(f"--set {key}: '{parent}' is a value, not a block of keys")
    if isinstance(value, dict) and isinstance(block.get(last), dict) and _kind(value) in (None, _kind(block[last])):
        value = {**block[last], **value}
    block[last] = value


def _kind(block: dict) -> str | None:
    """Tell which kind of block this is, where there are several: another kind replaces what was there."""
    return read_images(block).get("name")
