"""Errors told in one line: what is wrong with the input and what was probably meant, or which networks failed."""

import difflib
from collections.abc import Iterable

# The extra of this package that brings what is imported, where the base does not.
EXTRAS = {
    **dict.fromkeys(
        ("torch", "torchvision", "timm", "sklearn", "submitit", "safetensors", "huggingface_hub"), "models"
    ),
    "open_clip": "clip",
    "jupyterlab": "lab",
}


class InputError(ValueError):
    """Bad input. The message is one line that names the key, file or value at fault."""


class ExperimentError(RuntimeError):
    """Networks that could not be trained or tested; the message names them."""


def nearest(word: str, options: Iterable[str]) -> str:
    """Suggest the option closest to a mistyped word: `` (did you mean 'option'?)``, or nothing if none is close."""
    found = difflib.get_close_matches(str(word), [str(option) for option in options], n=1, cutoff=0.5)
    return f" (did you mean '{found[0]}'?)" if found else ""


def needs_extra(module: str | None) -> str | None:
    """Name the extra that brings a module that is not installed, in one line; None if it is of no extra."""
    name = (module or "").partition(".")[0]
    if name not in EXTRAS:
        return None
    extra = EXTRAS[name]
    return f"{name} is not installed: it comes with the extra '{extra}' (in the checkout: pip install '.[{extra}]')"
