"""Responses: who answered what. The one table at which training, published predictions and users' own models meet."""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
from PIL import Image
from pydantic import BaseModel

from ddd_utils.errors import InputError
from ddd_utils.files import read_array, read_json, read_parquet, safe_name, write_json
from ddd_utils.responses.runs import (
    CERTAINTY,
    below_one_another,
    cut,
    evenly,
    read_run,
    write_images,
    write_predictions,
)
from ddd_utils.responses.tables import table_to_arrays

# What a table shows is not known: its data set has this name, whatever the file is called.
TABLE = "table"
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")


class Images(Protocol):
    """The images of some responses, by their index there: each uint8 of shape (height, width, 3)."""

    def __getitem__(self, index: int, /) -> np.ndarray: ...


class Source(Protocol):
    """Where responses come from: a configuration, a folder of results, and how both become responses."""

    @property
    def config(self) -> BaseModel:
        """The validated configuration."""

    @property
    def folder(self) -> Path:
        """Where the results are, or will be."""

    @property
    def class_names(self) -> list[str] | None:
        """The names of the classes by label; None where ``info`` of the responses may have them."""

    @property
    def images(self) -> Images | None:
        """The images, decoded when asked for; None where only answers are known."""

    def files(self) -> list[Path]:
        """List the files that there should be."""

    def complete(self) -> bool:
        """Say whether all results are there, and whole."""

    def load(self) -> "Responses":
        """Read complete results."""

    def alternatives(self) -> Mapping[str, "Source"]:
        """Name other answers of the same networks: "running" statistics, a decision among "all" classes."""


@dataclass(frozen=True)
class Responses:
    """
    Predictions of a set of networks for a set of images, epoch by epoch.

    Attributes
    ----------
    predictions : ndarray of int16, shape (networks, epochs, images)
        Predicted class; the last epoch is the final state. -1 stands for "wrong, answer not recorded".
    labels : ndarray of int16, shape (images,)
        True class.
    image_ids : ndarray of str, shape (images,)
        A name for each image.
    networks : DataFrame
        One row a network; at least the columns ``network``, ``condition`` and ``instance``.
    info : dict
        What is known about the responses: versions, device, wall seconds, class names, ...
    folder : Path or None
        Where they were loaded from.
    source : Source or None
        What they were computed, inferred or imported by; None for those made in memory or read from a table.
    config : pydantic.BaseModel or None
        The validated configuration behind them.
    probability, margin, probability_label : ndarray of float16, shape (networks, images), or None
        Probability of the final answer, by how much it exceeds that of any other class, and probability of the true
        class; NaN for a network of which it is not known, None where it is known of none.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> import ddd_utils as ddd
    >>> networks = pd.DataFrame({"network": ["one", "two"], "condition": ["one", "two"], "instance": 1})
    >>> predictions = np.array([[[3, 7]], [[3, 2]]])  # two networks, one epoch, two images
    >>> answers = ddd.Responses(predictions, np.array([3, 2]), np.array(["a.png", "b.png"]), networks)
    >>> answers.correct()
    array([[ True, False],
           [ True,  True]])
    """

    predictions: np.ndarray
    labels: np.ndarray
    image_ids: np.ndarray
    networks: pd.DataFrame
    info: dict[str, Any] = field(default_factory=dict)
    folder: Path | None = None
    source: Source | None = field(default=None, repr=False)
    config: BaseModel | None = field(default=None, repr=False)
    probability: np.ndarray | None = field(default=None, repr=False)
    margin: np.ndarray | None = field(default=None, repr=False)
    probability_label: np.ndarray | None = field(default=None, repr=False)
    _kept: np.ndarray | None = field(default=None, repr=False)  # positions of the images in the source, if not all

    def __post_init__(self) -> None:
        networks, _, images = self.predictions.shape
        if (networks, images) != (len(self.networks), len(self.labels)) or images != len(self.image_ids):
            raise InputError(
                f"predictions of {networks} networks for {images} images do not fit {len(self.networks)} networks, "
                f"{len(self.labels)} labels and {len(self.image_ids)} image ids"
            )
        for name, values in self.certainty.items():
            if values.shape != (networks, images):
                raise InputError(f"{name} of shape {values.shape} does not fit {networks} networks and {images} images")

    @property
    def certainty(self) -> dict[str, Any]:
        """What is known of ``probability``, ``margin`` and ``probability_label``, by name."""
        return {name: values for name in CERTAINTY if (values := getattr(self, name)) is not None}

    def correct(self, epoch: int = -1) -> np.ndarray:
        """Say who was right at a stored epoch (the last by default), bool (networks, images)."""
        return self.predictions[:, epoch] == self.labels

    def select(
        self, networks: Sequence[int] | np.ndarray | None = None, images: Sequence[int] | np.ndarray | None = None
    ) -> "Responses":
        """Choose some of the networks, of the images or of both, by index in the order asked for or by a bool each."""
        chosen = self
        if networks is not None:
            rows = np.asarray(networks)
            table = self.networks.iloc[rows].reset_index(drop=True)
            certainty = {name: values[rows] for name, values in self.certainty.items()}
            chosen = replace(chosen, predictions=self.predictions[rows], networks=table, **certainty)
        return chosen if images is None else chosen._select_images(np.arange(len(self.labels))[np.asarray(images)])

    def _select_images(self, kept: np.ndarray) -> "Responses":
        return replace(
            self,
            predictions=self.predictions[:, :, kept],
            labels=self.labels[kept],
            image_ids=self.image_ids[kept],
            _kept=kept if self._kept is None else self._kept[kept],
            info={"all_images": len(self.labels), **self.info},
            **{name: values[:, kept] for name, values in self.certainty.items()},
        )

    @property
    def class_names(self) -> list[str]:
        """Names of the classes by label; the numbers themselves where there are no names."""
        names = (self.source.class_names if self.source else None) or self.info.get("classes")
        return names or [str(label) for label in range(self.labels.max() + 1)]

    @property
    def decay_epochs(self) -> list[int]:
        """Epochs after which the base's learning rate was divided by ten; none where nothing was trained."""
        return list(self.info.get("decay_epochs", []))

    @property
    def provenance(self) -> dict[str, Any]:
        """Device, versions, durations, origin and inputs, see :func:`provenance`; empty for what was never kept."""
        return provenance({self.folder.name: self.info}) if self.folder else {}

    @property
    def has_images(self) -> bool:
        """Whether the images can be shown, and not the answers alone."""
        return self.source is not None and self.source.images is not None

    def images(self, indices: Sequence[int] | np.ndarray) -> list[np.ndarray]:
        """
        Return images as the networks get them, before normalisation, uint8 (height, width, 3) each.

        Photographs of pretrained models are uncut. Responses that come without images raise InputError.
        """
        pictures = self.source.images if self.source else None
        if pictures is None:
            raise InputError(f"{self.folder.name if self.folder else 'Responses'}: these answers come without images")
        positions = np.asarray(indices, int) if self._kept is None else self._kept[np.asarray(indices, int)]
        return [pictures[int(position)] for position in positions]

    def thumbnails(self, indices: Sequence[int] | np.ndarray, side: int = 160) -> list[np.ndarray]:
        """Return images as `images` does, those with a longer side than so many pixels made smaller."""
        return [_shrunk(self.images([index])[0], side) for index in indices]

    def logits(self) -> dict[str, np.ndarray]:
        """Load the final activations of the last layer, (`logit_images`, classes) by network, where they were kept."""
        if self.folder is None or "epoch" not in self.networks:
            return {}
        rows = self.networks[["network", "run", "epoch"]].to_numpy()
        files = {network: self.folder / f"{run}-logits-{epoch}.npy" for network, run, epoch in rows}
        return {network: read_array(file) for network, file in files.items() if file.exists()}

    @property
    def logit_images(self) -> np.ndarray:
        """Positions of the images whose activations were kept, in the order of `logits`; none where there are none."""
        return evenly(len(self.labels), len(next(iter(self.logits().values()), [])))

    def save(self, folder: str | Path) -> None:
        """Write the table into a folder: ``images.parquet``, one file a network, and ``experiment.json`` last."""
        folder = Path(folder)
        write_images(folder, self.labels, self.image_ids)
        runs = _file_names(self.networks["network"].tolist())
        for row, run in enumerate(runs):
            certainty = {name: values[row] for name, values in self.certainty.items()}
            write_predictions(folder / f"{run}.parquet", self.predictions[row], certainty=certainty)
        rows = self.networks.assign(run=runs, first_epoch=0).to_dict("records")
        write_json(folder / "experiment.json", {**self.info, "epochs": self.predictions.shape[1], "networks": rows})

    @classmethod
    def load(cls, folder: str | Path, networks: pd.DataFrame | None = None) -> "Responses":
        """Read the table back; of some ``networks`` only, with the columns ``network``, ``run`` and ``first_epoch``."""
        folder = Path(folder)
        info = read_json(folder / "experiment.json")
        rows = info.pop("networks")
        networks = pd.DataFrame(rows) if networks is None else networks.reset_index(drop=True)
        images = read_parquet(folder / "images.parquet", ["image", "id", "label"])
        runs = {run: read_run(folder / f"{run}.parquet", len(images)) for run in networks["run"].unique()}
        views = [
            cut(runs[run][0], first_epoch, info["epochs"], folder / f"{run}.parquet")
            for run, first_epoch in networks[["run", "first_epoch"]].to_numpy()
        ]
        certainty: dict[str, Any] = below_one_another([runs[run][1] for run in networks["run"]], len(images))
        labels = images["label"].to_numpy().astype(np.int16)
        return cls(np.stack(views), labels, images["id"].to_numpy().astype(str), networks, info, folder, **certainty)

    @classmethod
    def from_table(cls, path: str | Path, missing: str = "refuse") -> "Responses":
        """
        Read anyone's responses from a table, see `tables.table_to_arrays`; a fault is named by its row.

        There is one epoch; ``condition`` is the model's name. ``missing`` says what becomes of missing answers, see
        `read_responses`. In ``info``: ``dataset`` is always "table", ``file`` the file's name, ``labels_known`` False
        where there are no labels (all are 0 then), and ``classes`` the class names by label, absent where the table has
        indices or no labels.
        """
        predictions, labels, models, images, about, certainty = table_to_arrays(Path(path), missing)
        networks = pd.DataFrame({"network": models, "condition": models, "instance": 1})
        info = {"dataset": TABLE, "file": Path(path).name, "configuration": {}, **about}
        return cls(predictions[:, None], labels, images, networks, info, **certainty)

    def attributed(self, source: Source, /, **about: Any) -> "Responses":
        """Return the same responses with their source, its configuration, and more in ``info``."""
        return _arrived(replace(self, source=source, config=source.config, info={**self.info, **about}))


def provenance(infos: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Tell where responses come from, given their ``info`` by the name of their folder."""
    infos = {name: info for name, info in infos.items() if "device" in info}
    if not infos:
        return {}
    # All but device and versions by folder; inputs are the commit of the code and the SHA-256 of the files read.
    facts = {
        "training": _durations(infos, "wall_seconds"),
        "answers computed in": _durations(infos, "answer_seconds"),
        "source": {name: info["source"] for name, info in infos.items() if "source" in info},
        "inputs": {name: {"commit": info.get("git_commit"), "files": _files(info)} for name, info in infos.items()},
    }
    devices = dict.fromkeys(info["device"] for info in infos.values())
    versions = list(infos.values())[-1]["versions"]
    return {"device": "; ".join(devices), "versions": versions, **{key: fact for key, fact in facts.items() if fact}}


def _durations(infos: Mapping[str, Mapping[str, Any]], key: str) -> dict[str, timedelta]:
    return {name: timedelta(seconds=info[key]) for name, info in infos.items() if key in info}


def _files(info: Mapping[str, Any]) -> dict[str, str | None]:
    """List the files that responses were read from; a table is called as its device is: "table mine.csv"."""
    contents = info.get("contents", {})
    return contents.get("files") or ({info["device"]: contents["sha256"]} if "sha256" in contents else {})


def _shrunk(pixels: np.ndarray, side: int) -> np.ndarray:
    if max(pixels.shape[:2]) <= side:
        return pixels
    image = Image.fromarray(pixels)
    image.thumbnail((side, side))
    return np.asarray(image)


def read_responses(path: str | Path, missing: str = "refuse") -> Responses:
    """
    Read responses from a folder of results, or from anyone's table.

    Parameters
    ----------
    path : str or Path
        A folder as `Responses.load` takes it, or a file as `Responses.from_table` takes it.
    missing : str
        What becomes of answers that are missing in a table: "refuse" the table, count them as "wrong", or "leave_out"
        their images.

    Returns
    -------
    Responses

    Examples
    --------
    >>> import pandas as pd
    >>> import ddd_utils as ddd
    >>> table = pd.DataFrame({"model": ["one", "one", "two", "two"], "image": ["a", "b"] * 2, "correct": [1, 0, 1, 1]})
    >>> table.to_csv("my_models.csv", index=False)
    >>> ddd.read_responses("my_models.csv").correct()
    array([[ True, False],
           [ True,  True]])
    """
    return _arrived(Responses.load(path) if Path(path).is_dir() else Responses.from_table(path, missing))


_watching: list[Callable[[Responses], object]] = []


def watch(watcher: Callable[[Responses], object], default: bool = False) -> None:
    """Have all responses that enter from now on seen by a function, instead of the last one; a default yields to it."""
    if not (default and _watching):
        _watching[:] = [watcher]


def _arrived(found: Responses) -> Responses:
    """Let the watcher see responses: those of all sources, and of whoever reads a file, come through here."""
    for watcher in _watching:
        watcher(found)
    return found


def _file_names(networks: list[str]) -> list[str]:
    """Name each network's file after it, or after its name's hash where that is no file name on every system."""
    folded = [name.casefold() for name in networks]
    return [
        name
        if _PLAIN.fullmatch(name) and folded.count(name.casefold()) == 1 and name.casefold() != "images"
        else f"{safe_name(name)}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
        for name in networks
    ]
