# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Summary: what the paper claims, and what is found here
#
# Convolutional networks that differ in architecture, optimiser, initialisation or data order still err on largely
# the same images. The paper asks why, and answers: because most images of the usual test sets are either *trivial*
# (every network is right) or *impossible* (every network is wrong). Only the images in between can tell networks
# apart, and on those alone the networks differ a great deal. It calls this *dichotomous data difficulty*.
#
# Below, each claim of the paper stands beside what the other sections of this report have computed for it.

# %% tags=["parameters"]
preset = "quick"

# %%
from IPython.display import Markdown

from ddd_utils import report
from ddd_utils.config import params
from ddd_utils.report import claims, errata, game, headline, sentences, verdicts

_, book = report.begin("summary", globals())

# %% [markdown]
# ## Find those tricky images
#
# The paper opens with a game (figure 1). Of each pair one image is recognised by the networks of this report, the other
# is not; can you tell which is which? `python -m ddd_utils experiment` makes a whole experiment of it.

# %%
why = "Not here: no section of this report has pictures of enough trivial and impossible images."
game.kept(params.load(preset).folder) or Markdown(why)

# %% [markdown]
# ## The claims
#
# Some claims are arithmetic on figures that the paper prints, and need no network. They are checked here.

# %%
for claim_id, value in errata.arithmetic().items():
    book.record(claim_id, value)

# %%
table = verdicts.table(preset)
sentences.tally(table, preset)

# %% [markdown]
# ## The claims of the abstract

# %%
abstract = table[[claims.claim(claim_id).headline for claim_id in table["id"]]].reset_index(drop=True)
abstract[["claim", "paper", "here", "data set", "verdict", "reason"]]

# %% [markdown]
# ## What has been computed, and what is missing
#
# Each section records the claims that it computes. A section that has not run, or has failed, is missing here by
# name.

# %%
verdicts.by_section(table)

# %%
_, unreadable = claims.recorded(preset)
sentences.still_to_be_run(table, unreadable)

# %% [markdown]
# ## Every claim
#
# *Agree* means that the paper's figure lies inside the interval found here, widened by the error of reading a
# printed figure. *Differ* is the opposite. *Not comparable* comes with its reason, and the figure found here is
# shown all the same: a small network on noise images need not have the accuracy of one trained on photographs for
# weeks. Where the paper claims only a direction, the whole interval has to lie on that side of zero. M counts the
# networks (or observers) and n the images (or trials) that a figure rests on.

# %%
headline.claims_table(table)

# %% [markdown]
# ## Errata of the paper
#
# Reproducing the paper brought up some places where it disagrees with its own figures or code. None of them
# overturns its main finding; they matter to those who build on its numbers. The evidence is computed wherever it
# can be.

# %%
errata.errata(preset)[["where", "erratum", "evidence"]]
