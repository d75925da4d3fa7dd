# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # The catch: without these images agreement must fall
# If all networks agree because most images are trivial or impossible, they should agree less once these are gone.
#
# The paper leaves both out of the test images (section 3.3) and sees error consistency fall to about 0.2 among its
# variants and about 0.1 among its eleven models (figure 6). It concludes that trivial and impossible images had
# hidden the differences. How much of this fall had to happen, whatever the networks are like? And what is left then?

# %% [markdown] tags=["lab"]
# A parameter that is `None` is as the preset has it.

# %% tags=["parameters"]
preset = "quick"
variants = None
models = None
tolerance = None

# %%
import pandas as pd
from IPython.display import Markdown, display

from ddd_utils import charts, experiments, report
from ddd_utils.analysis import consistency, difficulty, nulls, verdict
from ddd_utils.report import explorer, findings, sentences, text, verdicts
from ddd_utils.report.network_sets import NetworkSet

parameters, book = report.begin("subsetting", globals())

# %%
sections = {"variants": parameters.variants, "models": parameters.models}
loaded = [
    NetworkSet(title, experiments.responses(section, preset), parameters.tolerance)
    for title, section in sections.items()
    if section
]
sets = [each for each in loaded if each.between.any()]
judged = [each for each in sets if nulls.fewest_networks(each.tolerance) <= each.M]
sentences.network_sets(loaded, parameters.tolerance)

# %% [markdown]
# ## What the paper did (figure 6)
# Left, all images; right, those that are neither trivial nor impossible. One network of each condition decides which
# these are. Each cell is the mean kappa of two conditions' networks; on the diagonal, among the networks of one.

# %%
means = {each.title: nulls.subset_consistency(each.correct, each.between, each.answers.networks) for each in sets}
stratified = {each.title: nulls.stratified_kappas(each.one_each, each.tolerance) for each in judged}

# %%
explored = {}
for each in sets:
    fitted, _ = stratified.get(each.title, (None, None))
    explored[each.title] = explorer.explored(each.answers, each.chosen, each.tolerance, null=fitted)

# %%
for each in sets:
    parts = each.correct, each.correct[:, each.between]
    both = [consistency.condition_matrix(part, each.answers.networks) for part in parts]
    heading = findings.in_between(means[each.title], each)
    panels = f"all {each.between.size:,} images", f"{each.between.sum():,} in-between images"
    matrices = charts.kappa_matrices(*both, panels, heading, each.order, each.accuracies)
    display(explored[each.title], explored[each.title].linked(matrices, "pair"))

# %% [markdown]
# ### The means, with intervals
# Over all pairs of different conditions, and by how much they fall. The intervals are for other images; what other
# training runs would change is not in them.

# %%
if means:
    table = pd.concat(means, names=["networks", "mean kappa on"]).rename(index={"subset": "in-between images"})
    display(table.reset_index())

# %% [markdown]
# ### Counted as published
# The paper's thirteen variants are ten networks. A network that is counted twice agrees with itself entirely and
# helps to make images unanimous.

# %%
for each in sets:
    if each.title == "variants":
        published = difficulty.as_published(each.answers.networks)
        choices = {"one per condition": each.chosen, "as published": published}
        display(text.readable(nulls.choices_table(each.correct, choices, each.tolerance)))

# %% [markdown]
# ## How much of the fall had to happen
# The images are sorted with the very networks that are then compared: an image on which they all agree is left out
# *because* they agree. So agreement must fall, whatever the networks are like.

# %% [markdown]
# ### The band that the choice of images allows
# Fleiss' kappa, the agreement of all networks at once, depends on nothing but the scores s of the images,
#
# $$\kappa = 1 - \frac{E[s(M-s)]}{M(M-1)\,p(1-p)}.$$
#
# and on the in-between images it lies in a band that depends on the number of networks M and the tolerance t alone:
#
# $$-\frac{1}{M-1} \le \kappa \le 1 - \frac{4(t+1)(M-t-1)}{M(M-1)}.$$
#
# A kappa in this band says nothing about the networks by itself. The band leaves open whether some *pairs* agree more
# than others.

# %%
known = experiments.imagenet_facts(loaded[-1].answers)
eleven = {} if known.eleven is None else {"the paper's eleven": (known.eleven, 1)}
here = {each.title: (each.one_each, each.tolerance) for each in sets}
text.readable(nulls.band_table({**here, **eleven}))

# %%
for each in sets:
    book.record_clause(verdict.falls_in_between(each.one_each, each.tolerance))

# %%
sentences.ceilings({M: nulls.selection_band(M, 1)[1] for M in (11, 13, 30)}, tolerance=1)

# %% [markdown]
# ## It depends on how many networks there are
# Here subsets of these networks are drawn, and each is asked what the paper asked of all. 95% of the subsets lie in the
# narrow ribbon. It says how much it matters which networks are taken, and is not a confidence interval.

# %%
curves = [(nulls.subset_curve(each.one_each, each.tolerance), each) for each in sets]
drawn = [charts.subset_size_curves(curve, findings.subsets(curve, each)) for curve, each in curves]
display(*charts.alike("y", *drawn))

# %% [markdown]
# ## What the scores alone explain
# How much agreement would there be if networks shared nothing but the difficulty of the images (diamonds)? It is asked
# of all images, of the in-between ones, and with the *pair left out*: each pair is judged on the images that the other
# networks call in-between, so that it has no part in choosing them.

# %%
compared = {each.title: nulls.compare_nulls(each.one_each, each.tolerance) for each in judged}
sentences.too_few({each.title: each.M for each in sets if each not in judged})

# %%
rows = {title: nulls.null_means(found) for title, found in compared.items()}
found = [(rows[each.title], findings.expectation(compared[each.title], each)) for each in judged]
display(*charts.alike("x", *(charts.expectation_dots(*each) for each in found)))

# %% [markdown]
# ### How the expectation is made, and what it cannot show
# Suppose that each network has one ability, each image one difficulty, and that beyond these all decisions are
# independent (Rasch). Given the score of an image its difficulty drops out, and the expected kappa of every pair
# follows exactly. With the pair left out, pairs see different images, so only the excess over the expectation can be
# compared between pairs.
#
# The means have little room to differ: the scores fix the summed *agreement* of all pairs, observed and expected alike.
# So an excess of agreement *ranks pairs*; it cannot show that networks depend on one another on average. Nor does the
# fall show that trivial and impossible images *hide* differences.

# %% [markdown]
# ### Does one ability describe a network?
# Andersen's test compares the abilities found on images of low and of high score.

# %%
tests = nulls.andersen_table({each.title: each.one_each for each in judged})
text.readable(tests) if judged else Markdown("Nothing to test: too few networks.")

# %% [markdown]
# ## What remains: families and pairs
# Which pairs agree more than their accuracies explain? The expectation knows how accurate each network is on easy and
# on hard images: abilities are fitted within each score. What is left over belongs to the pair. A dot marks a pair
# whose excess differs from 0, with all pairs tested at once (Holm, 5%).

# %%
for each in judged:
    differing = verdict.models_differ(each.one_each, each.tolerance, fitted=stratified[each.title])
    book.record_clause(differing)
    display(findings.clause(differing, each.heading))

# %%
for each in judged:
    null, accuracy = stratified[each.title][0], each.one_each.mean(axis=1)
    counted = findings.excess(null, each)
    matrix = charts.excess_matrix(null, each.names, counted, null.adjusted_p_values() < 0.05, accuracy=accuracy)
    display(explored[each.title].linked(matrix, "pair"))

# %% [markdown]
# ### The pairs that stand out

# %%
for each in judged:
    ranked = consistency.extremes(stratified[each.title][0].table(each.names), 10, 3)
    display(charts.excess_dots(ranked, findings.outstanding(ranked, each)))

# %% [markdown]
# ### With one ability a network (Rasch)

# %%
for each in judged:
    highest = compared[each.title]["all images"].table(each.names).head(5)
    display(Markdown(f"The highest, {each.title}:"), text.readable(highest))

# %% [markdown]
# ### The claims of this section

# %%
for each in sets:
    each.record(book, means[each.title])

# %%
verdicts.of_section(preset, "subsetting")
