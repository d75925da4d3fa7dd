"""How far pairs of networks differ in excess agreement where nothing but ability tells them apart: simulated data."""

from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np
from numpy.typing import ArrayLike

from ddd_utils.analysis.nulls.expected_kappa import at_once, enough_networks, kappas, kept_cells, spread_over_pairs
from ddd_utils.analysis.nulls.rasch import ScoreTables, shifted_probabilities, stratified_abilities, tables_by_score
from ddd_utils.analysis.score_models.fits import multiply_out


def simulated_spreads(
    correct: ArrayLike, tolerances: Sequence[int | None], draws: int = 40, seed: int = 0
) -> np.ndarray:
    """
    Compute how `score_stratified_kappa`'s excess spreads over pairs (standard deviation) in data drawn from that null.

    Every image keeps its score; which networks are right is drawn anew with the abilities fitted at that score. Then
    all is fitted again, as for the data. Returns (draws, tolerances); tolerance None takes all images.
    """
    correct = enough_networks(correct, 4, "one ability a network and score")
    full = tables_by_score(correct)
    abilities = stratified_abilities(full)
    kept = [kept_cells(len(correct), tolerance) for tolerance in tolerances]
    drawn = _drawn_tables(abilities[0], full.images[0].astype(int), draws, seed)
    spreads = []
    while stack := list(islice(drawn, at_once(full))):
        tables = ScoreTables(np.stack(stack), np.repeat(full.images, len(stack), axis=0))
        found = kappas(tables, stratified_abilities(tables, abilities), kept)
        spreads.append(np.stack([spread_over_pairs(excess) for _, _, excess in found], axis=1))
    return np.concatenate(spreads)


def _drawn_tables(abilities: np.ndarray, images: np.ndarray, draws: int, seed: int) -> Iterator[np.ndarray]:
    """Draw decisions about so many images of each score, and count which networks are right together."""
    rng = np.random.default_rng(seed)
    networks = abilities.shape[1]
    scores = np.repeat(np.arange(networks + 1), images)
    ends = np.cumsum(images)
    chances = _chances_in_turn(abilities)
    for _ in range(draws):
        left, right = scores.copy(), np.empty((networks, scores.size), np.float32)
        for chance, decisions in zip(chances, right, strict=True):
            decisions[:] = rng.random(scores.size, np.float32) < chance[left, scores]
            left -= decisions.astype(int)
        yield np.stack([at @ at.T for at in np.split(right, ends[:-1], axis=1)]).astype(float)


def _chances_in_turn(abilities: np.ndarray) -> np.ndarray:
    """Probability that each network is right, given how many from it on are: (networks, right left, score)."""
    networks = abilities.shape[1]
    p, q = shifted_probabilities(abilities, np.arange(networks + 1))
    after = multiply_out(p[::-1], q[::-1], networks)[::-1]
    both = np.zeros((networks, *after.shape[1:]))
    both[:, 1:] = p[:, None] * after[1:, :-1]
    return np.divide(both, after[:-1], out=np.zeros_like(both), where=after[:-1] > 0)
