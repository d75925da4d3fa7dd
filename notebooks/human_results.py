# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Can people tell which images are hard for networks?
#
# An observer sees two images: one that every network recognises and one that none does. Which is the harder one for a
# network? In the paper, nine people made 149 such choices each and were right about four times in five; they also
# tended to be wrong about the same pairs. So people and networks share some notion of what makes an image difficult.
#
# This section analyses any observers' files. Each is a CSV table with the columns `observer`, `trial_index`,
# `trivial_image`, `impossible_image`, `response` (the image taken for the harder one) and `rt` (milliseconds).

# %% tags=["parameters"]
preset = "quick"
observers = "observers"
simulated = 0

# %%
import numpy as np
import pandas as pd
from IPython.display import Markdown, display
from scipy.stats import chi2, t

from ddd_utils import paths, reporting
from ddd_utils.analysis import consistency, psychophysics
from ddd_utils.reporting import charts_human, claims

reporting.setup()
book = claims.Book("human_results", preset)

# %% [markdown]
# ## The paper's figures checked against each other
#
# An accuracy over 149 trials can only be a multiple of 1/149, and the smallest, the mean and the largest of nine
# values limit their standard deviation. Here is what each printed figure can be, given the others.

# %%
printed = psychophysics.printed_figures().set_index("figure", drop=False)
numbers = printed[["printed", "lowest", "highest"]].map("{:.4g}".format)  # accuracies beside a p-value of 1e-8
pd.concat([printed["figure"], numbers, printed[["agrees", "how"]]], axis=1).reset_index(drop=True)

# %%
p_value = printed.loc["p-value of the lowest", "lowest"]
book.record("human_p_value", p_value, note=printed.loc["p-value of the lowest", "how"])
Markdown(
    f"{printed['agrees'].sum()} of {len(printed)} figures agree with the others. The least accurate observer's p-value "
    f"is {p_value:.3e}."
)

# %% [markdown]
# ## The observers

# %%
trials, problems = psychophysics.read_observers(paths.build() / observers)
no_person = trials.empty
if no_person and simulated:
    trials = psychophysics.simulate(simulated, claims.paper()["printed"]["trials"])
observed, pairs = psychophysics.accuracy(trials), psychophysics.observer_consistency(trials)

# %%
lines = [f"**{len(observed)} observers**, {len(trials):,} trials."]
if no_person:
    lines = [f"**No observers yet**: put their CSV files into the folder `{observers}` of the build folder."]
    lines += [f"**{simulated} simulated observers** stand in, to show what the analysis looks like."] * bool(simulated)
Markdown("\n\n".join([*lines, *(f"- Left out: {line}" for line in problems)]))

# %%
if len(observed):
    display(charts_human.observer_accuracies(observed, "Finding the impossible image", simulated=no_person))

# %%
if len(pairs):
    display(charts_human.observer_agreement(pairs, "Which pairs are mistaken", simulated=no_person))

# %% [markdown]
# ## Accuracy and agreement in numbers
#
# The mean accuracy has an interval over observers (Student's t), its standard deviation likewise (chi-squared), the
# least and most accurate observer Wilson's. For the agreement, the image pairs that all have judged are resampled,
# for all observers at once. Resampling drives extremes and spread further apart, so those intervals lean outwards.

# %%
STATISTICS = {"mean": "mean", "lowest": "min", "highest": "max", "sd": "std"}
n, ranked = len(observed), observed.sort_values("accuracy")
figures = {f"human_accuracy_{name}": getattr(ranked["accuracy"], how)() for name, how in STATISTICS.items()}
figures |= {f"human_kappa_{name}": getattr(pairs["kappa"], how)() for name, how in STATISTICS.items()}

# %%
mean, sd = figures["human_accuracy_mean"], figures["human_accuracy_sd"]
intervals = {
    f"human_accuracy_{which}": ranked[["lower", "upper"]].iloc[at]
    for which, at in [("lowest", 0), ("highest", -1)]
    if n
}
if n > 1:
    intervals["human_accuracy_mean"] = mean + t.ppf([0.025, 0.975], n - 1) * sd / np.sqrt(n)
    intervals["human_accuracy_sd"] = sd * np.sqrt((n - 1) / chi2.ppf([0.975, 0.025], n - 1))

# %%
judged = trials.pivot_table(index="observer", columns=psychophysics.PAIR, values="correct", aggfunc="first")
by_all = judged.dropna(axis=1).to_numpy(bool)
if n > 1 and by_all.size:
    draws = pd.DataFrame(consistency.bootstrap(by_all)[:, *np.triu_indices(n, 1)])
    for name, how in STATISTICS.items():
        intervals[f"human_kappa_{name}"] = consistency.interval(getattr(draws, how)(axis=1).to_numpy())

# %%
kind = "simulated" if no_person and simulated else "human"
for claim_id, value in figures.items():
    book.record(claim_id, value, intervals.get(claim_id), m=n, n=len(trials), dataset=kind)

# %%
table = claims.table(preset).query("section == 'human_results'").reset_index(drop=True)
table[["claim", "paper", "here", "data set", "verdict", "reason"]]
