"""Two reports claim by claim: differences, with intervals where the errors of the two figures are independent."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from ddd_utils.reporting.claims import Claim, Record, registry

Interval = tuple[float, float]
UNTOLD = {"folder", "npz", "table"}  # names of data sets that do not say which images these are
REASONS = (
    "undefined",
    "arithmetic on the paper’s figures",
    "same data set",
    "which images is not known",
    "no interval to go by",
    "a figure lies outside its interval",
)


@dataclass(frozen=True)
class Difference:
    """
    What separates two figures of one claim.

    Attributes
    ----------
    value : float or None
        The second minus the first; None where one of them is undefined.
    interval : (float, float) or None
        Its 95 % interval.
    reason : str
        Why there is none, one of `REASONS`; otherwise empty.
    """

    value: float | None
    interval: Interval | None
    reason: str


@dataclass(frozen=True)
class Row:
    """A claim that two reports have computed, the records of both, and what separates them."""

    stated: Claim
    first: Record
    second: Record
    difference: Difference


def limits(first: float, first_limits: Interval, second: float, second_limits: Interval) -> Interval:
    """
    Give the difference of two figures with independent errors an interval.

    The distance from the difference to each limit is the root of the summed squares of the figures' distances to
    theirs: below, the second's to its lower and the first's to its upper limit; above, the other way round.

    Parameters
    ----------
    first, second : float
        The figures, each inside its limits.
    first_limits, second_limits : (float, float)
        Their intervals.

    Returns
    -------
    (float, float)
        Interval of ``second - first``.
    """
    below = math.hypot(second - second_limits[0], first_limits[1] - first)
    above = math.hypot(second_limits[1] - second, first - first_limits[0])
    return second - first - below, second - first + above


def difference(first: Record, second: Record) -> Difference:
    """
    Subtract the first figure from the second.

    Parameters
    ----------
    first, second : Record
        What two reports found for one claim.

    Returns
    -------
    Difference
        With an interval if both figures have one and rest on different data sets. On the same data set their errors
        are not independent, and how far they go together cannot be known without the responses.
    """
    reason = _obstacle(first, second)
    if first.value is None or second.value is None:
        return Difference(None, None, reason)
    apart = second.value - first.value
    interval = None if reason else limits(first.value, first.interval, second.value, second.interval)
    return Difference(apart, interval, reason)


def _obstacle(first: Record, second: Record) -> str:
    """Return the first of `REASONS` that applies, or nothing."""
    both, sets = (first, second), {first.dataset, second.dataset}
    applies = (
        any(each.value is None for each in both),
        "any" in sets,
        len(sets) == 1,
        bool(sets & UNTOLD),
        any(each.interval is None for each in both),
        any(each.interval and not _inside(each) for each in both),
    )
    return next((reason for reason, found in zip(REASONS, applies, strict=True) if found), "")


def _inside(record: Record) -> bool:
    return record.value is not None and record.interval[0] <= record.value <= record.interval[1]


def computed(record: Record | None) -> bool:
    """Say whether there is a figure: without observers there is none of theirs, though their absence was recorded."""
    return record is not None and not (record.value is None and record.m == 0)


def common(first: Mapping[str, Record], second: Mapping[str, Record]) -> list[Row]:
    """
    Set two reports beside each other.

    Parameters
    ----------
    first, second : mapping of str to Record
        From `claims.read`.

    Returns
    -------
    list of Row
        The claims that both have computed, in the order of paper.yaml.
    """
    shared = [key for key in registry() if computed(first.get(key)) and computed(second.get(key))]
    return [Row(registry()[key], first[key], second[key], difference(first[key], second[key])) for key in shared]


def alone(records: Mapping[str, Record], other: Mapping[str, Record]) -> list[Claim]:
    """
    List what one report has and another has not.

    Parameters
    ----------
    records, other : mapping of str to Record
        From `claims.read`.

    Returns
    -------
    list of Claim
        Those that only the first has computed, in the order of paper.yaml.
    """
    return [stated for key, stated in registry().items() if computed(records.get(key)) and not computed(other.get(key))]
