import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.stats import betabinom, binom, chi2, chisquare

from ddd_utils.analysis import score_models
from ddd_utils.analysis.difficulty import shares
from ddd_utils.analysis.nulls import fleiss_kappa
from ddd_utils.errors import InputError

deterministic = settings(max_examples=30)
counts_of_any_kind = (
    st.integers(4, 12)
    .flatmap(lambda networks: st.lists(st.integers(0, 200), min_size=networks + 1, max_size=networks + 1))
    .filter(any)
)
FITS = [score_models.fit_binomial, score_models.fit_beta_binomial, score_models.fit_inflated_beta_binomial]


def expected_counts(alpha, beta, networks, images=1_000_000, never=0.0, always=0.0):
    share = (1 - never - always) * betabinom.pmf(np.arange(networks + 1), networks, alpha, beta)
    share[[0, -1]] += never, always
    return np.round(images * share).astype(int)


def drawn_counts(alpha, beta, networks, images, seed=0):
    rng = np.random.default_rng(seed)
    return np.bincount(rng.binomial(networks, rng.beta(alpha, beta, images)), minlength=networks + 1)


def test_the_binomial_has_the_mean_accuracy():
    counts = np.array([10, 20, 30, 40])
    model = score_models.fit_binomial(counts)
    assert model.parameters == {"accuracy": pytest.approx(2 / 3)} and model.images == 100
    np.testing.assert_allclose(model.probabilities, binom.pmf(range(4), 3, 2 / 3))
    assert model.log_likelihood == pytest.approx(counts @ binom.logpmf(range(4), 3, 2 / 3))


@pytest.mark.parametrize(("alpha", "beta", "networks"), [(0.75, 0.35, 11), (3, 8, 5), (0.05, 0.02, 30), (40, 2, 100)])
def test_the_beta_binomial_is_found_again(alpha, beta, networks):
    model = score_models.fit_beta_binomial(expected_counts(alpha, beta, networks))
    assert model.parameters == pytest.approx({"alpha": alpha, "beta": beta}, rel=2e-3)
    np.testing.assert_allclose(
        model.probabilities, betabinom.pmf(range(networks + 1), networks, *model.parameters.values()), rtol=1e-9
    )


def test_the_beta_binomial_is_the_maximum_that_scipy_finds():
    counts = drawn_counts(0.6, 0.9, 9, 500)

    def surprise(logs):
        return -counts @ betabinom.logpmf(range(10), 9, *np.exp(logs))

    found = minimize(surprise, [0, 0], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-9})
    model = score_models.fit_beta_binomial(counts)
    assert model.log_likelihood == pytest.approx(-found.fun, abs=1e-7)
    assert list(model.parameters.values()) == pytest.approx(np.exp(found.x), rel=1e-5)


@pytest.mark.parametrize(("never", "always"), [(0.05, 0.1), (0.05, 0), (0, 0.1), (0, 0)])
def test_point_masses_are_found_again_and_are_zero_where_there_are_none(never, always):
    counts = expected_counts(2, 1.5, 11, never=never, always=always)
    model = score_models.fit_inflated_beta_binomial(counts)
    assert model.parameters == pytest.approx(
        {"alpha": 2, "beta": 1.5, "never_right": never, "always_right": always}, rel=5e-3, abs=2e-5
    )
    assert model.probabilities.sum() == pytest.approx(1)


def test_a_mass_that_would_have_to_be_negative_is_exactly_zero():
    counts = expected_counts(0.8, 0.4, 11)
    counts[0] = counts[0] // 2  # fewer impossible images than any beta-binomial has beside these others
    assert score_models.fit_inflated_beta_binomial(counts).parameters["never_right"] == 0


@deterministic
@given(counts_of_any_kind)
def test_each_larger_model_fits_any_counts_at_least_as_well(counts):
    counts = np.array(counts)
    models = [fit(counts) for fit in FITS]
    saturated = counts[counts > 0] @ np.log(counts[counts > 0] / counts.sum())
    log_likelihoods = [model.log_likelihood for model in models]
    for smaller, larger in zip(log_likelihoods, [*log_likelihoods[1:], saturated], strict=True):
        assert larger >= smaller - 1e-3  # kappa stops just short of its ends, 0 and 1
    for model in models:
        assert model.probabilities.sum() == pytest.approx(1)
        assert all(np.isfinite(value) and value >= 0 for value in model.parameters.values())


@settings(deterministic, max_examples=10)
@given(counts_of_any_kind)
def test_the_inflated_fit_is_no_worse_than_a_general_optimiser_is(counts):
    counts = np.array(counts)
    networks = len(counts) - 1

    def surprise(point):
        alpha, beta, *masses = np.exp(point)
        weights = np.array([1, *masses]) / (1 + sum(masses))
        share = weights[0] * betabinom.pmf(range(networks + 1), networks, alpha, beta)
        share[[0, -1]] += weights[1:]
        return -counts @ np.log(np.maximum(share, 1e-300))

    start = [0, 0, -2, -2]
    found = minimize(surprise, start, method="L-BFGS-B", bounds=[(-8, 8), (-8, 8), (-20, 5), (-20, 5)])
    assert score_models.fit_inflated_beta_binomial(counts).log_likelihood >= -found.fun - 1e-3


def test_counts_without_any_doubt_are_fitted_too():
    for counts in ([0, 0, 0, 0, 0, 7], [3, 0, 0, 0, 0, 4], [0, 0, 9, 0, 0, 0]):
        for fit in FITS:
            model = fit(counts)
            assert np.isfinite(model.log_likelihood) and np.isfinite(model.probabilities).all()
    model = score_models.fit_beta_binomial([3, 0, 0, 0, 0, 4])
    assert score_models.null_kappa(model) == pytest.approx(1, abs=1e-6)
    assert model.probabilities[[0, -1]] == pytest.approx([3 / 7, 4 / 7], abs=1e-6)


def test_two_hundred_networks_do_not_underflow():
    counts = np.zeros(201, int)
    counts[[0, 199, 200]] = 5, 5, 990
    assert all(np.isfinite(fit(counts).log_likelihood) for fit in FITS)


@pytest.mark.parametrize("counts", [[1, 2], [[1, 2, 3]], [0, 0, 0], [1, -1, 3]])
@pytest.mark.parametrize("fit", FITS)
def test_what_is_not_counts_of_scores_is_refused(fit, counts):
    with pytest.raises(InputError, match="counts"):
        fit(counts)


def test_three_networks_cannot_tell_four_parameters():
    with pytest.raises(InputError, match="at least 4 networks, not 3"):
        score_models.fit_inflated_beta_binomial([1, 2, 3, 4])


def test_goodness_of_fit_is_pearsons():
    counts = drawn_counts(2, 1, 6, 2000)
    model = score_models.fit_beta_binomial(counts)
    fit = score_models.goodness_of_fit(model, counts)
    expected = chisquare(counts, 2000 * model.probabilities, ddof=2, sum_check=False)
    assert fit[:3] == pytest.approx((expected.statistic, 4, expected.pvalue))
    assert fit.misplaced == pytest.approx(abs(counts / 2000 - model.probabilities).sum() / 2)


def test_scores_of_which_few_images_are_expected_are_pooled():
    counts = np.array([2, 0, 5, 34, 50, 9, 0])
    fit = score_models.goodness_of_fit(score_models.fit_binomial(counts), counts)
    expected = 100 * binom.pmf(range(7), 6, counts @ np.arange(7) / 600)
    pools = [[0, 1, 2], [3], [4], [5, 6]]
    assert all(expected[pool].sum() >= 5 for pool in pools) and expected[:2].sum() < 5 > expected[6]
    statistic = sum((counts[pool].sum() - expected[pool].sum()) ** 2 / expected[pool].sum() for pool in pools)
    assert fit[:3] == pytest.approx((statistic, 2, chi2.sf(statistic, 2)))


def test_a_saturated_model_has_no_p_value():
    counts = [5, 6, 7, 8, 9]
    fit = score_models.goodness_of_fit(score_models.fit_inflated_beta_binomial(counts), counts)
    assert fit.degrees == 0 and np.isnan(fit.p_value)
    with pytest.raises(InputError, match="not those"):
        score_models.goodness_of_fit(score_models.fit_binomial(counts), [5, 6, 7, 8, 10])


def test_the_likelihood_ratio_on_the_boundary():
    counts = drawn_counts(1, 1, 8, 300)
    binomial, smooth, inflated = (fit(counts) for fit in FITS)
    ratio = score_models.likelihood_ratio(binomial, smooth)
    assert ratio.statistic == pytest.approx(2 * (smooth.log_likelihood - binomial.log_likelihood))
    assert ratio.p_value == pytest.approx(chi2.sf(ratio.statistic, 1) / 2)
    ratio = score_models.likelihood_ratio(smooth, inflated)
    assert ratio.statistic > 0
    assert ratio.p_value == pytest.approx(chi2.sf(ratio.statistic, 1) / 2 + chi2.sf(ratio.statistic, 2) / 4)
    for pair in [(smooth, binomial), (binomial, inflated), (smooth, smooth)]:
        with pytest.raises(InputError, match="next smaller"):
            score_models.likelihood_ratio(*pair)
    with pytest.raises(InputError, match="different counts"):
        score_models.likelihood_ratio(binomial, score_models.fit_beta_binomial(2 * counts))


def test_half_of_the_binomial_sets_leave_kappa_at_zero():
    rng = np.random.default_rng(1)
    p_values = []
    for counts in rng.multinomial(1000, binom.pmf(range(9), 8, 0.7), size=120):
        binomial, smooth = (fit(counts) for fit in FITS[:2])
        p_values.append(score_models.likelihood_ratio(binomial, smooth).p_value)
    p_values = np.array(p_values)
    assert (p_values > 0.99).mean() == pytest.approx(0.5, abs=0.12)
    assert (p_values < 0.2).mean() == pytest.approx(0.2, abs=0.08)


def test_intervals_have_the_width_that_the_curvature_gives_where_the_model_holds():
    counts = drawn_counts(2, 1, 10, 5000, seed=3)
    model = score_models.fit_beta_binomial(counts)

    def surprise(alpha, beta):
        return -counts @ betabinom.logpmf(range(11), 10, alpha, beta)

    a, b, h = *model.parameters.values(), 1e-3
    aa, bb = ((surprise(a + h * i, b + h * j) - 2 * surprise(a, b) + surprise(a - h * i, b - h * j)) / h**2
              for i, j in ((1, 0), (0, 1)))  # fmt: skip
    ab = (surprise(a + h, b + h) - surprise(a + h, b - h) - surprise(a - h, b + h) + surprise(a - h, b - h)) / 4 / h**2
    errors = np.sqrt(np.diagonal(np.linalg.inv([[aa, ab], [ab, bb]])))
    intervals = score_models.model_intervals(model, counts)
    for name, error in zip(model.parameters, errors, strict=True):
        lower, upper = intervals[name]
        assert lower < model.parameters[name] < upper
        assert upper - lower == pytest.approx(2 * 1.96 * error, rel=0.1)


def test_intervals_of_a_missing_mass_start_at_zero():
    counts = drawn_counts(2, 1, 10, 5000)
    model = score_models.fit_inflated_beta_binomial(counts)
    intervals = score_models.model_intervals(model, counts, draws=200)
    assert list(intervals) == [*model.parameters, "kappa", "kappa_in_between"]
    assert intervals["never_right"][0] == 0 and intervals["always_right"][0] == 0
    assert intervals == score_models.model_intervals(model, counts, draws=200)


@deterministic
@given(st.integers(2, 15), st.data())
def test_kappa_of_counts_is_that_of_the_scores(networks, data):
    scores = data.draw(st.lists(st.integers(0, networks), min_size=1, max_size=30))
    counts = score_models.score_counts(scores, networks)
    assert counts.sum() == len(scores)
    expected = fleiss_kappa(scores, networks)
    assert float(score_models.kappa_of_counts(counts)) == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("scores", [[0, 4], [-1, 2], [1.5], [[1, 2]]])
def test_scores_that_three_networks_cannot_have_are_refused(scores):
    with pytest.raises(InputError, match="number of networks, 3"):
        score_models.score_counts(scores, 3)


@pytest.mark.parametrize("networks", [2, 5, 30])
def test_exchangeable_networks_have_the_same_kappa_whatever_their_number(networks):
    model = score_models.fit_beta_binomial(expected_counts(0.9, 0.6, networks))
    alpha, beta = model.parameters.values()
    assert score_models.null_kappa(model) == pytest.approx(1 / (alpha + beta + 1), abs=1e-9)


def test_kappa_expected_in_between_is_that_of_a_large_sample():
    model = score_models.fit_beta_binomial(drawn_counts(0.8, 0.4, 11, 3000))
    rng = np.random.default_rng(0)
    scores = rng.binomial(11, rng.beta(*model.parameters.values(), 400_000))
    kept = scores[(scores > 1) & (scores < 10)]
    assert score_models.null_kappa(model, 1) == pytest.approx(fleiss_kappa(kept, 11), abs=0.004)
    with pytest.raises(InputError, match="in-between"):
        score_models.null_kappa(model, 5)


def test_fleiss_interval_is_that_of_resampled_images():
    rng = np.random.default_rng(0)
    scores = rng.binomial(7, rng.beta(1, 1, 800))
    resampled = [rng.choice(scores, 800) for _ in range(500)]
    for tolerance, low, high in ((None, 0, 7), (1, 2, 5)):
        kappa = [fleiss_kappa(drawn[(drawn >= low) & (drawn <= high)], 7) for drawn in resampled]
        expected = np.quantile(kappa, [0.025, 0.975])
        found = score_models.fleiss_interval(score_models.score_counts(scores, 7), tolerance)
        assert found == pytest.approx(expected, abs=0.15 * (expected[1] - expected[0]))


def test_the_models_stand_beside_what_was_observed():
    counts = drawn_counts(0.8, 0.4, 8, 4000)
    table = score_models.compare_models(counts, 1)
    smooth = score_models.fit_beta_binomial(counts)
    assert table.index.tolist() == ["observed", "binomial", "beta-binomial", "beta-binomial with point masses"]
    assert table.loc["observed", "kappa_in_between"] == pytest.approx(float(score_models.kappa_of_counts(counts, 1)))
    row = table.loc["beta-binomial"]
    assert row["alpha"] == smooth.parameters["alpha"] and row["alpha_lower"] < row["alpha"] < row["alpha_upper"]
    assert row["kappa"] == pytest.approx(1 / (row["alpha"] + row["beta"] + 1))
    assert row["kappa_in_between_lower"] < score_models.null_kappa(smooth, 1) < row["kappa_in_between_upper"]
    assert row["p_better"] < 1e-10 and row["p_fit"] > 0.001 and np.isnan(table.loc["binomial", "p_better"])


def test_three_networks_cannot_tell_point_masses_from_smooth_difficulty():
    assert score_models.compare_models([30, 20, 20, 30], 0).index[-1] == "beta-binomial"


def test_fleiss_interval_of_unanimous_networks_is_undefined():
    assert np.isnan(score_models.fleiss_interval([0, 0, 5])).all()


@pytest.mark.parametrize(("networks", "tolerance"), [(5, 0), (11, 1), (30, 1)])
def test_expected_shares_are_those_of_simulated_networks(networks, tolerance):
    rng = np.random.default_rng(0)
    correct = rng.random((networks, 100_000)) < rng.beta(0.75, 0.35, 100_000)
    expected = score_models.expected_shares(0.75, 0.35, networks, tolerance)
    assert sum(expected.values()) == pytest.approx(1)
    assert expected == pytest.approx(shares(correct, tolerance), abs=0.006)


def test_posterior_difficulty_predicts_one_more_network():
    rng = np.random.default_rng(0)
    accuracy = rng.beta(0.8, 0.5, 300_000)
    scores, next_wrong = rng.binomial(4, accuracy), rng.random(300_000) > accuracy
    for score in range(5):
        expected = score_models.posterior_difficulty([score], 0.8, 0.5, 4)[0]
        assert next_wrong[scores == score].mean() == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("shape", [(0, 1), (1, -1), (float("nan"), 1)])
def test_a_beta_distribution_needs_positive_parameters(shape):
    with pytest.raises(InputError, match="above 0"):
        score_models.posterior_difficulty([1], *shape, 2)
    with pytest.raises(InputError, match="above 0"):
        score_models.expected_shares(*shape, 4)


def test_expected_shares_in_a_table():
    table = score_models.expected_shares_table(0.4, 0.3, (5, 11), (0, 1))
    assert table[["M", "tolerance"]].to_numpy().tolist() == [[5, 0], [5, 1], [11, 0], [11, 1]]
    assert table.iloc[3, 2:].to_dict() == score_models.expected_shares(0.4, 0.3, 11, 1)
