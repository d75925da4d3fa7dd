"""CORnet-RT: four recurrent areas of the visual cortex, unrolled in time."""

from torch import nn
from torch.nn.functional import relu

from ddd_utils.errors import InputError


class CORnetRT(nn.Module):
    """The CORnet-RT of Kubilius et al. (2018)."""

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

    def forward(self, images):
        """Return the logits (images, classes) of a batch (images, 3, height, width)."""
        v1, *others = areas = (self.V1, self.V2, self.V4, self.IT)
        drives = [v1.receive(images)]
        for area in others:  # which nothing has reached at the first step
            drives.append(area.silence(drives[-1]))
        states = [area.respond(drive) for area, drive in zip(areas, drives, strict=True)]
        for _ in range(self.times - 1):
            # The image stays, and with it what V1 receives.
            drives[1:] = [area.receive(state) for area, state in zip(others, states[:-1], strict=True)]
            states = [area.respond(d + state) for area, d, state in zip(areas, drives, states, strict=True)]
        return self.decoder["linear"](states[-1].mean((2, 3)))


class _Area(nn.Module):
    """An area of the cortex: a convolution takes in what comes from outside, another one repeats itself in time."""

    def __init__(self, channels: int, planes: int, kernel: int = 3, stride: int = 2):
        super().__init__()
        self.conv_input = nn.Conv2d(channels, planes, kernel, stride, kernel // 2)
        self.norm_input = nn.GroupNorm(32, planes)
        self.conv1 = nn.Conv2d(planes, planes, 3, padding=1, bias=False)
        self.norm1 = nn.GroupNorm(32, planes)

    def receive(self, x):
        """Take in an image or what another area sends."""
        return relu(self.norm_input(self.conv_input(x)))

    def silence(self, x):
        """Stand in for :meth:`receive` where nothing has arrived: zeros of the shape that input like `x` would get."""
        return x.new_zeros(len(x), self.conv_input.out_channels, *x[..., ::2, ::2].shape[2:])

    def respond(self, x):
        """Turn what was received, plus the last output, into the next output."""
        return relu(self.norm1(self.conv1(x)))
