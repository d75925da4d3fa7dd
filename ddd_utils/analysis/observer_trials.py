"""What observers' single trials tell: learning, response times, and whether people err where networks do."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import binom

from ddd_utils.analysis.consistency import pairwise_matrix
from ddd_utils.analysis.decisions import as_correct
from ddd_utils.analysis.psychophysics import PAIR
from ddd_utils.analysis.shares import wilson

BLOCKS, SHORTEST = 6, 5  # at most so many blocks, of so many trials at least
EVERYONE = "all observers"


def learning(trials: pd.DataFrame) -> pd.DataFrame:
    """
    Accuracy over the course of the experiment.

    Parameters
    ----------
    trials : DataFrame
        From `psychophysics.read_observers` or `psychophysics.simulate`.

    Returns
    -------
    DataFrame
        One row a block of each observer's trials in their order, and of everyone's together (`EVERYONE`, trials taken
        as independent): observer, block (from 1), trials, correct, accuracy, lower and upper (Wilson's 95 % interval).
        Observers of few trials have fewer blocks.
    """
    ordered = trials.sort_values(["observer", "trial_index"], kind="stable")
    by_observer = ordered.groupby("observer")["correct"]
    length = by_observer.transform("size")
    blocks = int(np.clip(length.min() // SHORTEST, 1, BLOCKS)) if len(ordered) else 1
    ordered = ordered.assign(block=by_observer.cumcount() * blocks // length + 1)
    together = pd.concat([ordered, ordered.assign(observer=EVERYONE)])
    rows = together.groupby(["observer", "block"])["correct"].agg(trials="size", correct="sum").reset_index()
    lower, upper = wilson(rows["correct"], rows["trials"])
    return rows.assign(accuracy=rows["correct"] / rows["trials"], lower=lower, upper=upper)


def response_times(trials: pd.DataFrame) -> pd.DataFrame:
    """
    Response times of right and of wrong answers.

    Parameters
    ----------
    trials : DataFrame
        From `psychophysics.read_observers` or `psychophysics.simulate`.

    Returns
    -------
    DataFrame
        One row an observer and outcome: observer, answer ("right" or "wrong"), trials, median (milliseconds), lower
        and upper (95 % interval of the median from the ordered times; NaN for fewer than six).
    """
    rows = []
    for (observer, right), times in trials.groupby(["observer", "correct"])["rt"]:
        rows.append((observer, "right" if right else "wrong", len(times), times.median(), *_median_limits(times)))
    return pd.DataFrame(rows, columns=["observer", "answer", "trials", "median", "lower", "upper"])


def _median_limits(times: pd.Series) -> tuple[float, float]:
    """Interval of a median that supposes nothing about the distribution: from one ordered value to another."""
    ordered = np.sort(times.to_numpy())
    place = int(binom.ppf(0.025, len(ordered), 0.5))
    return (ordered[place - 1], ordered[-place]) if place else (np.nan, np.nan)


def model_consistency(trials: pd.DataFrame, correct, image_ids: Sequence[str], names: Sequence[str]) -> pd.DataFrame:
    """
    Error consistency of each observer with each network, taken as an observer.

    A network that is right about one image of a pair and wrong about the other has made the observer's choice: the one
    it gets wrong is the harder one. Pairs on which it is right or wrong twice, or whose images it has not seen, say
    nothing about it.

    Parameters
    ----------
    trials : DataFrame
        From `psychophysics.read_observers` or `psychophysics.simulate`.
    correct : array_like of bool, shape (networks, images)
        Whether each network is right about each image.
    image_ids : sequence of str, shape (images,)
        Names of the images.
    names : sequence of str, shape (networks,)
        Names of the networks.

    Returns
    -------
    DataFrame
        Columns observer, network, pairs (that count), network_errors (of those: the impossible image is the one it
        gets right), kappa, lower and upper (95 %, for a new draw of pairs). No row where no pair counts. A network
        without errors cannot err where people do: its kappa is 0 or undefined by arithmetic.
    """
    places = pd.Series(np.arange(len(image_ids)), index=pd.Index(image_ids).astype(str))
    seen = trials[trials[PAIR].isin(places.index).all(axis=1)]
    first = seen.sort_values("trial_index", kind="stable").drop_duplicates(["observer", *PAIR])
    trivial, impossible = (as_correct(correct)[:, places[first[column]]] for column in PAIR)
    decided, rows = trivial != impossible, []
    for observer in first["observer"].unique():
        own = (first["observer"] == observer).to_numpy()
        for name, chosen, right in zip(names, decided, trivial, strict=True):
            if (counted := own & chosen).any():
                both = np.stack([first["correct"].to_numpy(bool)[counted], right[counted]])
                found = pairwise_matrix(both, [observer, name])
                kappa = (values[0, 1] for values in (found.kappa, found.lower, found.upper))
                rows.append((observer, name, both.shape[1], int((~both[1]).sum()), *kappa))
    return pd.DataFrame(rows, columns=["observer", "network", "pairs", "network_errors", "kappa", "lower", "upper"])
