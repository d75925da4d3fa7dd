"""Networks that are to be trained are tried on two images first; what cannot be trained is one line."""

import re
import sys

import pytest
import torch
from pydantic import ValidationError

from ddd_utils.config.model_sets import Model
from ddd_utils.data.class_spaces import class_space, synsets
from ddd_utils.errors import InputError
from ddd_utils.models import by_name
from ddd_utils.models.pretrained import recipe

SPACE = class_space(synsets(), synsets())


@pytest.mark.parametrize(
    ("model", "arguments", "message"),
    [
        ("plain_convnet", {"stages": [0], "width": 0}, "a network of nothing: width 0"),
        ("plain_convnet", {"stages": []}, "stages []: at least 1 in each stage"),
        ("plain_convnet", {"stages": [100_000]}, "at most 1,000 in all"),
        ("resnet18", {"layers": [-1, 1, 1, 1]}, "layers [-1, 1, 1, 1]: at least 1 in each stage"),
        ("plain_convnet", {"stages": [1, 1, 1, 1, 1, 1, 1]}, "cannot take images of 32 px"),
        ("test_resnet", {"in_chans": 1}, "cannot take images of 32 px"),
        ("test_resnet", {"features_only": True}, "does not return one number a class, but list"),
        ("test_resnet", {"global_pool": ""}, "model 'test_resnet'"),
        ("googlenet", {}, "but GoogLeNetOutputs; arguments: {aux_logits: false}"),
        ("resnet50.a1_in1k", {}, "the tag 'a1_in1k' names weights, but these images train the model from scratch"),
        ("test_resnet", {"pretrained": True}, "arguments.pretrained is not taken"),
        ("test_resnet", {"checkpoint_path": "/none.pt"}, "arguments.checkpoint_path is not taken"),
        ("test_resnet", {"pretrained_cfg_overlay": {"file": "x"}}, "arguments.pretrained_cfg_overlay is not taken"),
        ("alexnet", {"weights": "IMAGENET1K_V1"}, "arguments.weights is not taken"),
        ("test_vit", {"act_layer": "x"}, "cannot be built with arguments {'act_layer': 'x'}"),
        ("test_resnet", {"block": "x"}, "cannot be built with arguments {'block': 'x'}"),
        ("test_resnet", {"stem_type": {}}, "model 'test_resnet': arguments.stem_type: a text is needed, not {}"),
        ("test_resnet", {"stem_type": "dep"}, "stem_type: 'dep' means nothing to it: any other word does the same"),
        ("test_efficientnet", {"pad_type": "nonsense"}, "arguments.pad_type: 'nonsense' means nothing to it"),
        ("test_resnet", {"drop_rate": []}, "arguments.drop_rate: a number is needed, not []"),
        ("test_resnet", {"avg_down": "no"}, "arguments.avg_down: true or false is needed, not 'no'"),
        ("test_resnet", {"block_args": []}, "arguments.block_args: a block of keys is needed, not []"),
        ("test_resnet", {"scriptable": {}}, "arguments.scriptable: true or false is needed, not {}"),
        ("plain_convnet", {"batch_norm": {}}, "arguments.batch_norm: true or false is needed, not {}"),
        (
            "ViT-B-32",
            {},
            "open_clip has ViT-B-32, ViT-B-32-256, coca_ViT-B-32: write model: ViT-B-32, pretrained: {open_",
        ),
        ("tv_densenet121", {}, "an old name: timm now calls it 'densenet121.tv_in1k'"),
    ],
)
def test_what_cannot_be_trained_is_found_before(model, arguments, message):
    with pytest.raises(InputError) as caught:
        by_name.rehearse(model, 10, arguments, 32)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_rehearsal_does_not_change_chance():
    torch.manual_seed(1)
    before = torch.get_rng_state()
    network = by_name.rehearse("resnet18", 10, {"width": 8}, 32)
    assert torch.equal(torch.get_rng_state(), before)
    assert network.fc.out_features == 10


@pytest.mark.parametrize(
    ("model", "arguments"),
    [
        ("test_resnet", {"stem_type": "deep"}),
        ("test_resnet", {"stem_type": "deep_tiered", "act_layer": "gelu", "global_pool": "max"}),
        ("test_efficientnet", {"pad_type": ""}),  # as if it were not given
        ("test_efficientnet", {"pad_type": "same"}),  # a word of another module
        ("test_vit", {"weight_init": "jax", "pos_embed": "none", "norm_layer": "layernorm"}),
        ("vit_relpos_small_patch16_224", {"rel_pos_type": "bias"}),  # whatever is not "mlp"
        ("gcvit_xxtiny", {"weight_init": "vit"}),  # other weights, the same modules
        ("alexnet", {"dropout": 0.1}),
    ],
)
def test_words_that_libraries_know_are_taken_and_change_no_chance(model, arguments):
    torch.manual_seed(1)
    network, state = by_name.create(model, 10, arguments), torch.get_rng_state()
    torch.manual_seed(1)
    plain = by_name.find(model)(model, num_classes=10, **arguments)
    assert torch.equal(state, torch.get_rng_state())
    assert all(map(torch.equal, network.state_dict().values(), plain.state_dict().values()))


def test_arguments_that_libraries_declare_are_taken():
    by_name.create("test_resnet", 10, {"stem_type": "", "drop_rate": 0, "avg_down": True, "output_stride": 32})
    by_name.create("test_vit", 10, {"img_size": [32, 32], "patch_size": 8, "norm_layer": None, "qkv_bias": False})
    by_name.create("resnet18", 10, {"width": 8, "layers": [1, 1, 1, 1], "stem": "small"})


def test_without_open_clip_an_unknown_name_says_which_extra_brings_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "open_clip", None)
    for model, told in {"ViT-B-32": "open_clip, which is not installed: pip install", "resnt18": "'resnet18'?"}.items():
        with pytest.raises(InputError, match=f"unknown model '{model}'.*{re.escape(told)}"):
            by_name.find(model)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"model": "test_resnet", "arguments": {"checkpoint_path": "x.pt"}}, "arguments.checkpoint_path is not taken"),
        ({"model": "tv_densenet121"}, "timm now calls it 'densenet121.tv_in1k'"),
        ({"model": "convnext_tiny_in22ft1k"}, "timm now calls it 'convnext_tiny.fb_in22k_ft_in1k'"),
        (
            {"model": "alexnet", "arguments": {"weights": "x"}, "pretrained": {"torchvision": "IMAGENET1K_V1"}},
            "arguments.weights is not taken",
        ),
    ],
)
def test_doors_and_old_names_are_refused_for_pretrained_models_too(entry, message):
    with pytest.raises(InputError) as caught:
        recipe(Model.model_validate(entry)).check()
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("preprocessing", "message"),
    [
        ({"mean": [123.675, 116.28, 103.53]}, "so a mean is from 0 to 1; divide by 255"),
        ({"mean": [-0.1, 0, 0]}, "so a mean is from 0 to 1"),
        ({"mean": [float("nan"), 0, 0]}, "so a mean is from 0 to 1"),
        ({"sd": [58.4, 57.1, 57.4]}, "above 0 and at most 1; divide by 255"),
        ({"sd": [0.2, 0, 0.2]}, "above 0 and at most 1"),
        ({"sd": [0.2, 0.2, -0.2]}, "above 0 and at most 1"),
        ({"sd": [0.2, float("inf"), 0.2]}, "above 0 and at most 1"),
    ],
)
def test_means_and_standard_deviations_are_those_of_pixels_from_0_to_1(preprocessing, message):
    with pytest.raises(ValidationError, match=message):
        Model.model_validate({"model": "resnet50", "preprocessing": preprocessing})


def test_usual_means_are_taken():
    for mean, sd in (
        ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ([0, 0, 0], [1, 1, 1]),
        ([0.5] * 3, [1 / 255] * 3),
    ):
        Model.model_validate({"model": "resnet50", "preprocessing": {"mean": mean, "sd": sd}})
