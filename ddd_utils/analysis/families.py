"""Do models of one family fail on the same images more than their accuracies explain? An association over pairs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import stdtrit

from ddd_utils.analysis.consistency import pairwise_error_consistency
from ddd_utils.analysis.difficulty import as_correct
from ddd_utils.errors import InputError

STEP = 0.05  # of accuracy, for which the two slopes are told
FEWEST = 2  # families with at least as many models, and models in a family, that make a comparison

TERMS = {
    "difference": "accuracies 5 points further apart",
    "mean": "both 5 points more accurate",
    "same": "answers from the same source",
}


@dataclass(frozen=True)
class FamilyEffects:
    """
    How much more pairs of each two families agree than pairs of two others, the baseline, of the same accuracies.

    `effects` has one row two families ("two CNN", "CNN and transformer"): one, other, pairs (count), mean (not
    adjusted), effect, lower and upper (95%, over models; NaN where leaving a model out leaves no such pair). `terms`
    has one row another term of the regression: effect, lower, upper.
    """

    baseline: str
    effects: pd.DataFrame
    terms: pd.DataFrame

    @property
    def within(self) -> pd.DataFrame:
        """The rows of pairs within a family whose effect has an interval."""
        found = self.effects
        return found[(found["one"] == found["other"]) & found["lower"].notna()]


def comparable_families(networks: pd.DataFrame) -> list[str] | None:
    """List each network's family where two families, or more, have two networks, or more; None otherwise."""
    if "family" not in networks:
        return None
    sizes = networks["family"].value_counts()
    return networks["family"].tolist() if (sizes >= FEWEST).sum() >= FEWEST else None


def family_effects(
    correct: ArrayLike, families: Sequence[str], sources: Sequence[str], values: ArrayLike | None = None
) -> FamilyEffects:
    """
    Regress the agreement of all pairs on their families, and on what else makes pairs agree.

    The other terms are the difference and the mean of the two accuracies, and whether both answers are from one source.
    Pairs share models, so intervals come from a jackknife over models (all pairs of a model are left out in turn), with
    Student's t. Recipe and pretraining go along with the family: what is found is an association.

    ``values``, (networks, networks), are compared in place of kappa, such as the excess of `score_stratified_kappa`.
    """
    correct = as_correct(correct)
    if comparable_families(pd.DataFrame({"family": list(families)})) is None:
        raise InputError("families: a comparison takes two families with two networks each")
    pairs = _pairs(correct, families, sources, values)
    between = pairs["kind"][pairs["one"] != pairs["other"]].value_counts()
    baseline = between.index[0]
    kinds = [kind for kind in sorted(pairs["kind"].unique()) if kind != baseline]
    found = _fit(pairs, kinds)
    without = [_fit(pairs[(pairs[["i", "j"]] != gone).all(axis=1)], kinds) for gone in range(len(correct))]
    table = _with_limits(found, pd.DataFrame(without))
    effects = pairs.groupby("kind").agg(one=("one", "first"), other=("other", "first"), pairs=("value", "size"))
    effects["mean"] = pairs.groupby("kind")["value"].mean()
    effects = effects.join(table)
    effects.loc[baseline, "effect"] = 0.0
    return FamilyEffects(baseline, effects.rename_axis(None), table.loc[list(TERMS)].rename(index=TERMS))


def _pairs(
    correct: np.ndarray, families: Sequence[str], sources: Sequence[str], values: ArrayLike | None
) -> pd.DataFrame:
    """List the pairs whose value is defined, with all that the regression needs; a kind is two families in order."""
    matrix = pairwise_error_consistency(correct) if values is None else np.asarray(values, float)
    i, j = np.triu_indices(len(correct), 1)
    accuracy, source = correct.mean(axis=1), np.asarray(sources, object)
    one, other = np.sort([np.take(families, i), np.take(families, j)], axis=0).astype(object)
    columns = {
        "i": i,
        "j": j,
        "kind": np.where(one == other, "two " + one, one + " and " + other),
        "one": one,
        "other": other,
        "value": matrix[i, j],
        "difference": np.abs(accuracy[i] - accuracy[j]) / STEP,
        "mean": (accuracy[i] + accuracy[j]) / 2 / STEP,
        "same": (source[i] == source[j]).astype(float),
    }
    return pd.DataFrame(columns).dropna(subset="value")


def _fit(pairs: pd.DataFrame, kinds: Sequence[str]) -> pd.Series:
    """Fit by least squares; what no pair tells is undefined."""
    marks = [(pairs["kind"] == kind).to_numpy(float) for kind in kinds]
    columns = [pairs[term] - pairs[term].mean() for term in TERMS] + marks
    design = np.column_stack([np.ones(len(pairs)), *columns])
    found = np.linalg.lstsq(design, pairs["value"].to_numpy(), rcond=None)[0][1:]
    return pd.Series(np.where(np.ptp(design[:, 1:], axis=0) > 0, found, np.nan), [*TERMS, *kinds])


def _with_limits(found: pd.Series, without: pd.DataFrame) -> pd.DataFrame:
    """Add the limits of a jackknife, one row of ``without`` a model that was left out."""
    models = len(without)
    spread = ((without - without.mean()) ** 2).sum().to_numpy() * (models - 1) / models
    half = stdtrit(models - 1, 0.975) * np.sqrt(np.where(without.isna().any(), np.nan, spread))
    return pd.DataFrame({"effect": found, "lower": found - half, "upper": found + half})
