"""Responses that nobody computes here: published predictions for ImageNet's validation images, and users' tables."""

import json
import logging
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ddd_utils import machine, paths
from ddd_utils.config.schema import PretrainedSet, Published, Table
from ddd_utils.data.class_spaces import imagenet_index, imagenet_names, timm_lists
from ddd_utils.data.downloads import Unavailable, at_hand, fetch, local_copy, registry
from ddd_utils.errors import InputError, nearest
from ddd_utils.experiments.people import LABEL_ERRORS
from ddd_utils.experiments.published_models import (
    family_table,
    fetch_members,
    first_answers,
    known_models,
    probabilities,
    same_models,
    select,
)
from ddd_utils.experiments.store import Results
from ddd_utils.files import read_array, read_json, remove_partials, safe_name, sha256, short_hash
from ddd_utils.responses import Responses
from ddd_utils.responses.runs import below_one_another

log = logging.getLogger(__name__)

IMAGES = 50_000
CLASS_INFO, FILE_NAMES = "imagenetv2/class_info.json", "imagenetv2/imagenet-validation-original.json"
SCORES = "meding2022/Rebuttal_mean_decisions_correct.npy"
PAPER_MODELS = 11
# Looked for in all names at once: 50,000 single searches take a second, and every section asks.
_VALIDATION_IMAGES = re.compile(r"^(?:.*[/\\])?ILSVRC2012_val_(\d{8})(?:\.\w+)?$", re.MULTILINE)


def imagenet_models(wanted: str | Sequence[str] = "all", top: int = 1) -> list[str]:
    """List the models with published predictions that are wanted by their names, sources or families."""
    # What is named is listed whether it is here or not; of a source, a family or "all" those whose file is here, or,
    # before the first download, all that can be checked.
    named, members = select(wanted, top)
    here = [model for model in members if at_hand(model.file)]
    return [model.name for model in [*named, *(here or members)]]


def imagenet_responses(models: str | Sequence[str] = "all", top: int = 1, fewest: int = 2) -> Responses:
    """Read published predictions for ImageNet's validation images (Recht et al., 2019); one epoch, by WordNet id."""
    known, models = known_models(), imagenet_models(models, top)
    labels, image_ids, classes = _imagenet_truth()
    predictions = np.empty((len(models), 1, IMAGES), np.int16)
    for row, model in zip(predictions, models, strict=True):
        # With top = 5, the label is stored where it is among the first five answers, and the first answer elsewhere.
        answers = first_answers(known[model], image_ids)
        right = (answers[:, :top] == labels[:, None]).any(axis=1)
        row[0] = np.where(right, labels, answers[:, 0])
    same = same_models(predictions[:, 0] == labels, models)
    once = [model not in same for model in models]
    if sum(once) < fewest:
        raise InputError(f"models: {', '.join(models)} is one model; a comparison takes two")
    stated = np.array([probabilities(known[model], image_ids) for model in models])[once]
    networks = pd.DataFrame({"network": models, "condition": models, "instance": 1, "architecture": models})[once]
    info = {"dataset": "imagenet", "classes": classes, "same_model": same}
    certainty = {} if np.isnan(stated).all() else {"probability": stated}
    return Responses(predictions[once], labels, image_ids, networks.reset_index(drop=True), info, **certainty)


def _imagenet_truth() -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Read labels (images,), file names (images,) and class names by label."""
    by_wordnet = {entry["wnid"]: entry["cid"] for entry in read_json(fetch(CLASS_INFO))}
    rows = read_json(fetch(FILE_NAMES))["image_filenames"]
    labels = np.array([by_wordnet[wordnet] for _, wordnet in rows], np.int16)
    return labels, np.array([name for name, _ in rows]), list(imagenet_names())


def _validation_numbers(image_ids: Iterable[str]) -> np.ndarray | None:
    """Read the numbers 1 to 50,000 out of the names of ImageNet validation files; None if these are other images."""
    names = [str(name) for name in image_ids]
    numbers = np.array(_VALIDATION_IMAGES.findall("\n".join(names)), int)
    known = 0 < len(numbers) == len(names) and numbers.min() >= 1 and numbers.max() <= IMAGES
    return numbers if known else None


def _aligned(read: Callable[[], np.ndarray], image_ids: Iterable[str]) -> np.ndarray | None:
    """Bring values in order of WordNet id into the order of some image ids; None for other images or lost files."""
    if (numbers := _validation_numbers(image_ids)) is None:
        return None
    try:
        values, (_, names, _) = read(), _imagenet_truth()
    except Unavailable:
        return None
    position = np.empty(IMAGES + 1, int)
    position[_validation_numbers(names)] = np.arange(IMAGES)
    return values[position[numbers]]


def fetch_companions(image_ids: Iterable[str]) -> None:
    """Fetch what else is published about ImageNet validation images, so that notebooks find it."""
    if _validation_numbers(image_ids) is None:
        return
    for name in (CLASS_INFO, FILE_NAMES, LABEL_ERRORS, SCORES):
        try:
            fetch(name)
        except Unavailable as error:  # the sections can do without, and say so
            log.info("left out: %s", error)


def known_by_name(found: Responses) -> Responses:
    """Bring answers to images that are ImageNet's by their names to its classes; say how many labels are not its."""
    truth = _aligned(lambda: _imagenet_truth()[0], found.image_ids)
    if truth is None:
        return replace(found, info={**found.info, "on_imagenet": False})
    if not found.info.get("labels_known", True):
        about = {**found.info, "labels_known": True, "classes": list(imagenet_names())}
        found = replace(found, predictions=np.where(found.predictions < 0, -1, truth), labels=truth, info=about)
    elif found.info.get("classes", []) != list(imagenet_names()):
        found = _by_class_names(found, truth)
    differ = int((found.labels != truth).sum())
    told = {"differ": differ, "right": (found.predictions[:, -1] == truth).mean(axis=1).tolist()}
    return replace(found, info={**found.info, "on_imagenet": not differ, "by_file_name": told})


def _by_class_names(found: Responses, truth: np.ndarray) -> Responses:
    """Give named classes ImageNet's numbers; which of two classes of one name (crane) is meant, the images tell."""
    names, known = list(imagenet_names()), found.info.get("classes", [])
    meant = [_classes_called(name, truth[found.labels == label]) for label, name in enumerate(known)]
    for label, classes in enumerate(meant):
        if not classes and (found.labels != label).all():
            what = f"'{known[label]}' is the label of no image, and no class of ImageNet"
            raise InputError(f"{what}{nearest(known[label], names)}")
    if not meant or not all(meant):
        return found
    number = np.array([*(classes[0] for classes in meant), -1], np.int16)  # the last for what is not recorded
    labels, predictions = number[found.labels], number[found.predictions]
    for label, classes in enumerate(meant):
        if len(classes) > 1:
            labels, predictions = (
                np.where((old == label) & np.isin(truth, classes), truth, new)
                for old, new in ((found.labels, labels), (found.predictions, predictions))
            )
    return replace(found, predictions=predictions, labels=labels, info={**found.info, "classes": names})


def _classes_called(name: str, truth: np.ndarray) -> list[int]:
    """Return the classes of ImageNet that have a name; those of the images labelled so, if these are of one class."""
    if (index := imagenet_index(name)) is not None:
        return [index]
    same = [index for index, other in enumerate(imagenet_names()) if other.partition(" (")[0] == name]
    return same or [int(each) for each in np.unique(truth)[: len(np.unique(truth)) == 1]]


@dataclass(frozen=True)
class ImageNetFacts:
    """What is known of ImageNet's validation images beside their labels; None where it is not."""

    accepted: list[tuple[int, ...]] | None = None  # the labels that ReaL accepts, an entry an image
    wrong_label: np.ndarray | None = None  # bool (images,), by the authors' list
    # Decisions with the scores of the paper's models, bool (11, images); which model is right is not published.
    eleven: np.ndarray | None = None


def imagenet_facts(responses: Responses) -> ImageNetFacts:
    """
    Look up what is published about the images of some responses.

    Parameters
    ----------
    responses : Responses

    Returns
    -------
    ImageNetFacts
        Nothing but None unless these are ImageNet's validation images with its labels.
    """
    if not responses.info.get("on_imagenet"):
        return ImageNetFacts()
    names = responses.image_ids
    scores = published_scores(names)
    eleven = None if scores is None else scores > np.arange(PAPER_MODELS)[:, None]
    return ImageNetFacts(real_labels(names), label_errors(names), eleven)


def real_labels(image_ids: Iterable[str]) -> list[tuple[int, ...]] | None:
    """Look up the reassessed labels ("ReaL") of ImageNet validation images (Beyer et al., 2020); None for others."""
    # timm carries them. An image has no label where people found no class that fits.
    numbers, lists = _validation_numbers(image_ids), timm_lists()
    if numbers is None or lists is None:
        return None
    accepted = json.loads((lists / "imagenet_real_labels.json").read_text("utf-8"))  # in order of file name
    return [tuple(accepted[number - 1]) for number in numbers]


def label_errors(image_ids: Iterable[str]) -> np.ndarray | None:
    """Look up which images the authors' repository calls wrongly labelled, bool (images,); None where not known."""
    # These are 2,916 images (Meding et al., 2022); the paper's figures used another list, of 5,000.
    return _aligned(lambda: read_array(fetch(LABEL_ERRORS)).astype(bool), image_ids)


def published_scores(image_ids: Iterable[str]) -> np.ndarray | None:
    """Look up how many of the paper's 11 models are right on each image, int (images,); None where not known."""
    return _aligned(_scores, image_ids)


def _scores() -> np.ndarray:
    path = fetch(SCORES)
    counts = read_array(path).ravel() * PAPER_MODELS
    if counts.shape != (IMAGES,) or np.abs(counts - np.rint(counts)).max() > 1e-6:
        raise InputError(f"{path}: its shares are not multiples of 1/{PAPER_MODELS} for {IMAGES} images")
    return np.rint(counts).astype(int)


def check_beside(config: PretrainedSet, image_ids: Sequence[str], labels: np.ndarray) -> None:
    """Refuse images that nobody has published answers to, other labels, and models called as published ones are."""
    assert config.published
    truth = _aligned(lambda: _imagenet_truth()[0], image_ids)
    if truth is None:
        strange = next((name for name in image_ids if _validation_numbers([name]) is None), image_ids[0])
        raise InputError(f"'{strange}' is not called as the images with published answers (ILSVRC2012_val_*.JPEG) are")
    if wrong := np.flatnonzero(truth != labels).tolist():
        raise InputError(
            f"published answers are by ImageNet's labels, which '{image_ids[wrong[0]]}' does not have here"
        )
    names = imagenet_models(config.published.models)
    if same := next((model.label for model in config.models if model.label in names), None):
        raise InputError(f"'{same}' is also a published model: give yours another `name`")


def joined(own: Responses, others: Responses) -> Responses:
    """Set published answers below those of one's own models to the same of ImageNet's images."""
    position = np.empty(IMAGES + 1, int)
    position[_validation_numbers(others.image_ids)] = np.arange(IMAGES)
    others = others.select(images=position[_validation_numbers(own.image_ids)])
    predictions = np.concatenate([own.predictions, others.predictions])
    rows = [(each, row) for each in (own, others) for row in range(len(each.networks))]
    stated = [{name: values[row] for name, values in each.certainty.items()} for each, row in rows]
    certainty: dict[str, Any] = below_one_another(stated, len(own.labels))
    networks = pd.concat([own.networks, others.networks], ignore_index=True)
    networks = networks.fillna(dict.fromkeys(("family", "recipe", "pretraining", "source"), "yours"))
    about = {key: others.info[key] for key in ("not_at_hand", "same_model") if key in others.info}
    return replace(own, predictions=predictions, networks=networks, info={**own.info, **about}, **certainty)


@dataclass(frozen=True)
class Imported(Results):
    """Published predictions or a user's table, and where they are kept."""

    config: Published | Table
    fewest: int = 2  # models; one is enough beside others

    # Names of classes are kept with the responses, where there are any; answers come without images.
    class_names = images = None

    @cached_property
    def folder(self) -> Path:
        """``build/results/<name>-<8 hex of what is in it>``: another choice of models, or changed bytes, is another."""
        name = Path(self.config.path).stem if isinstance(self.config, Table) else self.config.published
        return paths.results() / f"{safe_name(name)}-{short_hash(self._contents)}"

    @cached_property
    def _contents(self) -> dict[str, Any]:
        if isinstance(self.config, Table):
            # What older versions kept of a table lacks class names and passes for a data set: it is read again.
            policy = {} if self.config.missing == "refuse" else {"missing": self.config.missing}
            return {"sha256": sha256(Path(self.config.path)), "kept": 2, **policy}
        known = known_models()
        predictions = [known[model].file for model in imagenet_models(self.config.models, self.config.top)]
        files = [registry()[name] for name in (CLASS_INFO, FILE_NAMES, *predictions)]
        # Of a file whose SHA-256 is not known, the bytes at hand decide.
        return {"top": self.config.top, "files": {file.name: file.sha256 or _digest(file.name) for file in files}}

    def files(self) -> list[Path]:
        """List the description, and all that it speaks of."""
        runs = [row["run"] for row in self.description().get("networks", ())]
        return [self.description_file, *(self.folder / f"{name}.parquet" for name in ["images", *runs])]

    def complete(self) -> bool:
        """Say whether everything is there, and whole; what was kept without probabilities is read again."""
        return super().complete() and "certainty" in self.description()

    def make(self) -> None:
        """Read, check and keep the responses, unless that is done; nothing is kept of faulty ones."""
        if isinstance(self.config, Published):
            fetch_members(self.config.models, self.config.top)
            for fact in ("folder", "_contents"):  # which models there are may have changed
                self.__dict__.pop(fact, None)
        with machine.lock(self.folder_lock, f"computes {self.folder.name}"):
            if self.complete():
                return
            remove_partials(self.folder)
            responses = self._read()
            fetch_companions(responses.image_ids)
            known_by_name(responses)  # what is wrong with it is told now
            responses.save(self.folder)
            networks, _, images = responses.predictions.shape
            log.info("%s: %d models, %d images", responses.info["device"], networks, images)

    def _read(self) -> Responses:
        if isinstance(self.config, Table):
            path = Path(self.config.path)
            found, device = Responses.from_table(path, self.config.missing), f"table {path.name}"
            origin: dict[str, Any] = {"SHA-256": self._contents["sha256"]}
        else:
            found = imagenet_responses(self.config.models, self.config.top, self.fewest)
            device = "published predictions"
            files = [registry()[name] for name in self._contents["files"]]
            unchecked = [Path(file.name).stem for file in files if file.sha256 is None]
            repositories = "; ".join(dict.fromkeys(file.origin for file in files))
            origin = {"repository": repositories, "files with the known SHA-256": len(files) - len(unchecked)}
            origin |= {"SHA-256 not known": unchecked} if unchecked else {}
            _, members = select(self.config.models, self.config.top)
            missing = [model.name for model in members if not at_hand(model.file)]
            found = replace(found, info={**found.info, "not_at_hand": missing})
        about = self.described(device=device, source=origin, contents=self._contents, certainty=[*found.certainty])
        return found.attributed(self, **about)

    def load(self) -> Responses:
        """Read the responses back."""
        found = known_by_name(Responses.load(self.folder))
        if isinstance(self.config, Published):  # what a model is may be known better than when its answers were kept
            about = family_table().drop(columns="file").rename(columns={"name": "network"})
            found = replace(found, networks=found.networks.merge(about, "left", "network"))
        return found.attributed(self)


def _digest(name: str) -> str | None:
    copy = local_copy(name)
    return sha256(copy) if copy else None
