"""Intervals of kappa by profile likelihood: where few decisions are right, or wrong, its standard error is no guide."""

import numpy as np
from scipy.special import ndtri, xlogy

from ddd_utils.analysis.score_models.fits import climb

HALVINGS = 18  # of the range of kappa: to 1e-5
IMPOSSIBLE = -1e9


def profile_limits(cells: np.ndarray, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """
    Limits of kappa by profile likelihood, for a multinomial table of two networks' decisions about independent images.

    Cells (pairs, 4) count the images that both get right, the first alone, the second alone, and neither; kappa must be
    defined. A kappa lies within the limits where the accuracies can be chosen such that twice the loss in
    log-likelihood is at most the quantile of chi-squared with one degree of freedom.
    """
    cells = np.asarray(cells, float)
    images = cells.sum(axis=1)
    seen = cells / images[:, None]
    p, q = seen[:, 0] + seen[:, 1], seen[:, 0] + seen[:, 2]
    kappa = 1 - (seen[:, 1] + seen[:, 2]) / (p * (1 - q) + q * (1 - p))
    least = xlogy(seen, seen).sum(axis=1) - ndtri((1 + level) / 2) ** 2 / (2 * images)
    # Both limits at once; what holds kappa itself moves out, the end of its range moves in.
    seen, least, inner = (np.concatenate([part, part]) for part in (seen, least, kappa))
    outer = np.repeat([-1.0, 1.0], len(cells))
    for _ in range(HALVINGS):
        middle = (inner + outer) / 2
        within = _profile(middle, seen) >= least
        inner, outer = np.where(within, middle, inner), np.where(within, outer, middle)
    lower, upper = np.split((inner + outer) / 2, 2)
    return lower, upper


def _profile(kappa: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Find the highest log-likelihood an image, over both accuracies, for tables (pairs, 4) and kappas (pairs,)."""
    mean = (2 * seen[:, 0] + seen[:, 1] + seen[:, 2]) / 2

    def likelihood(at: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        shares, slopes = _table(at, kappa[rows])
        possible = (shares >= 0).all(axis=1)
        shares = np.maximum(shares, 1e-12)
        value = np.where(possible, xlogy(seen[rows], shares).sum(axis=1), IMPOSSIBLE)
        slope = np.einsum("nc,nkc->nk", seen[rows] / shares, slopes)
        return value, slope, np.einsum("nkc,nlc,nc->nkl", slopes, slopes, 1 / shares)

    best = climb(np.stack([mean, mean], axis=1), likelihood, 1.0, 1e-8)
    return likelihood(best, np.arange(len(best)))[0]


def _table(at: np.ndarray, kappa: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compute the table's shares (pairs, 4) from accuracies (pairs, 2) and kappa, and their slopes (pairs, 2, 4)."""
    p, q = at.T
    both = (p + q - (1 - kappa) * (p * (1 - q) + q * (1 - p))) / 2
    by_p, by_q = (1 - (1 - kappa) * (1 - 2 * q)) / 2, (1 - (1 - kappa) * (1 - 2 * p)) / 2
    of_p, of_q = [by_p, 1 - by_p, -by_p, by_p - 1], [by_q, -by_q, 1 - by_q, by_q - 1]
    shares = np.stack([both, p - both, q - both, 1 - p - q + both], axis=1)
    return shares, np.moveaxis(np.array([of_p, of_q]), -1, 0)
