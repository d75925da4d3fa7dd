"""Small tables, and every chart of networks that is made from such."""

import numpy as np
import pandas as pd

from ddd_utils import charts
from ddd_utils.analysis import difficulty, dynamics
from ddd_utils.analysis.consistency import KappaMatrix

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
