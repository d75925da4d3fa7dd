"""Pretrained models shown photographs: where their answers are, and which are missing."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ddd_utils import local_files, paths
from ddd_utils.errors import ExperimentError
from ddd_utils.experiments import published
from ddd_utils.experiments.images.class_spaces import ClassSpace, class_space
from ddd_utils.experiments.images.listing import Listing, listing
from ddd_utils.experiments.machine import locks
from ddd_utils.experiments.plans import model_files
from ddd_utils.experiments.plans.store import versions
from ddd_utils.files import is_whole, read_json, read_metadata, read_parquet, remove_partials, safe_name, write_json
from ddd_utils.image_sets import Photographs
from ddd_utils.model_sets import Model
from ddd_utils.responses import Responses, write_images, write_predictions
from ddd_utils.schema import PretrainedSet

# The decision among all classes a model knows lies beside the one among those present, under its own file name.
SUFFIX = {"present": "", "all": "-all"}


@dataclass(frozen=True)
class Evaluation:
    """A set of pretrained models, the photographs they are shown, and where the answers are."""

    config: PretrainedSet

    @cached_property
    def listing(self) -> Listing:
        """The photographs, none of them decoded."""
        return listing(self.config.images)

    @cached_property
    def space(self) -> ClassSpace:
        """The classes of all listed photographs."""
        return class_space(self.listing.keys, self.listing.order, self.config.images.mapping)

    @property
    def name(self) -> str:
        """What the images are called: with their folder, so that nobody's `imagenet` is taken for ImageNet."""
        images = self.config.images
        if not isinstance(images, Photographs):
            return f"torchvision/{images.dataset}"
        path = local_files.find_images(images.path)
        return f"{path.parent.name}/{path.stem if path.is_file() else path.name}"

    @cached_property
    def folder(self) -> Path:
        """``build/results/<images>-<8 hex of photographs and classes>``: more models add to it."""
        matters = [self.listing.state, self.config.images.mapping]
        digest = hashlib.sha256(json.dumps(matters, sort_keys=True).encode()).hexdigest()[:8]
        return paths.results() / f"{safe_name(self.name)}-{digest}"

    @property
    def lock(self) -> Path:
        """The lock of whoever shows the photographs."""
        return self.folder.with_name(f"{self.folder.name}.lock")

    @property
    def scratch(self) -> Path:
        """A folder for what is needed only while models are shown the photographs."""
        return self.folder / "unfinished"

    def file(self, model: Model, among: str = "present") -> Path:
        """Return the file of a model's answers."""
        return self.folder / f"{model_files.shown(model)}{SUFFIX[among]}.parquet"

    def done(self, model: Model) -> bool:
        """Say whether a model's answers are there, and whole."""
        return all(is_whole(self.file(model, among)) for among in SUFFIX)

    def files(self) -> list[Path]:
        """List the files that there should be."""
        described = [self.folder / name for name in ("experiment.json", "skipped.json", "images.parquet")]
        return described + [self.file(model, among) for model in self.config.models for among in SUFFIX]

    def complete(self) -> bool:
        """Say whether everything is there, and whole, and described for these very models."""
        if not all(map(is_whole, self.files())):
            return False
        described = read_json(self.folder / "experiment.json")["networks"]
        return [row["run"] for row in described] == [row["run"] for row in self.networks().to_dict("records")]

    def make(self, say: Callable) -> None:
        """
        Show the photographs to the models that have not seen them; each one's answers are kept as soon as it is done.

        Parameters
        ----------
        say : callable
            Takes a line for the terminal.

        Raises
        ------
        InputError
            If a model does not exist, or no photograph can be read.
        ExperimentError
            If models fail; the others are finished and kept.
        """
        from ddd_utils.experiments.showing import work

        with locks.waiting(self.lock, say, f"computes {self.folder.name}"):
            if self.complete():
                return
            remove_partials(self.folder)
            # Without the list of images it is not known which ones the answers are to.
            known = self.positions() is not None
            missing = [model for model in self.config.models if not (known and self.done(model))]
            if failures := work.answer(self, missing, say):
                raise ExperimentError("; ".join(failures))
            self._describe()
        published.fetch_companions(self.readable()["id"], say)

    def keep_images(self, unread: dict[int, str]) -> None:
        """
        Write down which photographs there are.

        Parameters
        ----------
        unread : dict of int to str
            Those that cannot be read, with the reason: they are left out.
        """
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
        return np.array([place for place, name in enumerate(self.listing.ids) if name in readable])

    def readable_space(self) -> ClassSpace:
        """Return the classes of the photographs that can be read."""
        return replace(self.space, labels=self.readable()["label"].to_numpy())

    def write(self, model: Model, answers: dict[str, np.ndarray], facts: dict[str, Any]) -> None:
        """
        Write a model's answers; the file of the decision among the classes present comes last.

        Parameters
        ----------
        model : Model
        answers : dict of str to ndarray of int16, shape (images,)
            "present" and "all".
        facts : dict
            What is told about the model: columns of the networks' table.
        """
        for among in ("all", "present"):
            write_predictions(self.file(model, among), answers[among][None], facts)

    def networks(self) -> pd.DataFrame:
        """Describe the models, in the set's order."""
        rows = [self._row(model) for model in self.config.models]
        return pd.DataFrame(rows)

    def _row(self, model: Model) -> dict[str, Any]:
        run = model_files.shown(model) + SUFFIX[self.config.images.among]
        named = {"network": model.label, "condition": model.label, "instance": 1, "run": run, "first_epoch": 0}
        return {**named, **read_metadata(self.file(model))}

    def _describe(self) -> None:
        networks = self.networks()
        write_json(
            self.folder / "experiment.json",
            {
                "dataset": self.name,
                "configuration": self.config.model_dump(mode="json"),
                "versions": versions(),
                "device": "; ".join(networks["device"].unique()),
                "source": {"weights": networks["weights"].tolist()},
                "answer_seconds": round(float(networks["seconds"].sum()), 1),
                "epochs": 1,
                "networks": networks.to_dict("records"),
            },
        )

    def load(self) -> Responses:
        """Read the answers."""
        found = Responses.load(self.folder, self.networks())
        return found.attributed(
            self,
            configuration=self.config.model_dump(mode="json"),
            skipped=read_json(self.folder / "skipped.json")["skipped"],
            classes=self.class_names,
            classes_present=len(np.unique(found.labels)),
            classes_all=len(self.space.names),
            on_imagenet=published.is_imagenet(found.image_ids, found.labels),
        )

    def alternatives(self) -> dict[str, "Evaluation"]:
        """Return the decision among the classes present, and the one among all that a model knows."""
        return {among: self._deciding(among) for among in SUFFIX}

    def _deciding(self, among: str) -> "Evaluation":
        images = self.config.images.model_copy(update={"among": among})
        other = Evaluation(self.config.model_copy(update={"images": images}))
        vars(other).update(listing=self.listing, space=self.space)  # of the same images: nothing is listed again
        return other

    @property
    def class_names(self) -> list[str]:
        """Names of the classes by label."""
        return list(self.space.names)

    @cached_property
    def images(self) -> "_Readable":
        """The photographs that can be read, uncut."""
        return _Readable(self)


@dataclass(frozen=True)
class _Readable:
    """The photographs of an evaluation that can be read, one at a time."""

    evaluation: Evaluation

    @cached_property
    def _positions(self) -> np.ndarray:
        return self.evaluation.positions()

    def __getitem__(self, index: int) -> np.ndarray:
        return np.asarray(self.evaluation.listing.images.image(self._positions[index]))
