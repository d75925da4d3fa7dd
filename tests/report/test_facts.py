"""Facts of ImageNet: plausible wherever they are read, and recomputed by other code where the data are."""

import json
import os
from importlib.util import find_spec
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import yaml
from sklearn.metrics import cohen_kappa_score

from ddd_utils import cli
from ddd_utils.analysis import nulls
from ddd_utils.data.downloads import registry
from ddd_utils.report.facts import facts

KNOWN = facts()
DATA = Path(os.environ.get("DDD_DATA", "/none"))
with_data = pytest.mark.skipif(
    not (DATA / "imagenetv2").is_dir() or not (DATA / "meding2022").is_dir(),
    reason="DDD_DATA names no folder with imagenetv2/ and meding2022/",
)
SETS = pytest.mark.parametrize("each", [KNOWN.eleven, KNOWN.published], ids=["eleven", "published"])


@SETS
def test_every_histogram_counts_its_images(each):
    for scores in each.scores.values():
        assert sum(scores.histogram) == scores.images and len(scores.histogram) == each.models + 1
        right = sum(score * images for score, images in enumerate(scores.histogram))
        assert scores.accuracy == pytest.approx(right / each.models / scores.images, abs=1e-5)
        for tolerance, shares in scores.by_tolerance.items():
            low, high = sum(scores.histogram[: tolerance + 1]), sum(scores.histogram[each.models - tolerance :])
            assert (shares.impossible, shares.trivial) == pytest.approx(
                (low / scores.images, high / scores.images), abs=1e-5
            )
            assert shares.trivial + shares.impossible + shares.in_between == pytest.approx(1, abs=2e-5)
            lowest, highest = nulls.selection_band(each.models, tolerance)
            assert lowest <= shares.kappa <= highest and lowest <= shares.expected <= highest
    assert each.scores["all"].images == 50_000


@SETS
def test_images_with_a_good_label_are_some_of_all(each):
    everywhere = np.array(each.scores["all"].histogram)
    for name, labels in (("accepted", KNOWN.labels.not_accepted), ("unquestioned", KNOWN.labels.errors)):
        some = np.array(each.scores[name].histogram)
        assert (some <= everywhere).all() and each.scores[name].images == 50_000 - labels


def test_subsets_grow_from_three_to_all_and_kappa_with_them():
    for tolerance, fewest in ((None, 3), (0, 3), (1, 4)):
        curve = KNOWN.published.curve(tolerance)
        assert curve["models"].tolist() == list(range(fewest, KNOWN.published.models + 1))
        assert (curve["lower"] <= curve["kappa"]).all() and (curve["kappa"] <= curve["upper"]).all()
        if tolerance is None:
            assert curve["kappa"].max() - curve["kappa"].min() < 0.01
        else:
            assert curve["kappa"].is_monotonic_increasing and curve["expected"].is_monotonic_increasing
            assert (curve["expected"] < curve["kappa"]).all()
    assert curve["subsets"].iloc[-1] == 1 and curve["subsets"].max() == KNOWN.subsets


def test_all_impossible_images_have_an_outcome():
    assert sum(KNOWN.labels.impossible_by_real.values()) == KNOWN.published.scores["all"].histogram[0]


def test_sources_are_those_of_the_registry():
    files = {name: digest for source in KNOWN.sources for name, digest in source.files.items()}
    published = {name: digest for name, digest in files.items() if name in registry()}
    assert published == {name: registry()[name].sha256 for name in published}
    assert len(published) == KNOWN.published.models + 4 and len(files) == len(published) + 1


@pytest.fixture(scope="module")
def correct():
    """Decisions of the published models, read without the project's readers."""
    folder = DATA / "imagenetv2"
    classes = {entry["wnid"]: entry["cid"] for entry in json.loads((folder / "class_info.json").read_text())}
    rows = json.loads((folder / "imagenet-validation-original.json").read_text())["image_filenames"]
    labels = np.array([classes[wordnet] for _, wordnet in rows])
    answers = [np.load(folder / "predictions" / f"{name}.npy", mmap_mode="r")[:, 0] for name in KNOWN.published.names]
    return np.array(answers) == labels, [name for name, _ in rows], labels


@with_data
def test_scores_are_counted_again(correct):
    decisions, names, labels = correct
    eleven = np.rint(np.load(DATA / "meding2022" / "Rebuttal_mean_decisions_correct.npy").ravel() * 11).astype(int)
    questioned = np.load(DATA / "meding2022" / "label_errors.npy").ravel() == 1
    real = json.loads(
        (Path(find_spec("timm").origin).parent / "data" / "_info" / "imagenet_real_labels.json").read_text()
    )
    accepted = np.array([label in real[int(name[-13:-5]) - 1] for name, label in zip(names, labels, strict=True)])
    kept = {"all": np.ones(50_000, bool), "accepted": accepted, "unquestioned": ~questioned}
    for each, scores in ((KNOWN.eleven, eleven), (KNOWN.published, decisions.sum(axis=0))):
        for name, images in kept.items():
            counted = [int((scores[images] == score).sum()) for score in range(each.models + 1)]
            assert each.scores[name].histogram == counted
        rate = questioned[scores == 0].mean()
        assert each.label_error_rates["impossible"] == pytest.approx(rate, abs=1e-5)


@with_data
@pytest.mark.parametrize("tolerance", [0, 1])
def test_kappa_of_all_models_is_computed_again_with_scikit_learn(correct, tolerance):
    decisions, score = correct[0], correct[0].sum(axis=0)
    chosen = np.random.default_rng(0).permutation(30)[:6]
    kept = (score > tolerance) & (score < 30 - tolerance)
    some = [cohen_kappa_score(decisions[i][kept], decisions[j][kept]) for i, j in combinations(chosen, 2)]
    by_hand = [kappa(decisions[i][kept], decisions[j][kept]) for i, j in combinations(range(30), 2)]
    assert some == pytest.approx([kappa(decisions[i][kept], decisions[j][kept]) for i, j in combinations(chosen, 2)])
    assert KNOWN.published.of_size(30, tolerance).kappa == pytest.approx(np.mean(by_hand), abs=1e-5)


def kappa(a, b):
    observed, p, q = (a == b).mean(), a.mean(), b.mean()
    chance = p * q + (1 - p) * (1 - q)
    return (observed - chance) / (1 - chance)


@with_data
@pytest.mark.parametrize(("tolerance", "draws"), [(None, 40), (1, 40), (0, 40)])
def test_other_subsets_of_eleven_say_the_same(correct, tolerance, draws):
    """Drawn with other numbers and averaged by a plain loop: the mean of 40 is off by a sixth of the spread at most."""
    decisions, rng, found = correct[0], np.random.default_rng(99), []
    for _ in range(draws):
        chosen = decisions[rng.choice(30, 11, replace=False)]
        score = chosen.sum(axis=0)
        kept = slice(None) if tolerance is None else (score > tolerance) & (score < 11 - tolerance)
        found.append(np.mean([kappa(a[kept], b[kept]) for a, b in combinations(chosen, 2)]))
    size = KNOWN.published.of_size(11, tolerance)
    error = 3.5 * np.std(found) / np.sqrt(draws)
    assert size.kappa == pytest.approx(np.mean(found), abs=error)
    inside = np.mean([size.lower <= value <= size.upper for value in found])
    assert inside >= 0.85


@with_data
def test_the_command_writes_what_is_committed(tmp_path, monkeypatch):
    """With fewer subsets: all but the figures of subsets is the same to the last digit, and they are at full size."""
    monkeypatch.setenv("DDD_BUILD", str(tmp_path))
    out = tmp_path / "facts.yaml"
    assert cli.main(["facts", "--out", str(out), "--subsets", "2"]) == 0
    written, kept = (yaml.safe_load(text) for text in (out.read_text(), facts_text()))
    for each in (written, kept):
        sizes = each["published"].pop("sizes")
        each["whole"] = [row for row in sizes if row["models"] == 30]
        each["subsets"] = each["fitted"] = None
    assert written == kept


@with_data
def test_other_models_may_be_asked_for(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("DDD_BUILD", str(tmp_path))
    out, models = tmp_path / "facts.yaml", KNOWN.published.names[18:]
    asked = ["facts", "--out", str(out), "--subsets", "2", "--models"]
    assert cli.main([*asked, *models]) == 0
    found = yaml.safe_load(out.read_text())["published"]
    assert (found["title"], found["names"]) == ("12 published models", models)
    assert cli.main([*asked, *models[:10]]) == cli.EXIT_INPUT
    assert "take at least 11 models" in capsys.readouterr().err


def facts_text():
    return Path(cli.FACTS).read_text("utf-8")
