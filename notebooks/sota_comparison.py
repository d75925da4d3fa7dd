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
# asks the same of any set of models:
#
# - trained here, on images with a training part (`models`, `images`, `training`);
# - pretrained, and shown your photographs:
#   `make report SET='sota_comparison={models: my_models.yaml, images: /data/my_images}'`;
# - published by others (`PRESET=published`);
# - your own, from a table with the columns `model, image, prediction, label` (`responses="my_models.csv"`).

# %% tags=["parameters"]
preset = "quick"
responses = None
models = "models/digits.yaml"
images = {"name": "digits", "train_images": 300, "image_size": 32}
training = {"epochs": 12, "batch_size": 32}
tolerance = 1

# %%
import numpy as np
import pandas as pd
from IPython.display import Markdown, display

from ddd_utils import experiments, params, reporting
from ddd_utils.analysis import consistency, difficulty, exploration, score_models, wrong_answers
from ddd_utils.analysis.examples import (
    answers_of,
    count_extremes,
    decisive_images,
    difficulty_table,
    examples,
    image_pairs,
)
from ddd_utils.analysis.statistics import wilson
from ddd_utils.experiments import published
from ddd_utils.reporting import charts, claims, downloads, explorer, game, model_table
from ddd_utils.reporting.sentences import left_out, literal, readable, with_interval

reporting.setup()
book = claims.Book("sota_comparison", preset)

# %%
chosen = {"responses": responses, "models": models, "images": images, "training": training}
answers = experiments.responses(chosen, preset)
correct, networks, labels = answers.correct(), answers.networks, answers.labels
names = networks["network"].tolist()
M, n = correct.shape
name = charts.dataset_name(answers.info["dataset"])
dissent = min(tolerance, difficulty.largest_tolerance(M))
lowered = f"With {M} models no image can be in-between at tolerance {tolerance}: it is {dissent} here."
Markdown("\n\n".join([left_out(answers.info), lowered * (tolerance > dissent)]))

# %%
# What is known about ImageNet's validation images, found by their file names; nothing about any others.
on_imagenet = published.is_imagenet(answers.image_ids, labels)
known = (published.real_labels, published.published_scores, published.label_errors)
accepted, eleven, mislabelled = (find(answers.image_ids) if on_imagenet else None for find in known)

# %% [markdown]
# ## The models

# %%
origin, choices = model_table.origin(answers.info), model_table.choices(answers.info)
how = {
    "trained": "Each was trained from scratch with the settings at the end of this section.",
    "pretrained": "Each came with weights of its own and was shown every image once.",
    "elsewhere": "Their answers were not computed here; where they come from is said at the end.",
}
papers = model_table.are_the_papers(names)
who = f"They are {'called as' * papers or 'not'} the paper's eleven, "
unlike = "and the images are not the paper's." if origin == "pretrained" else f"and {literal(name)} is not ImageNet."
five = answers.info["configuration"].get("top") == 5

# %%
Markdown(
    f"M = {M} models, {n:,} images, data set **{literal(name)}**. {who}"
    + (f"{'and' if papers else 'but'} the images are the same. " if on_imagenet else f"{unlike} ")
    + how[origin]
    + " An answer counts as right if the label is among a model's first five." * five
)

# %%
skipped = pd.DataFrame(answers.info.get("skipped", []), columns=["image", "reason"])
first = skipped.head(50)
if len(skipped):
    listed = f"; the first {len(first)} are listed" * (len(skipped) > len(first))
    display(Markdown(f"Left out, because they could not be read as images: **{len(skipped):,}**{listed}."), first)

# %%
display(model_table.model_table(networks, correct, answers.info))
if origin == "pretrained":
    display(model_table.shown_table(networks))

# %%
among = answers.info["configuration"]["images"]["among"] if choices else ""
other = "".join(choices.keys() - {among})
twice = (
    f"Every model answers twice, {' and '.join(choices.values())}. The figures take the answer "
    f"**{choices.get(among)}**; `images: {{..., among: {other}}}` makes them take the other one. "
)
trained_on = "If photographs were in a model's training set, its accuracy here says nothing about new images."
Markdown(twice * bool(choices) + trained_on * (origin == "pretrained"))

# %% [markdown]
# ## How many models get an image right (figure 2b)
# The binomial is what independent models on equally difficult images would give, the dashed bars what models
# without any differences would. The beta-binomial lets difficulty vary smoothly from image to image and models be
# independent otherwise; whether it is enough is asked below.

# %%
found = exploration.explore(correct, names, labels, tolerance=dissent)
pictures = answers.thumbnails(found.images, explorer.SIDE) if answers.has_images else None
classes = answers.class_names
explored = explorer.Explorer(found, answers, range(M), classes, pictures)
explored

# %%
counts = score_models.score_counts(difficulty.scores(correct), M)
smooth = score_models.fit_beta_binomial(counts)
histogram = difficulty.score_histogram(correct)
heading = f"How many models get an image right, {name}"
histogram_chart = charts.score_bars(histogram, dissent, heading, {smooth.name: smooth.probabilities})
explored.linked(histogram_chart, "score")

# %% [markdown]
# The paper calls an image trivial or impossible when “all except one” of the models agree: tolerance 1. Elsewhere,
# for the variants, it allows no exception. Both are shown, because the shares depend on it as much as on the
# models. Intervals (95 %) are for a new draw of images.


# %%
def share_row(title, correct, allowed):
    row = {"models": title, "M": len(correct), "tolerance": allowed}
    limits = difficulty.share_intervals(correct, allowed)
    for kind, share in difficulty.shares(correct, allowed).items():
        row |= {kind: share, f"{kind}_lower": limits[kind][0], f"{kind}_upper": limits[kind][1]}
    return row


# %%
# Shares depend on the scores alone: any decisions with the same scores stand for the paper's eleven models.
sets = {"here": correct} | ({"the paper's eleven": eleven > np.arange(11)[:, None]} if eleven is not None else {})
paper = {kind: claims.claim(f"sota_{kind.replace('-', '_')}_share").value for kind in difficulty.DIFFICULTIES}
rows = [share_row(title, decisions, t) for title, decisions in sets.items() for t in sorted({0, dissent})]
readable(pd.DataFrame([*rows, {"models": "the paper's eleven, printed", "M": 11, "tolerance": 1, **paper}]), ".2%")

# %%
# The paper's own models: shown the images here, or from their published scores.
title, decisions = list(sets.items())[0 if papers else -1]
about = {"m": len(decisions), "n": n, "dataset": answers.info["dataset"]}
about["networks"] = "sota" if ((papers and on_imagenet) or eleven is not None) and n == 50_000 else "other models"
whose = "" if title == "here" else f", {title}"
claimed = min(1, difficulty.largest_tolerance(len(decisions)))  # the paper's, where the models are enough for it
shares, limits = (f(decisions, claimed) for f in (difficulty.shares, difficulty.share_intervals))
for kind, share in shares.items():
    claim = f"sota_{kind.replace('-', '_')}_share"
    book.record(claim, share, limits[kind], note=f"tolerance {claimed}{whose}", **about)

# %% [markdown]
# ## Dichotomous, or smooth?
# “Trivial or impossible” suggests two kinds of images. A smooth distribution of difficulty looks much the same in
# this histogram if it is wide enough: with a Beta distribution of shape α, β < 1 most images are easy or hard
# without any gap between the two. Three models of the scores, each containing the one before: all images alike
# (binomial), smooth difficulty (beta-binomial), and smooth difficulty with a share of images that no model can get
# right, and of images that none can get wrong.
#
# Kappa is the agreement of all networks at once (Fleiss), which follows from the scores alone, as observed and as
# each model expects it. *Misplaced* is the share of the images that would need another score for a perfect fit: with
# many images the p-value of the fit calls the smallest deviation significant. *p better* is that of the
# likelihood-ratio test against the model before; the parameters it adds start at the edge of what they can be.

# %%
scores = {title: (difficulty.scores(decisions), len(decisions)) for title, decisions in sets.items()}
if mislabelled is not None:
    scores |= {f"{title}, without label errors": (s[~mislabelled], m) for title, (s, m) in list(scores.items())}

# %%
for title, (of_images, m) in scores.items():
    fits = score_models.compare_models(score_models.score_counts(of_images, m), dissent)
    fits["misplaced"] = fits["misplaced"].map("{:.1%}".format, na_action="ignore")
    display(Markdown(f"**{title}**: M = {m}, {len(of_images):,} images, in-between at tolerance {dissent}"))
    display(readable(fits).T.replace("", "–").fillna("–"))


# %%
def in_percent(table, columns):
    return table.assign(**{column: table[column].map("{:.2%}".format) for column in columns})


alpha, beta = smooth.parameters["alpha"], smooth.parameters["beta"]
display(Markdown("What the smooth model expects of other numbers of such models:"))
numbers = [(m, t) for m in (5, 11, 30, 100) for t in (0, 1)]
rows = [{"M": m, "tolerance": t, **score_models.expected_shares(alpha, beta, m, t)} for m, t in numbers]
in_percent(pd.DataFrame(rows), difficulty.DIFFICULTIES)

# %% [markdown]
# ## Which models fail alike (figure 6b, all images)

# %%
matrix, accuracy = consistency.pairwise_matrix(correct, names), correct.mean(axis=1)
heading = f"Error consistency of {M} models on all {n:,} images, {name}"
explored.linked(charts.kappa_matrix(matrix, heading, "cluster", accuracy), "pair")

# %% [markdown]
# The most and the least consistent pairs. Intervals cover a new draw of images; every model is one network, so what
# another training run would change is not in them. Two models of different accuracy cannot agree entirely: beside
# kappa stands the largest that their accuracies allow. *Copied* is the share of the images on which the less
# accurate model would have to copy the more accurate one's decision, deciding independently otherwise.

# %%
i, j = np.triu_indices(M, 1)
kappa = matrix.kappa[i, j]
p, q = accuracy[i], accuracy[j]
pairs = pd.DataFrame({"one": np.take(names, i), "other": np.take(names, j), "kappa": kappa})
pairs = pairs.assign(lower=matrix.lower[i, j], upper=matrix.upper[i, j], largest=consistency.kappa_bounds(p, q)[1])
pairs = pairs.assign(copied=consistency.copy_probability(p, q, kappa)).sort_values("kappa", ascending=False)
pd.concat([pairs.head(5), pairs.tail(5)]).drop_duplicates().reset_index(drop=True)

# %% [markdown]
# Are better models also more alike? Each dot below is a pair. Drag over some of them, such as the most consistent: the
# bars count how many of these pairs each model is in. Where few bars stand out, look for a family or one odd model
# before you look at accuracy. Point at a bar to see all pairs of its model.

# %%
dots = pairs.assign(accuracy_one=p[pairs.index], accuracy_other=q[pairs.index])
scatter = charts.accuracy_against_kappa(dots, f"Accuracy against kappa of {M} models, {name}")
explored.linked(scatter, "pair")

# %%
known = pairs.dropna(subset="kappa")
last = (known if len(known) else pairs).iloc[-1]
note, other_models = (
    f"{last['one']} and {last['other']}",
    about | {"m": M} | ({} if papers else {"networks": "other models"}),
)
book.record("sota_lowest_kappa", last["kappa"], tuple(last[["lower", "upper"]]), note=note, **other_models)


# %%
def mean_kappa(decisions, unit="images"):
    """Average over the pairs whose kappa is defined; None where there is none."""
    defined = np.argwhere(np.triu(np.isfinite(consistency.pairwise_error_consistency(decisions)), 1))
    return consistency.interval(decisions, defined, labels=labels, resample=unit) if len(defined) else None


one_class = len(np.unique(labels)) == 1  # or a table of right and wrong alone, which says nothing of classes
units = {"images": "other images" + " of the same classes" * (not one_class), "classes": "other classes"}
mean = {unit: mean_kappa(correct, unit) for unit in (["images"] if one_class else units)}

# %%
text = "All models are always right, or all are always wrong: no kappa is defined."
if len(known):
    highest, lowest = (with_interval(*known[["kappa", "lower", "upper"]].iloc[at]) for at in (0, -1))
    limits = [f"{mean[unit].lower:.4f} to {mean[unit].upper:.4f} for {units[unit]}" for unit in mean]
    text = (
        f"Kappa runs from {lowest} to {highest}; the mean over {len(known)} pairs is **{mean['images'].value:.4f}**, "
        f"95 % interval {', '.join(limits)}. The interval of "
        f"{(pairs['lower'] > 0).sum()} of {len(pairs)} pairs lies above 0. The paper's eleven models: .33 to .69."
    )
Markdown(text)

# %%
errors = consistency.standard_errors(correct)[i, j][np.isfinite(matrix.kappa[i, j])]
independent = np.sqrt(np.square(errors).sum()) / max(1, errors.size)
joint = mean["images"].standard_error if errors.size else 0
Markdown(
    f"Pairs share models and images. Treated as independent, the mean's standard error would be {independent:.5f}; it "
    f"is {joint:.5f}, {joint / independent:.0f} times as large."
    if independent > 0
    else "These models never differ, so there is nothing to estimate an error from."
)


# %%
def choice_row(choice, decisions):
    mean, row = mean_kappa(decisions), {"answers": choice, **share_row("", decisions, dissent)}
    row["mean kappa"] = with_interval(mean.value, mean.lower, mean.upper) if mean else "undefined"
    return {key: row[key] for key in row if key not in ("models", "M", "tolerance")}


# %%
decided = experiments.alternatives(answers)
each = {choice: decided[among].correct() for among, choice in choices.items()}
if len({decisions.tobytes() for decisions in each.values()}) > 1:
    display(Markdown(f"What it matters which classes the models choose from (tolerance {dissent}):"))
    display(readable(pd.DataFrame([choice_row(*both) for both in each.items()]), ".1%"))

# %% [markdown]
# ## What the wrong answers are
# Two models that are both wrong need not give the same wrong answer. Where they do, they share more than failure.
# And an impossible image may have one wrong label on which at least half of the models agree (*consensus*), or
# scatter them (*confused*).

# %%
predictions = answers.predictions[:, -1]
wrong = predictions != labels
answered = bool((predictions[wrong] != wrong_answers.NOT_RECORDED).any())
if answered:
    same = wrong_answers.same_wrong_answer(predictions, labels)
    heading = f"Same wrong answer, where both are wrong, {name}"
    display(explored.linked(charts.wrong_answer_matrix(same, names, heading, accuracy=accuracy), "pair"))

# %%
kinds = wrong_answers.impossible_kinds(predictions, labels) if answered else np.full(n, "")
consensus, impossible = int((kinds == "consensus").sum()), int((kinds != "").sum())
agreed = with_interval(consensus / impossible, *wilson(consensus, impossible), ".0%") if impossible else "none"
unrecorded = (predictions[wrong] == wrong_answers.NOT_RECORDED).mean() if wrong.any() else 0
lines = [f"Of {impossible:,} impossible images (tolerance 0), {agreed} have a consensus."] if answered else []
lines += [f"{unrecorded:.1%} of the wrong answers were not recorded; they are left out."] * bool(unrecorded)

# %%
shared = (
    pairs.assign(**{key: getattr(same, key)[i, j] for key in ("share", "lower", "upper")}) if answered else pairs[:0]
)
if answered and shared["share"].notna().any():
    ranked = shared.sort_values("share").dropna(subset="share")[["share", "lower", "upper"]]
    least, most = (with_interval(*ranked.iloc[at], ".2f") for at in (0, -1))
    lines.insert(0, f"Mean over pairs {ranked['share'].mean():.2f}, from {least} to {most}.")
unknown = "No wrong answer was recorded, so which labels were given is not known."
Markdown(" ".join(lines) or (unknown if wrong.any() else "No answer is wrong."))

# %% [markdown]
# ## Wrong labels
# A model that sees right is scored wrong where the label is wrong. For ImageNet's validation images there are two
# sources: the list of label errors in the authors' repository (2,916 images; the paper's own figure was drawn with
# another list, of 5,000), and ReaL, for which people have said of every image which labels are acceptable.

# %%
if mislabelled is not None:
    rates = wrong_answers.error_rates(mislabelled, difficulty.scores(correct), range(M + 1))
    display(charts.label_error_dots(rates, "Label errors by the number of models that get the image right"))
else:
    listed = (
        "the list of label errors is not at hand"
        if on_imagenet
        else "these are not ImageNet validation images with its labels"
    )
    display(Markdown(f"Not shown here: {listed}."))

# %%
if mislabelled is not None and answered:
    groups = np.where(kinds == "", difficulty.classify(correct, 0), np.char.add("impossible, ", kinds))
    order = ["trivial", "in-between", *(f"impossible, {kind}" for kind in wrong_answers.IMPOSSIBLE_KINDS)]
    rates = wrong_answers.error_rates(mislabelled, groups, order, "group")
    display(charts.label_error_rows(rates, "Label errors by difficulty (tolerance 0)"))

# %%
if mislabelled is not None:
    parts = wrong_answers.shares_without_errors(correct, mislabelled, dissent)
    display(Markdown(f"With and without the {mislabelled.sum():,} images with label errors (tolerance {dissent}):"))
    display(in_percent(parts, ["share", "lower", "upper"]))

# %%
if accepted is not None and answered:
    display(Markdown("Impossible images (tolerance 0) when every label that ReaL accepts counts as right:"))
    outcome = wrong_answers.impossible_because_of_label(predictions, labels, accepted)
    display(in_percent(outcome, ["share", "lower", "upper"]))

# %% [markdown]
# ## Pictures: trivial, impossible, most divisive
# Under each image stand its label and who answered what; ✓ marks the right answer. Trivial and impossible images are
# drawn at random, from as many classes as there are. The most divisive are those on which the models come nearest to
# being half right and half wrong.


# %%
def show(rule, found):
    display(Markdown(rule + ". There is none." * (not len(found))))
    if len(found):
        given = [answers_of(predictions[:, image], labels[image], classes, names) for image in found]
        pictures, classes_of = answers.thumbnails(found), np.take(classes, labels[found])
        display(charts.answers_gallery(pictures, answers.image_ids[found], classes_of, given))


few = f"at most {dissent} of {M} models" if dissent else f"none of {M} models"
rules = {"trivial": f"**Trivial**: {few} wrong", "impossible": f"**Impossible**: {few} right"}
rules |= {"in-between": "**In-between**: the most divisive"}

# %%
if origin == "elsewhere":
    display(Markdown("Not shown here: these answers came without images."))
else:
    found = examples(correct, dissent, labels=labels)
    for kind, rule in rules.items():
        show(rule, found[kind])

# %%
# The pairs of images with which the summary opens.
trials, pictures = [], {}
few = min(game.MOST, *count_extremes(correct, dissent))
if origin != "elsewhere" and few:
    drawn = image_pairs(correct, dissent, few, labels=labels)
    trials, shown = drawn.named(answers.image_ids), answers.thumbnails(drawn.images, game.SIDE)
    pictures = dict(zip(answers.image_ids[drawn.images], shown, strict=True))
about = answers.info["dataset"], M, dissent
game.keep(params.load(preset).folder, "sota_comparison", trials, pictures, *about)

# %% [markdown]
# ## To take away
# The difficulty of each image, and the in-between images that divide the models most evenly: a short test set for
# other models. For these very models low agreement on it is by choice, as
# [the next section](subsetting.ipynb) explains.

# %%
stated = labels if answers.info.get("labels_known", True) else None
classes = answers.info.get("classes")
rows = difficulty_table(answers.image_ids, stated, correct, dissent, alpha, beta, classes)
ranked = decisive_images(correct, answers.image_ids, tolerance=dissent)
made = downloads.write_difficulty(params.load(preset).folder, rows, ranked)
Markdown(
    f"- [{made[0].name}]({made[0].name}): {n:,} images with label, score, class at tolerance {dissent} and posterior "
    f"mean difficulty (the probability that one more such model is wrong)\n"
    f"- [{made[1].name}]({made[1].name}): the {len(ranked):,} most decisive images, one name a line"
)
