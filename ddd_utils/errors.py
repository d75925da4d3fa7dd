"""Errors told in one line: what is wrong with the input and what was probably meant, or which networks failed."""

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """Bad input. The message is one line that names the key, file or value at fault."""


class ExperimentError(RuntimeError):
    """Networks that could not be trained or shown their images; the message names them."""


def nearest(word: str, options: Iterable[str]) -> str:
    """Suggest the option closest to a mistyped word."""
    found = difflib.get_close_matches(str(word), [str(option) for option in options], n=1, cutoff=0.5)
    return f" (did you mean '{found[0]}'?)" if found else ""
