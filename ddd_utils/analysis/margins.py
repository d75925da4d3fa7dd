"""How sure models are: whether their decision margins go together, how well calibrated they are, and CAPA."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import softmax

from ddd_utils.analysis.consistency.kappa import pairwise_error_consistency
from ddd_utils.analysis.difficulty import as_correct
from ddd_utils.analysis.nulls.expected_kappa import dealt, fewest_networks, jackknife, refitted
from ddd_utils.analysis.nulls.rasch import expected_tables, stratified_abilities
from ddd_utils.analysis.statistics import Estimate, with_limits

BINS, FEWEST = 15, 30  # bins at most, images in each at least


@dataclass(frozen=True)
class DecisionMargins:
    """How far models are from deciding otherwise, as far as their probabilities are known."""

    models: np.ndarray  # int (known,): which of all models these are
    probability: np.ndarray  # float (known, images): of their answers
    values: np.ndarray  # float (known, images): positive where a model is right, negative where it is wrong
    exact: bool  # whether these are margins; if not, the probability of the answer stands in for its margin


def decision_margins(
    correct: ArrayLike,
    probability: ArrayLike | None = None,
    margin: ArrayLike | None = None,
    probability_label: ArrayLike | None = None,
) -> DecisionMargins:
    """
    By how much models find the true class more probable than any other.

    Alvarez & Konkle (2024, "Decision-margin consistency") take this difference between a model's last activations. Here
    it is one of probabilities: in half precision they do not tell the activations of a model that is nearly certain.

    All arguments are (models, images), as `Responses` has them. A model is left out if a probability of its answers is
    NaN. Unless margins and probabilities of the true class are known of all others, the probability of the answer
    stands in for the margin, with a minus where it is wrong.
    """
    correct = as_correct(correct)
    unknown = np.full(correct.shape, np.nan)
    given = (unknown if each is None else np.asarray(each, float) for each in (probability, margin, probability_label))
    answer, ahead, label = given
    models = np.flatnonzero(~np.isnan(answer).any(axis=1))
    margins, signed = np.where(correct, ahead, label - answer)[models], np.where(correct, answer, -answer)[models]
    exact = not np.isnan(margins).any()
    return DecisionMargins(models, answer[models], margins if exact else signed, exact)


def margin_consistency(
    correct: ArrayLike, margins: DecisionMargins, names: Sequence[str], groups: int = 50, seed: int = 0
) -> pd.DataFrame:
    """
    Correlate the decision margins of pairs of models (Alvarez & Konkle, 2024), beside what the images' scores imply.

    The null is that of `score_stratified_kappa` with one assumption more: given how many of all models are right about
    an image, which of them are is independent; given that and its own decision, a model's margin varies around its mean
    independently of the others'. So each model's accuracy and mean margins at each score are matched. The excess ranks
    pairs; it is no test: images of one score still differ in how easy they are, which margins show and scores do not.

    Decisions, (models, images), and names are those of all models: those without probabilities take part in the scores.
    Groups and seed are as in `score_stratified_kappa`. One row a pair: one, other, kappa, correlation (Pearson's),
    expected and excess with limits (95%, for other images; no expectation for fewer than four models), and surer_right
    (share of images that are right if the surer of the two decides).
    """
    correct = as_correct(correct)
    rows, scores, group = margins.models, correct.sum(axis=0), dealt(correct, groups, seed)
    right = correct[rows]
    found: list[np.ndarray] = []
    for tables, abilities in refitted(correct, stratified_abilities, group):
        for both, images in zip(expected_tables(abilities, tables.images).both, tables.images, strict=True):
            kept = group != len(found) - 1  # all images first
            pairs = both[:, rows[:, None], rows]
            found.append(_correlations(margins.values[:, kept], right[:, kept], scores[kept], pairs, images))
    observed, expected = np.moveaxis(np.array(found), 1, 0)
    if len(correct) < fewest_networks(0):
        expected[:] = np.nan
    i, j = np.triu_indices(len(rows), 1)
    columns = {"one": np.take(names, rows[i]), "other": np.take(names, rows[j])}
    columns["kappa"] = pairwise_error_consistency(right)[i, j]
    for name, values in (("correlation", observed), ("expected", expected), ("excess", observed - expected)):
        each = jackknife(values[:, i, j])
        columns |= with_limits(name, each.value, each.lower, each.upper)
    ahead = np.sign(margins.probability[i] - margins.probability[j])
    columns["surer_right"] = (right[i] * (1 + ahead) + right[j] * (1 - ahead)).mean(axis=1) / 2
    return pd.DataFrame(columns)


def _correlations(
    margins: np.ndarray, right: np.ndarray, scores: np.ndarray, both: np.ndarray, images: np.ndarray
) -> np.ndarray:
    """Correlate margins, as observed and as expected with these counts of both right by score, (2, models, models)."""
    counts = np.diagonal(both, axis1=1, axis2=2).T  # (models, scores) of right answers
    counts = np.stack([counts, images - counts])
    parts = np.where(np.stack([right, ~right]), margins, 0)
    sums = np.array([[np.bincount(scores, values, len(images)) for values in part] for part in parts])
    if_right, if_wrong = np.divide(sums, counts, out=np.zeros_like(sums), where=counts > 0.5)
    more = if_right - if_wrong
    # The product of two margins, each `if_wrong` for all images, and `more` on top for those that are right.
    mixed = np.einsum("is,is,js->ij", counts[0], more, if_wrong)
    products = np.einsum("sij,is,js->ij", both, more, more) + mixed + mixed.T + (images * if_wrong) @ if_wrong.T
    mean, sd = margins.mean(axis=1), margins.std(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = [each / len(scores) - np.outer(mean, mean) for each in (margins @ margins.T, products)]
        return np.array(found) / np.outer(sd, sd)


def calibration(correct: ArrayLike, margins: DecisionMargins, names: Sequence[str], bins: int = BINS) -> pd.DataFrame:
    """
    Compare the probabilities that models give their answers with how often these are right.

    Bins are of equally many images (Nguyen & O'Connor, 2015); there are fewer where these would be less than thirty.
    One row a model: model, accuracy, probability (mean), and with limits (95%, for other images) overconfidence (by how
    much probability exceeds accuracy), calibration_error (root mean square over bins of how far they are apart, without
    what chance adds to the square: Kumar, Liang & Ma, 2019) and brier (mean squared difference of the answer's
    probability and whether it is right; Brier, 1950).
    """
    rows = []
    for model, probability in zip(margins.models, margins.probability, strict=True):
        right = as_correct(correct)[model]
        apart = probability - right
        rows.append({"model": names[model], "accuracy": right.mean(), "probability": probability.mean()})
        errors = {"overconfidence": _mean(apart), "calibration_error": _calibration_error(probability, apart, bins)}
        for name, each in (errors | {"brier": _mean(apart**2)}).items():
            rows[-1] |= with_limits(name, each.value, each.lower, each.upper)
    return pd.DataFrame(rows)


def reliability(correct: ArrayLike, margins: DecisionMargins, names: Sequence[str], bins: int = BINS) -> pd.DataFrame:
    """List the bins of `calibration`: model, probability (mean), right (share) and images."""
    rows = [
        (names[model], probability[inside].mean(), as_correct(correct)[model, inside].mean(), len(inside))
        for model, probability in zip(margins.models, margins.probability, strict=True)
        for inside in _equal_mass(probability, bins)
    ]
    return pd.DataFrame(rows, columns=["model", "probability", "right", "images"])


def _equal_mass(probability: np.ndarray, bins: int) -> list[np.ndarray]:
    return np.array_split(np.argsort(probability, kind="stable"), max(min(bins, len(probability) // FEWEST), 1))


def _mean(values: np.ndarray) -> Estimate:
    return Estimate.wald(float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values))))


def _calibration_error(probability: np.ndarray, apart: np.ndarray, bins: int) -> Estimate:
    """Compute the root of the mean squared distance of bins; of a bin's own variance its square is free."""
    inside = [apart[members] for members in _equal_mass(probability, bins)]
    rows = [(len(each) / len(apart), each.mean(), each.var(ddof=1) / len(each)) for each in inside]
    weight, mean, error = np.array(rows).T
    square = mean**2 - error
    spread = np.sqrt(weight**2 @ (4 * np.maximum(square, 0) * error + 2 * error**2))  # of squared normal means
    value, lower, upper = np.sqrt(np.maximum(weight @ square + 1.96 * spread * np.array([0, -1, 1]), 0))
    return Estimate(value, spread / (2 * value) if value else np.nan, lower, upper)


def capa(answers: ArrayLike, labels: ArrayLike, classes: int) -> np.ndarray:
    """
    Chance-adjusted probabilistic agreement of all pairs of models (Goel et al., 2025, "Great models think alike").

    A kappa of the answers themselves: two models agree with the probability that both give the same answer, if each
    draws it from its probabilities of all classes; by chance they agree as if all wrong answers were equally likely.

    Answers are probabilities of all classes, (models, images, classes), or answers (models, images), which are then
    taken as certain (the discrete form). The result is (models, models), NaN for a model with answers that are not
    recorded (-1).
    """
    answers, labels = np.asarray(answers), np.asarray(labels)
    if answers.ndim == 2:
        same = np.array([(answers == each).mean(axis=1) for each in answers])
        right = np.where((answers < 0).any(axis=1), np.nan, (answers == labels).mean(axis=1))
    else:
        same = np.einsum("inc,jnc->ij", answers, answers, optimize=True) / len(labels)
        right = answers[:, np.arange(len(labels)), labels].mean(axis=1)
    chance = np.outer(right, right) + np.outer(1 - right, 1 - right) / (classes - 1)
    return (same - chance) / (1 - chance)


def averaged_pairs(activations: Mapping[str, np.ndarray], labels: np.ndarray) -> pd.DataFrame:
    """
    List pairs of models, those first whose averaged probabilities are right most often.

    Arguments are the models' last activations by name, (images, classes) each, and the labels of these images. Columns
    one, other, average (share of images that the averaged probabilities get right), better (of the more accurate alone)
    and CAPA.
    """
    probabilities = softmax(np.stack([*activations.values()]), axis=2)
    i, j = np.triu_indices(len(probabilities), 1)
    alike = capa(probabilities, labels, probabilities.shape[2])
    alone = (probabilities.argmax(axis=2) == labels).mean(axis=1)
    both = [((probabilities[a] + probabilities[b]).argmax(axis=1) == labels).mean() for a, b in zip(i, j, strict=True)]
    columns = {"one": np.take([*activations], i), "other": np.take([*activations], j), "average": both}
    columns |= {"better": np.maximum(alone[i], alone[j]), "CAPA": alike[i, j]}
    return pd.DataFrame(columns).sort_values("average", ascending=False, ignore_index=True, kind="stable")
