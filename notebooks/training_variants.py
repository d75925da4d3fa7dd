# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Training variants
# Train a network. Train it again with another seed, another order of the images, another learning rate, another
# architecture or on other images of the same kind. Do the two fail on the same test images?
#
# For ResNet-18 on ImageNet the paper answers yes, whatever is changed (section 3.1): the error consistency with the
# base network is about .7 for nearly every change, because the same images are right, or wrong, in all networks.
# This section trains the same 13 conditions on the data set named below and shows figures 2a, 3, 4, 5, 7, 9 and 12.
#
# A parameter that is `None` is as the preset has it. To change one, name what differs: `experiment = {"epochs": 20}`.

# %% tags=["parameters"]
preset = "quick"
experiment = None
tolerance = None

# %%
import pandas as pd
from IPython.display import display

from ddd_utils import charts, experiments, report
from ddd_utils.analysis import consistency, difficulty, dynamics
from ddd_utils.report import claims, explorer, game, sentences, text

parameters, book = report.begin("training_variants", globals())

# %%
answers = experiments.responses(parameters.experiment, preset)
correct, networks, labels = answers.correct(), answers.networks, answers.labels
name, steps = charts.dataset_name(answers.info["dataset"]), answers.decay_epochs
sentences.left_out(answers.info)

# %% [markdown]
# ## What was trained

# %%
sentences.base_network(answers)

# %%
sentences.batches(answers.config)

# %%
sentences.trained_on(answers.info["device"])

# %%
columns = ["network", "condition", "architecture", "parameters", "optimizer", "learning_rate", "batch_size", "seconds"]
networks[columns].assign(accuracy=correct.mean(axis=1))

# %% [markdown]
# ## Error consistency with the base network (figure 3)
# Error consistency is Cohen's kappa of two networks' right and wrong answers: 1 if they fail on exactly the same
# images, 0 if their failures overlap no more than their accuracies make likely,
#
# $$\kappa = \frac{c_\mathrm{obs} - c_\mathrm{exp}}{1 - c_\mathrm{exp}}, \qquad c_\mathrm{exp} = pq + (1-p)(1-q).$$
#
# “Plus 1” and “plus 10 epochs” are the base network trained on, compared at its later epoch. “Different data”
# compares the two networks that saw disjoint halves of the training images with each other. Intervals cover a new
# draw of test images; a dashed one belongs to a condition with **one network: image error only**. How much another
# run of the same condition would differ is then unknown, and no difference between conditions is claimed.

# %%
single = consistency.condition_consistency(correct, networks, labels=labels)
means = consistency.condition_means(correct, networks, labels=labels)
heading = f"Error consistency with the base network, {name} (diamonds: the paper, ImageNet)"
charts.consistency_dots(single, means, heading, claims.paper_values("kappa_imagenet"))

# %%
changed = means[means["condition"] != "base"]
sentences.kappa_of_conditions(changed)

# %%
book.record_conditions("kappa_imagenet", changed, answers)
lowest = changed.set_index("condition").loc[changed.set_index("condition")["kappa"].idxmin()]
book.record("lowest_condition_kappa", lowest["kappa"], tuple(lowest[["lower", "upper"]]), answers, lowest.name)

# %% [markdown]
# Is one more epoch the smallest change of all? Its rank among the conditions, with the images resampled:

# %%
rank = consistency.condition_rank(correct, networks, "plus_1_epoch", labels=labels)
book.record("plus_1_epoch_rank", rank.value, (rank.lower, rank.upper), answers)
sentences.rank_of_one_epoch(rank)

# %%
gap = consistency.condition_difference(correct, networks, "architecture", "cuda_nondeterministic", labels=labels)
book.record_gap("architecture_minus_nondeterminism", gap, answers)
sentences.architecture_gap(gap)

# %% [markdown]
# ## How the base network learns (figure 4)
# The paper reads three things off this picture: the steps of the learning rate are visible, and images are lost
# there as well as gained; some images are learned in the first epoch for good; some are never learned.

# %%
over_time = answers.predictions == labels
charts.decision_map(over_time[0], steps, f"Decisions of the base network over {answers.config.epochs} epochs, {name}")

# %%
history = dynamics.learning_history(over_time[0], steps)
text.readable(history.drop(columns="claim"), ".1%")

# %%
for _, row in history.drop_duplicates("claim").iterrows():
    book.record(row["claim"], row["share"], (row["lower"], row["upper"]), answers.select([0]), f"epoch {row['epoch']}")

# %% [markdown]
# ## All networks at once (figure 5)
# One network for each condition (the last instance), both halves of the data, and none twice: “plus k” enters k
# epochs after the base, so its columns run from epoch k on. A cell that is neither light nor dark holds images that
# some networks get right and others do not.

# %%
rows = difficulty.one_per_condition(networks)
charts.overlay_map(over_time[rows], steps, f"Decisions of {len(rows)} networks over the epochs, {name}")

# %% [markdown]
# ## How many networks get an image right (figure 2a)
# If all images were equally difficult and the networks independent, the numbers would follow the binomial
# distribution (line). If only the image counted, all images would be right in all networks or in none (dashed
# bars). The paper finds its networks much closer to the second: with all 13 in agreement, 48.2 % of the images are
# trivial and 14.3 % impossible.

# %%
explored = explorer.explored(answers, rows, parameters.tolerance)
explored

# %%
histogram = difficulty.score_histogram(correct[rows])
heading = f"How many networks get an image right, {name}"
explored.linked(charts.score_bars(histogram, parameters.tolerance, heading), "score")

# %% [markdown]
# The paper's 13 networks are 10: its arrays hold the base three times, because “plus 1” and “plus 10 epochs” were
# read at the base's own last epoch, and the second half's network twice. Done the same way (“as published”), the
# same training runs seem to agree more than they do. Its text allows no exception (tolerance 0), its abstract and
# figure 6 allow one (tolerance 1); the shares depend on it, so both are shown.

# %%
published = difficulty.as_published(networks)
sets = {"here, one per condition": correct[rows], "here, as published": correct[published]}
shares = difficulty.shares_table(sets, sorted({0, parameters.tolerance}))
printed = {"networks": "paper, ImageNet", "M": 13, "distinct": 10, "tolerance": 0, **claims.paper_shares()}
text.readable(pd.concat([shares, pd.DataFrame([printed])], ignore_index=True), ".1%")

# %%
book.record_scores("variants", answers, rows, parameters.tolerance)
# The paper's claim is made without exception, whatever tolerance the preset asks for.
book.record_shares("", answers.select(rows), 0)
distinct = len(set(published.tolist()))
book.record("distinct_networks", distinct, note="rows of the published arrays that are not repeated")

# %% [markdown]
# ## Pictures: trivial, impossible, most divisive (figures 1 and 13)
# Drawn at random from as many classes as there are; the most divisive come nearest to being right in half of the
# networks. Under each image stand its label and who answered what; ✓ marks the right answer.

# %%
for kind in difficulty.DIFFICULTIES:
    display(*explorer.examples_gallery(answers, rows, kind, parameters.tolerance))

# %%
# The pairs of images with which the summary opens, where no models of other kinds are compared.
game.keep_pairs(preset, "training_variants", answers, rows, parameters.tolerance)

# %% [markdown]
# ## Accuracies (figure 9)
# The paper's networks are all about equally good: 69.05 % on average, 65.87 % to 71.47 %.

# %%
charts.accuracy_dots(networks.assign(accuracy=correct.mean(axis=1)), f"Accuracy after the last epoch, {name}")

# %%
spread = consistency.accuracy_spread(correct[rows], labels=labels)
for statistic, found in spread.items():
    book.record(f"accuracy_{statistic}", found.value, (found.lower, found.upper), answers.select(rows))
sentences.accuracies(spread, len(rows))

# %% [markdown]
# ## Easy and hard classes (figure 15a)
# On ImageNet the paper's base network is right about all images of its easiest class and one in ten of its hardest.

# %%
by_class = difficulty.class_extremes(correct[:1], labels)
for end, found in by_class.items():
    book.record(f"{end}_class_accuracy", found.value, (found.lower, found.upper), answers.select([0]))
sentences.class_extremes(by_class)

# %% [markdown]
# ## Decisions that change from epoch to epoch (figure 12)
# The paper says that 12.37 % of the decisions swap “every epoch”. That figure is the last epoch's alone, and it
# counts changes of the predicted class, so also those from one wrong class to another.

# %%
changes = dynamics.swaps(answers.predictions[rows], labels)
heading = f"Predicted classes that change on arriving at an epoch, {name}"
charts.swap_curves(changes, networks.iloc[rows], steps, heading)

# %%
charts.swap_bars(changes, f"Where changing decisions go, and what accuracy gains by it, {name}")

# %%
for claim, found in dynamics.change_shares(answers.predictions[rows], labels).items():
    book.record(claim, found.value, (found.lower, found.upper), answers.select(rows))
sentences.last_transition(changes, len(labels))

# %% [markdown]
# ## Similar representations (figure 7)
# The same question one step before the decision: which images look alike to a network? For each network, take 1
# minus the correlation of the last layer's responses to every pair of images, and correlate these dissimilarities
# with the base's. The first instance of each condition enters, as in the paper. The numbers are not comparable with
# kappa.

# %%
logits = answers.logits()
correlations = dynamics.similarity_to_base(logits, networks)
heading = f"Similarity of the last layer to the base network's, {name} (diamonds: the paper, ImageNet)"
charts.correlation_dots(correlations, heading, claims.paper_values("rsa_to_base"))

# %%
shown = answers.select(images=range(len(logits["base"])))
book.record_conditions("rsa_to_base", correlations[correlations["condition"] != "base"], shown)
