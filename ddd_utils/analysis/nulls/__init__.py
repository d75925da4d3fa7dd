"""What agreement to expect when networks decide independently, and what selecting images by their score does to it."""

from .expected_kappa import NullKappa, conditional_rasch_kappa, leave_pair_out_kappa, score_stratified_kappa
from .rasch import AndersenTest, andersen_test, pair_expectations
from .selection import fleiss_kappa, selection_band, subset_consistency, subset_curve

__all__ = [
    "AndersenTest",
    "NullKappa",
    "andersen_test",
    "conditional_rasch_kappa",
    "fleiss_kappa",
    "leave_pair_out_kappa",
    "pair_expectations",
    "score_stratified_kappa",
    "selection_band",
    "subset_consistency",
    "subset_curve",
]
