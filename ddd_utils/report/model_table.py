"""The models of a set in tables: what each is, how often it is right, how images reach it, what its scores imply."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from ddd_utils.analysis import consistency, difficulty, score_models
from ddd_utils.analysis.statistics import wilson
from ddd_utils.config.schema import ModelSet, PretrainedSet
from ddd_utils.report.claims import paper_shares
from ddd_utils.report.sentences import Prose, class_choices, readable, unreadable
from ddd_utils.responses import Responses

DESCRIBED: dict[Any, list[str]] = {
    ModelSet: ["architecture", "parameters", "optimizer", "learning_rate", "seconds"],
    PretrainedSet: ["parameters"],
}
SHOWN = ["architecture", "input_size", "crop", "precision", "images_per_second", "weights"]
FORMS = {
    "parameters": "{:,}".format,
    "images_per_second": "{:,.1f}".format,
    "crop": lambda words: words.replace(" ", "\u00a0"),  # on one line
}
LISTED = 50  # images that could not be read


def tables(answers: Responses) -> list[pd.DataFrame]:
    """
    Describe the models of a set.

    Parameters
    ----------
    answers : Responses

    Returns
    -------
    list of DataFrame
        What the models are and how often each is right, the most accurate first, with the 95 % interval for a new draw
        of images (Wilson); of pretrained models also how the images reached them and where their weights are from.
    """
    found = [_accuracies(answers)]
    if isinstance(answers.config, PretrainedSet):
        found.append(readable(_written(answers.networks, ["network", *SHOWN])))
    return found


def _accuracies(answers: Responses) -> pd.DataFrame:
    networks, correct = answers.networks, answers.correct()
    choices = class_choices(answers.info)
    right = {f"right {words}": networks[f"right_{among}"].to_numpy() for among, words in choices.items()}
    table, images = networks[["network"]], correct.shape[1]
    for title, count in (right or {"accuracy": correct.sum(axis=1)}).items():
        lower, upper = wilson(count, images)
        table = table.assign(**{title: count / images, f"{title}_lower": lower, f"{title}_upper": upper})
    table = table.join(_written(networks, DESCRIBED.get(type(answers.config), [])))
    table = table.iloc[np.argsort(-correct.sum(axis=1), kind="stable")].reset_index(drop=True)
    return readable(table, ".1%" if isinstance(answers.config, PretrainedSet) else ".3f")


def _written(networks: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Write what is hard to read otherwise as text; the rest stays as it is."""
    forms = {column: form for column, form in FORMS.items() if column in columns}
    return networks[columns].assign(**{column: networks[column].map(form) for column, form in forms.items()})


def skipped(answers: Responses) -> list[Prose | pd.DataFrame]:
    """
    List the images that were left out because they could not be read.

    Parameters
    ----------
    answers : Responses

    Returns
    -------
    list
        What to display: how many there are, and the first of them with the reasons; nothing where all were read.
    """
    images = pd.DataFrame(answers.info.get("skipped", []), columns=["image", "reason"])
    first = images.head(LISTED)
    return [unreadable(len(images), len(first)), first] if len(images) else []


def shares(sets: Mapping[str, np.ndarray], tolerances: Iterable[int]) -> pd.DataFrame:
    """
    Show the shares of trivial, in-between and impossible images of models, and those that the paper prints.

    Parameters
    ----------
    sets, tolerances
        As in `difficulty.shares_table`.

    Returns
    -------
    DataFrame
        Percentages with their 95 % intervals.
    """
    table = difficulty.shares_table(sets, tolerances).drop(columns="distinct")
    table.loc[len(table)] = {
        "networks": "the paper's eleven, printed",
        "M": 11,
        "tolerance": 1,
        **paper_shares("sota_"),
    }
    return readable(table, ".2%").rename(columns={"networks": "models"})


def fits(correct: np.ndarray, tolerance: int) -> pd.DataFrame:
    """
    Show the models of the scores beside what was observed (`score_models.compare_models`), a column each.

    Parameters
    ----------
    correct : ndarray of bool, shape (networks, images)
        Who is right.
    tolerance : int
        Lowered to what the networks allow.

    Returns
    -------
    DataFrame
    """
    networks = len(correct)
    counts = score_models.score_counts(difficulty.scores(correct), networks)
    table = score_models.compare_models(counts, difficulty.fitting_tolerance(tolerance, networks))
    table["misplaced"] = table["misplaced"].map("{:.1%}".format, na_action="ignore")
    return readable(table).T.replace("", "–").fillna("–")


def by_choice(answers: Responses, others: Mapping[str, Responses], tolerance: int) -> list[Prose | pd.DataFrame]:
    """
    Show what it matters which classes pretrained models choose from.

    Parameters
    ----------
    answers : Responses
    others : mapping of str to Responses
        The same models' answers by what they choose from, from `experiments.alternatives`.
    tolerance : int
        As in `difficulty.classify`.

    Returns
    -------
    list
        What to display: shares and mean kappa for each choice; nothing where it does not matter.
    """
    each = {words: others[among].correct() for among, words in class_choices(answers.info).items()}
    if len({correct.tobytes() for correct in each.values()}) < 2:
        return []
    table = difficulty.shares_table(each, [tolerance]).drop(columns=["M", "distinct", "tolerance"])
    means = [consistency.mean_kappa(correct, answers.labels) for correct in each.values()]
    kappas = {"kappa": "value", "kappa_lower": "lower", "kappa_upper": "upper"}
    kappa = readable(pd.DataFrame({name: [getattr(mean, part) for mean in means] for name, part in kappas.items()}))
    shown = readable(table.rename(columns={"networks": "answers"}), ".1%")
    heading = Prose(f"What it matters which classes the models choose from (tolerance {tolerance}):")
    return [heading, shown.assign(**{"mean kappa": kappa["kappa"].replace("", "undefined")})]
