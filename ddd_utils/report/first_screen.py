"""What a report opens with: the verdict, and two pictures of ImageNet's facts with what this run found beside them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
from IPython.display import HTML
from numpy.typing import ArrayLike

from ddd_utils.analysis import difficulty, verdict
from ddd_utils.analysis.score_models import fit_binomial
from ddd_utils.charts import overview
from ddd_utils.charts.names_and_colours import dataset_name
from ddd_utils.report import claims
from ddd_utils.report.facts import Facts, facts
from ddd_utils.report.text import Prose

PAPERS_TOLERANCE, PAPERS_MODELS = 1, 11
SETS = {"models": "sota_kappa_in_between", "variants": "variants_kappa_in_between"}  # the more alike the paper's, first
NAMES = {"models": "models", "variants": "training variants"}
LINES = {"found": "tolerance 1", "stricter": "tolerance 0", "null": "tolerance 1, if only difficulty were shared"}

# What the clauses of the verdict (`analysis.verdict`) come to, by their outcome, and the figures behind them.
SEEN = "holds, seen on all"  # models differ, on all images as well as on those in between
PHRASES: dict[str, dict[str, str]] = {
    "fail_alike": {
        "holds": "models fail on the same images",
        "does not hold": "models do not fail on the same images",
        "not decidable": "whether models fail on the same images is not decidable",
    },
    "dichotomous": {
        "holds": "difficulty is dichotomous",
        "does not hold": "difficulty is not dichotomous",
        "not decidable": "whether difficulty is dichotomous is not decidable",
    },
    "models_differ": {
        "holds": "some pairs agree more than ability and chance explain; trivial and impossible images hide this",
        SEEN: "some pairs agree more than ability and chance explain; trivial and impossible images dilute this, but "
        "do not hide it",
        "does not hold": "beyond ability and chance, there are hardly any differences between models to hide",
        "not decidable": "whether models differ beyond ability and chance is not decidable",
    },
    "beyond_label_errors": {
        "holds": "label errors do not explain all impossible images",
        "does not hold": "label errors explain nearly all impossible images",
        "not decidable": "whether label errors explain the impossible images is not decidable",
    },
}
SENTENCES = (("fail_alike", "dichotomous"), ("models_differ", "beyond_label_errors"))
EVIDENCE = {  # with 95% intervals, and the least effect that counts
    "fail_alike": "The mean kappa of all pairs is {effect:.3f} ({low:.3f} to {high:.3f}); chance gives 0.",
    "dichotomous": "At each end, the smooth family of difficulty that does best there explains all images but "
    "{impossible_mass:.1%} ({impossible_mass_low:.1%} to {impossible_mass_high:.1%}), which are impossible, and "
    "{trivial_mass:.1%} ({trivial_mass_low:.1%} to {trivial_mass_high:.1%}), which are trivial. More than "
    "{extra_mass:.0%} at both ends, and most of the images there, would count as dichotomous.",
    "falls_in_between": "Agreement falls from {all:.3f} to {in_between:.3f} in between (Fleiss' kappa, tolerance "
    "{tolerance:.0f}); this follows from the scores alone, whether models differ or not.",
    "models_differ": "Beyond ability and chance, kappas of pairs spread by {in_between_beyond:.3f} "
    "({in_between_beyond_low:.3f} to {in_between_beyond_high:.3f}) in between (standard deviation; {models_differ} "
    "counts) and by {all_beyond:.3f} ({all_beyond_low:.3f} to {all_beyond_high:.3f}) on all images. That the second is "
    "smaller is arithmetic: an image on which all models agree adds nothing to a difference, nor to its noise.",
    "beyond_label_errors": "Of the {n:,} images whose label is accepted, {effect:.1%} ({low:.1%} to {high:.1%}) are "
    "impossible.",
}
Clauses = Mapping[str, Mapping[str, Any]]  # by name, as `Clause.as_json` writes them


@dataclass(frozen=True)
class Here:
    """A set of networks of this run: how many images each number of them gets right, and the kappa left in between."""

    name: str  # key of `SETS`
    dataset: str
    tolerance: int
    counts: np.ndarray  # (M + 1,)
    kappa: float | None

    @property
    def M(self) -> int:
        """How many networks sort the images."""
        return len(self.counts) - 1

    @property
    def title(self) -> str:
        """What it is called in a sentence."""
        return f"{self.M} {NAMES[self.name]} on {dataset_name(self.dataset)}"


def opening(preset: str | Path) -> list[Any]:
    """
    Make what a report opens with, to be displayed in this order.

    The verdict; the histogram of the paper's eleven models and this run's, if it has one, with a sentence; the
    agreement left in between against the number of models, with a sentence; the figures behind the verdict.
    """
    known, sets, clauses = facts(), here(preset), claims.clauses(preset)
    return [
        HTML(f'<p class="headline">{escape(headline(known))}</p>'),
        *([Prose(in_this_run(known, clauses, sets))] if clauses else []),
        *score_panels(known, sets[:1]),
        Prose(about_scores(known, sets)),
        agreement_chart(known, sets),
        Prose(about_agreement(known, sets)),
        HTML(behind({"On ImageNet": known.published.clauses, "In this run": clauses})),
    ]


def here(preset: str | Path) -> list[Here]:
    """Collect the sets of networks whose scores this run has recorded, the set that is most like the paper's first."""
    scores, (records, _) = claims.scores(preset), claims.recorded(preset)
    kappas = {name: records[key].value for name, key in SETS.items() if key in records}
    return [
        Here(name, scores[name].dataset, scores[name].tolerance, np.array(scores[name].counts), kappas.get(name))
        for name in SETS
        if name in scores
    ]


def headline(known: Facts) -> str:
    """Say what the clauses come to on ImageNet, but for that on labels, which is told with the figures."""
    said = {name: clause for name, clause in known.published.clauses.items() if name != "beyond_label_errors"}
    return f"On ImageNet, {in_words(said)}"


def in_this_run(known: Facts, clauses: Clauses, sets: Sequence[Here]) -> str:
    """Say what the clauses come to in this run; in short where that is the same."""
    who = sets[0].title if sets else ""
    published = known.published.clauses
    if all(_phrase(clauses[name]) == _phrase(published[name]) for name in PHRASES.keys() & clauses.keys()):
        return f"In this run, {who} lead to the same verdict." if who else "This run leads to the same verdict."
    return f"In this run{who and f' ({who})'}, {in_words(clauses)}"


def in_words(clauses: Clauses) -> str:
    """Say in two sentences at most what the clauses come to, the first beginning with a small letter."""
    said = ["; ".join(_phrase(clauses[name]) for name in names if name in clauses) for names in SENTENCES]
    first, *others = [sentence for sentence in said if sentence] or ["nothing has been tested"]
    return " ".join([f"{first}.", *(f"{other[0].upper()}{other[1:]}." for other in others)])


def _phrase(clause: Mapping[str, Any]) -> str:
    seen = clause["outcome"] == "holds" and clause["details"].get("seen_on_all")
    return PHRASES[clause["name"]][SEEN if seen else clause["outcome"]]


def evidence(clauses: Clauses) -> str:
    """Tell the figures behind the clauses, one sentence each; of a clause that has none, why nothing is decided."""
    return " ".join(
        f"{clause['reason'][0].upper()}{clause['reason'][1:]}." if clause["reason"] else text.format(**_figures(clause))
        for name, text in EVIDENCE.items()
        if (clause := clauses.get(name))
    )


def behind(verdicts: Mapping[str, Clauses]) -> str:
    """Fold the figures behind the verdicts away."""
    told = ""
    for where, clauses in verdicts.items():
        if clauses:
            most = max(clauses.values(), key=lambda clause: clause["n"])
            sizes = f"{most['networks']} models, {most['n']:,} images"
            told += f"<p>{where} ({sizes}): {escape(evidence(clauses))}</p>"
    return f"<details><summary>The figures behind the verdict</summary>{told}</details>"


def _figures(clause: Mapping[str, Any]) -> dict[str, float]:
    """Collect a clause's numbers, and the least effects that count; what is undefined stays NaN."""
    least = {name: rule.least for name, rule in verdict.RULES.items()}
    numbers = {**least, **{key: clause.get(key) for key in ("effect", "low", "high", "n")}, **clause["details"]}
    return {key: np.nan if value is None else value for key, value in numbers.items()}


def score_panels(known: Facts, sets: Sequence[Here]) -> list[alt.LayerChart]:
    """Draw the scores of the paper's eleven models, and beside them those of sets of this run, on the same axes."""
    eleven = f"{known.eleven.title[0].upper()}{known.eleven.title[1:]}, ImageNet"
    tables = {eleven: histogram(known.eleven.scores["all"].histogram)}
    tables |= {f"This run: {each.title}": histogram(each.counts) for each in sets}
    highest = max(table[["share", "binomial"]].max(axis=None) for table in tables.values())
    return [_score_panel(title, table, highest) for title, table in tables.items()]


def _score_panel(subject: str, table: pd.DataFrame, highest: float) -> alt.LayerChart:
    tolerance = min(PAPERS_TOLERANCE, difficulty.largest_tolerance(len(table) - 1))
    apart = "" if len(table) == PAPERS_MODELS + 1 else f" (shares depend on M, here {len(table) - 1})"
    subtitle = f"{subject}, {table['images'].sum():,} images, tolerance {tolerance}{apart}"
    return overview.score_panel(table, tolerance, scores_title(table, tolerance), subtitle, highest)


def histogram(counts: ArrayLike) -> pd.DataFrame:
    """Set scores, (M + 1,) images, beside independent errors: images, share, binomial (share)."""
    counts = np.asarray(counts)
    found = {"images": counts, "share": counts / counts.sum(), "binomial": fit_binomial(counts).probabilities}
    return pd.DataFrame(found)


def scores_title(table: pd.DataFrame, tolerance: int) -> str:
    """Say how many images are trivial or impossible, and how many would be if errors were independent."""
    score = np.arange(len(table))
    ends = table[(score <= tolerance) | (score >= len(table) - 1 - tolerance)]
    found, expected = ends["share"].sum(), ends["binomial"].sum()
    return f"{found:.1%} of the images are trivial or impossible, {expected:.1%} if errors were independent"


def about_scores(known: Facts, sets: Sequence[Here]) -> str:
    """Say what is left of ImageNet's trivial and impossible images where the label is accepted, and what is missing."""
    everywhere, accepted = (known.eleven.scores[which] for which in ("all", "accepted"))
    of_all, of_these = (scores.by_tolerance[PAPERS_TOLERANCE] for scores in (everywhere, accepted))
    text = (
        "Trivial: all models are right, or all but one. Impossible: all are wrong, or all but one. Of the "
        f"{accepted.images:,} images whose label a second look (ReaL) accepts, {of_these.trivial:.1%} are trivial "
        f"(of all: {of_all.trivial:.1%}) and {of_these.impossible:.1%} impossible (of all: {of_all.impossible:.1%})."
    )
    return text if sets else f"{text} This run has not compared networks on any images."


def agreement_chart(known: Facts, sets: Sequence[Here]) -> alt.LayerChart:
    """Draw the kappa left in between against the number of models: ImageNet's, the null's, the paper's, this run's."""
    one, none = known.published.curve(PAPERS_TOLERANCE), known.published.curve(0)
    without_band = {"lower": np.nan, "upper": np.nan}
    lines = [
        one.assign(line=LINES["found"]),
        none.assign(line=LINES["stricter"], **without_band),
        one.assign(line=LINES["null"], kappa=one["expected"], **without_band),
    ]
    table = pd.concat(lines).query("models >= @one.models.min()")
    images = known.published.scores["all"].images
    subtitle = [  # several lines, so that none is wider than a notebook
        f"Mean kappa of random subsets of M of the {known.published.title} of ImageNet on their in-between images,",
        f"{images:,} images in all. Band: 95% of the subsets, a spread of subsets, not a confidence interval.",
    ]
    readout = [_readout(known, models) for models in one["models"]]
    title, points = agreement_title(known), _points(known, sets)
    return overview.agreement_left(table, points, title, subtitle, PAPERS_MODELS, readout)


def agreement_title(known: Facts) -> str:
    """Say whether more models leave more agreement: more than 95% of the subsets of the paper's size do."""
    some, all_ = (
        known.published.of_size(models, PAPERS_TOLERANCE) for models in (PAPERS_MODELS, known.published.models)
    )
    figures = f"{some.kappa:.3f} with {some.models}, {all_.kappa:.3f} with {all_.models}"
    if all_.kappa > some.upper:
        return f"The more models, the more agreement is left in between: {figures}"
    if all_.kappa < some.lower:
        return f"The more models, the less agreement is left in between: {figures}"
    return f"The number of models hardly changes the agreement left in between: {figures}"


def about_agreement(known: Facts, sets: Sequence[Here]) -> str:
    """Compare the paper's figure with as many published models and the null, and this run's with as many as it has."""
    size = known.published.of_size(PAPERS_MODELS, PAPERS_TOLERANCE)
    lines = [
        f"The paper found {claims.printed(SETS['models']):.3f} with its {PAPERS_MODELS} models. {PAPERS_MODELS} of the "
        f"{known.published.title} leave {size.kappa:.3f} (95% of the subsets: {size.lower:.3f} to {size.upper:.3f}). "
        f"Models of the same abilities that shared nothing but the images' difficulty would leave {size.expected:.3f}."
    ]
    sizes = {(size.models, size.tolerance): size for size in known.published.sizes}
    for each in sets:
        # In-between kappa depends on the number of models and on the tolerance.
        if each.kappa is not None and (beside := sizes.get((each.M, each.tolerance))):
            told = f"{each.title} leave {each.kappa:.3f}; as many models of ImageNet leave {beside.kappa:.3f}"
            lines.append(f"In this run, {told} (tolerance {each.tolerance}).")
    return " ".join(lines)


def _points(known: Facts, sets: Sequence[Here]) -> pd.DataFrame:
    """List the points beside the curves; those of this run stand at their own number of networks."""
    paper, of = claims.printed(SETS["models"]), known.published
    every = of.of_size(of.models, PAPERS_TOLERANCE)
    rows = [
        (f"the paper's {PAPERS_MODELS} models: {paper:.3f}", PAPERS_MODELS, paper, "paper"),
        (f"all {of.title}: {every.kappa:.3f}", of.models, every.kappa, "published"),
    ]
    for each in sets:
        if each.kappa is not None:
            dissent = "" if each.tolerance == PAPERS_TOLERANCE else f" (tolerance {each.tolerance})"
            label = f"this run, {each.title}: {each.kappa:.3f}{dissent}"
            rows.append((label, each.M, each.kappa, f"here, {each.name}"))
    return pd.DataFrame(rows, columns=["label", "models", "kappa", "kind"])


def _readout(known: Facts, models: int) -> str:
    """Write what the slider shows at a number of models, line by line."""
    one, none, everywhere = (known.published.of_size(models, among) for among in (PAPERS_TOLERANCE, 0, None))
    spread = f" ({one.lower:.3f} to {one.upper:.3f})" if one.subsets > 1 else ""
    lines = [f"{models} of {known.published.title}", f"tolerance 1: {one.kappa:.3f}{spread}"]
    lines += [f"if only difficulty were shared: {one.expected:.3f}", f"tolerance 0: {none.kappa:.3f}"]
    return "\n".join([*lines, f"on all images: {everywhere.kappa:.3f}"])
