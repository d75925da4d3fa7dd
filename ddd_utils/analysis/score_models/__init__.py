"""Is difficulty dichotomous or smooth? Models of how many networks get an image right, and what they imply."""

from .comparison import (
    compare_models,
    expected_shares,
    expected_shares_table,
    goodness_of_fit,
    likelihood_ratio,
    model_intervals,
    null_kappa,
    posterior_difficulty,
)
from .fits import (
    fit_beta_binomial,
    fit_binomial,
    fit_inflated_beta_binomial,
    fleiss_interval,
    kappa_of_counts,
    score_counts,
)

__all__ = [
    "compare_models",
    "expected_shares",
    "expected_shares_table",
    "fit_beta_binomial",
    "fit_binomial",
    "fit_inflated_beta_binomial",
    "fleiss_interval",
    "goodness_of_fit",
    "kappa_of_counts",
    "likelihood_ratio",
    "model_intervals",
    "null_kappa",
    "posterior_difficulty",
    "score_counts",
]
