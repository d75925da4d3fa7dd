"""Factors that go with failure, against scikit-learn, a sandwich by hand, plain loops and faults put in on purpose."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import hypergeom
from sklearn.linear_model import LinearRegression, PoissonRegressor

from ddd_utils.analysis import factors
from ddd_utils.analysis.factors import fixed_effects_poisson
from ddd_utils.analysis.statistics import holm
from ddd_utils.errors import InputError

RATIOS = np.array([3.0, 1.0, 0.5])


def drawn(images=4_000, classes=25, seed=0):
    """Draw marks and an outcome that is RATIOS times as likely where they are, on classes of different risk."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, images)
    marks = rng.random((images, 3)) < [0.2, 0.5, 0.4] + rng.normal(0, 0.05, (classes, 3))[labels]
    risk = rng.uniform(0.02, 0.2, classes)[labels] * np.prod(np.where(marks, RATIOS, 1), axis=1)
    return (rng.random(images) < risk).astype(float), marks, labels


def dummies(labels):
    return (labels[:, None] == np.unique(labels)).astype(float)


def sandwich(outcome, marks, labels, coefficients):
    """Write the regression out with a dummy variable a class: its errors, robust to dependence within classes."""
    design, factor_part = np.column_stack([marks, dummies(labels)]), np.exp(marks @ coefficients)
    effects = [outcome[labels == c].sum() / factor_part[labels == c].sum() for c in np.unique(labels)]
    expected = factor_part * (dummies(labels) @ effects)
    bread = np.linalg.inv(design.T @ (expected[:, None] * design))
    scores = np.stack([design[labels == c].T @ (outcome - expected)[labels == c] for c in np.unique(labels)])
    clusters = len(scores)
    robust = bread @ scores.T @ scores @ bread * clusters / (clusters - 1)
    return robust[: marks.shape[1], : marks.shape[1]]


def test_ratios_are_those_of_scikit_learn_with_a_dummy_variable_a_class():
    outcome, marks, labels = drawn()
    design = np.column_stack([marks, dummies(labels)])
    theirs = PoissonRegressor(alpha=0, fit_intercept=False, solver="newton-cholesky", tol=1e-10).fit(design, outcome)
    found = fixed_effects_poisson(outcome, marks, labels)
    np.testing.assert_allclose(found.log_ratios, theirs.coef_[:3], atol=1e-6)
    np.testing.assert_allclose(found.covariance, sandwich(outcome, marks, labels, found.log_ratios), rtol=1e-7)


def test_intervals_cover_the_true_ratios():
    inside = np.zeros(3)
    for seed in range(60):
        found = fixed_effects_poisson(*drawn(seed=seed))
        limits = [found.estimate(np.eye(3)[at]) for at in range(3)]
        inside += [each.lower < ratio < each.upper for each, ratio in zip(limits, RATIOS, strict=True)]
    assert (inside >= 51).all()  # of 60; a binomial of 95% falls below 51 in 1 of 1,000 cases


def test_one_factor_in_one_class_is_the_ratio_of_two_risks():
    marks, outcome = np.repeat([True, False], [40, 60]), np.zeros(100)
    outcome[[*range(10), *range(40, 45)]] = 1
    found = fixed_effects_poisson(outcome, marks[:, None], np.zeros(100))
    assert np.exp(found.log_ratios[0]) == pytest.approx((10 / 40) / (5 / 60))


def test_classes_without_the_outcome_say_nothing():
    outcome, marks, labels = drawn()
    alone = fixed_effects_poisson(outcome, marks, labels)
    rng = np.random.default_rng(1)
    more = rng.random((500, 3)) < 0.5
    found = fixed_effects_poisson(
        [*outcome, *np.zeros(500)], np.vstack([marks, more]), [*labels, *rng.integers(100, 104, 500)]
    )
    np.testing.assert_allclose(found.log_ratios, alone.log_ratios)
    np.testing.assert_allclose(found.covariance, alone.covariance)
    assert (found.classes, found.left_out, found.images) == (alone.classes, 4, 4_500)


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(60)), st.integers(0, 5))
def test_the_order_of_images_and_the_names_of_classes_do_not_matter(order, seed):
    outcome, marks, labels = drawn(60, 3, seed)
    one = fixed_effects_poisson(outcome, marks, labels)
    other = fixed_effects_poisson(outcome[order], marks[order], np.array(["z", "a", "m"])[labels][order])
    np.testing.assert_allclose(one.log_ratios, other.log_ratios, atol=1e-6)


def test_a_weighted_mean_of_log_ratios_has_the_error_of_a_contrast():
    found = fixed_effects_poisson(*drawn())
    mean = found.estimate([0.5, 0, 0.5])
    assert mean.value == pytest.approx(np.exp(found.log_ratios[[0, 2]].mean()))
    assert mean.standard_error == pytest.approx(np.sqrt(found.covariance[np.ix_([0, 2], [0, 2])].sum()) / 2)


def test_what_cannot_be_estimated_is_undefined():
    outcome, marks, labels = drawn()
    never, everywhere, by_class = outcome == 0, np.ones(len(labels), bool), labels % 2 == 0
    for useless in (never, ~never, everywhere, by_class):
        found = fixed_effects_poisson(outcome, np.column_stack([marks, useless]), labels)
        assert np.isfinite(found.log_ratios).tolist() == [True, True, True, False]
        np.testing.assert_allclose(found.log_ratios[:3], fixed_effects_poisson(outcome, marks, labels).log_ratios)
    same_twice = fixed_effects_poisson(outcome, np.column_stack([marks, marks[:, 0]]), labels)
    assert np.isnan(same_twice.log_ratios).all()
    assert np.isnan(fixed_effects_poisson(0 * outcome, marks, labels).log_ratios).all()


@pytest.mark.parametrize(
    ("outcome", "marks", "labels", "message"),
    [
        ([1, 0], [[1], [0], [0]], [0, 0], r"the shapes are \(2,\) and \(3, 1\)"),
        ([1, -1], [[1], [0]], [0, 0], "must not be negative"),
        ([1, 0], [[1], [0]], [0], "one label an image"),
    ],
)
def test_faulty_input_is_named(outcome, marks, labels, message):
    with pytest.raises(InputError, match=message):
        fixed_effects_poisson(outcome, marks, labels)


def test_all_of_imagenet_takes_a_second():
    rng = np.random.default_rng(0)
    labels, marks = np.repeat(np.arange(1_000), 48), rng.random((48_000, 16)) < 0.1
    outcome = rng.random(48_000) < 0.05 * (1 + marks[:, 0])
    started = time.process_time()
    found = fixed_effects_poisson(outcome, marks, labels)
    assert time.process_time() - started < 5  # a twentieth of a second to a fifth, on an idle machine
    assert found.estimate(np.eye(16)[0]).lower < 2 < found.estimate(np.eye(16)[0]).upper


def decided(models=6, images=3_000, seed=0):
    """Draw decisions that depend on ability, difficulty and the first of two factors; classes matter, too."""
    rng = np.random.default_rng(seed)
    labels, marks = rng.integers(0, 10, images), rng.random((images, 2)) < [0.3, 0.4]
    easy = rng.normal(0.5, 1.5, images) - 1.2 * marks[:, 0] + rng.normal(0, 0.5, 10)[labels]
    ability = np.linspace(-0.5, 0.5, models)[:, None]
    return rng.logistic(size=(models, images)) < easy + ability, marks, labels


def test_all_outcomes_are_tested_together():
    correct, marks, labels = decided()
    asked = factors.outcomes(correct)
    assert (asked["impossible"] == ~correct.any(axis=0)).all()
    assert (asked["trivial"] == correct.all(axis=0)).all()
    assert np.corrcoef(asked["difficulty"], correct.mean(axis=0))[0, 1] == pytest.approx(-1)
    table = factors.adjusted_ratios(asked, marks, labels, ["one", "two"])
    assert table[["outcome", "factor"]].agg("/".join, axis=1).tolist() == [
        f"{outcome}/{factor}" for outcome in ("impossible", "trivial", "difficulty") for factor in ("one", "two")
    ]
    np.testing.assert_allclose(table["p_holm"], holm(table["p_value"]))
    first = table[table["factor"] == "one"].set_index("outcome")
    assert first.loc["impossible", "lower"] > 1
    assert first.loc["trivial", "upper"] < 1
    assert (first["p_holm"] < 0.05).all()
    np.testing.assert_allclose(first["marked"], marks[:, 0].mean())


def test_main_factors_are_held_against_the_commonest():
    rng = np.random.default_rng(0)
    main = rng.choice(4, 4_000, p=[0.1, 0.6, 0.2, 0.1])  # 3: none
    top, labels = main[:, None] == np.arange(3), rng.integers(0, 5, 4_000)
    outcome = rng.random(4_000) < np.array([0.3, 0.1, 0.1, 0.9])[main]
    table = factors.adjusted_ratios({"impossible": outcome}, top, labels, ["a", "b", "c"], top)
    rows = table[table["outcome"] == "main factor, against b"].set_index("factor")
    assert rows.index.tolist() == ["a", "c"]
    rates = {name: outcome[main == at].mean() for at, name in enumerate("abc")}
    assert rows.loc["a", "ratio"] == pytest.approx(rates["a"] / rates["b"], rel=0.05)
    assert rows.loc["c", "ratio"] == pytest.approx(rates["c"] / rates["b"], rel=0.05)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("resnet50", True),
        ("resnet50.a1_in1k", True),
        ("ResNet-50", True),
        ("resnet50_v2", True),
        ("se_resnet50", False),
        ("resnet501", False),
        ("resnet152", False),
    ],
)
def test_which_models_are_like_that_of_the_prototypes(name, found):
    assert factors.is_resnet50([name]).tolist() == [found]


def test_models_are_left_out_in_turn():
    correct, marks, labels = decided(5)
    names = ["vgg11", "vgg16", "resnet18", "resnet50", "7x"]
    assert {name: rows.tolist() for name, rows in factors.families(names).items()} == {
        "vgg": [0, 1],
        "resnet": [2, 3],
        "7x": [4],
    }
    table = factors.without_models(correct, names, marks, labels, ["one", "two"])

    def ratios(*rows):
        return np.exp(fixed_effects_poisson(~correct[list(rows)].any(axis=0), marks, labels).log_ratios)

    each = np.array([ratios(2, 3, 4), ratios(0, 1, 4), ratios(0, 1, 2, 3)])
    np.testing.assert_allclose(table["without_resnet50"], ratios(0, 1, 2, 4))
    np.testing.assert_allclose(table[["lowest", "highest"]], np.array([each.min(axis=0), each.max(axis=0)]).T)
    kinds = factors.without_models(correct, names, marks, labels, ["one", "two"], list("aaabb"))
    each = np.array([*each, ratios(3, 4), ratios(0, 1, 2)])
    np.testing.assert_allclose(kinds[["lowest", "highest"]], np.array([each.min(axis=0), each.max(axis=0)]).T)
    alone = factors.without_models(correct[:2], names[:2], marks, labels, ["one", "two"])
    assert alone.drop(columns="factor").isna().all(axis=None)


def test_explained_variance_is_that_of_linear_regressions():
    correct, marks, labels = decided()
    outcome, rng = correct.mean(axis=0), np.random.default_rng(0)
    label = rng.random((len(labels), 1)) < 0.3
    table = factors.explained(outcome, {"label": label, "factors": marks}, labels)
    designs = [dummies(labels), label, marks]
    for row, count in zip(table.itertuples(), (1, 2, 3), strict=True):
        design = np.column_stack(designs[:count])
        assert row.r2 == pytest.approx(LinearRegression().fit(design, outcome).score(design, outcome))
    assert table["step"].tolist() == ["class", "label", "factors"]
    assert table["added"].iloc[0] == table["r2"].iloc[0]
    assert table["added"].sum() == pytest.approx(table["r2"].iloc[-1])


def test_the_interval_of_explained_variance_is_that_of_classes_drawn_anew():
    correct, marks, labels = decided(images=800)
    outcome, rng = correct.mean(axis=0), np.random.default_rng(1)
    table = factors.explained(outcome, {"factors": marks}, labels, draws=400)
    drawn = []
    for _ in range(150):
        images = [np.flatnonzero(labels == c) for c in rng.integers(0, 10, 10)]
        again, at = np.repeat(np.arange(10), [len(each) for each in images]), np.concatenate(images)
        designs = dummies(again), np.column_stack([dummies(again), marks[at]])
        alone, both = (LinearRegression().fit(design, outcome[at]).score(design, outcome[at]) for design in designs)
        drawn.append([alone, both, both - alone])
    rows = table.to_dict("list")
    widths = [*np.subtract(rows["r2_upper"], rows["r2_lower"]), rows["added_upper"][1] - rows["added_lower"][1]]
    np.testing.assert_allclose(widths, np.subtract(*np.quantile(drawn, [0.975, 0.025], axis=0)), rtol=0.3)


def test_explained_variance_of_all_of_imagenet_takes_a_second():
    rng = np.random.default_rng(0)
    labels, marks = np.repeat(np.arange(1_000), 48), rng.random((48_000, 16)) < 0.1
    started = time.process_time()
    factors.explained(rng.random(48_000) + marks[:, 0], {"label": marks[:, :2], "factors": marks[:, 2:]}, labels)
    assert time.process_time() - started < 5


def test_peers_by_a_loop_over_scores():
    correct, marks, _ = decided(4, 300)
    table = factors.against_peers(correct, marks, ["a", "b", "c", "d"], ["one", "two"])
    for row in table.itertuples():
        model, factor = "abcd".index(row.model), ["one", "two"].index(row.factor)
        scores, mean, variance = correct.sum(axis=0), 0.0, 0.0
        for score in np.unique(scores):
            images = scores == score
            of = hypergeom(images.sum(), (~correct[model, images]).sum(), marks[images, factor].sum())
            with np.errstate(divide="ignore", invalid="ignore"):  # where all of them err, or none
                mean, variance = mean + of.mean(), variance + of.var()
        assert row.wrong == (~correct[model, marks[:, factor]]).sum()
        assert row.expected == pytest.approx(mean)
        assert row.z == pytest.approx((row.wrong - mean) / np.sqrt(variance))
        assert row.upper - row.lower == pytest.approx(2 * 1.96 * np.sqrt(variance) / mean)


def test_a_model_that_fails_on_a_factor_is_found_and_no_other():
    correct, marks, _ = decided(8, 4_000)
    names = [f"m{i}" for i in range(8)]
    before = factors.against_peers(correct, marks, names, ["one", "two"])
    assert (before["p_holm"] > 0.05).all()  # a factor that is hard for all is no difference between models
    broken = correct.copy()
    broken[5] &= ~(marks[:, 1] & (np.random.default_rng(0).random(4_000) < 0.2))
    after = factors.against_peers(broken, marks, names, ["one", "two"])
    found = after[after["p_holm"] < 0.05]
    assert found[["model", "factor"]].to_numpy().tolist() == [["m5", "two"]]
    assert found["ratio"].item() > 1


def test_a_model_that_never_errs_has_no_peers():
    table = factors.against_peers(np.ones((2, 4)), [[1], [0], [1], [0]], ["a", "b"], ["one"])
    assert table[["ratio", "z", "p_value", "p_holm"]].isna().all(axis=None)
