import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from ddd_utils.analysis import consistency
from ddd_utils.analysis.consistency import conditions
from ddd_utils.analysis.statistics import percentile_interval
from ddd_utils.errors import InputError


def correlated(networks, images, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=images) + rng.normal(size=(networks, images)) < 0.5


@pytest.fixture
def networks():
    conditions = ["base", "initialisation", "initialisation", "half_data", "half_data", "combined"]
    return pd.DataFrame(
        {"network": [f"network {i}" for i in range(6)], "condition": conditions, "instance": [1, 1, 2, 1, 2, 1]}
    )


def test_every_network_is_compared_with_the_base_and_the_halves_with_each_other(networks):
    correct = correlated(6, 800)
    table = consistency.compare_with_base(correct, networks, draws=200).single
    assert list(table.columns) == ["condition", "instance", "network", "kappa", "lower", "upper"]
    kappa = consistency.pairwise_error_consistency(correct)
    np.testing.assert_array_equal(table["kappa"], [*kappa[0], kappa[3, 4]])
    assert table["condition"].tolist() == [*networks["condition"], "different_data"]
    assert table.loc[0, ["kappa", "lower", "upper"]].tolist() == [1, 1, 1]
    others = table[1:]
    assert (others["lower"] < others["kappa"]).all() and (others["kappa"] < others["upper"]).all()


def test_condition_means_say_what_their_interval_covers(networks):
    correct = correlated(6, 800)
    table = consistency.compare_with_base(correct, networks, draws=200).means.set_index("condition")
    kappa = consistency.pairwise_error_consistency(correct)
    assert table.loc["initialisation", "kappa"] == pytest.approx(kappa[0, 1:3].mean())
    assert table.loc["different_data", "kappa"] == kappa[3, 4]
    assert table["instances"].to_dict() == {
        "base": 1, "initialisation": 2, "half_data": 2, "combined": 1, "different_data": 1,
    }  # fmt: skip
    assert table.loc["combined", "note"] == "one network: image error only"
    assert table.loc["half_data", "note"] == "images and 2 networks"


def test_one_network_gets_the_same_interval_from_both_tables(networks):
    correct = correlated(6, 300)
    single = consistency.compare_with_base(correct, networks, draws=100).single.set_index("condition").loc["combined"]
    mean = consistency.compare_with_base(correct, networks, draws=100).means.set_index("condition").loc["combined"]
    assert (single["lower"], single["upper"]) == (mean["lower"], mean["upper"])


def test_a_condition_is_ranked_by_its_mean_kappa_with_the_base(networks):
    correct = correlated(6, 800)
    correct[5, 30:] = correct[0, 30:]  # the base with a few answers of its own
    kappa = consistency.pairwise_error_consistency(correct)[0]
    means = {"initialisation": kappa[1:3].mean(), "half_data": kappa[3:5].mean(), "combined": kappa[5]}
    order = sorted(means, key=means.get, reverse=True)
    assert order[0] == "combined"
    for place, condition in enumerate(order, 1):
        found = consistency.compare_with_base(correct, networks, draws=200).rank(condition)
        assert (found.value, found.of) == (place, 3)
        assert found.lower <= place <= found.upper
        resampled = consistency.bootstrap(correct, draws=200)[:, 0]
        drawn = np.column_stack([resampled[:, 1:3].mean(axis=1), resampled[:, 3:5].mean(axis=1), resampled[:, 5]])
        chosen = drawn[:, list(means).index(condition)]
        assert found.first == (chosen[:, None] >= drawn).all(axis=1).mean()


def no_image_error(correct):
    """Repeat the images so that classes can be made of equal ones, which leave nothing to resample."""
    return np.tile(correct, 2), np.tile(np.arange(correct.shape[1]), 2)


def test_networks_vary_with_a_t_distribution(networks):
    correct, labels = no_image_error(correlated(6, 200))
    table = consistency.compare_with_base(correct, networks, labels=labels, draws=50).means.set_index("condition")
    a, b = consistency.pairwise_error_consistency(correct)[0, 1:3]
    half = 12.7062047 * abs(a - b) / 2  # one degree of freedom
    limits = table.loc["initialisation", ["lower", "upper"]].astype(float)
    np.testing.assert_allclose(limits, np.clip([(a + b) / 2 - half, (a + b) / 2 + half], -1, 1))
    assert table.loc["combined", "lower"] == pytest.approx(table.loc["combined", "upper"])
    found = consistency.compare_with_base(correct, networks, labels=labels, draws=50).difference(
        "combined", "initialisation"
    )
    np.testing.assert_allclose([found.lower, found.upper], np.clip([found.value - half, found.value + half], -2, 2))


def test_networks_that_do_not_differ_add_nothing(networks):
    correct = correlated(6, 800)
    correct[2] = correct[1]
    table = consistency.compare_with_base(correct, networks, draws=400).means.set_index("condition")
    resampled = consistency.bootstrap(correct, draws=400)[:, 0, 1:3].mean(axis=1)
    lower, upper = table.loc["initialisation", ["lower", "upper"]]
    assert (upper - lower) / 2 == pytest.approx(1.96 * resampled.std(ddof=1), rel=1e-4)


@pytest.mark.parametrize("k", [2, 3, 5])
@pytest.mark.parametrize("between", [0, 0.03, 0.1, 0.2])
def test_interval_of_a_mean_covers_that_of_all_networks(k, between):
    # Kappas with an image error of .05, half of its variance common to all networks.
    rng = np.random.default_rng(k)
    sets, draws, error = 1000, 100, 0.05 / np.sqrt(2)

    def by_images(*shape):
        return error * (rng.normal(size=(*shape, 1)) + rng.normal(size=(*shape, k)))

    observed = 0.4 + between * rng.normal(size=(sets, k)) + by_images(sets)
    covered = 0
    for kappas in observed:
        resampled = kappas + by_images(draws)
        v_img = conditions._image_variance(resampled.mean(axis=1))
        v_net = conditions._network_variance(kappas, resampled)
        lower, upper = conditions._t_interval(kappas.mean(), v_img, v_net, k)
        covered += lower <= 0.4 <= upper
    assert 0.9 <= covered / sets <= 0.99


def test_interval_covers_the_mean_of_networks_drawn_with_new_images():
    # Latent normal variables with correlation r, split at 0: the mean of asin(r) is known, and kappa is 2 asin(r) / pi.
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"network": range(4), "condition": ["base", *["many"] * 3], "instance": [1, 1, 2, 3]})
    covered = 0
    for _ in range(200):
        r = np.sin(np.pi / 2 * rng.normal(0.4, 0.1, size=(3, 1)))
        base, common = rng.normal(size=(2, 200))
        others = r * base + np.sqrt(1 - r**2) * (common + rng.normal(size=(3, 200))) / np.sqrt(2)
        mean = consistency.compare_with_base(np.vstack([base, others]) > 0, table, draws=50).means.iloc[1]
        covered += mean["lower"] <= 0.4 <= mean["upper"]
    assert 0.9 <= covered / 200 <= 0.99


def test_interval_adds_the_squares_of_its_parts():
    np.testing.assert_allclose(conditions._t_interval(0.1, 4e-4, 0, 1), 0.1 + 1.959964 * 0.02 * np.array([-1, 1]))
    half = np.sqrt(1.959964**2 * 4e-4 + 4.3026527**2 * 1e-4 + 2.7764451**2 * 2e-4)
    np.testing.assert_allclose(conditions._t_interval(0, 4e-4, [1e-4, 2e-4], [3, 5]), [-half, half])
    np.testing.assert_array_equal(conditions._t_interval(0.5, 1, 1, 2), [-1, 1])
    assert np.isnan(conditions._t_interval(np.nan, np.nan, 0, 2)).all()


def test_an_undefined_kappa_leaves_the_mean_undefined(networks):
    correct = correlated(6, 100)
    correct[[3, 4]] = True
    table = consistency.compare_with_base(correct, networks, draws=20).means.set_index("condition")
    assert table.loc["different_data", ["kappa", "lower", "upper"]].isna().all()
    assert table.loc["half_data", ["kappa", "lower", "upper"]].tolist() == [0, 0, 0]


def test_a_difference_of_conditions_draws_the_same_images_for_both(networks):
    correct = correlated(6, 800)
    found = consistency.compare_with_base(correct, networks, draws=400).difference("combined", "initialisation")
    kappa = consistency.pairwise_error_consistency(correct)
    assert found.value == pytest.approx(kappa[0, 5] - kappa[0, 1:3].mean())
    assert found.note == "one network: image error only; images and 2 networks"
    resampled = consistency.bootstrap(correct, draws=400)
    images_only = percentile_interval(resampled[:, 0, 5] - resampled[:, 0, 1:3].mean(axis=1))
    assert found.lower < images_only[0] < found.value < images_only[1] < found.upper
    same = consistency.compare_with_base(correct, networks, draws=20).difference("combined", "combined")
    assert same[:3] == (0, 0, 0)
    missing = consistency.compare_with_base(correct, networks, draws=20).difference("combine", "base")
    assert np.isnan(missing[:3]).all()
    assert missing.note == "there is no network of condition 'combine' (did you mean 'combined'?)"


def test_conditions_need_a_base_and_a_row_for_each_network(networks):
    with pytest.raises(InputError, match="base"):
        consistency.compare_with_base(correlated(5, 20), networks[1:])
    with pytest.raises(InputError, match="6 networks"):
        consistency.compare_with_base(correlated(5, 20), networks)


def test_condition_matrix_averages_over_pairs_of_instances(networks):
    correct = correlated(6, 300)
    kappa = consistency.pairwise_error_consistency(correct)
    found = consistency.condition_matrix(correct, networks)
    assert found.labels == ["base", "initialisation", "half_data", "combined"]
    np.testing.assert_allclose(np.diagonal(found.kappa), [1, kappa[1, 2], kappa[3, 4], 1])
    assert found.kappa[1, 2] == pytest.approx(kappa[1:3, 3:5].mean())
    for matrix in (found.kappa, found.lower, found.upper):
        np.testing.assert_array_equal(matrix, matrix.T)


def test_condition_matrix_has_the_intervals_of_resampled_images(networks):
    correct = correlated(6, 1500)
    found = consistency.condition_matrix(correct, networks)
    draws = consistency.bootstrap(correct, draws=2000)
    resampled = np.stack([draws[:, 0, 1:3].mean(axis=1), draws[:, 1:3, 3:5].mean(axis=(1, 2)), draws[:, 3, 4]])
    cells = [0, 1, 2], [1, 2, 2]
    half_widths = (found.upper - found.lower)[cells] / 2
    np.testing.assert_allclose(half_widths, 1.96 * resampled.std(axis=1), rtol=0.06)
    np.testing.assert_allclose((found.upper + found.lower)[cells] / 2, found.kappa[cells])


def test_networks_that_are_alone_have_the_intervals_of_pairs(networks):
    correct = correlated(6, 300)
    found = consistency.condition_matrix(correct, networks)
    for cell, pair in {(0, 3): (0, 5), (3, 0): (0, 5)}.items():
        one = consistency.interval(correct, [pair])
        assert [matrix[cell] for matrix in (found.kappa, found.lower, found.upper)] == pytest.approx(
            [one.value, one.lower, one.upper], rel=1e-12
        )


def test_a_condition_with_one_network_has_no_interval_with_itself(networks):
    found = consistency.condition_matrix(correlated(6, 100), networks)
    alone = np.array([True, False, False, True])
    np.testing.assert_array_equal(np.isnan(np.diagonal(found.lower)), alone)
    np.testing.assert_array_equal(np.isnan(np.diagonal(found.upper)), alone)
    assert np.isfinite(found.lower[0, 1:]).all()


def test_pairwise_matrix_gives_every_pair_its_own_interval():
    correct = correlated(4, 200)
    found = consistency.pairwise_matrix(correct, ["a", "b", "c", "d"])
    assert found.labels == ["a", "b", "c", "d"]
    for i, j in [(0, 1), (3, 2)]:
        alone = consistency.interval(correct, [(i, j)])
        cell = found.kappa[i, j], found.lower[i, j], found.upper[i, j]
        assert cell == pytest.approx((alone.value, alone.lower, alone.upper))
    assert (np.diagonal(found.lower) == 1).all() and (np.diagonal(found.upper) == 1).all()


def test_pairwise_intervals_stay_within_the_values_of_kappa():
    almost = np.arange(80) % 2 == 0
    found = consistency.pairwise_matrix([almost, almost ^ (np.arange(80) == 3), ~almost ^ (np.arange(80) == 4)], "abc")
    assert found.upper[0, 1] == 1 and found.lower[0, 2] == -1
    with pytest.raises(InputError, match="2 labels for 3 networks"):
        consistency.pairwise_matrix(correlated(3, 9), ["a", "b"])


def test_a_comparison_with_the_base_names_its_gap_and_leaves_the_base_out(networks):
    networks = networks.assign(condition=["base", "architecture", "architecture", "half_data", "half_data", "combined"])
    correct = correlated(6, 200)
    found = consistency.compare_with_base(correct, networks)
    assert found.gap.note == "there is no network of condition 'cuda_nondeterministic'"
    assert found.changed["condition"].tolist() == ["architecture", "half_data", "combined", "different_data"]


def test_accuracies_of_conditions_count_images_not_answers():
    right = np.random.default_rng(0).random((1, 400)) < 0.7
    networks = pd.DataFrame({"condition": ["base", "data_order", "data_order"], "instance": [1, 1, 2]})
    table = consistency.condition_accuracies(np.vstack([right, right, right]), networks)
    assert table["accuracy"].tolist() == [right.mean()] * 2
    for _, row in table.iterrows():  # two copies of a network know no more than one
        low, high = binomtest(int(right.sum()), 400).proportion_ci(method="wilson")
        assert (row["lower"], row["upper"]) == pytest.approx((low, high))
