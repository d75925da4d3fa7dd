"""
Where responses come from. Everything here is cached: asking twice computes once.

- ``plans``: runs, and the conditions and model sets that they come from; ``store``: where their results are.
- ``trainee``, ``lockstep``: networks side by side; ``launch``: in processes of this machine, ``cluster`` through SLURM.
- ``evaluations``, ``inference``: what pretrained models answer to photographs.
- ``published``, ``people``, ``trials``: answers that others have published, and users' tables; ``factors``: marks.
- ``sources``: finds a configuration's results, of whichever kind. ``costs``, ``calibration``: how long it takes.
"""

from pathlib import Path
from typing import Any

from ddd_utils.config import params
from ddd_utils.errors import InputError
from ddd_utils.experiments import sources
from ddd_utils.experiments.evaluations import corruptions
from ddd_utils.experiments.factors import Marks, marks
from ddd_utils.experiments.people import people_facts
from ddd_utils.experiments.published import imagenet_facts
from ddd_utils.experiments.store import Results
from ddd_utils.experiments.trials import observed_sets
from ddd_utils.files import TornFile
from ddd_utils.responses import Responses, Source

__all__ = [
    "Marks",
    "alternatives",
    "at_hand",
    "corruptions",
    "imagenet_facts",
    "marks",
    "observed_sets",
    "people_facts",
    "responses",
]


def responses(what: Any, preset: str | Path = "quick") -> Responses:
    """
    Return responses; what is missing is computed, or read from where it is published, first.

    Parameters
    ----------
    what : str or dict
        A section whose experiment is meant, or a configuration (with ``models`` for a model set, with ``responses``
        for published predictions or a table).
    preset : str or Path
        Where a section is looked up.

    Returns
    -------
    Responses

    Raises
    ------
    ddd_utils.errors.InputError
        For a faulty configuration or table, or published predictions that cannot be downloaded. A damaged results file
        is set aside and made anew.
    ddd_utils.errors.ExperimentError
        If a network cannot be trained.
    """
    return _loaded(sources.source(params.experiment(what, preset)))


def alternatives(answers: Responses) -> dict[str, Responses]:
    """
    Return what the same networks answer when they are read in another way.

    Parameters
    ----------
    answers : Responses
        As :func:`responses` returns them.

    Returns
    -------
    dict of str to Responses
        "running": the base network and its continuations with BatchNorm's running statistics, where the others are
        recalibrated. "present" and "all": pretrained models that choose among the classes of the images, and among all
        that they know. Nothing for other responses.
    """
    others = answers.source.alternatives() if answers.source else {}
    return {name: _loaded(source) for name, source in others.items()}


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


def _loaded(source: Source) -> Responses:
    if not source.complete():
        sources.check([source])
        sources.compute([source])
    try:
        found = source.load()
    except TornFile as torn:
        sources.mend(source, torn.path)
        sources.compute([source])
        found = source.load()
    if isinstance(source, Results):
        source.seal()
    return found
