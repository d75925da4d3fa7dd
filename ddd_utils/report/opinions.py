"""What the section on the number of opinions says: titles of its charts, its sentences and tables, by rule."""

import numpy as np
import pandas as pd

from ddd_utils.analysis.families import FEWEST, STEP, FamilyEffects
from ddd_utils.analysis.margins import DecisionMargins
from ddd_utils.analysis.planning import DESIGNS, plan_kappa
from ddd_utils.charts import Heading
from ddd_utils.charts.names_and_colours import condition_name
from ddd_utils.report.findings import drawn
from ddd_utils.report.text import Absence, Prose, literal, percent, readable, with_interval, written
from ddd_utils.responses import Responses

APART = 0.05  # kappas that are to be told apart


def at_hand(answers: Responses) -> Prose:
    """Say how many published models lack, and which entries are one model that is counted once; empty otherwise."""
    missing, same = answers.info.get("not_at_hand", []), answers.info.get("same_model", {})
    total, parts = len(missing) + len(answers.networks) + len(same), []
    if missing:
        parts.append(f"{total - len(missing)} of {total} published models are at hand; the others were not downloaded.")
    parts += [
        f"{literal(condition_name(copy))} and {literal(condition_name(kept))} are the same model (kappa above 0.99), "
        "which is counted once."
        for copy, kept in same.items()
    ]
    return Prose(" ".join(parts))


def no_families(families: list[str] | None) -> Absence:
    """Say why families are not compared, if they are not."""
    told = f"Families are known of published models, and compared where two have at least {FEWEST} models each."
    return Absence(told if families is None else "")


def family_heading(effects: FamilyEffects, answers: Responses) -> Heading:
    """By how much pairs within a family agree more than the pairs of the baseline; an interval may leave that open."""
    parts = [
        f"by {written(row['effect'], '+.2f')}{'' if row['lower'] * row['upper'] > 0 else ' (not decidable)'} for {kind}"
        for kind, row in effects.within.iterrows()
    ]
    found = f"At equal accuracy, kappa differs from that of {effects.baseline} {' and '.join(parts)} models"
    under = drawn("difference from these pairs, accuracies and source alike", answers)
    return Heading(found if parts else "No family has enough models for an interval", under)


def families(kappa: FamilyEffects, excess: FamilyEffects) -> Prose:
    """Say how much more models of a family agree, in kappa and in excess of the scores, and what that is."""
    said, clear = [], []
    for kind, row in kappa.within.iterrows():
        both = {"kappa": row, "excess": excess.effects.loc[kind]}
        more, beyond = (with_interval(*each[["effect", "lower", "upper"]], "+.3f") for each in both.values())
        said.append(f"{kind} models agree more by {more} in kappa and by {beyond} in excess of what the scores imply")
        clear += [f"the {what} of {kind} models" for what, each in both.items() if each["lower"] > 0]
    far = written(kappa.terms["effect"].iloc[0], "+.3f")
    return Prose(
        f"Compared with pairs of {kappa.baseline}, all else equal, {'; '.join(said)}. Above 0 with the whole interval: "
        f"{' and '.join(clear) or 'none'}. For scale: with accuracies {100 * STEP:.0f} points further apart kappa "
        f"differs by {far}. This is an association: recipe and pretraining go along with the family."
    )


def effective_heading(found: pd.DataFrame, answers: Responses) -> Heading:
    """How many independent models all of them are worth, from `opinions.effective_number`."""
    worth, ceiling, _ = map(written, found["value"])
    title = f"{len(answers.networks)} models are worth {worth} independent ones"
    under = drawn("independent models by number of models (band: 95% of random draws)", answers)
    return Heading(f"{title}, and no number of such models is worth more than {ceiling}", under)


def effective(found: pd.DataFrame, by_size: pd.DataFrame) -> Prose:
    """Say how many models are enough to be worth nearly as much as all, and how many dimensions errors have."""
    worth, _, ratio = (found.loc[row] for row in range(3))
    few = by_size.loc[by_size["effective"] >= 0.95 * by_size["effective"].iloc[-1], "models"].iloc[0]
    intervals = [
        f"{with_interval(*row[['value', 'lower', 'upper']], '.2f')} for other images, "
        f"{written(row['models_lower'])} to {written(row['models_upper'])} for other models"
        for row in (worth, ratio)
    ]
    return Prose(
        f"They are worth {intervals[0]} (95% intervals). {few} models are worth 95% of that already. The participation "
        f"ratio, which counts the dimensions of their errors, is {intervals[1]}."
    )


def majority_heading(by_size: pd.DataFrame, answers: Responses) -> Heading:
    """How much the best majority gains over the best model alone."""
    odd = by_size.dropna(subset="majority")
    best, top = odd["best"].iloc[-1], odd.loc[odd["top_majority"].idxmax()]
    under = drawn("images that more than half of k models get right", answers)
    if top["models"] == 1 or top["top_majority"] <= best:
        return Heading("No majority of the most accurate models beats the best alone", under)
    gain = written(100 * (top["top_majority"] - best), "+.1f")
    title = f"A majority of the {top['models']:.0f} most accurate models gains {gain} points over the best alone"
    return Heading(title, under)


def majority(by_size: pd.DataFrame, pairs: pd.DataFrame) -> Prose:
    """Say what a majority of all gains beside independent models, and which two models complement each other best."""
    every = by_size.dropna(subset="majority").iloc[-1]
    two, accurate = pairs.iloc[0], pairs.loc[(pairs["accuracy_one"] + pairs["accuracy_other"]).idxmax()]
    names = [literal(condition_name(name)) for name in (*two[["one", "other"]], *accurate[["one", "other"]])]
    return Prose(
        f"A majority of {every['models']:.0f} is right on {percent(every['majority'])} of the images, the best of them "
        f"alone on {percent(every['best'])}; a majority of independent models of these accuracies would be on "
        f"{percent(every['independent'])}. {names[0]} and {names[1]} complement each other best: at least one of them "
        f"is right on {with_interval(two['either'], two['lower'], two['upper'], '.1%')} of the images. Of the two most "
        f"accurate ({names[2]}, {names[3]}) it is {percent(accurate['either'])}; two independent models as accurate as "
        f"the former would reach {percent(two['independent'])}."
    )


def no_margins(known: DecisionMargins) -> Absence:
    """Say that too few probabilities are known for margins, if so."""
    told = f"Margins take the probabilities of two models' answers to all images; here {len(known.models)} have them."
    return Absence("" if len(known.models) > 1 else told)


def calibration_heading(found: pd.DataFrame, answers: Responses) -> Heading:
    """How many models are surer than they are right, or less sure, from `margins.calibration`."""
    over, under = (found["overconfidence_lower"] > 0).sum(), (found["overconfidence_upper"] < 0).sum()
    far = found.loc[found["overconfidence"].abs().idxmax()]
    sure = f"{percent(far['probability'])} sure on average and right on {percent(far['accuracy'])}"
    counted = f"{over or 'none'} of {len(found)} models {'is' if over == 1 else 'are'} overconfident"
    under_it = drawn("right answers among those of about the same probability", answers, len(found))
    return Heading(f"{condition_name(far['model'])} is {sure}; {counted}, {under or 'none'} underconfident", under_it)


def margins(pairs: pd.DataFrame, found: pd.DataFrame, exact: bool) -> Prose:
    """Say how margins go together, from `margins.margin_consistency` with ``CAPA``, and `margins.calibration`."""
    top, vote = (pairs.loc[pairs[what].idxmax()] for what in ("correlation", "surer_right"))
    most, surer = (" and ".join(literal(condition_name(each)) for each in row[["one", "other"]]) for row in (top, vote))
    alone = found.set_index("model").loc[list(vote[["one", "other"]]), "accuracy"].max()
    said, several = readable(pairs).loc[top.name], len(pairs) > 1
    start = (
        "" if exact else "Only answers' own probabilities are known: they stand in for margins, negative where wrong. "
    )
    beyond = f", {said['excess']} more than the scores imply" if said["excess"] else ""
    beyond += f" (over all pairs: {_range(pairs['excess'], '.3f')})" if beyond and several else ""
    return Prose(
        f"{start}The margins of {most} correlate {'most, ' if several else ''}by {said['correlation']}{beyond}. "
        f"If the surer of {surer} decides, {percent(vote['surer_right'])} of the images are right, with the better one "
        f"alone {percent(alone)}. To average them takes the probabilities of all classes, and so does CAPA; from the "
        f"answers alone, each taken as certain, CAPA is {_range(pairs['CAPA'])}."
    )


def averaged(pairs: pd.DataFrame, images: int) -> Prose:
    """Say which average of two models is right most often (`margins.averaged_pairs`), and what CAPA is."""
    best = pairs.iloc[0]
    names = " and ".join(literal(condition_name(each)) for each in best[["one", "other"]])
    return Prose(
        f"On {images:,} images the probabilities of all classes are known. The average of {names} is right on "
        f"{percent(best['average'])} of them, the better one alone on {percent(best['better'])}. From these "
        f"probabilities CAPA is {_range(pairs['CAPA'])}."
    )


def _range(values: pd.Series, form: str = ".2f") -> str:
    return " to ".join(dict.fromkeys(written(each, form) for each in (values.min(), values.max())))


def images_needed(kappa: float, accuracy: float) -> Prose:
    """Say how many images it takes to tell a kappa from another one; both are rounded, as a reader would type them."""
    kappa, accuracy = np.clip(np.round([kappa, accuracy], 2), [0, 0.01], 0.99).tolist()
    other = kappa + (APART if kappa < 0.5 else -APART)
    needed = [f"{plan_kappa([kappa, other], accuracy, design=design):,}" for design in DESIGNS]
    said = f"{written(kappa)} from {written(other)}"
    typed = f"ddd plan-kappa --kappas {kappa:.2f} {other:.2f} --accuracies {accuracy:.2f}"
    return Prose(
        f"At an accuracy of {written(accuracy)}, to tell a kappa of {said} with power 0.8 takes {needed[0]} images for "
        f"each if they are independent, {needed[1]} if both kappas are on the same images, and {needed[2]} if the two "
        f"pairs have a model in common besides. `{typed}` says so, and the same of other numbers."
    )
