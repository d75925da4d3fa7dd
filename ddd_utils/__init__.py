"""
Which images make image classifiers decide differently? What one types in a notebook of one's own.

>>> import ddd_utils as ddd
>>> ddd.shares([[1, 1, 0, 0], [1, 1, 1, 0], [1, 0, 1, 0]])  # are three networks right about each of four images
{'trivial': 0.25, 'in-between': 0.5, 'impossible': 0.25}

Every name loads on first use, so that importing this package is quick and brings no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ddd_utils import charts
    from ddd_utils.analysis.consistency import (
        error_consistency,
        interval,
        kappa_bounds,
        pairwise_error_consistency,
        standard_errors,
    )
    from ddd_utils.analysis.difficulty import classify, score_histogram, shares
    from ddd_utils.analysis.nulls import leave_pair_out_kappa, score_stratified_kappa
    from ddd_utils.analysis.planning import plan_kappa
    from ddd_utils.config import params
    from ddd_utils.responses import Responses, read_responses

    __version__: str

__all__ = [
    "Responses",
    "__version__",
    "charts",
    "classify",
    "error_consistency",
    "interval",
    "kappa_bounds",
    "leave_pair_out_kappa",
    "pairwise_error_consistency",
    "params",
    "plan_kappa",
    "read_responses",
    "score_histogram",
    "score_stratified_kappa",
    "shares",
    "standard_errors",
]
_MODULES = {
    "analysis.consistency": (
        "error_consistency",
        "interval",
        "kappa_bounds",
        "pairwise_error_consistency",
        "standard_errors",
    ),
    "analysis.difficulty": ("classify", "score_histogram", "shares"),
    "analysis.nulls": ("leave_pair_out_kappa", "score_stratified_kappa"),
    "analysis.planning": ("plan_kappa",),
    "responses": ("Responses", "read_responses"),
}
_SUBMODULES = {"charts": "ddd_utils.charts", "params": "ddd_utils.config.params"}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        found: Any = import_module("ddd_utils.machine").versions(["ddd_utils"]).get("ddd_utils", "0+unknown")
    elif name in _SUBMODULES:
        found = import_module(_SUBMODULES[name])
    elif name in _HOMES:
        found = getattr(import_module(f"ddd_utils.{_HOMES[name]}"), name)
        if name == "read_responses":
            import_module("ddd_utils.report.doubts").log_doubts(default=True)
    else:
        raise AttributeError(f"module 'ddd_utils' has no attribute '{name}'")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
