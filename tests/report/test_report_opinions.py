"""What the section on opinions says follows from the numbers, on both sides of each rule; its charts are complete."""

import numpy as np
import pandas as pd
import pytest
from made_models import made

from ddd_utils import charts
from ddd_utils.analysis import consistency, families, margins, opinions, planning
from ddd_utils.report import opinions as said
from ddd_utils.report import text
from ddd_utils.report.text import Absence

ANSWERS = made()
RNG = np.random.default_rng(0)
CORRECT = RNG.random((6, 300)) < RNG.random(300)
KINDS, NAMES = ["CNN", "CNN", "transformer", "transformer", "CNN", "probe"], [f"m{i}" for i in range(6)]
EFFECTS = families.family_effects(CORRECT, KINDS, ["s"] * 6)
WORTH, BY_SIZE = opinions.effective_number(CORRECT), opinions.opinions_by_size(CORRECT, orders=20)


def effects(lower):
    columns = {"one": ["CNN", "CNN"], "other": ["CNN", "t"], "pairs": [3, 4], "mean": [0.5, 0.5], "effect": [0.1, 0.0]}
    table = pd.DataFrame({**columns, "lower": [lower, np.nan], "upper": [0.2, np.nan]}, ["two CNN", "CNN and t"])
    terms = pd.DataFrame({"effect": [-0.06], "lower": [-0.07], "upper": [-0.05]}, ["accuracies apart"])
    return families.FamilyEffects("CNN and t", table, terms)


def test_families_stand_out_only_where_the_whole_interval_is_above_zero():
    found = said.families(effects(0.01), effects(-0.01))
    assert "two CNN models agree more by +0.100 (+0.010 to +0.200) in kappa" in found
    assert "Above 0 with the whole interval: the kappa of two CNN models." in found
    assert "whole interval: none." in said.families(effects(-0.01), effects(-0.01))
    assert "kappa differs by −0.06" in found and "This is an association" in found


def test_the_heading_names_the_baseline_and_each_family():
    heading = said.family_heading(effects(0.01), ANSWERS)
    start = "At equal accuracy, kappa differs from that of CNN and t"
    assert heading == f"{start} by +0.10 for two CNN models"
    open_still = said.family_heading(effects(-0.01), ANSWERS)
    assert open_still == f"{start} by +0.10 (not decidable) for two CNN models"
    few = families.FamilyEffects("CNN and t", effects(0.01).effects.iloc[1:], effects(0.01).terms)
    assert said.family_heading(few, ANSWERS) == "No family has enough models for an interval"


@pytest.mark.parametrize(
    ("info", "told"),
    [
        ({}, ""),
        ({"not_at_hand": ["b"]}, "6 of 7 published models are at hand; the others were not downloaded."),
        (
            {"same_model": {"vgg_timm": "vgg"}},
            "VGG timm and VGG are the same model (kappa above 0.99), which is counted once.",
        ),
    ],
)
def test_what_lacks_and_what_is_counted_once_is_said(info, told):
    assert said.at_hand(made_with(info)) == told


def made_with(info):
    from dataclasses import replace

    return replace(ANSWERS, info={**ANSWERS.info, **info})


def test_absent_families_are_explained_and_known_ones_are_not():
    assert "two have at least 2 models each" in said.no_families(None)
    assert said.no_families(["CNN", "CNN"]) == ""


def test_numbers_of_independent_models_are_those_of_the_table():
    heading, sentence = said.effective_heading(WORTH, ANSWERS), said.effective(WORTH, BY_SIZE)
    worth, ceiling, ratio = WORTH["value"]
    most = f"no number of such models is worth more than {ceiling:.2f}"
    assert heading == f"6 models are worth {worth:.2f} independent ones, and {most}"
    assert f"worth {worth:.2f} (" in sentence and f"is {ratio:.2f} (" in sentence
    few = int(next(k for k, each in zip(BY_SIZE["models"], BY_SIZE["effective"], strict=True) if each >= 0.95 * worth))
    assert f"{few} models are worth 95% of that already" in sentence


def test_a_vote_may_gain_or_lose():
    table = pd.DataFrame({"models": [1, 2, 3], "majority": [0.7, np.nan, 0.8], "best": [0.7, np.nan, 0.75]})
    table = table.assign(independent=[0.7, np.nan, 0.9], top_majority=[0.75, np.nan, 0.8])
    heading = said.majority_heading(table, ANSWERS)
    assert heading == "A majority of the 3 most accurate models gains +5.0 points over the best alone"
    losing = said.majority_heading(table.assign(top_majority=[0.75, np.nan, 0.7]), ANSWERS)
    assert losing == "No majority of the most accurate models beats the best alone"
    pairs = opinions.complementary_pairs(CORRECT, NAMES)
    sentence = said.majority(table, pairs)
    assert "A majority of 3 is right on 80.0% of the images, the best of them alone on 75.0%" in sentence
    assert f"{pairs['one'][0]} and {pairs['other'][0]} complement each other best" in sentence


def test_charts_are_described_and_have_every_model():
    matrix = charts.kappa_matrix(consistency.pairwise_matrix(CORRECT, NAMES), "heading")
    marked = charts.mark_families(matrix, NAMES, KINDS)
    assert len(marked.layer) == len(matrix.layer) + 1
    assert marked.layer[-1].data["family"].tolist() == KINDS
    tables = {"kappa": EFFECTS.effects, "excess": EFFECTS.effects}
    drawn = [
        charts.family_dots(tables, EFFECTS.baseline, "heading"),
        charts.effective_curve(BY_SIZE, WORTH["value"][1], "heading"),
        charts.majority_curves(BY_SIZE, "heading"),
    ]
    for chart in (marked, *drawn):
        assert chart.to_dict()["description"]


PROBABILITY = 0.5 + RNG.random(CORRECT.shape) / 2
SURE = margins.decision_margins(CORRECT, PROBABILITY)
CALIBRATED = margins.calibration(CORRECT, SURE, NAMES)
TOGETHER = margins.margin_consistency(CORRECT, SURE, NAMES, groups=10).assign(CAPA=np.linspace(-0.2, 0.4, 15))


def test_margins_take_the_probabilities_of_two_models():
    assert said.no_margins(SURE) == ""
    told = said.no_margins(margins.decision_margins(CORRECT))
    assert told == "Margins take the probabilities of two models' answers to all images; here 0 have them."
    assert isinstance(told, Absence)


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        ([(0.01, 0.03), (-0.01, 0.01)], "1 of 2 models is overconfident, none underconfident"),
        ([(0.01, 0.03), (0.02, 0.04)], "2 of 2 models are overconfident, none underconfident"),
        ([(-0.03, -0.01), (-0.04, 0.0)], "none of 2 models are overconfident, 1 underconfident"),
    ],
)
def test_a_model_is_overconfident_if_its_whole_interval_says_so(limits, told):
    lower, upper = zip(*limits, strict=True)
    found = pd.DataFrame({"model": ["vgg16", "<b>"], "probability": [0.8, 0.7], "accuracy": [0.75, 0.69]})
    found = found.assign(overconfidence=[0.05, 0.01], overconfidence_lower=lower, overconfidence_upper=upper)
    heading = said.calibration_heading(found, ANSWERS)
    assert heading == f"VGG-16 is 80.0% sure on average and right on 75.0%; {told}"


def test_the_sentence_on_margins_has_the_numbers_of_its_pairs():
    sentence = said.margins(TOGETHER, CALIBRATED, exact=False)
    top, vote = TOGETHER.loc[TOGETHER["correlation"].idxmax()], TOGETHER.loc[TOGETHER["surer_right"].idxmax()]
    assert sentence.startswith("Only answers' own probabilities are known:")
    assert f"margins of {top['one']} and {top['other']} correlate most, by" in sentence
    assert text.with_interval(*top[["excess", "excess_lower", "excess_upper"]]) in sentence
    alone = CALIBRATED.set_index("model")["accuracy"][[vote["one"], vote["other"]]].max()
    assert f"{vote['surer_right']:.1%} of the images are right, with the better one alone {alone:.1%}" in sentence
    assert "CAPA is −0.20 to 0.40." in sentence
    assert said.margins(TOGETHER, CALIBRATED, exact=True).startswith("The margins of ")


def test_without_an_expectation_nothing_is_said_of_it_and_names_are_escaped():
    one = TOGETHER.head(1).assign(excess=np.nan, one="<i>", CAPA=0.3)
    sentence = said.margins(one, CALIBRATED.replace("m0", "<i>"), exact=True)
    assert (
        "scores imply" not in sentence
        and "<i>" not in sentence
        and "CAPA is 0.30." in sentence
        and "<i>" not in sentence
    )
    assert "&#60;i&#62; and m1 correlate by" in sentence


@pytest.mark.parametrize("models", [2, 6])
def test_calibration_is_drawn_for_few_and_for_many_models(models):
    rows = margins.reliability(CORRECT, margins.decision_margins(CORRECT[:models], PROBABILITY[:models]), NAMES)
    drawn = charts.reliability_curves(rows, "heading").to_dict()
    assert drawn["description"].startswith("Curves of the share of right answers")
    assert {row["model"] for data in drawn["datasets"].values() for row in data if "model" in row} == set(
        NAMES[:models]
    )


@pytest.mark.parametrize(
    ("kappa", "accuracy", "pair", "typed"),
    [
        (0.251, 0.804, (0.25, 0.30), "ddd plan-kappa --kappas 0.25 0.30 --accuracies 0.80"),
        (0.7, 0.999, (0.70, 0.65), "ddd plan-kappa --kappas 0.70 0.65 --accuracies 0.99"),
        (1.0, 0.8, (0.99, 0.94), "ddd plan-kappa --kappas 0.99 0.94 --accuracies 0.80"),
        (-0.2, 0.0, (0.0, 0.05), "ddd plan-kappa --kappas 0.00 0.05 --accuracies 0.01"),
    ],
)
def test_images_needed_are_those_of_the_command_that_is_told_whatever_the_models(kappa, accuracy, pair, typed):
    told = said.images_needed(kappa, accuracy)
    assert f"`{typed}`" in told and f"a kappa of {pair[0]:.2f} from {pair[1]:.2f} with" in told
    share = float(typed.split()[-1])
    for design in planning.DESIGNS:
        assert f"takes {planning.plan_kappa(pair, share):,} images" in told
        assert f"{planning.plan_kappa(pair, share, design=design):,}" in told


def test_the_best_average_of_two_models_is_told_with_the_better_one_alone():
    pairs = pd.DataFrame({"one": ["vgg16", "b"], "other": ["<i>", "c"], "average": [0.8, 0.7], "better": [0.75, 0.7]})
    told = said.averaged(pairs.assign(CAPA=[0.4, -0.1]), 500)
    assert "On 500 images" in told and "VGG&#45;16 and &#60;i&#62; is right on 80.0% of them" in told
    assert "the better one alone on 75.0%" in told and told.endswith("CAPA is −0.10 to 0.40.")
