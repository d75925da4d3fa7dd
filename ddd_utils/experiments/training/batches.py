"""Which training images come when: everything is keyed by seeds and epochs, nothing by the moment."""

from collections.abc import Iterator

import numpy as np

from ddd_utils.experiments.plans import Run


def _shuffled(count: int, seed: int) -> np.ndarray:
    return np.random.Generator(np.random.Philox(key=seed)).permutation(count)


def pool(run: Run, images: int) -> np.ndarray:
    """List the training images of a run, ascending: all, or one of two random disjoint halves."""
    if run.half is None:
        return np.arange(images)
    return np.sort(np.array_split(_shuffled(images, run.split_seed), 2)[run.half])


def batches(run: Run, epoch: int, labels: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the training images of each batch of an epoch, counted from 0; the last batch may be smaller."""
    members = pool(run, len(labels))
    order = members[_shuffled(len(members), run.order_seed + epoch)]
    if run.stratified:
        order = _interleaved(order, labels)
    for start in range(0, len(order), run.batch_size):
        yield order[start : start + run.batch_size]


def parts(run: Run, count: int, exchanged: bool = True) -> list[slice | np.ndarray]:
    """
    Return the positions in a batch of each of its successive updates.

    With ``exchanged``, a non-deterministic run has its images change places, for other rounding; a GPU needs no such
    help. Parts of a single image are left out: BatchNorm has no variance there.
    """
    edges = [len(part) for part in np.array_split(np.empty(count), run.splits)]
    stops = np.cumsum(edges)
    cut = [slice(stop - size, stop) for stop, size in zip(stops, edges, strict=True) if size > 1]
    if run.nondeterminism == 0 or not exchanged:
        return list(cut)
    return [part.start + _shuffled(part.stop - part.start, run.nondeterminism) for part in cut]


def recalibration_images(run: Run, labels: np.ndarray) -> np.ndarray:
    """Choose training images for BatchNorm's statistics: of every class its share, in random order."""
    # A random choice of 2,560 noise images has a mean standard deviation that is off by half a gray level, enough to
    # mistake the least noisy classes for their neighbours.
    members = pool(run, len(labels))
    by_class = members[np.argsort(labels[members], kind="stable")]
    even = np.linspace(0, len(members) - 1, min(run.recalibration, len(members))).astype(int)
    return by_class[even][_shuffled(len(even), run.split_seed)]


def _interleaved(order: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Keep the random order within each class, and take the classes in turn: first one image of each, and so on."""
    by_class = np.argsort(labels[order], kind="stable")
    _, counts = np.unique(labels[order], return_counts=True)
    turn = np.empty(len(order), int)
    turn[by_class] = np.concatenate([np.arange(count) for count in counts])
    return order[np.argsort(turn, kind="stable")]
