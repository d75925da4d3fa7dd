"""Our own scalable networks: ResNets, plain convolutional networks, and DenseNet-121 for small images."""

import torch
import torchvision
from torch import nn
from torchvision.models.resnet import BasicBlock

from ddd_utils.errors import InputError, nearest

STEMS = ("imagenet", "small")


class CroppedConv2d(nn.Conv2d):
    """A 3x3 convolution with padding 1 that leaves out the taps which can only see padding."""

    def forward(self, x):
        """Convolve, see :class:`torch.nn.Conv2d`."""
        side = x.shape[-1]
        if x.shape[-2] == side and side <= self.stride[0]:
            return nn.functional.conv2d(x, self.weight[:, :, 1 : 1 + side, 1 : 1 + side], self.bias, self.stride)
        return super().forward(x)


class ResNet(nn.Module):
    """The ResNet of He et al. (2016) with any width and two kinds of stem; width 64 and stem "imagenet" is torchvision's."""

    def __init__(self, classes: int, block=BasicBlock, layers=(2, 2, 2, 2), width: int = 64, stem: str = "imagenet"):
        super().__init__()
        if width < 8:
            # torch 2.14's channels-last convolutions write past their memory in a ResNet of four channels.
            raise InputError(f"width: a ResNet needs at least 8 channels, not {width}")
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
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                if module.kernel_size == (3, 3) and module is not self.conv1:
                    module.__class__ = CroppedConv2d

    def forward(self, x):
        """Return the logits (images, classes) of a batch (images, 3, height, width)."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(torch.flatten(self.avgpool(x), 1))


def _block(block, channels: int, planes: int, stride: int = 1) -> nn.Module:
    out = planes * block.expansion
    shortcut = None
    if stride != 1 or channels != out:
        shortcut = nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))
    return block(channels, planes, stride, shortcut)


class PlainConvNet(nn.Module):
    """Convolutions and max-pools without shortcuts, in the manner of VGG and AlexNet, with one linear layer at the end."""

    def __init__(self, classes: int, stages=(1, 1, 2, 2, 2), width: int = 64, kernel: int = 3, batch_norm: bool = True):
        super().__init__()
        layers, channels, side = [], 3, kernel
        for stage, convolutions in enumerate(stages):
            planes = width * 2 ** min(stage, 3)
            for _ in range(convolutions):
                layers.append(nn.Conv2d(channels, planes, side, padding=side // 2, bias=not batch_norm))
                layers += [nn.BatchNorm2d(planes), nn.ReLU()] if batch_norm else [nn.ReLU()]
                channels, side = planes, 3
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.fc = nn.Linear(channels, classes)
        for module in self.features:
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x):
        """Return the logits (images, classes) of a batch (images, 3, height, width)."""
        return self.fc(self.features(x).mean((2, 3)))


def densenet121(
    classes: int,
    stem: str = "imagenet",
    growth_rate: int = 32,
    block_config=(6, 12, 24, 16),
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
