"""What the section on people as deciders says follows from its numbers."""

import numpy as np
import pandas as pd
import pytest

from ddd_utils import charts, paths
from ddd_utils.analysis import deciders
from ddd_utils.analysis.statistics import Estimate
from ddd_utils.errors import InputError
from ddd_utils.report import people
from ddd_utils.report.claims import Book, printed

CONDITIONS = np.repeat(["easy", "hard"], 300)


def decisions(seed, count):
    rng = np.random.default_rng(seed)
    easiness = np.where(CONDITIONS == "easy", 2, -2) + rng.normal(0, 1, 600)
    return rng.random((count, 600)) < 1 / (1 + np.exp(-easiness)), CONDITIONS


@pytest.fixture(scope="module")
def sets():
    return {"colour <b>": decisions(0, 4), "edge": decisions(1, 7)}


@pytest.fixture(scope="module")
def table(sets):
    return deciders.overview(sets)


def test_titles_count_and_span(table):
    said = people.set_heading(table.assign(kappa=[0.5, 0.2], lower=[0.4, -0.1]))
    assert said == "In 1 of 2 sets people err alike beyond chance: kappa 0.20 to 0.50"
    assert "4 to 7 people a set · 1,200 images" in said.drawn
    rows = pd.DataFrame({"accuracy": [0.1, 0.2, 0.9], "kappa": [0.1, 0.3, 0.45]})
    said = people.hardness(rows)
    assert said == "Two people’s kappa is 0.20 where 15.0% of the answers are right, 0.45 where 90.0% are"


def test_pooling_names_the_set_that_it_changes_most(table):
    said = people.pooling(table.assign(set=["a", "b_c"], kappa=[0.3, 0.2], pooled=[0.31, 0.6]))
    assert "in 2 of 2 sets" in said and "b&#95;c: 0.60 pooled, 0.20 within" in said
    assert "Pooled" not in people.pooling(table.assign(conditions=1))


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [(-0.1, 0.1, "it is not"), (0.1, 0.2, "networks are more"), (-0.3, -0.1, "people are more")],
)
def test_who_is_more_alike_follows_from_the_interval(low, high, said):
    crowds = pd.DataFrame({"kappa": [0.2, 0.3]})
    assert said in people.cifar10(crowds, Estimate((low + high) / 2, 0.05, low, high))
    rows = [
        ("two people", 0.2),
        ("two networks", 0.3),
        ("a person and a network", 0.21),
        ("networks minus people", 0.1),
    ]
    found = pd.DataFrame(rows, columns=["compared", "kappa"]).assign(kappa_lower=low, kappa_upper=high)
    assert said in people.networks(found, "edge") and "agree by 0.21" in people.networks(found, "edge")


def test_the_papers_figures_are_looked_up():
    alike, models = printed("variants_kappa_all"), printed("sota_kappa_all")
    between = (alike + models) / 2
    rows = pd.DataFrame({"accuracy": [0.1, 0.5, 0.9], "kappa": [0.0, 0.4, 0.5]})
    said = people.against_paper(rows.assign(lower=between - 0.01, upper=between + 0.01))
    assert f"agree by {models:.2f}: people agree less in 0 of 2 conditions, more in 2" in said
    assert f"agree by {alike:.2f}: people agree less in 2 of 2 conditions, more in 0" in said
    assert "at least 25% of the answers are right, two people agree by 0.45 on average" in said  # none who guess


def test_few_people_are_not_asked_and_why_is_arithmetic(sets):
    said = people.shapes(deciders.shapes(sets), sets)
    assert "2 conditions have at least 6 people" in said
    # Of four people two are right about an in-between image: kappa is (1/3 - 1/2) / (1 - 1/2), whoever they are.
    assert "−0.33 with 4 people, whoever" in said
    five = people.shapes(deciders.shapes(sets), {**sets, "stylized": decisions(2, 5)})
    # Of five, two or three: s (5 - s) is 6, and the mean share right lies between .4 and .6.
    assert "−0.33 with 4 people and −0.25 to −0.20 with 5 people" in five
    alone = {"edge": sets["edge"]}
    assert "arithmetic" not in people.shapes(deciders.shapes(alone), alone)
    few = {"colour": sets["colour <b>"]}
    assert people.shapes(deciders.shapes(few), few).startswith("0 conditions")
    found = pd.DataFrame({"dichotomous": ["holds", "not decidable", "not decidable"]})
    said = "The claim that difficulty is dichotomous for people is not decidable in 2, holds in 1 of them."
    assert said in people.shapes(found, sets)


def test_unanimity_is_held_against_independence(table):
    changed = table.assign(trivial=[0.5, 0.6], trivial_independent=[0.4, 0.7])
    assert "On 50.0% to 60.0% of a set's images all people are right" in people.ends(changed)
    heading = people.score_heading(changed.assign(impossible=[0.2, 0.3], impossible_independent=0.1))
    assert heading == "More images are trivial than for independent people in 1 of 2 sets, more impossible in 2"


def test_tables_and_charts_show_each_set(sets, table):
    shown = people.set_table(table)
    assert set(shown["set"]) == set(sets) and "(" in shown["kappa"][0]
    scores = people.shown(deciders.score_table(sets)).set_index("set")
    assert scores.loc["colour <b>", "7"] == "–" and scores.loc["edge", "7"].endswith("%")
    conditions = pd.concat({name: deciders.by_condition(*each) for name, each in sets.items()}, names=["set"])
    drawn = [charts.set_dots(table, people.set_heading(table))]
    drawn.append(charts.score_rows(deciders.score_table(sets), people.score_heading(table)))
    drawn.append(charts.hardness_dots(conditions.reset_index("set"), people.hardness(conditions)))
    for chart in drawn:
        rows = [row for data in chart.to_dict()["datasets"].values() for row in data]
        assert {row["set"] for row in rows} == set(sets) and len(chart.description) > 40


def test_absence_is_said_or_empty():
    assert people.absent({}) == "" == people.no_networks([{}])
    assert "rotation" in people.absent({"rotation": "no connection"}) and "people.tables" in people.no_networks([])


def test_a_section_without_claims_has_a_book(tmp_path, monkeypatch):
    monkeypatch.setenv("DDD_BUILD", str(tmp_path))
    assert (paths.NOTEBOOKS / "people.py").is_file() and Book("people", "people").section == "people"
    with pytest.raises(InputError, match="did you mean 'people'"):
        Book("peopel", "people")
