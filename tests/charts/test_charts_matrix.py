import itertools
import json
import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_charts import MATRICES, matrix, null, pixels, same

from ddd_utils import charts
from ddd_utils.analysis.consistency import KappaMatrix
from ddd_utils.charts.forms import COLUMN
from ddd_utils.charts.names_and_colours import CONDITION_NAMES
from ddd_utils.charts.order import MOST, arrange
from ddd_utils.errors import InputError


def rows(chart):
    """Give the cells that a chart carries, once each."""
    largest = max(chart.to_dict()["datasets"].values(), key=len)
    return pd.DataFrame(largest)


def text(chart):
    return str(chart.to_dict())


def test_a_single_network_is_a_matrix_of_one_cell():
    assert rows(MATRICES["kappa"](1))["interval"].tolist() == ["1 (one network)"]


def test_the_longest_names_of_conditions_fit_two_matrices_beside_one_another():
    labels = list(CONDITION_NAMES)
    chart = charts.kappa_matrices(matrix(13, labels), matrix(13, labels), ("all", "some"), "title")
    assert "hconcat" in chart.to_dict()
    assert 600 < pixels(chart) <= COLUMN


def test_many_networks_stand_below_one_another_and_few_beside():
    assert "hconcat" in MATRICES["pair"](12).to_dict()
    assert "vconcat" in MATRICES["pair"](30).to_dict()


@pytest.mark.parametrize("name", MATRICES)
def test_a_cell_has_its_number_where_it_can_be_read_and_colours_always_have_a_legend(name):
    few, many = MATRICES[name](11), MATRICES[name](40)
    assert "'type': 'text'" in text(few) and "'type': 'text'" not in text(many)
    assert set(re.findall(r"'fontSize': ([\d.]+)", text(few))) == {"11"}
    assert all("'gradientLength'" in text(each) for each in (few, many))


def test_tooltips_give_every_kappa_its_interval():
    kappa = np.array([[1, 0.5124, np.nan], [0.5124, 0.7, -0.2], [np.nan, -0.2, 1]])
    bounds = np.where(np.isnan(kappa) | (kappa == 1), np.nan, kappa)
    given_matrix = SimpleNamespace(labels=["a", "b", "c"], kappa=kappa, lower=bounds - 0.01, upper=bounds + 0.01)
    chart = charts.kappa_matrix(given_matrix, "title")
    cells = rows(chart).set_index(["a", "b"])["interval"]
    assert cells["a", "b"] == cells["b", "a"] == "0.512 [0.502, 0.522]"
    assert cells["b", "c"] == "−0.200 [−0.210, −0.190]"
    assert cells["a", "c"] == "undefined"
    assert cells["a", "a"] == "1 (one network)"
    assert cells["b", "b"] == "0.700 [0.690, 0.710]"
    assert "kappa [95% interval]" in text(chart)
    assert chart.title.subtitle == ["2 cells undefined (grey): a network that is always right or always wrong"]


def test_the_tooltip_of_a_pair_tells_both_kappas():
    cells = rows(charts.kappa_matrices(matrix(3), matrix(3, low=0.1), ("all [1.5]", "some"), "title"))
    pair = cells[(cells["a"] == "model_0") & (cells["b"] == "model_1")].iloc[0]
    assert pair["left_interval"].startswith(f"{pair['left']:.3f} [") and pair["left"] > 0.3
    assert pair["right_interval"].startswith(f"{pair['right']:.3f} [") and pair["right"] < pair["left"]


def test_two_matrices_of_different_networks_are_refused():
    with pytest.raises(InputError, match="same networks"):
        charts.kappa_matrices(matrix(3), matrix(3, ["x", "y", "z"]), ("all", "some"), "title")


def test_an_unknown_order_is_refused_with_the_nearest():
    with pytest.raises(InputError, match=r"'clusters' is none of name, accuracy, cluster .*'cluster'"):
        charts.kappa_matrix(matrix(3), "title", "clusters")


def parameters(chart):
    return {parameter["name"]: parameter for parameter in chart.to_dict()["params"]}


def orders(chart):
    return parameters(chart)["orders"]["value"]


def axis_order(chart):
    assert set(re.findall(r"'domain': \{'expr': '([^']+)'", text(chart))) == {"orders[order]"}
    return orders(chart)[parameters(chart)["order"]["value"]]


def test_names_keep_their_order_and_clusters_bring_families_together():
    labels = [f"model_{i}" for i in range(9)]
    assert axis_order(charts.kappa_matrix(matrix(9), "title")) == labels
    order = [labels.index(name) % 3 for name in axis_order(charts.kappa_matrix(matrix(9), "title", "cluster"))]
    assert sum(a != b for a, b in itertools.pairwise(order)) == 2
    excess = [labels.index(name) % 3 for name in axis_order(charts.excess_matrix(null(9), labels, "title"))]
    assert sum(a != b for a, b in itertools.pairwise(excess)) == 2


def test_both_matrices_have_the_order_of_the_left_one():
    shuffled = matrix(9)
    mixed = shuffled.kappa[::-1, ::-1].copy()
    mixed[0, 1] = mixed[1, 0] = 0.99
    other = KappaMatrix(shuffled.labels, mixed, mixed, mixed)
    both = charts.kappa_matrices(shuffled, other, ("all", "some"), "title", "cluster")
    assert axis_order(both) == axis_order(charts.kappa_matrix(shuffled, "title", "cluster"))


@settings(max_examples=60)
@given(st.integers(1, 12), st.integers(0, 10**6))
def test_an_order_holds_every_network_once_and_undefined_counts_as_zero(networks, seed):
    rng = np.random.default_rng(seed)
    kappa = rng.uniform(-1, 1, (networks, networks))
    kappa = np.triu(kappa, 1) + np.triu(kappa, 1).T
    missing = np.triu(rng.random(kappa.shape) < 0.3, 1)
    holes = np.where(missing | missing.T, np.nan, kappa)
    place = arrange(holes)
    assert sorted(place) == list(range(networks))
    assert place.tolist() == arrange(np.nan_to_num(holes)).tolist()


def test_no_turn_of_a_fork_brings_neighbours_closer():
    points = np.array([[0.0], [1.1], [10.0], [11.0], [12.3]])
    similarity = 1 - abs(points - points.T)
    place = arrange(similarity)
    assert points[place, 0].tolist() in (sorted(points[:, 0]), sorted(points[:, 0], reverse=True))


def test_more_networks_than_a_chart_holds_are_thinned_evenly_and_the_chart_says_so():
    chart = charts.kappa_matrix(matrix(200), "title")
    shown = [int(name.removeprefix("model_")) for name in axis_order(chart)]
    assert len(shown) == MOST and shown[0] == 0 and shown[-1] == 199
    assert set(np.diff(shown)) <= {2, 3}
    assert chart.title.subtitle == ["70 of 200 networks, chosen evenly along the order by name"]


def test_excess_has_colours_that_are_symmetric_around_zero_and_no_diagonal():
    given_null = null(9)
    chart = charts.excess_matrix(given_null, matrix(9).labels, "title")
    strongest = np.nanmax(np.abs(given_null.excess.value))
    domain, shades = re.search(r"'domain': (\[-.*?\]), 'range': (\[.*?\])", text(chart)).groups()
    assert json.loads(domain) == pytest.approx([-strongest, 0, 0, strongest], abs=1e-4)
    assert re.findall(r",([\d.]+)\)", shades) == ["1", "0", "0", "1"]  # clear at 0: the page shows through
    cells = rows(chart)
    assert len(cells) == 72 and (cells["a"] != cells["b"]).all()
    first = cells.iloc[0]
    assert first["interval"].startswith(f"{first['excess']:+.3f} [") and "undefined" not in set(cells["observed"])


def test_pairs_that_differ_from_expectation_get_a_dot_and_are_counted():
    significant = np.zeros((9, 9), bool)
    significant[0, 3] = significant[3, 0] = True
    chart = charts.excess_matrix(null(9), matrix(9).labels, "title", significant)
    marked = rows(chart).query("marked")
    assert {frozenset(pair) for pair in zip(marked["a"], marked["b"], strict=True)} == {
        frozenset(("model_0", "model_3"))
    }
    assert chart.title.subtitle == ["dots: 1 of 36 pairs differ from 0 (p < 0.05, Holm-adjusted over pairs)"]
    assert "'type': 'point'" not in text(charts.excess_matrix(null(9), matrix(9).labels, "title"))


def test_a_kappa_has_the_same_colour_in_every_chart_with_numbers():
    assert all("'domain': [-1.0, 0, 0, 1.0]" in text(charts.kappa_matrix(matrix(6, low=low), "t")) for low in (0, 0.3))


def test_wrong_answers_are_shares_from_none_to_all_without_a_diagonal():
    share = np.array([[np.nan, 0.25, np.nan], [0.25, np.nan, 1.0], [np.nan, 1.0, np.nan]])
    chart = charts.wrong_answer_matrix(same(share), ["a", "b", "c"], "title")
    cells = rows(chart).set_index(["a", "b"])
    assert len(cells) == 6
    assert cells.loc[("a", "b"), "share"] == "25.0% [15.0%, 35.0%]" and cells.loc[("a", "c"), "share"] == "undefined"
    assert "'domain': [0, 1]" in text(chart)
    assert chart.title.subtitle == ["2 cells undefined (grey): no image that both get wrong"]


@pytest.mark.parametrize("name", MATRICES)
def test_a_reader_can_change_the_order_of_three_networks_or_more(name):
    choice = parameters(MATRICES[name](9))["order"]
    assert choice["bind"]["input"] == "radio" and choice["bind"]["options"] == ["name", "cluster"]
    assert choice["value"] == "cluster"
    assert "bind" not in parameters(MATRICES[name](2))["order"]


def test_every_order_arranges_the_same_networks_though_some_are_left_out():
    accuracy = np.linspace(0.9, 0.1, 200)
    chart = charts.kappa_matrix(matrix(200), "title", "accuracy", accuracy)
    lists = orders(chart)
    assert list(lists) == ["name", "accuracy", "cluster"] and len(set(lists["name"])) == MOST
    assert set(lists["name"]) == set(lists["accuracy"]) == set(lists["cluster"]) == set(rows(chart)["a"])
    assert lists["accuracy"] == lists["name"] == axis_order(chart)
    assert chart.title.subtitle == ["70 of 200 networks, chosen evenly along the order by accuracy"]


def test_names_are_sorted_with_their_numbers_by_value_and_the_most_accurate_comes_first():
    labels = ["b10", "B9", "a", "b9"]
    lists = orders(charts.kappa_matrix(matrix(4, labels), "title", accuracy=[0.2, 0.9, 0.5, 0.9]))
    assert lists["name"] == ["a", "B9", "b9", "b10"]
    assert lists["accuracy"] == ["B9", "b9", "a", "b10"]


@pytest.mark.parametrize("labels", [["plus_1_epoch", "base", "combined"], ["half of the data 2", "base", "combined"]])
def test_conditions_stay_in_their_order_which_is_called_by_what_it_is(labels):
    chart = charts.kappa_matrix(matrix(3, labels), "title")
    assert list(orders(chart)) == ["condition", "cluster"]
    assert axis_order(chart) == [charts.condition_name(label) for label in labels]


def test_an_order_by_unknown_accuracies_is_refused():
    with pytest.raises(InputError, match="no accuracies"):
        charts.kappa_matrix(matrix(3), "title", "accuracy")


def test_two_matrices_share_one_control():
    assert list(parameters(MATRICES["pair"](12))) == ["orders", "order", "picked"]
    assert text(MATRICES["pair"](12)).count("'bind'") == 1


@pytest.mark.parametrize("version", ["5.8", "6.1"])
def test_orders_compile_with_the_versions_of_vega_lite_in_use(version):
    vl_convert = pytest.importorskip("vl_convert")
    drawn = vl_convert.vegalite_to_vega(MATRICES["pair"](12).to_dict(), vl_version=version)
    domains = [scale["domain"] for scale in drawn["scales"] if scale["type"] == "band"]
    assert domains == [{"signal": "orders[order]"}] * 4
