import json

import numpy as np
import pandas as pd
import pytest

from ddd_utils import charts
from ddd_utils.analysis import noise, observer_trials, psychophysics
from ddd_utils.charts.noise import IDEAL


@pytest.fixture
def classes():
    sigma = np.arange(1, 101)
    kl = np.append(noise.kl_divergence(sigma[:-1], sigma[1:]), np.nan)
    share = pd.DataFrame({"sigma": sigma, "kl": kl, "accuracy": 1 / np.sqrt(sigma)})
    return share.assign(lowest=share["accuracy"] / 2, highest=1.0, bayes=1.0)


@pytest.mark.parametrize("simulated", [True, False])
@pytest.mark.parametrize("chart", ["observer_dots", "observer_matrix"])
def test_simulated_observers_are_called_so_in_the_chart_itself_and_people_are_not(chart, simulated):
    trials = psychophysics.simulate(3, 30)
    table = observer_trials.accuracy(trials) if "dots" in chart else observer_trials.observer_consistency(trials)
    specification = getattr(charts, chart)(table, "heading", simulated=simulated).to_dict()
    assert ("SIMULATED" in json.dumps(specification["title"])) == simulated
    assert ("SIMULATED" in specification["description"]) == simulated


@pytest.mark.parametrize("simulated", [True, False])
def test_charts_of_single_trials_say_who_answered_and_lose_no_row(simulated):
    trials = psychophysics.simulate(3, 30)
    blocks, times = observer_trials.learning(trials), observer_trials.response_times(trials)
    for chart in (
        charts.block_curves(blocks, observer_trials.EVERYONE, "heading", simulated=simulated),
        charts.response_time_dots(times, "heading", simulated=simulated),
    ):
        specification = chart.to_dict()
        assert ("SIMULATED" in json.dumps(specification["title"])) == simulated
        assert ("SIMULATED" in specification["description"]) == simulated
    rows = [row for data in specification["datasets"].values() for row in data]
    assert {(row["observer"], row["answer"]) for row in rows} == set(
        zip(times["observer"], times["answer"], strict=True)
    )


def test_the_ideal_classifier_is_drawn_only_where_it_is_known(classes):
    known = charts.sigma_curves(classes, "heading")
    unknown = charts.sigma_curves(classes.assign(bayes=np.nan), "heading")
    assert IDEAL in json.dumps(known.to_dict())
    assert IDEAL not in json.dumps(unknown.to_dict()) and "ideal" not in unknown.description


def test_the_folders_stand_alone_where_the_published_spikes_are(classes):
    folders = classes.assign(folder=classes["sigma"] - 1, position=noise.string_sorted_positions(100))
    chart = charts.folder_order_curves(folders.assign(moved=folders["folder"].between(4, 9)), "heading")
    assert "x = 35, 46, 57, 68, 79, 90" in chart.description


@pytest.mark.parametrize(("chart", "first"), [("kl_curve", 1), ("kl_scatter", 21)])
def test_the_class_without_a_neighbour_is_left_out_and_the_scatter_plot_leaves_out_what_the_paper_s_does(
    classes, chart, first
):
    specification = getattr(charts, chart)(classes, "heading").to_dict()
    rows = specification["datasets"][specification["data"]["name"]]
    assert [row["sigma"] for row in rows] == list(range(first, 100))
    assert specification["background"] == "transparent" and specification["description"]


def test_networks_are_named_by_condition_and_by_instance_where_that_is_needed():
    networks = pd.DataFrame({"condition": ["plus_1_epoch", "half_data", "half_data", "vit"], "instance": [1, 1, 2, 1]})
    assert charts.network_names(networks) == ["plus 1 epoch", "half of the data 1", "half of the data 2", "ViT"]
