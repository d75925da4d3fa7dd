"""What the section on people as deciders says: its charts' titles, its sentences and tables."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from ddd_utils.analysis import deciders, nulls
from ddd_utils.analysis.deciders import FEWEST, Sets
from ddd_utils.analysis.statistics import Estimate
from ddd_utils.charts import Heading
from ddd_utils.report.claims import printed
from ddd_utils.report.text import Absence, Prose, estimated, literal, percent, readable, written

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


def _span(values: pd.Series, form: str = ".2f") -> str:
    return f"{written(values.min(), form)} to {written(values.max(), form)}"


def set_heading(table: pd.DataFrame) -> Heading:
    """In how many sets people err alike beyond chance, from `deciders.overview`."""
    above, people = int((table["lower"] > 0).sum()), _span(table["people"], ".0f")
    return Heading(
        f"In {above} of {len(table)} sets people err alike beyond chance: kappa {_span(table['kappa'])}",
        f"mean kappa of two people within a condition · {people} people a set · {table['images'].sum():,} images",
    )


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
    forms = {**dict.fromkeys(["accuracy", *map(str, range(100))], ".1%"), "impossible": ".1%", "trivial": ".1%"}
    forms |= {"deciders": ".0f"} | dict.fromkeys(
        ["kappa", "effective", "largest", "pooled", "in between", "smooth"], ".2f"
    )
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
    return Heading(
        f"More images are trivial than for independent people in {trivial} of {len(table)} sets, more impossible in "
        f"{impossible}",
        "images by the share of people who are right, from none to all",
    )


def ends(table: pd.DataFrame) -> Prose:
    """Say how many images are trivial or impossible for people, and for independent ones (`deciders.overview`)."""
    said = [
        f"On {_span(table[end], '.1%')} of a set's images all people are {verb}; independent people of the same "
        f"accuracies would be on {_span(table[f'{end}_independent'], '.1%')}."
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
