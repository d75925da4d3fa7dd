import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from ddd_utils.analysis import humans
from ddd_utils.errors import InputError

FOLDER = Path(os.environ.get("DDD_DATA", "")) / "meding2022"
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
def made():
    """Four observers who see the same things in 300 images; only the first question depends on difficulty."""
    rng = np.random.default_rng(0)
    kinds = rng.integers(3, size=300)
    image = rng.normal(size=(300, 3)) - np.outer(kinds, [0.5, 0, 0])
    answers = np.clip(np.rint(image + rng.normal(size=(4, 300, 3))), -1, 1) + 1
    return table(answers, DIFFICULTIES[kinds])


def test_items_of_the_wrong_class_are_left_out_and_others_on_request(made):
    assert set(made["item"]) - set(humans.usable(made)["item"]) == {43, 221, 253}
    without = humans.usable(made, np.array([0, 43, 299]))
    assert set(made["item"]) - set(without["item"]) == {0, 43, 221, 253, 299}


def test_an_unknown_item_is_named(made):
    with pytest.raises(InputError, match="item 300 cannot be left out: the items are 0 to 299"):
        humans.usable(made, [5, 300])


def test_means_are_over_images(made):
    found = humans.means(humans.usable(made))
    assert found["question"].tolist() == [question for question in QUESTIONS for _ in range(3)]
    assert found["difficulty"].tolist() == ["trivial", "in-between", "impossible"] * 3
    rows = humans.usable(made).query("question == 'odd' and difficulty == 'in-between'")
    images = rows.groupby("item")["answer"].mean()
    row = found.set_index(["question", "difficulty"]).loc[("odd", "in-between")]
    limits = stats.ttest_1samp(images, 0).confidence_interval()
    assert row.tolist() == pytest.approx([len(images), images.mean(), *limits])


def test_kruskal_wallis_takes_an_image_as_one_case(made):
    answers = humans.usable(made)
    found = humans.kruskal_wallis(answers).set_index("question")
    for question, asked in answers.groupby("question"):
        wide = asked.pivot_table(index=["difficulty", "item"], columns="observer", values="answer").mean(axis=1)
        expected = stats.kruskal(*(wide[kind] for kind in DIFFICULTIES))
        assert found.loc[question, ["statistic", "p_value"]].tolist() == pytest.approx(list(expected))
    assert (found["images"] == 297).all()
    assert found["p_value"]["categories"] < 1e-4 and found["p_value"][["main", "odd"]].min() > 0.01
    assert found["adjusted"]["categories"] == pytest.approx(3 * found["p_value"]["categories"])


def test_an_observer_copied_makes_no_difference_more_certain(made):
    doubled = pd.concat([made, made.assign(observer=made["observer"] + " again")])
    one, two = (humans.kruskal_wallis(humans.usable(answers)) for answers in (made, doubled))
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


def test_agreement_of_observers_with_an_interval(made):
    found = humans.agreement(humans.usable(made), draws=300)
    assert found[["question", "observers", "images"]].to_numpy().tolist() == [[name, 4, 297] for name in QUESTIONS]
    assert ((found["lower"] < found["alpha"]) & (found["alpha"] < found["upper"])).all()
    assert found["alpha"].between(0.3, 0.6).all()
    assert (found["upper"] - found["lower"]).between(0.05, 0.2).all()


@pytest.mark.skipif(
    "DDD_DATA" not in os.environ or not FOLDER.is_dir(), reason="DDD_DATA names no folder with meding2022/"
)
def test_the_authors_answers():
    sheets = pd.read_excel(FOLDER / "experiment_two_results.ods", sheet_name=None, header=None, engine="calamine")
    answers = np.stack([sheet.to_numpy(float) for sheet in sheets.values()])
    order = np.load(FOLDER / "order.npy").astype(int)
    usable = humans.usable(table(answers, DIFFICULTIES[order]))
    found = humans.kruskal_wallis(usable).set_index("question")
    assert found["images"].tolist() == [297] * 3
    assert found["p_value"]["categories"] == pytest.approx(0.006, abs=5e-4)
    assert found["p_value"]["main"] == pytest.approx(0.00015, abs=5e-6)
    assert found["p_value"]["odd"] == pytest.approx(0.008, abs=5e-4)
    means = humans.means(usable).pivot(index="question", columns="difficulty", values="answer")
    assert (means["trivial"] < means["impossible"]).to_dict() == {"categories": True, "main": False, "odd": True}
    assert (humans.agreement(usable, draws=100)["lower"] > 0.2).all()
