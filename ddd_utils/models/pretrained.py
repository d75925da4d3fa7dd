"""Pretrained models: weights from timm, torchvision or a file, and the recipe of any model that is not trained here."""

import functools
import re
from abc import abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import timm
import torch
import torchvision
from torch import nn

from ddd_utils import files
from ddd_utils.config.model_sets import Checkpoint, Model, OpenClip, TorchvisionWeights
from ddd_utils.data import downloads, views
from ddd_utils.data.class_spaces import ClassSpace
from ddd_utils.data.datasets import IMAGENET_MEAN, IMAGENET_SD
from ddd_utils.errors import InputError
from ddd_utils.models import by_name
from ddd_utils.models.by_name import TORCHVISION
from ddd_utils.models.clip import ClipModel
from ddd_utils.models.files_of_weights import read_weights
from ddd_utils.models.recipe import Recipe, require, unavailable, unbuildable

# BatchNorm's count of batches: old files lack it, and it has no effect on answers.
COUNTER = "num_batches_tracked"


@functools.cache
def _weights_by_digest() -> dict[str, Any]:
    """List torchvision's weights by the first digits of their SHA-256, which end the names of their files."""
    every = (each for model in TORCHVISION for each in torchvision.models.get_model_weights(model))
    return {digest: each for each in every if (digest := _digits(each.url))}


def _digits(url: str | None) -> str:
    found = re.search(r"-([0-9a-f]{8})\.pth$", url or "")
    return found[1] if found else ""


class _Classifier(Recipe):
    """A model with weights that may be torchvision's, whose accuracy is published; timm has its own list elsewhere."""

    digest: str  # the first digits of the weights' SHA-256, as far as they are known

    def expected(self) -> dict[str, Any]:
        """Take torchvision's figure for the weights, and say whether images are prepared as for that figure."""
        weights = _weights_by_digest().get(self.digest[:8])
        if weights is None or not (figures := weights.meta["_metrics"].get("ImageNet-1K")):
            return {}
        own = self.preparation == views.preparation(**torchvision_usual(weights))
        return {"expected_top1": round(figures["acc@1"] / 100, 5), "own_transform": own}


class _LibraryModel(_Classifier):
    """A model that a library builds by name, with or without its weights."""

    maker: Callable[..., nn.Module]
    refusals: tuple[type[Exception], ...]  # what the library raises for arguments that a model does not take

    @property
    @abstractmethod
    def with_weights(self) -> dict[str, Any]:
        """The arguments by which the library brings the weights."""

    def rehearse(self, space: ClassSpace) -> None:
        """Build it without weights where the entry changes how, or what its outputs mean."""
        if not (self.entry.arguments or self.entry.classes):
            return
        try:
            network = self.maker(self.entry.model, **self.entry.arguments)
        except Exception as error:
            raise unbuildable(self.entry, error) from None
        by_name.check_kinds(network, self.maker, self.entry.arguments, f"'{self.entry.label}'")
        build = functools.partial(self.maker, self.entry.model)
        by_name.check_words(network, build, self.entry.arguments, f"'{self.entry.label}'")
        self.tried(network, space)

    def build(self, space: ClassSpace) -> nn.Module:
        """Let the library build it and fetch the weights."""
        try:
            return self.maker(self.entry.model, **self.with_weights, **self.entry.arguments)
        except self.refusals as error:
            raise unbuildable(self.entry, error) from None
        except Exception as error:
            raise unavailable(self.entry.label, self.origin, error) from None


class TimmModel(_LibraryModel):
    """A timm name, with the tag of its weights or without (then timm's default ones)."""

    maker = staticmethod(timm.create_model)
    refusals = (TypeError, AssertionError)
    with_weights: ClassVar = {"pretrained": True}

    def check(self) -> None:
        """Look the name up in timm's registry, the tag among the name's."""
        if self.entry.model.startswith(("timm.", "torchvision.")):
            by_name.find(self.entry.model)
            raise InputError(f"'{self.entry.model}' is a class, which has no weights; give `pretrained` a file")
        name, _, tag = self.entry.model.partition(".")
        if new := by_name.new_name(self.entry.model):
            raise InputError(f"'{self.entry.model}' is an old name: timm now calls it '{new}'")
        if name in TORCHVISION and not timm.is_model(name):
            weights = [each.name for each in torchvision.models.get_model_weights(name)]
            raise InputError(f"'{name}' is torchvision's: give pretrained: {{torchvision: {weights[-1]}}}")
        if not timm.is_model(name):
            raise by_name.unknown(self.entry.model, [*timm.list_models(), *timm.list_pretrained(), *TORCHVISION])
        tags = [known.partition(".")[2] for known in timm.list_pretrained(f"{name}.*") if known.startswith(f"{name}.")]
        if not tags:
            raise InputError(f"timm has no weights for '{name}'; give `pretrained` a file")
        if "num_classes" in self.entry.arguments:
            raise InputError(f"'{self.entry.label}', arguments.num_classes: timm would drop the trained classifier")
        by_name.refuse_doors(self.entry.arguments, self.entry.label)
        if tag:
            require(tag, tags, "timm has no weights", name)

    def usual(self) -> dict[str, Any]:
        """Take what timm's own validation takes: the test size and crop where they differ from those of training."""
        return timm_usual(self.entry.model)

    @property
    def digest(self) -> str:
        """Some of timm's weights are torchvision's."""
        config: Any = timm.models.get_pretrained_cfg(self.entry.model)
        return _digits(config.url)

    @property
    def origin(self) -> str:
        """Where timm has them from."""
        config: Any = timm.models.get_pretrained_cfg(self.entry.model)
        return f"timm, {config.hf_hub_id or config.url}"


def timm_usual(model: str) -> dict[str, Any]:
    """Read how timm prepares images when it validates a model: arguments of :func:`views.preparation`."""
    config = timm.models.get_pretrained_cfg(model)
    found = timm.data.resolve_data_config(pretrained_cfg=config.to_dict() if config else {}, use_test_size=True)
    _, height, width = found["input_size"]
    if height != width:
        raise InputError(f"'{model}' takes images of {width} x {height} px; only square ones are supported")
    return {
        "size": height,
        "mean": tuple(found["mean"]),
        "sd": tuple(found["std"]),
        "crop": found["crop_mode"],
        "interpolation": found["interpolation"],
        "crop_fraction": found["crop_pct"],
    }


class TorchvisionModel(_LibraryModel):
    """A torchvision name and the name of its weights; their file is checked against the hash in its name."""

    maker = staticmethod(torchvision.models.get_model)
    refusals = (TypeError, ValueError)

    def check(self) -> None:
        """Look up the model, then its weights."""
        model = self.entry.model
        require(model, TORCHVISION, "torchvision has no model")
        names = torchvision.models.get_model_weights(model).__members__
        require(self.weights.torchvision, names, "torchvision has no weights", model)
        by_name.refuse_doors(self.entry.arguments, self.entry.label)

    @property
    def _chosen(self) -> Any:
        return torchvision.models.get_model_weights(self.entry.model)[self.weights.torchvision]

    def usual(self) -> dict[str, Any]:
        """Read the transforms that belong to the weights."""
        return torchvision_usual(self._chosen)

    @property
    def with_weights(self) -> dict[str, Any]:
        """The chosen ones, without a bar that shows how far their download is."""
        return {"weights": self._chosen, "progress": False}

    @property
    def digest(self) -> str:
        """Their file is called after it."""
        return _digits(self._chosen.url)

    @property
    def origin(self) -> str:
        """The weights' name and address."""
        return f"torchvision {self.weights.torchvision}, {self._chosen.url}"


def torchvision_usual(weights: Any) -> dict[str, Any]:
    """Read how torchvision prepares images for some weights: arguments of :func:`views.preparation`."""
    transforms = weights.transforms()
    return {
        "size": transforms.crop_size[0],
        "resized": transforms.resize_size[0],
        "mean": tuple(transforms.mean),
        "sd": tuple(transforms.std),
        "interpolation": transforms.interpolation.value,
    }


class FileModel(_Classifier):
    """An architecture of ours, timm's or torchvision's, and a file of weights for it."""

    def check(self) -> None:
        """Look up the architecture and the file; what must be downloaded is not, yet."""
        by_name.find(self.entry.model)
        if self._here and self.weights.sha256 not in (None, files.digest(path := self._file())):
            raise InputError(f"'{self.entry.label}': {path} has another SHA-256 than its entry says")

    def rehearse(self, space: ClassSpace) -> None:
        """Make it, if the weights lie on this machine; else try its arguments."""
        if self._here:
            self.network(space)
        elif self.entry.arguments:
            self.passed(self._architecture(1_000))

    @property
    def _here(self) -> bool:
        """Whether nothing is to be downloaded: only a URL with its SHA-256 is."""
        return self.weights.file is not None or self.weights.sha256 is None

    def _file(self) -> Path:
        """Find the file, download it, or say where to put a copy."""
        if self.weights.file is not None:
            return files.find(self.weights.file, "file")
        try:
            return downloads.fetch_from(self.weights.url, self.weights.sha256, self.weights.place)
        except InputError as error:
            raise InputError(f"'{self.entry.label}': {error}") from None

    def usual(self) -> dict[str, Any]:
        """Take what timm or torchvision take for the architecture, or else the usual ImageNet recipe at 224 px."""
        model = self.entry.model
        if timm.is_model(model):
            return timm_usual(model)
        if model in TORCHVISION:
            return torchvision_usual(next(iter(torchvision.models.get_model_weights(model))))
        return {"size": 224, "mean": IMAGENET_MEAN, "sd": IMAGENET_SD}

    def build(self, space: ClassSpace) -> nn.Module:
        """Build the architecture with as many outputs as the entry, or else the file, says; fill in the weights."""
        weights, classes, path = self.weights, self.entry.classes, self._file()
        state = read_weights(path, weights.key, weights.strip)
        network, wanted = self._architecture(1_000), 1_000
        if classes is None:
            wanted = outputs(state, network, weights.names)
        elif classes != "imagenet":
            wanted = len(space.own if isinstance(classes, str) else classes)
        if wanted != 1_000:
            network = self._architecture(wanted)
        fill(network, state, weights.names, f"'{self.entry.label}': {path}")
        return network

    def _architecture(self, outputs: int) -> nn.Module:
        return by_name.create(self.entry.model, outputs, self.entry.arguments)

    @property
    def digest(self) -> str:
        """What is in the file counts, whatever it is called."""
        return files.digest(self._file())

    @property
    def origin(self) -> str:
        """The file's name or address."""
        return self.weights.url or f"file {Path(self.weights.file).name}"


def outputs(state: Mapping[str, torch.Tensor], network: nn.Module, names: str) -> int:
    """Tell how many outputs weights are for: rows of the last ones; if they are not there, the network's own."""
    last, own = list(_weights(network.state_dict()).items())[-1]
    return (list(_weights(state).values())[-1] if names == "position" else state.get(last, own)).shape[0]


def _weights(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: value for name, value in state.items() if not name.endswith(COUNTER)}


def fill(network: nn.Module, state: Mapping[str, torch.Tensor], names: str, source: str) -> None:
    """Put weights into a network by name or position; what is missing, left over or of another shape is an error."""
    wanted, given = _weights(network.state_dict()), _weights(state)
    if names == "position":
        given = _by_position(wanted, given, source)
    for name in wanted:
        require(name, given, f"{source}: has no weights")
    for name in given:
        require(name, wanted, f"{source}: the network has no weights called")
        if given[name].shape != wanted[name].shape:
            shapes = " and not ".join(str(tuple(each[name].shape)) for each in (given, wanted))
            raise InputError(f"{source}: '{name}' is of shape {shapes}, as the network's")
    network.load_state_dict({**network.state_dict(), **given})


def _by_position(wanted: Mapping, given: Mapping, source: str) -> dict[str, torch.Tensor]:
    if source.endswith(".safetensors"):
        raise InputError(f"{source}: such files keep weights by name, in no order; `names: position` cannot be used")
    for (own, into), (name, value) in zip(wanted.items(), given.items(), strict=False):
        if into.shape != value.shape:
            shapes = f"{tuple(value.shape)} and {tuple(into.shape)}"
            raise InputError(f"{source}: by position, '{name}' meets '{own}', but their shapes are {shapes}")
    if len(wanted) != len(given):
        raise InputError(f"{source}: has {len(given)} weights, the network {len(wanted)}")
    return dict(zip(wanted, given.values(), strict=True))


KINDS: dict[type, Callable[[Model], Recipe]] = {
    TorchvisionWeights: TorchvisionModel,
    OpenClip: ClipModel,
    Checkpoint: FileModel,
}


def recipe(entry: Model) -> Recipe:
    """Return the recipe of a model that is not trained here."""
    return KINDS.get(type(entry.pretrained), TimmModel)(entry)
