"""BagNet-33 and CORnet-RT are built as published, so that the published weights fit and mean what they meant."""

import pytest
import torch

from ddd_utils.errors import InputError
from ddd_utils.models import by_name


@pytest.fixture(autouse=True)
def same_weights_and_images():
    torch.manual_seed(1312)


def build(model, **arguments):
    return by_name.create(model, 1_000, arguments).eval()


def count(network):
    return sum(weights.numel() for weights in network.parameters())


@torch.no_grad()
def answers(network, images):
    return network(images)


@pytest.mark.parametrize(
    # Of BagNet-33 as counted by pytorchcv; of CORnet-RT by adding up the published layers.
    ("model", "parameters"),
    [("bagnet33", 18_310_184), ("cornet_rt", 5_208_936)],
)
def test_they_are_as_large_as_published_and_answer_with_the_classes_asked_for(model, parameters):
    network = build(model)
    assert count(network) == parameters
    assert answers(network, torch.rand(1, 3, 224, 224)).shape == (1, 1_000)
    assert answers(by_name.create(model, 7), torch.rand(2, 3, 64, 64)).shape == (2, 7)


@pytest.mark.parametrize(
    ("model", "tensors", "some"),
    [
        (
            "bagnet33",
            321,
            {
                "conv1.weight": (64, 3, 1, 1),
                "conv2.weight": (64, 64, 3, 3),
                "bn1.running_var": (64,),
                "layer1.0.conv2.weight": (64, 64, 3, 3),
                "layer1.1.conv2.weight": (64, 64, 1, 1),
                "layer1.0.downsample.0.weight": (256, 64, 1, 1),
                "layer3.5.conv3.weight": (1024, 256, 1, 1),
                "layer4.0.conv2.weight": (512, 512, 3, 3),
                "layer4.0.downsample.1.num_batches_tracked": (),
                "fc.weight": (1000, 2048),
            },
        ),
        (
            "cornet_rt",
            30,
            {
                "V1.conv_input.weight": (64, 3, 7, 7),
                "V1.conv_input.bias": (64,),
                "V2.norm_input.weight": (128,),
                "V4.conv1.weight": (256, 256, 3, 3),
                "IT.norm1.bias": (512,),
                "decoder.linear.weight": (1000, 512),
            },
        ),
    ],
)
def test_their_weights_have_the_published_names(model, tensors, some):
    shapes = {name: tuple(weights.shape) for name, weights in build(model).state_dict().items()}
    assert len(shapes) == tensors
    assert {name: shapes.get(name) for name in some} == some


def test_a_feature_of_bagnet33_depends_on_33_pixels():
    image = torch.rand(1, 3, 65, 65, requires_grad=True)
    features = build("bagnet33").features(image)
    assert features.shape == (1, 2048, 5, 5)
    features[0, :, 2, 3].sum().backward()
    seen = image.grad[0].abs().sum(0) > 0
    rows, columns = (seen.any(axis).nonzero().flatten().tolist() for axis in (1, 0))
    assert (rows, columns) == (list(range(16, 49)), list(range(24, 57)))


def test_bagnet33_averages_what_each_patch_says_by_itself():
    network, image = build("bagnet33"), torch.rand(1, 3, 41, 41)
    patches = torch.cat([image[..., row : row + 33, column : column + 33] for row in (0, 8) for column in (0, 8)])
    assert torch.allclose(answers(network, image)[0], answers(network, patches).mean(0), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(("times", "seen"), [(1, False), (3, False), (4, True), (5, True)])
def test_an_image_reaches_the_decoder_of_cornet_rt_at_the_fourth_step(times, seen):
    first, second = answers(build("cornet_rt", times=times), torch.rand(2, 3, 64, 64))
    assert torch.equal(first, second) != seen


def test_at_the_first_step_it_of_cornet_rt_says_what_it_makes_of_zeros():
    network = build("cornet_rt", times=1)
    torch.nn.init.normal_(network.IT.norm1.bias)
    # Convolving zeros gives zeros, and normalising them the shift of the normalisation.
    expected = network.decoder["linear"](network.IT.norm1.bias.relu())
    assert torch.allclose(answers(network, torch.rand(1, 3, 64, 64))[0], expected, atol=1e-5)


def test_an_area_of_cornet_rt_adds_its_own_last_output():
    network, image = build("cornet_rt", times=2), torch.rand(1, 3, 64, 64)
    v1 = network.V1
    with torch.no_grad():
        drive = v1.receive(image)
        expected = v1.respond(drive + v1.respond(drive))
    outputs = []
    v1.norm1.register_forward_hook(lambda module, given, output: outputs.append(output.relu()))
    answers(network, image)
    assert len(outputs) == 2
    assert torch.allclose(outputs[-1], expected)


def test_cornet_rt_needs_a_step():
    with pytest.raises(InputError, match="at least one step, not 0"):
        build("cornet_rt", times=0)
