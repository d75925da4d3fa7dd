"""Models with weights from torchvision."""

from typing import Any

import torchvision
from torch import nn

from ddd_utils.errors import InputError, nearest
from ddd_utils.experiments.images.class_spaces import ClassSpace
from ddd_utils.experiments.pretrained.recipe import Recipe, unavailable, unbuildable


class TorchvisionModel(Recipe):
    """A torchvision name and the name of its weights; their file is checked against the hash in its name."""

    def check(self) -> None:
        """Look up the model, then its weights."""
        known = torchvision.models.list_models(module=torchvision.models)
        if self.entry.model not in known:
            raise InputError(f"torchvision has no model '{self.entry.model}'{nearest(self.entry.model, known)}")
        names = list(torchvision.models.get_model_weights(self.entry.model).__members__)
        wanted = self.entry.pretrained.torchvision
        if wanted not in names:
            raise InputError(
                f"torchvision has no weights '{wanted}' for '{self.entry.model}'{nearest(wanted, names)}; "
                f"it has {', '.join(names)}"
            )

    @property
    def _weights(self):
        return torchvision.models.get_model_weights(self.entry.model)[self.entry.pretrained.torchvision]

    def usual(self) -> dict[str, Any]:
        """Read the transforms that belong to the weights."""
        return usual(self._weights)

    def rehearse(self, space: ClassSpace) -> None:
        """Build it without weights where the entry changes how, or what its outputs mean."""
        if not (self.entry.arguments or self.entry.classes):
            return
        try:
            network = torchvision.models.get_model(self.entry.model, **self.entry.arguments)
        except Exception as error:
            raise unbuildable(self.entry, error) from None
        self.tried(network, space)

    def build(self, space: ClassSpace) -> nn.Module:
        """Let torchvision build it and fetch the weights."""
        try:
            return torchvision.models.get_model(
                self.entry.model, weights=self._weights, progress=False, **self.entry.arguments
            )
        except (TypeError, ValueError) as error:
            raise unbuildable(self.entry, error) from None
        except Exception as error:
            raise unavailable(self.entry.label, self.origin, error) from None

    @property
    def origin(self) -> str:
        """The weights' name and address."""
        return f"torchvision {self.entry.pretrained.torchvision}, {self._weights.url}"


def usual(weights) -> dict[str, Any]:
    """Read how torchvision prepares images for some weights."""
    transforms = weights.transforms()
    return {
        "size": transforms.crop_size[0],
        "resized": transforms.resize_size[0],
        "mean": tuple(transforms.mean),
        "sd": tuple(transforms.std),
        "interpolation": transforms.interpolation.value,
    }
