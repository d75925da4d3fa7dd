"""Weights in files: read without running code, and put into a network by name or by position."""

import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import nn

from ddd_utils.errors import InputError, nearest
from ddd_utils.experiments.pretrained.recipe import brief

# How files of torch.save begin, today's and those before torch 1.6.
STARTS = (b"PK\x03\x04", b"\x80")
# BatchNorm's count of batches: old files lack it, and it has no effect on answers.
COUNTER = "num_batches_tracked"


def read(path: Path, key: str | None = None, strip: str = "") -> dict[str, torch.Tensor]:
    """Read a state dictionary."""
    state = _at(_load(path), key, path)
    tensors = isinstance(state, Mapping) and all(isinstance(value, torch.Tensor) for value in state.values())
    if not tensors or not all(isinstance(name, str) for name in state):
        keys = list(state) if isinstance(state, Mapping) else []
        raise InputError(f"{path}: no state dictionary here, give its `key`; the file has {_listed(keys)}")
    found = {name.removeprefix(strip): value for name, value in state.items() if name.startswith(strip)}
    if not found:
        raise InputError(f"{path}: no name starts with '{strip}'; the first is '{next(iter(state), '')}'")
    return found


def _load(path: Path) -> Any:
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        with warnings.catch_warnings(action="ignore"):  # an unusual protocol is refused all the same
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        with path.open("rb") as file:
            if not file.read(4).startswith(STARTS):
                raise InputError(f"{path}: not a file of weights ({brief(error)})") from None
        raise InputError(
            f"{path}: holds more than weights, and loading that could run code; keep its tensors alone in a "
            ".safetensors file, or save them with torch.save(model.state_dict(), ...)"
        ) from None
    except (RuntimeError, EOFError, ValueError, KeyError, AttributeError, safetensors.SafetensorError) as error:
        raise InputError(f"{path}: not a whole file of weights ({brief(error)})") from None


def _at(content: Any, key: str | None, path: Path) -> Any:
    for part in key.split(".") if key else ():
        if not isinstance(content, Mapping) or part not in content:
            keys = list(content) if isinstance(content, Mapping) else []
            raise InputError(f"{path}: no key '{part}'{nearest(part, keys)}; it has {_listed(keys)}")
        content = content[part]
    return content


def _listed(keys: list) -> str:
    return ", ".join(map(str, keys[:8])) + (" ..." if len(keys) > 8 else "") or "none"


def outputs(state: Mapping[str, torch.Tensor], network: nn.Module, names: str) -> int:
    """Tell how many outputs weights are for."""
    last, own = list(_weights(network.state_dict()).items())[-1]
    return (list(_weights(state).values())[-1] if names == "position" else state.get(last, own)).shape[0]


def _weights(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: value for name, value in state.items() if not name.endswith(COUNTER)}


def fill(network: nn.Module, state: Mapping[str, torch.Tensor], names: str, source: str) -> None:
    """Put weights into a network."""
    wanted, given = _weights(network.state_dict()), _weights(state)
    if names == "position" and source.endswith(".safetensors"):
        raise InputError(f"{source}: such files keep weights by name, in no order; `names: position` cannot be used")
    if names == "position":
        given = _by_position(wanted, given, source)
    for name in wanted:
        if name not in given:
            raise InputError(f"{source}: has no weights '{name}'{nearest(name, given)}")
    for name in given:
        if name not in wanted:
            raise InputError(f"{source}: the network has no place for '{name}'{nearest(name, wanted)}")
        if given[name].shape != wanted[name].shape:
            shapes = " and not ".join(str(tuple(each[name].shape)) for each in (given, wanted))
            raise InputError(f"{source}: '{name}' is of shape {shapes}, as the network's")
    network.load_state_dict({**network.state_dict(), **given})


def _by_position(wanted: Mapping, given: Mapping, source: str) -> dict[str, torch.Tensor]:
    for (place, into), (name, value) in zip(wanted.items(), given.items(), strict=False):
        if into.shape != value.shape:
            shapes = f"{tuple(value.shape)} and {tuple(into.shape)}"
            raise InputError(f"{source}: by position, '{name}' meets '{place}', but their shapes are {shapes}")
    if len(wanted) != len(given):
        raise InputError(f"{source}: has {len(given)} weights, the network {len(wanted)}")
    return dict(zip(wanted, given.values(), strict=True))
