"""Intervals and p-values that several analyses share: of shares, means, resampled values and many tests at once."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import ndtri, stdtrit

from ddd_utils.errors import InputError


@dataclass(frozen=True)
class Estimate:
    """A number, or an array of numbers, with its standard error and interval; NaN where undefined."""

    value: Any  # float or ndarray, as the other three
    standard_error: Any
    lower: Any
    upper: Any

    @classmethod
    def wald(cls, value: Any, standard_error: Any) -> "Estimate":
        """Take the 95% interval of a value with a normal error."""
        return cls(value, standard_error, value - 1.96 * standard_error, value + 1.96 * standard_error)


def with_limits(name: str, value: Any, lower: Any, upper: Any) -> dict[str, Any]:
    """Name a value and its limits as the columns of tables are named."""
    return {name: value, f"{name}_lower": lower, f"{name}_upper": upper}


def wilson(successes: ArrayLike, n: ArrayLike, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Return the limits of shares, `successes` of `n` (they broadcast), by Wilson's interval (1927); NaN for n = 0."""
    successes, n = np.asarray(successes, float), np.asarray(n, float)
    z = ndtri((1 + level) / 2)
    with np.errstate(invalid="ignore", divide="ignore"):
        centre = (successes + z**2 / 2) / (n + z**2)
        half = z / (n + z**2) * np.sqrt(successes * (n - successes) / n + z**2 / 4)
    return np.clip(centre - half, 0, 1), np.clip(centre + half, 0, 1)


def with_shares(table: pd.DataFrame, part: str, name: str, whole: str = "images") -> pd.DataFrame:
    """Add the share of one column of counts in another, under this name, with its limits (`wilson`)."""
    lower, upper = wilson(table[part], table[whole])
    share = table[part] / table[whole].where(table[whole] > 0)
    return table.assign(**{name: share}, lower=lower, upper=upper)


def mean_intervals(values: pd.DataFrame, by: list[str], value: str, level: float = 0.95) -> pd.DataFrame:
    """Average each group of images; columns ``by``, images, ``value``, lower, upper (Student's t; NaN for one)."""
    groups = values.groupby(by, observed=True)[value].agg(["size", "mean", "std"]).reset_index()
    images, mean = groups["size"], groups["mean"]
    half = stdtrit(np.maximum(images - 1, 1), (1 + level) / 2) * groups["std"] / np.sqrt(images)
    return groups[by].assign(**{"images": images, value: mean, "lower": mean - half, "upper": mean + half})


def percentile_interval(draws: ArrayLike, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Return lower and upper percentiles over the first axis, undefined draws left out; NaN where none is defined."""
    draws = np.asarray(draws, float)
    limits = np.full((2, *draws.shape[1:]), np.nan)
    defined = ~np.isnan(draws).all(axis=0)
    limits[:, defined] = np.nanquantile(draws[:, defined], [(1 - level) / 2, (1 + level) / 2], axis=0)
    return limits[0], limits[1]


def holm(p_values: ArrayLike) -> np.ndarray:
    """Adjust p-values (tests,) for their number, however the tests depend on each other (Holm, 1979); NaN stays NaN."""
    p_values = np.asarray(p_values, float)
    if p_values.ndim != 1:
        raise InputError(f"p-values must be a plain list, one a test; the shape is {p_values.shape}")
    if ((p_values < 0) | (p_values > 1)).any():
        raise InputError("a p-value must lie between 0 and 1")
    adjusted = np.full(p_values.shape, np.nan)
    defined = np.flatnonzero(~np.isnan(p_values))
    ascending = defined[np.argsort(p_values[defined], kind="stable")]
    stepped = p_values[ascending] * np.arange(ascending.size, 0, -1)
    adjusted[ascending] = np.minimum(np.maximum.accumulate(stepped), 1)
    return adjusted
