"""Error consistency beside what networks would show that decide independently given each image's score."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import stdtr, stdtrit

from ddd_utils.analysis.difficulty import as_correct
from ddd_utils.analysis.nulls.rasch import (
    ScoreTables,
    expected_tables,
    rasch_abilities,
    stratified_abilities,
    tables_by_score,
)
from ddd_utils.analysis.statistics import Estimate, holm, with_limits
from ddd_utils.errors import InputError

# Counts held at once while groups are left out: 32 MB an array.
BLOCK = 4_000_000
# Groups times networks, and the fewest groups: a fit takes time that grows with the cube of the networks.
MOST_WORK, FEWEST_GROUPS = 3_000, 10
ROUNDING = 1e-12  # in kappa


@dataclass(frozen=True)
class NullKappa:
    """
    Kappa of all pairs, what a null expects, and the excess, each with its 95% interval for a new draw of images.

    The intervals contain the error of the fitted abilities. The score histogram fixes the sum over pairs of the
    observed agreement, and any null given the scores has the same: excess agreement sums to zero. It ranks pairs; it
    cannot show that networks depend on each other on average.
    """

    observed: Estimate  # (networks, networks), NaN on the diagonal and where kappa is undefined
    expected: Estimate
    excess: Estimate
    mean_observed: Estimate  # over the pairs whose kappa is defined
    mean_expected: Estimate
    mean_excess: Estimate
    spread: Estimate  # standard deviation of the excess over pairs
    p_values: np.ndarray  # of no excess, two-sided, not adjusted for the number of pairs; NaN where it can only be 0

    def adjusted_p_values(self) -> np.ndarray:
        """Return the p-values adjusted over pairs (Holm), shape (networks, networks)."""
        i, j = np.triu_indices(len(self.p_values), 1)
        adjusted = np.full_like(self.p_values, np.nan)
        adjusted[i, j] = adjusted[j, i] = holm(self.p_values[i, j])
        return adjusted

    def table(self, names: Sequence[str]) -> pd.DataFrame:
        """List the pairs of the networks of these names, the highest excess first; undefined ones are left out."""
        i, j = np.triu_indices(len(names), 1)
        columns = {"one": np.take(names, i), "other": np.take(names, j)}
        for name in ("observed", "expected", "excess"):
            found = getattr(self, name)
            columns |= with_limits(name, found.value[i, j], found.lower[i, j], found.upper[i, j])
        table = pd.DataFrame({**columns, "p_adjusted": self.adjusted_p_values()[i, j]})
        return table.dropna(subset="excess").sort_values("excess", ascending=False, ignore_index=True)


def conditional_rasch_kappa(
    correct: ArrayLike, tolerance: int | None = None, groups: int = 50, seed: int = 0
) -> NullKappa:
    """
    Kappa beside the one expected of networks with one ability each (Rasch, 1960), given every image's score.

    Given an image's score its difficulty drops out, so nothing is assumed about difficulties; that abilities are the
    same for easy and hard images is (`andersen_test` says how wrong that is). Abilities are fitted to all images also
    where in-between ones are compared: one null for every tolerance.

    Parameters
    ----------
    correct : array_like of bool, shape (networks, images)
        Whether each network is right about each image; at least three networks, since abilities reproduce two exactly.
    tolerance : int, optional
        Number t of deviating networks up to which an image counts as trivial or impossible: only images in between are
        compared. None: all images.
    groups : int
        Number of groups of images left out in turn for the interval (delete-a-group jackknife: Kott, 2001): abilities
        are fitted anew without each. There are fewer for more than sixty networks, ten for three hundred.
    seed : int
        Seed of the assignment of images to groups.

    Returns
    -------
    NullKappa
    """
    correct = enough_networks(correct, 3, "one ability a network")
    return null_kappas(correct, rasch_abilities, [kept_cells(len(correct), tolerance)], groups, seed)[0]


def score_stratified_kappa(
    correct: ArrayLike, tolerance: int | None = None, groups: int = 50, seed: int = 0
) -> NullKappa:
    """
    Kappa beside the one expected of networks with an ability of their own at each score, given every image's score.

    Every network's accuracy at every score is matched, so that an excess means neither accuracy nor a network's being
    better on easy or on hard images.

    Parameters
    ----------
    correct : array_like of bool, shape (networks, images)
        Whether each network is right about each image; at least four networks (three would be reproduced exactly).
    tolerance, groups, seed
        As in `conditional_rasch_kappa`.

    Returns
    -------
    NullKappa

    Examples
    --------
    >>> import numpy as np
    >>> import ddd_utils as ddd
    >>> rng = np.random.default_rng(0)
    >>> correct = rng.random((6, 400)) < rng.random(400)  # six networks, independent given an image's difficulty
    >>> null = ddd.score_stratified_kappa(correct)
    >>> bool(abs(null.mean_excess.value) < 0.01)
    True
    """
    correct = enough_networks(correct, 4, "one ability a network and score")
    return null_kappas(correct, stratified_abilities, [kept_cells(len(correct), tolerance)], groups, seed)[0]


def stratified_kappas(correct: ArrayLike, tolerance: int, seed: int = 0) -> tuple[NullKappa, NullKappa]:
    """Compute `score_stratified_kappa` on all images and on in-between ones, in the time that one of them takes."""
    correct = enough_networks(correct, 4, "one ability a network and score")
    cells = [kept_cells(len(correct), among) for among in (None, tolerance)]
    everywhere, in_between = null_kappas(correct, stratified_abilities, cells, seed=seed)
    return everywhere, in_between


def leave_pair_out_kappa(correct: ArrayLike, tolerance: int, groups: int = 50, seed: int = 0) -> NullKappa:
    """
    Kappa of each pair on the images that the other M - 2 networks call in-between, beside its Rasch expectation.

    A pair that does not choose its own images is free of the selection by score, but pairs see different images:
    compare their excesses, not their kappas. The expectation has the abilities of `conditional_rasch_kappa`.

    Parameters
    ----------
    correct : array_like of bool, shape (networks, images)
        Whether each network is right about each image; at least ``2 tolerance + 4`` networks.
    tolerance : int
        Number of deviating networks, among the other M - 2, up to which an image counts as trivial or impossible.
    groups, seed
        As in `conditional_rasch_kappa`.

    Returns
    -------
    NullKappa

    Examples
    --------
    >>> import numpy as np
    >>> import ddd_utils as ddd
    >>> rng = np.random.default_rng(0)
    >>> correct = rng.random((6, 400)) < rng.random(400)  # six networks, independent given an image's difficulty
    >>> null = ddd.leave_pair_out_kappa(correct, tolerance=1)
    >>> bool(null.mean_excess.lower < 0 < null.mean_excess.upper)
    True
    """
    correct = enough_networks(correct, 3, "one ability a network")
    kept = kept_cells(len(correct), tolerance, leave_pair_out=True)
    return null_kappas(correct, rasch_abilities, [kept], groups, seed)[0]


def fewest_networks(tolerance: int) -> int:
    """Return how many networks all nulls at a tolerance take: a pair that is left out must leave others to judge."""
    return 2 * tolerance + 4


def compare_nulls(correct: ArrayLike, tolerance: int) -> dict[str, NullKappa]:
    """
    Kappa beside its Rasch expectation on all images and on selected ones, at tolerance 0 and at the one given.

    Keys "all images", and for each tolerance t "in-between, tolerance t" (both `conditional_rasch_kappa`) and "pair
    left out, tolerance t" (`leave_pair_out_kappa`).
    """
    correct = enough_networks(correct, 3, "one ability a network")
    cells = {"all images": kept_cells(len(correct), None)}
    for t in sorted({0, tolerance}):
        cells[f"in-between, tolerance {t}"] = kept_cells(len(correct), t)
        cells[f"pair left out, tolerance {t}"] = kept_cells(len(correct), t, leave_pair_out=True)
    return dict(zip(cells, null_kappas(correct, rasch_abilities, list(cells.values())), strict=True))


def null_means(found: Mapping[str, NullKappa]) -> pd.DataFrame:
    """Set the means over pairs of several nulls, as from `compare_nulls`, below one another."""
    rows: list[dict[str, Any]] = []
    for what, null in found.items():
        rows.append({"what": what})
        for kind in ("observed", "expected", "excess"):
            mean = getattr(null, f"mean_{kind}")
            rows[-1] |= with_limits(kind, mean.value, mean.lower, mean.upper)
    return pd.DataFrame(rows)


def enough_networks(correct: ArrayLike, least: int, fitted: str) -> np.ndarray:
    """Check that the abilities fitted do not reproduce the decisions exactly."""
    correct = as_correct(correct)
    if len(correct) < least:
        raise InputError(f"a null with {fitted} takes at least {least} networks, not {len(correct)}")
    return correct


def null_kappas(
    correct: np.ndarray,
    fit: Callable[..., np.ndarray],
    cells: Sequence[np.ndarray],
    groups: int = 50,
    seed: int = 0,
) -> list[NullKappa]:
    """Compare kappa with its expectation, in each of several choices of cells (`kept_cells`), with intervals."""
    found = [kappas(*fitted, cells) for fitted in refitted(correct, fit, dealt(correct, groups, seed))]
    return [
        _with_intervals(*(np.concatenate(part) for part in zip(*of, strict=True))) for of in zip(*found, strict=True)
    ]


def dealt(correct: np.ndarray, groups: int = 50, seed: int = 0) -> np.ndarray:
    """Deal images out at random to groups that are left out in turn, int (images,): fewer groups for many networks."""
    images = correct.shape[1]
    groups = min(groups, images, max(MOST_WORK // len(correct), FEWEST_GROUPS))
    if groups < 2:
        raise InputError(f"an interval takes at least two images and two groups of them, not {images} and {groups}")
    return np.random.default_rng(seed).permutation(images) % groups


def refitted(
    correct: np.ndarray, fit: Callable[..., np.ndarray], group: np.ndarray
) -> Iterator[tuple[ScoreTables, np.ndarray]]:
    """Yield counts and abilities of all images, then stacks of those without each group (`dealt`)."""
    full = tables_by_score(correct)
    abilities = fit(full)
    yield full, abilities
    for tables in _without_each_group(correct, full, group):
        yield tables, fit(tables, abilities)


def _with_intervals(*kappa: np.ndarray) -> NullKappa:
    """Sum up observed, expected and excess kappa on all images, the first of each stack, and without each group."""
    observed, expected, excess = (jackknife(part) for part in kappa)
    mean_observed, mean_expected, mean_excess = (jackknife(_mean_over_pairs(part)) for part in kappa)
    spread, p_values = jackknife(spread_over_pairs(kappa[2])), _p_values(excess, len(kappa[2]) - 1)
    return NullKappa(observed, expected, excess, mean_observed, mean_expected, mean_excess, spread, p_values)


def jackknife(values: np.ndarray) -> Estimate:
    """Turn a statistic of all images, followed by those without each group, into an estimate with its interval."""
    value, without = values[0], values[1:]
    error = np.sqrt((len(without) - 1) * without.var(axis=0))
    half = stdtrit(len(without) - 1, 0.975) * error
    return Estimate(value, error, value - half, value + half)


def _p_values(excess: Estimate, groups: int) -> np.ndarray:
    """Test for no excess, two-sided; NaN where it can only be 0, as for a network that is always right."""
    error = np.where(excess.standard_error > ROUNDING, excess.standard_error, np.nan)
    return 2 * stdtr(groups - 1, -np.abs(excess.value) / error)


def kappas(
    tables: ScoreTables, abilities: np.ndarray, cells: Sequence[np.ndarray]
) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Compute for each choice of cells observed, expected and excess kappa, all undefined where the observed one is."""
    expected_counts, found = expected_tables(abilities, tables.images), []
    for kept in cells:
        observed, expected = kappa_of_tables(tables, kept), kappa_of_tables(expected_counts, kept)
        expected[np.isnan(observed)] = np.nan
        found.append((observed, expected, observed - expected))
    return found


def at_once(tables: ScoreTables) -> int:
    """Return how many tables of this size are held at once."""
    return max(BLOCK // tables.both.size, 1)


def _without_each_group(correct: np.ndarray, full: ScoreTables, group: np.ndarray) -> Iterator[ScoreTables]:
    """Yield stacks of the tables without each group."""
    groups, some = group.max() + 1, at_once(full)
    for start in range(0, groups, some):
        left_out = [tables_by_score(correct[:, group == g]) for g in range(start, min(start + some, groups))]
        both = full.both - np.concatenate([of.both for of in left_out])
        images = full.images - np.concatenate([of.images for of in left_out])
        del left_out  # of hundreds of networks each takes hundreds of megabytes
        yield ScoreTables(both, images)


def _mean_over_pairs(matrices: np.ndarray) -> np.ndarray:
    """Average each matrix (..., networks, networks) over the pairs that are defined; NaN where none is."""
    pairs = matrices[..., *np.triu_indices(matrices.shape[-1], 1)]
    defined = ~np.isnan(pairs)
    total = np.where(defined, pairs, 0).sum(axis=-1)
    return np.divide(total, defined.sum(axis=-1), out=np.full(total.shape, np.nan), where=defined.any(axis=-1))


def spread_over_pairs(matrices: np.ndarray) -> np.ndarray:
    """Compute the standard deviation of each matrix (..., networks, networks) over the pairs that are defined."""
    mean = _mean_over_pairs(matrices)
    return np.sqrt(_mean_over_pairs((matrices - mean[..., None, None]) ** 2))


def kept_cells(networks: int, tolerance: int | None, leave_pair_out: bool = False) -> np.ndarray:
    """Tell at which score (rows), and with how many of a pair right (columns), a pair is compared: bool (M + 1, 3)."""
    # None keeps all images, t those in-between; leaving the pair out, the other M - 2 networks say which these are.
    if tolerance is None:
        return np.ones((networks + 1, 3), bool)
    scores = np.arange(networks + 1)[:, None]
    judges = networks - 2 if leave_pair_out else networks
    given = scores - np.arange(3) if leave_pair_out else scores
    kept = np.broadcast_to((given > tolerance) & (given < judges - tolerance), (networks + 1, 3))
    if tolerance < 0 or not kept.any():
        others = " by the other networks' score" if leave_pair_out else ""
        raise InputError(f"with {networks} networks and tolerance {tolerance} no image can be in-between{others}")
    return kept


def kappa_of_tables(tables: ScoreTables, kept: np.ndarray) -> np.ndarray:
    """Cohen's kappa of all pairs on the images kept for each, (..., networks, networks); NaN where undefined."""
    neither_kept, one_kept, both_kept = kept.T.astype(float)
    pairs, networks = "s,...sij->...ij", "s,...si->...i"
    right = np.einsum(networks, one_kept, tables.right)
    other_right = np.einsum(networks, neither_kept, tables.right)
    a = np.einsum(pairs, both_kept, tables.both)
    b = right[..., :, None] - np.einsum(pairs, one_kept, tables.both)
    c = np.swapaxes(b, -1, -2)
    either = other_right[..., :, None] + other_right[..., None, :] - np.einsum(pairs, neither_kept, tables.both)
    d = (tables.images @ neither_kept)[..., None, None] - either
    chance = (a + b) * (b + d) + (a + c) * (c + d)
    kappa = np.divide(2 * (a * d - b * c), chance, out=np.full_like(a, np.nan), where=chance > 0)
    kappa[..., range(len(kept) - 1), range(len(kept) - 1)] = np.nan
    return kappa
