# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Noise that is easy and hard by design
# If networks agree because images are easy or hard, and not because photographs are special, they should agree on
# noise too. The paper made such a set: every pixel of class $i$ is drawn from a normal distribution with mean 128 and
# standard deviation $\sigma_i = i$. Neighbouring classes grow more alike as $i$ grows. How far apart they are is the
# Kullback-Leibler divergence
#
# $$KL(i, i+1) = \log\frac{\sigma_{i+1}}{\sigma_i} + \frac{\sigma_i^2}{2\sigma_{i+1}^2} - \frac{1}{2}.$$
#
# The paper finds that this divergence predicts how accurate a network is on a class. Does it here, and how far are the
# networks from the best that is possible?

# %% [markdown] tags=["lab"]
# A parameter that is `None` is as the preset has it. To change one, name what differs: `experiment = {"epochs": 20}`.

# %% tags=["parameters"]
preset = "quick"
experiment = None

# %%
from IPython.display import display

from ddd_utils import charts, experiments, report
from ddd_utils.analysis import noise
from ddd_utils.report import claims, findings, sentences

parameters, book = report.begin("kl_divergence", globals())

# %% [markdown]
# ## The divergence between neighbours (figure 8, left)

# %%
divergence = noise.neighbour_divergence()
book.record("kl_decreasing_steps", (divergence["kl"].diff().dropna() < 0).mean())
charts.kl_curve(divergence, findings.divergence(divergence))

# %% [markdown]
# ## The networks and the best possible (figure 8, centre)
# The ideal classifier knows the distributions and decides by likelihood: nothing can be more accurate on images of this
# size. It is known only where images are not resized, because resizing makes neighbouring pixels alike.

# %%
answers = experiments.responses(parameters.experiment, preset)
dataset = answers.config.dataset
on_noise = dataset.name == "gaussian"
sentences.only_on_noise(dataset.name)

# %%
if on_noise:
    pixels = None if dataset.crop == "random_resized" else 3 * dataset.image_size**2
    classes = noise.accuracy_by_sigma(answers.correct(), answers.labels, pixels)
    display(charts.sigma_curves(classes, findings.beside_the_ideal(classes, answers)))

# %% [markdown]
# ## Does the divergence predict the accuracy? (figure 8, right)
# For the base network, as in the paper. The interval takes the classes for a sample of possible classes (Bonett and
# Wright, 2000).

# %%
if on_noise:
    predicted = noise.divergence_correlation(classes)
    near = classes.dropna(subset="kl")
    display(charts.kl_scatter(near.assign(accuracy=near["base"]), findings.predicted(predicted, answers)))

# %%
if on_noise:
    base = answers.select([0])
    book.record("kl_predicts_accuracy", predicted.value, (predicted.lower, predicted.upper), base)
    first = base.select(images=answers.labels < 20)
    accuracy = noise.base_accuracy(first.correct())
    book.record("first_classes_accuracy", accuracy.value, (accuracy.lower, accuracy.upper), first)

# %% [markdown]
# ### Why the published curve has spikes
# In the paper's figure 8 the accuracy falls with the class number, except that a few isolated classes far to the right
# are recognised almost always. Nothing in the noise explains that. But the classes' folders are called 0, 1, 2 and so
# on, and sorted as text, 4 comes after 39. Drawn in that order, our own curve has spikes as well.

# %%
if on_noise:
    folders = noise.in_folder_order(classes)
    display(charts.folder_order_curves(folders, findings.folder_order(folders, answers)))

# %%
if on_noise:
    display(sentences.spikes(folders, claims.paper()["printed"]["figure8_spikes"]))
