import re

import pandas as pd
import pytest
from made_charts import pairs

from ddd_utils import charts
from ddd_utils.charts.agreement import MOST_NETWORKS as MOST


def data(chart):
    """Give the rows of the pairs and those of the networks."""
    sets = [pd.DataFrame(rows) for rows in chart.to_dict()["datasets"].values()]
    return sorted(sets, key=lambda rows: "network" in rows)


def test_each_pair_is_a_row_with_its_names_and_each_network_one_with_its_pairs():
    dots, bars = data(charts.accuracy_against_kappa(pairs(4), "title"))
    first = dots.iloc[0]
    assert list(dots) == ["a", "b", "accuracy", "difference", "kappa", "interval", "largest"]
    assert (first["a"], first["b"]) == ("model_0", "model_1")
    assert first[["accuracy", "difference"]].tolist() == pytest.approx([0.3167, 0.2333])
    assert re.fullmatch(r"0\.211 \[0\.201, 0\.221\]", first["interval"])
    assert bars["network"].tolist() == ["model_3", "model_2", "model_1", "model_0"]  # the most accurate first
    assert bars["pairs"].tolist() == [3] * 4


def test_networks_too_many_for_a_chart_are_thinned_along_their_accuracy_and_the_chart_says_so():
    chart = charts.accuracy_against_kappa(pairs(200), "title")
    bars = data(chart)[1]
    assert len(bars) == MOST and set(bars["pairs"]) == {MOST - 1}
    assert bars["network"].iloc[[0, -1]].tolist() == ["model_199", "model_0"]
    assert chart.title.subtitle[1] == "98 of 200 networks, chosen evenly along their accuracy"


def test_undefined_pairs_are_left_out_and_counted():
    chart = charts.accuracy_against_kappa(pairs(4, missing=[3]), "title")
    dots, bars = data(chart)
    assert len(dots) == 3 and bars.set_index("network")["pairs"].to_dict()["model_3"] == 0
    assert chart.title.subtitle[1].startswith("3 pairs undefined")


def test_a_chart_without_any_defined_pair_compiles():
    vl_convert = pytest.importorskip("vl_convert")
    chart = charts.accuracy_against_kappa(pairs(2, missing=[1]), "title")
    assert "all undefined" in chart.description
    assert vl_convert.vegalite_to_vega(chart.to_dict())["marks"]


@pytest.mark.parametrize("version", ["5.8", "6.1"])
def test_both_selections_belong_to_their_view_and_compile(version):
    vl_convert = pytest.importorskip("vl_convert")
    specification = charts.accuracy_against_kappa(pairs(5), "title").to_dict()
    brush, pointed, _ = specification["params"]
    views = [part["layer"][0]["name"] for part in specification["vconcat"]]
    assert (brush["name"], pointed["name"]) == ("brush", "pointed")
    assert [*brush["views"], *pointed["views"]] == views
    assert vl_convert.vegalite_to_vega(specification, vl_version=version)["marks"]
