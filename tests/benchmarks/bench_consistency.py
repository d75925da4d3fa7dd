"""Error consistency of all pairs of 30 networks on 50,000 images: packed bits against scikit-learn pair by pair."""

import time
import tracemalloc
from itertools import combinations

import numpy as np
from sklearn.metrics import cohen_kappa_score

from ddd_utils.analysis.consistency import bootstrap, pairwise_error_consistency
from ddd_utils.analysis.decisions import pack

NETWORKS, IMAGES = 30, 50_000


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


def main():
    """Measure, check that both agree, and print the two ratios with the bounds they must keep."""
    correct = decisions()
    pairs = list(combinations(range(NETWORKS), 2))
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
    resampling = seconds(lambda: bootstrap(correct[:15, :2000], draws=1000), repeats=3)
    print(f"joint bootstrap, 15 networks x 2,000 images, 1,000 draws: {resampling:.2f} s (bound: 1)")
    assert resampling < 1
    assert slow / fast >= 1000 and memory / packed < 2 and difference <= 1e-12


if __name__ == "__main__":
    main()
