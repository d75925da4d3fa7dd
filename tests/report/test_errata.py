import os
from pathlib import Path

import numpy as np
import pytest

from ddd_utils.report import claims, errata, verdicts


@pytest.fixture(autouse=True)
def build(tmp_path, monkeypatch):
    monkeypatch.setenv("DDD_BUILD", str(tmp_path))


@pytest.fixture
def evidence():
    return errata.errata("quick").set_index("id")["evidence"]


def test_every_erratum_has_evidence(evidence):
    worded = {entry["id"] for entry in claims.paper()["errata"] if "evidence" in entry}
    assert worded | set(errata.EVIDENCE) == set(evidence.index)
    assert not worded & set(errata.EVIDENCE)
    assert evidence.str.len().min() > 20


@pytest.mark.parametrize(
    ("erratum", "words"),
    [
        ("thirteen_networks", "Of the 13 rows of the published arrays, 10 are distinct."),
        ("figure8_axis", "folders 4, 5, 6, 7, 8, 9 at x = 35, 46, 57, 68, 79, 90."),
        ("figure6_caption", "0.48 on all images, 0.10 in-between, 0.83 on the trivial and impossible"),
        ("all_models", "57.5% with one exception allowed, 38.9% without"),
        ("gain", "14 of 50,000 is 0.028%; 0.04% of 50,000 would be 20 images."),
        ("architecture", "VGG-11 as base: 0.56 against 0.75; Gaussian noise: 0.49 against 0.89"),
        ("label_errors", "2,916 images; caption: 5,000"),
    ],
)
def test_known_evidence(evidence, erratum, words):
    assert words in evidence[erratum]


def test_the_share_of_swaps_comes_from_the_section_that_computes_it(evidence):
    assert evidence["swaps_per_epoch"] == "Not computed: it takes the section on training variants."
    book = claims.Book("training_variants", "quick")
    book.record("decisions_changed_last_transition", 0.1, responses=claims.Basis(dataset="gaussian"))
    book.record("decisions_changed_mean", 0.3, responses=claims.Basis(dataset="gaussian"))
    found = errata.errata("quick").set_index("id")["evidence"]["swaps_per_epoch"]
    assert "Here (Gaussian noise): 10.0%" in found and "30.0% from epoch to epoch" in found


def test_arithmetic_on_the_printed_figures():
    book = claims.Book("summary", "quick")
    for claim_id, value in errata.arithmetic().items():
        book.record(claim_id, value)
    found = verdicts.table("quick").query("section == 'summary'").set_index("id")["verdict"]
    wrong = {"extreme_share_all_models", "gain_share_from_count"}
    assert found.to_dict() == {claim: "contradicted" if claim in wrong else "holds" for claim in found.index}


def test_printed_counts_are_those_of_the_published_files():
    folder = Path(os.environ.get("DDD_DATA", "no such folder")) / "meding2022"
    if not folder.is_dir():
        pytest.skip("DDD_DATA names no folder with meding2022")
    printed = claims.paper()["printed"]
    assert np.load(folder / "label_errors.npy", allow_pickle=False).sum() == printed["published_label_errors"]
    share = np.load(folder / "Rebuttal_mean_decisions_correct.npy", allow_pickle=False).ravel()
    counts = np.bincount(np.rint(share * 11).astype(int), minlength=12) / len(share)
    np.testing.assert_allclose(printed["sota_share_by_models_correct"], counts, atol=5e-5)
