"""Error consistency of all pairs of 30 networks on 50,000 images: its speed, and that of its errors, on one core."""

import time
import tracemalloc
from itertools import combinations

import numpy as np
from sklearn.metrics import cohen_kappa_score
from threadpoolctl import threadpool_limits

from ddd_utils.analysis.consistency import bootstrap, interval, pairwise_error_consistency
from ddd_utils.analysis.consistency.kappa import pack

NETWORKS, IMAGES, EPOCHS, CLASSES = 30, 50_000, 91, 1000


def decisions(seed: int = 0) -> np.ndarray:
    """Make correlated decisions of networks that share the images' difficulty."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=IMAGES) + rng.normal(size=(NETWORKS, IMAGES)) < 0.7


def seconds(function, repeats: int) -> float:
    """Measure the fastest of some calls, the one least disturbed by other programs."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def peak_bytes(function) -> int:
    """Measure how much memory a call takes on top of what was there."""
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def against_scikit_learn(correct: np.ndarray, pairs: list):
    """Measure, check that both agree, and print the two ratios with the bounds they must keep."""
    oracle = []
    slow = seconds(lambda: oracle.extend(cohen_kappa_score(correct[i], correct[j]) for i, j in pairs), repeats=1)
    fast = seconds(lambda: pairwise_error_consistency(correct), repeats=50)
    memory = peak_bytes(lambda: pairwise_error_consistency(correct))
    packed = pack(correct).nbytes

    difference = np.abs(pairwise_error_consistency(correct)[tuple(np.transpose(pairs))] - oracle).max()
    print(f"error consistency, {NETWORKS} networks x {IMAGES:,} images, {len(pairs)} pairs")
    print(
        f"  scikit-learn {slow:.2f} s, packed bits {fast * 1e3:.2f} ms: {slow / fast:,.0f} times faster (bound: 1,000)"
    )
    print(f"  memory {memory / 1e3:.0f} kB for {packed / 1e3:.0f} kB of bits: {memory / packed:.2f} times (bound: 2)")
    print(f"  largest difference {difference:.1e} (bound: 1e-12)")
    assert slow / fast >= 1000 and memory / packed < 2 and difference <= 1e-12


def every_epoch(correct: np.ndarray):
    """Measure kappa of all pairs after every epoch of training; the images in another order stand for other epochs."""
    epochs = np.stack([np.roll(correct, epoch, axis=1) for epoch in range(EPOCHS)], axis=1)
    took = seconds(lambda: [pairwise_error_consistency(epochs[:, epoch]) for epoch in range(EPOCHS)], repeats=3)
    print(f"kappa of all pairs at {EPOCHS} epochs: {took:.2f} s (bound: 1)")
    assert took < 1


def uncertainty(correct: np.ndarray, pairs: list):
    """Measure the error of the mean over all pairs, and the joint bootstrap."""
    labels = np.arange(IMAGES) % CLASSES
    took = seconds(lambda: interval(correct, pairs, labels=labels), repeats=3)
    memory = peak_bytes(lambda: interval(correct, pairs, labels=labels)) / 1e6
    print(f"interval of the mean kappa over all pairs: {took * 1e3:.0f} ms, {memory:.0f} MB (bound: 20)")
    assert memory < 20
    took = seconds(lambda: bootstrap(correct[:15, :2000], draws=1000), repeats=3)
    print(f"joint bootstrap, 15 networks x 2,000 images, 1,000 draws: {took:.2f} s (bound: 1)")
    assert took < 1


if __name__ == "__main__":
    with threadpool_limits(1):
        made, all_pairs = decisions(), list(combinations(range(NETWORKS), 2))
        against_scikit_learn(made, all_pairs)
        every_epoch(made)
        uncertainty(made, all_pairs)
