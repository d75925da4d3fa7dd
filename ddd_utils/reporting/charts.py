"""The figures of the report, one function a figure: tidy tables or small arrays in, an Altair chart out."""

from .charts_consistency import accuracy_dots, consistency_dots, correlation_dots, excess_dots, null_comparison
from .charts_decisions import decisions, overlay
from .charts_difficulty import class_accuracy, score_histogram
from .charts_dynamics import compare_swaps, swap_kinds, swaps
from .charts_matrix import excess_matrix, kappa_matrices, kappa_matrix, wrong_answers
from .charts_pairs import accuracy_against_kappa
from .charts_selection import error_rates, group_error_rates, subset_curve
from .charts_theme import (
    CLASS_COLOURS,
    CONDITION_NAMES,
    beside,
    condition_name,
    dataset_name,
    network_names,
    with_names,
)
from .gallery import answers_gallery, examples_gallery, gallery

__all__ = [
    "CLASS_COLOURS",
    "CONDITION_NAMES",
    "accuracy_against_kappa",
    "accuracy_dots",
    "answers_gallery",
    "beside",
    "class_accuracy",
    "compare_swaps",
    "condition_name",
    "consistency_dots",
    "correlation_dots",
    "dataset_name",
    "decisions",
    "error_rates",
    "examples_gallery",
    "excess_dots",
    "excess_matrix",
    "gallery",
    "group_error_rates",
    "kappa_matrices",
    "kappa_matrix",
    "network_names",
    "null_comparison",
    "overlay",
    "score_histogram",
    "subset_curve",
    "swap_kinds",
    "swaps",
    "with_names",
    "wrong_answers",
]
