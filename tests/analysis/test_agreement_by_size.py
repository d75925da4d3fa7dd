"""Figures of a set of models, against plain loops and scikit-learn."""

from itertools import combinations

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from ddd_utils.analysis import facts

TOLERANCES = (0, 1)


@pytest.fixture(scope="module")
def correct():
    """Six networks of different abilities, independent given the difficulty of an image."""
    rng = np.random.default_rng(4)
    ability = np.linspace(-1, 1, 6)[:, None]
    return rng.random((6, 800)) < 1 / (1 + np.exp(-ability - rng.normal(0.5, 2, 800)))


@pytest.fixture(scope="module")
def table(correct):
    return facts.agreement_by_size(correct, TOLERANCES, subsets=50)


def kappas_of_subsets(correct, models, tolerance):
    """Mean kappa over pairs of every subset, on all images (None) or on those that it calls in-between itself."""
    found = []
    for members in combinations(range(len(correct)), models):
        chosen = correct[list(members)]
        score = chosen.sum(axis=0)
        kept = slice(None) if tolerance is None else (score > tolerance) & (score < models - tolerance)
        pairs = [cohen_kappa_score(a[kept], b[kept]) for a, b in combinations(chosen, 2)]
        found.append(np.mean(pairs))
    return found


@pytest.mark.parametrize("tolerance", TOLERANCES)
@pytest.mark.parametrize("models", [4, 5, 6])
def test_kappa_in_between_is_the_mean_over_all_subsets_where_there_are_few(correct, table, models, tolerance):
    row = table[(table["models"] == models) & (table["tolerance"] == tolerance)].iloc[0]
    expected = kappas_of_subsets(correct, models, tolerance)
    assert row["subsets"] == len(expected)
    assert row["kappa"] == pytest.approx(np.mean(expected))
    assert (row["lower"], row["upper"]) == pytest.approx(tuple(np.quantile(expected, [0.025, 0.975])))


def test_kappa_on_all_images_scatters_around_that_of_all_pairs(correct, table):
    everywhere = table[table["tolerance"].isna()].set_index("models")
    expected = np.mean(kappas_of_subsets(correct, 6, None))
    assert everywhere.loc[6, ["kappa", "lower", "upper"]].tolist() == pytest.approx([expected] * 3)
    assert everywhere["kappa"].tolist() == pytest.approx([expected] * 4, abs=0.03)
    assert (everywhere["upper"] - everywhere["lower"]).is_monotonic_decreasing


def test_independent_networks_are_what_is_expected_of_them(table):
    beyond = (table["kappa"] - table["expected"])[table["models"] >= 5]
    assert beyond.abs().max() < 0.03


def test_below_the_fewest_models_of_a_tolerance_there_is_no_row(table):
    assert table.groupby(table["tolerance"].fillna(-1))["models"].min().tolist() == [3, 3, 4]


def test_the_same_seed_draws_the_same_subsets(correct, table):
    again, other = (facts.agreement_by_size(correct, TOLERANCES, 5, seed=seed) for seed in (0, 1))
    assert again.equals(facts.agreement_by_size(correct, TOLERANCES, 5)) and not again.equals(other)


def test_scores_are_summed_up_by_counting(correct):
    found = facts.facts_among(correct.sum(axis=0), 6, TOLERANCES, {"easy": correct[0]})
    for name, kept in (("all", np.ones(800, bool)), ("easy", correct[0])):
        scores = [sum(column) for column in correct[:, kept].T]
        assert found[name]["histogram"] == [scores.count(score) for score in range(7)]
        assert found[name]["accuracy"] == pytest.approx(np.mean(scores) / 6)
        shares = found[name]["by_tolerance"][1]
        assert shares["trivial"] == pytest.approx(np.mean([score >= 5 for score in scores]))
        assert shares["impossible"] == pytest.approx(np.mean([score <= 1 for score in scores]))
        assert shares["in_between"] == pytest.approx(np.mean([2 <= score <= 4 for score in scores]))


def test_fleiss_kappa_is_that_of_agreeing_pairs(correct):
    """Fleiss (1971): the share of pairs that agree, beyond what the common accuracy makes likely."""
    scores = correct.sum(axis=0)
    agreeing = np.mean([(s * (s - 1) + (6 - s) * (5 - s)) / 30 for s in scores])
    p = correct.mean()
    chance = p**2 + (1 - p) ** 2
    assert facts.score_facts(scores, 6, ())["kappa"] == pytest.approx((agreeing - chance) / (1 - chance))
