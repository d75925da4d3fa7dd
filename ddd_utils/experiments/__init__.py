"""
Where responses come from. Everything here is cached: asking twice computes once.

The rooms, each of which imports only from those above it (``tests/test_layers.py`` says from which):

- ``machine``: devices, locks between processes, progress.
- ``images``: files, folders, tars, arrays, torchvision's sets; their names, classes and views.
- ``data``: the sets that networks are trained on and tested with, as batches.
- ``networks``: architectures by name.
- ``published``: what others have published.
- ``plans``: runs, the conditions and model sets they come from, and the store of their results.
- ``training``: networks side by side and in processes, from batches to checkpoints.
- ``pretrained``: models with weights, and how images reach them.
- ``showing``: pretrained models shown photographs.
- ``costs``: what a preset asks of a machine.

What lies beside the rooms joins them: ``sources`` finds a configuration's results, ``launch`` and ``cluster`` have them
computed here or by SLURM, ``imports`` reads those that nobody trains here, ``status`` tells how far they are.
"""

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from ddd_utils import params
from ddd_utils.errors import InputError
from ddd_utils.experiments import launch, sources
from ddd_utils.experiments.plans.store import Experiment
from ddd_utils.experiments.showing.evaluations import Evaluation
from ddd_utils.files import TornFile, read_json
from ddd_utils.responses import Responses

__all__ = [
    "at_hand",
    "class_names",
    "has_images",
    "learning_rate_epochs",
    "provenance",
    "responses",
    "test_images",
    "thumbnails",
]


def responses(what: Any, preset: str | Path = "quick", statistics: str = "recalibrated") -> Responses:
    """
    Return responses; what is missing is computed, or read from where it is published, first.

    Parameters
    ----------
    what : str or dict
        A section whose experiment is meant, or a configuration (with ``models`` for a model set, with ``responses``
        for published predictions or a table).
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
        For a faulty configuration or table, or published predictions that are not to be had. A damaged results file is
        set aside and made anew.
    ddd_utils.errors.ExperimentError
        If a network cannot be trained.
    """
    source = sources.source(params.experiment(what, preset))
    if not source.complete():
        sources.compute([source])
    try:
        return source.load(statistics)
    except TornFile as torn:
        sources.mend(source, launch.tell, torn.path)
        sources.compute([source])
        return source.load(statistics)


def at_hand(what: Any, preset: str | Path = "quick") -> Responses | None:
    """
    Return responses if they are computed already.

    Parameters
    ----------
    what, preset
        As for :func:`responses`.

    Returns
    -------
    Responses or None
        None also where the preset has no such section.
    """
    try:
        source = sources.source(params.experiment(what, preset))
        return source.load() if source.complete() else None
    except (InputError, TornFile):
        return None


def _trained(what: Any, preset: str | Path) -> Experiment:
    source = sources.source(params.experiment(what, preset))
    if not isinstance(source, Experiment):
        raise InputError(f"{source.folder.name}: these responses come without images and training")
    return source


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

    Raises
    ------
    ddd_utils.errors.InputError
        If the responses are published ones or a table's, which come without images.
    """
    from ddd_utils.experiments.data import datasets

    pixels = datasets.test_pixels(_trained(what, preset).dataset, np.asarray(indices))
    return pixels.transpose(0, 2, 3, 1)


def has_images(what: Any, preset: str | Path = "quick") -> bool:
    """Tell whether there are images to the responses, and not answers alone; arguments as for :func:`responses`."""
    return isinstance(sources.source(params.experiment(what, preset)), Experiment | Evaluation)


def thumbnails(what: Any, preset: str | Path, indices, side: int = 160) -> list[np.ndarray]:
    """
    Return small pictures of test images.

    Parameters
    ----------
    what, preset
        As for :func:`responses`.
    indices : sequence of int, shape (images,)
        Which images of the responses.
    side : int
        Pixels of the longer side; smaller images stay as they are.

    Returns
    -------
    list of ndarray of uint8, shape (height, width, 3)

    Raises
    ------
    ddd_utils.errors.InputError
        If the responses are published ones or a table's, which come without images.
    """
    source = sources.source(params.experiment(what, preset))
    if isinstance(source, Evaluation):
        return source.thumbnails(indices, side)
    return list(test_images(what, preset, indices)) if len(indices) else []


def learning_rate_epochs(what: Any, preset: str | Path = "quick") -> list[int]:
    """Return the epochs after which the base's learning rate was divided by ten; arguments as for :func:`responses`."""
    return list(_trained(what, preset).plan.decay_epochs)


def class_names(what: Any, preset: str | Path = "quick") -> list[str]:
    """Return the class names by label of a computed experiment; arguments as for :func:`responses`."""
    return sources.source(params.experiment(what, preset)).classes()


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
        ``device``, ``versions``, ``training`` (a timedelta by experiment trained here), ``answers computed in`` (by
        pretrained set), ``source`` (of each that was not trained here) and ``inputs`` (by folder of results, the
        ``commit`` of the code and the SHA-256 of the ``files`` it was read from); empty if the section has no
        experiments or none is computed.
    """
    found = [sources.source(config) for config in params.experiments(preset, section)]
    infos = {each.folder.name: read_json(each.folder / "experiment.json") for each in found if each.complete()}
    if not infos:
        return {}
    facts = {
        "training": {
            name: timedelta(seconds=info["wall_seconds"]) for name, info in infos.items() if "wall_seconds" in info
        },
        "answers computed in": {
            name: timedelta(seconds=info["answer_seconds"]) for name, info in infos.items() if "answer_seconds" in info
        },
        "source": {name: info["source"] for name, info in infos.items() if "source" in info},
        "inputs": {name: {"commit": info.get("git_commit"), "files": _files(info)} for name, info in infos.items()},
    }
    devices = dict.fromkeys(info["device"] for info in infos.values())
    versions = list(infos.values())[-1]["versions"]
    return {"device": "; ".join(devices), "versions": versions, **{key: fact for key, fact in facts.items() if fact}}


def _files(info: dict[str, Any]) -> dict[str, str | None]:
    """List the files that responses were read from; a table is called as its device is: "table mine.csv"."""
    contents = info.get("contents", {})
    return contents.get("files") or ({info["device"]: contents["sha256"]} if "sha256" in contents else {})
