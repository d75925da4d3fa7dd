# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Can people tell which images are hard for networks?
# An observer sees two images: one that every network recognises and one that none does. Which is the impossible one?
# In the paper, nine people made 149 such choices each and were right about four times in five. They also tended to be
# wrong about the same pairs.
#
# `python -m ddd_utils experiment quick --out experiment.html` makes a page on which anyone can take the experiment. It
# saves a CSV table for each observer, which this section analyses.

# %% [markdown] tags=["lab"]
# A parameter that is `None` is as the preset has it; `observers` is a folder in the build folder.

# %% tags=["parameters"]
preset = "quick"
observers = None
simulated = None
published = None

# %%
import pandas as pd
from IPython.display import Markdown, display

from ddd_utils import charts, experiments, paths, report
from ddd_utils.analysis import humans, observer_trials, psychophysics
from ddd_utils.config import params
from ddd_utils.report import comparability, findings, tables, text, verdicts
from ddd_utils.report import people as said

parameters, book = report.begin("human_results", globals())

# %% [markdown]
# ### The paper's figures checked against each other
# An accuracy over 149 trials can only be a multiple of 1/149, and the smallest, the mean and the largest of nine
# values limit their standard deviation. Here is what each printed figure can be, given the others.

# %%
printed = psychophysics.printed_figures()
# Four digits: accuracies stand beside a p-value of 1e-8.
tables.in_percent(printed, ["printed", "lowest", "highest"], ".4g")

# %%
lowest = printed.set_index("figure").loc["p-value of the lowest"]
book.record("human_p_value", lowest["lowest"], note=lowest["how"])
said.printed_figures(printed)

# %% [markdown]
# ## The observers

# %%
observed = psychophysics.observe(paths.build() / parameters.observers, parameters.simulated)
trials, nobody = observed.trials, observed.simulated
said.observers(observed, parameters.observers)

# %%
accuracies, pairs = observer_trials.accuracy(trials), observer_trials.observer_consistency(trials)
n = len(accuracies)

# %%
if n:
    display(charts.observer_dots(accuracies, findings.observers(accuracies), nobody))

# %%
if len(pairs):
    display(charts.observer_matrix(pairs, findings.observer_pairs(pairs), nobody))

# %% [markdown]
# ### Accuracy and agreement in numbers
# The mean accuracy has an interval over observers (Student's t), its standard deviation likewise (chi-squared), the
# least and most accurate observer Wilson's. For the agreement, the image pairs that all have judged are resampled,
# for all observers at once. Resampling drives extremes and spread further apart, so those intervals lean outwards.
# The paper's observers judged photographs. The files do not say whether ours were told the answers.

# %%
# What the networks of this report have seen tells from which data set the observers' images are.
at_hand = {section: experiments.at_hand(section, preset) for section in params.WITH_IMAGES if n}
seen = {section: answers for section, answers in at_hand.items() if answers is not None}
images = {answers.info["dataset"]: answers.image_ids for answers in seen.values()}
basis = comparability.of_people(n, len(trials), observer_trials.dataset_shown(trials, images), nobody)

# %%
for name, found in observer_trials.accuracy_statistics(accuracies).items():
    book.record(f"human_accuracy_{name}", found.value, (found.lower, found.upper), basis)
for name, found in observer_trials.kappa_statistics(trials, pairs).items():
    book.record(f"human_kappa_{name}", found.value, (found.lower, found.upper), basis)
if n:
    display(verdicts.of_section(preset, "human_results"))

# %% [markdown]
# ### Learning over the trials
# Accuracy in blocks of trials, in the order in which each observer took them. The interval of all observers together
# takes their trials as independent.

# %%
if n:
    blocks = observer_trials.learning(trials)
    everyone = observer_trials.EVERYONE
    display(charts.block_curves(blocks, everyone, findings.blocks(blocks, everyone), nobody))

# %% [markdown]
# ### How long right and wrong answers take
# If hard pairs were merely guessed in haste, wrong answers would be the faster ones.

# %%
if n:
    times = observer_trials.response_times(trials)
    display(charts.response_time_dots(times, findings.times(times), nobody))
    display(said.slower_when_wrong(times))

# %% [markdown]
# ### Who errs with whom
# Error consistency (kappa) of each two observers, with Fleiss' interval for other pairs of images.

# %%
if len(pairs):
    ranked = pairs.sort_values("kappa", ascending=False).reset_index(drop=True)
    display(text.readable(ranked), said.papers_observers())

# %% [markdown]
# And of observers with networks. A network that is right about one image of a pair only has made the observer's
# choice; pairs on which it is right or wrong twice say nothing about it. Where trivial and impossible were decided by
# these very networks, hardly any of them errs; others tell more.

# %%
beside = {
    section: observer_trials.model_consistency(
        trials, answers.correct(), answers.image_ids, answers.networks["network"]
    )
    for section, answers in seen.items()
}
compared = {section: rows for section, rows in beside.items() if len(rows)}

# %%
for section, rows in compared.items():
    erring = rows[rows["network_errors"] > 0].sort_values("kappa", ascending=False, ignore_index=True)
    display(said.networks_beside_people(section, len(rows), len(erring)))
    if len(erring):
        display(text.readable(erring))

# %%
if n and not compared:
    display(Markdown("No network of this report has seen the observers' images."))

# %% [markdown]
# ## People and networks on CIFAR-10
# About fifty people sorted each of the 10,000 test images into the ten classes (CIFAR-10H; Peterson et al., 2019). The
# fewer of them give the label, the harder the image is for people; the fewer of the published networks do, the harder
# it is for networks. Intervals are for other images.

# %%
known = experiments.people_facts(parameters.published)
people = known.cifar10
said.not_shown(people, known.missing.get("cifar10"))

# %%
if people is not None:
    right, counts = people.predictions == people.labels, people.human_counts
    share = humans.human_share(counts, people.labels)
    under = said.people_and_networks(right, counts)

# %%
if people is not None:
    by_tolerance = {tolerance: humans.share_by_difficulty(share, right, tolerance) for tolerance in (0, 1)}
    by_difficulty = pd.concat(by_tolerance, names=["tolerance"]).reset_index("tolerance")
    display(charts.human_difficulty_dots(by_difficulty, findings.people_by_difficulty(by_difficulty, under)))

# %%
if people is not None:
    by_score = humans.share_by_score(share, right)
    ranks = findings.people_by_score(humans.rank_correlation(share, right), under)
    display(charts.human_score_dots(by_score, len(right), ranks))

# %%
if people is not None:
    display(said.reliability(humans.reliability(counts, people.labels)))

# %%
if people is not None:
    majority = humans.majority_right(counts, people.labels)
    models = [model.removesuffix("_test").replace("_", " ") for model in people.models]
    kappas = humans.majority_consistency(majority, right, models)
    display(charts.majority_dots(kappas, findings.majority(kappas, under)))
    display(said.majority_limits(kappas))

# %% [markdown]
# ## The authors' second experiment
# In an experiment that is not in the paper, observers said of 300 images how many categories each shows, whether one of
# them is the main one, and whether it is shown in an odd way. Agreement is Krippendorff's alpha for ordinal answers: 1
# is perfect, 0 what chance gives.

# %%
if known.second is not None:
    usable = humans.usable(known.second)
    about, answered = said.images_and_observers(usable), humans.means(usable)
    heading = findings.answers_about_images(answered, tables.QUESTIONS, about)
    display(charts.answer_dots(answered, tables.QUESTIONS, heading), tables.question_tests(usable))
said.not_shown(known.second, known.missing.get("second"))

# %% [markdown]
# ### Without the images that have a wrong label
# Three other images (43, 221 and 253, counted from 0) are left out everywhere: they were shown as in-between, but all
# models agree on them. Each image counts once, with the mean of its answers, because several answers to one image are
# not independent.

# %%
if known.second is not None and known.label_errors is not None:
    rest = humans.usable(known.second, known.label_errors)
    about_rest, answered_rest = said.images_and_observers(rest), humans.means(rest)
    heading_rest = findings.answers_about_images(
        answered_rest, tables.QUESTIONS, f"without label errors · {about_rest}"
    )
    display(said.items_with_label_errors(known.label_errors))
    display(charts.answer_dots(answered_rest, tables.QUESTIONS, heading_rest), tables.question_tests(rest))

# %%
if known.second is not None:
    display(said.not_shown(known.label_errors, known.missing.get("label_errors")))
