"""Responses of a few models that find the same images hard, with pictures, for the tests."""

from types import SimpleNamespace

import numpy as np
import pandas as pd

from ddd_utils.responses import Responses


def made(models=6, images=90, config=None, pictures=True, conditions=None, **info):
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 3, images).astype(np.int16)
    wrong = rng.random((models, 1, images)) > rng.beta(0.4, 0.4, images)
    predictions = np.where(wrong, (labels + rng.integers(1, 3, (models, 1, images))) % 3, labels).astype(np.int16)
    names = [f"model {i}" for i in range(models)]
    networks = pd.DataFrame({"network": names, "condition": conditions or names})
    networks["instance"] = networks.groupby("condition").cumcount() + 1
    pixels = [np.full((8, 8, 3), image % 256, np.uint8) for image in range(images)] if pictures else None
    source = SimpleNamespace(images=pixels, class_names=["cat", "dog", "emu"], config=config)
    ids = np.array([f"{image}.png" for image in range(images)])
    about = {"dataset": "digits", "classes": ["cat", "dog", "emu"], "configuration": {}, **info}
    return Responses(predictions, labels, ids, networks, about, source=source, config=config)
