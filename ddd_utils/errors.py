"""Errors told in one line: what is wrong with the input and what was probably meant, or which networks failed."""

import difflib
import importlib.util
from collections.abc import Iterable
from pathlib import Path

# The packages that each extra of pyproject.toml brings, as they are imported.
EXTRAS = {
    "models": ("torch", "torchvision", "timm", "sklearn", "submitit", "safetensors", "huggingface_hub"),
    "clip": ("open_clip",),
    "lab": ("jupyterlab",),
}

NEAR = 0.6  # of two words, twice the matching characters over all: "dinov2_vitb14" and "tiny_vit_21m_384" have .55


def one_line(text: object) -> str:
    """Write what ends a line, or is a command to a terminal, as Python would: names of files may have it in them."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in str(text))


class InputError(ValueError):
    """Bad input. The message is one line that names the key, file or value at fault."""

    def __init__(self, message: object):
        super().__init__(one_line(message))

    def _render_traceback_(self) -> list[str]:
        """Show a notebook's reader that line alone: where in this package it was found out is of no use to them."""
        return [f"{type(self).__name__}: {self}"]


class ExperimentError(RuntimeError):
    """Networks that could not be trained or tested; the message names them."""


def nearest(word: object, options: Iterable[str]) -> str:
    """Suggest the option closest to a mistyped word: `` (did you mean 'option'?)``, or nothing if none is close."""
    found = difflib.get_close_matches(str(word), [str(option) for option in options], n=1, cutoff=NEAR)
    return f" (did you mean '{found[0]}'?)" if found else ""


def nearest_file(path: str, names: Iterable[str]) -> str:
    """Suggest what lies beside a path that is not there, by its name without the ending: the rest is alike anyway."""
    by_stem = {Path(name).stem: name for name in sorted(names)}
    found = difflib.get_close_matches(Path(path).stem, by_stem, n=1, cutoff=NEAR)
    return f" (did you mean '{Path(path).parent / by_stem[found[0]]}'?)" if found else ""


def needs_extra(extra: str, what: str) -> None:
    """Raise :class:`InputError` if a package of an extra is not installed; ``what`` is the subject of its sentence."""
    absent = [package for package in EXTRAS[extra] if not package_folder(package)]
    if absent:
        raise InputError(f'{what} needs {absent[0]}, which is not installed: pip install ".[{extra}]"')


def missing_extra(error: ModuleNotFoundError) -> str | None:
    """Say in one line which extra brings the module that was not found; None if no extra does."""
    name = (error.name or "").partition(".")[0]
    extra = next((extra for extra, packages in EXTRAS.items() if name in packages), None)
    return extra and f'this needs {name}, which is not installed: pip install ".[{extra}]"'


def package_folder(package: str) -> Path | None:
    """Find the folder of an installed package without importing it."""
    try:
        found = importlib.util.find_spec(package)
    except (ImportError, ValueError):  # somebody blocks its import
        return None
    return Path(found.origin).parent if found and found.origin else None
