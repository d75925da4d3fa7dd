"""The rule by which a claim of the paper and what was found here agree or differ."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from ddd_utils.reporting.registry import Claim

ROUNDING = 1e-12  # floating-point slack, far below any printed digit
REASONS = (
    "not computed",
    "no observers",
    "undefined here",
    "simulated observers",
    "another data set",
    "other networks",
    "reduced training",
    "no interval",
    "interval includes zero",
)
Verdict = Literal["agree", "differ", "not comparable"]


class Record(BaseModel):
    """What a section found for a claim; `None` is undefined (value) or not given."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    value: float | None
    interval: tuple[float, float] | None = None
    m: int | None = None
    n: int | None = None
    dataset: str
    networks: str
    reduced: bool = False
    note: str = ""


def verdict(stated: Claim, found: Record | None) -> tuple[Verdict, str]:
    """
    Compare what the paper claims with what was found.

    A claim is *not comparable* for the first of `REASONS` that applies:

    - nothing was recorded, or a value that is undefined (for claims about people also: there are no observers yet);
    - the observers were simulated;
    - another data set, other networks, or smaller networks, data or training that could change the figure. These three
      do not count against a claim that is made for any data set;
    - there is no interval, or, where only the sign is claimed, the interval has zero inside.

    Arithmetic on the paper's own figures is comparable whenever it has a value, and needs no interval. A comparable
    claim *agrees* if the paper's figure lies in our interval widened by the reading error or, for a sign, if the whole
    interval lies on the claimed side; otherwise it *differs*. So a wider interval never turns agreement with a figure
    into a difference.

    Parameters
    ----------
    stated : Claim
        What the paper says.
    found : Record or None
        What a section recorded.

    Returns
    -------
    (str, str)
        "agree", "differ" or "not comparable", and the reason for the last, otherwise an empty string.
    """
    if reason := _incomparable(stated, found):
        return "not comparable", reason
    lower, upper = found.interval or (found.value, found.value)
    if stated.kind == "sign":
        if stated.sign == "negative":
            lower, upper = -upper, -lower
        if lower <= 0 < upper:
            return "not comparable", "interval includes zero"
        return ("agree" if lower > 0 else "differ"), ""
    slack = stated.reading_error + ROUNDING * max(1.0, abs(stated.value))
    return ("agree" if lower - slack <= stated.value <= upper + slack else "differ"), ""


def _incomparable(stated: Claim, found: Record | None) -> str:
    arithmetic = stated.kind == "arithmetic"
    bound = not arithmetic and stated.holds_on == "own"  # to the paper's data, networks and training
    people = stated.networks == "observers"
    if found is None:
        return "not computed"
    if found.value is None:
        return "no observers" if people and found.m == 0 else "undefined here"
    if people and found.dataset == "simulated":
        return "simulated observers"
    if bound and found.dataset != stated.dataset:
        return "another data set"
    if bound and found.networks != stated.networks:
        return "other networks"
    if bound and found.reduced:
        return "reduced training"
    return "" if arithmetic or found.interval else "no interval"
