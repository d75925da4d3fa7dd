"""Architectures by name; ours at full width is torchvision's."""

import pytest
import torch
import torchvision

from ddd_utils.config import params
from ddd_utils.errors import InputError
from ddd_utils.models import by_name
from ddd_utils.models.ours import CroppedConv2d


@pytest.mark.parametrize("model", ["resnet18", "resnet50", "densenet121"])
def test_our_resnet_at_full_width_is_torchvisions(model):
    ours, theirs = by_name.create(model, 10), torchvision.models.get_model(model, num_classes=10)
    ours.load_state_dict(theirs.state_dict())
    images = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        assert torch.allclose(ours.eval()(images), theirs.eval()(images), atol=1e-5)


@pytest.mark.parametrize(("side", "stride"), [(1, 1), (1, 2), (2, 2), (2, 1), (3, 2)])
def test_leaving_out_taps_that_see_padding_changes_nothing(side, stride):
    torch.manual_seed(0)
    plain = torch.nn.Conv2d(8, 8, 3, stride, padding=1, bias=False)
    cropped = CroppedConv2d(8, 8, 3, stride, padding=1, bias=False)
    cropped.load_state_dict(plain.state_dict())
    images = torch.rand(4, 8, side, side)
    outputs = [layer(images) for layer in (plain, cropped)]
    assert torch.allclose(*outputs, atol=1e-6)
    for output in outputs:
        output.square().sum().backward()
    assert torch.allclose(plain.weight.grad, cropped.weight.grad, atol=1e-5)


def test_the_small_stem_keeps_the_max_pool():
    image = torch.rand(1, 3, 32, 32)
    network = by_name.create("resnet18", 10, {"width": 8, "stem": "small"})
    assert network.maxpool(network.conv1(image)).shape[-1] == 16
    features = by_name.create("densenet121", 10, {"stem": "small"}).features
    assert features.pool0(features.conv0(image)).shape[-1] == 16


def test_plain_convnet_is_vgg11_without_its_large_head():
    with torch.device("meta"):  # shapes alone: 130 million weights take seconds to draw
        ours, theirs = by_name.create("plain_convnet", 10, {"batch_norm": False}), torchvision.models.vgg11()
    shapes = [[tuple(w.shape) for w in net.features.parameters()] for net in (ours, theirs)]
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("resnet81", "unknown model 'resnet81' (did you mean 'resnet"),
        ("timm.models.convmixer.ConvMixr", "(did you mean 'ConvMixer'?)"),
        ("torchvision.modles.VGG", "there is no module"),
        ("os.system", "unknown model 'os.system'"),
        ("timm.models.create_model", "unknown model class"),
    ],
)
def test_an_unknown_name_gets_the_nearest(model, message):
    with pytest.raises(InputError) as caught:
        by_name.find(model)
    assert message in str(caught.value)


def test_wrong_arguments_are_named():
    with pytest.raises(InputError, match=r"'test_vit' cannot be built with arguments .*patch_sise"):
        by_name.create("test_vit", 10, {"patch_sise": 4})
    with pytest.raises(InputError, match="at least 8 channels, not 4"):
        by_name.create("resnet18", 10, {"width": 4})
    with pytest.raises(InputError, match="did you mean 'small'"):
        by_name.create("resnet18", 10, {"stem": "smal"})


def test_quicks_models_differ_and_answer_with_ten_classes():
    models = params.load("quick").sota_comparison.models
    assert len(models) >= 10
    sizes = set()
    for model in models:
        network = by_name.create(model.model, 10, model.arguments).eval()
        with torch.no_grad():
            assert network(torch.rand(2, 3, 32, 32)).shape == (2, 10)
        sizes.add(sum(weights.numel() for weights in network.parameters()))
    assert len(sizes) == len(models)
