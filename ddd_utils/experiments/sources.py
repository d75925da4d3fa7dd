"""Any configuration's results: trained here, inferred by pretrained models, published, or brought by the user."""

import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from ddd_utils.config import params, schema
from ddd_utils.config.image_sets import Digits, FashionMnist
from ddd_utils.config.params import Config, Preset
from ddd_utils.data import fashion_mnist
from ddd_utils.data.downloads import Unavailable
from ddd_utils.errors import ExperimentError
from ddd_utils.experiments import launch
from ddd_utils.experiments.evaluations import Evaluation
from ddd_utils.experiments.published import Imported
from ddd_utils.experiments.store import Experiment, Results
from ddd_utils.files import is_whole, read_json, set_aside
from ddd_utils.responses import Source, provenance

log = logging.getLogger(__name__)

DIGITS = Digits(train_images=400, noise=96)  # stand in for photographs that cannot be had
KINDS: dict[type, Callable[[Any], Source]] = {
    schema.Published: Imported,
    schema.Table: Imported,
    schema.PretrainedSet: Evaluation,
    schema.Variants: Experiment,
    schema.ModelSet: Experiment,
}


def source(config: Config) -> Source:
    """Return the object that knows where a configuration's results are."""
    return KINDS[type(config)](config)


def needed(preset: Preset, sections: Sequence[str]) -> list[tuple[Source, str]]:
    """List what sections need, each with the section; what several need is there several times, as one object."""
    found: list[tuple[Source, str]] = []
    for section in sections:
        for config in params.experiments(preset, section):
            same = next((each for each, _ in found if each.config == config), None)
            found.append((same or source(config), section))
    return found


def computed(preset: Preset, sections: Sequence[str] | None = None) -> list[tuple[str, Experiment | Evaluation]]:
    """List what sections (all by default) have computed here, with a title: pretrained models and training, once."""
    found: dict[Any, tuple[str, Experiment | Evaluation]] = {}
    for each, section in needed(preset, sections or preset.sections):
        if isinstance(each, Evaluation):
            found.setdefault(id(each), (section, each))  # where its folder is, only the photographs tell
        elif isinstance(each, Experiment):
            found.setdefault(each.folder, (f"{section}: {_title(each.config)}", each))
    return list(found.values())


def evaluations(preset: Preset, sections: Sequence[str] | None = None) -> list[tuple[str, Evaluation]]:
    """List the sets of pretrained models among what is computed."""
    return [(title, each) for title, each in computed(preset, sections) if isinstance(each, Evaluation)]


def trained(preset: Preset, sections: Sequence[str] | None = None) -> list[tuple[str, Experiment]]:
    """List what is trained among what is computed."""
    return [(title, each) for title, each in computed(preset, sections) if isinstance(each, Experiment)]


def compute_group(group: launch.Group) -> None:
    """Compute what is missing of a group on all devices of this machine: what a SLURM job does."""
    if isinstance(group.experiment, Experiment):
        return launch.train_group(group)
    from ddd_utils.experiments import inference

    return inference.make(group.experiment, group.runs)


def _title(config: schema.Variants | schema.ModelSet) -> str:
    if isinstance(config, schema.ModelSet):
        return f"{config.images.name}, {len(config.models)} models"
    return f"{config.dataset.name}, {config.base.model}"


def compute(sources: Sequence[Source], titles: Sequence[str] = ()) -> None:
    """Make what is missing, each source once; those that fail raise ExperimentError once the others are done."""
    imported, evaluated, trained = _by_kind(sources)
    makers = [each.make for each in imported]
    if evaluated:
        from ddd_utils.experiments import inference

        makers += [partial(inference.make, each) for each in evaluated]
    title_of: dict[int, str] = {}
    for each, title in zip(sources, titles, strict=bool(titles)):
        title_of.setdefault(id(each), title)  # the first section that needs it
    titles = [title_of.get(id(each), each.folder.name) for each in trained]
    failures = []
    for make in (*makers, partial(launch.compute, trained, titles)):
        try:
            make()
        except ExperimentError as error:
            failures.append(str(error))
    if failures:
        raise ExperimentError("; ".join(failures))


def check(sources: Sequence[Source]) -> None:
    """Look for trouble before hours of work: read files, look up or build models once, see that the disk has room."""
    imported, evaluated, trained = _by_kind(sources)
    for each in imported:
        each.make()  # to read them is to check them, and takes seconds
    if evaluated:
        from ddd_utils.experiments import inference

        for each in evaluated:
            inference.check(each)
    launch.check(trained)


def _by_kind(sources: Iterable[Source]) -> list[list[Any]]:
    """Sort sources into imported, evaluated and trained ones, each once; damaged files are set aside."""
    once: list[Source] = []
    for each in sources:
        mend(each)
        if all(each.config != other.config for other in once):
            once.append(each)
    return [[each for each in once if isinstance(each, kind)] for kind in (Imported, Evaluation, Experiment)]


def provenance_of(sources: Iterable[Source]) -> dict[str, Any]:
    """Tell where the responses of some sources come from, see :func:`provenance`; nothing of what is not computed."""
    whole = [each for each in sources if each.complete()]
    folders = [each.folder for each in (*whole, *filter(None, (getattr(each, "beside", None) for each in whole)))]
    return provenance({folder.name: read_json(folder / "experiment.json") for folder in folders})


def mend(source: Source, damaged: Path | None = None) -> None:
    """Set damaged files aside, so that they are made anew; also one that was whole at first sight only."""
    if beside := getattr(source, "beside", None):
        mend(beside, damaged)
    whole = source.whole if isinstance(source, Results) else is_whole
    for file in source.files():
        if file.exists() and (file == damaged or not whole(file)):
            with suppress(FileNotFoundError):  # another process has just done it
                log.info("%s: torn or damaged; it is now %s, and is made anew", file, set_aside(file).name)


def with_images(preset: Preset, sections: Sequence[str]) -> Preset:
    """Have the photographs of clothing that sections need at hand, or let digits stand in for them everywhere."""
    # Then the preset has a notice that says so, and why; it is logged, written with the preset, and heads the report.
    try:
        for source, _ in needed(preset, sections):
            if isinstance(source, Experiment) and isinstance(source.dataset, FashionMnist):
                fashion_mnist.drawn(source.dataset)
    except Unavailable as error:
        notice = f"Handwritten digits stand in for the photographs of clothing. {error}"
        log.info("%s", notice)
        return params.with_stand_in(preset, FashionMnist().name, DIGITS, notice)
    return preset
