import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ddd_utils.analysis import difficulty
from ddd_utils.analysis.statistics import wilson
from ddd_utils.errors import InputError

# Scores 0 to 4 of four networks.
STAIRS = np.array([[0, 0, 0, 0, 1], [0, 0, 0, 1, 1], [0, 0, 1, 1, 1], [0, 1, 1, 1, 1]], bool)
decisions = arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 40)))


def test_scores_count_the_networks_that_are_right():
    assert difficulty.scores(STAIRS).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("tolerance", "expected"),
    [
        (0, ["impossible", "in-between", "in-between", "in-between", "trivial"]),
        (1, ["impossible", "impossible", "in-between", "trivial", "trivial"]),
    ],
)
def test_classes_at_each_tolerance(tolerance, expected):
    assert difficulty.classify(STAIRS, tolerance).tolist() == expected


@pytest.mark.parametrize("tolerance", [-1, 2, 4])
def test_a_tolerance_under_which_an_image_is_both_is_refused(tolerance):
    with pytest.raises(InputError, match=f"tolerance {tolerance} does not fit 4 networks"):
        difficulty.classify(STAIRS, tolerance)


@given(decisions)
def test_shares_partition_the_images(correct):
    shares = difficulty.shares(correct)
    assert list(shares) == ["trivial", "in-between", "impossible"]
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["trivial"] == pytest.approx(correct.all(axis=0).mean())
    assert shares["impossible"] == pytest.approx((~correct).all(axis=0).mean())


def test_share_intervals_have_the_width_of_a_binomial_share():
    rng = np.random.default_rng(0)
    correct = rng.normal(size=2000) * 2 + rng.normal(size=(5, 2000)) > 0
    shares = difficulty.shares(correct)
    for kind, (lower, upper) in difficulty.share_intervals(correct).items():
        share = shares[kind]
        assert lower < share < upper
        assert upper - lower == pytest.approx(2 * 1.96 * np.sqrt(share * (1 - share) / 2000), rel=0.06)


def test_a_share_of_none_may_still_be_above_none():
    lower, upper = difficulty.share_intervals(np.ones((3, 10), bool))["impossible"]
    assert lower == 0 and 0.2 < upper < 0.3


def test_beyond_the_largest_tolerance_no_image_can_be_in_between():
    for networks in range(2, 12):
        tolerance = difficulty.largest_tolerance(networks)
        half = np.arange(networks)[:, None] < networks // 2
        assert difficulty.shares(half, tolerance)["in-between"] == 1
        decided = np.arange(networks)[:, None] < np.arange(networks + 1)
        if networks > 2 * (tolerance + 1):
            assert difficulty.shares(decided, tolerance + 1)["in-between"] == 0


@given(decisions)
def test_the_histogram_and_its_extremes_have_the_networks_accuracy(correct):
    table = difficulty.score_histogram(correct)
    assert table["score"].tolist() == list(range(len(correct) + 1))
    assert table["images"].sum() == correct.shape[1]
    for column in ("share", "binomial", "two_spikes"):
        assert table[column].sum() == pytest.approx(1)
        assert table["score"] @ table[column] / len(correct) == pytest.approx(correct.mean())


def test_the_histogram_of_known_decisions():
    table = difficulty.score_histogram(STAIRS)
    assert table["images"].tolist() == [1, 1, 1, 1, 1]
    np.testing.assert_allclose(table["binomial"], np.array([1, 4, 6, 4, 1]) / 16)
    assert table["two_spikes"].tolist() == [0.5, 0, 0, 0, 0.5]


def full_design():
    """Return the table of the paper's 30 networks a data set."""
    instances = {
        "base": 1, "plus_1_epoch": 1, "plus_10_epochs": 1, "optimizer": 1, "batch_size": 1, "initialisation": 5,
        "learning_rate": 5, "cuda_nondeterministic": 5, "data_order": 5, "architecture": 1, "half_data": 2,
        "combined": 5,
    }  # fmt: skip
    rows = [(condition, instance) for condition, count in instances.items() for instance in range(1, count + 1)]
    return pd.DataFrame(rows, columns=["condition", "instance"])


def test_one_network_per_condition_of_the_full_design():
    design = full_design()
    chosen = difficulty.one_per_condition(design)
    expected = [
        ("base", 1), ("plus_1_epoch", 1), ("plus_10_epochs", 1), ("optimizer", 1), ("batch_size", 1),
        ("initialisation", 5), ("learning_rate", 5), ("cuda_nondeterministic", 5), ("data_order", 5),
        ("architecture", 1), ("half_data", 1), ("half_data", 2), ("combined", 5),
    ]  # fmt: skip
    assert list(design.iloc[chosen].itertuples(index=False, name=None)) == expected


def test_the_published_choice_holds_ten_networks_thirteen_times():
    design = full_design()
    published = difficulty.as_published(design)
    names = [f"{row.condition} {row.instance}" for row in design.iloc[published].itertuples()]
    assert len(names) == 13 and len(set(names)) == 10
    assert names.count("base 1") == 3 and names.count("half_data 2") == 2 and "half_data 1" not in names


def test_missing_conditions_are_left_out():
    part = (
        full_design()
        .query("condition in ['initialisation', 'data_order', 'plus_1_epoch']")
        .sample(frac=1, random_state=0)
    )
    chosen = part.iloc[difficulty.one_per_condition(part)]
    assert sorted(zip(chosen["condition"], chosen["instance"], strict=True)) == [
        ("data_order", 5), ("initialisation", 5), ("plus_1_epoch", 1),
    ]  # fmt: skip
    np.testing.assert_array_equal(difficulty.as_published(part), difficulty.one_per_condition(part))


def test_a_model_set_enters_whole():
    models = pd.DataFrame({"condition": ["a", "b", "c"], "instance": 1})
    assert difficulty.one_per_condition(models).tolist() == [0, 1, 2]


def test_class_accuracy_is_the_mean_over_images_and_networks():
    table = difficulty.class_accuracy([[1, 0, 1], [1, 1, 0]], [7, 3, 3])
    assert table[["label", "accuracy", "images"]].to_numpy().tolist() == [[3, 0.5, 2], [7, 1, 1]]
    assert table[["lower", "upper"]].to_numpy().tolist() == np.transpose(wilson([1, 1], [2, 1])).tolist()
    named = difficulty.class_accuracy([[1, 0, 1]], [2, 0, 0], ["cat", "dog", "fox"])
    assert named["name"].tolist() == ["cat", "fox"]
    with pytest.raises(InputError, match="label"):
        difficulty.class_accuracy([[1, 0, 1]], [7, 3])


def test_the_easiest_and_the_hardest_class_are_known_to_be_chosen():
    labels, rng = np.repeat(np.arange(20), 50), np.random.default_rng(0)
    covered = []
    for _ in range(60):  # all classes are equally hard
        correct = rng.random((1, 1000)) < 0.8
        found = difficulty.class_extremes(correct, labels)
        best = difficulty.class_accuracy(correct, labels).max()
        covered.append([found[end].lower < 0.8 < found[end].upper for end in found] + [best["lower"] < 0.8])
        assert found["easiest"].value == best["accuracy"]
    easiest, hardest, as_if_not_chosen = np.mean(covered, axis=0)
    assert min(easiest, hardest) > 0.93 and as_if_not_chosen < 0.85


def test_the_table_of_shares_is_what_the_functions_say_and_leaves_out_what_cannot_be():
    rng = np.random.default_rng(1)
    sets = {"seven": rng.random((7, 50)) < 0.5, "three": np.repeat(rng.random((1, 50)) < 0.5, 3, axis=0)}
    table = difficulty.shares_table(sets, [1, 0, 1])
    rows = table[["networks", "M", "distinct", "tolerance"]].to_numpy().tolist()
    assert rows == [["seven", 7, 7, 0], ["seven", 7, 7, 1], ["three", 3, 1, 0]]
    for row in table.to_dict("records"):
        limits = difficulty.share_intervals(sets[row["networks"]], row["tolerance"])
        for kind, share in difficulty.shares(sets[row["networks"]], row["tolerance"]).items():
            assert (row[kind], row[f"{kind}_lower"], row[f"{kind}_upper"]) == (share, *limits[kind])


@pytest.mark.parametrize(("networks", "fitting"), [(2, 0), (3, 0), (4, 1), (5, 1), (6, 2), (11, 2)])
def test_a_tolerance_is_lowered_until_an_image_can_be_in_between(networks, fitting):
    assert difficulty.fitting_tolerance(2, networks) == fitting
    half = np.arange(networks)[:, None] < [networks // 2]
    assert difficulty.classify(half, fitting) == ["in-between"]


def test_zeros_and_ones_are_decisions():
    np.testing.assert_array_equal(difficulty.as_correct([[0, 1], [1, 1]]), [[False, True], [True, True]])


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.ones(5, bool), "networks, images"),
        (np.ones((3, 0), bool), "networks, images"),
        ([[0, 2]], "predictions"),
        ([[0.5, 1]], "probabilities"),
    ],
)
def test_what_is_not_decisions_is_refused(bad, message):
    with pytest.raises(InputError, match=message):
        difficulty.as_correct(bad)


def test_accuracy_by_groups_of_images_has_known_answers():
    groups = pd.DataFrame(
        {"corruption": ["fog", "fog", "fog", "snow", "snow"], "severity": [1, 1, 2, 2, 2]}, range(5, 10)
    )
    found = difficulty.accuracy_by(STAIRS[[0, 3]], ["low", "high"], groups)
    assert found.drop(columns=["lower", "upper"]).to_numpy().tolist() == [
        ["fog", 1, "low", 0, 2, 0.0],
        ["fog", 1, "high", 1, 2, 0.5],
        ["fog", 2, "low", 0, 1, 0.0],
        ["fog", 2, "high", 1, 1, 1.0],
        ["snow", 2, "low", 1, 2, 0.5],
        ["snow", 2, "high", 2, 2, 1.0],
    ]
    means = difficulty.mean_accuracy_by(found, groups)
    assert means[["corruption", "severity", "accuracy"]].to_numpy().tolist() == [
        ["fog", 1, 0.25],
        ["fog", 2, 0.5],
        ["snow", 2, 0.75],
    ]
    np.testing.assert_allclose(means[["lower", "upper"]].T, wilson([0.5, 0.5, 1.5], [2, 1, 2]))


@given(decisions, st.data())
def test_groups_of_images_lose_none_and_intervals_are_wilsons(correct, data):
    kinds = data.draw(st.lists(st.sampled_from("abc"), min_size=correct.shape[1], max_size=correct.shape[1]))
    names = [f"model {number}" for number in range(len(correct))]
    found = difficulty.accuracy_by(correct, names, pd.DataFrame({"kind": kinds}))
    totals = found.groupby("network", sort=False)[["right", "images"]].sum()
    assert totals["right"].loc[names].tolist() == correct.sum(axis=1).tolist()
    assert set(totals["images"]) == {correct.shape[1]}
    np.testing.assert_allclose(found[["lower", "upper"]].T, wilson(found["right"], found["images"]))
