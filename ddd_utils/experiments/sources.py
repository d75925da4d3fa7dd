"""Any configuration's results: trained here, published by others or brought by the user."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ddd_utils import params
from ddd_utils.errors import ExperimentError
from ddd_utils.experiments import launch
from ddd_utils.experiments.imports import Imported
from ddd_utils.experiments.plans.store import Experiment
from ddd_utils.experiments.showing.evaluations import Evaluation
from ddd_utils.files import is_whole, read_json, set_aside
from ddd_utils.params import Config, Preset
from ddd_utils.responses import Source, provenance
from ddd_utils.schema import ModelSet, PretrainedSet, Published, Table, Variants


@dataclass(frozen=True)
class Kind:
    """How the sources of some configurations are looked over and made."""

    configs: tuple[type, ...]
    source: Callable[[Any], Source]
    check: Callable[[Sequence[Any], Callable], None]  # raises InputError before hours of work
    make: Callable[[Sequence[Any], Sequence[str], Callable], None]

    def of(self, sources: Iterable[Source]) -> list[Any]:
        """Choose the sources of this kind, each once however many sections need it."""
        found: list[Any] = []
        for each in sources:
            if type(each.config) in self.configs and all(each.config != other.config for other in found):
                found.append(each)
        return found


def _make_each(sources: Sequence[Any], titles: Sequence[str], say: Callable) -> None:
    failures = []
    for each in sources:
        try:
            each.make(say)
        except ExperimentError as error:
            failures.append(str(error))
    if failures:
        raise ExperimentError("; ".join(failures))


def _look_up_models(evaluations: Sequence[Evaluation], say: Callable) -> None:
    from ddd_utils.experiments.showing import work

    for each in evaluations:
        work.check(each)


# In the order in which they are made. To read what is imported is to check it, and takes seconds.
IMPORTED = Kind((Published, Table), Imported, lambda sources, say: _make_each(sources, (), say), _make_each)
EVALUATED = Kind((PretrainedSet,), Evaluation, _look_up_models, _make_each)
TRAINED = Kind((Variants, ModelSet), Experiment, lambda sources, say: launch.check(sources), launch.compute)
KINDS = (IMPORTED, EVALUATED, TRAINED)


def source(config: Config) -> Source:
    """Return the object that knows where a configuration's results are."""
    return next(kind for kind in KINDS if type(config) in kind.configs).source(config)


def needed(preset: Preset, sections: Sequence[str]) -> list[tuple[Source, str]]:
    """List what sections need, each with the section; what several need is there several times, as one object."""
    known: list[Source] = []
    found = []
    for section in sections:
        for config in params.experiments(preset, section):
            same = next((each for each in known if each.config == config), None) or source(config)
            known.append(same)
            found.append((same, section))
    return found


def evaluations(preset: Preset, sections: Sequence[str]) -> list[tuple[str, Evaluation]]:
    """List the pretrained models that sections need: each with the first section that needs it, once."""
    titles: dict[int, str] = {}
    wanted = needed(preset, sections)
    for each, section in wanted:
        titles.setdefault(id(each), section)
    return [(titles[id(each)], each) for each in EVALUATED.of(each for each, _ in wanted)]


def compute(sources: Sequence[Source], titles: Sequence[str] | None = None, say: Callable = launch.tell) -> None:
    """
    Make what is missing: first what is only read, then what pretrained models are asked, at last what is trained.

    Parameters
    ----------
    sources : sequence of Source
        What is needed; doubles are computed once.
    titles : sequence of str, optional
        What to call each in the progress lines.
    say : callable
        Takes a line for the terminal.

    Raises
    ------
    ExperimentError
        If networks fail, once all others are done.
    InputError
        If files are missing or wrong, or a model cannot be built.
    """
    mend_all(sources, say)
    title_of = {id(each): title for each, title in zip(sources, titles or [], strict=bool(titles))}
    failures = []
    for kind in KINDS:
        chosen = kind.of(sources)
        try:
            kind.make(chosen, [title_of.get(id(each), each.folder.name) for each in chosen], say)
        except ExperimentError as error:
            failures.append(str(error))
    if failures:
        raise ExperimentError("; ".join(failures))


def check(sources: Sequence[Source], say: Callable = launch.tell) -> None:
    """
    Look for trouble before hours of work: files are read, models looked up or built once, the disk must have room.

    Parameters
    ----------
    sources : sequence of Source
        What is about to be computed.
    say : callable
        Takes a line for the terminal.

    Raises
    ------
    InputError
        Names the file and row, the model and the nearest right one, or the folder and what it lacks.
    """
    mend_all(sources, say)
    for kind in KINDS:
        kind.check(kind.of(sources), say)


def provenance_of(sources: Iterable[Source]) -> dict[str, Any]:
    """Tell where the responses of some sources come from, see :func:`provenance`; nothing of what is not computed."""
    folders = [each.folder for each in sources if each.complete()]
    return provenance({folder.name: read_json(folder / "experiment.json") for folder in folders})


def mend_all(sources: Iterable[Source], say: Callable) -> None:
    """Set the damaged files of some sources aside."""
    for each in sources:
        mend(each, say)


def mend(source: Source, say: Callable, damaged: Path | None = None) -> None:
    """
    Set damaged files of a source aside, so that they are made anew.

    Parameters
    ----------
    source : Source
        Where to look.
    say : callable
        Takes a line for the terminal, with the file's name.
    damaged : Path, optional
        A file that was whole at first sight and turned out not to be.
    """
    for file in source.files():
        if file.exists() and (file == damaged or not is_whole(file)):
            with suppress(FileNotFoundError):  # another process has just done it
                say(f"{file}: torn or damaged; it is now {set_aside(file).name}, and is made anew")
