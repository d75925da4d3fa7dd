"""What a model's files in a results folder are called: after all that makes it, so that no two are ever mixed up."""

import hashlib
import json
import re
from typing import Any

from ddd_utils import local_files
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
    return _stem(entry, entry.model_dump(mode="json", include=TRAINED))


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
    made_of: dict[str, Any] = entry.model_dump(mode="json", include=SHOWN)
    if isinstance(entry.pretrained, Checkpoint) and entry.pretrained.file:
        # Wherever the file lies: what is in it counts.
        made_of["pretrained"] |= {
            "file": None,
            "sha256": local_files.digest(local_files.find(entry.pretrained.file, "file")),
        }
    return _stem(entry, made_of)


def _stem(entry: Model, made_of: dict[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:8]
    return f"{re.sub(r'[^A-Za-z0-9_.-]', '_', entry.label)[:80]}-{digest}"
