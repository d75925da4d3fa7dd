"""Pretrained models and the photographs they answer: where their answers are, and which are missing."""

import glob
import shutil
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import pandas as pd

from ddd_utils import files, machine, paths
from ddd_utils.config.image_sets import Photographs
from ddd_utils.config.model_sets import Model, OpenClip
from ddd_utils.config.schema import PretrainedSet
from ddd_utils.data.class_spaces import ClassSpace, class_space
from ddd_utils.data.listing import Listing, listing
from ddd_utils.experiments import plans, published, published_models
from ddd_utils.experiments.store import OneByOne, Results
from ddd_utils.files import is_whole, read_json, read_metadata, read_parquet, safe_name, short_hash, write_json
from ddd_utils.responses import CERTAINTY, Responses, Source, write_images, write_predictions

# The decision among all classes a model knows lies beside the one among those present, under its own file name.
SUFFIX = {"present": "", "all": "-all"}
READ = 0.999  # share of ImageNet's images that make a measured accuracy comparable with a published one


@dataclass(frozen=True)
class Evaluation(Results):
    """A set of pretrained models, the photographs they answer, and where the answers are."""

    config: PretrainedSet

    @cached_property
    def listing(self) -> Listing:
        """The photographs, none of them decoded."""
        return listing(self.config.images)

    @cached_property
    def space(self) -> ClassSpace:
        """The classes of all listed photographs."""
        return class_space(self.listing.keys, self.listing.order, self.config.images.mapping)

    @cached_property
    def beside(self) -> published.Imported | None:
        """The published answers that join those of the models, if any do."""
        return published.Imported(self.config.published, 1) if self.config.published else None

    def make_beside(self) -> None:
        """Have the published answers at hand, if any join the models'."""
        if self.beside and not self.beside.complete():
            self.beside.make()

    @property
    def name(self) -> str:
        """What the images are called: with their folder, so that nobody's `imagenet` is taken for ImageNet."""
        images = self.config.images
        if not isinstance(images, Photographs):
            return f"torchvision/{images.dataset}"
        path, corruptions = files.find_images(images.path), images.where.removeprefix(images.path)
        return f"{path.parent.name}/{path.stem if path.is_file() else path.name}{corruptions}"

    @cached_property
    def folder(self) -> Path:
        """``build/results/<images>-<8 hex of photographs and classes>``: more models add to it."""
        matters = [self.listing.state, self.config.images.mapping]
        return paths.results() / f"{safe_name(self.name)}-{short_hash(matters)}"

    def __getstate__(self) -> dict[str, Any]:
        """Travel to other processes without the list of photographs, which each makes anew."""
        return {"config": self.config}

    def file(self, model: Model, among: str = "present") -> Path:
        """Return the file of a model's answers."""
        return self.folder / f"{plans.pretrained_file(model)}{SUFFIX[among]}.parquet"

    def done(self, model: Model) -> bool:
        """Say whether a model's answers are there, and whole; zero-shot ones must say what the model was asked."""
        if not all(is_whole(self.file(model, among)) for among in SUFFIX):
            return False
        return not isinstance(model.pretrained, OpenClip) or "prompts" in read_metadata(self.file(model))

    def files(self) -> list[Path]:
        """List the files that there should be."""
        described = [self.folder / name for name in ("experiment.json", "skipped.json", "images.parquet")]
        return described + [self.file(model, among) for model in self.config.models for among in SUFFIX]

    def lock(self, model: Model) -> Path:
        """Return the lock of a model: whoever lets it answer holds it."""
        return self.unfinished / f"{plans.pretrained_file(model)}.lock"

    def stream(self, model: Model) -> Hashable:
        """Return what models must agree in to be shown the same decoded photographs."""
        from ddd_utils.models.pretrained import recipe  # torch, timm: a light installation can tell what is there

        return recipe(model).preparation.view

    def work(self, model: Model) -> float:
        """Guess a model's work in training images, as for a run; that models differ is not known before."""
        return self.count() / 3

    def complete(self) -> bool:
        """Say whether everything is there, and whole, and described for these very models."""
        others = self.beside is None or self.beside.complete()
        if not (others and super().complete() and all(map(self.done, self.config.models))):
            return False
        described = self.description()["networks"]
        return [row["run"] for row in described] == self.networks()["run"].tolist()

    def missing(self) -> list[Model]:
        """List the models without answers; all, where it is not known which images the answers are to."""
        known = self.positions() is not None
        return [model for model in self.config.models if not (known and self.done(model))]

    def keep_images(self, unread: dict[int, str]) -> None:
        """Write down which photographs can be read, unless another process has; a reason is kept for each other."""
        with machine.lock(self.folder_lock, f"describes {self.folder.name}"):
            if self.positions() is not None:
                return
            for name in ("skipped.json", "images.parquet"):
                files.remove_partials(self.folder, name)
            names = ((self.listing.ids[index], reason) for index, reason in unread.items())
            # Where the files lie on this machine is nobody's business.
            skipped = [{"image": name, "reason": reason.rpartition(f"{name}: ")[2]} for name, reason in names]
            write_json(self.folder / "skipped.json", {"skipped": skipped})
            kept = np.setdiff1d(np.arange(len(self.listing.ids)), list(unread))
            write_images(self.folder, self.space.labels[kept], np.array(self.listing.ids)[kept])

    def readable(self) -> pd.DataFrame:
        """Read which photographs can be read: ``image``, ``id`` and ``label``."""
        return read_parquet(self.folder / "images.parquet", ["image", "id", "label"])

    def positions(self) -> np.ndarray | None:
        """Return which of the listed photographs can be read, int (images,); None if that is not known yet."""
        if not all(is_whole(self.folder / name) for name in ("skipped.json", "images.parquet")):
            return None
        readable = set(self.readable()["id"])
        return np.array([position for position, name in enumerate(self.listing.ids) if name in readable])

    def count(self) -> int:
        """Count the photographs, without those that are known to be unreadable."""
        known = self.positions()
        return len(self.listing.ids if known is None else known)

    def write(self, model: Model, answers: dict[str, np.ndarray], facts: dict[str, Any]) -> None:
        """Write a model's answers, with their probabilities; the file of those among the classes present comes last."""
        self.outdate(*(self.file(model, among) for among in SUFFIX))
        for among in SUFFIX:
            files.remove_partials(self.folder, glob.escape(self.file(model, among).name))
        for among in ("all", "present"):
            decided = answers[among]
            certainty = {name: decided[name] for name in CERTAINTY}
            write_predictions(self.file(model, among), decided["prediction"][None], facts, certainty)

    def networks(self) -> pd.DataFrame:
        """Describe the models, in the set's order."""
        suffix, rows = SUFFIX[self.config.images.among], []
        for model in self.config.models:
            run = plans.pretrained_file(model) + suffix
            named = {"network": model.label, "condition": model.label, "instance": 1, "run": run, "first_epoch": 0}
            rows.append({**named, **read_metadata(self.file(model))})
        return pd.DataFrame(rows)

    def finish(self) -> None:
        """Write ``experiment.json`` once all models have answered."""
        with machine.lock(self.folder_lock, f"describes {self.folder.name}"):
            files.remove_partials(self.folder, "experiment.json")
            shutil.rmtree(self.unfinished, ignore_errors=True)  # all have answered: nobody is at work
            networks = self.networks()
            facts = self.described(
                dataset=self.name,
                device="; ".join(networks["device"].unique()),
                source={"weights": networks["weights"].tolist()},
                answer_seconds=round(float(networks["seconds"].sum()), 1),
                epochs=1,
                networks=networks.to_dict("records"),
                checksums=self._summed(),
            )
            write_json(self.folder / "experiment.json", facts)
        published.fetch_companions(self.readable()["id"])

    def load(self) -> Responses:
        """Read the answers."""
        found = Responses.load(self.folder, self.networks())
        if len(self.space.names) == published_models.CLASSES:  # ImageNet's, so that labels can be compared with its own
            found = published.known_by_name(found)
        if self.beside:
            found = published.joined(found, self.beside.load())
        return found.attributed(
            self,
            configuration=self.config.model_dump(mode="json"),
            skipped=read_json(self.folder / "skipped.json")["skipped"],
            notes=self.listing.notes,
            classes=self.class_names,
            classes_present=len(self.space.names if self.beside else np.unique(found.labels)),
            classes_all=len(self.space.names),
            expected=_expected(found),
        )

    def alternatives(self) -> Mapping[str, Source]:
        """Return the decision among the classes present, and the one among all that a model knows."""
        found = {}
        for among in SUFFIX if self.beside is None else ():
            images = self.config.images.model_copy(update={"among": among})
            found[among] = Evaluation(self.config.model_copy(update={"images": images}))
            # They are of the same images: nothing is listed again.
            vars(found[among]).update(listing=self.listing, space=self.space)
        return found

    @property
    def class_names(self) -> list[str]:
        """Names of the classes by label."""
        return list(self.space.names)

    @cached_property
    def images(self) -> OneByOne:
        """The photographs that can be read, uncut."""
        positions = self.positions()
        assert positions is not None, "there are responses, so it is known which photographs can be read"
        return OneByOne(lambda index: np.asarray(self.listing.images.image(positions[index])))


def _expected(found: Responses) -> dict[str, float]:
    """Return the published accuracies that are comparable: on all, or nearly all, of ImageNet's validation images."""
    networks = found.networks
    nearly_all = found.info.get("on_imagenet") and len(found.labels) >= READ * published.IMAGES
    if not nearly_all or "expected_top1" not in networks:
        return {}
    known = networks[networks["own_transform"].eq(True)]  # images prepared as for the published figure
    return dict(zip(known["network"], known["expected_top1"].astype(float), strict=True))


def corruptions(answers: Responses) -> pd.DataFrame | None:
    """
    Return the corruption and the severity of each image of ImageNet-C, one row an image.

    None for other images, and where all are of one corruption and one severity.
    """
    source = answers.source
    if not isinstance(source, Evaluation) or not isinstance(images := source.config.images, Photographs):
        return None
    if images.where == images.path:
        return None
    listed: Any = source.listing.images
    # Names start within the folder that has all images, which may be a corruption's.
    path, folder = (PurePath(str(each)).parts for each in (files.find_images(images.path), listed.folder))
    names = "/".join(folder[len(path) :]) + "/" + pd.Series(answers.image_ids)
    found = names.str.extract("/?(?P<corruption>[^/]+)/(?P<severity>[1-5])/")
    return None if len(found.drop_duplicates()) == 1 else found.astype({"severity": int})
