"""A small explorer with names that would do harm, for the tests."""

from types import SimpleNamespace

import numpy as np
import pandas as pd

from ddd_utils.analysis.exploration import explore
from ddd_utils.report import explorer
from ddd_utils.responses import Responses

HOSTILE = "</script><img src=x onerror='window.hacked=1'>"
CLASSES = ["tabby", HOSTILE, "lynx"]
NAMES = ["a10", HOSTILE, "a9", "initialisation", "e"]


def marks(images=60):
    """Two factors on images of which the first five nobody looked at."""
    known = np.arange(images) >= 5
    marked = (np.random.default_rng(2).random((images, 2)) < 0.4) & known[:, None]
    return SimpleNamespace(source=f"X{HOSTILE}", factors=(HOSTILE, "smaller"), marked=marked, known=known)


def made(images=60, pictures=True, missing=(), labels_known=True, marked=False):
    """An explorer of five networks on images of three classes, the last four of six networks and one more."""
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 3, images)
    wrong = rng.random((6, 1, images)) > rng.beta(0.5, 0.5, images)
    predictions = np.where(wrong, (labels + 1) % 3, labels)
    predictions[list(missing)] = np.where(wrong[list(missing)], -1, labels)
    networks = pd.DataFrame({"network": list("uvwxyz"), "condition": list("uvwxyz"), "instance": 1})
    ids = np.array([f"{i}{HOSTILE}" for i in range(images)])
    responses = Responses(
        predictions.astype(np.int16), labels.astype(np.int16), ids, networks, {"labels_known": labels_known}
    )
    rows = [1, 2, 3, 4, 5]
    found = explore(responses.correct()[rows], NAMES, labels, count=40, tolerance=1)
    pixels = [np.full((8, 8, 3), 6 * place, np.uint8) for place in range(40)] if pictures else None
    looked_at = marks(images) if marked else "nobody looked"
    return explorer.Explorer(found, responses, rows, CLASSES, pixels, looked_at), responses, found
