"""Right or wrong, one bit a decision: the checks that analyses start with, and counting what two networks share."""

import numpy as np
from numpy.typing import ArrayLike

from ddd_utils.errors import InputError

# Words of 64 decisions handled at once: few enough to keep the peak of memory near the packed bits themselves, and to
# add up their counts in 16 bits, which is twice as fast as in 64.
BLOCK = 200
NOT_RECORDED = -1


def as_correct(correct: ArrayLike) -> np.ndarray:
    """Check decisions, True and False (or 1 and 0), and return them as bool (networks, images)."""
    correct = np.asarray(correct)
    if correct.ndim != 2 or 0 in correct.shape:
        raise InputError(f"decisions must be (networks, images), at least one of each; the shape is {correct.shape}")
    if correct.dtype != bool:
        if not np.isin(correct, (0, 1)).all():
            raise InputError("decisions must be True or False (or 1 and 0): are these predictions or probabilities?")
        correct = correct.astype(bool)
    return correct


def as_pair(a: ArrayLike, b: ArrayLike) -> np.ndarray:
    """Check two networks' decisions about the same images and stack them, bool (2, images)."""
    if np.ndim(a) != 1 or np.shape(a) != np.shape(b):
        raise InputError(f"two networks' decisions must be about the same images: {np.shape(a)} against {np.shape(b)}")
    return as_correct(np.stack([np.asarray(a), np.asarray(b)]))


def as_labels(labels: ArrayLike | None, default: np.ndarray) -> np.ndarray:
    """Check that there is one label an image; return the default, (images,), where there are no labels."""
    labels = default if labels is None else np.asarray(labels)
    if labels.shape != default.shape:
        raise InputError(f"there must be one label an image: {labels.shape} labels for {default.size} images")
    return labels


def as_answers(predictions: ArrayLike, labels: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Check predictions (networks, images), -1 where not recorded, against labels (images,); one must be recorded."""
    predictions, labels = np.asarray(predictions), np.asarray(labels)
    if predictions.ndim != 2 or 0 in predictions.shape or labels.shape != predictions.shape[1:]:
        shapes = f"{predictions.shape} and {labels.shape}"
        raise InputError(f"predictions must be (networks, images) and labels (images,); the shapes are {shapes}")
    wrong = predictions != labels
    if wrong.any() and (predictions[wrong] == NOT_RECORDED).all():
        raise InputError("no wrong answer was recorded (prediction -1): which labels were given is not known")
    return predictions, labels


def pack(correct: np.ndarray) -> np.ndarray:
    """Pack decisions into uint64 words (networks, ceil(images / 64)), the last one filled up with zeros."""
    networks, images = correct.shape
    packed = np.zeros((networks, -(-images // 64) * 8), np.uint8)
    for row, decisions in zip(packed, correct, strict=True):
        bits = np.packbits(decisions)
        row[: bits.size] = bits
    return packed.view(np.uint64)


def count_both_right(correct: np.ndarray) -> np.ndarray:
    """Count the images that two networks both get right, (networks, networks); on the diagonal what each gets right."""
    packed = pack(correct)
    networks, words = packed.shape
    both = np.zeros((networks, networks), np.int64)
    for start in range(0, words, BLOCK):
        block = packed[:, start : start + BLOCK]
        for i in range(networks):
            both[i, i:] += np.bitwise_count(block[i] & block[i:]).sum(axis=1, dtype=np.uint16)
    return both + np.triu(both, 1).T
