import os
from pathlib import Path

import numpy as np
import pandas as pd
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


MEDING = Path(os.environ.get("DDD_DATA", "")) / "meding2022"
QUESTIONS = ["categories", "main", "odd"]
DIFFICULTIES = np.array(["impossible", "in-between", "trivial"])


def table(answers, difficulty):
    """Tidy answers from an array (observers, items, questions)."""
    observers, items, _ = answers.shape
    frames = [
        pd.DataFrame(
            {
                "observer": np.repeat([f"subj{number + 1}" for number in range(observers)], items),
                "item": np.tile(np.arange(items), observers),
                "question": question,
                "answer": answers[:, :, place].ravel(),
                "difficulty": np.tile(difficulty, observers),
            }
        )
        for place, question in enumerate(QUESTIONS)
    ]
    return pd.concat(frames, ignore_index=True)


@pytest.fixture(scope="module")
def observed():
    """Four observers who see the same things in 300 images; only the first question depends on difficulty."""
    rng = np.random.default_rng(0)
    kinds = rng.integers(3, size=300)
    image = rng.normal(size=(300, 3)) - np.outer(kinds, [0.5, 0, 0])
    answers = np.clip(np.rint(image + rng.normal(size=(4, 300, 3))), -1, 1) + 1
    return table(answers, DIFFICULTIES[kinds])


def test_items_of_the_wrong_class_are_left_out_and_others_on_request(observed):
    assert set(observed["item"]) - set(humans.usable(observed)["item"]) == {43, 221, 253}
    without = humans.usable(observed, np.array([0, 43, 299]))
    assert set(observed["item"]) - set(without["item"]) == {0, 43, 221, 253, 299}


def test_an_unknown_item_is_named(observed):
    with pytest.raises(InputError, match="item 300 cannot be left out: the items are 0 to 299"):
        humans.usable(observed, [5, 300])


def test_means_are_over_images(observed):
    found = humans.means(humans.usable(observed))
    assert found["question"].tolist() == [question for question in QUESTIONS for _ in range(3)]
    assert found["difficulty"].tolist() == ["trivial", "in-between", "impossible"] * 3
    rows = humans.usable(observed).query("question == 'odd' and difficulty == 'in-between'")
    images = rows.groupby("item")["answer"].mean()
    row = found.set_index(["question", "difficulty"]).loc[("odd", "in-between")]
    limits = stats.ttest_1samp(images, 0).confidence_interval()
    assert row.tolist() == pytest.approx([len(images), images.mean(), *limits])


def test_kruskal_wallis_takes_an_image_as_one_case(observed):
    answers = humans.usable(observed)
    found = humans.kruskal_wallis(answers).set_index("question")
    for question, asked in answers.groupby("question"):
        wide = asked.pivot_table(index=["difficulty", "item"], columns="observer", values="answer").mean(axis=1)
        expected = stats.kruskal(*(wide[kind] for kind in DIFFICULTIES))
        assert found.loc[question, ["statistic", "p_value"]].tolist() == pytest.approx(list(expected))
    assert (found["images"] == 297).all()
    assert found["p_value"]["categories"] < 1e-4 and found["p_value"][["main", "odd"]].min() > 0.01
    assert found["adjusted"]["categories"] == pytest.approx(3 * found["p_value"]["categories"])


def test_an_observer_copied_makes_no_difference_more_certain(observed):
    doubled = pd.concat([observed, observed.assign(observer=observed["observer"] + " again")])
    one, two = (humans.kruskal_wallis(humans.usable(answers)) for answers in (observed, doubled))
    np.testing.assert_allclose(one["p_value"], two["p_value"])


def test_alpha_of_krippendorffs_own_example():
    # Twelve units, four observers, gaps: alpha is .815 for ordinal values (Krippendorff, 2011).
    gap = np.nan
    values = np.array(
        [
            [1, 2, 3, 3, 2, 1, 4, 1, 2, gap, gap, gap],
            [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, gap, 3],
            [gap, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, gap],
            [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, gap],
        ]
    )
    counts = np.stack([(values == value).sum(axis=0) for value in range(1, 6)], axis=1)
    assert humans.krippendorff_alpha(counts, np.ones(12)) == pytest.approx(0.815, abs=5e-4)


def test_weights_repeat_items():
    counts = np.random.default_rng(1).multinomial(6, [0.5, 0.3, 0.2], size=20)
    weights = np.random.default_rng(2).multinomial(20, np.full(20, 0.05), size=3)
    found = humans.krippendorff_alpha(counts, weights)
    for alpha, weight in zip(found, weights, strict=True):
        repeated = np.repeat(counts, weight, axis=0)
        assert alpha == pytest.approx(humans.krippendorff_alpha(repeated, np.ones(len(repeated))))


def test_alpha_is_1_for_equal_0_for_random_and_undefined_for_constant_answers():
    rng = np.random.default_rng(3)
    assert humans.krippendorff_alpha(5 * np.eye(3), np.ones(3)) == pytest.approx(1)
    random = rng.multinomial(8, [0.2, 0.5, 0.3], size=20_000)
    assert humans.krippendorff_alpha(random, np.ones(20_000)) == pytest.approx(0, abs=0.01)
    assert np.isnan(humans.krippendorff_alpha([[4, 0], [4, 0]], np.ones(2)))


def test_agreement_of_observers_with_an_interval(observed):
    found = humans.agreement(humans.usable(observed), draws=300)
    assert found[["question", "observers", "images"]].to_numpy().tolist() == [[name, 4, 297] for name in QUESTIONS]
    assert ((found["lower"] < found["alpha"]) & (found["alpha"] < found["upper"])).all()
    assert found["alpha"].between(0.3, 0.6).all()
    assert (found["upper"] - found["lower"]).between(0.05, 0.2).all()


@pytest.mark.skipif(
    "DDD_DATA" not in os.environ or not MEDING.is_dir(), reason="DDD_DATA names no folder with meding2022/"
)
def test_the_authors_answers():
    sheets = pd.read_excel(MEDING / "experiment_two_results.ods", sheet_name=None, header=None, engine="calamine")
    answers = np.stack([sheet.to_numpy(float) for sheet in sheets.values()])
    order = np.load(MEDING / "order.npy").astype(int)
    usable = humans.usable(table(answers, DIFFICULTIES[order]))
    found = humans.kruskal_wallis(usable).set_index("question")
    assert found["images"].tolist() == [297] * 3
    assert found["p_value"]["categories"] == pytest.approx(0.006, abs=5e-4)
    assert found["p_value"]["main"] == pytest.approx(0.00015, abs=5e-6)
    assert found["p_value"]["odd"] == pytest.approx(0.008, abs=5e-4)
    means = humans.means(usable).pivot(index="question", columns="difficulty", values="answer")
    assert (means["trivial"] < means["impossible"]).to_dict() == {"categories": True, "main": False, "odd": True}
    assert (humans.agreement(usable, draws=100)["lower"] > 0.2).all()
