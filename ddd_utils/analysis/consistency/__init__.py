"""Error consistency: do two networks fail on the same images more often than their accuracies alone would have it."""

from .conditions import (
    ONE_NETWORK,
    BaseComparison,
    ConditionDifference,
    KappaMatrix,
    Rank,
    compare_with_base,
    compared_networks,
    condition_accuracies,
    condition_matrix,
    extremes,
    mean_kappa,
    mean_kappas,
    pair_table,
    pairwise_matrix,
)
from .kappa import copy_probability, error_consistency, kappa_bounds, kappa_from_counts, pairwise_error_consistency
from .uncertainty import accuracy_spread, bootstrap, interval, standard_errors

__all__ = [
    "ONE_NETWORK",
    "BaseComparison",
    "ConditionDifference",
    "KappaMatrix",
    "Rank",
    "accuracy_spread",
    "bootstrap",
    "compare_with_base",
    "compared_networks",
    "condition_accuracies",
    "condition_matrix",
    "copy_probability",
    "error_consistency",
    "extremes",
    "interval",
    "kappa_bounds",
    "kappa_from_counts",
    "mean_kappa",
    "mean_kappas",
    "pair_table",
    "pairwise_error_consistency",
    "pairwise_matrix",
    "standard_errors",
]
