# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Are people as alike as networks?
# The paper finds that networks fail on the same images, whatever is changed. Do people, too? In the laboratory
# experiments of model-vs-human (Geirhos et al., 2018, 2021), four to ten people sorted the same distorted images into
# 16 classes. Here each of them is a decider who is right or wrong about an image, as networks are elsewhere.
#
# A set has up to eight conditions, from undistorted to unrecognisable. Everything is calculated within a condition and
# then averaged over conditions.

# %% [markdown] tags=["lab"]
# A parameter that is `None` is as the preset has it. `tables` is a list of files, such as
# `["my_models.csv"]`, each with the answers of several networks to all images of a set, in any form that is read
# elsewhere, or as model-vs-human writes them.

# %% tags=["parameters"]
preset = "quick"
tables = None

# %%
import pandas as pd
from IPython.display import display

from ddd_utils import charts, experiments, report
from ddd_utils.analysis import deciders, humans
from ddd_utils.report import people, text

parameters, _ = report.begin("people", globals())

# %%
found = experiments.observed_sets()
sets = {name: (trials.correct, trials.conditions) for name, trials in found.sets.items()}

# %% [markdown]
# ## How alike people err
# Kappa (error consistency) of each two people, the largest value that their accuracies allow, and what it would be if
# conditions were pooled.

# %%
if sets:
    table = deciders.overview(sets)
    display(charts.set_dots(table, people.set_heading(table)), people.pooling(table))
people.absent(found.missing)

# %% [markdown]
# M people with mean error correlation rho, within conditions, are worth M / (1 + (M - 1) rho) *independent people*.

# %%
if sets:
    display(people.set_table(table))

# %% [markdown]
# ## Are images trivial or impossible for people?
# How many people get an image right, from none (impossible) to all (trivial). Lines part one number from the next.

# %%
if sets:
    scores = deciders.score_table({name: sets[name] for name in table["set"]})
    display(charts.score_rows(scores, people.score_heading(table)), people.ends(table), people.shown(scores))

# %% [markdown]
# ### Smooth or dichotomous
# Are there two kinds of images, beyond what any smooth distribution of difficulties brings? And how alike are people on
# the in-between images (tolerance 1), beside what selecting these images does alone?

# %%
if sets:
    shapes = deciders.shapes(sets)
    display(people.shapes(shapes, sets), people.shown(text.readable(shapes, ".1%")))

# %% [markdown]
# ## Where it is hard
# Where images can hardly be recognised, people guess, and guesses agree by chance.

# %%
if sets:
    parts = {name: deciders.by_condition(*each) for name, each in sets.items()}
    conditions = pd.concat(parts, names=["set"]).reset_index("set")
    display(charts.hardness_dots(conditions, people.hardness(conditions)))

# %% [markdown]
# ## People and the paper's networks

# %%
if sets:
    display(people.against_paper(conditions))

# %% [markdown]
# ## People and networks on the same photographs
# Published networks and some fifty people an image, on CIFAR-10 (CIFAR-10H). As many people as there are networks are
# drawn from those who answered. A person who slips errs alone, which makes people less alike; networks do not slip.

# %%
known = experiments.people_facts()
display(people.not_shown(known.cifar10, known.missing.get("cifar10")))
if known.cifar10 is not None:
    asked, labels, answers = known.cifar10.human_counts, known.cifar10.labels, known.cifar10.predictions
    crowds, gap = deciders.crowds(*humans.right_answers(asked, labels), answers == labels)
    display(people.cifar10(crowds, gap), people.shown(crowds))

# %% [markdown]
# ## People and your networks on the same images

# %%
people.no_networks(parameters.tables)

# %%
for each in parameters.tables:
    own = experiments.responses({"responses": each}, preset)
    name, correct = found.seen_by(own)
    seen, shown_in = sets[name]
    compared = deciders.networks_beside_people(seen, correct, shown_in)
    display(people.networks(compared, name), people.shown(text.readable(compared, ".2f")))
