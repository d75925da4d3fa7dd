"""
How many images are trivial or impossible beyond what smooth difficulty brings, whatever smooth family describes it.

An image of easiness theta is got right by network m with log odds theta plus the network's ability, independently. A
smooth family says how theta varies; the share of images that networks get right or wrong *as a kind*, all of them with
one probability near 0 or 1, is added to it. Both are fitted together, to the number of images of each score.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
from scipy.special import expit, log_expit, logit, ndtr

from ddd_utils.analysis.score_models.fits import as_counts, climb, multiply_out, redraw

# Cells of easiness, in log odds: fine where probabilities change, up to where they are 0 or 1 for any purpose.
EDGES = np.concatenate([np.arange(-40, -8), np.linspace(-8, 8, 161), np.arange(9, 41)])
CENTRES = (EDGES[1:] + EDGES[:-1]) / 2
NARROWEST, WIDEST = np.log(0.05), np.log(30)
MOST_CONCENTRATED, LEAST_CONCENTRATED = np.log(1500), np.log(0.02)
FARTHEST = 15.0
SLOPE = 1e-5  # step of the numerical slopes
ENOUGH = 1e-9  # gain in log-likelihood an image
BLURS = (0.0, 0.01, 0.02, 0.05)  # how often a network errs about an image of a kind
# A smooth part of which nearly all images are decided, with nine networks in ten right or wrong, is a kind itself.
NEARLY_ALL, DECIDED = 0.9, logit(0.9)
NEAR_BEST = 0.01  # share of images misplaced, within which two fits count as equally good


class Excess(NamedTuple):
    """What one smooth family leaves at the ends: impossible first, then trivial; and the same for other images."""

    mass: np.ndarray  # (2,) share of all images
    part: np.ndarray  # (2,) share of the images that no network, or every one, gets right
    mass_draws: np.ndarray  # (draws, 2)
    part_draws: np.ndarray
    misplaced: float  # share of images at a wrong score, by the smooth family alone
    misplaced_with: float  # and with both kinds
    blur: float


def excess_at_ends(counts: np.ndarray, abilities: np.ndarray, draws: int = 200, seed: int = 0) -> dict[str, Excess]:
    """Fit each smooth family with and without the two kinds, to counts (M + 1,) and to as many sets drawn anew."""
    counts = as_counts(counts)
    odds = CENTRES + np.clip(abilities, -FARTHEST, FARTHEST)[:, None]
    kernel = multiply_out(expit(odds), expit(-odds), len(counts) - 1)[-1].T
    again = redraw(counts, draws, seed)
    return {name: _excess(counts, again, cells, kernel) for name, cells in FAMILIES.items()}


def misplaced_by_chance(images: int, shares: np.ndarray) -> tuple[float, float]:
    """Share of images that sampling alone misplaces, and its standard deviation, for these shares of the scores."""
    # Means and variances of |normal|, the scores taken as independent.
    variance = shares * (1 - shares) / images
    return float(np.sqrt(variance * 2 / np.pi).sum() / 2), float(np.sqrt((variance * (1 - 2 / np.pi)).sum()) / 2)


def _excess(counts: np.ndarray, again: np.ndarray, cells: Callable, kernel: np.ndarray) -> Excess:
    mixed, networks = partial(_mixed, cells, kernel), len(counts) - 1
    _, alone, _ = _best(counts, partial(mixed, None))
    found = {}
    good, _ = misplaced_by_chance(int(counts.sum()), counts / counts.sum())
    for blur in BLURS:
        ends = np.stack([_binomial(networks, blur), _binomial(networks, 1 - blur)])
        point, shares, _ = _best(counts, partial(mixed, ends))
        found[blur] = _misplaced(counts, shares), point, ends
        if found[blur][0] <= good + NEAR_BEST:
            break
    best = min(misplaced for misplaced, *_ in found.values())
    blur = min(blur for blur, (misplaced, *_) in found.items() if misplaced <= best + NEAR_BEST)
    misplaced_with, point, ends = found[blur]
    points = np.concatenate([point[None], np.repeat(point[None], len(again), axis=0)])
    points, shares = _climb(np.concatenate([counts[None], again]), points, partial(mixed, ends))
    weights, smooth = _weights(points), cells(points[:, :1], points[:, 1:2])
    mass, expected = weights[:, 1:], weights[:, 1:] * np.diagonal(ends[:, [0, -1]])
    alike = _one_kind(smooth) * weights[:, :1]
    mass, expected = mass + alike, expected + alike * (smooth @ kernel)[:, [0, -1]]
    part = expected / shares[:, [0, -1]]
    return Excess(mass[0], part[0], mass[1:], part[1:], _misplaced(counts, alone), misplaced_with, blur)


def _one_kind(smooth: np.ndarray) -> np.ndarray:
    """Tell where the smooth part, (sets, cells), is nothing but impossible, or trivial, images: (sets, 2)."""
    return np.stack([smooth @ (CENTRES < -DECIDED), smooth @ (CENTRES > DECIDED)], axis=1) > NEARLY_ALL


def _misplaced(counts: np.ndarray, shares: np.ndarray) -> float:
    return float(abs(counts / counts.sum() - shares).sum() / 2)


def _binomial(networks: int, accuracy: float) -> np.ndarray:
    ones = np.ones((networks, 1))
    return multiply_out(accuracy * ones, (1 - accuracy) * ones, networks)[-1, :, 0]


def _best(counts: np.ndarray, mixed: Callable) -> tuple[np.ndarray, np.ndarray, float]:
    """Climb from several points and keep the highest: its point, the shares of the scores and the log-likelihood."""
    starts = np.array([[x, y, w, w] for x in (-1.0, 1.0) for y in (-0.5, 1.0) for w in (-4.0, 0.0)])
    starts = starts[:, : mixed(starts[:1])[1].shape[1]]
    points, shares = _climb(np.repeat(counts[None], len(starts), axis=0), starts, mixed)
    values = (counts * np.log(shares)).sum(axis=1)
    highest = int(np.argmax(values))
    return points[highest], shares[highest], float(values[highest])


def _climb(counts: np.ndarray, points: np.ndarray, mixed: Callable) -> tuple[np.ndarray, np.ndarray]:
    seen = counts / counts.sum(axis=1, keepdims=True)

    def likelihood(at: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        shares, slopes = mixed(at)
        scaled = slopes / shares[:, None]
        slope = np.einsum("nks,ns->nk", scaled, seen[rows])
        return (seen[rows] * np.log(shares)).sum(axis=1), slope, np.einsum("nks,nls->nkl", scaled, slopes)

    points = climb(points, likelihood, FARTHEST, ENOUGH)
    return points, mixed(points)[0]


def _mixed(
    cells: Callable, kernel: np.ndarray, ends: np.ndarray | None, at: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Compute the shares of the scores (sets, M + 1) at points (sets, 2 or 4), and their slopes."""
    shifts = np.stack([at[:, :2], at[:, :2] + [SLOPE, 0], at[:, :2] + [0, SLOPE]])
    smooth, *moved = np.maximum(cells(shifts[..., :1], shifts[..., 1:2]) @ kernel, 1e-300)
    slopes = (np.stack(moved, axis=1) - smooth[:, None]) / SLOPE
    if ends is None:
        return smooth, slopes
    weights = _weights(at)
    shares = weights[:, :1] * smooth + weights[:, 1:] @ ends
    by_weight = weights[:, 1:, None] * (ends - shares[:, None])
    return shares, np.concatenate([weights[:, :1, None] * slopes, by_weight], axis=1)


def _weights(at: np.ndarray) -> np.ndarray:
    """Turn points into the shares of the smooth part and the two kinds, (sets, 3)."""
    raw = np.exp(np.concatenate([np.zeros((len(at), 1)), at[:, 2:]], axis=1))
    return raw / raw.sum(axis=1, keepdims=True)


def _cells(below: Callable[[np.ndarray], np.ndarray], centre: np.ndarray, width: np.ndarray) -> np.ndarray:
    """Compute the shares of the cells for a family whose share below a point depends on its distance in widths."""
    shares = below((EDGES - centre) / np.exp(np.clip(width, NARROWEST, WIDEST)))
    shares[..., 0], shares[..., -1] = 0, 1  # the outermost cells have no limit
    return np.diff(shares, axis=-1)


def _student_t(x: np.ndarray) -> np.ndarray:
    """Student's t with 3 degrees of freedom: an image in 100 is beyond 4.5 widths, an image in 15,000 if normal."""
    x = x / np.sqrt(3)
    return 0.5 + (x / (1 + x**2) + np.arctan(x)) / np.pi


def _uniform(x: np.ndarray) -> np.ndarray:
    return np.clip(x / 4 + 0.5, 0, 1)


def _gumbel(x: np.ndarray) -> np.ndarray:
    """Skewed towards easy images; its mirror image towards hard ones."""
    return np.exp(-np.exp(np.clip(-x, -700, 700)))


def _beta(centre: np.ndarray, width: np.ndarray) -> np.ndarray:
    """Beta distribution of the probability of being right, which on the scale of log odds has exponential tails."""
    concentration = np.exp(np.clip(1 - 2 * width, LEAST_CONCENTRATED, MOST_CONCENTRATED))
    alpha, beta = concentration * expit(centre), concentration * expit(-centre)
    log_density = alpha * log_expit(CENTRES) + beta * log_expit(-CENTRES)
    density = np.exp(log_density - log_density.max(axis=-1, keepdims=True)) * np.diff(EDGES)
    return density / density.sum(axis=-1, keepdims=True)


FAMILIES: dict[str, Callable[..., np.ndarray]] = {
    "beta": _beta,
    "logit-normal": partial(_cells, ndtr),
    "logit-t(3)": partial(_cells, _student_t),
    "logit-uniform": partial(_cells, _uniform),
    "easy-tailed": partial(_cells, _gumbel),
    "hard-tailed": partial(_cells, lambda x: 1 - _gumbel(-x)),
}
