"""Our own networks: ResNets of any width, plain convolutional networks, DenseNet-121, BagNet-33 and CORnet-RT."""

from collections.abc import Sequence

import torch
import torchvision
from torch import nn
from torchvision.models.resnet import BasicBlock, Bottleneck

from ddd_utils.errors import InputError, nearest

STEMS = ("imagenet", "small")
DEEPEST = 1000  # layers, or blocks of them: more take minutes to build
# Blocks, channels and stride of each stage of BagNet; the channels are those of ResNet-50.
BAGNET_STAGES = ((3, 64, 2), (4, 128, 2), (6, 256, 2), (3, 512, 1))
Block = type[BasicBlock] | type[Bottleneck]


class CroppedConv2d(nn.Conv2d):
    """A 3x3 convolution with padding 1 that leaves out the taps which can only see padding."""

    # A ResNet's last stage sees single pixels of 32 px images, where eight of nine taps meet zeros. The result is the
    # same, and a training step of the narrow ResNet-18 takes about a quarter less time.

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Convolve, see :class:`torch.nn.Conv2d`."""
        side = x.shape[-1]
        if x.shape[-2] == side and side <= self.stride[0]:
            return nn.functional.conv2d(x, self.weight[:, :, 1 : 1 + side, 1 : 1 + side], self.bias, self.stride)
        return super().forward(x)


class ResNet(nn.Module):
    """
    The ResNet of He et al. (2016) with any width and two stems; width 64 and stem "imagenet" are torchvision's.

    Stem "small" is a 3x3 convolution with stride 1, for small images. The max-pool stays in both.
    """

    def __init__(
        self,
        classes: int,
        block: Block = BasicBlock,
        layers: Sequence[int] = (2, 2, 2, 2),
        width: int = 64,
        stem: str = "imagenet",
    ):
        super().__init__()
        if width < 8:
            # torch 2.14's channels-last convolutions write past their memory in a ResNet of four channels.
            raise InputError(f"width: a ResNet needs at least 8 channels, not {width}")
        _check_depth("layers", layers)
        kernel, stride = (3, 1) if _is_small(stem) else (7, 2)
        self.conv1 = nn.Conv2d(3, width, kernel, stride, kernel // 2, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        channels = width
        for stage, blocks in enumerate(layers):
            planes = width * 2**stage
            stack = [_block(block, channels, planes, stride=1 if stage == 0 else 2)]
            channels = planes * block.expansion
            stack += [_block(block, channels, planes) for _ in range(blocks - 1)]
            self.add_module(f"layer{stage + 1}", nn.Sequential(*stack))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(channels, classes)
        for convolution in _initialised(self):
            if convolution.kernel_size == (3, 3) and convolution is not self.conv1:
                convolution.__class__ = CroppedConv2d

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the logits (images, classes) of a batch (images, 3, height, width)."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))  # type: ignore[operator]
        return self.fc(torch.flatten(self.avgpool(x), 1))


def _initialised(network: nn.Module) -> list[nn.Conv2d]:
    """Draw a network's convolutions from He's distribution, and list them."""
    convolutions = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    for convolution in convolutions:
        nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
    return convolutions


def _block(block: Block, channels: int, planes: int, stride: int = 1) -> nn.Module:
    out = planes * block.expansion
    shortcut = None
    if stride != 1 or channels != out:
        shortcut = nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))
    return block(channels, planes, stride, shortcut)


def _check_depth(what: str, stages: Sequence[int]) -> None:
    if min(stages, default=0) < 1 or sum(stages) > DEEPEST:
        raise InputError(f"{what} {list(stages)}: at least 1 in each stage, at most {DEEPEST:,} in all")


class PlainConvNet(nn.Module):
    """Convolutions and max-pools without shortcuts, in the manner of VGG (stages 1, 1, 2, 2, 2: VGG-11) and AlexNet."""

    # ``stages`` are convolutions before each max-pool; ``width`` doubles up to eight times itself; ``kernel`` is the
    # side of the first convolution, the others are 3x3.

    def __init__(
        self,
        classes: int,
        stages: Sequence[int] = (1, 1, 2, 2, 2),
        width: int = 64,
        kernel: int = 3,
        batch_norm: bool = True,
    ):
        super().__init__()
        if width < 1:
            raise InputError(f"a network of nothing: width {width}; it is at least 1")
        _check_depth("stages", stages)
        layers: list[nn.Module] = []
        channels, side = 3, kernel
        for stage, convolutions in enumerate(stages):
            planes = width * 2 ** min(stage, 3)
            for _ in range(convolutions):
                layers.append(nn.Conv2d(channels, planes, side, padding=side // 2, bias=not batch_norm))
                layers += [nn.BatchNorm2d(planes), nn.ReLU()] if batch_norm else [nn.ReLU()]
                channels, side = planes, 3
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.fc = nn.Linear(channels, classes)
        _initialised(self)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the logits (images, classes) of a batch (images, 3, height, width)."""
        return self.fc(self.features(x).mean((2, 3)))


def densenet121(
    classes: int,
    stem: str = "imagenet",
    growth_rate: int = 32,
    block_config: Sequence[int] = (6, 12, 24, 16),
    num_init_features: int = 64,
) -> nn.Module:
    """Build torchvision's DenseNet-121, with a first convolution for small images, narrower or shorter if asked."""
    network = torchvision.models.DenseNet(growth_rate, tuple(block_config), num_init_features, num_classes=classes)
    if _is_small(stem):
        network.features.conv0 = nn.Conv2d(3, network.features.conv0.out_channels, 3, padding=1, bias=False)
        nn.init.kaiming_normal_(network.features.conv0.weight)
    return network


def _is_small(stem: str) -> bool:
    if stem not in STEMS:
        raise InputError(f"stem: '{stem}' is not one of {', '.join(STEMS)}{nearest(stem, STEMS)}")
    return stem == "small"


class BagNet33(nn.Module):
    """
    The BagNet-33 of Brendel and Bethge (2019): a ResNet-50 whose logits are the mean over patches of 33 x 33 pixels.

    Almost all its 3x3 convolutions are 1x1, and none is padded. Modules have the published names: the weights fit.
    """

    def __init__(self, classes: int):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 1, bias=False)
        self.conv2 = nn.Conv2d(64, 64, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        channels = 64
        for stage, (blocks, planes, stride) in enumerate(BAGNET_STAGES, start=1):
            out = planes * Bottleneck.expansion
            shortcut = nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))
            # Only a stage's first block looks beyond single pixels.
            stack = [_Unpadded(channels, planes, 3, stride, shortcut)]
            stack += [_Unpadded(out, planes, 1) for _ in range(blocks - 1)]
            self.add_module(f"layer{stage}", nn.Sequential(*stack))
            channels = out
        self.fc = nn.Linear(channels, classes)
        _initialised(self)

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """Return the features of all patches, 8 pixels apart: (images, 2048, rows, columns)."""
        x = self.relu(self.bn1(self.conv2(self.conv1(images))))
        return self.layer4(self.layer3(self.layer2(self.layer1(x))))  # type: ignore[operator]

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the logits (images, classes) of a batch (images, 3, height, width)."""
        return self.fc(self.features(images).mean((2, 3)))


class _Unpadded(Bottleneck):
    """torchvision's bottleneck block with any kernel in the middle, and without padding."""

    def __init__(self, channels: int, planes: int, kernel: int, stride: int = 1, shortcut: nn.Module | None = None):
        super().__init__(channels, planes, stride, shortcut)
        self.conv2 = nn.Conv2d(planes, planes, kernel, stride, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Add the block's output to its input."""
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        shortcut = x if self.downsample is None else self.downsample(x)
        # The shortcut is cropped at the lower right, not evenly on all sides: the published weights were trained so.
        rows, columns = y.shape[2:]
        return self.relu(y + shortcut[..., :rows, :columns])


class CORnetRT(nn.Module):
    """
    The CORnet-RT of Kubilius et al. (2018): four recurrent areas of the visual cortex, unrolled in time.

    At every step an area takes in the last output of the area before it, and its own. An image reaches the decoder at
    the fourth of ``times`` steps. Modules have the published names: the weights fit.
    """

    def __init__(self, classes: int, times: int = 5):
        super().__init__()
        if times < 1:
            raise InputError(f"times: CORnet-RT needs at least one step, not {times}")
        self.times = times
        self.V1 = _Area(3, 64, kernel=7, stride=4)
        self.V2 = _Area(64, 128)
        self.V4 = _Area(128, 256)
        self.IT = _Area(256, 512)
        self.decoder = nn.ModuleDict({"linear": nn.Linear(512, classes)})

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the logits (images, classes) of a batch (images, 3, height, width)."""
        v1, *others = areas = (self.V1, self.V2, self.V4, self.IT)
        drives = [v1.receive(images)]
        for area in others:  # nothing has reached them at the first step
            drives.append(area.silence(drives[-1]))
        states = [area.respond(drive) for area, drive in zip(areas, drives, strict=True)]
        for _ in range(self.times - 1):
            # The image stays, and with it what V1 receives.
            drives[1:] = [area.receive(state) for area, state in zip(others, states[:-1], strict=True)]
            states = [area.respond(d + state) for area, d, state in zip(areas, drives, states, strict=True)]
        return self.decoder["linear"](states[-1].mean((2, 3)))


class _Area(nn.Module):
    """An area of the cortex: one convolution for its input, another one that recurs in time."""

    def __init__(self, channels: int, planes: int, kernel: int = 3, stride: int = 2):
        super().__init__()
        self.conv_input = nn.Conv2d(channels, planes, kernel, stride, kernel // 2)
        self.norm_input = nn.GroupNorm(32, planes)
        self.conv1 = nn.Conv2d(planes, planes, 3, padding=1, bias=False)
        self.norm1 = nn.GroupNorm(32, planes)

    def receive(self, x: torch.Tensor) -> torch.Tensor:
        """Take in an image or the output of another area."""
        return nn.functional.relu(self.norm_input(self.conv_input(x)))

    def silence(self, x: torch.Tensor) -> torch.Tensor:
        """Stand in for :meth:`receive` where nothing has arrived: zeros of the shape that it would return."""
        return x.new_zeros(len(x), self.conv_input.out_channels, *x[..., ::2, ::2].shape[2:])

    def respond(self, x: torch.Tensor) -> torch.Tensor:
        """Turn the drive, plus the last output, into the next output."""
        return nn.functional.relu(self.norm1(self.conv1(x)))
