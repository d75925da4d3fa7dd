"""Any configuration's results: trained here, published by others or brought by the user."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ddd_utils.config import params
from ddd_utils.config.params import Config, Preset
from ddd_utils.config.schema import ModelSet, PretrainedSet, Published, Table, Variants
from ddd_utils.errors import ExperimentError
from ddd_utils.experiments import launch
from ddd_utils.experiments.evaluations import Evaluation
from ddd_utils.experiments.imports import Imported
from ddd_utils.experiments.store import Experiment
from ddd_utils.files import is_whole, read_json, set_aside
from ddd_utils.responses import Source, provenance

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Kind:
    """How the sources of some configurations are looked over and made."""

    configs: tuple[type, ...]
    source: Callable[[Any], Source]
    check: Callable[[Sequence[Any]], None]  # raises InputError before hours of work
    make: Callable[[Sequence[Any], Sequence[str]], None]  # takes titles too

    def of(self, sources: Iterable[Source]) -> list[Any]:
        """Choose the sources of this kind, each once however many sections need it."""
        found: list[Any] = []
        for each in sources:
            if type(each.config) in self.configs and all(each.config != other.config for other in found):
                found.append(each)
        return found


def _each(make: Callable[[Any], None], sources: Sequence[Any]) -> None:
    """Make one after the other, also where some fail."""
    failures = []
    for each in sources:
        try:
            make(each)
        except ExperimentError as error:
            failures.append(str(error))
    if failures:
        raise ExperimentError("; ".join(failures))


def _read(imported: Sequence[Imported], titles: Sequence[str] = ()) -> None:
    _each(Imported.make, imported)


def _look_up(evaluations: Sequence[Evaluation]) -> None:
    from ddd_utils.experiments import inference_runs

    _each(inference_runs.check, evaluations)


def _evaluate(evaluations: Sequence[Evaluation], titles: Sequence[str]) -> None:
    from ddd_utils.experiments import inference_runs

    _each(inference_runs.make, evaluations)


# In the order in which they are made. To read what is imported is to check it, and takes seconds.
IMPORTED = Kind((Published, Table), Imported, _read, _read)
EVALUATED = Kind((PretrainedSet,), Evaluation, _look_up, _evaluate)
TRAINED = Kind((Variants, ModelSet), Experiment, launch.check, launch.compute)
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


def compute(sources: Sequence[Source], titles: Sequence[str] = ()) -> None:
    """Make what is missing, each source once; those that fail raise ExperimentError once the others are done."""
    _mend_all(sources)
    title_of = {id(each): title for each, title in zip(sources, titles, strict=bool(titles))}
    failures = []
    for kind, chosen in _by_kind(sources):
        try:
            kind.make(chosen, [title_of.get(id(each), each.folder.name) for each in chosen])
        except ExperimentError as error:
            failures.append(str(error))
    if failures:
        raise ExperimentError("; ".join(failures))


def check(sources: Sequence[Source]) -> None:
    """Look for trouble before hours of work: read files, look up or build models once, see that the disk has room."""
    _mend_all(sources)
    for kind, chosen in _by_kind(sources):
        kind.check(chosen)


def _by_kind(sources: Sequence[Source]) -> Iterator[tuple[Kind, list[Any]]]:
    for kind in KINDS:
        if chosen := kind.of(sources):
            yield kind, chosen


def provenance_of(sources: Iterable[Source]) -> dict[str, Any]:
    """Tell where the responses of some sources come from, see :func:`provenance`; nothing of what is not computed."""
    folders = [each.folder for each in sources if each.complete()]
    return provenance({folder.name: read_json(folder / "experiment.json") for folder in folders})


def _mend_all(sources: Iterable[Source]) -> None:
    for each in sources:
        mend(each)


def mend(source: Source, damaged: Path | None = None) -> None:
    """Set damaged files aside, so that they are made anew; also one that was whole at first sight only."""
    for file in source.files():
        if file.exists() and (file == damaged or not is_whole(file)):
            with suppress(FileNotFoundError):  # another process has just done it
                log.info("%s: torn or damaged; it is now %s, and is made anew", file, set_aside(file).name)
