"""Models with weights from timm."""

from typing import Any

import timm
import torchvision
from torch import nn

from ddd_utils.errors import InputError, nearest
from ddd_utils.experiments.images.class_spaces import ClassSpace
from ddd_utils.experiments.pretrained.recipe import Recipe, unavailable, unbuildable


class TimmModel(Recipe):
    """A timm name, with the tag of its weights or without (then timm's default ones)."""

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
        ours = torchvision.models.list_models(module=torchvision.models)
        if name in ours:
            weights = [each.name for each in torchvision.models.get_model_weights(name)]
            raise InputError(f"'{name}' is torchvision's: give pretrained: {{torchvision: {weights[-1]}}}")
        known = [*timm.list_models(), *timm.list_pretrained(), *ours]
        raise InputError(f"unknown model '{self.entry.model}'{nearest(self.entry.model, known)}")

    def usual(self) -> dict[str, Any]:
        """Take what timm's own validation takes: the test size and crop where they differ from those of training."""
        return usual(self.entry.model)

    def rehearse(self, space: ClassSpace) -> None:
        """Build it without weights where the entry changes how, or what its outputs mean."""
        if not (self.entry.arguments or self.entry.classes):
            return
        try:
            network = timm.create_model(self.entry.model, **self.entry.arguments)
        except Exception as error:
            raise unbuildable(self.entry, error) from None
        self.tried(network, space)

    def build(self, space: ClassSpace) -> nn.Module:
        """Let timm build it and fetch the weights."""
        try:
            return timm.create_model(self.entry.model, pretrained=True, **self.entry.arguments)
        except (TypeError, AssertionError) as error:
            raise unbuildable(self.entry, error) from None
        except Exception as error:
            raise unavailable(self.entry.label, self.origin, error) from None

    @property
    def origin(self) -> str:
        """Where timm has them from."""
        config = timm.models.get_pretrained_cfg(self.entry.model)
        return f"timm, {config.hf_hub_id or config.url}"


def usual(model: str) -> dict[str, Any]:
    """Read how timm prepares images for a model when it validates it."""
    config = timm.models.get_pretrained_cfg(model)
    found = timm.data.resolve_data_config(pretrained_cfg=config.to_dict() if config else {}, use_test_size=True)
    _, height, width = found["input_size"]
    if height != width:
        raise InputError(f"'{model}' takes images of {width} x {height} px; only square ones are supported")
    return {
        "size": height,
        "mean": found["mean"],
        "sd": found["std"],
        "crop": found["crop_mode"],
        "interpolation": found["interpolation"],
        "crop_fraction": found["crop_pct"],
    }
