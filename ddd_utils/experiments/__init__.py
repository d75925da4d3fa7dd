"""Where responses come from. Everything here is cached: asking twice computes once."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from ddd_utils import params
from ddd_utils.experiments import launch
from ddd_utils.experiments.store import Experiment
from ddd_utils.files import read_json, read_metadata
from ddd_utils.responses import Responses

__all__ = ["class_names", "learning_rate_epochs", "provenance", "responses", "test_images"]


def responses(what: Any, preset: str | Path = "quick", statistics: str = "recalibrated") -> Responses:
    """
    Return the responses of an experiment; what is missing is computed first.

    Parameters
    ----------
    what : str or dict
        A section whose experiment is meant, or a configuration (with ``models`` for a model set).
    preset : str or Path
        Where a section is looked up.
    statistics : {"recalibrated", "running"}
        With "running", only the base network and its continuations, evaluated with BatchNorm's running statistics.

    Returns
    -------
    Responses

    Raises
    ------
    ddd_utils.errors.InputError
        For a faulty configuration or an unreadable results file.
    ddd_utils.experiments.launch.ExperimentError
        If a network cannot be trained.
    """
    experiment = Experiment(params.experiment(what, preset))
    if not experiment.complete():
        launch.compute([experiment])
    return experiment.load(statistics)


def test_images(what: Any, preset: str | Path, indices) -> np.ndarray:
    """
    Return test images as the networks get them, before normalisation.

    Parameters
    ----------
    what, preset
        As for :func:`responses`.
    indices : array of int, shape (images,)
        Which test images.

    Returns
    -------
    ndarray of uint8, shape (images, height, width, 3)
    """
    from ddd_utils.experiments import datasets

    pixels = datasets.test_pixels(Experiment(params.experiment(what, preset)).dataset, np.asarray(indices))
    return pixels.transpose(0, 2, 3, 1)


def learning_rate_epochs(what: Any, preset: str | Path = "quick") -> list[int]:
    """Return the epochs after which the base's learning rate was divided by ten; arguments as for :func:`responses`."""
    return list(Experiment(params.experiment(what, preset)).plan.decay_epochs)


def class_names(what: Any, preset: str | Path = "quick") -> list[str]:
    """Return the class names by label of a computed experiment; arguments as for :func:`responses`."""
    experiment = Experiment(params.experiment(what, preset))
    return read_metadata(experiment.file(experiment.plan.runs[0]))["classes"]


def provenance(preset: params.Preset, section: str) -> dict[str, Any]:
    """
    Tell where a section's responses come from.

    Parameters
    ----------
    preset : Preset
        The preset.
    section : str
        The section.

    Returns
    -------
    dict
        ``device``, ``versions`` and ``training time`` (a timedelta by experiment) of its experiments; empty if it has
        none or none is computed.
    """
    found = [Experiment(config) for config in params.experiments(preset, section)]
    infos = {each.folder.name: read_json(each.folder / "experiment.json") for each in found if each.complete()}
    if not infos:
        return {}
    last = list(infos.values())[-1]
    seconds = {name: timedelta(seconds=info["wall_seconds"]) for name, info in infos.items()}
    return {"device": last["device"], "versions": last["versions"], "training": seconds}
