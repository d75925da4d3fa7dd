"""Error consistency of all pairs of networks, and between training conditions: with the base and with each other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import ndtri, stdtrit

from ddd_utils.analysis.consistency.kappa import (
    copy_probability,
    count_both_right,
    kappa_bounds,
    kappa_from_counts,
    pairwise_error_consistency,
)
from ddd_utils.analysis.consistency.profile import profile_limits
from ddd_utils.analysis.consistency.uncertainty import bootstrap, interval, standard_errors
from ddd_utils.analysis.difficulty import as_correct
from ddd_utils.analysis.statistics import Estimate, percentile_interval, wilson
from ddd_utils.errors import InputError, nearest

ONE_NETWORK = "one network: image error only"
DIFFERENT_DATA = "different_data"
FEW = 30  # images right, or wrong, below which a normal interval of kappa does not hold


class ConditionDifference(NamedTuple):
    """Difference of two conditions' mean kappas, its 95% interval, and in words what the interval covers."""

    value: float
    lower: float
    upper: float
    note: str

    @property
    def claimed(self) -> tuple[float, float] | None:
        """Its interval; None where a condition has one network, of which another run might differ by any amount."""
        return None if np.isnan(self.lower) or ONE_NETWORK in self.note else (self.lower, self.upper)


class Rank(NamedTuple):
    """Rank of a condition among all, 1 = most consistent with the base; its interval, and how often it is first."""

    value: float
    lower: float
    upper: float
    first: float  # share of the draws of images
    of: int  # conditions ranked


class _Mean(NamedTuple):
    """A condition's mean kappa, the same for resampled images, (draws,), and the part of the networks in its error."""

    instances: int
    kappa: float
    draws: np.ndarray
    network_variance: float


@dataclass(frozen=True)
class BaseComparison:
    """Error consistency with the base: of every network, of every condition, and between two conditions."""

    single: pd.DataFrame  # a row a network, with the interval of resampled images
    means: pd.DataFrame  # a row a condition
    of_conditions: Mapping[str, _Mean]
    of_networks: pd.DataFrame  # kappa as observed, then as resampled (draws + 1, networks), by the networks' conditions

    @property
    def changed(self) -> pd.DataFrame:
        """The mean of each condition, without the base."""
        return self.means[self.means["condition"] != "base"]

    @property
    def gap(self) -> ConditionDifference:
        """Another architecture minus non-determinism."""
        return self.difference("architecture", "cuda_nondeterministic")

    def difference(self, one: str, other: str) -> ConditionDifference:
        """
        By how much the mean error consistency of one condition with the base exceeds that of another.

        The same images are drawn for both, and the parts of both conditions' networks add up. Two conditions of one
        network each get the percentile interval of resampled images. Undefined, with a note that says why, where no
        network of a condition is left to compare.
        """
        found = self.of_conditions
        for condition in (one, other):
            if condition not in found:
                note = f"there is no network of condition '{condition}'{nearest(condition, found)}"
                return ConditionDifference(np.nan, np.nan, np.nan, note)
        two = found[one], found[other]
        value = two[0].kappa - two[1].kappa
        lower, upper = _limits(value, two[0].draws - two[1].draws, two, bound=2)
        return ConditionDifference(value, lower, upper, "; ".join(dict.fromkeys(map(_covered, two))))

    def rank(self, condition: str) -> Rank:
        """Rank a condition by the mean error consistency of its networks with the base, the images resampled."""
        conditions = self.of_networks.drop(columns="base").T.groupby(level=0).mean()
        found = conditions.rank(ascending=False).loc[condition].to_numpy()
        lower, upper = np.quantile(found[1:], [0.025, 0.975]).tolist()
        return Rank(float(found[0]), lower, upper, float(np.mean(found[1:] == 1)), len(conditions))


@dataclass(frozen=True)
class KappaMatrix:
    """Error consistency of k networks or conditions, with 95% intervals for a new draw of images; NaN: undefined."""

    labels: list[str]
    kappa: np.ndarray  # (k, k), as the limits
    lower: np.ndarray
    upper: np.ndarray


def compare_with_base(
    correct: ArrayLike, networks: pd.DataFrame, labels: ArrayLike | None = None, draws: int = 1000, seed: int = 0
) -> BaseComparison:
    """
    Compare networks and conditions with the base (figures 3, 10, 11 and 16), and two conditions with each other.

    Networks has one row a network, in the same order, with the columns network, condition and instance; one condition
    is "base". Draws, seed and labels are as in `bootstrap`. Condition "different_data", last, compares the two networks
    of condition half_data with each other. The columns of `single` are condition, instance, network, kappa, lower,
    upper; those of `means` condition, instances (count), kappa, lower, upper, note (what the interval covers). A mean
    that contains an undefined kappa is undefined (NaN).

    With k > 1 instances the error of a mean has two parts: its variance over resampled images, the networks fixed, and
    that of the networks, 1 / k of the sample variance of their kappas, less what the images alone make them differ. The
    interval adds the squares of both parts' half-widths, normal for the images and Student's t with k - 1 degrees of
    freedom for the networks (Howe, 1974). The degrees of freedom of Welch and Satterthwaite, for the sum of both, are
    too many where two networks happen to be alike: their interval covers down to .85 then, this one at least .91.

    A single instance says nothing about other networks; it gets the percentile interval of resampled images. Every
    condition is compared with one and the same base network: its own peculiarity is an error that all means share, and
    no interval here contains it.
    """
    correct = _as_listed(correct, networks)
    pairs = pairs_with_base(networks)
    kappa, resampled = pairwise_error_consistency(correct), bootstrap(correct, draws, seed, labels)
    base, i, j = pairs["first"][0], pairs.pop("first"), pairs.pop("second")
    lower, upper = percentile_interval(resampled[:, i, j])
    single, means = pairs.assign(kappa=kappa[i, j], lower=lower, upper=upper), {}
    for condition, group in pairs.groupby("condition", sort=False):
        observed, values = kappa[i[group.index], j[group.index]], resampled[:, i[group.index], j[group.index]]
        variance = _network_variance(observed, values)
        means[str(condition)] = _Mean(len(group), observed.mean(), values.mean(axis=1), variance)
    rows = [
        (condition, mean.instances, mean.kappa, *_limits(mean.kappa, mean.draws, [mean]), _covered(mean))
        for condition, mean in means.items()
    ]
    table = pd.DataFrame(rows, columns=["condition", "instances", "kappa", "lower", "upper", "note"])
    of_networks = pd.DataFrame(np.vstack([kappa[base], resampled[:, base]]), columns=networks["condition"].to_numpy())
    return BaseComparison(single, table, means, of_networks)


def compared_networks(networks: pd.DataFrame, condition: str, instance: int | None = None) -> np.ndarray:
    """Mark the networks that a condition's figure compares: the base and its own (or one instance), or the halves."""
    found = networks["condition"].to_numpy()
    if condition == DIFFERENT_DATA:
        return found == "half_data"
    own = (found == condition) & ((networks["instance"].to_numpy() == instance) | (instance is None))
    return own | (found == "base")


def condition_accuracies(correct: ArrayLike, networks: pd.DataFrame) -> pd.DataFrame:
    """
    Mean accuracy of each condition's networks (figure 9), with Wilson's interval for other images.

    Instances share their images, so the interval takes the number of independent answers that has the same variance
    (Korn and Graubard, 1998). Columns condition, accuracy, lower and upper.
    """
    correct, rows = _as_listed(correct, networks), []
    for condition in networks["condition"].unique():
        share = correct[(networks["condition"] == condition).to_numpy()].mean(axis=0)
        mean, variance = share.mean(), share.var() / len(share)
        answers = mean * (1 - mean) / variance if variance else len(share)
        rows.append((condition, mean, *wilson(mean * answers, answers)))
    return pd.DataFrame(rows, columns=["condition", "accuracy", "lower", "upper"])


def pairwise_matrix(correct: ArrayLike, labels: Sequence[str]) -> KappaMatrix:
    """
    Error consistency of all pairs of networks, with 95% intervals: those of Fleiss, cut off at -1 and 1.

    Where a network is right, or wrong, about fewer than 30 images, and where two networks always agree, those cover
    too rarely (.6 to .9), and profile likelihood takes their place.
    """
    correct = as_correct(correct)
    if len(labels) != len(correct):
        raise InputError(f"there are {len(labels)} labels for {len(correct)} networks")
    images, both = correct.shape[1], count_both_right(correct)
    kappa = kappa_from_counts(both, images)
    margin = ndtri(0.975) * standard_errors(correct)
    lower, upper = np.maximum(kappa - margin, -1), np.minimum(kappa + margin, 1)
    right = np.diagonal(both)
    few = np.minimum(right, images - right) < FEW
    i, j = np.triu_indices(len(correct), 1)
    i, j = (side[(few[i] | few[j] | (kappa[i, j] == 1)) & ~np.isnan(kappa[i, j])] for side in (i, j))
    p, q, a = right[i], right[j], both[i, j]
    limits = profile_limits(np.stack([a, p - a, q - a, images - p - q + a], axis=1))
    for found, limit in zip((lower, upper), limits, strict=True):
        found[i, j] = found[j, i] = limit
    return KappaMatrix(list(labels), kappa, lower, upper)


def pair_table(correct: ArrayLike, names: Sequence[str]) -> pd.DataFrame:
    """
    List the pairs of networks, the most consistent first, those without a defined kappa last.

    Columns one, other (names), kappa, lower, upper (95%, for a new draw of images), error (its standard error),
    largest (the highest kappa that the two accuracies allow), copied (`copy_probability`), accuracy_one and
    accuracy_other.
    """
    correct = as_correct(correct)
    matrix, accuracy = pairwise_matrix(correct, names), correct.mean(axis=1)
    i, j = np.triu_indices(len(correct), 1)
    kappa, p, q = matrix.kappa[i, j], accuracy[i], accuracy[j]
    columns = {
        "one": np.take(names, i),
        "other": np.take(names, j),
        "kappa": kappa,
        "lower": matrix.lower[i, j],
        "upper": matrix.upper[i, j],
        "error": standard_errors(correct)[i, j],
        "largest": kappa_bounds(p, q)[1],
        "copied": copy_probability(p, q, kappa),
        "accuracy_one": p,
        "accuracy_other": q,
    }
    return pd.DataFrame(columns).sort_values("kappa", ascending=False, ignore_index=True)


def extremes(pairs: pd.DataFrame, first: int = 5, last: int = 5) -> pd.DataFrame:
    """Take the first and the last rows of a sorted table, none of them twice."""
    rows = np.arange(len(pairs))
    return pairs[(rows < first) | (rows >= len(pairs) - last)].reset_index(drop=True)


def mean_kappa(correct: ArrayLike, labels: ArrayLike | None = None, resample: str = "images") -> Estimate:
    """Mean error consistency of all pairs whose kappa is defined, with the error from the images; see `interval`."""
    correct = as_correct(correct)
    defined = np.argwhere(np.triu(np.isfinite(pairwise_error_consistency(correct)), 1))
    if not len(defined):
        return Estimate(np.nan, np.nan, np.nan, np.nan)
    return interval(correct, defined, labels=labels, resample=resample)


def mean_kappas(correct: ArrayLike, labels: ArrayLike) -> dict[str, Estimate]:
    """Mean error consistency of all pairs, with the error for other "images" and, if there are several, "classes"."""
    units = ("images", "classes") if len(np.unique(labels)) > 1 else ("images",)
    return {unit: mean_kappa(correct, labels, unit) for unit in units}


def condition_matrix(correct: ArrayLike, networks: pd.DataFrame) -> KappaMatrix:
    """
    Mean error consistency between conditions (figure 6), with the interval for these networks and other images.

    Conditions are in the order of the table. Means over pairs of instances; on the diagonal over pairs of different
    instances, and 1 without an interval where there is only one.
    """
    correct = _as_listed(correct, networks)
    groups = [np.flatnonzero(networks["condition"] == name) for name in networks["condition"].unique()]
    first = np.ix_(*2 * [[group[0] for group in groups]])
    kappa, margin = pairwise_error_consistency(correct)[first], ndtri(0.975) * standard_errors(correct)[first]
    values = np.stack([kappa, np.maximum(kappa - margin, -1), np.minimum(kappa + margin, 1)])
    values[:, range(len(groups)), range(len(groups))] = np.array([1, np.nan, np.nan])[:, None]
    for a, b in zip(*np.triu_indices(len(groups)), strict=True):
        if len(groups[a]) * len(groups[b]) > 1:
            pairs = list(combinations(groups[a], 2) if a == b else product(groups[a], groups[b]))
            mean = interval(correct, pairs)
            values[:, a, b] = values[:, b, a] = mean.value, mean.lower, mean.upper
    return KappaMatrix(list(networks["condition"].unique()), *values)


def pairs_with_base(networks: pd.DataFrame) -> pd.DataFrame:
    """List the networks with the rows to compare: ``first``, the base, and ``second``; the two halves come last."""
    base = np.flatnonzero(networks["condition"] == "base")
    if not base.size:
        raise InputError("no network has the condition 'base', with which the others are compared")
    pairs = networks[["condition", "instance", "network"]].reset_index(drop=True)
    pairs = pairs.assign(first=base[0], second=np.arange(len(pairs)))
    halves = pairs[pairs["condition"] == "half_data"].sort_values("instance")
    if len(halves) == 2:
        pairs.loc[len(pairs)] = [DIFFERENT_DATA, 1, " and ".join(halves["network"]), *halves["second"]]
    return pairs


def _as_listed(correct: ArrayLike, networks: pd.DataFrame) -> np.ndarray:
    """Check the decisions, and that the table has one row for each network."""
    correct = as_correct(correct)
    if len(networks) != len(correct):
        raise InputError(f"the table has {len(networks)} networks, the decisions {len(correct)}")
    return correct


def _network_variance(observed: np.ndarray, resampled: np.ndarray) -> float:
    """Estimate how much the mean of kappas (k,), resampled (draws, k), varies with the networks; 0 where k is 1."""
    k = observed.size
    if k == 1:
        return 0.0
    apart = (resampled - observed).var(axis=1, ddof=1)
    apart = apart[~np.isnan(apart)]
    by_images = apart.mean() if apart.size else np.nan
    return float(np.maximum(observed.var(ddof=1) - by_images, 0)) / k


def _image_variance(draws: np.ndarray) -> float:
    """Compute the variance of resampled means, undefined ones left out; NaN of fewer than two."""
    draws = draws[~np.isnan(draws)]
    return float(draws.var(ddof=1)) if draws.size > 1 else np.nan


def _limits(value: float, draws: np.ndarray, means: Sequence[_Mean], bound: float = 1) -> tuple[float, float]:
    """Compute the 95% interval of a condition's mean, or of a difference of two."""
    k = [mean.instances for mean in means]
    if max(k) == 1:
        lower, upper = percentile_interval(draws)
    else:
        network_variances = [mean.network_variance for mean in means]
        lower, upper = _t_interval(value, _image_variance(draws), network_variances, k, bound)
    return float(lower), float(upper)


def _t_interval(mean: float, v_img: float, v_net: ArrayLike, k: ArrayLike, bound: float = 1) -> np.ndarray:
    """Compute the 95% limits from the variances over images and over k networks, one or a list for each condition."""
    v_net, k = np.atleast_1d(v_net), np.atleast_1d(k)
    # A single network has no part in the error: its 0 is multiplied by whatever number.
    by_networks = (stdtrit(np.maximum(k - 1, 1), 0.975) ** 2 * v_net).sum()
    half = np.sqrt(ndtri(0.975) ** 2 * v_img + by_networks)
    return np.clip(mean + half * np.array([-1, 1]), -bound, bound)


def _covered(mean: _Mean) -> str:
    """Say what an interval covers."""
    return ONE_NETWORK if mean.instances == 1 else f"images and {mean.instances} networks"
