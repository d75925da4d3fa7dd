"""The game "find those tricky images": played in the report, and a page of its own for laboratories."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ddd_utils import paths
from ddd_utils.analysis.examples import count_extremes, image_pairs
from ddd_utils.charts import names_and_colours
from ddd_utils.charts.gallery import data_uri
from ddd_utils.config import params
from ddd_utils.files import read_json, write_json
from ddd_utils.report import assets, markup
from ddd_utils.report.claims import paper, printed
from ddd_utils.responses import Responses

MIME = "application/vnd.ddd.experiment+json"
MARK = " data-game "  # no HTML from outside keeps such an attribute
FEWEST, MOST, SIDE = 4, 16, 96  # pairs, and pixels of an image: enough to play, and the report stays small
PLAY = ("elements", "experiment_score", "experiment_game", "experiment_end")  # scripts that show pairs, take answers
NOISE = "gaussian"
NO_COMPARISON = {
    NOISE: "On noise the rule is learned in a few trials: the paper's observers are no comparison.",
    "digits": "These are handwritten digits; the paper's observers judged photographs, so there is no comparison.",
}
PRACTICE = 6  # pairs that do not count
WAYS = ("immediate", "delayed", "again")  # how a player came to the answers: only some can be compared with the paper's
Trial = tuple[str, str, bool]  # names of the trivial and the impossible image, and whether the latter is on the left


class Game:
    """What a notebook displays; the report, which lies at `page`, makes it playable."""

    def __init__(self, study: Mapping, page: str):
        self.study, self.page = dict(study), page

    def _repr_mimebundle_(self, **_: Any) -> dict:
        pairs = f"Find those tricky images, a game of {len(self.study['trials'])} pairs"
        return {MIME: self.study, "text/plain": f"{pairs}: `make report` puts it into {self.page}, where it is played."}


def study(
    trials: Sequence[Trial],
    pictures: Mapping[str, np.ndarray],
    dataset: str,
    networks: int,
    tolerance: int,
    feedback: str = "immediate",
    practice: Sequence[Trial] = (),
    side: int = 224,
) -> dict:
    """
    Put together what the page needs to know, as plain data.

    The key tells this study from any other: answers given to one are never taken for another's. Observers are told
    after each pair whether they were right ("immediate"), at the end ("delayed") or never ("none"); in practice they
    always are, and in the report the reader may choose.
    """
    names = list(dict.fromkeys(name for trial in (*practice, *trials) for name in trial[:2]))
    found = {
        "feedback": feedback,
        "rule": _rule(networks, tolerance),
        "beside": _beside(dataset),
        "names": names,
        "pictures": [data_uri(_fitted(pictures[name], side, dataset == NOISE)) for name in names],
        "practice": [_shown(trial, names.index) for trial in practice],
        "trials": [_shown(trial, names.index) for trial in trials],
    }
    return {"key": markup.key(found), **found}


def laboratory(found: Mapping) -> str:
    """Make the page for a laboratory: consent, practice, pairs with a pause, and a file of answers at the end."""
    scripts = [assets.script((*PLAY, "csv", "experiment_lab"))]
    data = markup.embedded(found)
    return assets.page("experiment.html", style(), scripts, styled_inside=False, study=found, data=data)


def style() -> str:
    """Return the style sheet: the palette, and what touches only the inside of a game."""
    return names_and_colours.css() + assets.read("experiment.css")


def figure(study: Mapping) -> str:
    """Write the game for the report; what `additions` returns brings it to life."""
    return assets.part("experiment_figure.html", study=study, data=markup.embedded(study))


def additions(bodies: Iterable[str]) -> tuple[str, list[str]]:
    """Return the style sheet and the scripts that a page needs for its games; nothing where no section has one."""
    if not any(MARK in body for body in bodies):
        return "", []
    return style(), [assets.script((*PLAY, "experiment_figure"))]


def keep(folder: Path, section: str, found: dict) -> None:
    """Keep a section's game for the summary, in place of an earlier one; fewer trials than `FEWEST` make none."""
    forget(folder, section)
    if len(found["trials"]) >= FEWEST:
        write_json(paths.pairs(folder, section), found)


def keep_pairs(preset: str | Path, section: str, answers: Responses, rows: Sequence[int], tolerance: int) -> None:
    """Keep pairs of a trivial and an impossible image for the summary, which opens with a game of them."""
    folder, correct = params.load(preset).folder, answers.correct()[list(rows)]
    count = min(MOST, *count_extremes(correct, tolerance)) if answers.has_images else 0
    if not count:
        forget(folder, section)
        return
    drawn = image_pairs(correct, tolerance, count, labels=answers.labels)
    pictures = dict(zip(answers.image_ids[drawn.images], answers.thumbnails(drawn.images, SIDE), strict=True))
    about = answers.info["dataset"], len(correct), tolerance
    keep(folder, section, study(drawn.named(answers.image_ids), pictures, *about, side=SIDE))


def forget(folder: Path, section: str) -> None:
    """Delete a section's game, so that one that fails leaves none of an earlier run."""
    paths.pairs(folder, section).unlink(missing_ok=True)


def kept(folder: Path) -> Game | None:
    """Return the game of the first section that has kept one in a report's folder."""
    files = [file for section in params.WITH_IMAGES if (file := paths.pairs(folder, section)).is_file()]
    return Game(read_json(files[0]), str(paths.from_root(Path(folder) / "report.html"))) if files else None


def most_trials() -> int:
    """Return the number of trials of the paper's observers: more are too many."""
    return paper()["printed"]["trials"]


def comparable(dataset: str) -> bool:
    """Tell whether people's answers to images of a data set can be set beside the paper's: not for noise or digits."""
    return dataset not in NO_COMPARISON


def _shown(trial: Trial, position: Callable[[str], int]) -> dict:
    trivial, impossible, left = trial
    pair = [impossible, trivial] if left else [trivial, impossible]
    return {"left": position(pair[0]), "right": position(pair[1]), "impossible": "left" if left else "right"}


def _fitted(image: np.ndarray, side: int, noise: bool) -> np.ndarray:
    """Make an image small enough. Resizing noise would weaken it, so a crop of it is shown instead."""
    if max(image.shape[:2]) <= side:
        return image
    if noise:
        return image[:side, :side]
    small = Image.fromarray(image)
    small.thumbnail((side, side))
    return np.asarray(small)


def _rule(networks: int, tolerance: int) -> str:
    most = f"at most {tolerance}" if tolerance else "none"
    return (
        f"One image of each pair is trivial ({most} of {networks} networks gets it wrong), "
        f"the other one impossible ({most} gets it right)."
    )


def _beside(dataset: str) -> dict[str, str]:
    """Say how the paper's observers fared, where that can be compared: by feedback, and for pairs known from before."""
    if not comparable(dataset):
        return dict.fromkeys(WAYS, NO_COMPARISON[dataset])
    lowest, highest, mean = (f"{printed(f'human_accuracy_{which}'):.1%}" for which in ("lowest", "highest", "mean"))
    theirs = f"The paper's observers, on photographs of ImageNet, reached {mean} on average ({lowest} to {highest})"
    return {
        "immediate": f"{theirs}, without being told after each pair.",
        "delayed": f"{theirs}.",
        "again": f"{theirs}, seeing each pair once; you knew these pairs from before.",
    }
