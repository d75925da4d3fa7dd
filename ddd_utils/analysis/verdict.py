"""
The clauses of the verdict: each a test of its own, with an effect, its interval, and "not decidable" as an outcome.

Every test compares an interval with one number of `RULES`, the smallest effect worth a sentence: it *holds* where the
whole interval lies above, *does not hold* where all of it lies below, and is *not decidable* between. A clause with
several tests holds if all hold, and does not hold if one does not. The rules were written down before any world was
simulated.
"""

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

HOLDS, FAILS, OPEN = "holds", "does not hold", "not decidable"


class Rule(NamedTuple):
    """What a test measures, the smallest value that counts, and why it is that one."""

    effect: str
    least: float
    why: str


RULES = {
    "fail_alike": Rule("mean kappa of all pairs", 0.02, "chance gives 0; .02 is a thirtieth of what networks show"),
    "extra_mass": Rule("share of all images, at one end, that no smooth family explains", 0.02, "one image in fifty"),
    "extra_part": Rule("its part of the images at that end", 0.5, "most trivial, and most impossible images"),
    "misfit": Rule("share of images the best smooth family misplaces, beyond chance", 0.02, "one image in fifty"),
    "falls_in_between": Rule("Fleiss' kappa on all images less that in between", 0.0, "arithmetic: any fall will do"),
    "masked": Rule("sd over pairs of kappa's excess, in between, beyond the null's", 0.02, "as small as `fail_alike`"),
    "masked_chance": Rule("1 less the p-value of the same spread in data simulated from the null", 0.95, "5 % level"),
    "beyond_label_errors": Rule("share of impossible images where the label is accepted", 0.01, "one in a hundred"),
}


@dataclass(frozen=True)
class Clause:
    """One clause: what came out, by how much, with a 95 % interval for a new draw of images, and what it rests on."""

    name: str
    outcome: str  # "holds", "does not hold" or "not decidable"
    effect: float
    low: float
    high: float
    n: int  # images
    networks: int
    details: dict[str, float]
    reason: str = ""  # why nothing can be decided, whatever the figures

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values, undefined numbers as None."""
        found = asdict(self)
        found["details"] = {key: _defined(value) for key, value in self.details.items()}
        return found | {key: _defined(found[key]) for key in ("effect", "low", "high")}


def _defined(value: float) -> float | None:
    return None if value != value else float(value)
