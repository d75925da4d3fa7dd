# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Radically different models
# Variants of one architecture may well fail alike. Do models that share neither architecture nor objective?
#
# The paper takes eleven ImageNet models chosen to be as different as possible, among them a vision transformer, a
# recurrent network, one trained on stylised images and CLIP, and finds the same picture as for its variants
# (section 3.2): 46.0 % of the images are trivial and 11.5 % impossible when one model may dissent. This section
# asks the same of any set of models that the preset names. Change `models` and run it again to ask it of yours.

# %% tags=["parameters"]
preset = "quick"
models = "models/digits.yaml"
images = {"name": "digits", "train_images": 300, "image_size": 32}
training = {"epochs": 12, "batch_size": 32}
tolerance = 1

# %%
import numpy as np
import pandas as pd
from IPython.display import Markdown

from ddd_utils import experiments, reporting
from ddd_utils.analysis import consistency, difficulty
from ddd_utils.reporting import charts, claims

reporting.setup()
book = claims.Book("sota_comparison", preset)

# %%
model_set = {"models": models, "images": images, "training": training}
responses = experiments.responses(model_set, preset)
correct, networks = responses.correct(), responses.networks
M, n = correct.shape
dataset = responses.info["dataset"]
name = charts.dataset_name(dataset)

# %% [markdown]
# ## The models

# %%
named = dataset in ("folder", "imagenet")
Markdown(
    f"M = {M} models, {n:,} test images, data set **{name}**. "
    + (f"They are not the paper's eleven, and {name} is not ImageNet. " * (not named))
    + "Each was trained from scratch with the settings at the end of this section."
)

# %%
columns = ["network", "architecture", "parameters", "optimizer", "learning_rate", "seconds"]
table = networks[columns].assign(accuracy=correct.mean(axis=1))
table.sort_values("accuracy", ascending=False, ignore_index=True)

# %% [markdown]
# ## How many models get an image right (figure 2b)
# The line is what independent models on equally difficult images would give, the dashed bars what models without
# any differences would.

# %%
histogram = difficulty.score_histogram(correct)
charts.score_histogram(histogram, tolerance, f"How many models get an image right, {name}")

# %% [markdown]
# The paper calls an image trivial or impossible when “all except one” of the models agree: tolerance 1. Elsewhere,
# for the variants, it allows no exception. Both are shown, because the shares depend on it as much as on the
# models.


# %%
def share_row(allowed):
    share, limits = (f(correct, allowed) for f in (difficulty.shares, difficulty.share_intervals))
    texts = {kind: f"{share[kind]:.1%} ({limits[kind][0]:.1%} to {limits[kind][1]:.1%})" for kind in share}
    return {"models": "here", "M": M, "distinct": len(np.unique(correct, axis=0)), "tolerance": allowed, **texts}


# %%
paper = {kind: claims.claim(f"sota_{kind.replace('-', '_')}_share").value for kind in difficulty.DIFFICULTIES}
printed = {"models": "paper, ImageNet", "M": 11, "distinct": 11, "tolerance": 1}
rows = [share_row(allowed) for allowed in sorted({0, tolerance})]
pd.DataFrame([*rows, printed | {kind: f"{share:.1%}" for kind, share in paper.items()}])

# %%
shares, limits = (f(correct, tolerance) for f in (difficulty.shares, difficulty.share_intervals))
common = {"m": M, "n": n, "dataset": dataset, "networks": "sota" if named else "other models"}
for kind, share in shares.items():
    claim = f"sota_{kind.replace('-', '_')}_share"
    book.record(claim, share, interval=limits[kind], note=f"tolerance {tolerance}", **common)

# %%
binomial = histogram["binomial"].to_numpy()
expected = binomial[M - tolerance :].sum() + binomial[: tolerance + 1].sum()
Markdown(
    f"Trivial or impossible here: {shares['trivial'] + shares['impossible']:.1%} of the images. Independent models "
    f"with the same mean accuracy ({correct.mean():.1%}), on equally difficult images, would leave {expected:.1%}."
)

# %% [markdown]
# ## Which models fail alike (figure 6b, all images)

# %%
kappa = consistency.pairwise_error_consistency(correct)
names = networks["network"].tolist()
charts.kappa_matrix(kappa, names, f"Error consistency of {M} models on all {n:,} images, {name}")

# %%
draws = consistency.bootstrap(correct, labels=responses.labels)
i, j = np.triu_indices(M, 1)
lower, upper = (limit[i, j] for limit in consistency.interval(draws))
pairs = pd.DataFrame({"one": np.take(names, i), "other": np.take(names, j), "kappa": kappa[i, j]})
pairs = pairs.assign(lower=lower, upper=upper).sort_values("kappa", ascending=False)

# %% [markdown]
# The most and the least consistent pairs. The intervals cover a new draw of images; every model is one network, so
# what another training run would change is not in them.

# %%
pd.concat([pairs.head(5), pairs.tail(5)]).drop_duplicates().reset_index(drop=True)

# %%
lowest = pairs.dropna().iloc[-1]
note = f"{lowest['one']} and {lowest['other']}"
book.record("sota_lowest_kappa", lowest["kappa"], interval=tuple(lowest[["lower", "upper"]]), note=note, **common)
Markdown(
    f"Kappa runs from {lowest['kappa']:.2f} to {pairs['kappa'].max():.2f}, mean {pairs['kappa'].mean():.2f}; the "
    f"interval of {(pairs['lower'] > 0).sum()} of {len(pairs)} pairs lies above 0. The paper's "
    "eleven models: .33 to .69."
)
