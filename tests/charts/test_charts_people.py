import json

import made_charts
import numpy as np
import pandas as pd
import pytest
from made_charts import QUESTIONS, rows

from ddd_utils import charts
from ddd_utils.analysis import observer_trials, psychophysics
from ddd_utils.charts import names_and_colours
from ddd_utils.charts.forms import BOUND, KAPPA


@pytest.fixture(scope="module")
def made():
    return made_charts.of_people()


@pytest.fixture(scope="module")
def specifications(made):
    return {name: chart.to_dict() for name, chart in made[0].items()}


def test_descriptions_tell_the_values(made):
    drawn, tables = made
    last = tables["difficulty"].iloc[-1]
    assert f"{last['difficulty']} {last['share']:.1%} of {last['images']} images" in drawn["difficulty"].description
    assert f"is it odd?: trivial {tables['means']['answer'][3]:.2f}" in drawn["experiment"].description
    assert (
        names_and_colours.range_in_words(tables["kappas"].set_index("network")["kappa"])
        in drawn["majority"].description
    )


def test_the_largest_possible_kappa_has_a_mark_of_its_own(made, specifications):
    marks = pd.DataFrame([row for row in rows(specifications["majority"]) if "kind" in row])
    ranked = made[1]["kappas"].sort_values("accuracy", ascending=False)
    for kind, column in ((KAPPA, "kappa"), (BOUND, "kappa_max")):
        assert marks.loc[marks["kind"] == kind, "at"].tolist() == pytest.approx(ranked[column].tolist())


def test_the_second_experiment_has_a_scale_for_each_question(specifications):
    panels = specifications["experiment"]["hconcat"]
    titles = [panel["layer"][0]["encoding"]["y"]["title"] for panel in panels]
    assert titles == list(QUESTIONS.values())


def test_two_observers_kappa_comes_with_its_interval():
    pairs = observer_trials.observer_consistency(psychophysics.simulate(2, 60))
    specification = charts.observer_matrix(pairs, "heading").to_dict()
    assert "95% interval" in json.dumps(specification)
    kappa, low, high = pairs.loc[0, ["kappa", "lower", "upper"]]
    assert [row["interval"] for row in rows(specification)] == [f"{kappa:.3f} [{low:.3f}, {high:.3f}]"] * 2
    undefined = charts.observer_matrix(pairs.assign(kappa=np.nan, lower=np.nan, upper=np.nan), "heading")
    assert rows(undefined)[0]["interval"] == "undefined"
