# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Very different models
# Variants of one architecture may well fail alike. Do models that share neither architecture nor objective?
#
# The paper takes eleven ImageNet models, as different as possible, among them a vision transformer, a recurrent network
# and CLIP (section 3.2): 46.0% of the images are trivial and 11.5% impossible when one model may dissent.

# %% [markdown] tags=["lab"]
# The models can be
#
# - trained here, on images with a training part (`models`, `images`, `training`);
# - pretrained, and shown your photographs:
#   `make report SET='sota_comparison={models: my_models.yaml, images: /data/my_images}'`;
# - published by others (`PRESET=published`);
# - your own, from a table with the columns `model, image, prediction, label` (`responses="my_models.csv"`).

# %% [markdown] tags=["lab"]
# A parameter that is `None` is as the preset has it. To change one, name what differs: `training = {"epochs": 20}`.

# %% tags=["parameters"]
preset = "quick"
responses = None
missing = None
models = None
images = None
training = None
tolerance = None
answers_in_page = None

# %%
from IPython.display import display

from ddd_utils import charts, experiments, report
from ddd_utils.analysis import consistency, difficulty, score_models, verdict, wrong_answers
from ddd_utils.report import claims, explorer, findings, game, sentences, tables

parameters, book = report.begin("sota_comparison", globals())

# %%
answers = experiments.responses(parameters.experiment, preset)
correct, labels = answers.correct(), answers.labels
names, name = charts.network_names(answers.networks), charts.dataset_name(answers.info["dataset"])
M, n = correct.shape
dissent = difficulty.fitting_tolerance(parameters.tolerance, M)
display(sentences.left_out(answers.info), sentences.lowered_tolerance(parameters.tolerance, M))

# %%
display(sentences.models(answers, name), sentences.chosen_after_a_trial(answers))

# %% [markdown]
# ### The models

# %%
display(*tables.unreadable(answers), *tables.models(answers), sentences.choices(answers))

# %% [markdown]
# ### Accuracy by corruption and severity
# If the images are those of ImageNet-C, each photograph is there once for every corruption and severity. Intervals
# (95%) are for other photographs.

# %%
corrupted = experiments.corruptions(answers)
if corrupted is not None:
    accuracies = difficulty.accuracy_by(correct, names, corrupted)
    averaged = difficulty.mean_accuracy_by(accuracies, corrupted.columns)
    under = findings.corruptions(averaged, answers)
    display(charts.corruption_dots(averaged, accuracies, under), tables.by_corruption(accuracies))

# %% [markdown]
# ## Two spikes again (figure 2b)
# How many models get an image right? The binomial line is what independent models would give if all images were
# equally hard, the dashed bars what models without any differences would. The beta-binomial lets difficulty vary
# smoothly from image to image. With eleven models, as many as the paper has, the paper's own bars are drawn too.

# %%
marks = experiments.marks(answers)
explored = explorer.explored(answers, range(M), dissent, marks)
explored

# %%
smooth = score_models.fit_beta_binomial(score_models.score_counts(difficulty.scores(correct), M))
heading = findings.unanimous(difficulty.shares(correct, dissent), M, dissent, answers)
papers = claims.paper()["printed"]["sota_share_by_models_correct"]
bars = charts.score_bars(
    difficulty.score_histogram(correct), dissent, heading, {smooth.name: smooth.probabilities}, papers
)
explored.linked(bars, "score")

# %% [markdown]
# ### The shares, with and without an exception
# The paper calls an image trivial or impossible when “all except one” of the models agree (tolerance 1). For the
# variants it allows no exception (tolerance 0). Intervals (95%) are for other images.

# %%
known = experiments.imagenet_facts(answers)
eleven = {} if known.eleven is None else {"the paper's eleven": known.eleven}
sets = {"here": correct, **eleven}
tables.model_shares(sets, {0, dissent})

# %%
book.record_scores("models", answers, range(M), dissent)

# %%
book.record_eleven(answers, known.eleven)

# %% [markdown]
# ## Dichotomous, or smooth?
# “Trivial or impossible” suggests two kinds of images. But difficulty that varies smoothly gives two spikes as well,
# if it varies enough. So are there *more* images at the two ends than smooth difficulty explains?

# %%
two_kinds = verdict.dichotomous(correct)
book.record_clause(two_kinds)
findings.clause(two_kinds)

# %% [markdown]
# ### Smooth models of the scores, fitted
# Three models, each containing the one before: all images alike (binomial), smooth difficulty (beta-binomial), and
# smooth difficulty with a share of images that no model can get right and a share that none can get wrong.
#
# Kappa is the agreement of all networks at once (Fleiss), which follows from the scores alone, as observed and as
# each model expects it. *Misplaced* is the share of the images that would need another score for a perfect fit.
# *p better* is the p-value of the likelihood-ratio test against the model before. With many images it calls the
# smallest deviation significant, so it decides nothing here.

# %%
for title, decisions in wrong_answers.also_without(sets, known.wrong_label).items():
    display(sentences.scored(title, decisions, dissent), tables.score_fits(decisions, dissent))

# %% [markdown]
# What the smooth model expects of other numbers of such models:

# %%
alpha, beta = smooth.parameters["alpha"], smooth.parameters["beta"]
tables.in_percent(score_models.expected_shares_table(alpha, beta), difficulty.DIFFICULTIES)

# %% [markdown]
# ## Which models fail alike (figure 6b, all images)

# %%
pairs, accuracy = consistency.pair_table(correct, names), correct.mean(axis=1)
means = consistency.mean_kappas(correct, labels)
alike = findings.pairs(pairs, means["images"], answers)
matrix = charts.kappa_matrix(consistency.pairwise_matrix(correct, names), alike, "cluster", accuracy)
explored.linked(matrix, "pair")

# %%
book.record_clause(verdict.fail_alike(correct))
sentences.kappa_range(means)

# %% [markdown]
# ### Are better models also more alike?
# Each dot is a pair; the bars below count in how many of them each model is.

# %%
explored.linked(charts.accuracy_against_kappa(pairs, findings.accuracy_and_kappa(pairs, answers)), "pair")

# %% [markdown]
# ### The most and the least consistent pairs
# Intervals are for other images, not for other training runs. Two models of different accuracy cannot agree entirely:
# beside kappa stands the largest kappa that their accuracies allow. *Copied* is the share of the images on which the
# less accurate model would have to copy the more accurate one, if it decided independently on all others.

# %%
consistency.extremes(pairs)[["one", "other", "kappa", "lower", "upper", "largest", "copied"]]

# %%
lowest = pairs.iloc[pairs["kappa"].count() - 1]  # pairs without a defined kappa come last
limits = lowest["lower"], lowest["upper"]
book.record("sota_lowest_kappa", lowest["kappa"], limits, answers, f"{lowest['one']} and {lowest['other']}")

# %%
sentences.dependent_pairs(pairs, means["images"])

# %%
decided = experiments.alternatives(answers)
display(*tables.by_choice(answers, decided, dissent))

# %% [markdown]
# ## What the wrong answers are
# Two models that are both wrong need not give the same wrong answer. Where they do, they share more than failure. On
# an impossible image at least half of the models may agree on one wrong label (*consensus*), or their answers scatter
# (*confused*).

# %%
predictions = answers.predictions[:, -1]
unrecorded = wrong_answers.unrecorded_share(predictions, labels)
same = wrong_answers.same_wrong_answer(predictions, labels) if unrecorded < 1 else None
kinds = wrong_answers.impossible_kinds(predictions, labels) if unrecorded < 1 else None

# %%
if same is not None:
    answered = charts.wrong_answer_matrix(same, names, findings.same_answer(same, answers), accuracy=accuracy)
    display(explored.linked(answered, "pair"))

# %%
sentences.wrong_answers(same, kinds, unrecorded)

# %% [markdown]
# ### Pictures (figures 1 and 13)
# Trivial and impossible images are drawn at random, from as many classes as there are. The most divisive come nearest
# to being right in half of the models. ✓ marks the right answer.

# %%
for kind in difficulty.DIFFICULTIES if answers.has_images else ():
    display(*explorer.examples_gallery(answers, range(M), kind, dissent))
sentences.pictures(answers)

# %%
# Pairs of these images make the game with which the summary opens.
game.keep_pairs(preset, "sota_comparison", answers, range(M), dissent)

# %% [markdown]
# ## A model of your own
# How does it compare? A table with its answers to these images is enough, and nothing has to be installed.

# %%
if parameters.answers_in_page:
    display(explorer.Comparable(answers, marks))

# %% [markdown]
# ### To take away
# The difficulty of each image, and the in-between images that divide the models most evenly: a short test set for
# other models. For these very models low agreement on it is by choice, as
# [the next section](subsetting.py) explains.

# %%
tables.take_away(preset, answers, dissent, alpha, beta)
