"""People and networks on the same images: what is hard for both, and what people see in images of each difficulty."""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ddd_utils.analysis.consistency import kappa_bounds, pairwise_matrix
from ddd_utils.analysis.difficulty import DIFFICULTIES, as_correct, classify, scores
from ddd_utils.analysis.statistics import Estimate, holm, mean_intervals, percentile_interval
from ddd_utils.errors import InputError

# Images of the second experiment, numbered from 0. They were shown as in-between images, but all 11 models agree about
# each of them: right about the first two, wrong about the third.
WRONG_CLASS = (43, 221, 253)


def human_share(counts: ArrayLike, labels: ArrayLike) -> np.ndarray:
    """Share of people who give each image its label, (images,), from counts (images, classes) and labels (images,)."""
    right, people = right_answers(counts, labels)
    return right / people


def majority_right(counts: ArrayLike, labels: ArrayLike) -> np.ndarray:
    """Whether more people give an image its label than any other class, bool (images,); a tie counts as wrong."""
    right, _ = right_answers(counts, labels)
    others = np.array(counts, int)
    others[np.arange(len(others)), np.asarray(labels)] = -1
    return right > others.max(axis=1)


def share_by_difficulty(share: ArrayLike, correct: ArrayLike, tolerance: int = 0) -> pd.DataFrame:
    """Mean human share, (images,), of the images of each difficulty for networks; 95% intervals (Student's t)."""
    found = pd.Categorical(classify(correct, tolerance), DIFFICULTIES)
    table = mean_intervals(pd.DataFrame({"difficulty": found, "share": share}), ["difficulty"], "share")
    return table.astype({"difficulty": str})


def share_by_score(share: ArrayLike, correct: ArrayLike) -> pd.DataFrame:
    """Mean human share of the images that 0, 1, ... networks get right; columns score and as `share_by_difficulty`."""
    return mean_intervals(pd.DataFrame({"score": scores(correct), "share": share}), ["score"], "share")


def rank_correlation(share: ArrayLike, correct: ArrayLike, draws: int = 1000, seed: int = 0) -> Estimate:
    """Spearman's correlation of human share and number of networks right, with its error for a new draw of images."""
    table = _cross_table(share, scores(correct))
    rng = np.random.default_rng(seed)
    return _estimate(_spearman(table), [_spearman(_resample(table, rng)) for _ in range(draws)])


def reliability(counts: ArrayLike, labels: ArrayLike, splits: int = 200, seed: int = 0) -> Estimate:
    """
    Split-half reliability of the human share: what a second, equally large group of people would reproduce.

    Each image's answers, at least two, are dealt at random into two halves. Spearman's correlation between the two
    halves' shares, averaged over the splits, is stepped up from half to full length, r -> 2 r / (1 + r) (Spearman,
    1910; Brown, 1910). It is a correlation of ranks because `rank_correlation` is one: where most people are right
    about most images, single wrong answers decide the ranks, and the product-moment correlation of the halves would be
    far higher. The error is that of a new draw of images and another split.
    """
    right, people = right_answers(counts, labels)
    if people.min() < 2:
        raise InputError(f"image {people.argmin()} has one answer: to split the answers takes two of each image")
    half = people // 2
    rng = np.random.default_rng(seed)
    observed, resampled = [], []
    for _ in range(splits):
        # Only how many of the right answers come into the first half matters.
        first = rng.hypergeometric(right, people - right, half)
        table = _cross_table(first / half, (right - first) / (people - half))
        observed.append(_spearman(table))
        resampled.append(_step_up(_spearman(_resample(table, rng))))
    return _estimate(_step_up(float(np.mean(observed))), resampled)


def majority_consistency(right: ArrayLike, correct: ArrayLike, names: Sequence[str]) -> pd.DataFrame:
    """Error consistency of the human majority, bool (images,), with each network, and the highest possible one."""
    both = np.vstack([right, as_correct(correct)])
    matrix = pairwise_matrix(both, ["people", *names])
    accuracy = both.mean(axis=1)
    kappa, lower, upper = (values[0, 1:] for values in (matrix.kappa, matrix.lower, matrix.upper))
    table = {"network": list(names), "accuracy": accuracy[1:], "kappa": kappa, "lower": lower, "upper": upper}
    return pd.DataFrame({**table, "kappa_max": kappa_bounds(accuracy[0], accuracy[1:])[1]})


def right_answers(counts: ArrayLike, labels: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Count for each image the people who give its label, and all who answered."""
    counts, labels = np.asarray(counts, int), np.asarray(labels)
    if counts.ndim != 2 or labels.shape != counts.shape[:1]:
        raise InputError(f"there must be one label an image: {labels.shape} labels for counts {counts.shape}")
    if labels.min() < 0 or labels.max() >= counts.shape[1]:
        raise InputError(f"labels {labels.min()} to {labels.max()} do not fit the {counts.shape[1]} classes counted")
    people = counts.sum(axis=1)
    if not people.all():
        raise InputError(f"image {people.argmin()} has no answers")
    return counts[np.arange(len(labels)), labels], people


def _cross_table(a: ArrayLike, b: ArrayLike) -> np.ndarray:
    """Count the images at each combination of values: all that ranks and their resampling need."""
    rows, i = np.unique(a, return_inverse=True)
    columns, j = np.unique(b, return_inverse=True)
    return np.bincount(i * columns.size + j, minlength=rows.size * columns.size).reshape(rows.size, -1)


def _resample(table: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw as many images again: the counts are multinomial."""
    images = table.sum()
    return rng.multinomial(images, table.ravel() / images).reshape(table.shape)


def _spearman(table: np.ndarray) -> float:
    """Spearman's correlation of a cross table: the product-moment correlation of the mid-ranks."""
    rows, columns = table.sum(axis=1), table.sum(axis=0)
    x, y = (np.cumsum(margin) - margin / 2 - table.sum() / 2 for margin in (rows, columns))
    spread = np.sqrt((rows @ x**2) * (columns @ y**2))
    return float(x @ table @ y / spread) if spread else np.nan


def _step_up(correlation: float) -> float:
    return 2 * correlation / (1 + correlation)


def _estimate(value: float, resampled: list[float]) -> Estimate:
    lower, upper = percentile_interval(np.array(resampled))
    return Estimate(float(value), float(np.std(resampled, ddof=1)), float(lower), float(upper))


def usable(answers: pd.DataFrame, without: Iterable[int] = ()) -> pd.DataFrame:
    """Leave out the answers (observer, item, question, answer, difficulty) about items of a wrong class and others."""
    left_out = np.asarray(list(without), int)
    unknown = np.setdiff1d(left_out, answers["item"])
    if unknown.size:
        known = f"{answers['item'].min()} to {answers['item'].max()}"
        raise InputError(f"item {unknown[0]} cannot be left out: the items are {known}")
    return answers[~answers["item"].isin([*WRONG_CLASS, *left_out])]


def means(answers: pd.DataFrame) -> pd.DataFrame:
    """Mean of `usable` answers by question and difficulty, averaged over observers first: the image is the unit."""
    images = _image_means(answers)
    images["question"] = pd.Categorical(images["question"], answers["question"].unique())
    images["difficulty"] = pd.Categorical(images["difficulty"], DIFFICULTIES)
    table = mean_intervals(images, ["question", "difficulty"], "answer")
    return table.astype({"question": str, "difficulty": str})


def kruskal_wallis(answers: pd.DataFrame) -> pd.DataFrame:
    """Test for each question whether the difficulties of `usable` answers differ (Kruskal & Wallis, 1952)."""
    from scipy.stats import kruskal  # takes a second to load, which only this needs

    # One value an image: to pool several observers' answers to it would be pseudo-replication (Hurlbert, 1984).
    images = _image_means(answers)
    rows = []
    for question in answers["question"].unique():
        asked = images[images["question"] == question]
        groups = [group.to_numpy() for _, group in asked.groupby("difficulty")["answer"]]
        rows.append((question, len(asked), *kruskal(*groups)))
    table = pd.DataFrame(rows, columns=["question", "images", "statistic", "p_value"])
    return table.assign(adjusted=holm(table["p_value"].to_numpy()))


def agreement(answers: pd.DataFrame, draws: int = 1000, seed: int = 0) -> pd.DataFrame:
    """Krippendorff's alpha of the observers for each question, with its interval for new draws of the images."""
    rng = np.random.default_rng(seed)
    rows = []
    for question, asked in answers.groupby("question", sort=False):
        counts = pd.crosstab(asked["item"], asked["answer"]).to_numpy()
        images = len(counts)
        weights = rng.multinomial(images, np.full(images, 1 / images), size=draws)
        lower, upper = percentile_interval(krippendorff_alpha(counts, weights))
        alpha = krippendorff_alpha(counts, np.ones(images))
        rows.append((question, asked["observer"].nunique(), images, float(alpha), float(lower), float(upper)))
    return pd.DataFrame(rows, columns=["question", "observers", "images", "alpha", "lower", "upper"])


def krippendorff_alpha(counts: ArrayLike, weights: ArrayLike) -> np.ndarray:
    """Krippendorff's alpha (2004, chapter 11) for ordinal answers; NaN where all answers are one and the same."""
    # counts (items, values): how many observers gave each item each value, in ascending order; items with fewer than
    # two answers count for nothing. weights (..., items): how often each item is in the sample.
    counts, weights = np.asarray(counts, float), np.asarray(weights, float)
    answered = counts.sum(axis=1)
    paired = answered > 1
    counts = np.asarray(counts[paired])
    weights = np.asarray(weights[..., paired])
    values = counts.shape[1]
    pairs = counts[:, :, None] * counts[:, None, :] - counts[:, :, None] * np.eye(values)
    pairs = (pairs / (answered[paired] - 1)[:, None, None]).reshape(len(counts), -1)
    together = (weights @ pairs).reshape(*weights.shape[:-1], values, values)
    given = together.sum(axis=-1)
    total = given.sum(axis=-1)
    # The ordinal distance between two values is the one between their mid-ranks, squared.
    ranks = np.cumsum(given, axis=-1) - given / 2
    distance = (ranks[..., :, None] - ranks[..., None, :]) ** 2
    observed = (together * distance).sum(axis=(-2, -1))
    expected = (given[..., :, None] * given[..., None, :] * distance).sum(axis=(-2, -1))
    with np.errstate(invalid="ignore"):
        return 1 - (total - 1) * observed / expected


def _image_means(answers: pd.DataFrame) -> pd.DataFrame:
    """Average each question over the observers of each image."""
    return answers.groupby(["question", "difficulty", "item"])["answer"].mean().reset_index()
