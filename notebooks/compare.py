# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # What two reports find
#
# Here the figures of two reports stand side by side. A difference is the second report's figure minus the first's;
# shares differ by percentage points (pp).
#
# A difference is no verdict. Shares and agreement also depend on how many networks there are (M), on which, and on the
# tolerance.

# %% tags=["parameters"]
first = "quick"
second = "published"

# %%
from ddd_utils import report
from ddd_utils.report import comparison

report.setup()
both = comparison.read(first, second)
both.runs()

# %% [markdown]
# ## Headline figures

# %%
both.shares()

# %%
both.headline_figures()

# %% [markdown]
# Where two figures rest on different data sets, their errors are independent. The distance from the difference to each
# limit of its 95% interval is then the root of the summed squares of the two figures' distances to theirs. Where both
# rest on the same data set, the same images may move both figures: no interval can be given without the responses, and
# the cell says "same data set".
#
# Data sets are told apart by name alone. A name that does not say which images these are (a table, a folder) leaves the
# difference without an interval. If two other names stand for the same images, the interval does not hold.
#
# ## Claims that both have computed

# %%
both.counted()

# %%
both.every_claim()

# %% [markdown]
# ## Claims that only one has computed

# %%
both.only_one()
