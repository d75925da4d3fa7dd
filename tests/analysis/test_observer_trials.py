import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2, t

from ddd_utils.analysis import consistency, observer_trials, psychophysics

NO_TRIALS, _ = psychophysics.read_observers("nowhere")


def trials(observer, correct, rt=1000.0, pairs=None):
    pairs = range(len(correct)) if pairs is None else pairs
    return pd.DataFrame(
        {
            "observer": observer,
            "trial_index": np.arange(len(correct)),
            "trivial_image": [f"t{pair}" for pair in pairs],
            "impossible_image": [f"i{pair}" for pair in pairs],
            "rt": rt,
            "correct": np.array(correct, bool),
        }
    )


def test_no_trials_are_no_rows():
    assert observer_trials.learning(NO_TRIALS).empty
    assert observer_trials.response_times(NO_TRIALS).empty
    assert observer_trials.model_consistency(NO_TRIALS, np.ones((2, 3), bool), ["a", "b", "c"], ["x", "y"]).empty


def test_learning_is_seen_block_by_block_in_the_order_of_the_trials():
    learner = trials("ann", [0] * 10 + [1] * 20).sample(frac=1, random_state=0)
    table = observer_trials.learning(pd.concat([learner, trials("bob", [1] * 30)]))
    ann, all_of_them = (table[table["observer"] == name] for name in ("ann", observer_trials.EVERYONE))
    assert ann["accuracy"].tolist() == [0, 0, 1, 1, 1, 1] and ann["trials"].tolist() == [5] * 6
    assert all_of_them["accuracy"].tolist() == [0.5, 0.5, 1, 1, 1, 1] and all_of_them["trials"].tolist() == [10] * 6
    assert (table["lower"] <= table["accuracy"]).all() and (table["accuracy"] <= table["upper"]).all()


@pytest.mark.parametrize(("count", "blocks"), [(1, 1), (9, 1), (10, 2), (149, 6)])
def test_few_trials_make_few_blocks(count, blocks):
    table = observer_trials.learning(trials("ann", [1] * count))
    ann = table[table["observer"] == "ann"]
    assert ann["block"].tolist() == list(range(1, blocks + 1)) and ann["trials"].sum() == count
    assert np.ptp(ann["trials"]) <= 1


def test_response_times_by_correctness():
    table = observer_trials.response_times(trials("ann", [1] * 9 + [0] * 3, rt=[*range(100, 1000, 100), 5, 6, 7]))
    right, wrong = (table[table["answer"] == answer].iloc[0] for answer in ("right", "wrong"))
    assert (right["trials"], right["median"], right["lower"], right["upper"]) == (9, 500, 200, 800)
    assert (wrong["trials"], wrong["median"]) == (3, 6) and np.isnan([wrong["lower"], wrong["upper"]]).all()


def test_the_interval_of_a_median_covers():
    rng = np.random.default_rng(0)
    for n in (6, 7, 25, 60):
        limits = [observer_trials._median_limits(pd.Series(rng.exponential(size=n))) for _ in range(2000)]
        assert np.mean([low <= np.log(2) <= high for low, high in limits]) > 0.94


def test_networks_are_observers_where_they_have_decided():
    # Five pairs. The network is right (t0 right, i0 wrong), wrong, undecided twice, and has not seen the last pair.
    names = ["t0", "i0", "t1", "i1", "t2", "i2", "t3", "i3"]
    correct = np.array([[1, 0, 0, 1, 1, 1, 0, 0]], bool)
    table = observer_trials.model_consistency(trials("ann", [1, 0, 1, 1, 1]), correct, names, ["net"])
    assert table[["observer", "network", "pairs", "network_errors", "kappa"]].to_numpy().tolist() == [
        ["ann", "net", 2, 1, 1]
    ]


def test_kappa_with_a_network_is_that_of_two_observers():
    rng = np.random.default_rng(1)
    person, network = rng.random((2, 60)) < 0.7
    names = [f"{kind}{pair}" for pair in range(60) for kind in "ti"]
    correct = np.stack([network, ~network], axis=1).reshape(1, -1)
    row = observer_trials.model_consistency(trials("ann", person), correct, names, ["net"]).iloc[0]
    assert row["kappa"] == pytest.approx(consistency.pairwise_matrix([person, network], ["a", "b"]).kappa[0, 1])
    assert row["lower"] < row["kappa"] < row["upper"] and row["network_errors"] == (~network).sum()


def test_a_pair_shown_again_counts_once_and_foreign_images_not_at_all():
    shown = trials("ann", [0, 1, 1], pairs=[0, 0, 9])
    table = observer_trials.model_consistency(shown, [[1, 0]], ["t0", "i0"], ["net"])
    assert table["pairs"].tolist() == [1] and table["network_errors"].tolist() == [0]


def test_statistics_of_accuracies_have_the_textbooks_intervals():
    accuracies = observer_trials.accuracy(psychophysics.simulate(9, 149))
    values, n = accuracies["accuracy"], len(accuracies)
    found = observer_trials.accuracy_statistics(accuracies)
    expected = {"mean": values.mean(), "lowest": values.min(), "highest": values.max(), "sd": values.std()}
    assert {name: each.value for name, each in found.items()} == pytest.approx(expected)
    limits = {name: (each.lower, each.upper) for name, each in found.items()}
    np.testing.assert_allclose(limits["mean"], t.interval(0.95, n - 1, values.mean(), values.std() / np.sqrt(n)))
    np.testing.assert_allclose(limits["sd"], values.std() * np.sqrt((n - 1) / chi2.ppf([0.975, 0.025], n - 1)))
    for name, row in (("lowest", values.idxmin()), ("highest", values.idxmax())):
        assert limits[name] == tuple(accuracies.loc[row, ["lower", "upper"]])


def test_statistics_of_kappas_resample_the_pairs_that_all_have_judged():
    judged = psychophysics.simulate(4, 100)
    pairs = observer_trials.observer_consistency(judged)
    found = observer_trials.kappa_statistics(judged, pairs)
    assert found["mean"].value == pairs["kappa"].mean() and found["highest"].value == pairs["kappa"].max()
    assert all(each.lower < each.upper for each in found.values())
    assert found["mean"].lower < found["mean"].value < found["mean"].upper
    more = pd.concat([judged, trials("simulated 1", [1, 0], pairs=["x", "y"]).assign(trial_index=[200, 201])])
    again = observer_trials.kappa_statistics(more, pairs)["mean"]  # what one has judged alone does not enter
    assert (again.lower, again.upper) == (found["mean"].lower, found["mean"].upper)


@pytest.mark.parametrize("observers", [0, 1])
def test_statistics_of_too_few_observers_are_undefined(observers):
    table = psychophysics.simulate(1, 20) if observers else NO_TRIALS
    accuracies, pairs = observer_trials.accuracy(table), observer_trials.observer_consistency(table)
    found = observer_trials.accuracy_statistics(accuracies)
    assert np.isnan(found["mean"].value) == (observers == 0) and np.isnan(found["sd"].value)
    assert np.isnan([found["mean"].lower, found["sd"].upper]).all()
    assert np.isnan(found["lowest"].lower) == (observers == 0)
    kappas = observer_trials.kappa_statistics(table, pairs).values()
    assert all(np.isnan([each.value, each.lower, each.upper]).all() for each in kappas)


def test_the_images_tell_their_data_set():
    seen = {"gaussian": np.array(["g1"]), "digits": np.array(["x", "t1"])}
    assert observer_trials.dataset_shown(trials("ann", [1, 0]), seen) == "digits"
    assert observer_trials.dataset_shown(trials("ann", [1]), seen) is None
    assert observer_trials.dataset_shown(NO_TRIALS, seen) is None
