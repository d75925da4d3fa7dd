"""What the controls, the section on people and the summary say and show."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from ddd_utils.analysis import consistency, difficulty, psychophysics
from ddd_utils.analysis.consistency import ConditionDifference
from ddd_utils.config import params
from ddd_utils.report import claims, explorer, people, sentences, tables, text
from ddd_utils.report.network_sets import NetworkSet
from ddd_utils.responses import Responses

CONDITIONS = ["base", "plus_1_epoch", "plus_10_epochs", "architecture", "cuda_nondeterministic", "combined"]
NATURAL = params.load("quick").training_variants.experiment


@pytest.fixture(autouse=True)
def build(tmp_path, monkeypatch):
    monkeypatch.setenv("DDD_BUILD", str(tmp_path))
    return tmp_path


@pytest.fixture
def answers():
    """Six networks, three epochs, 40 images of four classes, as if they were trained by a preset."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(4), 10)
    right = rng.random((6, 3, 40)) + rng.random(40) / 2 > 0.5
    networks = pd.DataFrame({"network": CONDITIONS, "condition": CONDITIONS, "instance": 1})
    pictures = np.full((40, 8, 8, 3), 7, np.uint8) * np.arange(40, dtype=np.uint8)[:, None, None, None]
    source = SimpleNamespace(images=pictures, class_names=["ant", "bee", "cow", "dog"])
    ids = np.array([f"{image}.png" for image in range(40)])
    made = Responses(np.where(right, labels, (labels + 1) % 4), labels, ids, networks, {"dataset": "digits"})
    return Responses(made.predictions, labels, ids, networks, made.info, source=source, config=NATURAL)


# The controls.


def test_an_experiment_is_described_in_a_row(answers):
    (row,) = tables.experiments([NetworkSet("natural", answers, 0)]).to_dict("records")
    assert row["base"] == "ResNet-18 (width 16)" and row["data set"] == "digits" and row["classes"] == 4
    assert (row["test images"], row["networks"], row["mean accuracy"]) == (
        40,
        6,
        text.percent(answers.correct().mean()),
    )


def test_easiest_and_hardest_classes_stand_side_by_side():
    classes = pd.DataFrame({"label": range(5), "accuracy": [0.2, 0.9, 0.5, 1.0, 0.1], "name": list("abcde")})
    table = tables.class_ends(classes)
    assert table["easiest"].tolist() == ["d (100%)", "b (90%)"] and table["hardest"].tolist() == ["e (10%)", "a (20%)"]
    assert tables.class_ends(classes, most=1)["rank"].tolist() == [1]


def test_both_ways_to_evaluate_are_told_apart(answers):
    recalibrated = Responses(
        answers.predictions,
        answers.labels,
        answers.image_ids,
        answers.networks,
        answers.info,
        config=NATURAL.model_copy(update={"bn_recalibration": 2560}),
    )
    ways = tables.both_ways(recalibrated, answers.select([0, 1, 2]))
    assert list(ways) == ["recalibrated on 2,560 training images", "running averages (as published)"]
    first, second = tables.batch_statistics(ways, "digits").drop(columns="statistics").to_dict("records")
    assert first == second  # the same answers, whatever other networks stand beside them
    correct = answers.correct()
    kappa = consistency.error_consistency(correct[0], correct[2])
    assert first["accuracy of the base"] == correct[0].mean()
    assert first["kappa, plus 10 epochs"].startswith(f"{text.written(kappa, '.3f')} (")


def test_a_comparison_with_a_base_is_recorded_with_the_networks_compared(answers):
    found = consistency.compare_with_base(answers.correct(), answers.networks, answers.labels)
    book = claims.Book("controls", "quick")
    book.record_conditions("kappa_cifar100", found.changed, answers)
    book.record_gap("architecture_minus_nondeterminism_cifar100", found.gap, answers)
    records, _ = claims.recorded("quick")
    assert set(records) == {
        *(f"kappa_cifar100.{condition}" for condition in CONDITIONS[1:]),
        "architecture_minus_nondeterminism_cifar100",
    }
    gap, kappa = records["architecture_minus_nondeterminism_cifar100"], records["kappa_cifar100.combined"]
    assert (gap.m, gap.n, gap.interval, gap.note) == (3, 40, None, consistency.ONE_NETWORK)
    assert kappa.value == consistency.error_consistency(answers.correct()[0], answers.correct()[5])
    assert (kappa.m, kappa.interval is not None, kappa.obstacle) == (2, True, "another data set")


def test_a_pair_of_images_has_a_caption_for_both(answers):
    page = explorer.pairs_gallery(answers, range(6), 3).data
    scores = difficulty.scores(answers.correct())
    assert page.count("<img") == 3
    assert f"{scores.min()} of 6 right above, " in page


def test_the_gap_of_another_architecture_is_said_with_what_it_covers():
    gap = ConditionDifference(-0.25, -0.5, 0.1, "images and 2 networks")
    alone = ConditionDifference(-0.4, np.nan, np.nan, consistency.ONE_NETWORK)
    text = sentences.architecture_gaps([("digits", gap), ("Gaussian noise", alone)])
    assert "−0.25 (−0.50 to +0.10) (images and 2 networks) on digits, " in text
    assert "−0.40 (one network: image error only) on Gaussian noise." in text
    assert "−0.03 for CIFAR-100 but −0.40 for the noise" in text


@pytest.mark.parametrize(
    ("trivial", "impossible", "text"),
    [
        (0.5, 0.1, "Both sets have trivial and impossible images."),
        (
            0.5,
            0.002,
            "On digits **hardly any image is impossible** (0.2%).",
        ),
    ],
)
def test_a_one_sided_difficulty_is_said(trivial, impossible, text):
    assert sentences.one_sided([("digits", {"trivial": trivial, "impossible": impossible})]) == text


def test_another_architecture_is_named(answers):
    text = sentences.other_architecture(answers)
    assert text.startswith("The base network is a ") and ", the other architecture a DenseNet (growth rate 8, " in text


# People.


def test_the_papers_figures_agree_as_far_as_they_do():
    printed = psychophysics.printed_figures()
    text = people.printed_figures(printed)
    assert text.startswith(f"{printed['agrees'].sum()} of {len(printed)} figures agree") and "5.006 × 10⁻⁸" in text


def test_who_was_there_is_said(tmp_path):
    nobody = psychophysics.observe(tmp_path)
    assert people.observers(nobody, "mine") == (
        "**No observers yet**: put their CSV files into the folder `mine` of the build folder."
    )
    drawn = people.observers(psychophysics.observe(tmp_path, 2), "mine")
    assert drawn.startswith("**No observers yet**") and "**2 simulated observers** stand in" in drawn
    (tmp_path / "ann.csv").write_text("observer,trial_index,trivial_image,impossible_image,response,rt\na,0,t,i,i,9\n")
    (tmp_path / "bob.csv").write_text("x\n")
    assert people.observers(psychophysics.observe(tmp_path, 2), "mine").splitlines()[::2] == [
        "**1 observers**, 1 trials.",
        "- Left out: bob.csv: row 1: column 'observer' is missing",
    ]


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (["right", "wrong", "right", "wrong"], "1 of 2 observers"),
        (["right"] * 2 + ["wrong"] * 2, "0 of 0 observers"),
        (["right"] * 4, "0 of 2 observers"),
    ],
)
def test_observers_who_are_slower_when_they_are_wrong_are_counted(answer, text):
    observer = ["a", "a", "b", "b"] if answer[0] != answer[1] else ["a", "b", "c", "d"]
    observer = ["a", "b"] if set(answer) == {"right"} else observer
    count = len(observer)
    times = pd.DataFrame({"observer": observer, "answer": answer[:count], "median": [1.0, 2.0, 3.0, 1.0][:count]})
    assert people.slower_when_wrong(times).startswith(text)


def test_where_people_are_not_shown_the_reason_is():
    assert people.not_shown(None, None) == "`make report PRESET=published` shows this."
    assert people.not_shown(None, "no `x` here") == "Not shown: `no 'x' here`"
    assert people.not_shown(pd.DataFrame(), None) == ""


def test_people_and_networks_are_counted():
    counts = np.array([[40, 8], [50, 1]])
    assert people.people_and_networks(np.ones((3, 2), bool), counts) == (
        "M = 3 networks, 2 images, 48 to 51 people an image"
    )
    assert people.networks_beside_people("sota_comparison", 5, 2) == (
        "Networks of [sota_comparison](sota_comparison.py): in 3 of 5 comparisons the network never errs: they are "
        "left out."
    )


def test_each_question_is_tested_and_has_its_agreement():
    rng = np.random.default_rng(0)
    rows = [
        (
            observer,
            item,
            question,
            rng.integers(0, 3) + (item % 3 == 0),
            ["trivial", "in-between", "impossible"][item % 3],
        )
        for observer in "ab"
        for item in range(30)
        for question in tables.QUESTIONS
    ]
    answers = pd.DataFrame(rows, columns=["observer", "item", "question", "answer", "difficulty"])
    table = tables.question_tests(answers)
    assert table["question"].tolist() == list(tables.QUESTIONS.values())
    assert all(float(p) <= float(holm) for p, holm in zip(table["p-value"], table["Holm"], strict=True))
    assert table["95% interval"].str.fullmatch(r"-?\d\.\d\d to -?\d\.\d\d").all()
    assert people.images_and_observers(answers) == "30 images, mean of 2 observers, 95% intervals"
    assert "**: 2 of the 300 images" in people.items_with_label_errors(np.array([3, 8]))


# The summary.


def test_what_is_to_be_run_is_linked_once():
    table = pd.DataFrame({"section": ["a", "a", "b"], "reason": ["not computed", "no observers", ""]})
    assert sentences.still_to_be_run(table, {}) == "Still to be run, or run in part: [A](a.py)."
    assert sentences.still_to_be_run(table[2:], {"b": "b.json cannot be read"}).splitlines() == [
        "- b.json cannot be read",
        "Every claim has been computed.",
    ]
