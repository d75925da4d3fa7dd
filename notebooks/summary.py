# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # What holds, and what does not

# %% tags=["parameters"]
preset = "quick"

# %%
from IPython.display import Markdown, display

from ddd_utils import charts, report
from ddd_utils.config import params
from ddd_utils.report import claims, errata, first_screen, game, headline, sentences, verdicts

_, book = report.begin("summary", globals())

# %%
# Claims that are arithmetic on figures that the paper prints need no network.
for claim_id, value in errata.arithmetic().items():
    book.record(claim_id, value)

# %%
display(*first_screen.opening(preset))

# %%
table = verdicts.table(preset)
headline.findings(table)

# %% [markdown]
# ## Find those tricky images
#
# The networks of this report recognise one image of each pair, and not the other (as in figure 1 of the paper). Can you
# tell which is which? `python -m ddd_utils experiment` makes a whole experiment of it.

# %%
why = "Not here: no section of this report has pictures of enough trivial and impossible images."
game.kept(params.load(preset).folder) or Markdown(why)

# %% [markdown] tags=["appendix"]
# ## The claims that matter
#
# Diamonds are the paper's figures, dots what was found here, with 95% intervals. What is faint decides nothing: other
# data or networks than the claim is about, an interval that allows both, or a claim outside the score. What is thin and
# grey rests on a single training run.

# %% tags=["appendix"]
matter = headline.matters(preset)
charts.claims_forest(matter, "kappa")

# %% tags=["appendix"]
charts.claims_forest(matter, "per cent")

# %% [markdown] tags=["appendix"]
# ### Every claim, and how claims are judged

# %% tags=["appendix"]
verdicts.rules()

# %% tags=["appendix"]
headline.claims_table(table)

# %% tags=["appendix"]
_, unreadable = claims.recorded(preset)
sentences.still_to_be_run(table, unreadable)

# %% [markdown] tags=["appendix"]
# ### Errata of the paper
#
# In some places the paper disagrees with its own figures or code. They matter to those who build on its numbers. The
# evidence is computed wherever it can be.

# %% tags=["appendix"]
errata.errata(preset)[["where", "erratum", "evidence"]]
