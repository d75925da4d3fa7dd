"""The title of a chart is computed: known answers, both sides of each rule, and the notebooks use no other titles."""

import ast
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_models import made

from ddd_utils import charts
from ddd_utils.analysis import difficulty, nulls
from ddd_utils.analysis.statistics import Estimate
from ddd_utils.charts.names_and_colours import CONDITION_NAMES
from ddd_utils.report import findings
from ddd_utils.report.network_sets import NetworkSet

ANSWERS = made()
SET = NetworkSet("models", ANSWERS, 1)


def estimate(value, error=0.01):
    return Estimate.wald(value, error)


def conditions(kappas, lower):
    names = ["base", *list(CONDITION_NAMES)[1 : len(kappas) + 1]]
    return pd.DataFrame({"condition": names, "kappa": [1.0, *kappas], "lower": [1.0, *lower]})


@pytest.mark.parametrize(
    ("lower", "begins"),
    [
        ([0.5, 0.1], "Whatever is changed, the networks agree more"),
        ([0.5, -0.1], "After 1 of 2 changes"),
        ([0.0, 0.0], "After 0 of 2 changes"),
    ],
)
def test_networks_fail_alike_only_if_every_interval_is_above_zero(lower, begins):
    heading = findings.consistency(conditions([0.9, 0.2], lower), ANSWERS)
    assert heading.startswith(begins) and heading.endswith("kappa 0.20 to 0.90")
    assert (
        heading.drawn
        == "kappa with the base network; diamonds: the paper, ImageNet · M = 6 networks · 90 images of digits"
    )


@pytest.mark.parametrize(
    ("trivial", "impossible", "tolerance", "said"),
    [
        (0.5, 0.1, 0, "All 11 networks are right on 50.0% of the images and wrong on 10.0%"),
        (0.5, 0.1, 1, "At least 10 of 11 networks are right on 50.0% of the images and wrong on 10.0%"),
        (0.5, 0.001, 0, "Hardly any image is impossible (0.1%), 50.0% are trivial"),
        (0.0, 0.0, 0, "Hardly any image is trivial (0.0%) and hardly any image is impossible (0.0%)"),
    ],
)
def test_two_spikes_are_said_only_where_there_are_two(trivial, impossible, tolerance, said):
    assert findings.unanimous({"trivial": trivial, "impossible": impossible}, 11, tolerance, ANSWERS) == said


def test_agreement_in_between_is_said_to_fall_only_if_it_does():
    means = pd.DataFrame({"kappa": [0.5, 0.1]}, index=["all images", "subset"])
    assert findings.in_between(means, SET).endswith("mean kappa falls from 0.50 to 0.10")
    assert findings.in_between(means.iloc[::-1].set_axis(means.index), SET).endswith("rises from 0.10 to 0.50")


def test_the_lowest_and_the_highest_accuracy_are_named_by_corruption_and_severity():
    means = pd.DataFrame({"corruption": ["fog", "motion_blur"], "severity": [1, 4], "accuracy": [0.5, 0.25]})
    heading = findings.corruptions(means, ANSWERS)
    assert heading == "Mean accuracy runs from 25.0% (motion blur, severity 4) to 50.0% (fog, severity 1)"
    assert heading.drawn.endswith(
        "mean of the models (dots), each model (ticks) · M = 6 networks · 90 images of digits"
    )


def test_pairs_are_counted_by_their_intervals():
    table = pd.DataFrame({"kappa": [0.6, 0.4, np.nan], "lower": [0.5, 0.3, np.nan]})
    assert (
        findings.pairs(table, estimate(0.5), ANSWERS)
        == "2 of 3 pairs agree more than chance: kappa 0.40 to 0.60, mean 0.50"
    )
    assert findings.pairs(table[:2], estimate(0.5), ANSWERS).startswith("All 2 pairs agree more")
    assert findings.pairs(table[2:], estimate(0.5), ANSWERS).startswith("No kappa is defined")


def test_the_excess_counts_significant_pairs_by_their_sign():
    right = np.random.default_rng(0).random((6, 4000)) < 0.7
    right[1] = np.where(np.arange(4000) < 3000, right[0], right[1])  # one pair that copies
    null = nulls.score_stratified_kappa(right)
    more = int(re.match(r"(\d+) of 15 pairs agree more", findings.excess(null, SET))[1])
    tested = null.adjusted_p_values() < 0.05
    assert more == np.triu(tested & (np.asarray(null.excess.value) > 0), 1).sum() >= 1


def test_directions_add_up_to_a_hundred():
    changes = pd.DataFrame({"epoch": [1, 2], "changed": [0.5, 0.2], "right_to_wrong": [0.1, 0.05]})
    changes = changes.assign(wrong_to_right=[0.2, 0.05], wrong_to_wrong=[0.2, 0.1])
    assert findings.directions(changes, ANSWERS) == (
        "Of 100 predictions that change at the last epoch 25 become right, 25 become wrong, 50 stay wrong"
    )


def test_accuracy_and_kappa_are_related_by_ranks():
    table = pd.DataFrame({"accuracy_one": [0.1, 0.2, 0.9], "accuracy_other": [0.1, 0.2, 0.9], "kappa": [0.1, 0.2, 0.3]})
    assert findings.accuracy_and_kappa(table, ANSWERS).endswith("rank correlation 1.00")
    assert findings.accuracy_and_kappa(table.assign(kappa=[0.3, 0.2, 0.1]), ANSWERS).endswith("−1.00")


def test_what_is_drawn_stands_below_the_finding():
    histogram = difficulty.score_histogram(np.array([[True, False, True], [True, False, False]]))
    chart = charts.score_bars(histogram, 0, charts.Heading("found", "drawn")).to_dict()
    assert chart["title"]["text"] == "found"
    assert chart["title"]["subtitle"] == ["drawn", "tolerance 0"]


@pytest.mark.parametrize(
    "path", sorted(Path(charts.__file__).parents[2].glob("notebooks/*.py")), ids=lambda path: path.stem
)
def test_no_notebook_types_a_title(path):
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    drawn = [call for call in calls if ast.unparse(call.func).startswith("charts.")]
    typed = [ast.unparse(call) for call in drawn for part in call.args if isinstance(part, ast.JoinedStr)]
    assert not typed
    assert drawn or path.stem in ("compare", "summary")
