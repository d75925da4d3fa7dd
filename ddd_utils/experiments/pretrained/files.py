"""Models with weights from a file, the user's own or a published one."""

from pathlib import Path
from typing import Any

import timm
import torchvision
from torch import nn

from ddd_utils import local_files
from ddd_utils.errors import InputError
from ddd_utils.experiments import networks
from ddd_utils.experiments.data.datasets import IMAGENET_MEAN, IMAGENET_SD
from ddd_utils.experiments.images.class_spaces import ClassSpace
from ddd_utils.experiments.pretrained import state_dictionaries, timm_models, torchvision_models
from ddd_utils.experiments.pretrained.recipe import Recipe
from ddd_utils.experiments.published import downloads


class FileModel(Recipe):
    """An architecture of ours, timm's or torchvision's, and a file of weights for it."""

    def check(self) -> None:
        """Look up the architecture and the file; what must be downloaded is not, yet."""
        networks.find(self.entry.model)
        weights = self.entry.pretrained
        if weights.file is None and weights.sha256 is None:
            self._fetched()  # which finds a copy, or says where to put one
        elif weights.file is not None:
            self._check_digest(self._file())

    def rehearse(self, space: ClassSpace) -> None:
        """Make it, if the weights lie on this machine."""
        weights = self.entry.pretrained
        if weights.file is not None or weights.sha256 is None:
            self.network(space)

    def _file(self) -> Path:
        return local_files.find(self.entry.pretrained.file, "file")

    def _check_digest(self, path: Path) -> None:
        wanted = self.entry.pretrained.sha256
        if wanted not in (None, local_files.digest(path)):
            raise InputError(f"'{self.entry.label}': {path} has another SHA-256 than its entry says")

    def usual(self) -> dict[str, Any]:
        """Take what timm or torchvision take for the architecture, or else the usual ImageNet recipe at 224 px."""
        model = self.entry.model
        if timm.is_model(model):
            return timm_models.usual(model)
        if model in torchvision.models.list_models(module=torchvision.models):
            return torchvision_models.usual(next(iter(torchvision.models.get_model_weights(model))))
        return {"size": 224, "mean": IMAGENET_MEAN, "sd": IMAGENET_SD}

    def build(self, space: ClassSpace) -> nn.Module:
        """Build the architecture with as many outputs as the file has, and fill in the weights."""
        weights = self.entry.pretrained
        path = self._file() if weights.file else self._fetched()
        state = state_dictionaries.read(path, weights.key, weights.strip)
        network = self._architecture(1_000)
        wanted = self._outputs(space) or state_dictionaries.outputs(state, network, weights.names)
        if wanted != 1_000:
            network = self._architecture(wanted)
        state_dictionaries.fill(network, state, weights.names, f"'{self.entry.label}': {path}")
        return network

    def _architecture(self, outputs: int) -> nn.Module:
        return networks.create(self.entry.model, outputs, self.entry.arguments)

    def _outputs(self, space: ClassSpace) -> int | None:
        """Return how many outputs the entry asks for, if it does."""
        classes = self.entry.classes
        stated = {"imagenet": 1_000, "images": len(space.own), None: None}
        return stated[classes] if isinstance(classes, str | None) else len(classes)

    def _fetched(self) -> Path:
        weights = self.entry.pretrained
        try:
            return downloads.fetch_from(weights.url, weights.sha256, weights.place)
        except InputError as error:
            raise InputError(f"'{self.entry.label}': {error}") from None

    @property
    def origin(self) -> str:
        """The file's name or address."""
        weights = self.entry.pretrained
        return weights.url or f"file {Path(weights.file).name}"
