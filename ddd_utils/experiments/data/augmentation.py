"""Augmentation as pure tensor functions whose every random number belongs to an image, not to a moment."""

import numpy as np
import torch

from ddd_utils.experiments.data.philox import uniforms

STREAM = 0x61756721


def flip_and_shift(images: torch.Tensor, random: np.ndarray, padding: int = 4) -> torch.Tensor:
    """Mirror half of the images and shift each by up to ``padding`` pixels, black coming in (the CIFAR recipe)."""
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
    """Cut a box out of each image and resize it with an antialiased triangle filter, as Pillow's bilinear does."""
    box = torch.from_numpy(np.asarray(boxes)).to(images.device, torch.float32)
    rows = _triangle_weights(box[:, 0], box[:, 2], images.shape[2], size)
    columns = _triangle_weights(box[:, 1], box[:, 3], images.shape[3], size)
    resized = rows[:, None] @ images.float() @ columns[:, None].transpose(2, 3)
    return resized.round().clamp(0, 255).to(torch.uint8)


def _triangle_weights(start: torch.Tensor, length: torch.Tensor, pixels: int, size: int) -> torch.Tensor:
    """Weights (images, size, pixels) of every source pixel in every target pixel; each row sums to 1."""
    scale = (length / size)[:, None, None]
    target = torch.arange(size, device=start.device)[None, :, None] + 0.5
    source = torch.arange(pixels, device=start.device)[None, None, :] + 0.5 - start[:, None, None]
    weights = (1 - (source - target * scale).abs() / scale.clamp(min=1)).clamp(min=0)
    weights = weights * ((source > 0) & (source < length[:, None, None]))
    return weights / weights.sum(2, keepdim=True)


def draw(indices: np.ndarray, count: int, seed: int, epoch: int) -> np.ndarray:
    """Draw ``count`` uniform numbers for each image of an epoch."""
    return uniforms(indices, count, seed, epoch, STREAM)
