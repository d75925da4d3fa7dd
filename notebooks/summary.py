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
from pathlib import Path

from ddd_utils.reporting.claims_table import claims_table
from IPython.display import Markdown

from ddd_utils import params, reporting
from ddd_utils.reporting import claims, game, slips

reporting.setup()

# %% [markdown]
# ## Find those tricky images
#
# The paper opens with a game (figure 1). Of each pair one image is recognised by the networks of this report, the other
# is not; can you tell which is which? `python -m ddd_utils experiment` makes a whole experiment of it.

# %%
none = "Not here: no section of this report has pictures of enough trivial and impossible images."
game.kept(params.load(preset).folder) or Markdown(none)

# %% [markdown]
# ## The claims
#
# Some claims are arithmetic on figures that the paper prints, and need no network. They are checked here.

# %%
book = claims.Book("summary", preset)
for claim_id, value in slips.arithmetic().items():
    book.record(claim_id, value)

table = claims.table(preset)
counts = table["verdict"].value_counts()
computed = table[~table["reason"].isin(["not computed", "no observers"])]

# %%
reasons = computed.loc[computed["reason"] != "", "reason"].value_counts()
because = "; ".join(f"{reason}: {number}" for reason, number in reasons.items())
Markdown(
    f"Figures found here are those of preset **{Path(preset).stem}**. Of **{len(table)} claims**, {len(computed)} have "
    f"been computed: **{counts.get('agree', 0)} agree** with the paper, **{counts.get('differ', 0)} differ**, and "
    f"{reasons.sum()} have a figure here that cannot be compared with the paper's{f' ({because})' if because else ''}."
)

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
missing = table.drop(computed.index)
names = missing["id"].str.partition(".")[0].groupby(missing["section"]).agg(lambda ids: ", ".join(dict.fromkeys(ids)))
sections = table.groupby("section", sort=False).agg(claims=("id", "size"))
sections["computed"] = computed.groupby("section").size().reindex(sections.index, fill_value=0)
sections["missing"] = names.reindex(sections.index, fill_value="")
sections.reset_index()

# %%
_, unreadable = claims.recorded(preset)
todo = [f"[{section}]({section}.ipynb)" for section in dict.fromkeys(missing["section"])]
lines = [f"- {line}" for line in unreadable.values()]
lines += [f"Still to be run, or run in part: {', '.join(todo)}."] if todo else ["Every claim has been computed."]
Markdown("\n".join(lines))

# %% [markdown]
# ## Every claim
#
# *Agree* means that the paper's figure lies inside the interval found here, widened by the error of reading a
# printed figure. *Differ* is the opposite. *Not comparable* comes with its reason, and the figure found here is
# shown all the same: a small network on noise images need not have the accuracy of one trained on photographs for
# weeks. Where the paper claims only a direction, the whole interval has to lie on that side of zero. M counts the
# networks (or observers) and n the images (or trials) that a figure rests on.

# %%
claims_table(table)

# %% [markdown]
# ## Slips in the paper
#
# Reproducing the paper brought up some places where it disagrees with its own figures or code. None of them
# overturns its main finding; they matter to those who build on its numbers. The evidence is computed wherever it
# can be.

# %%
slips.slips(preset)[["where", "slip", "evidence"]]
