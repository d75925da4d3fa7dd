"""What agreement to expect when networks decide independently, and what selecting images by their score does to it."""

from .expected_kappa import (
    NullKappa,
    compare_nulls,
    conditional_rasch_kappa,
    fewest_networks,
    leave_pair_out_kappa,
    null_means,
    score_stratified_kappa,
    stratified_kappas,
)
from .rasch import andersen_table, andersen_test
from .selection import band_table, choices_table, fleiss_kappa, selection_band, subset_consistency, subset_curve

__all__ = [
    "NullKappa",
    "andersen_table",
    "andersen_test",
    "band_table",
    "choices_table",
    "compare_nulls",
    "conditional_rasch_kappa",
    "fewest_networks",
    "fleiss_kappa",
    "leave_pair_out_kappa",
    "null_means",
    "score_stratified_kappa",
    "selection_band",
    "stratified_kappas",
    "subset_consistency",
    "subset_curve",
]
