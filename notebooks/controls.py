# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Controls
# Is it the images, the networks, or one particular choice of both? The paper's appendix repeats the experiment with
# other images (CIFAR-100, and pure noise whose only feature is its standard deviation) and with other base networks
# (VGG-11, DenseNet-121), and finds trivial and impossible images everywhere (figures 10, 11 and 14 to 17, table 1).
#
# This section sets two kinds of images side by side, a natural set and noise, looks at the images and classes at
# both ends, and repeats the comparison from every other base network that the preset names.

# %% tags=["parameters"]
preset = "quick"
natural = {
    "dataset": {"name": "digits", "train_images": 400, "image_size": 32, "noise": 96},
    "base": {"model": "resnet18", "arguments": {"width": 16}},
    "other": {
        "model": "torchvision.models.DenseNet",
        "arguments": {"growth_rate": 8, "block_config": [3, 6, 8, 6], "num_init_features": 16},
    },
    "epochs": 12,
    "batch_size": 32,
    "learning_rate": 0.05,
    "instances": {
        "initialisation": 2,
        "learning_rate": 1,
        "cuda_nondeterministic": 1,
        "data_order": 2,
        "combined": 1,
    },
}
noise = "training_variants"
other_bases = [
    {
        "dataset": {"name": "digits", "train_images": 400, "image_size": 32, "noise": 96},
        "base": {"model": "plain_convnet", "arguments": {"stages": [1, 1, 2, 2, 2], "width": 8}},
        "other": {"model": "plain_convnet", "arguments": {"stages": [1, 1, 3], "width": 8, "kernel": 5}},
        "epochs": 10,
        "batch_size": 32,
        "learning_rate": 0.05,
        "instances": {
            "initialisation": 2,
            "learning_rate": 1,
            "cuda_nondeterministic": 1,
            "data_order": 2,
            "combined": 1,
        },
    }
]
tolerance = 0

# %%
import numpy as np
import pandas as pd
from IPython.display import Markdown, display

from ddd_utils import charts, experiments, report
from ddd_utils.analysis import consistency, difficulty, dynamics
from ddd_utils.analysis.examples import answers_of, examples
from ddd_utils.report import claims
from ddd_utils.report.sentences import left_out, with_interval

report.setup()
book = claims.Book("controls", preset)

# %%
sets = {"natural": natural, "noise": noise}
loaded = {kind: experiments.responses(what, preset) for kind, what in sets.items()}
classes = {kind: responses.class_names for kind, responses in loaded.items()}
dataset = {kind: charts.dataset_name(responses.info["dataset"]) for kind, responses in loaded.items()}
chosen = {kind: difficulty.one_per_condition(responses.networks) for kind, responses in loaded.items()}


# %%
def described(architecture):
    arguments = ", ".join(f"{key} {value}" for key, value in architecture["arguments"].items())
    return architecture["model"].rpartition(".")[2] + f" ({arguments})" * bool(arguments)


# %%
def facts(kind, responses):
    configuration, correct = responses.info["configuration"], responses.correct()
    row = {"images": kind, "data set": dataset[kind], "classes": len(classes[kind]), "test images": correct.shape[1]}
    row |= {"base": described(configuration["base"]), "epochs": configuration["epochs"], "networks": len(correct)}
    return row | {"mean accuracy": correct.mean()}


pd.DataFrame([facts(kind, responses) for kind, responses in loaded.items()])

# %%
Markdown("\n\n".join(left_out(responses.info) for responses in loaded.values()))

# %% [markdown]
# ## Error consistency on both (figure 16)
# The paper's diamonds are its CIFAR-100 and its Gaussian noise, 224 pixels wide with full networks; they show the
# first instance of a condition, not the mean. A dashed interval: one network: image error only, so no difference
# between conditions is claimed.


# %%
def consistency_chart(responses, heading, entry):
    correct, networks, labels = responses.correct(), responses.networks, responses.labels
    single = consistency.condition_consistency(correct, networks, labels=labels)
    means = consistency.condition_means(correct, networks, labels=labels)
    display(charts.consistency_dots(single, means, heading, claims.paper_values(entry)))
    gap = consistency.condition_difference(correct, networks, "architecture", "cuda_nondeterministic", labels=labels)
    return single.merge(means[["condition", "instances", "note"]], on="condition"), gap


# %%
heading = f"Error consistency with the base, {dataset['natural']} (diamonds: the paper, CIFAR-100)"
natural_kappa = consistency_chart(loaded["natural"], heading, "kappa_cifar100")

# %%
heading = f"Error consistency with the base, {dataset['noise']} (diamonds: the paper, its Gaussian set)"
noise_kappa = consistency_chart(loaded["noise"], heading, "kappa_gaussian")


# %%
def about(responses, networks=None):
    configuration = responses.info["configuration"]
    few = configuration["dataset"].get("train_per_class", 20_000) < 20_000
    reduced = bool(configuration["base"]["arguments"]) or few or configuration["epochs"] < 30
    return {"n": len(responses.labels), "dataset": responses.info["dataset"], "networks": networks, "reduced": reduced}


# %%
def record(name, kappa, gap, facts):
    first = kappa[(kappa["instance"] == 1) & (kappa["condition"] != "base")].set_index("condition")
    for condition, row in first.iterrows():
        book.record(f"kappa_{name}.{condition}", row["kappa"], interval=(row["lower"], row["upper"]), m=2, **facts)
    # With one network of a condition, how much another run would differ is unknown: no interval covers that.
    limits = None if np.isnan(gap.lower) or consistency.ONE_NETWORK in gap.note else gap[1:3]
    m = 1 + first["instances"].reindex(["architecture", "cuda_nondeterministic"], fill_value=0).sum()
    book.record(f"architecture_minus_nondeterminism_{name}", gap.value, limits, m=m, note=gap.note, **facts)
    return f"{with_interval(*gap[:3], '+.2f')} ({gap.note})"


# %%
gaps = {"natural": record("cifar100", *natural_kappa, about(loaded["natural"]))}
gaps["noise"] = record("gaussian", *noise_kappa, about(loaded["noise"]))
paper = {name: claims.claim(f"architecture_minus_nondeterminism_{name}").value for name in ("cifar100", "gaussian")}
Markdown(
    f"Kappa of another architecture minus kappa of non-determinism: {gaps['natural']} on {dataset['natural']}, "
    f"{gaps['noise']} on {dataset['noise']}. In the paper's own figure 16 it is "
    f"{paper['cifar100']:+.2f} for CIFAR-100 but {paper['gaussian']:+.2f} for the noise, against its statement that "
    "the one matters as little as the other."
)

# %% [markdown]
# ## How many networks are right (figure 17)

# %%
histograms = [
    charts.score_bars(
        difficulty.score_histogram(responses.correct()[chosen[kind]]), tolerance, dataset[kind], width=280, height=220
    )
    for kind, responses in loaded.items()
]
charts.beside(*histograms)


# %%
def share_row(kind, name, rows):
    correct = loaded[kind].correct()[rows]
    share, limits = (f(correct, tolerance) for f in (difficulty.shares, difficulty.share_intervals))
    texts = {key: f"{share[key]:.1%} ({limits[key][0]:.1%} to {limits[key][1]:.1%})" for key in share}
    distinct = len(np.unique(correct, axis=0))
    return {
        "data set": dataset[kind],
        "networks": name,
        "M": len(rows),
        "distinct": distinct,
        "tolerance": tolerance,
        **texts,
    }


# %%
published = {kind: difficulty.as_published(responses.networks) for kind, responses in loaded.items()}
pd.DataFrame(
    [
        share_row(kind, name, rows[kind])
        for kind in loaded
        for name, rows in {"one per condition": chosen, "as published": published}.items()
    ]
)

# %%
shares = {kind: difficulty.shares(r.correct()[chosen[kind]], tolerance) for kind, r in loaded.items()}
rare = [(kind, end) for kind, share in shares.items() for end in ("trivial", "impossible") if share[end] < 0.01]
texts = [f"On {dataset[kind]} **hardly any image is {end}** ({shares[kind][end]:.2%})." for kind, end in rare]
one_sided = " There the difficulty is one-sided, not dichotomous."
Markdown(" ".join(texts) + one_sided if rare else "Both sets have trivial and impossible images.")

# %% [markdown]
# ## Easy and hard classes (figure 15, table 1)
# The accuracy of the fully trained base network on each class. On ImageNet it runs from 100 % down to 10 % in the
# paper.

# %%
by_class = {kind: difficulty.class_accuracy(r.correct()[:1], r.labels) for kind, r in loaded.items()}
by_class = {kind: frame.assign(name=np.take(classes[kind], frame["label"])) for kind, frame in by_class.items()}
charts.beside(
    *(charts.class_accuracy_dots(frame, dataset[kind], width=280, height=220) for kind, frame in by_class.items())
)


# %%
def ends(kind):
    frame = by_class[kind].sort_values("accuracy", ascending=False, kind="stable")
    k = min(10, len(frame) // 2)
    texts = (frame["name"].astype(str) + frame["accuracy"].map(" ({:.0%})".format)).tolist()
    return pd.DataFrame({"rank": range(1, k + 1), "easiest": texts[:k], "hardest": texts[: -k - 1 : -1]})


# %%
for kind in loaded:
    display(Markdown(f"The base network's easiest and hardest classes, {dataset[kind]}:"), ends(kind))

# %%
accuracy = by_class["natural"]["accuracy"]
for name, value in {"easiest": accuracy.max(), "hardest": accuracy.min()}.items():
    images = by_class["natural"]["images"][accuracy == value].iloc[0]
    error = 1.96 * np.sqrt(value * (1 - value) / images)
    limits = (value - error, value + error)
    book.record(f"{name}_class_accuracy", value, interval=limits, m=1, **about(loaded["natural"]))

# %% [markdown]
# ## Trivial and impossible images of the natural set (figure 13)
# Drawn at random, from as many classes as there are. Under each stand its label and who answered what.

# %%
responses, entered = loaded["natural"], chosen["natural"]
answered, members = responses.predictions[entered, -1], charts.network_names(responses.networks.iloc[entered])
shown = examples(responses.correct()[entered], tolerance, labels=responses.labels)
for kind in ("trivial", "impossible"):
    images, labels = shown[kind], responses.labels[shown[kind]]
    display(Markdown(f"**{kind.capitalize()}** (tolerance {tolerance})" + ": there is none." * (not len(images))))
    given = [answers_of(answered[:, at], responses.labels[at], classes["natural"], members) for at in images]
    pictures, classes_of = responses.thumbnails(images), np.take(classes["natural"], labels)
    display(charts.answers_gallery(pictures, responses.image_ids[images], classes_of, given))

# %% [markdown]
# ## Pairs of images (figure 14)
# In each pair the upper image is the hardest of its kind, the lower one is of the same class and easy.

# %%
responses = loaded["natural"]
scores, M = difficulty.scores(responses.correct()[chosen["natural"]]), len(chosen["natural"])
hard = np.argsort(scores, kind="stable")[:8]
easiest_first, easy = np.argsort(-scores, kind="stable"), []
for image in hard:
    same_class = easiest_first[responses.labels[easiest_first] == responses.labels[image]]
    easy.append(next(candidate for candidate in same_class if candidate not in easy))

# %%
above, below = (np.stack(responses.images(images)) for images in (hard, easy))
gap = np.full_like(above[:, :2], 128)
names = np.take(classes["natural"], responses.labels[hard])
captions = [
    f"{name}: {up} of {M} right above, {down} below"
    for name, up, down in zip(names, scores[hard], scores[easy], strict=True)
]
charts.gallery(np.concatenate([above, gap, below], axis=1), captions, columns=8)

# %% [markdown]
# ## Other base networks (figures 10 and 11)
# The paper trains all conditions once more from a VGG-11 and from a DenseNet-121. The diamonds show its figures, on
# ImageNet, for the base of the same family: networks without shortcuts beside its VGG-11 (whose other architecture
# is an AlexNet), densely connected ones beside its DenseNet-121.

# %%
families = {"vgg": "vgg11", "plain": "vgg11", "densenet": "densenet121"}


def family(model):
    return next((paper for word, paper in families.items() if word in model.lower()), None)


# %%
for base in other_bases:
    responses = experiments.responses(base, preset)
    architecture = responses.info["configuration"]["base"]
    known, name = family(architecture["model"]), charts.dataset_name(responses.info["dataset"])
    other = described(responses.info["configuration"]["other"])
    display(Markdown(f"Other architecture: {other}. {left_out(responses.info)}"))
    found = consistency_chart(responses, f"{described(architecture)} as base, {name}", f"kappa_{known}")
    if known:
        record(known, *found, about(responses, networks=architecture["model"].rpartition(".")[2].lower()))

# %% [markdown]
# ## BatchNorm's running statistics
# BatchNorm evaluates with averages that it gathered during training, over about the last 20 batches. Where the
# classes' noise differs a hundredfold these averages cannot keep up, and decisions swap for a reason that has
# nothing to do with learning. So for such a set the statistics are estimated anew, on fixed training images, before
# each evaluation. Both ways, for the same networks:

# %%
recalibrated = [kind for kind, r in loaded.items() if r.info["configuration"]["bn_recalibration"]]
running = {kind: experiments.alternatives(loaded[kind])["running"] for kind in recalibrated}
if not recalibrated:
    display(
        Markdown("No set of this preset is evaluated with recalibrated statistics, so there is nothing to compare.")
    )


# %%
def evaluation(kind, responses, statistics):
    rows = [responses.networks["condition"].tolist().index(name) for name in ("base", "plus_1_epoch", "plus_10_epochs")]
    changes = dynamics.swaps(responses.predictions[rows[:1]], responses.labels).assign(statistics=statistics)
    correct = responses.correct()[rows]
    row = {"data set": dataset[kind], "statistics": statistics, "accuracy of the base": correct[0].mean()}
    row |= {"decisions changed, last epoch": f"{changes['changed'].iloc[-1]:.1%}"}
    for at, later in enumerate(("plus 1 epoch", "plus 10 epochs"), start=1):
        kappa = consistency.interval(correct, [(0, at)], labels=responses.labels)
        row[f"kappa, {later}"] = with_interval(kappa.value, kappa.lower, kappa.upper)
    return changes, row


# %%
for kind in recalibrated:
    images = loaded[kind].info["configuration"]["bn_recalibration"]
    new = evaluation(kind, loaded[kind], f"recalibrated on {images:,} training images")
    old = evaluation(kind, running[kind], "running averages (as published)")
    heading = f"Decisions of the base network that change, {dataset[kind]}"
    steps = loaded[kind].decay_epochs
    display(charts.swap_comparison(pd.concat([new[0], old[0]]), "statistics", steps, heading))
    display(pd.DataFrame([new[1], old[1]]))
