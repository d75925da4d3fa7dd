"""Images made and augmented on the device, batch by batch; every random number belongs to an image, not to a moment."""

import numpy as np
import torch

from ddd_utils.experiments.data.gaussian import LEVELS, SPLITS, STREAM, Noise, philox, pixel_table, uniforms

AUGMENTATION = 0x61756721
# Counters encrypted at a time: on a CPU the 64-bit intermediates stay in its cache, on a GPU they keep it busy.
CHUNK = {"cpu": 2**15, "cuda": 2**22}
PIXELS_A_COUNTER = 8


class NoiseMaker:
    """Makes the images of one split on a device: the same bits as :func:`gaussian.noise_images`."""

    def __init__(self, noise: Noise, device: torch.device):
        self.noise, self.device = noise, device
        tables = np.stack([pixel_table(sigma) for sigma in range(1, noise.classes + 1)])
        self.tables = torch.from_numpy(tables.ravel()).to(device)
        self.counters = -(-3 * noise.size**2 // PIXELS_A_COUNTER)

    def images(self, indices: np.ndarray) -> torch.Tensor:
        """Make the images with these numbers in the split, uint8 (images, 3, size, size)."""
        image = torch.from_numpy(np.asarray(indices, np.int64)).to(self.device)
        made = torch.empty((len(image), self.counters * PIXELS_A_COUNTER), dtype=torch.uint8, device=self.device)
        step = max(1, CHUNK["cpu" if self.device.type == "cpu" else "cuda"] // self.counters)
        for part, rows in zip(image.split(step), made.split(step), strict=True):
            torch.index_select(self.tables, 0, self._table_entries(part[:, None]).view(-1), out=rows.view(-1))
        size = self.noise.size
        return made[:, : 3 * size**2].reshape(-1, 3, size, size)

    def _table_entries(self, image: torch.Tensor) -> torch.Tensor:
        """Find each pixel's entry in the tables: a class's table begins at a multiple of 2**16."""
        block = torch.arange(self.counters, device=self.device)
        rest = (torch.tensor(number, device=self.device) for number in (SPLITS[self.noise.split], 0))
        words = philox((block, image, *rest), (self.noise.seed, STREAM))
        entries = torch.empty((len(image), self.counters, 4, 2), dtype=torch.int32, device=self.device)
        first = (image // self.noise.per_class * LEVELS).int()
        for column, word in enumerate(words):
            torch.bitwise_or((word & 0xFFFF).int(), first, out=entries[:, :, column, 0])
            torch.bitwise_or((word >> 16).int(), first, out=entries[:, :, column, 1])
        return entries


def flip_and_shift(images: torch.Tensor, random: np.ndarray, padding: int = 4) -> torch.Tensor:
    """Mirror half of the images and shift each by up to ``padding`` pixels (CIFAR); ``random`` is (images, 3)."""
    _, _, height, width = images.shape
    chance = torch.from_numpy(random).to(images.device)
    top, left = (chance[:, 1:] * (2 * padding + 1)).long().unbind(1)
    padded = torch.nn.functional.pad(images, [padding] * 4)
    rows = top[:, None] + torch.arange(height, device=images.device)
    columns = left[:, None] + torch.arange(width, device=images.device)
    columns = torch.where(chance[:, :1] < 0.5, columns.flip(1), columns)
    batch = torch.arange(len(images), device=images.device)[:, None, None]
    return padded[batch, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def resize_boxes(images: torch.Tensor, boxes: np.ndarray, size: int) -> torch.Tensor:
    """Cut a box (top, left, height, width) out of each image and resize it as Pillow's bilinear does; uint8."""
    # The filter is linear and separable: a whole batch is two matrix products.
    box = torch.from_numpy(np.asarray(boxes)).to(images.device, torch.float32)
    rows = _triangle_weights(box[:, 0], box[:, 2], images.shape[2], size)
    columns = _triangle_weights(box[:, 1], box[:, 3], images.shape[3], size)
    resized = rows[:, None] @ images.float() @ columns[:, None].transpose(2, 3)
    return resized.round().clamp(0, 255).to(torch.uint8)


def _triangle_weights(start: torch.Tensor, length: torch.Tensor, pixels: int, size: int) -> torch.Tensor:
    """Return the weight of every source pixel in every target pixel, (images, size, pixels); each row sums to 1."""
    scale = (length / size)[:, None, None]
    target = torch.arange(size, device=start.device)[None, :, None] + 0.5
    source = torch.arange(pixels, device=start.device)[None, None, :] + 0.5 - start[:, None, None]
    weights = (1 - (source - target * scale).abs() / scale.clamp(min=1)).clamp(min=0)
    weights = weights * ((source > 0) & (source < length[:, None, None]))
    return weights / weights.sum(2, keepdim=True)


def draw(indices: np.ndarray, count: int, seed: int, epoch: int) -> np.ndarray:
    """Draw ``count`` uniform numbers for each image of an epoch."""
    return uniforms(indices, count, seed, epoch, AUGMENTATION)
