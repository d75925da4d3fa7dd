"""The Gaussian noise set made on the device, a batch at a time: the same bits as :func:`gaussian.noise_images`."""

import numpy as np
import torch

from ddd_utils.experiments.data.gaussian import LEVELS, SPLITS, STREAM, Noise, pixel_table
from ddd_utils.experiments.data.philox import philox

# Counters encrypted at a time: on a CPU the 64-bit intermediates stay in its cache, on a GPU they keep it busy.
CHUNK = {"cpu": 2**15, "cuda": 2**22}
PIXELS_A_COUNTER = 8


class NoiseMaker:
    """Makes the images of one split from integers."""

    def __init__(self, noise: Noise, device: torch.device):
        self.noise, self.device = noise, device
        tables = np.stack([pixel_table(sigma) for sigma in range(1, noise.classes + 1)])
        self.tables = torch.from_numpy(tables.ravel()).to(device)
        self.counters = -(-3 * noise.size**2 // PIXELS_A_COUNTER)

    def images(self, indices: np.ndarray) -> torch.Tensor:
        """Make images."""
        image = torch.from_numpy(np.asarray(indices, np.int64)).to(self.device)
        made = torch.empty((len(image), self.counters * PIXELS_A_COUNTER), dtype=torch.uint8, device=self.device)
        step = max(1, CHUNK["cpu" if self.device.type == "cpu" else "cuda"] // self.counters)
        for part, rows in zip(image.split(step), made.split(step), strict=True):
            torch.index_select(self.tables, 0, self._places(part[:, None]).view(-1), out=rows.view(-1))
        size = self.noise.size
        return made[:, : 3 * size**2].reshape(-1, 3, size, size)

    def _places(self, image: torch.Tensor) -> torch.Tensor:
        """Where in the tables each pixel stands: its class's table begins at a multiple of 2**16."""
        block = torch.arange(self.counters, device=self.device)
        rest = (torch.tensor(number, device=self.device) for number in (SPLITS[self.noise.split], 0))
        words = philox((block, image, *rest), (self.noise.seed, STREAM))
        places = torch.empty((len(image), self.counters, 4, 2), dtype=torch.int32, device=self.device)
        first = (image // self.noise.per_class * LEVELS).int()
        for column, word in enumerate(words):
            torch.bitwise_or((word & 0xFFFF).int(), first, out=places[:, :, column, 0])
            torch.bitwise_or((word >> 16).int(), first, out=places[:, :, column, 1])
        return places
