"""Pretrained models: where their weights come from, how images reach them, and what their outputs stand for."""

from ddd_utils.experiments.pretrained.clip import ClipModel
from ddd_utils.experiments.pretrained.files import FileModel
from ddd_utils.experiments.pretrained.recipe import Recipe
from ddd_utils.experiments.pretrained.timm_models import TimmModel
from ddd_utils.experiments.pretrained.torchvision_models import TorchvisionModel
from ddd_utils.model_sets import Checkpoint, Model, OpenClip, TorchvisionWeights

__all__ = ["Recipe", "recipe"]

KINDS = {TorchvisionWeights: TorchvisionModel, OpenClip: ClipModel, Checkpoint: FileModel}


def recipe(entry: Model) -> Recipe:
    """Return what knows how to make a model of a set."""
    return KINDS.get(type(entry.pretrained), TimmModel)(entry)
