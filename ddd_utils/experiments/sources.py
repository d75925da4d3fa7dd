"""Any configuration's results: trained here, published by others or brought by the user."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from ddd_utils import params
from ddd_utils.errors import ExperimentError
from ddd_utils.experiments import launch
from ddd_utils.experiments.imports import Imported
from ddd_utils.experiments.plans.store import Experiment
from ddd_utils.experiments.showing.evaluations import Evaluation
from ddd_utils.files import is_whole, set_aside
from ddd_utils.params import Config, Preset
from ddd_utils.schema import PretrainedSet, Published, Table

Source = Experiment | Evaluation | Imported


def source(config: Config) -> Source:
    """
    Return the object that knows where a configuration's results are.

    Parameters
    ----------
    config : Variants, ModelSet, PretrainedSet, Published or Table

    Returns
    -------
    Experiment, Evaluation or Imported
        All have ``folder``, ``complete()``, ``load()`` and ``classes()``.
    """
    kinds = {Published: Imported, Table: Imported, PretrainedSet: Evaluation}
    return kinds.get(type(config), Experiment)(config)


def needed(preset: Preset, sections: Sequence[str]) -> list[tuple[Source, str]]:
    """
    List what sections need.

    Parameters
    ----------
    preset : Preset
    sections : sequence of str

    Returns
    -------
    list of (Experiment, Evaluation or Imported, str)
        Each with the section; what several need is there several times.
    """
    return [(source(config), section) for section in sections for config in params.experiments(preset, section)]


def evaluations(preset: Preset, sections: Sequence[str]) -> list[tuple[str, Evaluation]]:
    """
    List the pretrained models that sections need.

    Parameters
    ----------
    preset : Preset
    sections : sequence of str

    Returns
    -------
    list of (str, Evaluation)
        Each with the first section that needs it, once.
    """
    wanted = needed(preset, sections)
    return [
        (next(section for other, section in wanted if other.config == each.config), each)
        for each in _once([each for each, _ in wanted], Evaluation)
    ]


def compute(sources: Sequence[Source], titles: Sequence[str] | None = None, say: Callable = launch.tell) -> None:
    """
    Make what is missing: first what is only read, then what pretrained models are asked, at last what is trained.

    Parameters
    ----------
    sources : sequence of Experiment, Evaluation or Imported
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
    titles = titles or [each.folder.name for each in sources]
    for each in sources:
        mend(each, say)
    failures = []
    for each in _once(sources, Imported) + _once(sources, Evaluation):
        try:
            each.make(say)
        except ExperimentError as error:
            failures.append(str(error))
    trained = [(each, title) for each, title in zip(sources, titles, strict=True) if isinstance(each, Experiment)]
    launch.compute([each for each, _ in trained], [title for _, title in trained])
    if failures:
        raise ExperimentError("; ".join(failures))


def _once(sources: Sequence[Source], kind: type) -> list:
    """Choose the sources of a kind, each once however many sections need it."""
    found: list[Source] = []
    for each in sources:
        if isinstance(each, kind) and all(each.config != other.config for other in found):
            found.append(each)
    return found


def check(sources: Sequence[Source]) -> None:
    """
    Look for trouble before hours of work: every model is looked up or built once, and the disk must have room.

    Parameters
    ----------
    sources : sequence of Experiment, Evaluation or Imported
        What is about to be computed.

    Raises
    ------
    InputError
        Names the model and the nearest right one, or the folder and what it lacks.
    """
    for each in _once(sources, Evaluation):
        from ddd_utils.experiments.showing import work

        work.check(each)
    launch.check([each for each in sources if isinstance(each, Experiment)])


def mend(source: Source, say: Callable, damaged: Path | None = None) -> None:
    """
    Set damaged files of a source aside, so that they are made anew.

    Parameters
    ----------
    source : Experiment, Evaluation or Imported
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
