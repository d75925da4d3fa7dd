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
#
# A parameter that is `None` is as the preset has it. To change one, name what differs: `training = {"epochs": 20}`.

# %% tags=["parameters"]
preset = "quick"
responses = None
models = None
images = None
training = None
tolerance = None

# %%
from IPython.display import Markdown, display

from ddd_utils import charts, experiments, report
from ddd_utils.analysis import consistency, difficulty, score_models, wrong_answers
from ddd_utils.report import comparability, explorer, game, sentences, tables, text

parameters, book = report.begin("sota_comparison", globals())

# %%
answers = experiments.responses(parameters.experiment, preset)
correct, labels = answers.correct(), answers.labels
names, name = answers.networks["network"].tolist(), charts.dataset_name(answers.info["dataset"])
M, n = correct.shape
dissent = difficulty.fitting_tolerance(parameters.tolerance, M)
display(sentences.left_out(answers.info), sentences.lowered_tolerance(parameters.tolerance, M))

# %% [markdown]
# ## The models

# %%
sentences.models(answers, name)

# %%
display(*tables.unreadable(answers))

# %%
display(*tables.models(answers))

# %%
sentences.choices(answers)

# %% [markdown]
# ## How many models get an image right (figure 2b)
# The binomial is what independent models on equally difficult images would give, the dashed bars what models
# without any differences would. The beta-binomial lets difficulty vary smoothly from image to image, and models are
# independent otherwise; whether it is enough is asked below.

# %%
explored = explorer.explored(answers, range(M), dissent)
explored

# %%
smooth = score_models.fit_beta_binomial(score_models.score_counts(difficulty.scores(correct), M))
histogram = charts.score_bars(
    difficulty.score_histogram(correct),
    dissent,
    f"How many models get an image right, {name}",
    {smooth.name: smooth.probabilities},
)
explored.linked(histogram, "score")

# %% [markdown]
# The paper calls an image trivial or impossible when “all except one” of the models agree: tolerance 1. Elsewhere,
# for the variants, it allows no exception. Both are shown, because the shares depend on it as much as on the
# models. Intervals (95 %) are for a new draw of images. On ImageNet's validation images, the published scores of the
# paper's own models are shown as well.

# %%
known = experiments.imagenet_facts(answers)
eleven = {} if known.eleven is None else {"the paper's eleven": known.eleven}
sets = {"here": correct, **eleven}
tables.model_shares(sets, {0, dissent})

# %%
book.record_scores("models", answers, range(M), dissent)
# The paper's claim is about its own models: shown the images here, or else by their published scores.
if known.eleven is None or comparability.are_the_papers(names):
    book.record_shares("sota_", answers, difficulty.fitting_tolerance(1, M))
else:
    basis = comparability.of_the_eleven(n)
    book.record_shares("sota_", basis, 1, known.eleven, note="the paper's eleven")

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
# likelihood-ratio test against the model before. It allows for the parameters that this model adds being zero, the
# least that they can be, where the model before is right.

# %%
for title, decisions in wrong_answers.also_without(sets, known.wrong_label).items():
    display(sentences.scored(title, decisions, dissent), tables.score_fits(decisions, dissent))

# %% [markdown]
# What the smooth model expects of other numbers of such models:

# %%
alpha, beta = smooth.parameters["alpha"], smooth.parameters["beta"]
text.in_percent(score_models.expected_shares_table(alpha, beta), difficulty.DIFFICULTIES)

# %% [markdown]
# ## Which models fail alike (figure 6b, all images)

# %%
accuracy = correct.mean(axis=1)
heading = f"Error consistency of {M} models on all {n:,} images, {name}"
matrix = charts.kappa_matrix(consistency.pairwise_matrix(correct, names), heading, "cluster", accuracy)
explored.linked(matrix, "pair")

# %% [markdown]
# The most and the least consistent pairs. Intervals cover a new draw of images; every model is one network, so what
# another training run would change is not in them. Two models of different accuracy cannot agree entirely: beside
# kappa stands the largest that their accuracies allow. *Copied* is the share of the images on which the less
# accurate model would have to copy the more accurate one's decision, deciding independently otherwise.

# %%
pairs = consistency.pair_table(correct, names)
consistency.extremes(pairs)[["one", "other", "kappa", "lower", "upper", "largest", "copied"]]

# %% [markdown]
# Are better models also more alike? Each dot below is a pair. Drag over some of them, such as the most consistent: the
# bars count how many of these pairs each model is in. Where few bars stand out, look for a family or one odd model
# before you look at accuracy. Point at a bar to see all pairs of its model.

# %%
scatter = charts.accuracy_against_kappa(pairs, f"Accuracy against kappa of {M} models, {name}")
explored.linked(scatter, "pair")

# %%
lowest = pairs.iloc[pairs["kappa"].count() - 1]  # pairs without a defined kappa come last
limits = lowest["lower"], lowest["upper"]
book.record("sota_lowest_kappa", lowest["kappa"], limits, answers, f"{lowest['one']} and {lowest['other']}")

# %%
means = consistency.mean_kappas(correct, labels)
sentences.kappa_range(pairs, means)

# %%
sentences.dependent_pairs(pairs, means["images"])

# %%
decided = experiments.alternatives(answers)
display(*tables.by_choice(answers, decided, dissent))

# %% [markdown]
# ## What the wrong answers are
# Two models that are both wrong need not give the same wrong answer. Where they do, they share more than failure.
# And an impossible image may have one wrong label on which at least half of the models agree (*consensus*), or
# scatter them (*confused*).

# %%
predictions = answers.predictions[:, -1]
unrecorded = wrong_answers.unrecorded_share(predictions, labels)
same = wrong_answers.same_wrong_answer(predictions, labels) if unrecorded < 1 else None
kinds = wrong_answers.impossible_kinds(predictions, labels) if unrecorded < 1 else None

# %%
if same is not None:
    heading = f"Same wrong answer, where both are wrong, {name}"
    display(explored.linked(charts.wrong_answer_matrix(same, names, heading, accuracy=accuracy), "pair"))

# %%
sentences.wrong_answers(same, kinds, unrecorded)

# %% [markdown]
# ## Wrong labels
# A model that sees right is scored wrong where the label is wrong. For ImageNet's validation images there are two
# sources: the list of label errors in the authors' repository (2,916 images; the paper's own figure was drawn with
# another list, of 5,000), and ReaL, for which people have said of every image which labels are acceptable.

# %%
if known.wrong_label is None:
    display(sentences.no_label_errors(answers))
else:
    by_score = wrong_answers.error_rates(known.wrong_label, difficulty.scores(correct), range(M + 1))
    display(charts.label_error_dots(by_score, "Label errors by the number of models that get the image right"))

# %%
if known.wrong_label is not None and unrecorded < 1:
    groups = wrong_answers.difficulty_groups(predictions, labels)
    by_group = wrong_answers.error_rates(known.wrong_label, groups, wrong_answers.GROUPS, "group")
    display(charts.label_error_rows(by_group, "Label errors by difficulty (tolerance 0)"))

# %%
if known.wrong_label is not None:
    parts = wrong_answers.shares_without_errors(correct, known.wrong_label, dissent)
    said = f"With and without the {known.wrong_label.sum():,} images with label errors (tolerance {dissent}):"
    display(Markdown(said))
    display(text.in_percent(parts, ["share", "lower", "upper"]))

# %%
if answers.info.get("on_imagenet") and known.accepted is None:
    display(Markdown("ReaL's labels are not at hand: they come with the extra `models` (`pip install '.[models]'`)."))
elif known.accepted is not None and unrecorded < 1:
    outcome = wrong_answers.impossible_because_of_label(predictions, labels, known.accepted)
    said = "Impossible images (tolerance 0) when every label that ReaL accepts counts as right:"
    display(Markdown(said), text.in_percent(outcome, ["share", "lower", "upper"]))

# %% [markdown]
# ## Pictures: trivial, impossible, most divisive
# Under each image stand its label and who answered what; ✓ marks the right answer. Trivial and impossible images are
# drawn at random, from as many classes as there are. The most divisive are those on which the models come nearest to
# being half right and half wrong.

# %%
for kind in difficulty.DIFFICULTIES if answers.has_images else ():
    display(*explorer.examples_gallery(answers, range(M), kind, dissent))
sentences.pictures(answers)

# %%
# Pairs of these images make the game with which the summary opens.
game.keep_pairs(preset, "sota_comparison", answers, range(M), dissent)

# %% [markdown]
# ## To take away
# The difficulty of each image, and the in-between images that divide the models most evenly: a short test set for
# other models. For these very models low agreement on it is by choice, as
# [the next section](subsetting.ipynb) explains.

# %%
tables.take_away(preset, answers, dissent, alpha, beta)
