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
# set](sota_comparison.ipynb), and shows how much of the fall was bound to happen.

# %% tags=["parameters"]
preset = "quick"
variants = "training_variants"
models = "sota_comparison"
tolerance = 1

# %%
import pandas as pd
from IPython.display import Markdown

from ddd_utils import experiments, reporting
from ddd_utils.analysis import consistency, difficulty, nulls
from ddd_utils.reporting import charts, claims

reporting.setup()
book = claims.Book("subsetting", preset)

# %% [markdown]
# ## Training variants (figure 6a)
# An image is in-between if more than the tolerated number of networks get it right and more than that get it wrong.
# One network for each condition decides about that; kappa is then the mean over all instances of two conditions. A
# diagonal element of 1 means that a condition has a single network; otherwise it is the agreement among its
# instances.

# %%
responses = experiments.responses(variants, preset)
correct, networks = responses.correct(), responses.networks
chosen = difficulty.one_per_condition(networks)
between = difficulty.classify(correct[chosen], tolerance) == "in-between"


# %%
def matrices(correct, between, networks):
    everything, some = (consistency.pairwise_error_consistency(c) for c in (correct, correct[:, between]))
    (left, labels), (right, _) = (consistency.condition_matrix(kappa, networks) for kappa in (everything, some))
    return left, right, labels


# %%
name = charts.dataset_name(responses.info["dataset"])
heading = f"Error consistency of the variants, {name} (M = {len(chosen)}, tolerance {tolerance})"
panels = (f"all {between.size:,} images", f"{between.sum():,} in-between images")
charts.kappa_matrices(*matrices(correct, between, networks), panels, heading)

# %% [markdown]
# The means over all pairs of different conditions. The intervals come from resampling the images, the same ones for
# both means; what other training runs would change is not in them.

# %%
variant_means = nulls.subset_consistency(correct, between, networks)
variant_means.rename(index={"subset": "in-between images"})

# %% [markdown]
# ## The model set (figure 6b)

# %%
zoo = experiments.responses(models, preset)
zoo_correct, zoo_networks = zoo.correct(), zoo.networks
zoo_between = difficulty.classify(zoo_correct, tolerance) == "in-between"

# %%
name = charts.dataset_name(zoo.info["dataset"])
heading = f"Error consistency of the models, {name} (M = {len(zoo_correct)}, tolerance {tolerance})"
panels = (f"all {zoo_between.size:,} images", f"{zoo_between.sum():,} in-between images")
charts.kappa_matrices(*matrices(zoo_correct, zoo_between, zoo_networks), panels, heading)

# %%
zoo_means = nulls.subset_consistency(zoo_correct, zoo_between, zoo_networks)
zoo_means.rename(index={"subset": "in-between images"})

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
def band_row(name, correct, between, means):
    lower, upper = nulls.selection_band(len(correct), tolerance)
    scores = difficulty.scores(correct)
    row = {"networks": name, "M": len(correct), "tolerance": tolerance, "images in-between": int(between.sum())}
    row |= {"Fleiss, all": nulls.fleiss_kappa(scores, len(correct))}
    row |= {"Fleiss, in-between": nulls.fleiss_kappa(scores[between], len(correct)) if between.any() else float("nan")}
    return row | {
        "lowest possible": lower,
        "highest possible": upper,
        "mean Cohen, in-between": means.loc["subset", "kappa"],
    }


# %%
rows = [band_row("variants, one per condition", correct[chosen], between, variant_means)]
rows.append(band_row("models", zoo_correct, zoo_between, zoo_means))
bands = pd.DataFrame(rows)
bands

# %%
limit = nulls.selection_band(len(chosen), tolerance)[1]
Markdown(
    f"With M = {len(chosen)} variants and tolerance {tolerance}, agreement on the in-between images cannot exceed "
    f"{limit:.3f}. It is {bands['Fleiss, in-between'][0]:.3f}. The paper's eleven models could not exceed "
    f"{nulls.selection_band(11, 1)[1]:.3f}, its thirteen variants {nulls.selection_band(13, 1)[1]:.3f}."
)

# %% [markdown]
# ## For the summary

# %%
configuration = responses.info["configuration"]
reduced = bool(configuration["base"]["arguments"]) or configuration["epochs"] < 90
about_variants = {"m": len(correct), "dataset": responses.info["dataset"], "reduced": reduced}
about_zoo = {"m": len(zoo_correct), "dataset": zoo.info["dataset"], "networks": "other models"}

# %%
sources = {"variants": (variant_means, about_variants), "sota": (zoo_means, about_zoo)}
rows_of = {"kappa_all": "all images", "kappa_in_between": "subset", "kappa_drop": "drop"}
for name, (means, about) in sources.items():
    for claim, row in rows_of.items():
        value, limits, count = (
            means.loc[row, "kappa"],
            tuple(means.loc[row, ["lower", "upper"]]),
            means.loc[row, "images"],
        )
        book.record(f"{name}_{claim}", value, interval=limits, n=count, note=f"tolerance {tolerance}", **about)
