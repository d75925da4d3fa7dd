"""
The figures of the report, one function a figure: tidy tables or small arrays in, an Altair chart out.

Most tables come from the function of `ddd_utils.analysis` that is named; lower and upper are limits of 95% intervals.
A heading says what is seen, a subtitle under which circumstances; steps are the epochs after which the learning rate
was divided by ten; where people are simulated, the chart says so.
"""

import ddd_utils.quick_imports  # isort: skip  # noqa: F401

from .agreement import (
    accuracy_against_kappa,
    accuracy_dots,
    consistency_dots,
    correlation_dots,
    excess_dots,
    expectation_dots,
)
from .difficulty import (
    HALF,
    class_accuracy_dots,
    corrupted,
    corruption_dots,
    label_error_dots,
    label_error_rows,
    score_bars,
    subset_size_curves,
)
from .forest import claims_forest
from .forms import Heading, alike, beside
from .gallery import answers_gallery, gallery
from .matrix import excess_matrix, kappa_matrices, kappa_matrix, wrong_answer_matrix
from .names_and_colours import condition_name, dataset_name, network_names
from .noise import folder_order_curves, kl_curve, kl_scatter, sigma_curves
from .opinions import effective_curve, family_dots, majority_curves, mark_families, reliability_curves
from .people import (
    answer_dots,
    block_curves,
    hardness_dots,
    human_difficulty_dots,
    human_score_dots,
    majority_dots,
    observer_dots,
    observer_matrix,
    response_time_dots,
    score_rows,
    set_dots,
)
from .reasons import class_rows, factor_forest, label_bars, peer_matrix
from .training import decision_map, overlay_map, swap_bars, swap_comparison, swap_curves

__all__ = [
    "HALF",
    "Heading",
    "accuracy_against_kappa",
    "accuracy_dots",
    "alike",
    "answer_dots",
    "answers_gallery",
    "beside",
    "block_curves",
    "claims_forest",
    "class_accuracy_dots",
    "class_rows",
    "condition_name",
    "consistency_dots",
    "correlation_dots",
    "corrupted",
    "corruption_dots",
    "dataset_name",
    "decision_map",
    "effective_curve",
    "excess_dots",
    "excess_matrix",
    "expectation_dots",
    "factor_forest",
    "family_dots",
    "folder_order_curves",
    "gallery",
    "hardness_dots",
    "human_difficulty_dots",
    "human_score_dots",
    "kappa_matrices",
    "kappa_matrix",
    "kl_curve",
    "kl_scatter",
    "label_bars",
    "label_error_dots",
    "label_error_rows",
    "majority_curves",
    "majority_dots",
    "mark_families",
    "network_names",
    "observer_dots",
    "observer_matrix",
    "overlay_map",
    "peer_matrix",
    "reliability_curves",
    "response_time_dots",
    "score_bars",
    "score_rows",
    "set_dots",
    "sigma_curves",
    "subset_size_curves",
    "swap_bars",
    "swap_comparison",
    "swap_curves",
    "wrong_answer_matrix",
]
