"""People as deciders: kappa within conditions, what pooling adds, equal numbers, and the real trials recomputed."""

import csv
import math
import os
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from ddd_utils.analysis import consistency, deciders
from ddd_utils.errors import InputError
from ddd_utils.experiments.trials import observed_sets

DATA = Path(os.environ.get("DDD_DATA", "")) / "model_vs_human"
HARD = np.repeat(["easy", "hard"], 1000)


def independent(seed=0, people=4):
    """Deciders that know nothing of each other, right on 90 % of the easy images and on 10 % of the hard ones."""
    return np.random.default_rng(seed).random((people, 2000)) < np.where(HARD == "easy", 0.9, 0.1)


def test_pooled_conditions_make_independent_deciders_alike():
    row = deciders.overview({"made": (independent(), HARD)}).iloc[0]
    assert row["lower"] < 0 < row["upper"] and row["pooled"] > 0.6
    assert row["effective"] == pytest.approx(4, abs=0.4)
    assert row["trivial"] == pytest.approx(row["trivial_independent"], abs=0.03)


def test_the_interval_holds_what_is_true_of_other_images():
    found = [deciders.within(independent(seed, 3), HARD, deciders.all_pairs(3)) for seed in range(200)]
    held = np.mean([each.lower < 0 < each.upper for each in found])
    assert 0.9 < held < 0.99
    spread = np.std([each.value for each in found])
    assert np.mean([each.standard_error for each in found]) == pytest.approx(spread, rel=0.15)


def test_a_condition_without_a_defined_kappa_is_left_out():
    correct = independent()
    correct[:, HARD == "easy"] = True
    easy, hard = (correct[:, name == HARD] for name in ("easy", "hard"))
    assert deciders.within(correct, HARD, deciders.all_pairs(4)).value == consistency.mean_kappa(hard).value
    assert math.isnan(deciders.within(easy, HARD[:1000], deciders.all_pairs(4)).value)
    rows = deciders.by_condition(correct, HARD).set_index("condition")
    assert rows.loc["easy", ["kappa", "rho", "largest"]].isna().all() and rows.loc["easy", "trivial"] == 1


def test_conditions_must_fit():
    with pytest.raises(InputError, match="one condition an image"):
        deciders.within(independent(), HARD[:5], [(0, 1)])


@given(st.lists(st.integers(0, 6), min_size=2, max_size=8).filter(lambda s: 0 < sum(s) < 6 * len(s)), st.integers(1, 6))
def test_fewer_deciders_are_all_that_could_be_drawn(right, deciders_drawn):
    correct = np.array([[person < score for score in right] for person in range(6)])
    groups = [correct[list(group)] for group in combinations(range(6), deciders_drawn)]
    found = deciders.at_same_number(right, 6, deciders_drawn)
    assert found["trivial"] == pytest.approx(np.mean([group.all(axis=0) for group in groups]))
    assert found["impossible"] == pytest.approx(np.mean([(~group).all(axis=0) for group in groups]))
    # Fleiss' kappa is the intraclass correlation of pairs that share one mean.
    p = correct.mean()
    both = np.mean([correct[i] & correct[j] for i, j in combinations(range(6), 2)])
    assert found["kappa"] == pytest.approx((both - p**2) / (p * (1 - p)))


def test_networks_are_compared_on_the_same_images_at_the_same_number():
    people, rng = independent(people=4), np.random.default_rng(9)
    copies = np.stack([people[0] ^ (rng.random(2000) < 0.02) for _ in range(7)])
    rows = deciders.networks_beside_people(people, copies, HARD).set_index("compared")
    assert rows.loc["networks minus people", "kappa_lower"] > 0.5
    gap = rows.loc["two networks", "kappa"] - rows.loc["two people", "kappa"]
    assert rows.loc["networks minus people", "kappa"] == pytest.approx(gap)
    assert rows["deciders"].dropna().tolist() == [4, 4]
    assert rows.loc["two networks", "effective"] < 1.5 < 3.5 < rows.loc["two people", "effective"]
    mixed = np.mean([
        cohen_kappa_score(people[i, name == HARD], copies[j, name == HARD])
        for i in range(4) for j in range(7) for name in ("easy", "hard")
    ])  # fmt: skip
    assert rows.loc["a person and a network", "kappa"] == pytest.approx(mixed)


def test_crowds_of_unequal_size_are_compared_with_networks():
    easiness, rng = np.random.default_rng(1).beta(2, 1, 3000), np.random.default_rng(2)
    people = rng.integers(40, 60, 3000)
    table, gap = deciders.crowds(rng.binomial(people, easiness), people, rng.random((8, 3000)) < easiness)
    assert gap.lower < 0 < gap.upper  # both draw from the same images' difficulties
    assert table["kappa"].tolist() == pytest.approx([0.25, 0.25], abs=0.03)  # of a Beta(2, 1): 1 / (2 + 1 + 1)
    _, alike = deciders.crowds(rng.binomial(people, easiness), people, np.tile(rng.random(3000) < 0.7, (8, 1)))
    assert alike.lower > 0.5


def test_the_shape_is_asked_of_six_deciders_or_more():
    rng = np.random.default_rng(0)
    chance = rng.choice([0, 0.5, 1], 700, p=[0.4, 0.2, 0.4])
    sets = {f"{m} people": (rng.random((m, 700)) < chance, np.zeros(700)) for m in (4, 5, 10)}
    found = deciders.shapes(sets)
    assert found["set"].tolist() == ["10 people"] and found["dichotomous"].tolist() == ["holds"]
    assert (found[["impossible", "trivial"]] > 0.3).all(axis=None)


# The real trials, read and counted by plain loops.


def plain(folder):
    """Read a set: who is right, by condition, image and person; a stimulus's name ends with that of its image."""
    right = {}
    for file in sorted(folder.glob("*.csv")):
        with file.open() as rows:
            for row in csv.DictReader(rows):
                image = row["imagename"].split("_", 3)[3]
                answer = row["object_response"] == row["category"]
                right.setdefault(row["condition"], {}).setdefault(image, {})[row["subj"]] = answer
    return {
        condition: np.array([[seen[person] for person in sorted(seen)] for seen in images.values()]).T
        for condition, images in right.items()
    }


@pytest.fixture(scope="module")
def real():
    if not DATA.is_dir():
        pytest.skip("DDD_DATA names no folder with model_vs_human/")
    found = observed_sets()
    sets = {name: (trials.correct, trials.conditions) for name, trials in found.sets.items()}
    return sets, deciders.overview(sets).set_index("set"), {name: plain(DATA / name) for name in sets}


def plain_kappa(a, b):
    agree = sum(x == y for x, y in zip(a.tolist(), b.tolist(), strict=True)) / len(a)
    p, q = a.mean(), b.mean()
    chance = p * q + (1 - p) * (1 - q)
    return (agree - chance) / (1 - chance)


def largest_kappa(a, b):
    """Sort both, so that they agree as much as their accuracies allow."""
    return plain_kappa(np.sort(a), np.sort(b))


def averaged(parts, measure):
    return np.mean([np.mean([measure(a, b) for a, b in combinations(part, 2)]) for part in parts.values()])


def test_every_figure_of_the_overview_is_found_by_plain_loops(real):
    _, table, loops = real
    assert len(table) >= 14
    for name, parts in loops.items():
        row, people = table.loc[name], len(next(iter(parts.values())))
        everything = np.hstack(list(parts.values()))
        rho = averaged(parts, lambda a, b: np.corrcoef(a, b)[0, 1])
        images = {condition: part.shape[1] / everything.shape[1] for condition, part in parts.items()}
        chance = {
            end: [images[c] * math.prod(abs(end - part.mean(axis=1))) for c, part in parts.items()] for end in (0, 1)
        }
        expected = {
            "people": people,
            "images": everything.shape[1],
            "conditions": len(parts),
            "accuracy": everything.mean(),
            "kappa": averaged(parts, plain_kappa),
            "largest": averaged(parts, largest_kappa),
            "pooled": np.mean([plain_kappa(a, b) for a, b in combinations(everything, 2)]),
            "effective": people / (1 + (people - 1) * rho),
            "impossible": (everything.sum(axis=0) == 0).mean(),
            "trivial": (everything.sum(axis=0) == people).mean(),
            "trivial_independent": sum(chance[0]),
            "impossible_independent": sum(chance[1]),
        }
        assert row[list(expected)].astype(float).to_dict() == pytest.approx(expected), name


def test_the_figures_that_were_tried_before_come_out(real):
    table = real[1]
    assert table.loc["eidolonII", ["pooled", "kappa"]].astype(float).round(2).tolist() == [0.64, 0.31]
    if len(table) == 14:  # those in the copies that these figures are from
        assert table["people"].astype(int).value_counts().to_dict() == {4: 10, 10: 2, 5: 1, 7: 1}


@pytest.mark.parametrize("name", ["eidolonII", "edge"])
def test_intervals_are_those_of_resampled_images_and_people(real, name):
    _, table, loops = real
    parts, rng = loops[name], np.random.default_rng(0)
    draws = []
    for _ in range(200):
        again = {c: part[:, rng.integers(part.shape[1], size=part.shape[1])] for c, part in parts.items()}
        kappas = [consistency.pairwise_error_consistency(part) for part in again.values()]
        draws.append(np.mean([np.nanmean(each[np.triu_indices(len(each), 1)]) for each in kappas]))
    row = table.loc[name]
    assert (row["upper"] - row["lower"]) / 3.92 == pytest.approx(np.std(draws), rel=0.2)
    people = int(row["people"])
    without = [
        averaged({c: np.delete(part, one, 0) for c, part in parts.items()}, plain_kappa) for one in range(people)
    ]
    pseudo = people * row["kappa"] - (people - 1) * np.array(without)
    student = {4: 3.182, 10: 2.262}[people]
    half = student * pseudo.std(ddof=1) / math.sqrt(people)
    assert (row["people_upper"] - row["people_lower"]) / 2 == pytest.approx(half, rel=1e-3)


def test_conditions_scores_and_bands_are_counted_by_plain_loops(real):
    sets, _, loops = real
    shares, rows = deciders.score_table(sets).set_index("set"), []
    for name, parts in loops.items():
        everything = np.hstack(list(parts.values()))
        for score in range(len(everything) + 1):
            assert shares.loc[name, str(score)] == pytest.approx((everything.sum(axis=0) == score).mean())
        found = deciders.by_condition(*sets[name]).set_index("condition")
        for condition, part in parts.items():
            kappa = averaged({condition: part}, plain_kappa)
            assert found.loc[condition, ["accuracy", "kappa"]].tolist() == pytest.approx([part.mean(), kappa])
            rows.append((part.mean(), kappa))
    rows = np.array(rows)
    bands = [rows[(rows[:, 0] >= low) & (rows[:, 0] < high)] for low, high in ((0, 0.25), (0.25, 0.75), (0.75, 2))]
    table = deciders.by_hardness(deciders.pd.concat(deciders.by_condition(*each) for each in sets.values()))
    assert table["conditions"].tolist() == [len(band) for band in bands]
    assert table[["accuracy", "kappa"]].to_numpy() == pytest.approx(np.array([band.mean(axis=0) for band in bands]))


def test_people_and_networks_on_cifar10_are_counted_anew(real):
    path = DATA.parent / "human" / "cifar10_models_and_humans.npz"
    if not path.is_file():
        pytest.skip("DDD_DATA has no human/cifar10_models_and_humans.npz")
    with np.load(path) as file:
        labels, counts, correct = file["label"], file["human_counts"], file["prediction"] == file["label"]
    asked = counts.sum(axis=1)
    right = counts[np.arange(len(labels)), labels]
    table, gap = deciders.crowds(right, asked, correct, draws=50)
    pairs_differ = [r * (n - r) / math.comb(n, 2) for r, n in zip(right.tolist(), asked.tolist(), strict=True)]
    share = np.mean(right / asked)
    of_people = 1 - np.mean(pairs_differ) / (2 * share * (1 - share))
    differ, p = np.mean([a != b for a, b in combinations(correct, 2)]), correct.mean()
    of_networks = 1 - differ / (2 * p * (1 - p))
    assert table["kappa"].tolist() == pytest.approx([of_people, of_networks])
    assert gap.value == pytest.approx(of_networks - of_people) and gap.lower > 0
    every = [math.comb(r, 12) / math.comb(n, 12) for r, n in zip(right.tolist(), asked.tolist(), strict=True)]
    none = [math.comb(n - r, 12) / math.comb(n, 12) for r, n in zip(right.tolist(), asked.tolist(), strict=True)]
    assert table.loc[0, ["trivial", "impossible"]].tolist() == pytest.approx([np.mean(every), np.mean(none)])
    assert table.loc[1, "trivial"] == pytest.approx(correct.all(axis=0).mean())
