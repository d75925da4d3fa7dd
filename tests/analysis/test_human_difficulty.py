import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import cohen_kappa_score

from ddd_utils.analysis import consistency, humans
from ddd_utils.errors import InputError

FOLDER = Path(os.environ.get("DDD_DATA", "")) / "human"


def answers(probability, people, seed):
    """Two classes, of which 0 is right with an image's own probability."""
    right = np.random.default_rng(seed).binomial(people, probability)
    return np.stack([right, people - right], axis=1), np.zeros(len(right), int)


def test_share_and_majority_of_known_counts():
    counts = np.array([[3, 1, 0], [2, 2, 0], [0, 1, 4], [0, 0, 5]], np.uint8)
    labels = [0, 1, 1, 2]
    assert humans.human_share(counts, labels).tolist() == [0.75, 0.5, 0.2, 1]
    assert humans.majority_right(counts, labels).tolist() == [True, False, False, True]
    assert humans.majority_right([[2, 2, 0]], [0]).tolist() == [False]  # a tie is wrong for either class


@pytest.mark.parametrize(
    ("counts", "labels", "message"),
    [
        ([[1, 0]], [0, 1], "one label an image"),
        ([[1, 0], [1, 0]], [0, 2], "labels 0 to 2 do not fit the 2 classes"),
        ([[1, 0], [0, 0]], [0, 1], "image 1 has no answers"),
    ],
)
def test_answers_that_do_not_fit_are_named(counts, labels, message):
    with pytest.raises(InputError, match=message):
        humans.human_share(counts, labels)


def test_one_answer_cannot_be_split():
    with pytest.raises(InputError, match="image 1 has one answer"):
        humans.reliability([[3, 0], [1, 0]], [0, 0])


def test_share_by_difficulty_and_by_score():
    correct = np.array([[1, 1, 0, 0, 1], [1, 1, 0, 0, 0], [1, 1, 0, 1, 0]], bool)
    share = np.array([1, 0.9, 0.2, 0.4, 0.6])
    table = humans.share_by_difficulty(share, correct)
    assert table["difficulty"].tolist() == ["trivial", "in-between", "impossible"]
    assert table["images"].tolist() == [2, 2, 1]
    assert table["share"].tolist() == pytest.approx([0.95, 0.5, 0.2])
    limits = stats.ttest_1samp([1, 0.9], 0).confidence_interval()
    assert table.loc[0, ["lower", "upper"]].tolist() == pytest.approx(list(limits))
    assert humans.share_by_difficulty(share, correct, 1)["difficulty"].tolist() == ["trivial", "impossible"]
    by_score = humans.share_by_score(share, correct)
    assert by_score[["score", "images"]].to_numpy().tolist() == [[0, 1], [1, 2], [3, 2]]
    assert by_score["share"].tolist() == pytest.approx([0.2, 0.5, 0.95])


@settings(max_examples=50)
@given(st.integers(0, 10_000), st.integers(3, 60))
def test_rank_correlation_is_spearmans(seed, images):
    rng = np.random.default_rng(seed)
    share = np.append(rng.integers(0, 6, images) / 5, [0, 1])
    correct = np.column_stack([rng.random((4, images)) < 0.5, np.zeros(4), np.ones(4)])
    found = humans.rank_correlation(share, correct, draws=2)
    assert found.value == pytest.approx(stats.spearmanr(share, correct.sum(axis=0)).statistic)


def test_rank_correlation_interval_is_that_of_resampled_images():
    rng = np.random.default_rng(1)
    easiness = rng.normal(size=400)
    share = 1 / (1 + np.exp(-easiness))
    correct = easiness + rng.normal(size=(5, 400)) * 2 > 0
    found = humans.rank_correlation(share, correct)
    rows = rng.integers(400, size=(1000, 400))
    drawn = [stats.spearmanr(share[row], correct.sum(axis=0)[row]).statistic for row in rows]
    assert found.standard_error == pytest.approx(np.std(drawn), rel=0.1)
    assert (found.lower, found.upper) == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0.015)


def test_a_constant_share_has_no_rank_correlation():
    found = humans.rank_correlation(np.ones(9), np.arange(18).reshape(2, 9) % 2, draws=5)
    assert np.isnan([found.value, found.lower, found.upper]).all()


def test_reliability_foretells_the_correlation_with_another_group_of_people():
    probability = np.random.default_rng(2).beta(3, 1.5, 4000)
    groups = [answers(probability, 40, seed) for seed in (3, 4)]
    shares = [humans.human_share(*group) for group in groups]
    found = humans.reliability(*groups[0], splits=50)
    assert found.value == pytest.approx(stats.spearmanr(*shares).statistic, abs=0.01)
    assert found.lower < found.value < found.upper < found.lower + 0.05


def test_reliability_of_an_odd_number_of_unanimous_answers_is_perfect():
    counts = np.array([[5, 0], [0, 5], [7, 0]])
    assert humans.reliability(counts, [0, 0, 0], splits=5).value == pytest.approx(1)


def test_majority_is_compared_with_every_network():
    rng = np.random.default_rng(5)
    right = rng.random(500) < 0.9
    correct = np.array([right, right & (rng.random(500) < 0.8), rng.random(500) < 0.7])
    table = humans.majority_consistency(right, correct, ["copy", "shares errors", "apart"])
    assert table["network"].tolist() == ["copy", "shares errors", "apart"]
    assert table["kappa"].tolist() == pytest.approx([cohen_kappa_score(right, row) for row in correct])
    assert table["accuracy"].tolist() == pytest.approx(correct.mean(axis=1))
    # The second errs wherever people do: nothing more is possible.
    assert (table["kappa_max"] - table["kappa"])[:2].tolist() == pytest.approx([0, 0])
    assert table["kappa"][2] < 0.2 < table["kappa_max"][2]
    error = consistency.standard_errors(np.stack([right, correct[2]]))[0, 1]
    assert table["upper"][2] - table["lower"][2] == pytest.approx(2 * 1.959964 * error)


@pytest.mark.skipif("DDD_DATA" not in os.environ or not FOLDER.is_dir(), reason="DDD_DATA names no folder with human/")
def test_people_and_twelve_networks_on_cifar_10():
    with np.load(FOLDER / "cifar10_models_and_humans.npz") as file:
        counts, labels, correct = file["human_counts"], file["label"], file["prediction"] == file["label"]
    share = humans.human_share(counts, labels)
    found = humans.rank_correlation(share, correct, draws=100)
    assert found.value == pytest.approx(0.32, abs=0.005) and 0.29 < found.lower < found.upper < 0.35
    assert humans.reliability(counts, labels, splits=50).value == pytest.approx(0.70, abs=0.01)
    table = humans.share_by_difficulty(share, correct)
    assert table["images"].tolist() == [8248, 1689, 63]
    assert (table["upper"].to_numpy()[1:] < table["lower"].to_numpy()[:-1]).all()
    majority = humans.majority_right(counts, labels)
    assert (majority.mean(), majority.size) == (0.992, 10_000)
    kappas = humans.majority_consistency(majority, correct, range(12))
    assert ((kappas["lower"] > 0) & (kappas["upper"] < kappas["kappa_max"])).all()
