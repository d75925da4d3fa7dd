"""The sentences of the notebooks that depend on what is found, section by section."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ddd_utils.analysis.consistency import ConditionDifference, Rank
from ddd_utils.analysis.difficulty import fitting_tolerance
from ddd_utils.analysis.statistics import Estimate, wilson
from ddd_utils.analysis.wrong_answers import SameWrongAnswer
from ddd_utils.charts.names_and_colours import dataset_name
from ddd_utils.config.schema import ModelSet, PretrainedSet, Published, Variants
from ddd_utils.report.claims import printed
from ddd_utils.report.comparability import TRIED, are_the_papers
from ddd_utils.report.network_sets import variants
from ddd_utils.report.opinions import at_hand
from ddd_utils.report.text import (
    Absence,
    Prose,
    class_choices,
    described,
    estimated,
    literal,
    percent,
    section_label,
    with_interval,
    written,
)
from ddd_utils.report.verdicts import UNCOUNTED
from ddd_utils.responses import Responses


def left_out(info: Mapping[str, Any]) -> Prose:
    """Name the networks whose training led nowhere, as a results folder's description lists them, if any."""
    diverged = info.get("diverged", [])
    if not diverged:
        return Prose()
    # As code: a name may hold what Markdown or mathematics would take for theirs.
    named = "; ".join(f"`{row['network'].replace('`', '')}`: {row['diverged']}" for row in diverged)
    word = "network is" if len(diverged) == 1 else "networks are"
    return Prose(f"{len(diverged)} {word} **left out of every figure** because training led nowhere ({named}).")


def chosen_after_a_trial(answers: Responses, *, others: bool = False) -> Prose:
    """Say that a data set was chosen because it shows the paper's pattern, and what others showed, if wanted."""
    before = TRIED.get(answers.info["dataset"])
    if not before:
        return Prose()
    chosen = (
        f"{dataset_name(answers.info['dataset'])} was chosen after a trial had shown the paper's pattern on it, so "
        "what it shows is outside the score."
    )
    showed = "; ".join(
        f"on {name} {percent(trivial)} of the images were trivial and {percent(impossible)} impossible"
        for name, (trivial, impossible) in before.items()
    )
    return Prose(f"{chosen} Other data showed less: {showed}." if others else chosen)


def base_network(answers: Responses) -> Prose:
    """Say what the base network of training variants is, and whether this is the paper's experiment."""
    config, base = variants(answers), answers.networks.iloc[0]
    narrowed = ", ".join(f"{key} {value}" for key, value in config.base.arguments.items())
    form = f"narrowed: {narrowed}" if narrowed else "full width"
    text = (
        f"The base is **{base['architecture']}** ({form}; {base['parameters']:,} parameters), trained for "
        f"{config.epochs} epochs on the data set **{dataset_name(config.dataset.name)}** and tested on "
        f"{len(answers.labels):,} images of {len(np.unique(answers.labels))} classes."
    )
    if narrowed or config.epochs < 90:
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


def rank_of_one_epoch(rank: Rank) -> Prose:
    """Say where "plus 1 epoch" stands among the conditions."""
    return Prose(
        f"By agreement with the base network, “plus 1 epoch” has rank {rank.value:.0f} among {rank.of} changes. It "
        f"ranks first in {rank.first:.0%} of the draws of images."
    )


def architecture_gap(gap: ConditionDifference) -> Prose:
    """Say how much more another architecture changes than non-determinism does, beside the paper's figure 3."""
    limit = "both are compared with one base, whose own peculiarity is in neither interval"
    limit = "here no difference is claimed" if gap.claimed is None else limit
    return Prose(
        f"Another architecture minus non-determinism: {with_interval(*gap[:3], '+.2f')} ({gap.note}). The paper's "
        f"figure 3 gives −0.03 and concludes that the one matters as little as the other; {limit}."
    )


def class_extremes(found: Mapping[str, Estimate]) -> Prose:
    """Say how accurate the base network is on its easiest and on its hardest class."""
    easiest, hardest = (estimated(found[end], ".0%") for end in ("easiest", "hardest"))
    return Prose(f"Here the base network's easiest class has accuracy {easiest}, its hardest {hardest}.")


def mean_change(changes: pd.DataFrame) -> Prose:
    """Say how many predictions change from epoch to epoch on average (`dynamics.swaps`)."""
    return Prose(f"Averaged over all epochs, {percent(changes['changed'].mean())} of the predictions change.")


def only_on_noise(dataset: str) -> Prose:
    """Say why there is no more to show where the responses are not on Gaussian noise."""
    told = f"These responses are on {dataset_name(dataset)}, not on Gaussian noise: there is no more to show."
    return Prose("" if dataset == "gaussian" else told)


def spikes(folders: pd.DataFrame, published: list[int]) -> Prose:
    """Say where the paper's figure 8 has spikes, and where string order puts the folders 4 to 9 here."""
    here = folders.loc[folders["moved"], "position"].tolist()
    places, ours = (", ".join(map(str, each)) for each in (published, here))
    return Prose(f"The published spikes are at {places}; here the folders 4 to 9 of {len(folders)} come to {ours}.")


# Models that are compared.

HOW: dict[Any, str] = {
    ModelSet: "Each was trained from scratch with the settings at the end of this section.",
    PretrainedSet: "Each came with weights of its own and was shown every image once.",
}
UNITS = {"images": "other images", "classes": "other classes"}


def lowered_tolerance(tolerance: int, networks: int) -> Prose:
    """Say that a tolerance is too large for so many networks and which one is used; empty where it is not."""
    lowered = fitting_tolerance(tolerance, networks)
    told = f"With {networks} models no image can be in-between at tolerance {tolerance}: it is {lowered} here."
    return Prose("" if lowered == tolerance else told)


def models(answers: Responses, dataset: str) -> Prose:
    """Say which models are compared on which images, whether they are the paper's, and where their answers are from."""
    config = answers.config
    papers = are_the_papers(answers.networks["network"])
    who = "They are called as the paper's eleven" if papers else "They are not the paper's eleven"
    parts = [
        f"M = {len(answers.networks)} models, {len(answers.labels):,} images, data set **{literal(dataset)}**.",
        f"{who}, {_images(answers, dataset, papers)}.",
        _whose(config),
    ]
    if isinstance(config, Published) and config.top == 5:
        parts.append("An answer counts as right if the label is among a model's first five.")
    return Prose(" ".join([*parts, at_hand(answers)]).strip())


def _whose(config: Any) -> str:
    """Say how models came to their answers; one's own may stand beside published ones."""
    if isinstance(config, PretrainedSet) and config.published:
        own = ", ".join(literal(model.label) for model in config.models)
        return f"{own}: shown every image here. The answers of all others are published."
    return HOW.get(type(config), "Their answers were not computed here; where they come from is said at the end.")


def _images(answers: Responses, dataset: str, papers: bool) -> str:
    if answers.info.get("on_imagenet"):
        return "and the images are the same" if papers else "but the images are the same"
    if "by_file_name" in answers.info:
        return "and the labels are not ImageNet's, though the images are called as its are"
    if isinstance(answers.config, PretrainedSet):
        return "and the images are not the paper's"
    return f"and {literal(dataset)} is not ImageNet"


def choices(answers: Responses) -> Prose:
    """Say what pretrained models choose from, and what their accuracy cannot tell; empty for all others."""
    if not isinstance(answers.config, PretrainedSet):
        return Prose()
    said = ["If photographs were in a model's training set, its accuracy here says nothing about new images."]
    if words := class_choices(answers.info):
        among = answers.config.images.among
        (other,) = words.keys() - {among}
        said.insert(
            0,
            f"Every model answers twice, {' and '.join(words.values())}. The figures take the answer "
            f"**{words[among]}**; `images: {{..., among: {other}}}` makes them take the other one.",
        )
    if "outputs" in answers.networks:
        for meaning, rows in answers.networks.groupby("outputs", sort=False):
            who = "all models" if len(rows) == len(answers.networks) else ", ".join(map(literal, rows["network"]))
            said.append(f"The outputs of {who} stand for, in order: {literal(str(meaning))}.")
    return Prose(" ".join(said))


def scored(title: str, correct: np.ndarray, tolerance: int) -> Prose:
    """Name a set of decisions (networks, images), and the tolerance at which its images are called in-between."""
    networks, images = correct.shape
    at = fitting_tolerance(tolerance, networks)
    return Prose(f"**{title}**: M = {networks}, {images:,} images, in-between at tolerance {at}")


def kappa_range(means: Mapping[str, Estimate]) -> Prose:
    """Give the mean kappa its intervals (`consistency.mean_kappas`), beside the range in the paper."""
    units = UNITS | ({"images": "other images of the same classes"} if "classes" in means else {})
    limits = " and ".join(
        f"{written(mean.lower, '.3f')} to {written(mean.upper, '.3f')} for {units[unit]}"
        for unit, mean in means.items()
    )
    return Prose(
        f"The mean over all pairs is **{written(means['images'].value, '.3f')}** (95% interval {limits}). Among the "
        "paper's eleven models kappa runs from 0.33 to 0.69."
    )


def dependent_pairs(pairs: pd.DataFrame, mean: Estimate) -> Prose:
    """Hold the standard error of a mean over pairs against the one that it would have if pairs were independent."""
    independent = np.sqrt(np.square(pairs["error"]).sum()) / max(1, pairs["kappa"].count())
    if not independent > 0:
        alike = "These models never differ"
        fixed = "Of any two of these models one is always right or always wrong, or both never differ"
        why = alike if (pairs["kappa"].dropna() == 1).all() else fixed
        return Prose(f"{why}, so there is nothing to estimate an error from.")
    return Prose(
        "Pairs share models and images. Treated as independent, the mean's standard error would be "
        f"{independent:.5f}; it is {mean.standard_error:.5f}, {mean.standard_error / independent:.0f} times as large."
    )


def wrong_answers(same: SameWrongAnswer | None, kinds: np.ndarray | None, unrecorded: float) -> Prose:
    """Say how often two models give the same wrong answer (NaN `unrecorded`: none is wrong), and where all agree."""
    if np.isnan(unrecorded):
        return Prose("No answer is wrong.")
    if same is None or kinds is None:
        return Prose("No wrong answer was recorded, so which labels were given is not known.")
    consensus, impossible = int((kinds == "consensus").sum()), int((kinds != "").sum())
    agreed = with_interval(consensus / impossible, *wilson(consensus, impossible), ".0%") if impossible else "none"
    said = [f"Of {impossible:,} impossible images (tolerance 0), {agreed} have a consensus."]
    upper = np.triu_indices(len(same.share), 1)
    rows = np.column_stack([each[upper] for each in (same.share, same.lower, same.upper)])
    if len(rows := rows[np.isfinite(rows[:, 0])]):
        least, most = (with_interval(*rows[at], ".2f") for at in (rows[:, 0].argmin(), rows[:, 0].argmax()))
        said.insert(0, f"Mean over pairs {rows[:, 0].mean():.2f}, from {least} to {most}.")
    if unrecorded:
        said.append(f"{unrecorded:.1%} of the wrong answers were not recorded; they are left out.")
    return Prose(" ".join(said))


def no_label_errors(answers: Responses) -> Absence:
    """Say why no label errors are shown."""
    if answers.info.get("on_imagenet"):
        return Absence("Not shown here: the list of label errors is not at hand.")
    return Absence("Not shown here: these are not ImageNet validation images with its labels.")


def pictures(answers: Responses) -> Absence:
    """Say that there are no pictures; empty where there are."""
    return Absence("" if answers.has_images else "Not shown here: these answers came without images.")


def example_rule(kind: str, networks: int, tolerance: int, images: int) -> Prose:
    """Say which images of a kind are shown, and where there are none."""
    few = f"at most {tolerance} of {networks} networks" if tolerance else f"none of {networks} networks"
    rules = {
        "trivial": f"**Trivial**: {few} wrong",
        "impossible": f"**Impossible**: {few} right",
        "in-between": "**In-between**: the most divisive",
    }
    return Prose(rules[kind] if images else f"{rules[kind]}. There is none.")


# Only the in-between images.


def network_sets(loaded: Sequence[Any], tolerance: int) -> Prose:
    """Say which sets of networks (`NetworkSet`) cannot be looked at, and for which the tolerance is lowered."""
    lines = [
        f"- {literal(each.heading)}: tolerance {each.tolerance}, as M = {each.M}."
        if each.between.any()
        else f"- {literal(each.heading)}: no image is in-between, so there is nothing to see."
        for each in loaded
        if each.tolerance < tolerance or not each.between.any()
    ]
    if all(each.title != "variants" for each in loaded):
        lines.append("- This preset has no training variants.")
    return Prose("\n".join(lines))


def ceilings(highest: Mapping[int, float], tolerance: int) -> Prose:
    """Say which agreement on the in-between images no set of so many networks can exceed."""
    limits = ", ".join(f"{kappa:.3f} with {networks} networks" for networks, kappa in highest.items())
    return Prose(
        f"At tolerance {tolerance}, agreement on the in-between images cannot exceed {limits}. The paper compares 11 "
        "models and, by its count, 13 variants."
    )


def too_few(networks: Mapping[str, int]) -> Prose:
    """Name the sets that have too few networks for a null."""
    lines = [f"- Not for the {title}: {count} networks are too few." for title, count in networks.items()]
    return Prose("\n".join(lines))


# Other images, other bases.


def architecture_gaps(gaps: Sequence[tuple[str, ConditionDifference]]) -> Prose:
    """Say how much more another architecture changes than non-determinism does, on each data set, beside figure 16."""
    found = ", ".join(f"{with_interval(*gap[:3], '+.2f')} ({gap.note}) on {dataset}" for dataset, gap in gaps)
    natural, noise = (printed(f"architecture_minus_nondeterminism_{name}") for name in ("cifar100", "gaussian"))
    return Prose(
        f"Kappa of another architecture minus kappa of non-determinism: {found}. In the paper's own figure 16 it is "
        f"{written(natural, '+.2f')} for CIFAR-100 but {written(noise, '+.2f')} for the noise, against its statement "
        "that the one matters as little as the other."
    )


def one_sided(shares: Sequence[tuple[str, Mapping[str, float]]], few: float = 0.01) -> Prose:
    """Say on which data set hardly any image is trivial, or impossible (`difficulty.shares`)."""
    texts = [
        f"On {dataset} **hardly any image is {end}** ({percent(found[end])})."
        for dataset, found in shares
        for end in ("trivial", "impossible")
        if found[end] < few
    ]
    return Prose(" ".join(texts) or "Both sets have trivial and impossible images.")


def other_architecture(answers: Responses) -> Prose:
    """Name the other architecture of some training variants, and what is left out of them."""
    made_of = variants(answers)
    return Prose(
        f"The base network is a {described(made_of.base)}, the other architecture a {described(made_of.other)}. "
        f"{left_out(answers.info)}"
    )


# The summary.


def still_to_be_run(table: pd.DataFrame, unreadable: Mapping[str, str]) -> Prose:
    """Name the claims files that cannot be read (`claims.recorded`), and the sections without some of their figures."""
    missing = dict.fromkeys(table.loc[table["reason"].isin(UNCOUNTED), "section"])
    todo = ", ".join(f"[{section_label(section)}]({section}.py)" for section in missing)
    last = f"Still to be run, or run in part: {todo}." if todo else "Every claim has been computed."
    return Prose("\n".join([*(f"- {line}" for line in unreadable.values()), last]))
