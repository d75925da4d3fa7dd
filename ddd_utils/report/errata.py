"""The paper checked against itself: arithmetic on its printed figures, and its errata with their evidence."""

from pathlib import Path

import numpy as np
import pandas as pd

from ddd_utils.analysis import difficulty, noise
from ddd_utils.analysis.nulls import fleiss_kappa
from ddd_utils.report import claims

HOURS_A_DAY = 24


def arithmetic() -> dict[str, float]:
    """Recompute printed figures of the paper from its other printed figures, by claim of section ``summary``."""
    printed = claims.paper()["printed"]
    variants = ("trivial_share", "impossible_share", "in_between_share")
    energy = printed["gpu_days"] * HOURS_A_DAY * printed["gpu_watts"] / 1000
    return {
        "variants_shares_sum": sum(_value(share) for share in variants),
        "sota_shares_sum": sum(_value(f"sota_{share}") for share in variants),
        "spike_none": 1 - _value("accuracy_mean"),
        "extreme_share_all_models": float(_extremes(tolerance=0)),
        "changed_share_from_count": printed["changed_images"] / printed["images"],
        "gain_share_from_count": printed["additionally_correct_images"] / printed["images"],
        "energy_kwh": energy,
        "co2_kg": energy * printed["grams_co2_per_kwh"] / 1000,
    }


def errata(preset: str | Path) -> pd.DataFrame:
    """List the paper's errata with their evidence, which is computed unless it is the wording alone."""
    entries = claims.paper()["errata"]
    rows = [{**entry, "evidence": entry.get("evidence") or EVIDENCE[entry["id"]](preset)} for entry in entries]
    return pd.DataFrame(rows)[["id", "where", "erratum", "evidence"]]


def _value(claim_id: str) -> float:
    return claims.claim(claim_id).value


def _extremes(tolerance: int) -> float:
    shares = claims.paper()["printed"]["sota_share_by_models_correct"]
    return sum(shares[: tolerance + 1]) + sum(shares[-tolerance - 1 :])


def _thirteen_networks(_: object) -> str:
    conditions = ["base", *(name for name in claims.paper_values("kappa_imagenet") if name != "different_data")]
    networks = pd.DataFrame({"condition": [*conditions, "half_data"], "instance": 1})
    networks.loc[len(conditions), "instance"] = 2  # the second half, which the paper lists as "different data"
    rows = difficulty.as_published(networks)
    return f"Of the {len(rows)} rows of the published arrays, {len(np.unique(rows))} are distinct."


def _figure8_axis(_: object) -> str:
    spikes = claims.paper()["printed"]["figure8_spikes"]
    places = noise.string_sorted_positions(100).tolist()
    early = [place for place in range(10) if places[place] in spikes]
    return (
        f"Spikes are at x = {', '.join(map(str, spikes))}. Sorting the folder names as strings puts the folders "
        f"{', '.join(map(str, early))} at x = {', '.join(str(places[folder]) for folder in early)}."
    )


def _figure6_caption(_: object) -> str:
    printed = claims.paper()["printed"]
    shares = printed["sota_share_by_models_correct"]
    models = len(shares) - 1
    scores = np.repeat(np.arange(models + 1), np.rint(np.multiply(shares, printed["images"])).astype(int))
    extreme = np.isin(scores, [0, 1, models - 1, models])
    everything, between, ends = (fleiss_kappa(part, models) for part in (scores, scores[~extreme], scores[extreme]))
    return (
        f"Mean kappa printed for the models: {_value('sota_kappa_all'):.2f} and {_value('sota_kappa_in_between'):.2f}. "
        f"From the published counts (Fleiss' kappa): {everything:.2f} on all images, {between:.2f} in-between, "
        f"{ends:.2f} on the trivial and impossible ones alone."
    )


def _all_models(_: object) -> str:
    return (
        f"From the published counts of the 11 models: {_extremes(1):.1%} with one exception allowed, "
        f"{_extremes(0):.1%} without."
    )


def _swaps_per_epoch(preset: str | Path) -> str:
    found, _ = claims.recorded(preset)
    last, mean = found.get("decisions_changed_last_transition"), found.get("decisions_changed_mean")
    if last is None or mean is None or last.value is None or mean.value is None:
        return "Not computed: run training_variants."
    return (
        f"Here ({last.dataset}): {last.value:.1%} of the predicted classes change at the last transition, "
        f"{mean.value:.1%} from epoch to epoch on average."
    )


def _gain(_: object) -> str:
    printed, gain = claims.paper()["printed"], _value("accuracy_gain_last_epoch")
    images, more = printed["images"], printed["additionally_correct_images"]
    return f"{more} of {images:,} is {more / images:.3%}; {gain:.2%} of {images:,} would be {gain * images:.0f} images."


def _architecture(_: object) -> str:
    return "; ".join(
        f"{where}: {claims.paper_values(entry)['architecture']:.2f} against "
        f"{claims.paper_values(entry)['cuda_nondeterministic']:.2f}"
        for where, entry in (
            ("ImageNet", "kappa_imagenet"),
            ("VGG-11 as base", "kappa_vgg11"),
            ("Gaussian noise", "kappa_gaussian"),
        )
    )


def _label_errors(_: object) -> str:
    printed = claims.paper()["printed"]
    return f"Published list: {printed['published_label_errors']:,} images; caption: {printed['label_errors']:,}."


def _gaussian_test_images(_: object) -> str:
    first, second = claims.paper()["printed"]["gaussian_test_images"]
    return f"{first} test images a class in section 2, {second} in section A.5."


EVIDENCE = {
    "thirteen_networks": _thirteen_networks,
    "figure8_axis": _figure8_axis,
    "figure6_caption": _figure6_caption,
    "all_models": _all_models,
    "swaps_per_epoch": _swaps_per_epoch,
    "gain": _gain,
    "architecture": _architecture,
    "label_errors": _label_errors,
    "gaussian_test_images": _gaussian_test_images,
}
