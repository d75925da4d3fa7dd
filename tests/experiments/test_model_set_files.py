"""The model sets that come with the repository name models and weights that exist."""

import importlib.util
from collections.abc import Callable

import pytest
import timm
import torchvision
from pydantic import TypeAdapter

from ddd_utils import paths
from ddd_utils.config.model_sets import Checkpoint, Model, Models, OpenClip, TorchvisionWeights
from ddd_utils.data.views import View
from ddd_utils.models import by_name
from ddd_utils.models.by_name import OURS
from ddd_utils.models.pretrained import recipe

FILES = sorted(path.name for path in (paths.PARAMS / "models").glob("*.yaml"))
NEEDS_OPEN_CLIP = pytest.mark.skipif(
    importlib.util.find_spec("open_clip") is None, reason="open_clip is an optional dependency"
)


def read(name: str) -> list[Model]:
    return TypeAdapter(Models).validate_python(f"models/{name}")


SETS = {name: read(name) for name in FILES}


def entries(fit: Callable) -> list:
    """List the entries whose weights fit, as parameters of a test."""
    chosen = [(name, model) for name, models in SETS.items() for model in models if fit(model.pretrained)]
    return [pytest.param(model, id=f"{name}:{model.label}") for name, model in chosen]


def test_the_papers_models_are_eleven():
    labels = [model.label for model in SETS["paper.yaml"]]
    assert len(labels) == 11
    assert labels[:3] == ["CLIP", "CORnet-RT", "BagNet-33"]


@NEEDS_OPEN_CLIP
def test_the_papers_models_see_the_same_pixels():
    prepared = {model.label: recipe(model).preparation for model in SETS["paper.yaml"]}
    assert {each.view for each in prepared.values()} == {View(size=224, resized=256, interpolation="bilinear")}
    assert prepared["ViT-B/16"].mean == (0.5, 0.5, 0.5)
    assert prepared["SimCLR"].mean == (0, 0, 0)


def test_the_modern_models_are_many():
    assert len(SETS["modern.yaml"]) >= 15


@pytest.mark.parametrize("model", entries(lambda weights: weights is True))
def test_timm_has_the_weights_and_they_answer_with_imagenets_classes(model):
    assert model.model in timm.list_pretrained()
    assert timm.get_pretrained_cfg(model.model).num_classes == 1_000


@pytest.mark.parametrize("model", entries(lambda weights: isinstance(weights, TorchvisionWeights)))
def test_torchvision_has_the_weights(model):
    assert model.pretrained.torchvision in torchvision.models.get_model_weights(model.model).__members__


@pytest.mark.parametrize("model", entries(lambda weights: isinstance(weights, Checkpoint)))
def test_there_is_an_architecture_for_each_file_of_weights(model):
    assert model.model in OURS


@NEEDS_OPEN_CLIP
@pytest.mark.parametrize("model", entries(lambda weights: isinstance(weights, OpenClip)))
def test_open_clip_has_the_weights_with_the_activation_they_were_trained_with(model):
    import open_clip

    assert (model.model, model.pretrained.open_clip) in open_clip.list_pretrained()
    weights = open_clip.get_pretrained_cfg(model.model, model.pretrained.open_clip)
    assert open_clip.get_model_config(model.model).get("quick_gelu", False) == weights.get("quick_gelu", False)


@pytest.mark.parametrize("model", entries(lambda weights: not weights))
def test_models_to_train_can_be_built(model):
    by_name.find(model.model)
