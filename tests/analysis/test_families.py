"""Families: planted effects are found and intervals cover them; on ImageNet the figures are those of the issue."""

import numpy as np
import pandas as pd
import pytest

from ddd_utils.analysis.consistency import pairwise_error_consistency
from ddd_utils.analysis.families import comparable_families, family_effects
from ddd_utils.errors import InputError

FAMILIES = ["a"] * 6 + ["b"] * 5
SOURCES = ["x", "y", "x", "y", "x", "x", "x", "y", "x", "x", "y"]


def drawn(shared, images=20_000, seed=0):
    """Draw models that share a cause of errors within family "a", the others only the images' difficulty."""
    rng = np.random.default_rng(seed)
    difficulty, cause = rng.standard_normal((2, images))
    noise = rng.standard_normal((len(FAMILIES), images))
    ability = np.linspace(-0.6, 0.9, len(FAMILIES))[rng.permutation(len(FAMILIES))]
    mine = np.array([shared * (family == "a") for family in FAMILIES])[:, None]
    return difficulty + mine * cause + np.sqrt(1 - mine**2) * noise + ability[:, None] > 0


def test_a_cause_that_one_family_shares_is_found_there_and_only_there():
    found = family_effects(drawn(0.6), FAMILIES, SOURCES)
    assert found.baseline == "a and b"
    within = found.within
    assert within.index.tolist() == ["two a", "two b"]
    assert within.loc["two a", "lower"] > 0.05
    assert within.loc["two b", "lower"] < 0 < within.loc["two b", "upper"]
    assert found.effects["pairs"].to_dict() == {"a and b": 30, "two a": 15, "two b": 10}


@pytest.mark.parametrize("seed", range(3))
def test_without_a_common_cause_no_family_stands_out(seed):
    within = family_effects(drawn(0, seed=seed), FAMILIES, SOURCES).within
    assert (np.abs(within["effect"]) < 0.03).all()


def test_a_regression_of_exact_values_finds_their_coefficients():
    correct = drawn(0)
    accuracy, same = correct.mean(axis=1), np.equal.outer(SOURCES, SOURCES)
    both_a = np.logical_and.outer(np.equal(FAMILIES, "a"), np.equal(FAMILIES, "a"))
    values = 0.5 - 2 * np.abs(np.subtract.outer(accuracy, accuracy)) + 0.03 * same + 0.1 * both_a
    found = family_effects(correct, FAMILIES, SOURCES, values)
    assert found.effects["effect"].to_dict() == pytest.approx({"a and b": 0, "two a": 0.1, "two b": 0})
    assert found.terms["effect"].tolist() == pytest.approx([-0.1, 0, 0.03], abs=1e-9)
    assert found.terms["lower"].tolist() == pytest.approx([-0.1, 0, 0.03], abs=1e-9)


def test_the_jackknife_is_that_of_a_plain_loop():
    correct = drawn(0.5, 3_000)
    kappa, M = pairwise_error_consistency(correct), len(correct)

    def fit(kept):
        i, j = (kept[side] for side in np.triu_indices(len(kept), 1))
        p = correct.mean(axis=1)
        kinds = [FAMILIES[x] + FAMILIES[y] for x, y in zip(i, j, strict=True)]
        same = [SOURCES[x] == SOURCES[y] for x, y in zip(i, j, strict=True)]
        design = [np.ones(len(i)), abs(p[i] - p[j]), p[i] + p[j], same, np.equal(kinds, "aa"), np.equal(kinds, "bb")]
        return np.linalg.lstsq(np.transpose(np.array(design, float)), kappa[i, j], rcond=None)[0][-2:]

    parts = np.array([fit(np.delete(np.arange(M), left)) for left in range(M)])
    error = np.sqrt((M - 1) / M * ((parts - parts.mean(axis=0)) ** 2).sum(axis=0))
    within = family_effects(correct, FAMILIES, SOURCES).within
    assert within["effect"].to_numpy() == pytest.approx(fit(np.arange(M)))
    assert ((within["upper"] - within["lower"]) / 2).to_numpy() == pytest.approx(2.228139 * error)


def test_a_family_of_one_model_has_an_effect_but_no_interval():
    families = [*FAMILIES[:-1], "c"]
    effects = family_effects(drawn(0), families, SOURCES).effects
    assert effects.loc["a and c", ["lower", "upper"]].isna().all() and not np.isnan(effects.loc["a and c", "effect"])
    assert "two c" not in effects.index


def test_a_comparison_takes_two_families_of_two():
    assert comparable_families(pd.DataFrame({"network": ["m"]})) is None
    assert comparable_families(pd.DataFrame({"family": ["a", "a", "b"]})) is None
    assert comparable_families(pd.DataFrame({"family": ["a", "b", "a", "b"]})) == ["a", "b", "a", "b"]
    with pytest.raises(InputError, match="two families with two networks each"):
        family_effects(drawn(0), ["a"] * 11, SOURCES)
