# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Other images, other networks
# Is it the images, the networks, or one particular choice of both? The paper's appendix repeats the experiment with
# other images (CIFAR-100, and noise whose only feature is its standard deviation) and with other base networks
# (VGG-11, DenseNet-121), and finds trivial and impossible images everywhere (figures 10, 11 and 14 to 17, table 1).

# %% [markdown] tags=["lab"]
# A parameter that is `None` is as the preset has it. To change one, name what differs: `natural = {"epochs": 20}`.
# `other_bases` is a list of whole experiments.

# %% tags=["parameters"]
preset = "quick"
natural = None
noise = None
other_bases = None
tolerance = None

# %%
import pandas as pd
from IPython.display import Markdown, display

from ddd_utils import charts, experiments, report
from ddd_utils.analysis import consistency, difficulty, dynamics
from ddd_utils.report import claims, comparability, explorer, findings, sentences, tables, text
from ddd_utils.report.network_sets import NetworkSet

parameters, book = report.begin("controls", globals())

# %%
# By the paper's experiment beside which each of the two stands.
configurations = {"cifar100": ("natural", parameters.natural), "gaussian": ("noise", parameters.noise)}
sets = {
    entry: NetworkSet(title, experiments.responses(configuration, preset), parameters.tolerance)
    for entry, (title, configuration) in configurations.items()
}
tables.experiments(sets.values())

# %%
display(*(sentences.left_out(each.answers.info) for each in sets.values()))

# %% [markdown]
# ## Error consistency on both (figure 16)
# The diamonds are the paper's figures for CIFAR-100 and for its Gaussian noise, 224 pixels wide. The interval of a
# condition with one network is for other images only, so no difference is claimed.

# %%
compared = {
    entry: consistency.compare_with_base(each.correct, each.answers.networks, each.answers.labels)
    for entry, each in sets.items()
}

# %%
drawn = []
for entry, paper in {"cifar100": "CIFAR-100", "gaussian": "its Gaussian set"}.items():
    heading = findings.consistency(compared[entry].means, sets[entry].answers, f"the paper, {paper}")
    printed = claims.paper_values(f"kappa_{entry}")
    drawn.append(charts.consistency_dots(compared[entry].single, compared[entry].means, heading, printed))
display(*charts.alike("x", *drawn))

# %%
for entry, found in compared.items():
    book.record_conditions(f"kappa_{entry}", found.changed, sets[entry].answers)
    book.record_gap(f"architecture_minus_nondeterminism_{entry}", found.gap, sets[entry].answers)
lowest = compared["gaussian"].changed.nsmallest(1, "kappa").iloc[0]
limits = lowest["lower"], lowest["upper"]
book.record("lowest_condition_kappa_gaussian", lowest["kappa"], limits, sets["gaussian"].answers, lowest["condition"])
sentences.architecture_gaps([(sets[entry].dataset, found.gap) for entry, found in compared.items()])

# %% [markdown]
# ## How many networks are right (figure 17)

# %%
bars = []
for each in sets.values():
    shares = difficulty.shares(each.one_each, each.tolerance)
    spikes = findings.unanimous(shares, each.M, each.tolerance, each.answers.select(each.chosen), "by score")
    bars.append(charts.score_bars(difficulty.score_histogram(each.one_each), each.tolerance, spikes, size=charts.HALF))
charts.beside(*bars)

# %%
sentences.one_sided([(each.dataset, difficulty.shares(each.one_each, each.tolerance)) for each in sets.values()])

# %% [markdown]
# ### Counted as published

# %%
decisions = {}
for each in sets.values():
    decisions[f"{each.dataset}, one per condition"] = each.one_each
    decisions[f"{each.dataset}, as published"] = each.correct[difficulty.as_published(each.answers.networks)]
text.readable(difficulty.shares_table(decisions, [parameters.tolerance]), ".1%")

# %% [markdown]
# ## Easy and hard classes (figure 15, table 1)
# The accuracy of the base network on each class. On ImageNet it runs from 100% down to 10% in the paper.

# %%
classes = {
    entry: difficulty.class_accuracy(each.correct[:1], each.answers.labels, each.answers.class_names)
    for entry, each in sets.items()
}
headings = {entry: findings.classes(table, sets[entry].answers) for entry, table in classes.items()}
charts.beside(*(charts.class_accuracy_dots(classes[entry], headings[entry], charts.HALF) for entry in sets))

# %% [markdown]
# ### The easiest and the hardest classes (table 1)

# %%
for entry, table in classes.items():
    display(Markdown(f"{sets[entry].dataset}:"), tables.class_ends(table))

# %% [markdown]
# ### Trivial and impossible photographs (figure 13)
# Drawn at random, from as many classes as there are.

# %%
natural_images = sets["cifar100"]
for kind in ("trivial", "impossible"):
    display(*explorer.examples_gallery(natural_images.answers, natural_images.chosen, kind, natural_images.tolerance))

# %% [markdown]
# ### Pairs of images (figure 14)
# In each pair the upper image is the hardest of its kind, the lower one is of the same class and easy.

# %%
explorer.pairs_gallery(natural_images.answers, natural_images.chosen)

# %% [markdown]
# ## Other base networks (figures 10 and 11)
# The paper trains all conditions once more from a VGG-11 and from a DenseNet-121. The diamonds are its figures, on
# ImageNet, for the base of the same family.

# %%
bases = [experiments.responses(configuration, preset) for configuration in parameters.other_bases]
from_base = [consistency.compare_with_base(each.correct(), each.networks, each.labels) for each in bases]

# %%
for answers, comparison in zip(bases, from_base, strict=True):
    named = findings.consistency(comparison.means, answers, base=text.described(answers.config.base))
    diamonds = claims.paper_values(f"kappa_{comparability.family(answers.config.base.model)}")
    dots = charts.consistency_dots(comparison.single, comparison.means, named, diamonds)
    display(sentences.other_architecture(answers), dots)

# %%
for answers, comparison in zip(bases, from_base, strict=True):
    if family := comparability.family(answers.config.base.model):
        book.record_conditions(f"kappa_{family}", comparison.changed, answers)
        book.record_gap(f"architecture_minus_nondeterminism_{family}", comparison.gap, answers)

# %% [markdown]
# ### BatchNorm's running statistics
# BatchNorm evaluates with averages that it gathered during training, over about the last 20 batches. Where the
# classes' noise differs a hundredfold these averages cannot keep up, and decisions swap for a reason that has nothing
# to do with learning. So for such a set the statistics are estimated again, on fixed training images, before each
# evaluation. Both ways, for the same networks:

# %%
recalibrated = [each for each in sets.values() if each.answers.config.bn_recalibration]
if not recalibrated:
    why = "No set of this preset is evaluated with recalibrated statistics, so there is nothing to compare."
    display(Markdown(why))

# %%
for each in recalibrated:
    ways = tables.both_ways(each.answers, experiments.alternatives(each.answers)["running"])
    swaps = {way: dynamics.swaps(evaluated.predictions[:1], evaluated.labels) for way, evaluated in ways.items()}
    changes = pd.concat(swaps, names=["statistics"]).reset_index("statistics")
    change = findings.statistics(changes, "statistics", each.answers)
    display(charts.swap_comparison(changes, "statistics", each.answers.decay_epochs, change))
    display(tables.batch_statistics(ways, each.dataset))
