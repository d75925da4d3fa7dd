"""People's single trials on the image sets of model-vs-human (Geirhos et al., 2021)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ddd_utils.data.downloads import fetch, registry
from ddd_utils.errors import InputError, nearest
from ddd_utils.responses import Responses
from ddd_utils.responses.forms import shown_image

FOLDER = "model_vs_human"
IMAGE, PERSON, RIGHT = ["condition", "image"], "subj", "right"


@dataclass(frozen=True)
class Trials:
    """What several people answered to the same images, each shown in one condition."""

    people: list[str]
    images: np.ndarray  # str (images,)
    conditions: np.ndarray  # str (images,)
    correct: np.ndarray  # bool (people, images); no answer counts as wrong


@dataclass(frozen=True)
class ObservedSets:
    """The sets that are at hand, by name, and why the others are not."""

    sets: dict[str, Trials]
    missing: dict[str, str]

    def seen_by(self, networks: Responses) -> tuple[str, np.ndarray]:
        """Find the set whose images some networks have all seen, and their decisions, bool (networks, images)."""
        known = {shown_image(str(name)): column for column, name in enumerate(networks.image_ids)}
        for name, trials in self.sets.items():
            if known.keys() >= set(trials.images):
                return name, networks.correct()[:, [known[image] for image in trials.images]]
        every = [image for trials in self.sets.values() for image in trials.images]
        first = next((image for image in known if image not in every), next(iter(known)))
        raise InputError(f"networks: they have not seen all images of any set, but '{first}'{nearest(first, every)}")


def observed_sets() -> ObservedSets:
    """
    Look up people's trials on the sets of model-vs-human; what is not on this machine is downloaded.

    Returns
    -------
    ObservedSets
    """
    files: dict[str, list[str]] = {}
    for name in registry():
        if name.startswith(f"{FOLDER}/"):
            files.setdefault(name.split("/")[1], []).append(name)
    sets, missing = {}, {}
    for name, parts in files.items():
        try:
            sets[name] = read_trials([fetch(part) for part in parts])
        except InputError as error:
            missing[name] = str(error)
    return ObservedSets(sets, missing)


def read_trials(paths: Sequence[Path]) -> Trials:
    """Read the files of a set, one a person; everyone must have seen every image, in the same condition."""
    try:
        table = pd.concat([pd.read_csv(path, dtype=str, keep_default_na=False) for path in paths])
        table = table.rename(columns=str.lower)
        table = table.assign(image=table["imagename"].map(shown_image))
        table[RIGHT] = table["object_response"] == table["category"]
        wide = table.pivot(index=IMAGE, columns=PERSON, values=RIGHT)
    except (KeyError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise InputError(f"{paths[0].parent}: not trials of model-vs-human ({reason})") from None
    conditions, images = (wide.index.get_level_values(level).to_numpy(str) for level in IMAGE)
    if wide.isna().any(axis=None) or len(set(images)) < len(images):
        raise InputError(f"{paths[0].parent}: not everyone has seen every image once, in one condition")
    return Trials(wide.columns.tolist(), images, conditions, wide.to_numpy(bool).T)
