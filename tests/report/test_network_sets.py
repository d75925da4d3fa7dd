"""A set of networks sorts the images with one network a condition, and is recorded with what its figures rest on."""

import json

import numpy as np
import pytest
from made_models import made

from ddd_utils.analysis import difficulty, nulls
from ddd_utils.report import claims
from ddd_utils.report.network_sets import NetworkSet


@pytest.fixture(autouse=True)
def build(tmp_path, monkeypatch):
    monkeypatch.setenv("DDD_BUILD", str(tmp_path))
    return tmp_path


def test_one_network_of_each_condition_sorts_the_images():
    conditions = ["base", "data_order", "data_order", "combined", "combined", "optimizer"]
    each = NetworkSet("variants", made(conditions=conditions), 7)
    assert each.chosen.tolist() == [0, 2, 4, 5] and (each.M, each.tolerance) == (4, 1)
    assert np.array_equal(each.one_each, each.correct[[0, 2, 4, 5]])
    assert np.array_equal(each.between, difficulty.classify(each.one_each, 1) == "in-between")
    assert len(each.names) == 4 and each.heading == "variants, digits" and each.order == "name"
    assert each.accuracies[1] == pytest.approx(each.correct[1:3].mean())


def test_all_networks_of_a_model_set_sort_and_families_stand_together():
    each = NetworkSet("models", made(), 1)
    assert (each.M, each.tolerance, each.order) == (6, 1, "cluster")
    assert each.names == [f"model {i}" for i in range(6)]


def test_each_kappa_is_recorded_with_its_images(build):
    each = NetworkSet("models", made(), 1)
    means = nulls.subset_consistency(each.correct, each.between, each.answers.networks)
    each.record(claims.Book("subsetting", "quick"), means)
    found = json.loads((build / "quick" / "claims" / "subsetting.json").read_text())["claims"]
    assert [found[f"sota_{key}"]["n"] for key in ("kappa_all", "kappa_in_between", "kappa_drop")] == [
        90,
        each.between.sum(),
        each.between.sum(),
    ]
    assert {record["m"] for record in found.values()} == {6}
    assert found["sota_kappa_in_between"]["value"] == means.loc["subset", "kappa"]
    assert found["sota_kappa_drop"]["interval"] == means.loc["drop", ["lower", "upper"]].tolist()


def test_shares_are_recorded_with_the_tolerance(build):
    answers, eleven = made(), np.random.default_rng(0).random((11, 90)) < 0.5
    book = claims.Book("sota_comparison", "quick")
    book.record_shares("sota_", answers, 1)
    file = build / "quick" / "claims" / "sota_comparison.json"
    found = json.loads(file.read_text())["claims"]["sota_in_between_share"]
    assert found["value"] == difficulty.shares(answers.correct(), 1)["in-between"]
    assert (found["m"], found["n"], found["note"]) == (6, 90, "tolerance 1")
    book.record_shares("sota_", claims.Basis(11, 90, "imagenet"), 1, eleven, "the paper's eleven")
    found = json.loads(file.read_text())["claims"]["sota_trivial_share"]
    assert tuple(found["interval"]) == difficulty.share_intervals(eleven, 1)["trivial"]
    assert (found["m"], found["note"]) == (11, "tolerance 1, the paper's eleven")
    with pytest.raises(claims.InputError, match="need who was right"):
        book.record_shares("sota_", claims.Basis(11, 90), 1)
