"""Margins, calibration and CAPA: against SciPy, scikit-learn, lm-sim and plain loops; the null, where it is true."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, softmax
from scipy.stats import pearsonr
from sklearn.metrics import brier_score_loss

from ddd_utils.analysis import margins, nulls
from ddd_utils.analysis.nulls.rasch import expected_tables, stratified_abilities, tables_by_score
from ddd_utils.experiments import published, published_models

RNG = np.random.default_rng(0)
MODELS, IMAGES, CLASSES = 6, 1200, 5
NAMES = [f"m{row}" for row in range(MODELS)]
LABELS = RNG.integers(0, CLASSES, IMAGES)
EASE = RNG.normal(1, 1.5, IMAGES)


def shares(seed=1):
    """Probabilities of all classes, (models, images, classes): images are as easy for one model as for the next."""
    outputs = np.random.default_rng(seed).normal(size=(MODELS, IMAGES, CLASSES))
    outputs[:, np.arange(IMAGES), LABELS] += EASE
    return softmax(outputs, axis=2)


SHARES = shares()
ORDERED = np.sort(SHARES, axis=2)
CORRECT = SHARES.argmax(axis=2) == LABELS
KNOWN = {
    "probability": ORDERED[..., -1],
    "margin": ORDERED[..., -1] - ORDERED[..., -2],
    "probability_label": SHARES[:, np.arange(IMAGES), LABELS],
}
SURE = margins.decision_margins(CORRECT, **KNOWN)


def test_the_margin_is_the_true_class_less_the_best_of_the_others():
    others = SHARES.copy()
    others[:, np.arange(IMAGES), LABELS] = -1
    np.testing.assert_allclose(SURE.values, KNOWN["probability_label"] - others.max(axis=2), atol=1e-12)
    assert SURE.exact and SURE.models.tolist() == list(range(MODELS))
    assert ((SURE.values > 0) == CORRECT).all()


def test_the_answers_probability_stands_in_where_more_is_not_known_of_all():
    gap = KNOWN["margin"].copy()
    gap[3, 5] = np.nan
    for more in ({}, {"margin": KNOWN["margin"]}, {"margin": gap, "probability_label": KNOWN["probability_label"]}):
        found = margins.decision_margins(CORRECT, KNOWN["probability"], **more)
        assert not found.exact or more.keys() == KNOWN.keys()
    found = margins.decision_margins(CORRECT, KNOWN["probability"])
    np.testing.assert_array_equal(found.values, np.where(CORRECT, 1, -1) * KNOWN["probability"])


def test_a_model_with_an_unknown_probability_is_left_out_and_nobody_may_be_left():
    probability = KNOWN["probability"].copy()
    probability[[0, 4], [7, 8]] = np.nan
    assert margins.decision_margins(CORRECT, probability).models.tolist() == [1, 2, 3, 5]
    assert len(margins.decision_margins(CORRECT).models) == 0


def test_correlations_are_scipys_and_their_intervals_the_jackknifes():
    some = margins.decision_margins(CORRECT, np.where(np.arange(MODELS)[:, None] == 2, np.nan, KNOWN["probability"]))
    table = margins.margin_consistency(CORRECT, some, NAMES, groups=20)
    assert len(table) == 10 and "m2" not in {*table["one"], *table["other"]}
    for _, row in table.iterrows():
        one, other = (some.values[[NAMES[m] for m in some.models].index(row[which])] for which in ("one", "other"))
        found = pearsonr(one, other)
        limits = found.confidence_interval(0.95)
        assert row["correlation"] == pytest.approx(found.statistic, abs=1e-12)
        width = (row["correlation_upper"] - row["correlation_lower"]) / (limits.high - limits.low)
        assert 0.5 < width < 2  # those of a normal pair of the same correlation
        assert row["excess"] == pytest.approx(row["correlation"] - row["expected"])


def test_the_jackknife_is_a_plain_loop():
    table = margins.margin_consistency(CORRECT, SURE, NAMES, groups=12, seed=3)
    group = np.random.default_rng(3).permutation(IMAGES) % 12
    without = []
    for g in range(12):
        kept = group != g
        part = margins.decision_margins(CORRECT[:, kept], **{name: each[:, kept] for name, each in KNOWN.items()})
        alone = margins.margin_consistency(CORRECT[:, kept], part, NAMES, groups=2)
        without.append(alone[["correlation", "excess"]].to_numpy())
    error = np.sqrt(11 * np.var(without, axis=0))
    half = (
        table[["correlation_upper", "excess_upper"]].to_numpy() - table[["correlation", "excess"]].to_numpy()
    ) / 2.201
    np.testing.assert_allclose(half, error, rtol=2e-3)


def test_of_bare_decisions_the_expectation_is_the_kappa_nulls():
    certain = margins.decision_margins(CORRECT, np.ones(CORRECT.shape))  # +1 where right, -1 where wrong
    table = margins.margin_consistency(CORRECT, certain, NAMES, groups=2)
    tables = tables_by_score(CORRECT)
    both = expected_tables(stratified_abilities(tables), tables.images).both[0].sum(axis=0) / IMAGES
    p = np.diagonal(both)
    phi = (both - np.outer(p, p)) / np.sqrt(np.outer(p * (1 - p), p * (1 - p)))
    i, j = np.triu_indices(MODELS, 1)
    np.testing.assert_allclose(table["expected"], phi[i, j], atol=1e-9)
    kappa = nulls.score_stratified_kappa(CORRECT, groups=2)
    assert np.corrcoef(table["excess"], kappa.excess.value[i, j])[0, 1] > 0.999


def excesses(shared=0.0, ease_shows=0.0):
    """Excesses (draws, pairs) with their limits: the first two models share how sure they are, or ease shows in all."""
    rng, found = np.random.default_rng(2), []
    for _ in range(10):
        ease, noise = rng.normal(2.5, 1, 4000), rng.normal(size=(8, 4000))
        noise[1] = shared * noise[0] + np.sqrt(1 - shared**2) * noise[1]
        correct = rng.random((8, 4000)) < expit(ease)
        sure = margins.decision_margins(correct, expit(2 * noise + ease_shows * (ease - 2.5)))
        table = margins.margin_consistency(correct, sure, [*"abcdefgh"], groups=10)
        found.append(table[["excess", "excess_lower", "excess_upper"]].to_numpy())
    return np.moveaxis(found, 2, 0)


@pytest.mark.parametrize("shared", [0, 0.9])
def test_an_excess_is_found_where_two_models_are_sure_of_the_same_images_and_only_there(shared):
    excess, lower, upper = excesses(shared)
    assert (excess[:, 0].mean() > 0.1) == (shared > 0)
    rest = slice(1, None) if shared else slice(None)
    assert abs(excess[:, rest].mean()) < 0.005
    assert ((lower < 0) & (upper > 0))[:, rest].mean() > 0.9


def test_images_of_one_score_still_differ_in_ease_which_raises_the_excess_of_every_pair():
    excess = excesses(ease_shows=1)[0].mean(axis=0)
    assert excess.min() > 0.02 and np.ptp(excess) < 0.03


def test_too_few_models_have_no_expectation_and_a_constant_margin_no_correlation():
    few = margins.decision_margins(CORRECT[:3], KNOWN["probability"][:3])
    table = margins.margin_consistency(CORRECT[:3], few, NAMES[:3])
    assert table["expected"].isna().all() and table["excess"].isna().all() and table["correlation"].notna().all()
    flat = margins.decision_margins(np.ones((4, 50), bool), np.full((4, 50), 0.75))
    assert margins.margin_consistency(np.ones((4, 50), bool), flat, NAMES)["correlation"].isna().all()


def test_the_surer_decides_and_a_tie_is_half_of_each():
    correct = np.array([[1, 0, 1, 0], [0, 1, 0, 1]], bool)
    sure = margins.decision_margins(correct, np.array([[0.9, 0.9, 0.5, 0.1], [0.1, 0.1, 0.5, 0.2]]))
    assert margins.margin_consistency(correct, sure, ["a", "b"], groups=2)["surer_right"].tolist() == [2.5 / 4]


def test_brier_scores_are_scikit_learns_and_overconfidence_the_difference_of_means():
    table = margins.calibration(CORRECT, SURE, NAMES)
    for row, (right, probability) in enumerate(zip(CORRECT, KNOWN["probability"], strict=True)):
        assert table["brier"][row] == pytest.approx(brier_score_loss(right, probability))
        assert table["overconfidence"][row] == pytest.approx(probability.mean() - right.mean())
        half = 1.96 * (probability - right).std(ddof=1) / np.sqrt(IMAGES)
        assert table["overconfidence_upper"][row] - table["overconfidence"][row] == pytest.approx(half)


@pytest.mark.parametrize(("images", "bins"), [(1, 1), (59, 1), (60, 2), (449, 14), (1200, 15)])
def test_bins_have_thirty_images_at_least(images, bins):
    sure = margins.decision_margins(CORRECT[:1, :images], KNOWN["probability"][:1, :images])
    rows = margins.reliability(CORRECT[:1, :images], sure, NAMES)
    assert len(rows) == bins and rows["images"].sum() == images and np.ptp(rows["images"]) <= 1


def in_bins(probability, right, bins):
    """Return the share of images, the distance and its squared standard error of each bin."""
    order = np.argsort(probability, kind="stable")
    for inside in np.array_split(order, bins):
        apart = [float(probability[image]) - bool(right[image]) for image in inside]
        mean = sum(apart) / len(apart)
        variance = sum((each - mean) ** 2 for each in apart) / (len(apart) - 1)
        yield len(inside) / len(order), mean, variance / len(apart)


@settings(max_examples=20)
@given(st.integers(1, 20), st.floats(0.3, 3))
def test_the_calibration_error_is_a_plain_loops(bins, temperature):
    probability = KNOWN["probability"][:1] ** temperature
    sure = margins.decision_margins(CORRECT[:1], probability)
    found = margins.calibration(CORRECT[:1], sure, NAMES, bins).iloc[0]
    square = sum(share * (mean**2 - error) for share, mean, error in in_bins(probability[0], CORRECT[0], bins))
    assert found["calibration_error"] == pytest.approx(max(square, 0) ** 0.5)
    assert found["calibration_error_lower"] <= found["calibration_error"] <= found["calibration_error_upper"]
    rows = margins.reliability(CORRECT[:1], sure, NAMES, bins)
    distances = [abs(mean) for _, mean, _ in in_bins(probability[0], CORRECT[0], bins)]
    np.testing.assert_allclose((rows["probability"] - rows["right"]).abs(), distances)


@pytest.mark.parametrize("too_sure", [0.0, 0.08])
def test_the_calibration_error_is_right_on_average_and_its_interval_covers_the_truth(too_sure):
    rng, squares, biased, covered = np.random.default_rng(5), [], [], []
    for _ in range(200):
        probability = rng.uniform(0.3, 0.9, 600)
        right = rng.random(600) < probability - too_sure
        row = margins.calibration(right[None], margins.decision_margins(right[None], probability[None]), ["a"]).iloc[0]
        squares.append(sum(share * (mean**2 - error) for share, mean, error in in_bins(probability, right, 15)))
        biased.append(sum(share * mean**2 for share, mean, error in in_bins(probability, right, 15)))
        covered.append(row["calibration_error_lower"] <= too_sure <= row["calibration_error_upper"])
    assert np.mean(squares) == pytest.approx(too_sure**2, abs=4 * np.std(squares) / np.sqrt(200))
    assert np.mean(biased) - too_sure**2 > 8 * np.std(squares) / np.sqrt(200)
    assert np.mean(covered) > 0.9


A = [[0.7, 0.2, 0.1], [0.1, 0.6, 0.3], [0.3, 0.3, 0.4], [0.5, 0.25, 0.25], [0.05, 0.9, 0.05], [0.2, 0.2, 0.6]]
B = [[0.6, 0.3, 0.1], [0.2, 0.3, 0.5], [0.1, 0.2, 0.7], [0.3, 0.4, 0.3], [0.1, 0.8, 0.1], [0.6, 0.3, 0.1]]
C = [[0.1, 0.8, 0.1], [0.1, 0.7, 0.2], [0.2, 0.2, 0.6], [0.9, 0.05, 0.05], [0.3, 0.4, 0.3], [0.25, 0.25, 0.5]]
TRUE = [0, 1, 2, 1, 1, 0]


def test_capa_is_that_of_lm_sim():
    """The values are those of lm-sim 0.1.1, `CAPA(prob=True)` and `CAPA(prob=False)` of one-hot answers."""
    full, discrete = margins.capa([A, B, C], TRUE, 3), margins.capa(np.argmax([A, B, C], axis=2), TRUE, 3)
    i, j = [0, 0, 1, 0], [1, 2, 2, 0]
    np.testing.assert_allclose(
        full[i, j], [0.03785271851342056, 0.0827304183705568, 0.011349306431273737, 0.1864406779661016]
    )
    np.testing.assert_allclose(discrete[i, j], [-0.2, 0.7142857142857144, -0.2307692307692309, 1], atol=1e-12)


def test_pairs_are_averaged_by_the_softmax_of_their_activations():
    activations = {name: np.log(values[:50]) + 7 for name, values in zip(NAMES, SHARES, strict=True)}
    table = margins.averaged_pairs(activations, LABELS[:50])
    both, shares = margins.capa(SHARES[:, :50], LABELS[:50], CLASSES), dict(zip(NAMES, SHARES[:, :50], strict=True))
    assert len(table) == len(NAMES) * (len(NAMES) - 1) / 2 and table["average"].is_monotonic_decreasing
    for row in table.itertuples():
        one, other = shares[row.one], shares[row.other]
        right = [np.mean(each.argmax(axis=1) == LABELS[:50]) for each in (one + other, one, other)]
        assert (row.average, row.better) == pytest.approx((right[0], max(right[1:])))
        assert pytest.approx(both[NAMES.index(row.one), NAMES.index(row.other)]) == row.CAPA


def test_capa_of_certain_models_is_the_discrete_one_and_of_unrecorded_answers_none():
    answers = SHARES.argmax(axis=2)
    found = margins.capa(answers, LABELS, CLASSES)
    np.testing.assert_allclose(found, margins.capa(np.eye(CLASSES)[answers], LABELS, CLASSES), atol=1e-12)
    answers[0, 0] = -1
    again = margins.capa(answers, LABELS, CLASSES)
    assert np.isnan(again[0]).all() and np.array_equal(again[1:, 1:], found[1:, 1:])


DATA = Path(os.environ.get("DDD_DATA", "/none"))


@pytest.mark.skipif(not (DATA / "imagenetx").is_dir(), reason="DDD_DATA names no folder with imagenetx/")
def test_the_published_probabilities_give_the_figures_of_the_report():
    local = [model.name for model in published_models.known_models().values() if (DATA / model.file).is_file()]
    answers = published.imagenet_responses(local)
    correct, names = answers.correct(), answers.networks["network"].tolist()
    sure = margins.decision_margins(correct, **answers.certainty)
    calibrated = margins.calibration(correct, sure, names).set_index("model")
    assert calibrated.loc[["SimCLR", "ViT"], "overconfidence"].tolist() == pytest.approx([0.046, -0.002], abs=5e-4)
    assert calibrated.loc[["SimCLR", "ViT"], "brier"].tolist() == pytest.approx([0.1476, 0.1150], abs=5e-5)
    if len(names) == 41:  # the score is that of all models
        row = margins.margin_consistency(correct, sure, names, groups=2).iloc[0]
        assert row[["correlation", "expected", "surer_right"]].tolist() == pytest.approx(
            [0.6013, 0.5903, 0.7806], abs=5e-5
        )
