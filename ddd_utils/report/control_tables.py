"""Tables of the controls, ready to be shown: the experiments, their classes, and the two ways to evaluate BatchNorm."""

from collections.abc import Iterable, Mapping

import pandas as pd

from ddd_utils.analysis import consistency, dynamics
from ddd_utils.config.schema import Variants
from ddd_utils.report.network_sets import NetworkSet
from ddd_utils.report.sentences import described, with_interval
from ddd_utils.responses import Responses

CONTINUED = {"plus_1_epoch": "kappa, plus 1 epoch", "plus_10_epochs": "kappa, plus 10 epochs"}


def experiments(sets: Iterable[NetworkSet]) -> pd.DataFrame:
    """
    Describe sets of training variants.

    Parameters
    ----------
    sets : iterable of NetworkSet

    Returns
    -------
    DataFrame
        One row a set: its images, its base network, its networks and their mean accuracy.
    """
    rows = [
        {
            "images": each.title,
            "data set": each.dataset,
            "classes": len(each.answers.class_names),
            "test images": each.correct.shape[1],
            "base": described(_config(each.answers).base),
            "epochs": _config(each.answers).epochs,
            "networks": len(each.correct),
            "mean accuracy": each.correct.mean(),
        }
        for each in sets
    ]
    return pd.DataFrame(rows)


def class_ends(classes: pd.DataFrame, most: int = 10) -> pd.DataFrame:
    """
    Set the easiest classes beside the hardest.

    Parameters
    ----------
    classes : DataFrame
        From `difficulty.class_accuracy`, with names.
    most : int
        How many of either; at most half of the classes.

    Returns
    -------
    DataFrame
        Columns rank, easiest and hardest: each class with its accuracy.
    """
    ranked = classes.sort_values("accuracy", ascending=False, kind="stable")
    count = min(most, len(ranked) // 2)
    texts = (ranked["name"].astype(str) + ranked["accuracy"].map(" ({:.0%})".format)).tolist()
    return pd.DataFrame({"rank": range(1, count + 1), "easiest": texts[:count], "hardest": texts[: -count - 1 : -1]})


def both_ways(answers: Responses, running: Responses) -> dict[str, Responses]:
    """
    Name the two ways in which the same networks are evaluated.

    Parameters
    ----------
    answers : Responses
        With recalibrated BatchNorm statistics.
    running : Responses
        With the averages gathered in training, the alternative "running" of `experiments.alternatives`.

    Returns
    -------
    dict of str to Responses
    """
    images = _config(answers).bn_recalibration
    return {
        f"recalibrated on {images:,} training images": answers,
        "running averages (as published)": running,
    }


def statistics(ways: Mapping[str, Responses], dataset: str) -> pd.DataFrame:
    """
    Show what the way to evaluate changes for the base network and its continuations.

    Parameters
    ----------
    ways : mapping of str to Responses
        From `both_ways`.
    dataset : str
        What the images are called.

    Returns
    -------
    DataFrame
        One row a way: accuracy of the base, decisions that change at its last epoch, and its error consistency with
        itself after 1 and 10 more epochs.
    """
    rows = [{"data set": dataset, "statistics": way, **_evaluated(each)} for way, each in ways.items()]
    return pd.DataFrame(rows)


def _evaluated(answers: Responses) -> dict[str, float | str]:
    conditions = answers.networks["condition"].tolist()
    rows = [conditions.index(condition) for condition in ("base", *CONTINUED)]
    correct, changes = answers.correct()[rows], dynamics.swaps(answers.predictions[rows[:1]], answers.labels)
    last = f"{changes['changed'].iloc[-1]:.1%}"
    row = {"accuracy of the base": correct[0].mean(), "decisions changed, last epoch": last}
    for at, title in enumerate(CONTINUED.values(), start=1):
        kappa = consistency.interval(correct, [(0, at)], labels=answers.labels)
        row[title] = with_interval(kappa.value, kappa.lower, kappa.upper)
    return row


def _config(answers: Responses) -> Variants:
    assert isinstance(answers.config, Variants)
    return answers.config
