# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # How many opinions are there?
# Many models that fail on the same images are not many opinions. Do transformers fail on other images than CNNs? How
# many *independent* models would tell as much as all of these? And does it help to let them vote?
#
# The paper does not ask this. Geirhos et al. (2020) compare error consistency within and between kinds of networks and
# with people; Goel et al. (2025, “Great models think alike”) ask it of language models.

# %% [markdown] tags=["lab"]
# A parameter that is `None` is as the preset has it.

# %% tags=["parameters"]
preset = "quick"
models = None
tolerance = None

# %%
import numpy as np
from IPython.display import display

from ddd_utils import charts, experiments, report
from ddd_utils.analysis import consistency, difficulty, families, margins, nulls, opinions
from ddd_utils.report import findings, tables, text
from ddd_utils.report import opinions as said

parameters, _ = report.begin("how_many_opinions", globals())

# %%
answers = experiments.responses(parameters.models, preset)
correct, names = answers.correct(), charts.network_names(answers.networks)
kinds = families.comparable_families(answers.networks)
said.at_hand(answers)

# %% [markdown]
# ## Do families fail on other images?
# Two models agree more if they are equally accurate, whatever they are. So the kappa of every pair is explained by the
# difference and the mean of its accuracies, by the source of its answers, and by the families of the two. The same is
# done for the *excess* of kappa over what the score of every image implies
# ([the section before](subsetting.py) explains it).

# %%
if kinds:
    sources = answers.networks["source"].tolist()
    excess = nulls.score_stratified_kappa(correct).excess.value
    compared = {
        "kappa": families.family_effects(correct, kinds, sources),
        "excess": families.family_effects(correct, kinds, sources, excess),
    }
said.no_families(kinds)

# %%
if kinds:
    by_kind = {what: found.effects for what, found in compared.items()}
    heading = said.family_heading(compared["kappa"], answers)
    display(charts.family_dots(by_kind, compared["kappa"].baseline, heading))
    display(said.families(compared["kappa"], compared["excess"]))

# %% [markdown]
# ### Every pair, with its families
# Similar models are neighbours; the strip on the right says of which family a row is.

# %%
if kinds:
    table, mean = consistency.pair_table(correct, names), consistency.mean_kappa(correct)
    pairwise, accuracy = consistency.pairwise_matrix(correct, names), correct.mean(axis=1)
    matrix = charts.kappa_matrix(pairwise, findings.pairs(table, mean, answers), "cluster", accuracy)
    display(charts.mark_families(matrix, names, kinds))

# %% [markdown]
# ### What else makes two models agree
# The other terms of the regression of kappa, with 95% intervals from leaving out one model at a time.

# %%
if kinds:
    terms = compared["kappa"].terms.reset_index(names="what differs")
    display(tables.in_percent(terms, terms.columns[1:], "+.3f"))

# %% [markdown]
# ### Family, recipe and pretraining of each model

# %%
if kinds:
    display(answers.networks.assign(network=names)[["network", "family", "recipe", "pretraining", "source"]])

# %% [markdown]
# ## How many independent models are they worth?
# The mean of $M$ errors that correlate by $\rho$ varies as that of $M / (1 + (M - 1) \rho)$ independent ones. However
# many such models there are, they are never worth more than $1 / \rho$.

# %%
worth, by_size = opinions.effective_number(correct), opinions.opinions_by_size(correct)
ceiling = worth["value"][1]
charts.effective_curve(by_size, ceiling, said.effective_heading(worth, answers))

# %%
said.effective(worth, by_size)

# %% [markdown]
# ### The measures with their intervals
# *Lower* and *upper* are for other images, *models lower* and *models upper* for other models.

# %%
tables.in_percent(worth, worth.columns[1:], ".2f")

# %% [markdown]
# ### Only the in-between images
# These images are chosen because the models disagree on them, so the models count for more there whatever they are.
# *Expected* is what this choice alone brings. The effective number follows from the scores almost entirely; the
# participation ratio need not.

# %%
if len(correct) >= nulls.fewest_networks(0):
    t = difficulty.fitting_tolerance(parameters.tolerance, len(correct))
    display(text.readable(opinions.effective_in_between(correct, t)))

# %% [markdown]
# ## Does a vote help?
# An image is right by majority if more than half of the models get it right.

# %%
pairs = opinions.complementary_pairs(correct, names)
charts.majority_curves(by_size, said.majority_heading(by_size, answers))

# %%
said.majority(by_size, pairs)

# %% [markdown]
# ### Which two complement each other
# *Either* is the share of the images on which at least one of the two is right, *independent* what it would be if
# their errors were independent.

# %%
shown = pairs.drop(columns=["lower", "upper"]).head(10)
text.readable(tables.in_percent(shown, shown.columns[2:]))

# %% [markdown]
# ## Are models sure of the same images?
# Two models may both be right, and one of them only just. The *margin* of a decision says by how much the true class is
# more probable to a model than any other; it is negative where the model is wrong. Alvarez and Konkle (2024) correlate
# the margins of two deciders. *Expected* is the correlation if models were sure of images independently of each other,
# given how many of all models are right about an image and their own decision on it. The excess compares pairs; by
# itself it does not mean that two models are alike, because images of one score still differ in how easy they are.

# %%
sure = margins.decision_margins(correct, **answers.certainty)
both_known = len(sure.models) > 1
said.no_margins(sure)

# %%
if both_known:
    agreement = margins.capa(answers.predictions[sure.models, -1], answers.labels, len(answers.class_names))
    capa = agreement[np.triu_indices(len(sure.models), 1)]
    together = margins.margin_consistency(correct, sure, names).assign(CAPA=capa)
    calibrated = margins.calibration(correct, sure, names)
    found = said.calibration_heading(calibrated, answers)
    display(charts.reliability_curves(margins.reliability(correct, sure, names), found))
    display(said.margins(together, calibrated, sure.exact))

# %%
if both_known:
    display(text.readable(together.sort_values("correlation", ascending=False).head(10)))

# %%
if len(full := answers.logits()) == len(names) > 1:
    labels = answers.labels[answers.logit_images]
    averaged = margins.averaged_pairs(dict(zip(names, full.values(), strict=True)), labels)
    best = tables.in_percent(averaged.head(10), ["average", "better"])
    display(said.averaged(averaged, len(labels)), tables.in_percent(best, ["CAPA"], ".3f"))

# %% [markdown]
# ### How well is each model calibrated?
# *Overconfidence* is by how much the mean probability of the answers exceeds the accuracy, the *calibration error* how
# far both are apart on average in up to 15 bins of equally many images, less what chance adds. The *Brier score* is the
# mean squared error of the probabilities.

# %%
if both_known:
    display(text.readable(calibrated).rename(columns={"brier": "Brier score"}))

# %% [markdown]
# ### How many images a comparison takes
# Images are needed as well as models. The example tells the upper quartile of these models' kappas from a kappa that
# differs by 0.05.

# %%
said.images_needed(consistency.pair_table(correct, names)["kappa"].quantile(0.75), correct.mean())
