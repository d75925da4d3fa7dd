# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Noise that is easy and hard by design
#
# If networks agree because images are easy or hard, and not because photographs are special, they should agree on
# noise too. The paper made a set of it: every pixel of class $i$ is drawn from a normal distribution with mean 128
# and standard deviation $\sigma_i = i$. Neighbouring classes grow more alike as $i$ grows. How far apart they are is
# the Kullback-Leibler divergence
#
# $$KL(i, i+1) = \log\frac{\sigma_{i+1}}{\sigma_i} + \frac{\sigma_i^2}{2\sigma_{i+1}^2} - \frac{1}{2}.$$
#
# The paper finds that this divergence predicts very well how accurate a network is on a class. Here: is that so, and
# how much of what can be known do the networks know?

# %% tags=["parameters"]
preset = "quick"
experiment = "training_variants"

# %%
import numpy as np
import pandas as pd
from IPython.display import Markdown, display
from scipy.stats import binomtest, spearmanr

from ddd_utils import experiments, reporting
from ddd_utils.analysis import difficulty, noise
from ddd_utils.reporting import charts, claims

reporting.setup()
book = claims.Book("kl_divergence", preset)

# %% [markdown]
# ## The divergence between neighbours
#
# It falls from each pair of neighbours to the next: the first classes are far apart, the last ones hardly differ.

# %%
sigma = np.arange(1, 101)
kl = pd.Series(noise.kl_divergence(sigma[:-1], sigma[1:]), index=sigma[:-1], name="kl")
book.record("kl_decreasing_steps", (kl.diff().dropna() < 0).mean())
charts.kl_curve(kl.rename_axis("sigma").reset_index(), "Divergence between each class and the next")

# %% [markdown]
# ## The networks
#
# The accuracy of a class is averaged over all networks of the experiment. Beside it stands the ideal classifier,
# which knows the distributions, decides by likelihood, and so is as accurate as anything can be on images of this
# size. It is computed from each class's own distribution of whole gray levels, 0 and 255 included where the noise is
# cut off. It is known only where images are not cropped and resized, because resizing makes neighbouring pixels
# depend on each other.

# %%
responses = experiments.responses(experiment, preset)
configuration = responses.info["configuration"]
dataset = configuration["dataset"]
gaussian = dataset["name"] == "gaussian"
Markdown(
    "" if gaussian else f"These responses are on {dataset['name']}, not on Gaussian noise: there is no more to show."
)

# %%
if gaussian:
    correct, labels, size = responses.correct(), responses.labels, dataset["image_size"]
    by_network = pd.concat(
        [difficulty.class_accuracy(row[None], labels) for row in correct], keys=responses.networks["network"]
    )
    shares = by_network.groupby("label")["accuracy"].agg(accuracy="mean", lowest="min", highest="max")
    classes = shares.set_axis(shares.index + 1).rename_axis("sigma").join(kl).reset_index()
    classes["base"] = difficulty.class_accuracy(correct[responses.networks["condition"] == "base"], labels)["accuracy"]
    classes.loc[classes["sigma"] == len(classes), "kl"] = np.nan  # the last class has no wider neighbour
    classes["bayes"] = noise.bayes_accuracy(classes["sigma"], 3 * size**2) if dataset["crop"] == "none" else np.nan

# %%
if gaussian:
    counted = (
        f"{len(correct)} networks (band: least to most accurate), {len(labels):,} images of {size} x {size} pixels"
    )
    display(charts.sigma_curves(classes, "Accuracy by standard deviation", counted))

# %%
if gaussian:
    known = classes["bayes"].mean()
    ceiling = "" if np.isnan(known) else f" of the {known:.1%} that the ideal classifier reaches"
    display(Markdown(f"On average the networks recognise {classes['accuracy'].mean():.1%} of the images{ceiling}."))

# %% [markdown]
# ## Does the divergence predict the accuracy?
#
# As in the paper, for the base network. The rank correlation needs no straight line. Its interval takes the classes
# for a sample of possible classes (Bonett and Wright, 2000).

# %%
if gaussian:
    near = classes.dropna(subset="kl")
    rho = spearmanr(near["kl"], near["base"]).statistic
    reach = 1.96 * np.sqrt((1 + rho**2 / 2) / (len(near) - 3))
    limits = tuple(np.tanh(np.arctanh(np.clip(rho, -1 + 1e-9, 1 - 1e-9)) + np.array([-reach, reach])))
    heading = f"Divergence and accuracy: rank correlation {rho:.2f} ({limits[0]:.2f} to {limits[1]:.2f})"
    display(charts.kl_scatter(near.assign(accuracy=near["base"]), heading))

# %%
if gaussian:
    paper_size = dataset["train_per_class"] >= 20_000 and configuration["epochs"] >= 30
    first = classes[classes["sigma"] <= 20]
    images = int(np.isin(labels, first["sigma"] - 1).sum())
    wilson = binomtest(round(first["base"].mean() * images), images).proportion_ci(method="wilson")
    found = {
        "m": 1,
        "n": len(labels),
        "dataset": "gaussian",
        "reduced": not paper_size or bool(configuration["base"]["arguments"]),
    }
    book.record("kl_predicts_accuracy", rho, limits, **found)
    book.record("first_classes_accuracy", first["base"].mean(), tuple(wilson), **found | {"n": images})

# %% [markdown]
# ## Why the published curve has spikes
#
# In the paper's figure 8 the accuracy falls with the class number, except that a few isolated classes far to the
# right are recognised almost always. Nothing in the noise explains that. The folders of the classes are called 0, 1,
# 2 and so on, and sorted as strings, 4 comes after 39. Our own curve, drawn in that order, shows the same spikes at
# the same places.

# %%
if gaussian:
    position = noise.string_sorted_positions(len(classes))
    folders = classes.assign(folder=classes["sigma"] - 1, position=position)
    folders["moved"] = folders["folder"].between(4, 9)
    display(charts.folder_order_curves(folders, "One curve, two orders"))

# %%
if gaussian:
    printed = claims.paper()["printed"]["figure8_spikes"]
    here = folders.loc[folders["moved"], "position"].tolist()
    spikes = f"Published spikes at x = {printed}; here the folders 4 to 9 of {len(folders)} land at {here}."
    display(Markdown(spikes))
