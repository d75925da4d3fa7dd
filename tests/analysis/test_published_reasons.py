"""What issue and page state of the published models, counted anew by other code: SciPy, scikit-learn, plain loops."""

import importlib.util
import json
import os
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from public_files import answers_at_hand
from scipy.optimize import minimize
from sklearn.linear_model import LinearRegression
from sklearn.metrics import cohen_kappa_score

from ddd_utils.analysis import classes, factors, opinions
from ddd_utils.experiments import marks, published_models

DATA = Path(os.environ.get("DDD_DATA", "/none"))
AT_HAND = 41
missing = [name for name in ("timm", "imagenet_x") if importlib.util.find_spec(name) is None]
pytestmark = pytest.mark.skipif(
    bool(missing) or not (DATA / "analysing_relations").is_dir() or not (DATA / "imagenetv2").is_dir(),
    reason="needs timm, imagenet-x, and DDD_DATA with imagenetv2/ and analysing_relations/",
)
FACTORS = {"subcategory": 3.9, "smaller": 2.4, "object blocking": 2.2, "multiple objects": 2.2, "texture": 1.6}


@pytest.fixture(scope="module")
def answers():
    found = answers_at_hand(DATA, AT_HAND)
    found.info["on_imagenet"] = True
    return found


@pytest.fixture(scope="module")
def accepted(answers):
    """The labels that ReaL accepts, read by other code."""
    folder = Path(importlib.util.find_spec("timm").origin).parent / "data" / "_info"
    by_file = json.loads((folder / "imagenet_real_labels.json").read_text())
    return [set(by_file[int(name[-13:-5]) - 1]) for name in answers.image_ids]


@pytest.fixture(scope="module")
def table():
    """The marks of ImageNet-X, prototypes among them, read by other code."""
    folder = Path(importlib.util.find_spec("imagenet_x").origin).parent / "annotations"
    found = pd.read_json(folder / "imagenet_x_val_multi_factor.jsonl", lines=True)
    prototypes = (folder / "prototypical_paths.csv").read_text().split()[1:]
    columns = {name: name.replace("_", " ").replace("color", "colour") for name in found}
    return found.rename(columns=columns).set_index("file name"), prototypes


def likelihood(outcome, marked, labels):
    """The ratios that maximise the conditional likelihood, by SciPy."""
    kept = np.isin(labels, labels[outcome])
    order = np.flatnonzero(kept)[np.argsort(labels[kept], kind="stable")]
    y, x, of = outcome[order].astype(float), marked[order].astype(float), labels[order]
    starts = np.flatnonzero(np.r_[True, np.diff(of) > 0])
    total = np.add.reduceat(y, starts)

    def negative(beta):
        weight = np.exp(x @ beta)
        summed = np.add.reduceat(weight, starts)
        slope = y @ x - (total / summed) @ np.add.reduceat(weight[:, None] * x, starts)
        return total @ np.log(summed) - y @ (x @ beta), -slope

    return np.exp(minimize(negative, np.zeros(x.shape[1]), jac=True, method="BFGS", options={"gtol": 1e-5}).x)


def test_what_is_wrong_with_the_labels_of_impossible_images(answers, accepted):
    known = published_models.known_models()
    thirty = [known[name].source == "imagenetv2" for name in answers.networks["network"]]
    predictions, counts = answers.predictions[thirty, 0], {"none": 0, "solved": 0, "stays": 0}
    for image in np.flatnonzero((predictions != answers.labels).all(axis=0)):
        right = accepted[image]
        counts["none" if not right else "solved" if right & set(predictions[:, image].tolist()) else "stays"] += 1
    assert sum(counts.values()) == 2_995
    shares = {kind: count / 2_995 for kind, count in counts.items()}
    assert shares == pytest.approx({"none": 0.17, "solved": 0.62, "stays": 0.21}, abs=0.005)
    rejected = [int(label) not in right for label, right in zip(answers.labels, accepted, strict=True)]
    assert np.mean(rejected) == pytest.approx(0.16, abs=0.005)


def test_impossible_images_by_factor(answers, accepted, table):
    found, (rows, prototypes) = marks(answers), table
    at = pd.Series(range(len(answers.image_ids)), answers.image_ids)[rows.index].to_numpy()
    marked, labels = rows[list(found.factors)].to_numpy() == 1, answers.labels[at].astype(int)
    impossible = ~answers.correct()[:, at].any(axis=0)
    with_all = dict(zip(found.factors, likelihood(impossible, marked, labels), strict=True))
    assert {name: with_all[name] for name in FACTORS} == pytest.approx(FACTORS, rel=0.1)
    assert with_all["shape"] == pytest.approx(1.4, rel=0.1)

    left = ~rows.index.isin(prototypes)
    assert left.sum() == found.known.sum() and len(prototypes) == 3_000
    ours = factors.fixed_effects_poisson(
        ~answers.correct()[:, found.known].any(axis=0), found.marked[found.known], answers.labels[found.known]
    )
    np.testing.assert_allclose(
        np.exp(ours.log_ratios), likelihood(impossible[left], marked[left], labels[left]), rtol=1e-4
    )
    taking_part = set(labels[left & impossible])
    assert (ours.classes, ours.left_out) == (len(taking_part), len(set(labels[left])) - len(taking_part))
    share = dict(zip(found.factors, marked[left].mean(axis=0), strict=True))
    assert [share["pose"], share["background"]] == pytest.approx([0.87, 0.77], abs=0.005)

    right = left & [int(answers.labels[image]) in accepted[image] for image in at]
    certain = dict(zip(found.factors, likelihood(impossible[right], marked[right], labels[right]), strict=True))
    wanted = {"smaller": 3.3, "subcategory": 2.9, "multiple objects": 2.7}
    assert {name: certain[name] for name in wanted} == pytest.approx(wanted, rel=0.15)


def test_difficulty_that_class_label_and_factors_explain(answers, accepted):
    found = marks(answers)
    kept, difficulty = found.known, factors.outcomes(answers.correct())["difficulty"][found.known]
    status = [
        (not right, bool(right) and int(label) not in right)
        for label, right in zip(answers.labels, accepted, strict=True)
    ]
    blocks = {"label": np.array(status)[kept], "factors": found.marked[kept]}
    table = factors.explained(difficulty, blocks, answers.labels[kept])
    of = pd.DataFrame(np.column_stack([*blocks.values(), difficulty]).astype(float)).groupby(answers.labels[kept])
    within = (of.transform(lambda values: values - values.mean())).to_numpy()
    variance, left = ((difficulty - difficulty.mean()) ** 2).sum(), within[:, -1]
    r2 = [1 - (left @ left) / variance]
    for variables in (2, 18):
        fitted = LinearRegression(fit_intercept=False).fit(within[:, :variables], left).predict(within[:, :variables])
        r2.append(1 - ((left - fitted) ** 2).sum() / variance)
    np.testing.assert_allclose(table["r2"], r2)
    np.testing.assert_allclose(r2, [0.22, 0.39, 0.45], atol=0.02)
    assert ((table["r2_lower"] < table["r2"]) & (table["r2"] < table["r2_upper"])).all()


def test_kappa_by_family_at_like_accuracy(answers):
    known, kappas = published_models.known_models(), {}
    family = [known[name].family for name in answers.networks["network"]]
    correct, accuracy = answers.correct(), answers.correct().mean(axis=1)
    for i, j in combinations(range(len(correct)), 2):
        if abs(accuracy[i] - accuracy[j]) < 0.02:
            kappas.setdefault((family[i], family[j]), []).append(cohen_kappa_score(correct[i], correct[j]))
    mean = {pair: np.mean(values) for pair, values in kappas.items()}
    stated = {("CNN", "CNN"): 0.66, ("transformer", "transformer"): 0.67, ("CNN", "transformer"): 0.63}
    assert {pair: mean[pair] for pair in stated} == pytest.approx(stated, abs=0.035)
    assert mean["CNN", "transformer"] < min(mean["CNN", "CNN"], mean["transformer", "transformer"])


def test_independent_models_by_the_correlation_of_their_errors(answers):
    phi = np.corrcoef(answers.correct())
    models, rho = len(phi), phi[np.triu_indices(len(phi), 1)].mean()
    eigenvalues = np.linalg.eigvalsh(phi)
    by_hand = models / (1 + (models - 1) * rho), 1 / rho, eigenvalues.sum() ** 2 / (eigenvalues**2).sum()
    np.testing.assert_allclose(opinions.effective_number(answers.correct())["value"], by_hand)
    np.testing.assert_allclose(by_hand, [1.62, 1.65, 2.6], atol=0.03)
    rng, eleven = np.random.default_rng(0), []
    for _ in range(300):
        some = rng.permutation(models)[:11]
        eleven.append(121 / phi[np.ix_(some, some)].sum())
    assert np.mean(eleven) == pytest.approx(1.56, abs=0.015)


def test_common_wrong_answers_and_their_superclass(answers, table):
    names = pd.read_csv(
        Path(importlib.util.find_spec("imagenet_x").origin).parent
        / "annotations"
        / "imagenet_1k_classes_to_100_metaclasses.csv"
    )
    superclass, predictions = names.iloc[:, 1].tolist(), answers.predictions[:, 0]
    wrong = []
    for label, given in zip(answers.labels.tolist(), predictions.T.tolist(), strict=True):
        answer = max(set(given), key=given.count)
        if answer != label and 2 * given.count(answer) > len(given):
            wrong.append((label, answer))
    same = sum(superclass[label] == superclass[answer] for label, answer in wrong)
    found = classes.within_superclass(predictions, answers.labels, superclass)
    assert (found["images"], found["share"]) == (len(wrong), pytest.approx(same / len(wrong)))
    first = classes.confused_classes(predictions, answers.labels, answers.class_names).iloc[0]
    assert first["images"] == max(wrong.count(pair) for pair in set(wrong))
