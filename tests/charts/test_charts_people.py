import json

import numpy as np
import pandas as pd
import pytest

from ddd_utils import charts
from ddd_utils.analysis import humans, observer_trials, psychophysics
from ddd_utils.charts import names_and_colours
from ddd_utils.charts.forms import BOUND, COLUMN, KAPPA, Heading

QUESTIONS = {"main": "is there a main one?", "odd": "is it odd?"}


@pytest.fixture(scope="module")
def made():
    rng = np.random.default_rng(0)
    easiness = rng.normal(1, 2, 300)
    right = rng.binomial(50, 1 / (1 + np.exp(-easiness)))
    counts, labels = np.stack([right, 50 - right], axis=1), np.zeros(300, int)
    correct = easiness + rng.normal(size=(6, 300)) > 0
    share = humans.human_share(counts, labels)
    rows = {tolerance: humans.share_by_difficulty(share, correct, tolerance) for tolerance in (0, 1)}
    kappas = humans.majority_consistency(
        humans.majority_right(counts, labels), correct, [f"network {number}" for number in range(6)]
    )
    answers = pd.DataFrame(
        {
            "observer": "subj1",
            "item": np.tile(np.arange(300), 2),
            "question": np.repeat(list(QUESTIONS), 300),
            "answer": rng.integers(3, size=600),
            "difficulty": np.tile(np.repeat(["impossible", "in-between", "trivial"], 100), 2),
        }
    )
    means = humans.means(humans.usable(answers))
    return {
        "difficulty": charts.human_difficulty_dots(
            pd.concat(rows, names=["tolerance"]).reset_index("tolerance"), Heading("heading", "M = 6 networks")
        ),
        "score": charts.human_score_dots(humans.share_by_score(share, correct), 6, Heading("heading", "rho")),
        "majority": charts.majority_dots(kappas, Heading("heading", "subtitle")),
        "experiment": charts.answer_dots(means, QUESTIONS, Heading("heading", "subtitle")),
    }, {"kappas": kappas, "means": means, "difficulty": rows[1]}


@pytest.fixture(scope="module")
def specifications(made):
    return {name: chart.to_dict() for name, chart in made[0].items()}


def rows(specification):
    return [row for data in specification["datasets"].values() for row in data]


def test_every_chart_is_described_transparent_and_draws_intervals(specifications):
    for name, specification in specifications.items():
        assert len(specification["description"]) > 40, name
        assert specification["background"] == "transparent", name
        assert '"x2": {"field": "upper"}' in (text := json.dumps(specification)) or '"y2": {"field": "upper"}' in text


def test_every_chart_compiles_and_fits_a_column(specifications):
    vl_convert = pytest.importorskip("vl_convert")
    for name, specification in specifications.items():
        width = float(vl_convert.vegalite_to_svg(specification).partition('width="')[2].partition('"')[0])
        assert 400 < width <= COLUMN, name


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
    assert rows(undefined.to_dict())[0]["interval"] == "undefined"
