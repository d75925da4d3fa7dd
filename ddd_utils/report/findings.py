"""What each chart shows in this run, in one sentence with its numbers: its title, and under it what is drawn."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from ddd_utils.analysis.nulls import NullKappa
from ddd_utils.analysis.statistics import Estimate
from ddd_utils.analysis.verdict import Clause
from ddd_utils.analysis.wrong_answers import SameWrongAnswer
from ddd_utils.charts import Heading, corrupted
from ddd_utils.charts.names_and_colours import condition_name, dataset_name
from ddd_utils.config.schema import Variants
from ddd_utils.report.first_screen import evidence, in_words
from ddd_utils.report.network_sets import NetworkSet
from ddd_utils.report.text import Prose, estimated, literal, percent, span, written
from ddd_utils.responses import Responses

FEW = 0.01  # of the images: less is "hardly any"


def drawn(what: str, answers: Responses, networks: int | None = None) -> str:
    """Say what a chart draws, from how many networks, how long they were trained, and images of which data set."""
    count = len(answers.networks) if networks is None else networks
    images, dataset = len(answers.labels), dataset_name(answers.info["dataset"])
    networks_drawn = "1 network" if count == 1 else f"{count} networks"
    trained = f", {answers.config.epochs} epochs" if isinstance(answers.config, Variants) else ""
    return f"{what} · M = {networks_drawn}{trained} · {images:,} images of {dataset}"


def _more_or_less(lower: float, upper: float) -> str:
    return "more" if lower > 0 else "less" if upper < 0 else "neither more nor less"


def _of_set(what: str, each: NetworkSet) -> str:
    return drawn(what, each.answers, each.M)


def clause(found: Clause, subject: str = "") -> Prose:
    """Say what a clause of the verdict comes to, of which networks, and the figures behind it."""
    alone = {found.name: found.as_json()}
    words = f"{literal(subject)}: {in_words(alone)}" if subject else in_words(alone)
    return Prose(f"**{words[0].upper()}{words[1:]}** {evidence(alone)}")


# One network, trained again.


def consistency(
    means: pd.DataFrame, answers: Responses, paper: str = "the paper, ImageNet", base: str = "the base network"
) -> Heading:
    """How consistently the conditions err with the base network, from the means of `consistency.compare_with_base`."""
    under = drawn(f"kappa with {base}; diamonds: {paper}", answers)
    changed = means[means["condition"] != "base"]
    above, count = int((changed["lower"] > 0).sum()), len(changed)
    when = "Whatever is changed," if above == count else f"After {above} of {count} changes"
    return Heading(f"{when} the networks agree more than chance: kappa {span(changed['kappa'])}", under)


def learning(history: pd.DataFrame, answers: Responses) -> Heading:
    """How many images are learned at once, or never, from `dynamics.learning_history`."""
    learned = ("learned_in_first_epoch", "never_learned")
    kept, never = (history.loc[history["claim"] == claim, "share"].iloc[0] for claim in learned)
    title = f"{percent(kept)} of the images are right from the first epoch on, {percent(never)} are never right"
    return Heading(title, drawn("decisions of the base network by epoch", answers, 1))


def unanimous(
    shares: Mapping[str, float],
    networks: int,
    tolerance: int,
    answers: Responses,
    what: str = "share of images by score",
) -> Heading:
    """On how many images the networks are right, or wrong, together, from `difficulty.shares`."""
    under = drawn(what, answers)
    ends = {end: shares[end] for end in ("trivial", "impossible")}
    if few := [end for end, share in ends.items() if share < FEW]:
        found = " and ".join(f"hardly any image is {end} ({percent(ends[end])})" for end in few)
        others = "".join(f", {percent(share)} are {end}" for end, share in ends.items() if end not in few)
        return Heading(f"{found[0].upper()}{found[1:]}{others}", under)
    who = f"All {networks} networks" if tolerance == 0 else f"At least {networks - tolerance} of {networks} networks"
    title = f"{who} are right on {percent(ends['trivial'])} of the images and wrong on {percent(ends['impossible'])}"
    return Heading(title, under)


def accuracies(spread: Mapping[str, Estimate], answers: Responses) -> Heading:
    """How far the networks' accuracies lie apart, from `consistency.accuracy_spread`."""
    lowest, highest = (spread[end].value for end in ("lowest", "highest"))
    title = f"Accuracies lie {100 * (highest - lowest):.1f} points apart, {percent(lowest)} to {percent(highest)}"
    return Heading(title, drawn("accuracy after the last epoch; diamonds: the paper", answers))


def swaps(changes: pd.DataFrame, answers: Responses) -> Heading:
    """How many predictions still change in the end, and what accuracy gains by it, from `dynamics.swaps`."""
    last = changes[changes["epoch"] == changes["epoch"].max()].mean()
    changed, points = percent(last["changed"]), written(100 * last["accuracy_gain"], "+.2f")
    title = f"At the last epoch {changed} of the predictions change, accuracy by {points} points"
    return Heading(title, drawn("predicted classes that change, by epoch", answers))


def directions(changes: pd.DataFrame, answers: Responses) -> Heading:
    """Where changing predictions go at the last epoch, from `dynamics.swaps`."""
    last = changes[changes["epoch"] == changes["epoch"].max()].mean()
    kinds = {"wrong_to_right": "become right", "right_to_wrong": "become wrong", "wrong_to_wrong": "stay wrong"}
    parts = ", ".join(f"{100 * last[kind] / last['changed']:.0f} {words}" for kind, words in kinds.items())
    title = f"Of 100 predictions that change at the last epoch {parts}"
    return Heading(title, drawn("where changing predictions go", answers))


def similarity(correlations: pd.DataFrame, answers: Responses) -> Heading:
    """How alike representations are to the base's, from `dynamics.similarity_to_base`."""
    changed = correlations[correlations["condition"] != "base"].set_index("condition")["correlation"]
    ends = (f"{written(changed[at])} ({condition_name(at)})" for at in (changed.idxmin(), changed.idxmax()))
    title = f"Representations correlate from {' to '.join(ends)} with the base's"
    return Heading(title, drawn("similarity of the last layer; diamonds: the paper", answers))


def classes(table: pd.DataFrame, answers: Responses) -> Heading:
    """How accurate the easiest and the hardest class are, from `difficulty.class_accuracy`."""
    ranked = table.sort_values("accuracy", kind="stable").assign(named=table.get("name", table["label"]))
    ends = (f"{percent(row['accuracy'])} ({row['named']})" for _, row in ranked.iloc[[0, -1]].iterrows())
    return Heading(f"Accuracy runs from {' to '.join(ends)}", drawn("accuracy of each class", answers, 1))


# Models that are compared.


def corruptions(means: pd.DataFrame, answers: Responses) -> Heading:
    """Under which corruption models are most accurate, and under which least, from `difficulty.mean_accuracy_by`."""
    ranked = means.assign(name=corrupted(means)).sort_values("accuracy", kind="stable").to_dict("records")
    ends = (f"{percent(row['accuracy'])} ({row['name']})" for row in (ranked[0], ranked[-1]))
    under = drawn("accuracy by corruption and severity: mean of the models (dots), each model (ticks)", answers)
    return Heading(f"Mean accuracy runs from {' to '.join(ends)}", under)


def pairs(table: pd.DataFrame, mean: Estimate, answers: Responses) -> Heading:
    """How many pairs agree beyond chance, from `consistency.pair_table`."""
    under = drawn("kappa of every pair", answers)
    known = table["kappa"].dropna()
    if known.empty:
        return Heading("No kappa is defined: every model is always right or always wrong", under)
    above = int((table["lower"] > 0).sum())
    who = f"All {len(table)} pairs agree" if above == len(table) else f"{above} of {len(table)} pairs agree"
    return Heading(f"{who} more than chance: kappa {span(known)}, mean {written(mean.value)}", under)


def accuracy_and_kappa(table: pd.DataFrame, answers: Responses) -> Heading:
    """Whether more accurate pairs are more consistent, from `consistency.pair_table`."""
    known = table.dropna(subset="kappa")
    rank = (known["accuracy_one"] + known["accuracy_other"]).rank().corr(known["kappa"].rank())
    under = drawn("a dot for each pair of models", answers)
    how = _more_or_less(rank - 0.1, rank + 0.1)  # dependent pairs: no interval says how far it is from 0
    return Heading(f"More accurate pairs agree {how}: rank correlation {written(rank)}", under)


def same_answer(same: SameWrongAnswer, answers: Responses) -> Heading:
    """How often two models that are both wrong say the same."""
    mean = pd.Series(same.share[np.triu_indices(len(same.share), 1)]).mean()  # of pairs ever wrong together
    title = f"Where two models are both wrong, they give the same answer {percent(mean)} of the time"
    return Heading(title, drawn("the same wrong answer, where both are wrong", answers))


def label_errors(rates: pd.DataFrame, answers: Responses) -> Heading:
    """How many of the hardest and of the easiest images have a wrong label, from `wrong_answers.error_rates`."""
    none, every = (percent(rates["rate"].iloc[at]) for at in (0, -1))
    title = f"{none} of the images that no model gets right have a wrong label, {every} of those that all get right"
    return Heading(title, drawn("label errors by score", answers))


def label_errors_of_groups(rates: pd.DataFrame, answers: Responses) -> Heading:
    """In which group of images most labels are wrong, and in which fewest."""
    ranked = rates.dropna(subset="rate").sort_values("rate", kind="stable")
    most, fewest = (f"“{row['group']}” ({percent(row['rate'])})" for row in (ranked.iloc[-1], ranked.iloc[0]))
    title = f"Wrong labels are commonest among {most} and rarest among {fewest}"
    return Heading(title, drawn("label errors by difficulty, tolerance 0", answers))


# Only the in-between images.


def in_between(means: pd.DataFrame, each: NetworkSet) -> Heading:
    """How mean kappa changes without trivial and impossible images, from `nulls.subset_consistency`."""
    everything, some = means.loc["all images", "kappa"], means.loc["subset", "kappa"]
    verb = "falls" if some < everything else "rises"
    title = f"Without trivial and impossible images mean kappa {verb} from {written(everything)} to {written(some)}"
    return Heading(title, _of_set(f"kappa of every pair, tolerance {each.tolerance}", each))


def subsets(curve: pd.DataFrame, each: NetworkSet) -> Heading:
    """How in-between kappa depends on the number of networks, from `nulls.subset_curve`."""
    under = _of_set(f"subsets of M networks, tolerance {each.tolerance}", each)
    known = curve.dropna(subset="kappa_in_between")
    if known.empty:
        return Heading("No subset of these networks has a kappa in between", under)
    rows = known[["kappa_in_between", "models"]].iloc[[0, -1]].to_numpy(float)
    parts = ", ".join(f"{written(kappa)} with {models:.0f}" for kappa, models in rows)
    return Heading(f"Kappa left in between depends on the number of networks: {parts}", under)


def expectation(compared: Mapping[str, NullKappa], each: NetworkSet) -> Heading:
    """By how much mean kappa falls, and by how much the scores alone make it fall, from `nulls.compare_nulls`."""
    everything, *_, some = compared.values()
    seen = everything.mean_observed.value - some.mean_observed.value
    implied = everything.mean_expected.value - some.mean_expected.value
    title = f"Mean kappa falls by {written(seen)}; the scores alone imply {written(implied)}"
    return Heading(title, _of_set("mean kappa of all pairs (dots) and its expectation (diamonds)", each))


def excess(null: NullKappa, each: NetworkSet, level: float = 0.05) -> Heading:
    """How many pairs agree more, or less, than their accuracies explain."""
    upper = np.triu_indices(len(null.p_values), 1)
    value, tested = np.asarray(null.excess.value)[upper], null.adjusted_p_values()[upper] < level
    more, less = (int((tested & side).sum()) for side in (value > 0, value < 0))
    title = f"{more} of {len(value)} pairs agree more than their accuracies explain, {less} agree less"
    return Heading(title, _of_set("kappa minus its score-stratified expectation", each))


def outstanding(ranked: pd.DataFrame, each: NetworkSet) -> Heading:
    """Which pair exceeds its expectation most, from `NullKappa.table`."""
    one, other, excess = ranked[["one", "other", "excess"]].iloc[0]
    names = f"{condition_name(one)} and {condition_name(other)}"
    title = f"{names} agree most beyond expectation: {written(excess, '+.2f')}"
    return Heading(title, _of_set("highest and lowest excess", each))


def statistics(changes: pd.DataFrame, series: str, answers: Responses) -> Heading:
    """How many predictions change in the end, by the way in which a network is evaluated."""
    last = changes[changes["epoch"] == changes["epoch"].max()].set_index(series)["changed"]
    parts = ", ".join(f"{percent(share)} with {way}" for way, share in last.items())
    title = f"Predictions that change at the last epoch: {parts}"
    return Heading(title, drawn("predictions of the base network that change, by epoch", answers, 1))


# Noise.


def divergence(table: pd.DataFrame) -> Heading:
    """How the divergence of neighbours falls, from `noise.neighbour_divergence`."""
    known = table["kl"].dropna()
    title = f"The divergence falls {known.iloc[0] / known.iloc[-1]:,.0f}-fold from the first neighbours to the last"
    return Heading(title, "divergence between each class and the next")


def beside_the_ideal(table: pd.DataFrame, answers: Responses) -> Heading:
    """How many images the networks recognise, and could at best, from `noise.accuracy_by_sigma`."""
    found, best = f"The networks recognise {percent(table['accuracy'].mean())} of the images", table["bayes"].mean()
    under = drawn("accuracy by standard deviation (band: least to most accurate network)", answers)
    return Heading(found if np.isnan(best) else f"{found}; {percent(best)} is possible", under)


def predicted(found: Estimate, answers: Responses) -> Heading:
    """How well the divergence predicts the accuracy, from `noise.divergence_correlation`."""
    often = f"{_more_or_less(found.lower, found.upper)} often: rank correlation {estimated(found, '.2f')}"
    under = drawn("a dot for each class", answers, 1)
    return Heading(f"Classes with more divergence are recognised {often}", under)


def folder_order(folders: pd.DataFrame, answers: Responses) -> Heading:
    """Where sorting folder names as strings puts the first classes, from `noise.in_folder_order`."""
    moved = folders[folders["moved"]]
    which, where = f"{moved['folder'].min()} to {moved['folder'].max()}", ", ".join(map(str, moved["position"]))
    title = f"Sorted as strings, the folders {which} make spikes at {where}"
    return Heading(title, drawn("one curve, in two orders", answers))


# People.


def observers(table: pd.DataFrame) -> Heading:
    """How often observers find the impossible image, from `observer_trials.accuracy`."""
    title = f"{len(table)} observers find the impossible image in {percent(table['accuracy'].mean())} of the trials"
    return Heading(title, "accuracy of each observer, with Wilson's 95% interval")


def observer_pairs(table: pd.DataFrame) -> Heading:
    """How consistently observers err, from `observer_trials.observer_consistency`."""
    title = f"Two observers' mistakes agree with kappa {written(table['kappa'].mean())} on average"
    return Heading(title, "error consistency of each two observers")


def blocks(table: pd.DataFrame, everyone: str) -> Heading:
    """How accuracy moves over the experiment, from `observer_trials.learning`."""
    together = table.loc[table["observer"] == everyone, "accuracy"]
    title = f"Accuracy is {percent(together.iloc[0])} in the first block and {percent(together.iloc[-1])} in the last"
    return Heading(title, "accuracy by block of trials")


def times(table: pd.DataFrame) -> Heading:
    """How long right and wrong answers take, from `observer_trials.response_times`."""
    medians = table.groupby("answer")["median"].median() / 1000
    parts = ", ".join(f"{written(time)} s when {answer}" for answer, time in medians.items())
    return Heading(f"Median time to answer: {parts}", "median response time of each observer")


def people_by_difficulty(table: pd.DataFrame, under: str) -> Heading:
    """How many people name the label of images that networks find trivial and impossible."""
    shares = table[table["tolerance"] == 0].set_index("difficulty")["share"]
    parts = ", ".join(f"{percent(share)} for {kind} images" for kind, share in shares.items())
    return Heading(f"The share of people who name the label is {parts}", under)


def people_by_score(rank: Estimate, under: str) -> Heading:
    """How strongly networks' and people's difficulty go together."""
    often = f"{_more_or_less(rank.lower, rank.upper)} often: rank correlation {estimated(rank, '.2f')}"
    return Heading(f"Images that more networks get right, people get right {often}", under)


def majority(kappas: pd.DataFrame, under: str) -> Heading:
    """How consistently networks err with most people, from `humans.majority_consistency`."""
    return Heading(f"Networks and the majority of people err alike with kappa {span(kappas['kappa'])}", under)


def answers_about_images(means: pd.DataFrame, questions: Mapping[str, str], under: str) -> Heading:
    """How far the mean answers to the first question lie apart, from `humans.means`."""
    first = str(means["question"].iloc[0])
    rows = means[means["question"].astype(str) == first].to_dict("records")
    parts = ", ".join(f"{written(row['answer'])} if {row['difficulty']}" for row in rows)
    return Heading(f"{questions[first][:1].upper()}{questions[first][1:]}: {parts}", under)
