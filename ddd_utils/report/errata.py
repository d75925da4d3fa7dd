"""The paper checked against itself: arithmetic on its printed figures, and its errata with their evidence."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ddd_utils.analysis import difficulty, noise
from ddd_utils.analysis.nulls import fleiss_kappa
from ddd_utils.charts.names_and_colours import dataset_name
from ddd_utils.report.claims import Record, paper, paper_values, printed, recorded

Figures = Mapping[str, Any]  # the block "printed" of paper.yaml


def arithmetic() -> dict[str, float]:
    """Recompute printed figures of the paper from its other printed figures, by claim of section ``summary``."""
    figures, variants = paper()["printed"], ("trivial_share", "impossible_share", "in_between_share")
    energy = figures["gpu_days"] * 24 * figures["gpu_watts"] / 1000
    return {
        "variants_shares_sum": sum(printed(share) for share in variants),
        "sota_shares_sum": sum(printed(f"sota_{share}") for share in variants),
        "spike_none": 1 - printed("accuracy_mean"),
        "extreme_share_all_models": float(_extremes(figures, tolerance=0)),
        "changed_share_from_count": figures["changed_images"] / figures["images"],
        "gain_share_from_count": figures["additionally_correct_images"] / figures["images"],
        "energy_kwh": energy,
        "co2_kg": energy * figures["grams_co2_per_kwh"] / 1000,
    }


def errata(preset: str | Path) -> pd.DataFrame:
    """List the paper's errata with their evidence, which is computed unless it is in paper.yaml."""
    figures, (found, _) = paper()["printed"], recorded(preset)
    rows = []
    for entry in paper()["errata"]:
        worded = entry.get("evidence")
        evidence = worded.format_map(figures) if worded else EVIDENCE[entry["id"]](figures, found)
        rows.append(entry | {"evidence": evidence})
    return pd.DataFrame(rows)[["id", "where", "erratum", "evidence"]]


def _extremes(figures: Figures, tolerance: int) -> float:
    shares = figures["sota_share_by_models_correct"]
    return sum(shares[: tolerance + 1]) + sum(shares[-tolerance - 1 :])


def _thirteen_networks(*_: object) -> str:
    conditions = ["base", *(name for name in paper_values("kappa_imagenet") if name != "different_data")]
    networks = pd.DataFrame({"condition": [*conditions, "half_data"], "instance": 1})
    networks.loc[len(conditions), "instance"] = 2  # the second half, which the paper lists as "different data"
    rows = difficulty.as_published(networks)
    return f"Of the {len(rows)} rows of the published arrays, {len(np.unique(rows))} are distinct."


def _figure8_axis(figures: Figures, _: object) -> str:
    spikes = figures["figure8_spikes"]
    places = noise.string_sorted_positions(100).tolist()
    early = [place for place in range(10) if places[place] in spikes]
    return (
        f"Spikes are at x = {', '.join(map(str, spikes))}. Sorting the folder names as strings puts the folders "
        f"{', '.join(map(str, early))} at x = {', '.join(str(places[folder]) for folder in early)}."
    )


def _figure6_caption(figures: Figures, _: object) -> str:
    shares = figures["sota_share_by_models_correct"]
    models = len(shares) - 1
    scores = np.repeat(np.arange(models + 1), np.rint(np.multiply(shares, figures["images"])).astype(int))
    extreme = np.isin(scores, [0, 1, models - 1, models])
    everything, between, ends = (fleiss_kappa(part, models) for part in (scores, scores[~extreme], scores[extreme]))
    return (
        f"Mean kappa printed for the models: {printed('sota_kappa_all'):.2f} and "
        f"{printed('sota_kappa_in_between'):.2f}. "
        f"From the published counts (Fleiss' kappa): {everything:.2f} on all images, {between:.2f} in-between, "
        f"{ends:.2f} on the trivial and impossible ones alone."
    )


def _all_models(figures: Figures, _: object) -> str:
    return (
        f"From the published counts of the 11 models: {_extremes(figures, 1):.1%} with one exception allowed, "
        f"{_extremes(figures, 0):.1%} without."
    )


def _swaps_per_epoch(_: object, found: Mapping[str, Record]) -> str:
    last, mean = found.get("decisions_changed_last_transition"), found.get("decisions_changed_mean")
    if last is None or mean is None or last.value is None or mean.value is None:
        return "Not computed: it takes the section on training variants."
    return (
        f"Here ({dataset_name(last.dataset)}): {last.value:.1%} of the predicted classes change at the last "
        f"transition, {mean.value:.1%} from epoch to epoch on average."
    )


def _gain(figures: Figures, _: object) -> str:
    gain, images = printed("accuracy_gain_last_epoch"), figures["images"]
    more = figures["additionally_correct_images"]
    return f"{more} of {images:,} is {more / images:.3%}; {gain:.2%} of {images:,} would be {gain * images:.0f} images."


def _architecture(*_: object) -> str:
    bases = {"ImageNet": "kappa_imagenet", "VGG-11 as base": "kappa_vgg11", "Gaussian noise": "kappa_gaussian"}
    return "; ".join(
        f"{where}: {printed(f'{entry}.architecture'):.2f} against {printed(f'{entry}.cuda_nondeterministic'):.2f}"
        for where, entry in bases.items()
    )


EVIDENCE: dict[str, Callable[..., str]] = {
    "thirteen_networks": _thirteen_networks,
    "figure8_axis": _figure8_axis,
    "figure6_caption": _figure6_caption,
    "all_models": _all_models,
    "swaps_per_epoch": _swaps_per_epoch,
    "gain": _gain,
    "architecture": _architecture,
}
