"""The experiment as a game in the report: one section keeps its pairs of images, the summary shows them."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ddd_utils import params, paths
from ddd_utils.files import read_json, write_json
from ddd_utils.reporting import experiment, markup

MIME = "application/vnd.ddd.experiment+json"
MARK = " data-game "  # no HTML from outside keeps such an attribute
FEWEST, MOST, SIDE = 4, 16, 96  # pairs, and pixels of an image: enough to play, and the report stays small


class Game:
    """
    What a notebook displays; the report makes it playable.

    Parameters
    ----------
    study : mapping
        From `experiment.study`.
    page : str
        Where the report is, which those are told who see the notebook only.
    """

    def __init__(self, study: Mapping, page: str):
        self.study, self.page = dict(study), page

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        pairs = f"Find those tricky images, a game of {len(self.study['trials'])} pairs"
        return {MIME: self.study, "text/plain": f"{pairs}: `make report` puts it into {self.page}, where it is played."}


def keep(folder: Path, section: str, trials: Sequence[experiment.Trial], pictures: Mapping, *about) -> None:
    """
    Keep a section's game for the summary, in place of an earlier one.

    Parameters
    ----------
    folder : Path
        Where the report goes.
    section : str
        One of `params.WITH_IMAGES`.
    trials, pictures, *about
        As for `experiment.study`; fewer than `FEWEST` trials make no game.
    """
    forget(folder, section)
    if len(trials) >= FEWEST:
        write_json(_file(folder, section), experiment.study(trials, pictures, *about, side=SIDE))


def forget(folder: Path, section: str) -> None:
    """Delete a section's game, so that one that fails leaves none of an earlier run."""
    _file(folder, section).unlink(missing_ok=True)


def kept(folder: Path) -> Game | None:
    """
    Return the game of the first section that has kept one.

    Parameters
    ----------
    folder : Path
        Where the report goes.

    Returns
    -------
    Game or None
    """
    files = [file for section in params.WITH_IMAGES if (file := _file(folder, section)).is_file()]
    return Game(read_json(files[0]), str(paths.from_root(Path(folder) / "report.html"))) if files else None


def figure(study: Mapping) -> str:
    """
    Write the game for the report.

    Parameters
    ----------
    study : mapping
        From `experiment.study`.

    Returns
    -------
    str
        HTML; what `additions` returns brings it to life.
    """
    return experiment.template("experiment_figure.html").render(study=study, data=markup.embedded(study))


def additions(bodies: Iterable[str]) -> tuple[str, list[str]]:
    """
    Return what a page needs beside its figures.

    Parameters
    ----------
    bodies : iterable of str
        HTML of the sections.

    Returns
    -------
    style : str
    scripts : list of str
        Both empty where no section has a game.
    """
    if not any(MARK in body for body in bodies):
        return "", []
    return experiment.style(), [experiment.script(*experiment.PLAY, "experiment_figure.js")]


def _file(folder: Path, section: str) -> Path:
    return Path(folder) / "pairs" / f"{section}.json"
