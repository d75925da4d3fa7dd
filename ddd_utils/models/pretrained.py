"""Pretrained models: where their weights come from, how images reach them, and what their outputs stand for."""

from collections.abc import Callable

from ddd_utils.config.model_sets import Checkpoint, Model, OpenClip, TorchvisionWeights
from ddd_utils.models.clip import ClipModel
from ddd_utils.models.libraries import TimmModel, TorchvisionModel
from ddd_utils.models.recipe import Recipe
from ddd_utils.models.weights import FileModel

__all__ = ["Recipe", "recipe"]

KINDS: dict[type, Callable[[Model], Recipe]] = {
    TorchvisionWeights: TorchvisionModel,
    OpenClip: ClipModel,
    Checkpoint: FileModel,
}


def recipe(entry: Model) -> Recipe:
    """Return the recipe of a model that is not trained here."""
    return KINDS.get(type(entry.pretrained), TimmModel)(entry)
