"""Random numbers by counting (Philox 4x32-10): the same bits on every device and in any number of processes."""

import numpy as np

# Multipliers and key increments of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3" (2011).
MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
WEYL = (0x9E3779B9, 0xBB67AE85)
WORD = 0xFFFFFFFF


def philox(counter, key):
    """Encrypt counters into random words."""
    a, b, c, d = counter
    for step in range(10):
        left, right = a * MULTIPLIERS[0], c * MULTIPLIERS[1]
        k0, k1 = ((word + step * weyl) & WORD for word, weyl in zip(key, WEYL, strict=True))
        # Only the factors must be clean: the upper halves of b and d fall to the mask of the round after.
        a, b, c, d = _mixed(right, b, k0), right, _mixed(left, d, k1), left
    return a, b & WORD, c, d & WORD


def _mixed(product, other, key: int):
    """``(product >> 32) ^ other ^ key``, kept to 32 bits, with as few passes and arrays as possible."""
    mixed = (product >> 32) ^ other
    mixed ^= key
    mixed &= WORD
    return mixed


def uniforms(indices, count: int, seed: int, epoch: int, stream: int) -> np.ndarray:
    """Draw numbers that belong to images, not to a moment: keyed by seed, epoch and image."""
    image = np.asarray(indices, np.int64)[:, None]
    block = np.arange(-(-count // 4), dtype=np.int64)
    words = philox((block, image, np.int64(epoch), np.int64(stream)), (seed & WORD, seed >> 32 & WORD))
    return np.stack(words, axis=-1).reshape(len(image), -1)[:, :count] / 2.0**32
