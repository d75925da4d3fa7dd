# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Can people tell which images are hard for networks?
#
# An observer sees two images: one that every network recognises and one that none does. Which is the harder one for a
# network? In the paper, nine people made 149 such choices each and were right about four times in five; they also
# tended to be wrong about the same pairs. So people and networks share some notion of what makes an image difficult.
#
# This section analyses any observers' files. Each is a CSV table with the columns `observer`, `trial_index`,
# `trivial_image`, `impossible_image`, `response` (the image taken for the harder one) and `rt` (milliseconds).
# `python -m ddd_utils experiment quick --out experiment.html` makes a page on which people take the experiment with the
# images of this report, and which saves such a file.

# %% tags=["parameters"]
preset = "quick"
observers = "observers"
simulated = 0
published = False

# %%
import numpy as np
import pandas as pd
from IPython.display import Markdown, display
from scipy.stats import chi2, t

from ddd_utils import experiments, params, paths, reporting
from ddd_utils.analysis import consistency, humans, observer_trials, psychophysics
from ddd_utils.errors import InputError
from ddd_utils.experiments import published as published_data
from ddd_utils.reporting import charts, claims, game
from ddd_utils.reporting.sentences import readable

# %%
reporting.setup()
book = claims.Book("human_results", preset)

# %% [markdown]
# ## The paper's figures checked against each other
#
# An accuracy over 149 trials can only be a multiple of 1/149, and the smallest, the mean and the largest of nine
# values limit their standard deviation. Here is what each printed figure can be, given the others.

# %%
printed = psychophysics.printed_figures().set_index("figure", drop=False)
numbers = printed[["printed", "lowest", "highest"]].map("{:.4g}".format)  # accuracies beside a p-value of 1e-8
pd.concat([printed["figure"], numbers, printed[["agrees", "how"]]], axis=1).reset_index(drop=True)

# %%
p_value = printed.loc["p-value of the lowest", "lowest"]
book.record("human_p_value", p_value, note=printed.loc["p-value of the lowest", "how"])
Markdown(
    f"{printed['agrees'].sum()} of {len(printed)} figures agree with the others. The least accurate observer's p-value "
    f"is {p_value:.3e}."
)

# %% [markdown]
# ## The observers

# %%
trials, problems = psychophysics.read_observers(paths.build() / observers)
no_person = trials.empty
if no_person and simulated:
    trials = psychophysics.simulate(simulated, claims.paper()["printed"]["trials"])
observed, pairs = observer_trials.accuracy(trials), observer_trials.observer_consistency(trials)

# %%
# What the networks of this report have seen: whose images were shown cannot be told from an observer's file.
at_hand = {section: experiments.at_hand(section, preset) for section in params.WITH_IMAGES if len(trials)}
at_hand = {section: answers for section, answers in at_hand.items() if answers is not None}
seen = {answers.info["dataset"]: answers.image_ids for answers in at_hand.values()}

# %%
lines = [f"**{len(observed)} observers**, {len(trials):,} trials."]
if no_person:
    lines = [f"**No observers yet**: put their CSV files into the folder `{observers}` of the build folder."]
    lines += [f"**{simulated} simulated observers** stand in, to show what the analysis looks like."] * bool(simulated)
Markdown("\n\n".join([*lines, *(f"- Left out: {line}" for line in problems)]))

# %%
if len(observed):
    display(charts.observer_dots(observed, "Finding the impossible image", simulated=no_person))

# %%
if len(pairs):
    display(charts.observer_matrix(pairs, "Which pairs are mistaken", simulated=no_person))

# %% [markdown]
# ## Accuracy and agreement in numbers
#
# The mean accuracy has an interval over observers (Student's t), its standard deviation likewise (chi-squared), the
# least and most accurate observer Wilson's. For the agreement, the image pairs that all have judged are resampled,
# for all observers at once. Resampling drives extremes and spread further apart, so those intervals lean outwards.
# The paper's observers judged photographs; whether ours were told the answers does not stand in their files.

# %%
STATISTICS = {"mean": "mean", "lowest": "min", "highest": "max", "sd": "std"}
n, ranked = len(observed), observed.sort_values("accuracy")
figures = {f"human_accuracy_{name}": getattr(ranked["accuracy"], how)() for name, how in STATISTICS.items()}
figures |= {f"human_kappa_{name}": getattr(pairs["kappa"], how)() for name, how in STATISTICS.items()}

# %%
mean, sd = figures["human_accuracy_mean"], figures["human_accuracy_sd"]
intervals = {
    f"human_accuracy_{which}": ranked[["lower", "upper"]].iloc[at]
    for which, at in [("lowest", 0), ("highest", -1)]
    if n
}
if n > 1:
    intervals["human_accuracy_mean"] = mean + t.ppf([0.025, 0.975], n - 1) * sd / np.sqrt(n)
    intervals["human_accuracy_sd"] = sd * np.sqrt((n - 1) / chi2.ppf([0.975, 0.025], n - 1))

# %%
judged = trials.pivot_table(index="observer", columns=psychophysics.PAIR, values="correct", aggfunc="first")
by_all = judged.dropna(axis=1).to_numpy(bool)
if n > 1 and by_all.size:
    draws = pd.DataFrame(consistency.bootstrap(by_all)[:, *np.triu_indices(n, 1)])
    for name, how in STATISTICS.items():
        intervals[f"human_kappa_{name}"] = consistency.percentile_interval(getattr(draws, how)(axis=1).to_numpy())

# %%
shown = next((set_of for set_of, names in seen.items() if trials["trivial_image"].isin(names).any()), "photographs")
kind = "simulated" if no_person and simulated else "human" if game.comparable(shown) else f"human, {shown}"
for claim_id, value in figures.items():
    book.record(claim_id, value, intervals.get(claim_id), m=n, n=len(trials), dataset=kind)

# %%
table = claims.table(preset).query("section == 'human_results'").reset_index(drop=True)
table[["claim", "paper", "here", "data set", "verdict", "reason"]]

# %% [markdown]
# ## Learning over the trials
#
# Accuracy in blocks of trials, in the order in which each observer took them. Who is told the answers learns; who is
# not may still tire. The interval of all observers together takes their trials as independent.

# %%
if n:
    blocks = observer_trials.learning(trials)
    heading = "Accuracy over the experiment"
    display(charts.block_curves(blocks, observer_trials.EVERYONE, heading, simulated=no_person))

# %% [markdown]
# ## How long right and wrong answers take
#
# If hard pairs were merely guessed in haste, wrong answers would be the faster ones.

# %%
if n:
    times = observer_trials.response_times(trials)
    display(charts.response_time_dots(times, "Time to answer", simulated=no_person))
    medians = times.pivot(index="observer", columns="answer", values="median").dropna()
    slower = (medians.get("wrong", 0) > medians.get("right", 0)).sum() if len(medians.columns) == 2 else 0
    display(Markdown(f"{slower} of {len(medians)} observers took longer (median) for their wrong answers."))

# %% [markdown]
# ## Who errs with whom
#
# Error consistency (kappa) of each two observers, with Fleiss' interval for other pairs of images.

# %%
if len(pairs):
    known = {name: claims.claim(f"human_kappa_{name}").value for name in ("mean", "lowest", "highest")}
    text = "In the paper: {mean:.4f} on average, from {lowest:.4f} to {highest:.4f}.".format(**known)
    display(readable(pairs.sort_values("kappa", ascending=False).reset_index(drop=True)), Markdown(text))

# %% [markdown]
# And of observers with networks. A network that is right about one image of a pair only has made the observer's
# choice; pairs on which it is right or wrong twice say nothing about it. Where trivial and impossible were decided by
# these very networks, hardly any of them errs; others tell more.


# %%
def with_networks(answers):
    names = answers.networks["network"]
    return observer_trials.model_consistency(trials, answers.correct(), answers.image_ids, names)


def show_networks(section, table):
    erring = table[table["network_errors"] > 0].sort_values("kappa", ascending=False).reset_index(drop=True)
    left = f"in {len(table) - len(erring)} of {len(table)} comparisons the network never errs: they are left out."
    display(Markdown(f"Networks of [{section}]({section}.ipynb): {left}"))
    if len(erring):
        display(readable(erring))


# %%
compared = {section: with_networks(answers) for section, answers in at_hand.items()}
compared = {section: table for section, table in compared.items() if len(table)}
for section, table in compared.items():
    show_networks(section, table)
if not compared:
    display(Markdown("No network of this report has seen the observers' images."))

# %% [markdown]
# ## People and networks on CIFAR-10
#
# About fifty people sorted each of the 10,000 test images into the ten classes (CIFAR-10H; Peterson et al., 2019).
# How many of them give an image its label says how hard it is for people; how many published networks do, how hard
# it is for networks. The intervals are for other images of the same kind, these people and networks given.


# %%
def had(read):
    """Return what others have published, or say in one line why it is not shown."""
    try:
        if published:
            return read()
        display(Markdown("`make report PRESET=published` shows this."))
    except InputError as error:
        display(Markdown(f"Not shown: `{str(error).replace('`', chr(39))}`"))


# %%
people = had(published_data.cifar10_people)
if people is not None:
    right, counts = people.predictions == people.labels, people.human_counts
    share = humans.human_share(counts, people.labels)
    answers = counts.sum(axis=1)
    about = f"M = {len(right)} networks, {share.size:,} images, {answers.min()} to {answers.max()} people an image"

# %%
if people is not None:
    rows = {tolerance: humans.share_by_difficulty(share, right, tolerance) for tolerance in (0, 1)}
    by_difficulty = pd.concat(rows, names=["tolerance"]).reset_index("tolerance")
    display(charts.human_difficulty_dots(by_difficulty, "What is hard for networks, people name less often", about))

# %%
if people is not None:
    rank = humans.rank_correlation(share, right)
    found = f"Spearman's rank correlation {rank.value:.2f} (95 % interval {rank.lower:.2f} to {rank.upper:.2f})"
    by_score = humans.share_by_score(share, right)
    display(charts.human_score_dots(by_score, len(right), "The more networks are right, the more people", found))

# %%
if people is not None:
    reliable = humans.reliability(counts, people.labels)
    limits = f"95 % interval {reliable.lower:.2f} to {reliable.upper:.2f}"
    text = f"""The share itself is not that certain: its reliability is {reliable.value:.2f} ({limits}), the correlation
    to be expected with as many other people (Spearman's between random halves of the answers, stepped up to full
    length by Spearman and Brown). Not even a measure without error could correlate with it by more than about
    {np.sqrt(reliable.value):.2f}, the root of that."""
    display(Markdown(" ".join(text.split())))

# %%
if people is not None:
    majority = humans.majority_right(counts, people.labels)
    names = [model.removesuffix("_test").replace("_", " ") for model in people.models]
    kappas = humans.majority_consistency(majority, right, names)
    found = f"the majority of people is right about {majority.mean():.2%} of {majority.size:,} images"
    display(charts.majority_dots(kappas, "Do networks err where most people do?", found))

# %%
if people is not None:
    part = (kappas["kappa"] / kappas["kappa_max"]).agg(["min", "max"])
    found = f"Kappa is {part['min']:.0%} to {part['max']:.0%} of the most that the two accuracies allow."
    why = "The majority errs so rarely that even a network which shares all its errors has a low kappa."
    display(Markdown(f"{found} {why} A label that ties with another class for the first place counts as an error."))

# %% [markdown]
# ## The authors' second experiment
#
# The authors' repository holds an experiment that is not in the paper. Observers looked at 300 images, trivial,
# in-between or impossible for the 11 state-of-the-art models, and said of each how many categories it shows, whether
# one of them is the main one (2 yes, 1 maybe, 0 no) and whether it is presented in an odd way (0 no, 1 slightly, 2
# very). Images 43, 221 and 253 (from 0) are left out: they were shown as in-between, but all models agree on them.
#
# The difficulties are compared by images, each counted once with the mean of its answers. The observers' answers to
# one image are no independent cases; pooled, each image would count as often as there are observers
# (pseudo-replication), and the p-values would be far too small. Agreement is Krippendorff's alpha for ordinal answers:
# 1 is perfect, 0 what chance gives.

# %%
QUESTIONS = {
    "categories": "categories in the image",
    "main": "is there a main one? (0 no, 2 yes)",
    "odd": "is it odd? (0 no, 2 very)",
}
experiment = had(published_data.second_experiment)


# %%
def tests(answers):
    both = humans.kruskal_wallis(answers).merge(humans.agreement(answers))
    shown = {"question": both["question"].map(QUESTIONS), "Kruskal-Wallis H": both["statistic"]}
    shown |= {"p-value": both["p_value"].map("{:.2g}".format), "Holm": both["adjusted"].map("{:.2g}".format)}
    limits = [f"{low:.2f} to {high:.2f}" for low, high in both[["lower", "upper"]].to_numpy()]
    return pd.DataFrame({**shown, "agreement (alpha)": both["alpha"], "95 % interval": limits})


# %%
def show(answers, heading):
    subtitle = f"{answers['item'].nunique()} images, mean of {answers['observer'].nunique()} observers, 95 % intervals"
    display(charts.answer_dots(humans.means(answers), QUESTIONS, heading, subtitle))
    display(tests(answers))


if experiment is not None:
    show(humans.usable(experiment), "What people see in images of each difficulty")

# %%
without = had(published_data.second_experiment_label_errors) if experiment is not None else None
if without is not None:
    display(Markdown(f"**Without label errors**: {without.size} of the 300 images stand in the authors' list of them."))
    show(humans.usable(experiment, without), "The same without label errors")
