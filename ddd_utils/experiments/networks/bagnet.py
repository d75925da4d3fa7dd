"""BagNet-33: a ResNet-50 that sees an image as a bag of patches of 33 x 33 pixels."""

from torch import nn
from torchvision.models.resnet import Bottleneck

# Blocks, channels and stride of each stage; the channels are those of ResNet-50.
STAGES = ((3, 64, 2), (4, 128, 2), (6, 256, 2), (3, 512, 1))


class BagNet33(nn.Module):
    """The BagNet-33 of Brendel and Bethge (2019)."""

    def __init__(self, classes: int):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 1, bias=False)
        self.conv2 = nn.Conv2d(64, 64, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        channels = 64
        for stage, (blocks, planes, stride) in enumerate(STAGES, start=1):
            out = planes * Bottleneck.expansion
            shortcut = nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))
            # Only a stage's first block looks beyond single pixels.
            stack = [_Unpadded(channels, planes, 3, stride, shortcut)]
            stack += [_Unpadded(out, planes, 1) for _ in range(blocks - 1)]
            self.add_module(f"layer{stage}", nn.Sequential(*stack))
            channels = out
        self.fc = nn.Linear(channels, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def features(self, images):
        """Describe the patches of images, each by itself."""
        x = self.relu(self.bn1(self.conv2(self.conv1(images))))
        return self.layer4(self.layer3(self.layer2(self.layer1(x))))

    def forward(self, images):
        """Return the logits (images, classes) of a batch (images, 3, height, width)."""
        return self.fc(self.features(images).mean((2, 3)))


class _Unpadded(Bottleneck):
    """torchvision's bottleneck block with any kernel in the middle, and without padding."""

    def __init__(self, channels: int, planes: int, kernel: int, stride: int = 1, shortcut: nn.Module | None = None):
        super().__init__(channels, planes, stride, shortcut)
        self.conv2 = nn.Conv2d(planes, planes, kernel, stride, bias=False)

    def forward(self, x):
        """Add to the input what the block makes of it."""
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        shortcut = x if self.downsample is None else self.downsample(x)
        # What padding would have kept is missing at the lower right: the published weights were trained like this,
        # although in the middle of its 3x3 pixels would be the more natural place for the shortcut.
        rows, columns = y.shape[2:]
        return self.relu(y + shortcut[..., :rows, :columns])
