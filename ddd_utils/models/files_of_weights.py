"""Files of weights: read without running code, checked for damage; other forms are named, with what to save instead."""

import argparse
import collections
import pathlib
import pickle
import re
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.torch
import torch

from ddd_utils.data.trees import COMPRESSED
from ddd_utils.errors import InputError, nearest
from ddd_utils.models.by_name import brief

# What checkpoints hold beside weights: arguments and numbers. They are made without running code of the file's.
BESIDE = [argparse.Namespace, pathlib.PosixPath, pathlib.PurePosixPath, np.ndarray, np.dtype, collections.OrderedDict]
BESIDE += [kind for kind in vars(np.dtypes).values() if isinstance(kind, type)]
# NumPy 1 and 2 write the same functions under two names.
MAKERS = [
    (getattr(np._core.multiarray, maker), f"numpy.{core}.multiarray.{maker}")
    for maker in ("scalar", "_reconstruct")
    for core in ("core", "_core")
]
STATE = "save torch.save(model.state_dict(), ...) or a .safetensors file"
USUAL = ("state_dict", "model", "model_state_dict", "module", "net", "network", "weights")  # keys of them
PICKLE = (b"PK\x03\x04", b"\x80")
SAFE = b'{"'  # the header of safetensors, after eight bytes that say how long it is
TAR, PROTOBUF = "a tar archive; unpack it first", f"ONNX or TensorFlow; {STATE} in PyTorch"
# Other forms by their first bytes, and what to do about them.
FORMS = {
    b"<?xml": f"XML (OpenVINO, or a server's refusal); {STATE} in PyTorch",
    b"<": "a page of HTML: the download went wrong",
    b"{": f"JSON (an index of several files, a configuration or a server's refusal); join the weights, and {STATE}",
    b"version https://git-lfs": "Git LFS's note of a file, not the file; run git lfs pull",
    b"\x89HDF": f"HDF5 (Keras), whose weights do not fit PyTorch's; {STATE} in PyTorch",
    b"GGUF": f"GGUF; {STATE} in PyTorch",
    b"\x93NUMPY": f"an array of NumPy's; {STATE}",
}
FORMS |= {start: f"compressed ({name}); decompress it first" for start, name in COMPRESSED.items()}
# The same by a name in a zip, and by the end of the file's name.
ZIPPED = {
    "constants.pkl": "TorchScript; take the weights out of it: torch.save(torch.jit.load(...).state_dict(), ...)",
    "config.json": f"Keras, whose weights do not fit PyTorch's; {STATE} in PyTorch",
    "serialized_exported_program.json": f"an exported program; {STATE} of the model it was made from",
    ".npy": f"arrays of NumPy's; {STATE}",
}
NAMED = {
    ".onnx": f"ONNX; {STATE} of the PyTorch model it was made from",
    ".pt2": f"an exported program; {STATE} of the model it was made from",
    ".tflite": f"TensorFlow Lite; {STATE} in PyTorch",
    **dict.fromkeys((".pb", ".index", ".meta", ".data-"), f"TensorFlow; {STATE} in PyTorch"),
    ".msgpack": f"Flax; {STATE} in PyTorch",
    ".engine": f"TensorRT; {STATE} of the model it was made from",
    ".mlmodel": f"Core ML; {STATE} of the model it was made from",
}


def read_weights(path: Path, key: str | None = None, strip: str = "") -> dict[str, torch.Tensor]:
    """Read a state dictionary: ``key`` says where in the file, names lose the prefix ``strip``; code is never run."""
    content = _load(path)
    state = _only(content) if key is None else _at(content, key, path)
    if not isinstance(state, Mapping) or len(state) == 0:
        raise InputError(f"{path}: holds an object of type {type(state).__name__}, but no weights by name; {STATE}")
    if not _is_state(state):
        raise InputError(f"{path}: no state dictionary here, give its `key`; the file has {_listed(list(state))}")
    found = {name.removeprefix(strip): value for name, value in state.items() if name.startswith(strip)}
    if not found:
        raise InputError(f"{path}: no name starts with '{strip}'; the first is '{next(iter(state), '')}'")
    return found


def _is_state(content: Any) -> bool:
    return isinstance(content, Mapping) and all(
        isinstance(name, str) and isinstance(value, torch.Tensor) for name, value in content.items()
    )


def _only(content: Any) -> Any:
    """Take the state dictionary of a checkpoint if it has one alone, under a usual name."""
    inner = [key for key, each in content.items() if _is_state(each) and each] if isinstance(content, Mapping) else []
    return content[inner[0]] if len(inner) == 1 and inner[0] in USUAL else content


def _load(path: Path) -> Any:
    _refuse_other_forms(path)
    try:
        start = _start(path)
        if path.suffix == ".safetensors" or start[8:10] == SAFE:
            return safetensors.torch.load_file(path)
        # An unusual protocol is refused all the same.
        with warnings.catch_warnings(action="ignore"), torch.serialization.safe_globals([*BESIDE, *MAKERS]):
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if _start(path).startswith(PICKLE):
            what = re.search(r"GLOBAL ([\w.]+)", str(error))  # the class or function that it asks for
            more = f"more than weights{f' ({what[1]})' if what else ''}, as whole models do"
            raise InputError(f"{path}: holds {more}, and loading that could run code; {STATE}") from None
        raise InputError(f"{path}: not a file of weights; {STATE}") from None
    except Exception as error:  # what is no such file makes torch stumble in any way
        why = "" if "weights_only" in str(error) else f" ({brief(error)})"
        raise InputError(f"{path}: not a whole file of weights{why}") from None


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(264)


def _refuse_other_forms(path: Path) -> None:
    """Name what is no file of weights, and one of which a part is damaged."""
    start, suffix = _start(path), path.suffix.lower()
    if start[8:10] == SAFE:  # the length before it may look like anything
        return
    named = next((form for end, form in NAMED.items() if suffix.startswith(end)), "") if start else "an empty file"
    if not named:
        named = TAR if start[257:262] == b"ustar" else PROTOBUF if start.startswith(b"\x08") else ""
    form = next((form for magic, form in FORMS.items() if start.lstrip().startswith(magic)), named)
    if not form and start.startswith(b"PK"):
        form = _zipped(path)
    if form:
        raise InputError(f"{path}: not a file of weights, but {form}")


def _zipped(path: Path) -> str:
    """Name the form of a zip that torch.save has not written; of what it has, torch.load ignores the checksums."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if not any(name.endswith("data.pkl") for name in names) or any("constants.pkl" in name for name in names):
                found = (form for end, form in ZIPPED.items() if any(name.endswith(end) for name in names))
                return next(found, f"a zip file of other files; unpack it, or {STATE}")
            damaged = archive.testzip()
    except (zipfile.BadZipFile, OSError, EOFError, ValueError, NotImplementedError) as error:
        raise InputError(f"{path}: not a whole file of weights ({brief(error)})") from None
    if damaged:
        raise InputError(f"{path}: damaged: '{damaged}' in it does not fit its checksum; get the file anew")
    return ""


def _at(content: Any, key: str, path: Path) -> Any:
    for part in key.split("."):
        keys = list(content) if isinstance(content, Mapping) else []
        if part not in keys:
            raise InputError(f"{path}: no key '{part}'{nearest(part, keys)}; it has {_listed(keys)}")
        content = content[part]
    return content


def _listed(keys: list) -> str:
    return ", ".join(map(str, keys[:8])) + (" ..." if len(keys) > 8 else "") or "none"
