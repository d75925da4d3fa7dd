"""What a report opens with: the verdict, and two pictures of ImageNet's facts with what this run found beside them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from ddd_utils.analysis.score_models import fit_binomial
from ddd_utils.charts import overview
from ddd_utils.charts.names_and_colours import dataset_name
from ddd_utils.report import claims
from ddd_utils.report.facts import Facts, ModelSet, facts
from ddd_utils.report.text import Prose

PAPERS_TOLERANCE, PAPERS_MODELS = 1, 11
SETS = {"models": "sota_kappa_in_between", "variants": "variants_kappa_in_between"}  # the more alike the paper's, first
NAMES = {"models": "models", "variants": "training variants"}
LINES = {"found": "tolerance 1", "stricter": "tolerance 0", "null": "tolerance 1, if only difficulty were shared"}

# What a clause of the verdict (`analysis.verdict`) says, by its outcome; figures of the clause stand in braces.
PHRASES: dict[str, dict[str, str]] = {
    "fail_alike": {
        "holds": "models fail on the same images (mean kappa {effect:.2f}, where chance gives 0)",
        "does not hold": "models do not fail on the same images (mean kappa {effect:.2f}, where chance gives 0)",
        "not decidable": "whether models fail on the same images is not decidable",
    },
    "dichotomous": {
        "holds": "images come in two kinds, trivial and impossible, beyond any smooth difficulty",
        "does not hold": "images do not come in two kinds: beyond smooth difficulty {impossible_mass:.1%} are impossible "
        "and {trivial_mass:.1%} trivial",
        "not decidable": "whether images come in two kinds is not decidable",
    },
    "masked": {
        "holds": "pairs of models differ beyond ability and chance, in between {in_between_beyond:.3f} and on all images "
        "{all_beyond:.3f}",
        "does not hold": "even in between, pairs of models hardly differ beyond ability and chance ({effect:.3f})",
        "not decidable": "whether pairs of models differ beyond ability and chance is not decidable",
    },
    "beyond_label_errors": {
        "holds": "{effect:.1%} of the images with an accepted label are impossible all the same",
        "does not hold": "where the label is accepted hardly any image is impossible ({effect:.1%})",
        "not decidable": "whether label errors explain the impossible images is not decidable",
    },
}


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

    Parameters
    ----------
    preset : str or Path
        Whose claims files tell what this run found.

    Returns
    -------
    list
        The verdict, the histogram of the paper's eleven models and this run's, if it has one, a sentence, the agreement
        left in between against the number of models, and a sentence.
    """
    known, sets = facts(), here(preset)
    return [
        Prose(headline(known, claims.clauses(preset), sets)),
        *score_panels(known, sets[:1]),
        Prose(about_scores(known, sets)),
        agreement_chart(known, sets),
        Prose(about_agreement(known, sets)),
    ]


def here(preset: str | Path) -> list[Here]:
    """Collect the sets of networks whose scores this run has recorded, the set that is most like the paper's first."""
    histograms, (records, _) = claims.histograms(preset), claims.recorded(preset)
    return [
        Here(name, found.dataset, found.tolerance, np.array(found.counts), record.value if record else None)
        for name, key in SETS.items()
        if (found := histograms.get(name)) and (record := records.get(key), True)
    ]


def headline(known: Facts, clauses: Mapping[str, Mapping[str, Any]], sets: Sequence[Here]) -> str:
    """Say the verdict in two sentences, clause by clause: on ImageNet, and in this run where it has computed them."""
    lines = [f"**On ImageNet** ({known.published.title}), {_in_words(known.published.clauses)}"]
    if told := _in_words(clauses):
        lines.append(f"**In this run** ({sets[0].title}), {told}" if sets else f"**In this run** {told}")
    return " ".join(lines)


def _in_words(clauses: Mapping[str, Mapping[str, Any]]) -> str:
    said = [
        phrases[clauses[name]["outcome"]].format(**_figures(clauses[name]))
        for name, phrases in PHRASES.items()
        if name in clauses
    ]
    return "; ".join(said) + "." if said else ""


def _figures(clause: Mapping[str, Any]) -> dict[str, float]:
    """Collect a clause's numbers; what is undefined stays NaN."""
    numbers = {"effect": clause["effect"], **clause["details"]}
    return {key: np.nan if value is None else value for key, value in numbers.items()}
