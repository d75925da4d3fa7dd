"""Models with weights from timm and from torchvision."""

from abc import abstractmethod
from typing import Any

import timm
import torchvision
from torch import nn

from ddd_utils.data.class_spaces import ClassSpace
from ddd_utils.errors import InputError, nearest
from ddd_utils.models.recipe import Recipe, unavailable, unbuildable


class _LibraryModel(Recipe):
    """A model that a library builds by name, with or without its weights."""

    refusals: tuple[type[Exception], ...]  # what the library raises for arguments that a model does not take

    @abstractmethod
    def create(self, with_weights: bool) -> nn.Module:
        """Let the library build it."""

    def rehearse(self, space: ClassSpace) -> None:
        """Build it without weights where the entry changes how, or what its outputs mean."""
        if not (self.entry.arguments or self.entry.classes):
            return
        try:
            network = self.create(with_weights=False)
        except Exception as error:
            raise unbuildable(self.entry, error) from None
        self.tried(network, space)

    def build(self, space: ClassSpace) -> nn.Module:
        """Let the library build it and fetch the weights."""
        try:
            return self.create(with_weights=True)
        except self.refusals as error:
            raise unbuildable(self.entry, error) from None
        except Exception as error:
            raise unavailable(self.entry.label, self.origin, error) from None


class TimmModel(_LibraryModel):
    """A timm name, with the tag of its weights or without (then timm's default ones)."""

    refusals = (TypeError, AssertionError)

    def check(self) -> None:
        """Look the name up in timm's registry, the tag among the name's."""
        name, _, tag = self.entry.model.partition(".")
        if not timm.is_model(name):
            self._refuse(name)
        tags = [known.partition(".")[2] for known in timm.list_pretrained(f"{name}.*") if known.startswith(f"{name}.")]
        if not tags:
            raise InputError(f"timm has no weights for '{name}'; give `pretrained` a file")
        if "num_classes" in self.entry.arguments:
            raise InputError(f"'{self.entry.label}', arguments.num_classes: timm would drop the trained classifier")
        if tag and tag not in tags:
            raise InputError(f"timm has no weights '{tag}' for '{name}'{nearest(tag, tags)}; it has {', '.join(tags)}")

    def _refuse(self, name: str) -> None:
        others = torchvision.models.list_models(module=torchvision.models)
        if name in others:
            weights = [each.name for each in torchvision.models.get_model_weights(name)]
            raise InputError(f"'{name}' is torchvision's: give pretrained: {{torchvision: {weights[-1]}}}")
        known = [*timm.list_models(), *timm.list_pretrained(), *others]
        raise InputError(f"unknown model '{self.entry.model}'{nearest(self.entry.model, known)}")

    def usual(self) -> dict[str, Any]:
        """Take what timm's own validation takes: the test size and crop where they differ from those of training."""
        return timm_usual(self.entry.model)

    def create(self, with_weights: bool) -> nn.Module:
        """Let timm build it."""
        return timm.create_model(self.entry.model, pretrained=with_weights, **self.entry.arguments)

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

    refusals = (TypeError, ValueError)

    def check(self) -> None:
        """Look up the model, then its weights."""
        known = torchvision.models.list_models(module=torchvision.models)
        if self.entry.model not in known:
            raise InputError(f"torchvision has no model '{self.entry.model}'{nearest(self.entry.model, known)}")
        names = list(torchvision.models.get_model_weights(self.entry.model).__members__)
        wanted = self.weights.torchvision
        if wanted not in names:
            raise InputError(
                f"torchvision has no weights '{wanted}' for '{self.entry.model}'{nearest(wanted, names)}; "
                f"it has {', '.join(names)}"
            )

    @property
    def _chosen(self) -> Any:
        return torchvision.models.get_model_weights(self.entry.model)[self.weights.torchvision]

    def usual(self) -> dict[str, Any]:
        """Read the transforms that belong to the weights."""
        return torchvision_usual(self._chosen)

    def create(self, with_weights: bool) -> nn.Module:
        """Let torchvision build it."""
        chosen = {"weights": self._chosen, "progress": False} if with_weights else {}
        return torchvision.models.get_model(self.entry.model, **chosen, **self.entry.arguments)

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
