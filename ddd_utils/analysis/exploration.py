"""What there is to see behind a bar of a histogram or a cell of a matrix: counts of all images, and some to look at."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ddd_utils.analysis.consistency import KappaMatrix, pairwise_matrix
from ddd_utils.analysis.consistency.kappa import count_both_right
from ddd_utils.analysis.difficulty import as_correct, as_labels, classify, scores
from ddd_utils.analysis.examples import earlier
from ddd_utils.analysis.nulls import NullKappa, score_stratified_kappa

MOST = 200  # images to look at
ENOUGH = 12  # images for each way in which two networks differ
WORK = 450_000_000  # pairs times images to choose from: all of 50,000 for up to 94 networks
LEAST = 4  # networks that a null with an ability for each score takes


@dataclass(frozen=True)
class Part:
    """Pairs of networks on some of the images."""

    total: int  # images
    both_right: np.ndarray
    kappa: KappaMatrix


@dataclass(frozen=True)
class Exploration:
    """What is known of scores and of pairs of networks, and which images show it."""

    scores: np.ndarray  # images of each score, (networks + 1,)
    both_right: np.ndarray  # images that two networks both get right, on the diagonal one, (networks, networks)
    images: np.ndarray  # positions of images to look at, in rising order
    kappa: KappaMatrix
    null: NullKappa | None  # excess over what the scores let expect; None where networks or images are too few
    between: Part | None = None  # the in-between images alone, if asked for and there are any


def explore(
    correct: ArrayLike,
    names: Sequence[str],
    labels: ArrayLike | None = None,
    count: int = MOST,
    tolerance: int | None = None,
    null: NullKappa | None = None,
) -> Exploration:
    """
    Gather all that the explorer shows of a set of networks; with a tolerance, pairs on the in-between images too.

    `null` is `score_stratified_kappa` of the same decisions, where it is at hand.
    """
    correct = as_correct(correct)
    networks, images = correct.shape
    between = None
    if tolerance is not None and (kept := correct[:, classify(correct, tolerance) == "in-between"]).size:
        between = Part(kept.shape[1], count_both_right(kept), pairwise_matrix(kept, list(names)))
    return Exploration(
        scores=np.bincount(scores(correct), minlength=networks + 1),
        both_right=count_both_right(correct),
        images=telling_images(correct, labels, count),
        kappa=pairwise_matrix(correct, list(names)),
        null=null or (score_stratified_kappa(correct) if networks >= LEAST and images > 1 else None),
        between=between,
    )


def telling_images(correct: ArrayLike, labels: ArrayLike | None = None, count: int = MOST, seed: int = 0) -> np.ndarray:
    """Choose images that cover the scale of difficulty, and every way in which two networks differ; in rising order."""
    correct = as_correct(correct)
    labels = as_labels(labels, np.zeros(correct.shape[1], int))
    order = np.random.default_rng(seed).permutation(correct.shape[1])
    # One half is dealt out over the scores in turn, within each score over the classes in turn. Then pairs get what
    # they lack: each image is the one on which the most pairs differ in a way (one right, the other wrong) of which no,
    # then one, then two images have been chosen, and so on up to `ENOUGH`. What is left is dealt out over the scores.
    over_scores = order[_in_turn(scores(correct)[order], labels[order])]
    chosen, left = np.split(over_scores, [-(-count // 2)])
    candidates = left[: max(WORK // len(correct) ** 2, count)]
    over_pairs = _over_pairs(correct, chosen, candidates, count - chosen.size)
    left = left[~np.isin(left, over_pairs)]
    return np.sort(np.concatenate([chosen, over_pairs, left])[:count])


def _in_turn(of_images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Order images so that every score has its first before any has its second, of another class where there is one."""
    place = pd.Series(earlier(of_images, labels)).groupby(of_images).rank("first")
    return np.lexsort((of_images, place))


def _over_pairs(correct: np.ndarray, chosen: np.ndarray, left: np.ndarray, count: int) -> np.ndarray:
    """Choose more images, each where it is needed most."""
    candidates = correct[:, left].astype(np.float32)
    differing = candidates @ (1 - candidates).T  # in each way: one right (row), the other wrong (column)
    at_hand = correct[:, chosen].astype(np.float32)
    covered = at_hand @ (1 - at_hand).T
    found: list[int] = []
    enough = 1
    while len(found) < count and enough <= ENOUGH:
        needed = ((covered < enough) & (differing > 0)).astype(np.float32)
        gain = np.einsum("ik,ik->k", needed.T @ candidates, 1 - candidates)
        best = int(gain.argmax()) if gain.size else 0
        if not gain.size or gain[best] <= 0:
            enough += 1
            continue
        way = np.outer(candidates[:, best], 1 - candidates[:, best])
        covered += way
        differing -= way
        candidates[:, best] = 0  # an image that is never right gains nothing
        found.append(best)
    return left[found]
