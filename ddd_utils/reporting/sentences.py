"""Numbers as text: a value with its interval in one cell, a p-value as people read it; names as they stand."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ddd_utils.analysis.consistency import ConditionDifference, Rank
from ddd_utils.analysis.statistics import Estimate
from ddd_utils.reporting.names_and_colours import condition_name, dataset_name
from ddd_utils.responses import Responses
from ddd_utils.schema import Architecture, Variants

PAPER_EPOCHS = 90


class Prose(str):
    """Text that a notebook shows as Markdown when it is the last line of a cell."""

    def _repr_markdown_(self) -> str:
        return str(self)


ACRONYMS = {"kl": "KL", "sota": "SOTA"}


def with_interval(value: float, lower: float, upper: float, form: str = ".3f") -> str:
    """
    Write a number with its interval.

    Parameters
    ----------
    value, lower, upper : float
        The limits may be NaN: the number then stands alone.
    form : str
        How each is written, such as ``.3f``, ``+.3f`` or ``.1%``.

    Returns
    -------
    str
        Such as ``0.480 (0.476 to 0.484)``; empty where there is no number.
    """
    if pd.isna(value):
        return ""
    # What rounds to zero is written without a sign (z), unless a sign is asked for.
    form = form if form.startswith("+") else f"z{form}"
    limits = "" if pd.isna(lower) or pd.isna(upper) else f" ({lower:{form}} to {upper:{form}})"
    return f"{value:{form}}{limits}"


def p_value(value: float) -> str:
    """
    Write a p-value.

    Parameters
    ----------
    value : float
        From 0 to 1.

    Returns
    -------
    str
        Two digits, "< 0.0001" for less, empty where there is none.
    """
    if pd.isna(value):
        return ""
    return "< 0.0001" if value < 1e-4 else f"{value:.2g}"


def readable(table: pd.DataFrame, form: str = ".3f") -> pd.DataFrame:
    """
    Put every number of a table that has limits into one cell with them, and write p-values as such.

    Parameters
    ----------
    table : DataFrame
        Columns ``x``, ``x_lower`` and ``x_upper`` become one, and columns that start with ``p_`` are p-values.
    form : str
        How numbers with limits are written.

    Returns
    -------
    DataFrame
        The other columns as they were, in the same order; underscores in names become spaces.
    """
    columns = {}
    for name in table:
        base, _, limit = str(name).rpartition("_")
        if limit in ("lower", "upper") and base in table:
            continue
        if {f"{name}_lower", f"{name}_upper"} <= set(table):
            cells = zip(table[name], table[f"{name}_lower"], table[f"{name}_upper"], strict=True)
            columns[name] = [with_interval(*cell, form) for cell in cells]
        else:
            columns[name] = table[name].map(p_value) if str(name).startswith("p_") else table[name]
    return pd.DataFrame(columns, index=table.index).rename(columns=lambda name: str(name).replace("_", " "))


def literal(text: str) -> str:
    """
    Write a name from outside so that Markdown shows it as it stands.

    Parameters
    ----------
    text : str
        May hold what Markdown, mathematics or HTML would take for theirs.

    Returns
    -------
    str
        All but letters and digits as character references.
    """
    return re.sub(r"[^\w ]|_", lambda found: f"&#{ord(found[0])};", text)


def left_out(info: Mapping[str, Any]) -> Prose:
    """
    Name the networks whose training led nowhere.

    Parameters
    ----------
    info : dict
        A results folder's description; ``diverged`` lists ``network`` and ``diverged`` (the reason), if any.

    Returns
    -------
    str
        A paragraph in Markdown, empty if all networks have learned something.
    """
    diverged = info.get("diverged", [])
    if not diverged:
        return Prose()
    # As code: a name may hold what Markdown or mathematics would take for theirs.
    named = "; ".join(f"`{row['network'].replace('`', '')}`: {row['diverged']}" for row in diverged)
    word = "network is" if len(diverged) == 1 else "networks are"
    return Prose(f"{len(diverged)} {word} **left out of every figure** because training led nowhere ({named}).")


def described(architecture: Architecture) -> str:
    """Name a network of a preset with what makes it other than its usual form: "resnet18 (width 16)"."""
    name = architecture.model.rpartition(".")[2]
    arguments = ", ".join(f"{key} {value}" for key, value in architecture.arguments.items())
    return f"{name} ({arguments})" if arguments else name


def base_network(answers: Responses) -> Prose:
    """
    Say what the base network is, and whether this is the paper's experiment.

    Parameters
    ----------
    answers : Responses
        Of training variants; their first network is the base.

    Returns
    -------
    Prose
    """
    config, base = answers.config, answers.networks.iloc[0]
    narrowed = ", ".join(f"{key} {value}" for key, value in config.base.arguments.items())
    form = f"narrowed: {narrowed}" if narrowed else "full width"
    text = (
        f"The base is **{base['architecture']}** ({form}; {base['parameters']:,} parameters), trained for "
        f"{config.epochs} epochs on the data set **{dataset_name(config.dataset.name)}** and tested on "
        f"{len(answers.labels):,} images of {len(np.unique(answers.labels))} classes."
    )
    if narrowed or config.epochs < PAPER_EPOCHS:
        text += " This is **not** the paper's experiment (ImageNet, ResNet-18 of full width, 90 epochs)."
    return Prose(text)


def batches(config: Variants) -> Prose:
    """Say how batches are drawn: with the classes in equal shares, or freely, as published."""
    if not config.stratified_batches:
        return Prose("Batches are drawn freely, as published.")
    return Prose(
        "Every batch holds the classes in equal shares. With batches drawn freely, as published, their mean standard "
        "deviation varies by more than neighbouring classes differ. BatchNorm passes that on, and a small network does "
        "not learn the least noisy classes in so few epochs."
    )


def trained_on(device: str) -> Prose:
    """Say on what the networks were trained, and what stands for CUDA's non-determinism where there is no CUDA."""
    if not device.startswith("CPU"):
        return Prose(f"Trained on: {device}.")
    return Prose(
        f"Trained on: {device}. There is no CUDA here, so “CUDA non-determinism” stands for what it does to a network: "
        "sums of floating-point numbers are taken in another order."
    )


def kappa_of_conditions(means: pd.DataFrame) -> Prose:
    """
    Say between which values the conditions' kappas lie, and how many are above 0.

    Parameters
    ----------
    means : DataFrame
        From `consistency.condition_means`, without the base.

    Returns
    -------
    Prose
    """
    lowest, highest = means.loc[means["kappa"].idxmin()], means.loc[means["kappa"].idxmax()]
    found = [
        f"{with_interval(*row[['kappa', 'lower', 'upper']], '.2f')} for {condition_name(row['condition'])}"
        for row in (lowest, highest)
    ]
    above = int((means["lower"] > 0).sum())
    how_many = "all" if above == len(means) else f"{above} of {len(means)}"
    return Prose(
        f"Here kappa lies between {found[0]} and {found[1]}; the intervals of {how_many} conditions are above 0. In "
        "the paper it lies between .64 and .87."
    )


def rank_of_one_epoch(rank: Rank) -> Prose:
    """Say where "plus 1 epoch" stands among the conditions."""
    return Prose(f"“Plus 1 epoch” has rank {rank.value:.0f} of {rank.of}; {rank.first:.0%} of the draws rank it first.")


def architecture_gap(gap: ConditionDifference) -> Prose:
    """Say how much more another architecture changes than non-determinism does, beside the paper's figure 3."""
    limit = (
        "here no difference is claimed"
        if gap.claimed is None
        else "both are compared with one base, whose own peculiarity is in neither interval"
    )
    return Prose(
        f"Another architecture minus non-determinism: {with_interval(*gap[:3], '+.2f')} ({gap.note}). The paper's "
        f"figure 3 gives −.03 and concludes that the one matters as little as the other; {limit}."
    )


def accuracies(spread: Mapping[str, Estimate], networks: int) -> Prose:
    """Say how accurate the networks of a histogram are, from `consistency.accuracy_spread`."""
    mean, lowest, highest, sd = (spread[name].value for name in ("mean", "lowest", "highest", "sd"))
    return Prose(
        f"Here, over the {networks} networks that enter the histogram: mean {mean:.2%}, from {lowest:.2%} to "
        f"{highest:.2%}, standard deviation {sd:.2%}."
    )


def class_extremes(found: Mapping[str, Estimate]) -> Prose:
    """Say how accurate the base network is on its easiest and on its hardest class."""
    easiest, hardest = (
        with_interval(each.value, each.lower, each.upper, ".0%") for each in (found["easiest"], found["hardest"])
    )
    return Prose(f"Here the base network's easiest class has accuracy {easiest}, its hardest {hardest}.")


def last_transition(changes: pd.DataFrame, images: int) -> Prose:
    """
    Say which predictions change at the last transition, and how many do on average.

    Parameters
    ----------
    changes : DataFrame
        From `dynamics.swaps`.
    images : int
        How many test images there are.

    Returns
    -------
    Prose
    """
    last = changes[changes["epoch"] == changes["epoch"].max()].mean()
    return Prose(
        f"At the last transition {last['changed']:.1%} of the predicted classes change: {last['wrong_to_right']:.1%} "
        f"from wrong to right, {last['right_to_wrong']:.1%} from right to wrong, {last['wrong_to_wrong']:.1%} from one "
        f"wrong class to another. Accuracy moves by {round(last['accuracy_gain'], 4) + 0.0:+.2%}. Averaged over all "
        f"transitions {changes['changed'].mean():.1%} change (M = {changes['network'].nunique()} networks, {images:,} "
        "images)."
    )


def section_label(name: str) -> str:
    """
    Give a section the name that readers see.

    Parameters
    ----------
    name : str
        What its notebook is called.

    Returns
    -------
    str
        Such as ``KL divergence``.
    """
    words = [ACRONYMS.get(word, word) for word in name.split("_")]
    return " ".join([words[0][:1].upper() + words[0][1:], *words[1:]])


def only_on_noise(dataset: str) -> Prose:
    """Say why there is no more to show where the responses are not on Gaussian noise."""
    if dataset == "gaussian":
        return Prose()
    return Prose(f"These responses are on {dataset_name(dataset)}, not on Gaussian noise: there is no more to show.")


def noise_images(answers: Responses) -> Prose:
    """Say how many networks and noise images a chart rests on."""
    networks, images, size = len(answers.networks), len(answers.labels), answers.config.dataset.image_size
    return Prose(f"{networks} networks (band: least to most accurate), {images:,} images of {size} x {size} pixels")


def beside_the_ideal(classes: pd.DataFrame) -> Prose:
    """Say how many images the networks recognise, and how many the ideal classifier does, where that is known."""
    found = f"On average the networks recognise {classes['accuracy'].mean():.1%} of the images"
    known = classes["bayes"].mean()
    return Prose(f"{found}." if np.isnan(known) else f"{found} of the {known:.1%} that the ideal classifier reaches.")


def rank_correlation(found: Estimate) -> Prose:
    """Title the chart of divergence and accuracy with their rank correlation."""
    return Prose(
        f"Divergence and accuracy: rank correlation {found.value:.2f} ({found.lower:.2f} to {found.upper:.2f})"
    )


def spikes(folders: pd.DataFrame, published: list[int]) -> Prose:
    """Say where the paper's figure 8 has spikes, and where string order puts the folders 4 to 9 here."""
    here = folders.loc[folders["moved"], "position"].tolist()
    return Prose(f"Published spikes at x = {published}; here the folders 4 to 9 of {len(folders)} land at {here}.")
