"""Error consistency: do two networks fail on the same images more often than their accuracies alone would have it."""

from ddd_utils.analysis.statistics import Estimate, percentile_interval

from .conditions import (
    DIFFERENT_DATA,
    ONE_NETWORK,
    BaseComparison,
    ConditionDifference,
    KappaMatrix,
    Rank,
    compare_with_base,
    compared_networks,
    condition_consistency,
    condition_difference,
    condition_matrix,
    condition_means,
    condition_rank,
    extremes,
    mean_kappa,
    mean_kappas,
    pair_table,
    pairwise_matrix,
)
from .kappa import copy_probability, error_consistency, kappa_bounds, kappa_from_counts, pairwise_error_consistency
from .uncertainty import accuracy_spread, bootstrap, interval, joint_covariance, standard_errors

__all__ = [
    "DIFFERENT_DATA",
    "ONE_NETWORK",
    "BaseComparison",
    "ConditionDifference",
    "Estimate",
    "KappaMatrix",
    "Rank",
    "accuracy_spread",
    "bootstrap",
    "compare_with_base",
    "compared_networks",
    "condition_consistency",
    "condition_difference",
    "condition_matrix",
    "condition_means",
    "condition_rank",
    "copy_probability",
    "error_consistency",
    "extremes",
    "interval",
    "joint_covariance",
    "kappa_bounds",
    "kappa_from_counts",
    "mean_kappa",
    "mean_kappas",
    "pair_table",
    "pairwise_error_consistency",
    "pairwise_matrix",
    "percentile_interval",
    "standard_errors",
]
