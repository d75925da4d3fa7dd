# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Only the in-between images
# If all networks agree because most images are trivial or impossible, they should agree less once these are gone.
#
# The paper removes both from the test images (section 3.3; it says training, but means evaluation: no network is
# trained anew) and sees error consistency fall to about .2 among its variants and about .1 among its eleven models
# (figure 6). It concludes that trivial and impossible images had hidden the differences. This section repeats the
# step for the networks of [the training variants](training_variants.ipynb) and [the model
# set](sota_comparison.ipynb), shows how much of the fall was bound to happen, and asks what is left when that is
# taken into account.

# %% tags=["parameters"]
preset = "quick"
variants = "training_variants"
models = "sota_comparison"
tolerance = 1

# %%
from dataclasses import asdict
from types import SimpleNamespace

import numpy as np
import pandas as pd
from IPython.display import Markdown, display

from ddd_utils import experiments, reporting
from ddd_utils.analysis import consistency, difficulty, exploration, nulls, score_models
from ddd_utils.experiments import published
from ddd_utils.reporting import charts, claims, explorer
from ddd_utils.reporting.sentences import literal, p_value, readable, with_interval

reporting.setup()
book = claims.Book("subsetting", preset)


# %%
def load(title, section):
    """Gather what is needed of a set of networks; one network a condition sorts the images."""
    each = SimpleNamespace(title=title, section=section, answers=experiments.responses(section, preset))
    each.networks, each.correct = each.answers.networks, each.answers.correct()
    each.chosen = difficulty.one_per_condition(each.networks)
    each.one_each, each.M = each.correct[each.chosen], len(each.chosen)
    each.labels = charts.network_names(each.networks.iloc[each.chosen])
    each.tolerance = min(tolerance, difficulty.largest_tolerance(each.M))
    each.between = difficulty.classify(each.one_each, each.tolerance) == "in-between"
    each.heading = f"{title}, {charts.dataset_name(each.answers.info['dataset'])}"
    return each


loaded = [load(title, section) for title, section in (("variants", variants), ("models", models)) if section]
sets = [each for each in loaded if each.between.any()]
lines = [
    f"- {literal(each.heading)}: no image is in-between, so there is nothing to see."
    for each in loaded
    if each not in sets
]
lines += [
    f"- {literal(each.heading)}: tolerance {each.tolerance}, as M = {each.M}."
    for each in sets
    if each.tolerance < tolerance
]
Markdown("\n".join(lines))

# %% [markdown]
# ## What the paper did (figure 6)
# An image is in-between if more than the tolerated number of networks get it right and more than that get it wrong.
# One network for each condition decides about that; kappa is then the mean over all instances of two conditions. A
# diagonal element of 1 means that a condition has a single network; otherwise it is the agreement among its
# instances.

# %%
for each in sets:
    found = exploration.explore(each.one_each, each.labels, each.answers.labels, tolerance=each.tolerance)
    pictures = each.answers.thumbnails(found.images, explorer.SIDE) if each.answers.has_images else None
    each.explored = explorer.Explorer(found, each.answers, each.chosen, each.answers.class_names, pictures)

# %%
for each in sets:
    panels = (f"all {each.between.size:,} images", f"{each.between.sum():,} in-between images")
    both = [consistency.condition_matrix(c, each.networks) for c in (each.correct, each.correct[:, each.between])]
    heading = f"Error consistency: {each.heading} (M = {each.M}, tolerance {each.tolerance})"
    order = "name" if each.title == "variants" else "cluster"
    accuracy = [each.correct[each.networks["condition"] == label].mean() for label in both[0].labels]
    matrices = charts.kappa_matrices(*both, panels, heading, order, accuracy)
    display(each.explored, each.explored.linked(matrices, "pair"))

# %% [markdown]
# The means over all pairs of different conditions, and by how much they drop. The intervals come from resampling the
# images whatever their class, the same ones for both means; what other training runs would change is not in them.

# %%
means = {each.title: nulls.subset_consistency(each.correct, each.between, each.networks) for each in sets}
if sets:
    tables = {title: table.rename(index={"subset": "in-between images"}) for title, table in means.items()}
    display(pd.concat(tables, names=["networks", "mean kappa on"]).reset_index())

# %% [markdown]
# The paper's thirteen variants are ten networks: its arrays hold the base three times and the second half's network
# twice. A network agrees with itself entirely, on whatever images, and helps to make them unanimous.


# %%
def mean_row(title, rows, each):
    decisions = each.correct[rows]
    between = difficulty.classify(decisions, each.tolerance) == "in-between"
    pairs = list(zip(*np.triu_indices(len(rows), 1), strict=True))
    row = {"networks": title, "M": len(rows), "distinct": len(np.unique(decisions, axis=0))}
    for key, kept in (("all images", np.ones_like(between)), ("in-between images", between)):
        row[key] = int(kept.sum())
        if kept.any():
            mean = consistency.interval(decisions[:, kept], pairs)
            row[f"mean kappa, {key}"] = with_interval(mean.value, mean.lower, mean.upper)
    return row


# %%
for each in sets if variants else []:
    choices = {"one per condition": each.chosen, "as published": difficulty.as_published(each.networks)}
    if each.title == "variants":
        display(pd.DataFrame([mean_row(title, rows, each) for title, rows in choices.items()]))
Markdown("" if variants else "This preset has no training variants.")

# %% [markdown]
# ## How much of the fall had to happen
# The images were sorted out with the very networks that are then compared: an image on which they all agree is
# removed *because* they agree. So agreement must fall, whatever the networks are like, and by how much follows from
# the number of networks M and the tolerance t alone. For Fleiss' kappa, the agreement of all networks at once,
# which depends on nothing but the scores s of the images,
#
# $$\kappa = 1 - \frac{E[s(M-s)]}{M(M-1)\,p(1-p)}.$$
#
# On the in-between images it lies in
#
# $$-\frac{1}{M-1} \le \kappa \le 1 - \frac{4(t+1)(M-t-1)}{M(M-1)}.$$
#
# A kappa inside this band says nothing about the networks by itself: no networks at all could have left it. Whether
# some *pairs* agree more than others on these images is a question that the band leaves open.


# %%
def band_row(title, scores, m, tolerance):
    counts = score_models.score_counts(scores, m)
    row = {
        "networks": title,
        "M": m,
        "tolerance": tolerance,
        "in-between": int(counts[tolerance + 1 : m - tolerance].sum()),
    }
    for key, among in (("Fleiss, all", None), ("Fleiss, in-between", tolerance)):
        limits = score_models.fleiss_interval(counts, among)
        row[key] = with_interval(float(score_models.kappa_of_counts(counts, among)), *limits)
    return row | dict(zip(("lowest possible", "highest possible"), nulls.selection_band(m, tolerance), strict=True))


rows = [band_row(each.title, difficulty.scores(each.one_each), each.M, each.tolerance) for each in sets]
images = loaded[-1].answers
on_imagenet = published.is_imagenet(images.image_ids, images.labels) and len(images.labels) == 50_000
eleven = published.published_scores(images.image_ids) if on_imagenet else None
pd.DataFrame(rows + ([band_row("the paper's eleven", eleven, 11, 1)] if eleven is not None else []))

# %%
ceilings = {m: nulls.selection_band(m, 1)[1] for m in (11, 13, 30)}
Markdown(
    "At tolerance 1, agreement on the in-between images cannot exceed "
    + ", ".join(f"{ceiling:.3f} with {m} networks" for m, ceiling in ceilings.items())
    + ". The paper compares 11 models and, by its count, 13 variants."
)

# %% [markdown]
# So the in-between kappa belongs to the number of networks as much as to the networks. Here subsets of these
# networks are drawn, and each is asked what the paper asked of all. The narrow ribbon is where 95 % of the subsets
# lie: how much it matters which networks are taken.

# %%
for each in sets:
    curve = nulls.subset_curve(each.one_each, each.tolerance)
    display(charts.subset_size_curves(curve, f"{each.heading}: subsets of M networks (tolerance {each.tolerance})"))

# %% [markdown]
# ## What remains to be explained
# Two ways around the selection, each with what independent networks would give:
#
# - *Leave the pair out.* Each pair is judged on the images that the other M − 2 networks call in-between. The pair
#   then has no part in choosing its images, but pairs see different images, so only the excess over the expectation
#   can be compared between pairs.
# - *Expect, given the scores.* Suppose that each network has one ability, each image one difficulty, and that beyond
#   these all decisions are independent (Rasch). Given the score of an image its difficulty drops out, and the
#   expected kappa of every pair follows exactly, on all images or on selected ones.

# %%
# The nulls take some networks to judge by: 2 t + 4 of them.
judged = [each for each in sets if 2 * each.tolerance + 4 <= each.M]
for each in judged:
    each.nulls = {"all images": nulls.conditional_rasch_kappa(each.one_each)}
    for t in sorted({0, each.tolerance}):
        each.nulls[f"in-between, tolerance {t}"] = nulls.conditional_rasch_kappa(each.one_each, t)
        each.nulls[f"pair left out, tolerance {t}"] = nulls.leave_pair_out_kappa(each.one_each, t)
few = [f"- Not for the {each.title}: {each.M} networks are too few." for each in sets if each not in judged]
Markdown("\n".join(few))


# %%
def mean_of(what, null):
    row = {"what": what}
    for kind in ("observed", "expected", "excess"):
        mean = getattr(null, f"mean_{kind}")
        row |= {kind: mean.value, f"{kind}_lower": mean.lower, f"{kind}_upper": mean.upper}
    return row


# %%
for each in judged:
    table = pd.DataFrame([mean_of(what, null) for what, null in each.nulls.items()])
    display(charts.expectation_dots(table, f"Mean kappa of all pairs and its expectation: {each.heading}"))
    display(readable(table, ".4f"))


# %%
def mean_text(null, kind):
    mean = getattr(null, f"mean_{kind}")
    return with_interval(mean.value, mean.lower, mean.upper)


def fall(each):
    everything, some = (each.nulls[key] for key in ("all images", f"in-between, tolerance {each.tolerance}"))
    observed, expected = (
        f"{mean_text(everything, kind)} to {mean_text(some, kind)}" for kind in ("observed", "expected")
    )
    return f"- **{literal(each.heading)}**: observed from {observed}; expected from {expected}."


Markdown("\n".join(["Mean kappa falls on the in-between images:", "", *map(fall, judged)]) if judged else "")

# %% [markdown]
# The expectation falls along: this fall is what the histogram of the scores implies, whichever networks made it. That
# trivial and impossible images *hide* differences between networks does not follow from it.
#
# The means have little room to differ: given the scores, the sum over pairs of the observed *agreement* is fixed, and
# the expectation has the same. So an excess of agreement *ranks pairs*; it cannot show that networks depend on one
# another on average. What mean excess of *kappa* remains comes from networks whose ability one number does not
# describe.
#
# One ability for easy and hard images alike is a strong assumption. Andersen's test compares the abilities found on
# images of low and of high score:

# %%
tests = [(each, nulls.andersen_test(each.one_each)) for each in judged]
rows = [{"networks": each.title, **asdict(test)} for each, test in tests]
table = pd.DataFrame(rows, columns=["networks", "split", "statistic", "degrees", "p_value"])
table = table.assign(p_value=table["p_value"].map(p_value)).rename(
    columns={"split": "split after score", "p_value": "p"}
)
table if judged else Markdown("Nothing to test: too few networks.")

# %% [markdown]
# ## Which pairs agree more than their accuracies explain
# So here abilities are fitted within each score: every network's accuracy on the images of every difficulty is
# matched, and an excess means neither accuracy nor being better on easy or on hard images. Its interval fits the
# abilities anew without each of 50 groups of images in turn. Pairs are clustered, so that families of networks show;
# a dot marks pairs whose excess differs from 0 with all pairs tested at once (Holm, 5 %).

# %%
for each in judged:
    each.stratified = nulls.score_stratified_kappa(each.one_each)
    heading = f"Excess over the score-stratified expectation, all images: {each.heading}"
    significant = each.stratified.adjusted_p_values() < 0.05
    accuracy = each.one_each.mean(axis=1)
    matrix = charts.excess_matrix(each.stratified, each.labels, heading, significant, accuracy=accuracy)
    display(each.explored.linked(matrix, "pair"))

# %%
for each in judged:
    ranked = each.stratified.table(each.labels)
    mean = each.stratified.mean_expected
    limits = mean.value, mean.lower, mean.upper
    display(
        Markdown(
            f"**{literal(each.heading)}**: mean expected kappa {with_interval(*limits, '.4f')}; "
            f"{(ranked['p_adjusted'] < 0.05).sum()} of {len(ranked)} pairs stand out. The highest and the lowest:"
        )
    )
    extremes = pd.concat([ranked.head(10), ranked.tail(3)]).drop_duplicates()
    display(charts.excess_dots(extremes, f"Highest and lowest excess: {each.heading}"))

# %%
for each in judged:
    rasch = each.nulls["all images"].table(each.labels).head(5)
    display(Markdown(f"With one ability a network (Rasch) the highest are, **{each.title}**:"), readable(rasch, ".4f"))

# %% [markdown]
# ## For the summary


# %%
def about(each):
    """Say what the figures rest on."""
    info, trained = each.answers.info, each.title == "variants"
    configuration = info["configuration"]
    reduced = trained and (bool(configuration["base"]["arguments"]) or configuration["epochs"] < 90)
    networks = {} if trained else {"networks": "other models"}
    return {"m": len(each.correct), "dataset": info["dataset"], "reduced": reduced, **networks}


# %%
rows_of = {"kappa_all": "all images", "kappa_in_between": "subset", "kappa_drop": "drop"}
for each in sets:
    for claim, row in rows_of.items():
        found = means[each.title].loc[row]
        key = f"{'variants' if each.title == 'variants' else 'sota'}_{claim}"
        limits, count = tuple(found[["lower", "upper"]]), found["images"]
        note = f"tolerance {each.tolerance}" + "; bound to happen, see this section" * (row == "drop")
        book.record(key, found["kappa"], interval=limits, n=count, note=note, **about(each))

# %%
table = claims.table(preset).query("section == 'subsetting'").reset_index(drop=True)
shown = table[["claim", "paper", "here", "M", "n", "data set", "verdict", "reason"]]
shown.astype({"M": object, "n": object}).fillna("–")
