"""What a model's files in a results folder are called: after all that makes it, so that no two are ever mixed up."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from ddd_utils import local_files
from ddd_utils.experiments.published.downloads import local_copy
from ddd_utils.model_sets import Checkpoint, Model

TRAINED = {"model", "arguments", "optimizer", "learning_rate"}
SHOWN = {"model", "arguments", "pretrained", "preprocessing", "classes"}


def trained(entry: Model) -> str:
    """
    Name the files of a model that is trained here.

    Parameters
    ----------
    entry : Model

    Returns
    -------
    str
        Its name and a hash of what is trained, and how.
    """
    return _stem(entry, entry.hashed(include=TRAINED))


def shown(entry: Model) -> str:
    """
    Name the files of a pretrained model.

    Parameters
    ----------
    entry : Model

    Returns
    -------
    str
        Its name and a hash of architecture, weights and preparation.
    """
    made_of: dict[str, Any] = entry.hashed(include=SHOWN)
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
    digest = hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:8]
    return f"{re.sub(r'[^A-Za-z0-9_.-]', '_', entry.label)[:80]}-{digest}"
