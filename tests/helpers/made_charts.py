"""Small tables, and every chart that is made from such."""

import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from ddd_utils import charts
from ddd_utils.analysis import difficulty, dynamics, humans
from ddd_utils.analysis.consistency import KappaMatrix
from ddd_utils.analysis.statistics import Estimate
from ddd_utils.charts.forms import Heading

QUESTIONS = {"main": "is there a main one?", "odd": "is it odd?"}
CONDITIONS = ["base", "plus_1_epoch", "initialisation", "initialisation"]


def predictions():
    """Draw answers of four networks over 91 epochs to 300 images of ten classes, and the labels."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(10), 30)
    easiness = rng.normal(0, 2, labels.size)
    right = easiness + rng.normal(size=(4, 91, labels.size)) + np.linspace(-3, 1, 91)[:, None] > 0
    return np.where(right, labels, (labels + 1) % 10), labels


def networks():
    """Name the four networks."""
    return pd.DataFrame({"condition": CONDITIONS, "network": ["base", "later", "one", "two"], "instance": [1, 1, 1, 2]})


def consistency(networks):
    single = networks.assign(kappa=[1, 0.9, 0.4, 0.6], lower=0.3, upper=0.7)
    means = pd.DataFrame({"condition": CONDITIONS[:3], "instances": [1, 1, 2], "kappa": [1, 0.9, 0.5]})
    notes = ["one network: image error only", "one network: image error only", "images and 2 networks"]
    return single, means.assign(lower=[1, 0.85, -0.2], upper=[1, 0.95, 0.7], note=notes)


def curve():
    models = np.arange(5, 31)
    shares = {"trivial": 1 / models, "impossible": 0.1, "in_between": 0.9 - 1 / models}
    kappa = {"kappa_in_between": 0.3, "lower": 0.2, "upper": 0.4, "band_lower": -0.2, "band_upper": 0.7}
    return pd.DataFrame({"models": models, **shares, **kappa})


def with_limits(**values):
    """Give each column of values its limits."""
    table = {name: np.array(column, float) for name, column in values.items()}
    table |= {
        f"{name}_{limit}": table[name] + by for name in values for limit, by in (("lower", -0.01), ("upper", 0.01))
    }
    return pd.DataFrame(table)


def excess():
    table = with_limits(excess=[0.13, -0.02], observed=[0.6, 0.6], expected=[0.47, 0.62])
    return table.assign(one=["a rather long name", "one"], other=["another rather long name", "two"])


def nulls():
    return with_limits(observed=[0.6, 0.3], expected=[0.58, np.nan]).assign(what=["all images", "in-between"])


def label_errors():
    return pd.DataFrame({"score": [0, 1, 2], "rate": 0.1, "lower": 0.05, "upper": [0.2, 0.15, 0.12], "images": 50})


def looked_up():
    status = ["label accepted", "other label accepted", "no acceptable label"]
    return pd.DataFrame({"score": np.repeat([0, 1, 2], 3), "status": status * 3, "images": 20, "share": 1 / 3})


def ratios():
    table = pd.DataFrame({"factor": ["several objects", "a rather long name of a factor"], "ratio": [2.0, 0.7]})
    return table.assign(lower=[1.5, 0.5], upper=[2.7, 0.9], marked=0.1)


def peers():
    table = pd.DataFrame({"model": ["resnet18", "vgg16_bn"] * 2, "factor": ["pose", "pose", "texture", "texture"]})
    return table.assign(ratio=[1.1, 0.9, 1, np.nan], z=[5, -2, 0, np.nan], expected=20.0, p_holm=[0.01, 0.2, 1, np.nan])


def hard_classes():
    table = pd.DataFrame({"name": ["screen", "ostrich"], "shrunk": [0.2, 0.98], "accuracy": [0.19, 0.99]})
    return table.assign(lower=[0.1, 0.95], upper=[0.3, 1], images=50)


def corrupted(models=2):
    """Count right answers by corruption and severity."""
    kinds = pd.MultiIndex.from_product(
        [["fog", "motion_blur"], [1, 5], [f"model_{number}" for number in range(models)]]
    )
    table = pd.DataFrame(list(kinds), columns=["corruption", "severity", "network"])
    return table.assign(right=10 + np.arange(len(table)) % 7, images=50, accuracy=0.2, lower=0.1, upper=0.4)


def accuracies(networks, correct):
    single = networks.assign(accuracy=correct[:, -1].mean(axis=1))
    return single.groupby("condition", sort=False, as_index=False)[["accuracy"]].mean().assign(
        lower=0.1, upper=0.9, note="n"
    ), single


def every_chart(predictions, networks):
    """Draw every form of chart that there is of networks, by name."""
    answers, labels = predictions
    correct = answers == labels
    changes = dynamics.swaps(answers, labels)
    kappa = KappaMatrix(CONDITIONS[:3], np.eye(3), np.full((3, 3), np.nan), np.full((3, 3), np.nan))
    histogram = difficulty.score_histogram(correct[:, -1])
    classes = difficulty.class_accuracy(correct[:1, -1], labels)
    return {
        "consistency": charts.consistency_dots(*consistency(networks), "title", {"initialisation": 0.7}),
        "accuracy": charts.accuracy_dots(*accuracies(networks, correct), "title"),
        "correlation": charts.correlation_dots(
            networks.assign(correlation=[1, 0.9, 0.8, 0.7], lower=0.6, upper=1.0, note="n")[:3], "title"
        ),
        "matrix": charts.kappa_matrix(kappa, "title"),
        "matrices": charts.kappa_matrices(kappa, kappa, ("all", "some"), "title"),
        "histogram": charts.score_bars(histogram, 1, "title"),
        "models": charts.score_bars(histogram, 1, "title", {"uniform": np.full(5, 0.2)}),
        "curve": charts.subset_size_curves(curve(), "title"),
        "excess": charts.excess_dots(excess(), "title"),
        "nulls": charts.expectation_dots(nulls(), "title"),
        "label errors": charts.label_error_dots(label_errors(), "title"),
        "label errors by group": charts.label_error_rows(label_errors().assign(group=list("abc")), "title"),
        "classes": charts.class_accuracy_dots(classes, "title"),
        "corruptions": charts.corruption_dots(corrupted(1), corrupted(), "title"),
        "many models, corrupted": charts.corruption_dots(corrupted(1), corrupted(1300), "title"),
        "labels": charts.label_bars(looked_up(), "title"),
        "factors": charts.factor_forest(ratios(), ratios()[:1], "title"),
        "peers": charts.peer_matrix(peers(), "title"),
        "hard classes": charts.class_rows(hard_classes(), "title"),
        "beside": charts.beside(*(charts.class_accuracy_dots(classes, "title", (200, 220)) for _ in range(2))),
        "decisions": charts.decision_map(correct[0], [30, 60], "title"),
        "overlay": charts.overlay_map(correct, [30, 60], "title"),
        "swaps": charts.swap_curves(changes, networks, [30, 60], "title"),
        "swap kinds": charts.swap_bars(changes, "title"),
        "compared": charts.swap_comparison(changes[changes["network"] < 2], "network", [30], "title"),
    }


def matrix(networks, labels=None, low=0.3):
    """Make kappas between families of three."""
    family = np.arange(networks) % (networks // 3 or 1)
    rng = np.random.default_rng(0)
    noise = rng.uniform(0, 0.05, (networks, networks))
    kappa = low + 0.4 * (family[:, None] == family) + noise + noise.T
    np.fill_diagonal(kappa, 1)
    nothing = np.where(np.eye(networks) == 1, np.nan, 0.0)
    labels = labels or [f"model_{i}" for i in range(networks)]
    return KappaMatrix(labels, kappa, kappa - 0.01 + nothing, kappa + 0.01 + nothing)


def null(networks):
    kappa = matrix(networks).kappa - np.diag(np.full(networks, np.nan))
    excess = kappa - 0.5
    parts = {"observed": kappa, "expected": kappa - excess, "excess": excess}
    return SimpleNamespace(**{name: Estimate(part, 0.005, part - 0.01, part + 0.01) for name, part in parts.items()})


def same(share):
    return SimpleNamespace(share=share, lower=share - 0.1, upper=share + 0.1)


MATRICES = {  # by the number of networks
    "kappa": lambda k: charts.kappa_matrix(matrix(k), "title", "cluster"),
    "pair": lambda k: charts.kappa_matrices(matrix(k), matrix(k, low=0.1), ("all images", "some"), "title", "cluster"),
    "excess": lambda k: charts.excess_matrix(null(k), matrix(k).labels, "title", null(k).excess.value > 0),
    "wrong answers": lambda k: charts.wrong_answer_matrix(same(matrix(k).kappa), matrix(k).labels, "title"),
}


def pairs(networks, missing=()):
    """Make pairs of networks, the last of which are the most accurate."""
    accuracy = np.linspace(0.2, 0.9, networks)
    i, j = np.triu_indices(networks, 1)
    kappa = np.where(np.isin(j, missing), np.nan, (accuracy[i] + accuracy[j]) / 3)
    table = {"one": [f"model_{k}" for k in i], "other": [f"model_{k}" for k in j], "kappa": kappa, "largest": 0.9}
    limits = {"lower": kappa - 0.01, "upper": kappa + 0.01}
    return pd.DataFrame({**table, **limits, "accuracy_one": accuracy[i], "accuracy_other": accuracy[j]})


def of_people():
    """Draw every form of chart of people beside networks, by name, and return the tables of some."""
    rng = np.random.default_rng(0)
    easiness = rng.normal(1, 2, 300)
    right = rng.binomial(50, 1 / (1 + np.exp(-easiness)))
    counts, labels = np.stack([right, 50 - right], axis=1), np.zeros(300, int)
    correct = easiness + rng.normal(size=(6, 300)) > 0
    share = humans.human_share(counts, labels)
    rows = {tolerance: humans.share_by_difficulty(share, correct, tolerance) for tolerance in (0, 1)}
    kappas = humans.majority_consistency(
        humans.majority_right(counts, labels), correct, [f"network {number}" for number in range(6)]
    )
    answers = pd.DataFrame(
        {
            "observer": "subj1",
            "item": np.tile(np.arange(300), 2),
            "question": np.repeat(list(QUESTIONS), 300),
            "answer": rng.integers(3, size=600),
            "difficulty": np.tile(np.repeat(["impossible", "in-between", "trivial"], 100), 2),
        }
    )
    means = humans.means(humans.usable(answers))
    return {
        "difficulty": charts.human_difficulty_dots(
            pd.concat(rows, names=["tolerance"]).reset_index("tolerance"), Heading("heading", "M = 6 networks")
        ),
        "score": charts.human_score_dots(humans.share_by_score(share, correct), 6, Heading("heading", "rho")),
        "majority": charts.majority_dots(kappas, Heading("heading", "subtitle")),
        "experiment": charts.answer_dots(means, QUESTIONS, Heading("heading", "subtitle")),
    }, {"kappas": kappas, "means": means, "difficulty": rows[1]}


def rows(chart):
    """Return all rows of data that a chart, or its specification, carries."""
    specification = chart if isinstance(chart, dict) else chart.to_dict()
    return [row for data in specification["datasets"].values() for row in data]


def pixels(chart):
    """Return the width of the drawn chart, by Vega itself."""
    svg = pytest.importorskip("vl_convert").vegalite_to_svg(chart if isinstance(chart, dict) else chart.to_dict())
    return float(re.search(r'<svg[^>]*? width="([\d.]+)"', svg)[1])
