"""The two-alternative experiment "find those tricky images": one HTML page that fetches nothing."""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import jinja2
import numpy as np
from markupsafe import Markup
from PIL import Image

from ddd_utils.reporting import markup, names_and_colours
from ddd_utils.reporting.gallery import data_uri
from ddd_utils.reporting.registry import claim, paper

TEMPLATE = Path(__file__).parent / "template"
PLAY = ("experiment_score.js", "experiment_game.js", "experiment_end.js")  # what showing pairs needs
NOISE, DIGITS = "gaussian", "digits"
PRACTICE = 6  # pairs that do not count
WAYS = ("immediate", "delayed", "again")  # to have answered, as far as the paper's observers can be a comparison
Trial = tuple[str, str, bool]


def most_trials() -> int:
    """Return the number of trials of the paper's observers: more are too many."""
    return paper()["printed"]["trials"]


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
    Put together what the page needs to know.

    Parameters
    ----------
    trials : sequence of (str, str, bool)
        Names of the trivial and the impossible image, and whether the impossible one is on the left.
    pictures : mapping of str to (height, width, 3) uint8
        The images by their names.
    dataset : str
        Data set, as the responses name it.
    networks, tolerance : int
        How many networks make an image trivial or impossible, and how many of them may deviate.
    feedback : {"immediate", "delayed", "none"}
        Whether observers are told after each pair if they were right, only at the end, or never; of practice pairs
        they always are. In the report this is what the choice of the reader begins with.
    practice : sequence of (str, str, bool)
        Pairs that come before and do not count.
    side : int
        Pixels of the longer side; larger images are made smaller, of noise a part is cut out.

    Returns
    -------
    dict
        Plain data. Its ``key`` tells this experiment from any other: answers given to one are never taken for
        another's.
    """
    names = list(dict.fromkeys(name for trial in (*practice, *trials) for name in trial[:2]))
    places = {name: place for place, name in enumerate(names)}
    found = {
        "feedback": feedback,
        "rule": _rule(networks, tolerance),
        "beside": _beside(dataset),
        "names": names,
        "pictures": [data_uri(_fitted(pictures[name], side, dataset == NOISE)) for name in names],
        "practice": [_shown(trial, places) for trial in practice],
        "trials": [_shown(trial, places) for trial in trials],
    }
    return {"key": hashlib.sha256(json.dumps(found).encode()).hexdigest()[:16], **found}


def page(found: Mapping) -> str:
    """
    Make the page for the laboratory, with consent, practice, pause and a file of answers at the end.

    Parameters
    ----------
    found : mapping
        From `study`.

    Returns
    -------
    str
        HTML. The same study makes the same bytes.
    """
    css, js = style(), script(*PLAY, "experiment_lab.js")
    policy = (
        f"default-src 'none'; script-src '{_digest(js)}'; style-src '{_digest(css)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    return template("experiment.html").render(
        study=found, data=markup.embedded(found), style=Markup(css), script=Markup(js), policy=policy
    )


def style() -> str:
    """Return the style sheet: the palette, and what touches only the inside of an experiment."""
    return names_and_colours.css() + (TEMPLATE / "experiment.css").read_text("utf-8")


def script(*files: str) -> str:
    """Return one script of some files."""
    parts = "\n".join((TEMPLATE / name).read_text("utf-8") for name in files)
    return f'(() => {{\n"use strict";\n{parts}}})();'


def template(name: str) -> jinja2.Template:
    """Load a template; what is put into it is escaped."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATE), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    return environment.get_template(name)


def comparable(dataset: str) -> bool:
    """Tell whether people's answers to images of a data set can be set beside the paper's: not noise, not digits."""
    return dataset not in (NOISE, DIGITS)


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _shown(trial: Trial, places: Mapping[str, int]) -> dict:
    trivial, impossible, left = trial
    pair = [impossible, trivial] if left else [trivial, impossible]
    return {"left": places[pair[0]], "right": places[pair[1]], "impossible": "left" if left else "right"}


def _fitted(image: np.ndarray, side: int, noise: bool) -> np.ndarray:
    """Make an image small enough. Resizing noise would make it weaker, so a part of it is shown as it is."""
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
    if dataset == NOISE:
        said = "On noise the rule is learned in a few trials: the paper's observers are no comparison."
        return dict.fromkeys(WAYS, said)
    if dataset == DIGITS:
        said = "These are handwritten digits; the paper's observers judged photographs, so there is no comparison."
        return dict.fromkeys(WAYS, said)
    lowest, highest, mean = (f"{claim(f'human_accuracy_{which}').value:.1%}" for which in ("lowest", "highest", "mean"))
    return {
        "immediate": "With feedback one learns as one goes: the paper's observers, who had none, are no comparison.",
        "delayed": f"The paper's observers, on photographs of ImageNet: from {lowest} to {highest}, mean {mean}.",
        "again": "You knew these pairs from before: the paper's observers, who saw theirs once, are no comparison.",
    }
