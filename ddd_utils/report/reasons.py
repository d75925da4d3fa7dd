"""What the section on why images are impossible says: its charts' titles, its sentences and tables, its verdicts."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import pandas as pd

from ddd_utils.analysis.factors import COMMON, PRIMARY, Regression
from ddd_utils.analysis.statistics import Estimate, wilson
from ddd_utils.analysis.wrong_answers import LABELS, OUTCOMES
from ddd_utils.charts import Heading
from ddd_utils.charts.names_and_colours import condition_name
from ddd_utils.report.claims import Book
from ddd_utils.report.comparability import Basis
from ddd_utils.report.findings import drawn
from ddd_utils.report.text import Absence, Prose, estimated, literal, p_value, percent, with_interval, written
from ddd_utils.responses import Responses

# What the paper guesses in section 4, and the factors of ImageNet-X that come nearest, by the claim in paper.yaml.
GUESSES = {
    "impossible_multiple_objects": ("several objects", ("multiple objects",)),
    "impossible_unusual_objects": ("unusual objects", ("subcategory", "texture", "shape")),
    "impossible_viewpoint": ("unusual viewpoints", ("pose",)),
    "impossible_background": ("the background", ("background",)),
}
NOT_TESTABLE = "not testable with these marks"
NO_MARKS = "nobody's marks are at hand"


class Marks(Protocol):
    """What is needed of marks on images (`experiments.factors.Marks`)."""

    @property
    def factors(self) -> tuple[str, ...]:
        """Their names."""

    @property
    def marked(self) -> np.ndarray:
        """Of each image, bool (images, factors)."""

    @property
    def known(self) -> np.ndarray:
        """Whether somebody looked at an image, bool (images,)."""

    @property
    def source(self) -> str:
        """Whose they are."""

    @property
    def prototypes(self) -> int:
        """How many images are left out because the others were compared with them."""


# Labels.


def labels(outcome: pd.DataFrame, status: np.ndarray) -> Prose:
    """Say what ReaL makes of the impossible images (`impossible_because_of_label`), and of all (`label_status`)."""
    rows = outcome.set_index("outcome")
    count, (none, solved, stays) = int(rows["images"].sum()), (percent(rows.loc[name, "share"]) for name in OUTCOMES)
    questioned = percent(float((status != LABELS[0]).mean()))
    return Prose(
        f"Of {count:,} images that no model gets right, {solved} are no longer impossible once every label that ReaL "
        f"accepts counts as right, {none} have no acceptable label, and {stays} stay impossible. Of all images, ReaL "
        f"rejects the label of {questioned}."
    )


def label_heading(table: pd.DataFrame, answers: Responses) -> Heading:
    """How many labels are rejected where no model is right, and where all are (`status_by_score`)."""
    rejected = table[table["status"] != LABELS[0]].groupby("score")["share"].sum()
    return Heading(
        f"ReaL rejects {percent(rejected.iloc[0])} of the labels that no model names, {percent(rejected.iloc[-1])} of "
        "those that all do",
        drawn("what ReaL says of the labels, by the number of models right", answers),
    )


# Factors.


def no_marks(found: Marks | str) -> Absence:
    """Say why there are no marks; empty where there are some."""
    return Absence(found if isinstance(found, str) else "")


def marks(found: Marks, regression: Regression, images: int) -> Prose:
    """Say on how many images the regression rests; ``images`` are impossible."""
    prototypes = f" ({found.prototypes:,} prototypes are left out)" if found.prototypes else ""
    return Prose(
        f"{len(found.factors)} factors, marked on {regression.images:,} images{prototypes}; {images:,} of these are "
        f"impossible. Source: {literal(found.source)}. {regression.left_out:,} classes without an impossible image "
        f"drop out; {regression.classes:,} remain."
    )


def factor_heading(ratios: pd.DataFrame, answers: Responses) -> Heading:
    """Which factor raises the risk of being impossible most, and how many do (`adjusted_ratios`)."""
    primary = ratios[ratios["outcome"] == PRIMARY].dropna(subset="ratio")
    under = drawn("marked against unmarked, adjusted for class and all other factors", answers)
    more = primary[(primary["p_holm"] < 0.05) & (primary["ratio"] > 1)]
    if more.empty:
        return Heading(f"None of {len(primary)} factors makes images impossible more often", under)
    first = more.loc[more["ratio"].idxmax()]
    return Heading(
        f"{len(more)} of {len(primary)} factors go with impossible images; the strongest, {first['factor']}, "
        f"{written(first['ratio'], '.1f')}-fold",
        under,
    )


def ratio_table(ratios: pd.DataFrame, without: pd.DataFrame, accepted: pd.DataFrame | None) -> pd.DataFrame:
    """Show the primary outcome with all that was tried on it, the largest ratio first."""
    primary = ratios[ratios["outcome"] == PRIMARY].merge(without, on="factor")
    primary = primary.sort_values("ratio", ascending=False, kind="stable", ignore_index=True)
    shown = pd.DataFrame({"factor": primary["factor"], "marked": primary["marked"].map(percent)})
    shown["risk ratio"] = _ratios(primary)
    shown["p (Holm)"] = primary["p_holm"].map(p_value)
    if primary["without_resnet50"].notna().any():
        shown["without ResNet-50"] = primary["without_resnet50"].map(lambda ratio: written(ratio))
    families = zip(primary["lowest"], primary["highest"], strict=True)
    shown["without one family"] = [f"{written(low)} to {written(high)}" for low, high in families]
    if accepted is not None:
        shown["accepted labels only"] = _ratios(accepted.set_index("factor").loc[primary["factor"]])
    return shown


def secondary_table(ratios: pd.DataFrame) -> pd.DataFrame:
    """Show the other outcomes, a column each; a star where Holm's p is below 0.05."""
    others = ratios[ratios["outcome"] != PRIMARY]
    stars = others["p_holm"].map(lambda p: " *" if p < 0.05 else "")
    cells = others.assign(cell=np.array(_ratios(others), object) + stars)
    table = cells.pivot(index="factor", columns="outcome", values="cell")
    return (
        table.loc[others["factor"].unique(), others["outcome"].unique()]
        .fillna("–")
        .reset_index()
        .rename_axis(None, axis=1)
    )


def _ratios(table: pd.DataFrame) -> list[str]:
    rows = zip(table["ratio"], table["lower"], table["upper"], strict=True)
    return [with_interval(*row, ".2f") or "undefined" for row in rows]


def guesses(found: Marks, regression: Regression) -> pd.DataFrame:
    """
    Hold what was found against the paper's guesses, as far as there are factors of these names.

    One row a guess: claim, guess, factors, marked (share of images with any of them), ratio (of several, their
    geometric mean), lower, upper, verdict.
    """
    rows, known = [], list(found.factors)
    for claim, (guess, names) in GUESSES.items():
        if set(names) <= set(known):
            at = [known.index(name) for name in names]
            share = float(found.marked[found.known][:, at].any(axis=1).mean())
            ratio = regression.estimate(np.isin(np.arange(len(known)), at) / len(at))
            limits = ratio.value, ratio.lower, ratio.upper
            rows.append((claim, guess, ", ".join(names), share, *limits, _judged(ratio, share)))
    columns = ["claim", "guess", "factors", "marked", "ratio", "lower", "upper", "verdict"]
    return pd.DataFrame(rows, columns=columns)


def _judged(ratio: Estimate, share: float) -> str:
    if share > COMMON:
        return NOT_TESTABLE
    if not np.isfinite(ratio.lower):
        return "not decidable"
    return "holds" if ratio.lower > 1 else "contradicted" if ratio.upper < 1 else "not decidable"


def guess_sentences(table: pd.DataFrame) -> Prose:
    """Say what becomes of each guess of the paper (`guesses`)."""
    lines = []
    for row in table.to_dict("records"):
        ratio = estimated(Estimate(row["ratio"], None, row["lower"], row["upper"]), ".2f")
        why = f"{percent(row['marked'])} of the images carry the mark"
        several = ", geometric mean" if "," in row["factors"] else ""
        told = why if row["verdict"] == NOT_TESTABLE else f"risk ratio {ratio or 'undefined'}{several}"
        lines.append(f"- **{row['guess'][0].upper()}{row['guess'][1:]}** ({row['factors']}): {row['verdict']}; {told}.")
    return Prose("\n".join(lines))


def record_guesses(book: Book, table: pd.DataFrame | None, answers: Responses, images: int = 0) -> None:
    """Record the guesses; without marks (None), that they are not tested for want of them."""
    on_imagenet = bool(answers.info.get("on_imagenet"))
    if table is None or not on_imagenet:
        for claim in GUESSES if on_imagenet else ():
            book.record(claim, None, None, answers, NO_MARKS)
        return
    for row in table.to_dict("records"):
        obstacle = NOT_TESTABLE if row["verdict"] == NOT_TESTABLE else ""
        basis = Basis(len(answers.networks), images, "imagenet", obstacle)
        book.record(row["claim"], row["ratio"], (row["lower"], row["upper"]), basis, row["factors"])


def explained(table: pd.DataFrame) -> Prose:
    """Say how much of the images' difficulty is explained, in the order in which it was asked (`factors.explained`)."""
    steps = ", ".join(f"then {row.step} {percent(row.added)}" for row in table.iloc[1:].itertuples())
    return Prose(
        f"Of the variance of difficulty, class explains {percent(table['added'].iloc[0])}, {steps}. "
        f"{percent(1 - table['r2'].iloc[-1])} is left: what none of these tells."
    )


# For whom.


def peer_heading(table: pd.DataFrame, answers: Responses) -> Heading:
    """In how many cells a model differs from its peers, and where most (`against_peers`)."""
    under = drawn("errors on images of a factor, against images that as many others get right", answers)
    told = table[table["p_holm"] < 0.05]
    if told.empty:
        return Heading(f"On none of {table['factor'].nunique()} factors does a model differ from its peers", under)
    most = told.loc[(told["ratio"] - 1).abs().idxmax()]
    word = "more" if most["ratio"] > 1 else "fewer"
    return Heading(
        f"{told['model'].nunique()} of {table['model'].nunique()} models differ from their peers on some factor; "
        f"{condition_name(most['model'])} most: {percent(abs(most['ratio'] - 1))} {word} errors on {most['factor']}",
        under,
    )


def peer_table(table: pd.DataFrame) -> pd.DataFrame:
    """List for each model the factors on which it errs more and less than its peers, the strongest first."""
    told = table[table["p_holm"] < 0.05]
    rows = []
    for model in table["model"].unique():
        own = told[told["model"] == model].sort_values("ratio")
        more, less = own[own["ratio"] > 1][::-1], own[own["ratio"] < 1]
        rows.append((condition_name(model), _deviations(more), _deviations(less)))
    return pd.DataFrame(rows, columns=["model", "errs more on", "errs less on"])


def _deviations(rows: pd.DataFrame) -> str:
    return ", ".join(f"{row.factor} ({written(row.ratio - 1, '+.1%')})" for row in rows.itertuples()) or "–"


# Classes.


def class_heading(table: pd.DataFrame, answers: Responses) -> Heading:
    """How right models are on the hardest and on the easiest class (`class_difficulty`)."""
    hardest, easiest = (table.iloc[at] for at in (0, -1))
    return Heading(
        f"A model is right on {percent(hardest['shrunk'])} of the images of “{_name(hardest)}” and on "
        f"{percent(easiest['shrunk'])} of “{_name(easiest)}”",
        drawn("the hardest and the easiest classes", answers),
    )


def _name(row: Any) -> str:
    return str(row.get("name", row["label"]))


def confusions(pairs: pd.DataFrame, images: int, superclass: Mapping[str, float] | None = None) -> Prose:
    """Say on how many images most models give one wrong answer, and what it is (`confused_classes`)."""
    count = int(pairs["images"].sum())
    if not count:
        return Prose("On no image do most models give the same wrong answer.")
    said = [
        f"On {count:,} images ({with_interval(count / images, *wilson(count, images), '.1%')}) most models give the "
        f"same wrong answer. {_half(pairs['images'])}"
    ]
    if "accepted" in pairs:
        said.append(f"ReaL accepts the models' answer on {percent(pairs['accepted'].sum() / count)} of them.")
    if superclass:
        limits = superclass["share"], superclass["lower"], superclass["upper"]
        said.append(
            f"In {with_interval(*limits, '.1%')} it is of the label's superclass, against "
            f"{percent(superclass['chance'])} if the answers were dealt out anew."
        )
    return Prose(" ".join(said))


def _half(images: pd.Series) -> str:
    needed = int((images.cumsum() < images.sum() / 2).sum()) + 1
    return f"Half of them are of {needed:,} of {len(images):,} pairs of classes."


def extremes(table: pd.DataFrame, count: int = 10) -> pd.DataFrame:
    """Take the hardest and the easiest classes, the hardest first; all where there are few."""
    named = table if "name" in table else table.assign(name=table["label"].astype(str))
    return named if len(named) <= 2 * count else pd.concat([named.head(count), named.tail(count)], ignore_index=True)


def class_names(answers: Responses) -> Sequence[str]:
    """Name the classes by label, also where only their numbers are known."""
    names = [str(name) for name in answers.class_names]
    highest = int(max(answers.labels.max(), answers.predictions.max()))
    return names + [str(label) for label in range(len(names), highest + 1)]
