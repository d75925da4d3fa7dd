"""What the section on why images are impossible says: its charts' titles, its sentences and tables, its verdicts."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ddd_utils.analysis.factors import COMMON, PRIMARY, Regression, is_resnet50
from ddd_utils.analysis.statistics import Estimate, wilson
from ddd_utils.analysis.wrong_answers import LABELS, OUTCOMES
from ddd_utils.charts import Heading
from ddd_utils.charts.names_and_colours import condition_name
from ddd_utils.report.claims import Book, claim, recorded
from ddd_utils.report.comparability import Basis
from ddd_utils.report.findings import drawn
from ddd_utils.report.text import Absence, Prose, literal, p_value, percent, with_interval, written
from ddd_utils.report.verdicts import figure, paper_text, verdict
from ddd_utils.responses import Responses

# What the paper guesses in section 4, and the factors of ImageNet-X that come nearest, by the claim in paper.yaml.
GUESSES = {
    "impossible_multiple_objects": ("several objects", ("multiple objects",)),
    "impossible_unusual_objects": ("unusual objects", ("subcategory", "texture", "shape")),
    "impossible_viewpoint": ("unusual viewpoints", ("pose",)),
    "impossible_background": ("the background", ("background",)),
}
# The paper's words on label errors, by the claim in paper.yaml that says what would bear them out.
WORDED = {
    "impossible_beyond_labels": "Beyond label errors",
    "impossible_label_errors": "Only … a minor influence on the ‘None-Bar’",
}
ALIKE = 0.001  # of the images: classes that differ by less are called equal
GUESSED = ["claim", "guess", "factors", "marked", "of_impossible", "ratio", "lower", "upper", "verdict"]
NOT_TESTABLE = "not testable with these marks"
NO_MARKS = "no marks at hand"
PROTOTYPES = (
    "For ImageNet-X (Idrissi et al., 2022) a trained annotator saw each image beside three prototypes of its class, "
    "those that a ResNet-50 finds likeliest, and marked how it *differs* from them. So a mark means a difference, not "
    "something odd. The prototypes themselves, {count:,} of them, are left out: they were chosen by being right. A "
    "ResNet-50 may differ from other models on some factors for that reason alone.\n\n"
)


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


def label_verdicts(preset: str) -> Prose:
    """Say what becomes of the paper's words on label errors, as far as it has been recorded."""
    records, said = recorded(preset)[0], []
    for name, words in WORDED.items():
        if name in records:
            stated, found = claim(name), records[name]
            here, interval = figure(stated, found)
            told = f"{stated.short}: {here} ({interval}), which would have to be {paper_text(stated)}"
            said.append(f"- **“{words}”** ({stated.where}): {verdict(stated, found).outcome}; {told}.")
    return Prose("\n".join(said))


def label_heading(table: pd.DataFrame, answers: Responses) -> Heading:
    """How many labels are rejected where no model is right, and where all are (`status_by_score`)."""
    rejected = table[table["status"] != LABELS[0]].groupby("score")["share"].sum()
    none, every = (percent(rejected.iloc[at]) for at in (0, -1))
    title = f"ReaL rejects {none} of the labels that no model names, {every} of those that all do"
    return Heading(title, drawn("what ReaL says of the labels, by the number of models right", answers))


# Factors.


def _under(what: str, answers: Responses, images: int) -> str:
    return f"{what} · M = {len(answers.networks)} networks · {images:,} images with marks"


def no_marks(found: object, *, again: bool = False) -> Absence:
    """Say why there are no marks, in short where that was said before; empty where there are some."""
    if not isinstance(found, str):
        return Absence()
    return Absence("Not shown here: there are no marks." if again else found)


def marks(source: str, prototypes: int, regression: Regression, images: int) -> Prose:
    """Say what the marks are, and on how many images the regression rests; ``images`` are impossible."""
    return Prose(
        f"{PROTOTYPES.format(count=prototypes) if prototypes else ''}{literal(source)} has "
        f"{len(regression.log_ratios)} factors on {regression.images:,} of these images; {images:,} of them are "
        f"impossible. {regression.left_out:,} classes without an impossible image drop out; {regression.classes:,} "
        "remain."
    )


def primary(ratios: pd.DataFrame) -> pd.DataFrame:
    """Take the primary outcome of `adjusted_ratios`, the largest ratio first, those that are undefined last."""
    rows = ratios[ratios["outcome"] == PRIMARY]
    return rows.sort_values("ratio", ascending=False, kind="stable", ignore_index=True)


def factor_heading(primary: pd.DataFrame, answers: Responses, images: int) -> Heading:
    """How many factors go with impossible images (`primary`), which most; those that nearly all carry do not count."""
    under = _under("marked against unmarked, all else fixed", answers, images)
    primary = primary[primary["ratio"].notna() & (primary["marked"] <= COMMON)]
    more = primary[(primary["p_holm"] < 0.05) & (primary["ratio"] > 1)]
    if more.empty:
        return Heading(f"None of {len(primary)} factors makes images impossible more often", under)
    strongest, verb = more.loc[more["ratio"].idxmax()], "goes" if len(more) == 1 else "go"
    most = f"{strongest['factor']}, {written(strongest['ratio'], '.1f')}-fold"
    counted = f"{len(more)} of {len(primary)} factors {verb} with impossible images"
    return Heading(f"{counted}; the strongest, {most}", under)


def ratio_table(primary: pd.DataFrame, without: pd.DataFrame, accepted: pd.DataFrame | None) -> pd.DataFrame:
    """Show the primary outcome with all that was tried on it, the largest ratio first."""
    primary = primary.merge(without, on="factor")
    p_values = primary["p_holm"].map(p_value)
    shown = pd.DataFrame({"factor": primary["factor"], "risk ratio": _ratios(primary), "p (Holm)": p_values})
    if primary["without_resnet50"].notna().any():
        shown["without ResNet-50"] = primary["without_resnet50"].map(written)
    if primary["lowest"].notna().any():
        families = zip(primary["lowest"], primary["highest"], strict=True)
        shown["without one family"] = [f"{written(low)} to {written(high)}" for low, high in families]
    if accepted is not None:
        shown["accepted labels only"] = _ratios(accepted.set_index("factor").loc[primary["factor"]])
    return shown


def robust(primary: pd.DataFrame, without: pd.DataFrame, accepted: pd.DataFrame | None) -> Prose:
    """Say which of the factors that go with impossible images still do so when it is asked again."""
    rows = primary.merge(without, on="factor")
    rows = rows[(rows["p_holm"] < 0.05) & (rows["ratio"] > 1) & (rows["marked"] <= COMMON)].set_index("factor")
    asked = {"without_resnet50": "without ResNet-50", "lowest": "without any one family of models"}
    said = [
        f"{words}, {_how_many(rows[column] > 1)} ratios stay above 1 (the smallest: {rows[column].idxmin()}, "
        f"{written(rows[column].min())})"
        for column, words in asked.items()
        if len(rows) and rows[column].notna().all()
    ]
    if accepted is not None and len(rows):
        stays = accepted.set_index("factor").loc[rows.index, "lower"] > 1
        lost = f", not those of {', '.join(stays.index[~stays])}" if not stays.all() else ""
        said.append(f"on accepted labels alone, the intervals of {_how_many(stays)} lie above 1{lost}")
    return Prose(f"Asked again: {'; '.join(said)}." if said else "")


def _how_many(which: pd.Series) -> str:
    return f"all {len(which)}" if which.all() else f"{int(which.sum())} of {len(which)}"


def secondary_table(ratios: pd.DataFrame) -> pd.DataFrame:
    """Show the other outcomes, a column each; a star where Holm's p is below 0.05."""
    others = ratios[ratios["outcome"] != PRIMARY]
    stars = others["p_holm"].map(lambda p: " *" if p < 0.05 else "")
    cells = others.assign(cell=np.array(_ratios(others), object) + stars)
    table = cells.pivot(index="factor", columns="outcome", values="cell")
    table.insert(0, "marked", others.groupby("factor")["marked"].first().map(percent))
    shown = table.loc[others["factor"].unique(), ["marked", *others["outcome"].unique()]]
    return shown.fillna("–").reset_index().rename_axis(None, axis=1)


def _ratios(table: pd.DataFrame) -> list[str]:
    return [with_interval(*row, ".2f") or "undefined" for row in table[["ratio", "lower", "upper"]].to_numpy(float)]


def guesses(factors: Sequence[str], marked: np.ndarray, regression: Regression, impossible: np.ndarray) -> pd.DataFrame:
    """
    Hold what was found on images with marks against the paper's guesses, as far as there are factors of these names.

    One row a guess: claim, guess, factors, marked (share of images with any of them), of_impossible (the same of
    impossible images), ratio (of several factors, their geometric mean), lower, upper, verdict.
    """
    rows = []
    for name, (guess, names) in GUESSES.items():
        if set(names) <= set(factors):
            at = np.isin(factors, names)
            carried, ratio = marked[:, at].any(axis=1), regression.estimate(at / at.sum())
            shares, limits = (carried.mean(), carried[impossible].mean()), (ratio.value, ratio.lower, ratio.upper)
            rows.append((name, guess, ", ".join(names), *shares, *limits, _judged(ratio, shares[0])))
    return pd.DataFrame(rows, columns=GUESSED)


def _judged(ratio: Estimate, share: float) -> str:
    if share > COMMON:
        return NOT_TESTABLE
    if not np.isfinite(ratio.lower):
        return "not decidable"
    return "holds" if ratio.lower > 1 else "contradicted" if ratio.upper < 1 else "not decidable"


def guess_sentences(table: pd.DataFrame) -> Prose:
    """Say what becomes of each guess of the paper (`guesses`)."""
    return Prose("\n".join(map(_guess, table.to_dict("records"))))


def _guess(row: Mapping[Any, Any]) -> str:
    told = f"{row['verdict']}; marked on {percent(row['marked'])} of all images"
    if row["verdict"] != NOT_TESTABLE:
        ratio = with_interval(row["ratio"], row["lower"], row["upper"], ".2f") or "undefined"
        several = ", geometric mean" if "," in row["factors"] else ""
        told += f" and on {percent(row['of_impossible'])} of the impossible ones, risk ratio {ratio}{several}"
    return f"- **{row['guess'][0].upper()}{row['guess'][1:]}** ({row['factors']}): {told}."


def record_guesses(book: Book, table: pd.DataFrame | None, answers: Responses, images: int = 0) -> None:
    """Record the guesses about ImageNet; without marks (None), that they are not tested for want of them."""
    if not answers.info.get("on_imagenet"):
        return
    for name in GUESSES if table is None else ():
        book.record(name, None, None, Basis(len(answers.networks), None, "imagenet", NO_MARKS))
    for row in [] if table is None else table.to_dict("records"):
        obstacle = NOT_TESTABLE if row["verdict"] == NOT_TESTABLE else ""
        basis = Basis(len(answers.networks), images, "imagenet", obstacle)
        book.record(row["claim"], row["ratio"], (row["lower"], row["upper"]), basis, row["factors"])


def explained(table: pd.DataFrame) -> Prose:
    """Say how much of the images' difficulty is explained, in the order in which it was asked (`factors.explained`)."""
    first, *others = [with_interval(*each, ".1%") for each in table[["added", "added_lower", "added_upper"]].to_numpy()]
    then = ", ".join(f"then {step} {share}" for step, share in zip(table["step"][1:], others, strict=True))
    total, lower, upper = table[["r2", "r2_lower", "r2_upper"]].iloc[-1]
    return Prose(
        f"Of the variance of difficulty, class explains {first}, {then}: {percent(total)} in all. "
        f"{with_interval(1 - total, 1 - upper, 1 - lower, '.1%')} is left: what none of these tells. Intervals are for "
        "other classes with their images."
    )


# For whom.


def peer_heading(table: pd.DataFrame, answers: Responses, images: int, prototypes: int = 0) -> Heading:
    """How many models differ from their peers, on which factor most; a ResNet-50 that chose prototypes is not named."""
    under = _under("errors on a factor, against images that as many models get right", answers, images)
    told = table[table["p_holm"] < 0.05]
    if told.empty:
        return Heading(f"On none of {table['factor'].nunique()} factors does a model differ from its peers", under)
    factor = told["factor"].mode()[0]
    rows = told[told["factor"] == factor].sort_values("ratio")
    others = rows[~is_resnet50(rows["model"])] if prototypes else rows
    ends = (others if len(others) else rows).iloc[[0, -1]].drop_duplicates()
    said = [
        f"{condition_name(row.model)} errs {percent(abs(row.ratio - 1))} {'more' if row.ratio > 1 else 'less'}"
        for row in ends.itertuples()
    ]
    counted = f"{told['model'].nunique()} of {table['model'].nunique()} models differ from their peers on some factor"
    return Heading(f"{counted}, {len(rows)} of them on {factor}: {' and '.join(said)}", under)


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
    (hardest, least), (easiest, most) = table[["name", "shrunk"]].iloc[[0, -1]].to_numpy()
    under = drawn("the hardest and the easiest classes", answers)
    if most - least < ALIKE:
        return Heading(f"No class is harder than another, beyond chance: {percent(least)} right", under)
    ends = f"{percent(least)} of the images of “{hardest}” and on {percent(most)} of “{easiest}”"
    return Heading(f"A model is expected to be right on {ends}", under)


def confusions(pairs: pd.DataFrame, images: int, superclass: Mapping[str, float] | None = None) -> Prose:
    """Say on how many images most models give one wrong answer, and what it is (`confused_classes`)."""
    count = int(pairs["images"].sum())
    if not count:
        return Prose("On no image do most models give the same wrong answer.")
    share = with_interval(count / images, *wilson(count, images), ".1%")
    half = int((pairs["images"].cumsum() < count / 2).sum()) + 1
    said = [
        f"Most models give the same wrong answer on {count:,} images, {share}. {half:,} of {len(pairs):,} pairs of "
        "label and answer account for half of these images."
    ]
    if "accepted" in pairs:
        said.append(f"ReaL accepts the models' answer on {percent(pairs['accepted'].sum() / count)} of these images.")
    if superclass:
        limits, chance = (superclass[key] for key in ("share", "lower", "upper")), percent(superclass["chance"])
        said.append(
            f"On {with_interval(*limits, '.1%')} the answer is at least of the label's superclass; if the answers were "
            f"dealt out anew, it would be on {chance}."
        )
    return Prose(" ".join(said))


def extremes(table: pd.DataFrame, count: int = 10) -> pd.DataFrame:
    """Take the hardest and the easiest classes, the hardest first; all where there are few."""
    return table if len(table) <= 2 * count else pd.concat([table.head(count), table.tail(count)], ignore_index=True)
