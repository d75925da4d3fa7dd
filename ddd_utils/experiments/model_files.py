"""What a model's files in a results folder are called: after all that makes it, so that no two are ever mixed up."""

import re
from pathlib import Path
from typing import Any

from ddd_utils import local_files
from ddd_utils.config.model_sets import Checkpoint, Model
from ddd_utils.data.downloads import local_copy
from ddd_utils.files import short_hash

TRAINED = {"model", "arguments", "optimizer", "learning_rate"}
PRETRAINED = {"model", "arguments", "pretrained", "preprocessing", "classes"}


def trained(entry: Model) -> str:
    """Name the files of a model that is trained here, after what is trained and how."""
    return _stem(entry, entry.hashed(include=TRAINED))


def pretrained(entry: Model) -> str:
    """Name the files of a pretrained model, after its architecture, weights and preparation."""
    made_of: dict[str, Any] = entry.hashed(include=PRETRAINED)
    made_of["pretrained"] = made_of["pretrained"] or True
    if isinstance(entry.pretrained, Checkpoint) and not entry.pretrained.sha256:
        # Wherever the file lies: what is in it counts.
        path = _local(entry.pretrained)
        made_of["pretrained"] |= {"file": None, "sha256": local_files.digest(path) if path else None}
    return _stem(entry, made_of)


def _local(weights: Checkpoint) -> Path | None:
    """Find the file of weights on this machine, if it is here."""
    return local_files.find(weights.file, "file") if weights.file else local_copy(weights.place)


def _stem(entry: Model, made_of: dict[str, Any]) -> str:
    return f"{re.sub(r'[^A-Za-z0-9_.-]', '_', entry.label)[:80]}-{short_hash(made_of)}"
