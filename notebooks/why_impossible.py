# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Why is an image impossible?
# “We do not know precisely what causes DDD”, the paper says (section 4). Its authors' impression is that impossible
# images “often contain multiple objects and sometimes ‘unusual’ objects and viewpoints”.
#
# Here an image is impossible if no model gets it right (tolerance 0). Is its label to blame, or what it shows? For
# which models? And which classes are hard?

# %% [markdown] tags=["lab"]
# A parameter that is `None` is as the preset has it. For images of your own, `marks` names a table with the columns
# `image, factor, another factor, ...`: 1 where a factor is marked, else 0.

# %% tags=["parameters"]
preset = "quick"
models = None
marks = None

# %%
import numpy as np
from IPython.display import Markdown, display

from ddd_utils import charts, experiments, report
from ddd_utils.analysis import classes, factors, verdict, wrong_answers
from ddd_utils.report import explorer, findings, reasons, sentences, tables, text, verdicts

parameters, book = report.begin("why_impossible", globals())

# %%
answers = experiments.responses(parameters.models, preset)
correct, labels, predictions = answers.correct(), answers.labels, answers.predictions[:, -1]
names, M = answers.networks["network"].tolist(), len(correct)
unrecorded = wrong_answers.unrecorded_share(predictions, labels)
sentences.models(answers, charts.dataset_name(answers.info["dataset"]))

# %% [markdown]
# ## Wrong labels
# Where the label is wrong, a model that answers right counts as wrong. Two sources tell for ImageNet: the list of label
# errors in the authors' repository (2,916 images; the paper's figure was drawn with another list, of 5,000), and ReaL,
# for which people said which labels of an image are acceptable.

# %%
known = experiments.imagenet_facts(answers)
relabelled = known.accepted is not None and unrecorded < 1
if known.wrong_label is None:
    display(sentences.no_label_errors(answers))
if answers.info.get("on_imagenet") and known.accepted is None:
    display(Markdown("ReaL's labels are not at hand: they come with the extra `models` (`pip install '.[models]'`)."))

# %%
found = experiments.marks(answers, parameters.marks)
absent, again = reasons.no_marks(found), reasons.no_marks(found, again=True)

# %%
wrong, score = known.wrong_label, correct.sum(axis=0)
by_score = None if wrong is None else wrong_answers.error_rates(wrong, score, range(M + 1))
if by_score is not None:
    none = by_score.set_index("score").loc[0]
    book.record("impossible_label_errors", none["rate"], (none["lower"], none["upper"]), answers, "tolerance 0")

# %%
if relabelled:
    status = wrong_answers.label_status(labels, known.accepted)
    looked_up = wrong_answers.status_by_score(status, correct)
    bars = charts.label_bars(looked_up, reasons.label_heading(looked_up, answers), by_score)
    explored = explorer.explored(answers, range(M), marks=found)
    display(explored, explored.linked(bars, "score"))

# %%
if relabelled:
    outcome = wrong_answers.impossible_because_of_label(predictions, labels, known.accepted)
    stays = outcome.set_index("outcome").loc["still impossible"]
    book.record("impossible_beyond_labels", stays["share"], (stays["lower"], stays["upper"]), answers, "tolerance 0")
    display(reasons.labels(outcome, status))

# %%
reasons.label_verdicts(preset)

# %%
if relabelled:
    beyond = verdict.beyond_label_errors(correct, status == wrong_answers.LABELS[0])
    book.record_clause(beyond)
    book.record("impossible_rightly_labelled", beyond.effect, (beyond.low, beyond.high), answers)
    display(findings.clause(beyond))

# %% [markdown]
# ### The authors' list of label errors (figures 2a and 17a)

# %%
if by_score is not None:
    display(charts.label_error_dots(by_score, findings.label_errors(by_score, answers)))

# %%
if wrong is not None and unrecorded < 1:
    groups = wrong_answers.difficulty_groups(predictions, labels)
    by_group = wrong_answers.error_rates(wrong, groups, wrong_answers.GROUPS, "group")
    display(charts.label_error_rows(by_group, findings.label_errors_of_groups(by_group, answers)))

# %%
if wrong is not None:
    parts = wrong_answers.shares_without_errors(correct, wrong)
    display(Markdown(f"With and without the {wrong.sum():,} images with label errors (tolerance 0):"))
    display(tables.in_percent(parts, ["share", "lower", "upper"]))

# %% [markdown]
# ## What impossible images have in common
# People have marked what is different about an image: it is smaller than usual, there are several objects, and so on.
#
# **Fixed before the results.** The primary outcome is *impossible* (tolerance 0), on all marks: how many times as
# often is an image impossible with a mark as without it? The ratio is adjusted for class and all other factors
# (Poisson regression with an effect for each class, errors robust to dependence within classes) and tested together
# with all secondary outcomes (Holm, 5%). It is asked again without ResNet-50, without one family of models at a time
# (names that begin alike, or architectures: CNN, transformer), and on images whose label ReaL accepts. A factor that
# more than three quarters of the images carry does not count: it tells next to nothing.

# %%
absent

# %%
if not absent:
    kept, named = found.known, found.factors
    marked, of = found.marked[kept], labels[kept]
    asked = {outcome: each[kept] for outcome, each in factors.outcomes(correct).items()}
    primary = factors.fixed_effects_poisson(asked["impossible"], marked, of)
    display(reasons.marks(found.source, found.prototypes, primary, asked["impossible"].sum()))

# %%
if not absent:
    main = None if found.top is None else found.top[kept]
    ratios = factors.adjusted_ratios(asked, marked, of, named, main)
    kinds = answers.networks.get("family", [])
    without = factors.without_models(correct[:, kept], names, marked, of, named, kinds)

# %%
if not absent and relabelled:
    right = status[kept] == wrong_answers.LABELS[0]
    certain = factors.adjusted_ratios({"impossible": asked["impossible"][right]}, marked[right], of[right], named)

# %%
if not absent:
    shown = reasons.primary(ratios)
    display(
        charts.factor_forest(
            shown, certain if relabelled else None, reasons.factor_heading(shown, answers, primary.images)
        )
    )

# %%
if not absent:
    accepted = certain if relabelled else None
    display(reasons.robust(shown, without, accepted), reasons.ratio_table(shown, without, accepted))

# %%
guesses = None if absent else reasons.guesses(named, marked, primary, asked["impossible"])
reasons.record_guesses(book, guesses, answers, 0 if absent else int(kept.sum()))
None if absent else reasons.guess_sentences(guesses)

# %% [markdown]
# ### Other outcomes
# Ratios for trivial images (below 1: fewer are trivial) and for difficulty, the probability that one more such model is
# wrong. Where each image's main factor is known, a last column compares images by it alone. A star marks p < 0.05,
# adjusted as above.

# %%
again or reasons.secondary_table(ratios)

# %% [markdown]
# ### How much of difficulty is explained
# In a fixed order, by linear regression: first class, then whether ReaL accepts the label, then all factors.

# %%
if not absent:
    rejected = np.column_stack([status[kept] == kind for kind in wrong_answers.LABELS[1:]]) if relabelled else None
    blocks = {"label": rejected, "factors": marked} if relabelled else {"factors": marked}
explained = None if absent else factors.explained(asked["difficulty"], blocks, of)
again or reasons.explained(explained)

# %% [markdown]
# ## For whom
# On which factors does a model err more than its peers? Each is compared on images that equally many models get
# right, so that neither its accuracy nor the images' difficulty matters (Mantel and Haenszel).

# %%
if not absent:
    best_first = np.argsort(-correct.mean(axis=1), kind="stable")
    ranked = [names[i] for i in best_first]
    peers = factors.against_peers(correct[best_first][:, kept], marked, ranked, named)
    heading = reasons.peer_heading(peers, answers, primary.images, found.prototypes)
    display(charts.peer_matrix(peers, heading))

# %%
again or reasons.peer_table(peers)

# %% [markdown]
# ## Easy and hard classes
# How often is a model right on each class? With few images a class, the hardest of many is partly the unluckiest: each
# value is drawn towards the mean of all classes, the further the fewer images it rests on.

# %%
hard = classes.class_difficulty(correct, labels, answers.class_names)
ends = reasons.extremes(hard)
charts.class_rows(ends, reasons.class_heading(hard, answers))

# %% [markdown]
# ### Classes that models confuse in the same way
# Images of one class that more than half of all models take for one other class. For ImageNet, *accepted* are those on
# which ReaL accepts the models' answer, too.

# %%
if unrecorded < 1:
    agreed = classes.majority_answer(predictions)
    also = wrong_answers.relabelled_correct(agreed[None], known.accepted)[0][0] if relabelled else None
    pairs = classes.confused_classes(predictions, labels, answers.class_names, also)
    display(tables.in_percent(text.readable(pairs.head(15)), ["share"]))

# %%
if unrecorded < 1:
    superclasses = None if absent else found.superclasses
    nearby = None if superclasses is None else classes.within_superclass(predictions, labels, superclasses)
    display(reasons.confusions(pairs, len(labels), nearby))

# %% [markdown]
# ### The claims of this section

# %%
verdicts.of_section(preset, "why_impossible")
