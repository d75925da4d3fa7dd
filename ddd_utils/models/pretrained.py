"""Pretrained models: where their weights come from, how images reach them, and what their outputs stand for."""

from collections.abc import Callable

from ddd_utils.experiments.pretrained.clip import ClipModel
from ddd_utils.experiments.pretrained.files import FileModel
from ddd_utils.experiments.pretrained.libraries import TimmModel, TorchvisionModel
from ddd_utils.experiments.pretrained.recipe import Recipe
from ddd_utils.model_sets import Checkpoint, Model, OpenClip, TorchvisionWeights

__all__ = ["Recipe", "recipe"]

KINDS: dict[type, Callable[[Model], Recipe]] = {
    TorchvisionWeights: TorchvisionModel,
    OpenClip: ClipModel,
    Checkpoint: FileModel,
}


def recipe(entry: Model) -> Recipe:
    """Return the recipe of a model that is not trained here."""
    return KINDS.get(type(entry.pretrained), TimmModel)(entry)
