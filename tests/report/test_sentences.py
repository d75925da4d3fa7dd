from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from made_models import made

from ddd_utils.analysis import consistency
from ddd_utils.analysis.wrong_answers import impossible_kinds, same_wrong_answer
from ddd_utils.config import params
from ddd_utils.config.schema import PretrainedSet, Published, Table
from ddd_utils.report import cells, sentences, tables, text
from ddd_utils.report.network_sets import NetworkSet

MODELS = params.load("quick").sota_comparison.experiment
PRETRAINED = PretrainedSet.model_validate({"models": ["resnet18", "resnet50"], "images": {"path": "photos"}})


@pytest.mark.parametrize(
    ("cell", "form", "said"),
    [
        ((0.48, 0.476, 0.484), ".3f", "0.480 (0.476 to 0.484)"),
        ((0.365, 0.3606, 0.3686), ".1%", "36.5% (36.1% to 36.9%)"),
        ((0.5, np.nan, 0.6), ".2f", "0.50"),
        ((np.nan, 0.1, 0.2), ".2f", ""),
        ((-0.0, -0.1, 0.1), ".1f", "0.0 (−0.1 to 0.1)"),
        ((-1e-9, -1e-3, 0.1), ".1f", "0.0 (0.0 to 0.1)"),
        ((0.25, -0.1, 0.5), "+.2f", "+0.25 (−0.10 to +0.50)"),
    ],
)
def test_a_number_stands_with_its_interval(cell, form, said):
    assert text.with_interval(*cell, form) == said


@pytest.mark.parametrize(("value", "said"), [(0.0, "< 0.0001"), (0.00015, "0.00015"), (0.5, "0.5"), (np.nan, "")])
def test_p_values(value, said):
    assert text.p_value(value) == said


def test_only_numbers_with_both_limits_are_joined():
    table = pd.DataFrame({"what": ["a"], "kappa": [0.5], "kappa_lower": [0.4], "kappa_upper": [0.6], "p_fit": [1e-9]})
    table = table.assign(lower=1, half_lower=2)
    shown = text.readable(table, ".1f")
    assert shown.columns.tolist() == ["what", "kappa", "p fit", "lower", "half lower"]
    assert shown.iloc[0].tolist() == ["a", "0.5 (0.4 to 0.6)", "< 0.0001", 1, 2]


def test_plain_limits_belong_to_no_column():
    table = pd.DataFrame({"share": [0.5], "lower": [0.4], "upper": [0.6]})
    assert text.readable(table).columns.tolist() == ["share", "lower", "upper"]


@pytest.mark.parametrize(
    "name", ["my_images", "**a** $x$ `b`", r"\begin{x} \(", "<b>1 & 2</b>", "[a](b.ipynb)", "# é - 1. x"]
)
def test_a_literal_name_is_shown_as_it_stands(name):
    shown = BeautifulSoup(cells.prose_html(f"About {text.literal(name)}.", "section", cells.Page([])), "html.parser")
    assert shown.get_text().strip() == f"About {name}."
    assert [tag.name for tag in shown.find_all()] == ["p"]


@pytest.mark.parametrize(
    ("networks", "said"), [(11, ""), (2, "With 2 models no image can be in-between at tolerance 1: it is 0 here.")]
)
def test_a_tolerance_that_is_lowered_is_said_to_be_so(networks, said):
    assert sentences.lowered_tolerance(1, networks) == said


ELEVEN = [model.label for model in params.load("paper").sota_comparison.models]


@pytest.mark.parametrize(
    ("config", "names", "on_imagenet", "said"),
    [
        (MODELS, "ab", False, ["M = 2 models, 90 images, data set **digits**. They are not the paper's eleven, and "]),
        (MODELS, "ab", False, ["and digits is not ImageNet.", "trained from scratch"]),
        (PRETRAINED, "ab", False, ["not the paper's eleven, and the images are not the paper's.", "shown every image"]),
        (PRETRAINED, "ab", True, ["not the paper's eleven, but the images are the same."]),
        (PRETRAINED, ELEVEN, True, ["They are called as the paper's eleven, and the images are the same."]),
        (Table(path="a"), ELEVEN, False, ["called as the paper's eleven, and digits is not ImageNet. Their answers"]),
        (Published(published="imagenet", top=5), "ab", True, ["not computed here", "first five."]),
    ],
)
def test_what_is_compared(config, names, on_imagenet, said):
    answers = made(len(names), config=config, on_imagenet=on_imagenet)
    answers.networks["network"] = list(names)
    shown = sentences.models(answers, "digits")
    assert all(part in shown for part in said)
    assert ("first five" in shown) == (getattr(config, "top", 1) == 5)


def test_pretrained_models_may_choose_from_more_classes_than_there_are():
    more = {"classes_present": 200, "classes_all": 1000}
    said = sentences.choices(made(config=PRETRAINED, **more))
    assert "twice, among the 200 classes present and among all 1,000 classes. The figures take the answer" in said
    assert "**among the 200 classes present**; `images: {..., among: all}` makes" in said
    assert sentences.choices(made(config=PRETRAINED)).startswith("If photographs were in a model's training set")
    assert sentences.choices(made(config=MODELS, **more)) == ""


def test_which_classes_outputs_stand_for_is_said_of_each_model():
    answers = made(config=PRETRAINED)
    names = answers.networks["network"].tolist()
    alike = replace(answers, networks=answers.networks.assign(outputs="cat, dog"))
    assert f"The outputs of all models stand for, in order: {text.literal('cat, dog')}." in sentences.choices(alike)
    several = replace(answers, networks=answers.networks.assign(outputs=["cat, dog"] * (len(names) - 1) + ["<b>, cat"]))
    assert (
        f"The outputs of {text.literal(names[-1])} stand for, in order: {text.literal('<b>, cat')}."
        in sentences.choices(several)
    )


def test_the_range_of_kappa_and_the_error_of_its_mean():
    answers = made()
    correct, names = answers.correct(), list("abcdef")
    pairs, means = consistency.pair_table(correct, names), consistency.mean_kappas(correct, answers.labels)
    said = sentences.kappa_range(means)
    assert f"The mean over all pairs is **{means['images'].value:.3f}** (95% interval " in said
    assert " for other images of the same classes and " in said and " for other classes). Among" in said
    assert "for other images). Among" in sentences.kappa_range({"images": means["images"]})
    said = sentences.dependent_pairs(pairs, means["images"])
    independent = np.sqrt((consistency.standard_errors(correct)[np.triu_indices(6, 1)] ** 2).sum()) / 15
    assert f"would be {independent:.5f}; it is {means['images'].standard_error:.5f}, " in said


@pytest.mark.parametrize("right", [np.ones((3, 20), bool), np.repeat(np.arange(20)[None] % 2 == 0, 3, axis=0)])
def test_models_that_never_differ_have_no_error(right):
    pairs, means = consistency.pair_table(right, list("abc")), consistency.mean_kappas(right, np.zeros(20))
    assert sentences.dependent_pairs(pairs, means["images"]).startswith("These models never differ")


@pytest.mark.parametrize("mixed", [[], [np.arange(20) % 3 > 0]])
def test_models_that_are_always_right_or_wrong_differ_but_have_no_error(mixed):
    right = np.array([np.ones(20, bool), np.ones(20, bool), np.zeros(20, bool), *mixed])
    pairs, means = (
        consistency.pair_table(right, list("abcd")[: len(right)]),
        consistency.mean_kappas(right, np.zeros(20)),
    )
    said = sentences.dependent_pairs(pairs, means["images"])
    assert (
        said.startswith("Of any two of these models one is always right or always wrong")
        and "nothing to estimate" in said
    )


def test_what_the_wrong_answers_are():
    labels = np.zeros(4, int)
    predictions = np.array([[1, 0, 2, 1], [1, 0, 1, 0], [1, 0, 2, 3]])
    same, kinds = same_wrong_answer(predictions, labels), impossible_kinds(predictions, labels)
    said = sentences.wrong_answers(same, kinds, 0.0)
    assert said.startswith(f"Mean over pairs {np.mean([0.5, 2 / 3, 0.5]):.2f}, from 0.50 (")
    assert "Of 2 impossible images (tolerance 0), 100% (" in said and "not recorded" not in said
    said = sentences.wrong_answers(same, kinds, 0.25)
    assert said.endswith(" 25.0% of the wrong answers were not recorded; they are left out.")
    assert "0 impossible images (tolerance 0), none have" in sentences.wrong_answers(same, np.full(4, ""), 0.0)
    assert sentences.wrong_answers(None, None, 1.0).startswith("No wrong answer was recorded")
    assert sentences.wrong_answers(None, None, np.nan) == "No answer is wrong."


def test_why_label_errors_and_pictures_are_not_shown():
    assert "is not at hand" in sentences.no_label_errors(made(on_imagenet=True))
    assert "are not ImageNet validation images" in sentences.no_label_errors(made())
    assert sentences.pictures(made()) == ""
    assert sentences.pictures(made(pictures=False)) == "Not shown here: these answers came without images."


@pytest.mark.parametrize(
    ("kind", "tolerance", "images", "said"),
    [
        ("trivial", 1, 8, "**Trivial**: at most 1 of 11 networks wrong"),
        ("impossible", 0, 0, "**Impossible**: none of 11 networks right. There is none."),
        ("in-between", 1, 8, "**In-between**: the most divisive"),
    ],
)
def test_which_images_are_shown(kind, tolerance, images, said):
    assert sentences.example_rule(kind, 11, tolerance, images) == said


def test_what_is_said_about_sets_of_networks():
    few = NetworkSet("models", made(2), 1)
    assert sentences.network_sets([few], 1).splitlines() == [
        "- models&#44; digits: tolerance 0, as M = 2.",
        "- This preset has no training variants.",
    ]
    alike = made(4, conditions=list("abcd"))
    alike.predictions[:] = alike.labels
    said = sentences.network_sets([NetworkSet("variants", alike, 1)], 1)
    assert said == "- variants&#44; digits: no image is in-between, so there is nothing to see."
    assert sentences.too_few({"models": 2}) == "- Not for the models: 2 networks are too few."
    assert sentences.too_few({}) == ""
    said = sentences.ceilings({11: 0.3454, 13: 0.4359}, tolerance=1)
    assert "At tolerance 1, " in said and "cannot exceed 0.345 with 11 networks, 0.436 with 13 networks. " in said


def test_shares_are_written_as_percentages():
    table = tables.in_percent(pd.DataFrame({"a": [0.12345], "b": [0.5]}), ["a"])
    assert table.to_dict("records") == [{"a": "12.3%", "b": 0.5}]
