"""What trials tell: observers' accuracy, agreement, learning, response times; do they err where networks do."""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import bdtr, gammaincinv, stdtrit

from ddd_utils.analysis.consistency import bootstrap, pairwise_matrix
from ddd_utils.analysis.difficulty import as_correct
from ddd_utils.analysis.psychophysics import PAIR, guessing_p_value
from ddd_utils.analysis.statistics import Estimate, percentile_interval, with_shares

BLOCKS, SHORTEST = 6, 5  # at most so many blocks, of so many trials at least
EVERYONE = "all observers"
STATISTICS = {"mean": "mean", "lowest": "min", "highest": "max", "sd": "std"}


def accuracy(trials: pd.DataFrame) -> pd.DataFrame:
    """Tabulate each observer's trials, correct, accuracy (Wilson's interval) and exact p-value against guessing."""
    counts = trials.groupby("observer", sort=False)["correct"].agg(trials="size", correct="sum").reset_index()
    table = with_shares(counts, "correct", "accuracy", "trials")
    return table.assign(p_value=guessing_p_value(table["correct"], table["trials"]))


def observer_consistency(trials: pd.DataFrame) -> pd.DataFrame:
    """Error consistency of each two observers on the image pairs that both have seen, each by its first trial."""
    first = _first_trials(trials)
    names = trials["observer"].unique()
    decisions = {name: first[first["observer"] == name].set_index(PAIR)["correct"] for name in names}
    rows = []
    for (name_a, a), (name_b, b) in combinations(decisions.items(), 2):
        shared = a.index.intersection(b.index)
        found = _pair_kappa(np.stack([a.loc[shared], b.loc[shared]])) if len(shared) else [np.nan] * 3
        rows.append((name_a, name_b, len(shared), *found))
    return pd.DataFrame(rows, columns=["observer_a", "observer_b", "shared_trials", "kappa", "lower", "upper"])


def accuracy_statistics(observers: pd.DataFrame) -> dict[str, Estimate]:
    """
    Mean, lowest, highest and standard deviation ("sd") of the observers' accuracies, from `accuracy`.

    The 95% interval of the mean is over observers (Student's t), of the standard deviation likewise (chi-squared), of
    the least and the most accurate observer Wilson's. NaN where there are too few observers.
    """
    ranked, n = observers.sort_values("accuracy"), len(observers)
    mean, sd = ranked["accuracy"].mean(), ranked["accuracy"].std()
    limits: dict[str, ArrayLike] = {}
    if n:
        limits = {name: ranked[["lower", "upper"]].iloc[at] for name, at in (("lowest", 0), ("highest", -1))}
    if n > 1:
        limits["mean"] = mean + stdtrit(n - 1, [0.025, 0.975]) * sd / np.sqrt(n)
        chi_squared = 2 * gammaincinv((n - 1) / 2, [0.975, 0.025])  # its quantiles
        limits["sd"] = sd * np.sqrt((n - 1) / chi_squared)
    return _estimates(ranked["accuracy"], limits)


def kappa_statistics(trials: pd.DataFrame, pairs: pd.DataFrame) -> dict[str, Estimate]:
    """
    Mean, lowest, highest and standard deviation ("sd") of the pairwise kappas, from `observer_consistency`.

    For the 95% intervals the image pairs that all observers have judged are resampled, for all observers at once.
    Resampling drives extremes and spread further apart, so those intervals lean outwards. NaN without such pairs.
    """
    judged = trials.pivot_table(index="observer", columns=PAIR, values="correct", aggfunc="first")
    by_all = judged.dropna(axis=1).to_numpy(bool)
    limits: dict[str, ArrayLike] = {}
    if len(by_all) > 1 and by_all.size:
        draws = pd.DataFrame(bootstrap(by_all)[:, *np.triu_indices(len(by_all), 1)])
        for name, how in STATISTICS.items():
            limits[name] = percentile_interval(getattr(draws, how)(axis=1).to_numpy())
    return _estimates(pairs["kappa"], limits)


def _estimates(values: pd.Series, limits: Mapping[str, ArrayLike]) -> dict[str, Estimate]:
    found = {}
    for name, how in STATISTICS.items():
        lower, upper = np.asarray(limits.get(name, (np.nan, np.nan)), float).tolist()
        found[name] = Estimate(float(getattr(values, how)()), np.nan, lower, upper)
    return found


def dataset_shown(trials: pd.DataFrame, image_ids: Mapping[str, Sequence[str] | np.ndarray]) -> str | None:
    """Find the first data set, of those with these image ids, that has one of the observers' trivial images."""
    return next((name for name, ids in image_ids.items() if trials["trivial_image"].isin(ids).any()), None)


def learning(trials: pd.DataFrame) -> pd.DataFrame:
    """Tabulate accuracy over blocks of each observer's trials in their order, and of all together (`EVERYONE`)."""
    ordered = trials.sort_values(["observer", "trial_index"], kind="stable")
    by_observer = ordered.groupby("observer")["correct"]
    length = by_observer.transform("size")
    blocks = int(np.clip(length.min() // SHORTEST, 1, BLOCKS)) if len(ordered) else 1
    ordered = ordered.assign(block=by_observer.cumcount() * blocks // length + 1)
    together = pd.concat([ordered, ordered.assign(observer=EVERYONE)])
    rows = together.groupby(["observer", "block"])["correct"].agg(trials="size", correct="sum").reset_index()
    return with_shares(rows, "correct", "accuracy", "trials")


def response_times(trials: pd.DataFrame) -> pd.DataFrame:
    """Tabulate the median time (ms) of each observer's right and wrong answers; no limits for fewer than six."""
    rows = []
    for (observer, right), times in trials.groupby(["observer", "correct"])["rt"]:
        rows.append((observer, "right" if right else "wrong", len(times), times.median(), *_median_limits(times)))
    return pd.DataFrame(rows, columns=["observer", "answer", "trials", "median", "lower", "upper"])


def _median_limits(times: pd.Series) -> tuple[float, float]:
    """Interval of a median that supposes nothing about the distribution: from one ordered value to another."""
    ordered = np.sort(times.to_numpy())
    n = len(ordered)
    at = int(np.searchsorted(bdtr(np.arange(n + 1), n, 0.5), 0.025))  # the binomial's quantile
    return (ordered[at - 1], ordered[-at]) if at else (np.nan, np.nan)


def model_consistency(
    trials: pd.DataFrame, correct: ArrayLike, image_ids: Sequence[str], names: Sequence[str]
) -> pd.DataFrame:
    """
    Error consistency of each observer with each network, taken as an observer.

    A network that is right about one image of a pair and wrong about the other has made the observer's choice: the one
    it gets wrong is the harder one. Pairs on which it is right or wrong twice, or whose images it has not seen, say
    nothing about it. Columns observer, network, pairs (that count), network_errors (of those: the impossible image is
    the one it gets right), kappa, lower and upper (95%, for a new draw of pairs). No row where no pair counts. A
    network without errors cannot err where people do: its kappa is 0 or undefined by arithmetic.
    """
    positions = pd.Series(np.arange(len(image_ids)), index=pd.Index(image_ids).astype(str))
    seen = trials[trials[PAIR].isin(positions.index).all(axis=1)]
    first = _first_trials(seen)
    trivial, impossible = (as_correct(correct)[:, positions[first[column]]] for column in PAIR)
    decided, rows = trivial != impossible, []
    for observer in first["observer"].unique():
        own = (first["observer"] == observer).to_numpy()
        for name, chosen, right in zip(names, decided, trivial, strict=True):
            if (counted := own & chosen).any():
                both = np.stack([first["correct"].to_numpy(bool)[counted], right[counted]])
                rows.append((observer, name, both.shape[1], int((~both[1]).sum()), *_pair_kappa(both)))
    return pd.DataFrame(rows, columns=["observer", "network", "pairs", "network_errors", "kappa", "lower", "upper"])


def _first_trials(trials: pd.DataFrame) -> pd.DataFrame:
    """Keep the first trial in which an observer saw an image pair."""
    return trials.sort_values("trial_index", kind="stable").drop_duplicates(["observer", *PAIR])


def _pair_kappa(both: np.ndarray) -> list[float]:
    """Return kappa of two rows of decisions and its limits."""
    found = pairwise_matrix(both, ["one", "other"])
    return [values[0, 1] for values in (found.kappa, found.lower, found.upper)]
