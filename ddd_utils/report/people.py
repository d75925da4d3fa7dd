"""What the sections on people say: titles of charts, sentences and tables."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ddd_utils.analysis import deciders, nulls
from ddd_utils.analysis.deciders import FEWEST, Sets
from ddd_utils.analysis.psychophysics import Observed
from ddd_utils.analysis.statistics import Estimate
from ddd_utils.charts import Heading
from ddd_utils.report.claims import printed
from ddd_utils.report.text import Absence, Prose, estimated, literal, percent, readable, span, written

SHOWN = ["set", "people", "images", "conditions", "accuracy", "kappa", "kappa_lower", "kappa_upper"]
SHOWN += ["for_other_people", "largest", "pooled", "effective"]
NETWORKS = {"sota_kappa_all": "its eleven models", "variants_kappa_all": "its variants of one network"}
NO_NETWORKS = (
    "No networks' answers to these images are given. A table of them, such as model-vs-human writes, is compared with "
    "people on the same images: `people.tables=[my_models.csv]`."
)


def absent(missing: Mapping[str, str]) -> Absence:
    """Name the sets that are not at hand, and say why the first of them is not."""
    names = ", ".join(map(literal, missing))
    return Absence(f"Not at hand: {names}. {literal(next(iter(missing.values())))}" if missing else "")


def no_networks(tables: Sequence[object]) -> Absence:
    """Say how to bring networks that have seen these images, where there are none."""
    return Absence("" if tables else NO_NETWORKS)


def set_heading(table: pd.DataFrame) -> Heading:
    """In how many sets people err alike beyond chance, from `deciders.overview`."""
    above, people, images = int((table["lower"] > 0).sum()), span(table["people"], ".0f"), table["images"].sum()
    title = f"In {above} of {len(table)} sets people err alike beyond chance: kappa {span(table['kappa'])}"
    return Heading(title, f"mean kappa of two people within a condition · {people} people a set · {images:,} images")


def pooling(table: pd.DataFrame) -> Prose:
    """Say how much pooled conditions inflate kappa (`deciders.overview`), and what the intervals cover."""
    said = "Intervals are for other images; those for other people, a jackknife over few, stand in the table."
    several = table[table["conditions"] > 1]
    if several.empty:
        return Prose(said)
    most = several.iloc[(several["pooled"] - several["kappa"]).argmax()]
    return Prose(
        f"Pooled, conditions give a larger kappa in {int((several['pooled'] > several['kappa']).sum())} of "
        f"{len(several)} sets that have several. It differs most in {literal(most['set'])}: {written(most['pooled'])} "
        f"pooled, {written(most['kappa'])} within. People agree about which conditions are hard; only what is left "
        f"within them is about images. {said}"
    )


def set_table(table: pd.DataFrame) -> pd.DataFrame:
    """Show the figures of each set, from `deciders.overview`."""
    limits = zip(table["people_lower"], table["people_upper"], strict=True)
    others = [f"{written(lower)} to {written(upper)}" for lower, upper in limits]
    named = table.rename(columns={"lower": "kappa_lower", "upper": "kappa_upper"}).assign(for_other_people=others)
    return shown(readable(named[SHOWN], ".2f"))


def shown(table: pd.DataFrame) -> pd.DataFrame:
    """Write shares in per cent and other numbers with two decimals; a dash is not defined."""
    forms = dict.fromkeys(["accuracy", "impossible", "trivial", *map(str, range(100))], ".1%") | {"deciders": ".0f"}
    forms |= dict.fromkeys(["kappa", "effective", "largest", "pooled", "in between", "smooth"], ".2f")
    named = {"effective": "independent ones", "largest": "largest possible", "smooth": "from selection alone"}
    cells = {
        name: ["–" if pd.isna(value) else written(value, forms[name]) for value in table[name]]
        for name in table.select_dtypes("number")
        if name in forms
    }
    return table.assign(**cells).fillna("–").rename(columns=named)


def score_heading(table: pd.DataFrame) -> Heading:
    """In how many sets more images are trivial, and impossible, than for independent people (`deciders.overview`)."""
    trivial, impossible = (int((table[end] > table[f"{end}_independent"]).sum()) for end in ("trivial", "impossible"))
    sets = f"in {trivial} of {len(table)} sets, more impossible in {impossible}"
    under = "images by the share of people who are right, from none to all"
    return Heading(f"More images are trivial than for independent people {sets}", under)


def ends(table: pd.DataFrame) -> Prose:
    """Say how many images are trivial or impossible for people, and for independent ones (`deciders.overview`)."""
    said = [
        f"On {span(table[end], '.1%')} of a set's images all people are {verb}; independent people of the same "
        f"accuracies would be on {span(table[f'{end}_independent'], '.1%')}."
        for end, verb in (("trivial", "right"), ("impossible", "wrong"))
    ]
    return Prose(f"{' '.join(said)} More people are less often unanimous: compare sets of equally many people only.")


def shapes(found: pd.DataFrame, sets: Sets, tolerance: int = 1) -> Prose:
    """Say where difficulty is dichotomous for people (`deciders.shapes`), and why that is not asked of few people."""
    said = [f"{len(found)} conditions have at least {FEWEST} people."]
    if len(found):
        counts = found["dichotomous"].replace("not decidable", "is not decidable").value_counts()
        outcomes = ", ".join(f"{outcome} in {count}" for outcome, count in counts.items())
        said.append(f"The claim that difficulty is dichotomous for people {outcomes} of them.")
    few = sorted({len(correct) for correct, _ in sets.values() if 2 * (tolerance + 1) <= len(correct) < FEWEST})
    bands = {people: list(dict.fromkeys(map(written, nulls.selection_band(people, tolerance)))) for people in few}
    if told := " and ".join(f"{' to '.join(band)} with {people} people" for people, band in bands.items()):
        said.append(
            f"With fewer people neither question is asked. That is arithmetic: at tolerance {tolerance}, kappa on "
            f"in-between images is {told}, whoever they are, and a smooth family fits so few scores anyway."
        )
    return Prose(" ".join(said))


def hardness(conditions: pd.DataFrame) -> Heading:
    """How kappa depends on how hard a condition is, from `deciders.by_condition` of several sets."""
    rows = deciders.by_hardness(conditions)[["kappa", "accuracy"]].to_numpy()
    told = ", ".join(f"{written(kappa)} where {percent(share)} are" for kappa, share in rows)
    told = told.replace("% are", "% of the answers are right", 1)
    return Heading(f"Two people’s kappa is {told}", f"mean kappa of two people in each of {len(conditions)} conditions")


def against_paper(conditions: pd.DataFrame) -> Prose:
    """
    Say in how many conditions people agree less, or more, than the paper's networks (`deciders.by_condition`).

    Conditions in which people can hardly do more than guess are left out: there kappa is low whoever they are.
    """
    least = deciders.BANDS[1]
    seen = conditions[conditions["accuracy"] >= least]
    said = [
        f"Two of {who} agree by {written(value)}: people agree less in {int((seen['upper'] < value).sum())} of "
        f"{len(seen)} conditions, more in {int((seen['lower'] > value).sum())}, undecided elsewhere."
        for claim, who in NETWORKS.items()
        if (value := printed(claim))
    ]
    mean = f"two people agree by {written(seen['kappa'].mean())} on average"
    return Prose(
        f"The paper finds networks alike, on ImageNet. Where at least {least:.0%} of the answers are right, {mean}. "
        f"{' '.join(said)} Images, classes and accuracies differ, so this is no test. The same images, and as many "
        "people as networks, follow below."
    )


def _more(difference: Estimate) -> str:
    """Say who is more alike, from networks' kappa minus people's."""
    if difference.lower > 0:
        return "networks are more alike than people"
    return "people are more alike than networks" if difference.upper < 0 else "it is not decidable who is more alike"


def cifar10(table: pd.DataFrame, difference: Estimate) -> Prose:
    """Say who is more alike on the same photographs, from `deciders.crowds`."""
    people, networks = map(written, table["kappa"])
    return Prose(
        f"On the same photographs, {_more(difference)}: two people agree by {people}, two networks by {networks}, a "
        f"difference of {estimated(difference, '+.2f')}, for other images. Nobody sorted all images, so that kappa is "
        "Fleiss', of those who answered."
    )


def networks(found: pd.DataFrame, name: str) -> Prose:
    """Say who is more alike, a user's networks or people, on a set, from `deciders.networks_beside_people`."""
    *_, mixed, gap = found[["kappa", "kappa_lower", "kappa_upper"]].to_numpy(float)
    difference = Estimate(gap[0], np.nan, gap[1], gap[2])
    return Prose(
        f"On {literal(name)}, {_more(difference)}: a difference of {estimated(difference, '+.2f')}. A person and a "
        f"network agree by {written(mixed[0])}."
    )


# People and networks: the section `human_results`.


def printed_figures(printed: pd.DataFrame) -> Prose:
    """Say how many of the paper's figures about people agree (`psychophysics.printed_figures`), and the p-value."""
    p_value = printed.loc[printed["figure"] == "p-value of the lowest", "lowest"].iloc[0]
    return Prose(
        f"{printed['agrees'].sum()} of {len(printed)} figures agree with the others. The least accurate observer's "
        f"p-value is {written(p_value, '.3e')}."
    )


def observers(found: Observed, folder: str) -> Prose:
    """Say how many observers there are or stand in, where their files belong, and which are left out."""
    count, trials = found.trials["observer"].nunique(), len(found.trials)
    lines = [f"**{count} observers**, {trials:,} trials."]
    if found.simulated or not trials:
        lines = [f"**No observers yet**: put their CSV files into the folder `{folder}` of the build folder."]
    if found.simulated:
        lines.append(f"**{count} simulated observers** stand in, to show what the analysis looks like.")
    return Prose("\n\n".join([*lines, *(f"- Left out: {line}" for line in found.problems)]))


def slower_when_wrong(times: pd.DataFrame) -> Prose:
    """Say how many observers took longer for their wrong answers, from `observer_trials.response_times`."""
    medians = times.pivot(index="observer", columns="answer", values="median").dropna()
    both = {"right", "wrong"} <= set(medians)
    slower = int((medians["wrong"] > medians["right"]).sum()) if both else 0
    return Prose(f"{slower} of {len(medians)} observers took longer (median) for their wrong answers.")


def papers_observers() -> Prose:
    """Say how consistently the paper's observers err."""
    mean, lowest, highest = (printed(f"human_kappa_{name}") for name in ("mean", "lowest", "highest"))
    return Prose(f"In the paper: {mean:.4f} on average, from {lowest:.4f} to {highest:.4f}.")


def networks_beside_people(section: str, compared: int, erring: int) -> Prose:
    """Say of how many comparisons of an observer with a network of a section the network never errs."""
    return Prose(
        f"Networks of [{section}]({section}.py): in {compared - erring} of {compared} comparisons the network never "
        "errs: they are left out."
    )


def not_shown(found: Any, reason: str | None) -> Absence:
    """Say why published answers are not shown, or which report has them; empty where there are some."""
    if reason:
        return Absence(f"Not shown: `{reason.replace('`', chr(39))}`")
    return Absence("`make report PRESET=published` shows this." if found is None else "")


def people_and_networks(correct: np.ndarray, counts: np.ndarray) -> Prose:
    """Say how many networks (networks, images) and how many people, by their answers (images, classes), there are."""
    networks, images = correct.shape
    answers = counts.sum(axis=1)
    return Prose(f"M = {networks} networks, {images:,} images, {answers.min()} to {answers.max()} people an image")


def reliability(found: Estimate) -> Prose:
    """Say how reliable the share of people who give the label is, and what that means for its correlations."""
    return Prose(
        f"The share itself is not that certain: its reliability is {found.value:.2f} (95% interval {found.lower:.2f} "
        f"to {found.upper:.2f}), the correlation to be expected with as many other people (Spearman's between random "
        "halves of the answers, stepped up to full length by Spearman and Brown). Not even a measure without error "
        f"could correlate with it by more than about {np.sqrt(found.value):.2f}, the square root of that reliability."
    )


def majority_limits(kappas: pd.DataFrame) -> Prose:
    """Hold kappa of the majority with each network against the most that the accuracies allow."""
    part = kappas["kappa"] / kappas["kappa_max"]
    return Prose(
        f"Kappa is {part.min():.0%} to {part.max():.0%} of the most that the two accuracies allow. The majority errs "
        "so rarely that even a network which shares all its errors has a low kappa. A label that ties with another "
        "class for the first place counts as an error."
    )


def images_and_observers(answers: pd.DataFrame) -> Prose:
    """Say how many images and observers the means of the second experiment rest on."""
    images, people = answers["item"].nunique(), answers["observer"].nunique()
    return Prose(f"{images} images, mean of {people} observers, 95% intervals")


def items_with_label_errors(items: np.ndarray) -> Prose:
    """Say how many images of the second experiment have a wrong label."""
    return Prose(f"**Without label errors**: {items.size} of the 300 images stand in the authors' list of them.")
