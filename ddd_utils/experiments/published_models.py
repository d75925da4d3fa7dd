"""Models whose answers to ImageNet's validation images are published: which there are, what they are, their answers."""

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ddd_utils.data.downloads import Unavailable, at_hand, fetch, registry
from ddd_utils.errors import InputError, nearest
from ddd_utils.files import read_array, read_own_yaml

log = logging.getLogger(__name__)

FAMILIES = Path(__file__).with_name("families.yaml")
PREDICTIONS = "imagenetv2/predictions"
FOLDERS = {PREDICTIONS: "imagenetv2", "analysing_relations": "analysing_relations", "imagenetx": "imagenetx"}
CLASSES, ANSWERS = 1_000, 5
SAME = 0.99  # kappa above which two entries are one and the same model


@dataclass(frozen=True)
class Known:
    """An entry of the registry: a name of its own, the file with its answers, and what kind of model it is."""

    name: str
    file: str
    source: str
    family: str
    recipe: str
    pretraining: str


def known_models() -> dict[str, Known]:
    """List all models of the registry by name; one that another source has under the same name ends in "_timm"."""
    about, found = read_own_yaml(FAMILIES), {}
    for folder, source in FOLDERS.items():  # the models of the first keep their names
        for path in map(Path, registry()):
            if path.parent == Path(folder):
                own = path.stem.removeprefix("topk_ids_")
                name = f"{own}_timm" if own in found else own
                kind = about[source]["others"] | about[source].get(own, {})
                found[name] = Known(name, path.as_posix(), source, **kind)
    return found


def family_table() -> pd.DataFrame:
    """Set the registry's models below one another: name, file, source, family (architecture), recipe, pretraining."""
    return pd.DataFrame([asdict(model) for model in known_models().values()])


def select(wanted: str | Sequence[str], top: int = 1) -> tuple[list[Known], list[Known]]:
    """Find the models that are named, which must be had, and those of a source, a family or "all", which may lack."""
    every, named, members = known_models(), [], []
    groups = {part for model in every.values() for part in (model.source, model.family)}
    for word in ["all"] if wanted == "all" else wanted:
        if word in every:
            named.append(every[word])
        elif word in groups or wanted == "all":
            members += [m for m in every.values() if wanted == "all" or word in (m.source, m.family)]
        else:
            raise InputError(f"there are no published predictions of '{word}'{nearest(word, [*every, *groups])}")
    for model in named:
        if named.count(model) > 1:
            raise InputError(f"the model '{model.name}' is named twice")
        if top > 1 and not _has_five(model):
            raise InputError(f"of '{model.name}' only the first answer is published, not the first {top}")
    rest = [m for m in dict.fromkeys(members) if m not in named and (top == 1 or _has_five(m))]
    return named, [m for m in rest if registry()[m.file].sha256 or at_hand(m.file)]  # can be checked, or is here


def _has_five(model: Known) -> bool:
    return model.source == "imagenetv2"


def fetch_members(wanted: str | Sequence[str], top: int = 1) -> None:
    """Download the members of the groups wanted; where there is no network, say which are left out and go on."""
    _, members = select(wanted, top)
    missing = [model for model in members if not at_hand(model.file)]
    try:
        while missing:
            fetch(missing[0].file)
            missing.pop(0)
    except Unavailable as error:  # the others would have to wait for the same network
        if len(missing) == len(members):
            raise
        names = ", ".join(model.name for model in missing)
        log.info("%d of %d published models are left out (%s): %s", len(missing), len(members), names, error)


def first_answers(model: Known, names: np.ndarray) -> np.ndarray:
    """Read a model's answers to the images of these names, int (images, 5), or (images, 1) where it has one only."""
    path = fetch(model.file)
    if _has_five(model):  # in the order of the images; not every file has a known SHA-256
        answers, shape = read_array(path), (len(names), ANSWERS)
        if answers.shape != shape or answers.dtype.kind not in "iu":
            raise InputError(f"{path}: is {answers.dtype} of shape {answers.shape}, not int of shape {shape}")
    else:
        found = _joined(path, 1, "class", names)[:, None]
        if (found % 1 > 0).any():
            raise InputError(f"{path}: its classes are not whole numbers")
        answers = found.astype(int)
    if answers.min() < 0 or answers.max() >= CLASSES:
        raise InputError(f"{path}: holds {answers.min()} to {answers.max()}, not classes from 0 to {CLASSES - 1}")
    return answers


def probabilities(model: Known, names: np.ndarray) -> np.ndarray:
    """Read how probable a model finds its answers to these images, float16 (images,); NaN if that is not published."""
    if model.source != "imagenetx":
        return np.full(len(names), np.nan, np.float16)
    return _joined(fetch(model.file), 2, "probability", names).astype(np.float16)


def _joined(path: Path, column: int, what: str, names: np.ndarray) -> np.ndarray:
    """Join a column of a table, with or without a header, to images by the file names in its first, (images,)."""
    try:
        table = pd.read_csv(path, header=None, usecols=[0, column], names=["image", what], dtype=str)
        table = table[table["image"] != "file_name"]
        found = pd.to_numeric(table.set_index("image")[what]).reindex(names)
    except (ValueError, OSError) as error:  # also what pandas' parser raises, and an image that has two answers
        raise InputError(f"{path}: not a table of file name and {what} ({' '.join(str(error).split())})") from None
    if found.isna().any():
        raise InputError(f"{path}: has no answer to the image '{found.index[found.isna()][0]}'")
    return found.to_numpy()


def same_models(correct: np.ndarray, names: Sequence[str]) -> dict[str, str]:
    """Find entries that err like an earlier one, (models, images) bool, kappa above `SAME`: the name of that one."""
    right = correct.astype(np.float32)
    agree = (right @ right.T + (1 - right) @ (1 - right).T) / correct.shape[1]
    p = correct.mean(axis=1)
    chance = np.outer(p, p) + np.outer(1 - p, 1 - p)
    alike = np.tril((chance < 1) & (agree - chance > SAME * (1 - chance)), -1)
    return {names[row]: names[int(alike[row].argmax())] for row in np.flatnonzero(alike.any(axis=1))}
