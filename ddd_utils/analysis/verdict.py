"""
The clauses of the verdict: each a test of its own, with an effect, its interval, and "not decidable" as an outcome.

Every test compares an interval with one number of `RULES`, the smallest effect worth a sentence: it *holds* where the
whole interval lies above, *does not hold* where all of it lies below, and is *not decidable* between. A clause with
several tests holds if all hold, and does not hold if one does not. The rules were written down before any world was
simulated.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ddd_utils.analysis import difficulty, nulls
from ddd_utils.analysis.consistency import mean_kappa
from ddd_utils.analysis.difficulty import as_correct, scores
from ddd_utils.analysis.nulls.rasch import FEW_NETWORKS, rasch_abilities, tables_by_score
from ddd_utils.analysis.nulls.simulation import simulated_spreads
from ddd_utils.analysis.score_models import fit_beta_binomial, kappa_of_counts, null_kappa, score_counts
from ddd_utils.analysis.score_models.fits import as_counts, percentiles, redraw
from ddd_utils.analysis.score_models.smooth import Excess, excess_at_ends, misplaced_by_chance
from ddd_utils.analysis.statistics import wilson
from ddd_utils.errors import InputError

HOLDS, FAILS, OPEN = "holds", "does not hold", "not decidable"


class Rule(NamedTuple):
    """What a test measures, the smallest value that counts, and why it is that one."""

    effect: str
    least: float
    why: str


RULES = {
    "fail_alike": Rule("mean kappa of all pairs", 0.02, "chance gives 0; .02 is a thirtieth of what networks show"),
    "extra_mass": Rule("share of all images, at one end, that no smooth family explains", 0.02, "one image in fifty"),
    "extra_part": Rule("its part of the images at that end", 0.5, "most trivial, and most impossible images"),
    "misfit": Rule("share of images the best smooth family misplaces, beyond chance", 0.02, "one image in fifty"),
    "described": Rule("1 less the share misplaced, beyond chance, with both kinds beside it", 0.95, "or nothing fits"),
    "falls_in_between": Rule("Fleiss' kappa on all images less that in between", 0.0, "arithmetic: any fall will do"),
    "models_differ": Rule(
        "sd over pairs of kappa's excess, in between, beyond the null's", 0.03, "chance: .025 in 2,000 images"
    ),
    "differ_chance": Rule("1 less the p-value of the same spread in data simulated from the null", 0.95, "5 % level"),
    "beyond_label_errors": Rule("share of impossible images where the label is accepted", 0.01, "one in a hundred"),
}
FEWEST_IN_BETWEEN = 50  # images, for a kappa of every pair
FEWEST_SCORED = 6  # networks: with four, half of the simulated sets of two kinds were taken for smooth ones


@dataclass(frozen=True)
class Clause:
    """One clause: what came out, by how much, with a 95% interval for a new draw of images, and what it rests on."""

    name: str
    outcome: str  # "holds", "does not hold" or "not decidable"
    effect: float
    low: float
    high: float
    n: int  # images
    networks: int
    details: dict[str, float]
    reason: str = ""  # why nothing can be decided, whatever the figures

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values, undefined numbers as None."""
        found = asdict(self)
        found["details"] = {key: _defined(value) for key, value in self.details.items()}
        return found | {key: _defined(found[key]) for key in ("effect", "low", "high")}


def _defined(value: float) -> float | None:
    return None if value != value else float(value)


class _Test(NamedTuple):
    """A number with its interval, and the rule that it is held against."""

    value: float
    low: float
    high: float
    rule: str

    @property
    def outcome(self) -> str:
        least = RULES[self.rule].least
        return HOLDS if self.low > least else FAILS if self.high < least else OPEN

    def named(self, name: str) -> dict[str, float]:
        """Return the number and its limits as details of this name."""
        return {name: self.value, f"{name}_low": self.low, f"{name}_high": self.high}


def _all_of(tests: list[_Test]) -> str:
    outcomes = {test.outcome for test in tests}
    return FAILS if FAILS in outcomes else OPEN if OPEN in outcomes else HOLDS


def _undecided(name: str, images: int, networks: int, reason: str) -> Clause:
    return Clause(name, OPEN, np.nan, np.nan, np.nan, images, networks, {}, reason)


def fail_alike(correct: ArrayLike) -> Clause:
    """
    *Models fail on the same images*: the mean kappa of all pairs, which is 0 where they decide independently.

    Decisions are bool (networks, images). The effect is the mean kappa over the pairs whose kappa is defined, its
    interval that of `consistency.interval`: pairs share networks and images.

    Examples
    --------
    >>> import numpy as np
    >>> from ddd_utils.analysis import verdict
    >>> rng = np.random.default_rng(0)
    >>> verdict.fail_alike(rng.random((5, 2000)) < 0.7).outcome  # five networks that know nothing of each other
    'does not hold'
    """
    correct = as_correct(correct)
    networks, images = correct.shape
    if networks < 2:
        return _undecided("fail_alike", images, networks, "one network agrees with no other")
    mean = mean_kappa(correct)
    if np.isnan(mean.value):
        return _undecided("fail_alike", images, networks, "no pair of networks has a defined kappa")
    test = _Test(mean.value, mean.lower, mean.upper, "fail_alike")
    return Clause("fail_alike", test.outcome, *test[:3], images, networks, {"accuracy": float(correct.mean())})


def dichotomous(given: ArrayLike, draws: int = 200, seed: int = 0) -> Clause:
    """
    *Difficulty is dichotomous*: impossible and trivial images, more than any smooth family of difficulties brings.

    Smooth families (beta, logit-normal, logit-t with 3 degrees of freedom) are fitted with and without two kinds of
    images that all networks get wrong, or right (`score_models.smooth`); networks keep their different abilities. Three
    tests must hold, the first two at each end separately: even the family that leaves least leaves enough images there;
    these are most of the images at that end; and no smooth family alone puts nearly all images at their score. Where
    neither end is known to have too few of them, but one of the other two tests holds, it is not decidable.

    ``given`` holds decisions, bool (networks, images), or, where no more is known, the counts of scores 0 to M,
    (networks + 1,), of networks that then count as equally able. Images are redrawn for the intervals. The effect is
    the smaller of the two masses, a share of all images. Details: for ``impossible`` and ``trivial`` the ``_share``,
    the ``_mass`` and ``_part`` with ``_low`` and ``_high``, and ``_holds`` (1, 0; NaN: not decidable); ``misfit`` with
    limits (of the best smooth family, beyond chance), ``blur``, and each family's ``misplaced_`` share and masses.
    """
    correct, counts = _decisions_or_counts(given)
    if correct is not None:  # a copy of a network is no second opinion
        correct, counts = _decisions_or_counts(difficulty.distinct(correct))
    images, networks = int(counts.sum()), len(counts) - 1
    if networks < FEWEST_SCORED:
        reason = f"two kinds of images are told from smooth difficulty by {FEWEST_SCORED} networks or more"
        return _undecided("dichotomous", images, networks, reason)
    found = excess_at_ends(counts, np.zeros(networks) if correct is None else _abilities(correct), draws, seed)
    details = _by_family(found)
    ends, masses = [], []
    for end, name in enumerate(("impossible", "trivial")):
        mass, part = (_least(found, what, end) for what in ("mass", "part"))
        details |= {f"{name}_share": float(counts[-end] / images)} | mass.named(f"{name}_mass")
        outcome = _all_of([mass, part])
        details |= part.named(f"{name}_part") | {f"{name}_holds": {HOLDS: 1.0, FAILS: 0.0}.get(outcome, np.nan)}
        ends += [mass, part]
        masses.append(mass)
    misfit, described = _misfits(found, counts)
    details |= misfit.named("misfit") | described.named("described")
    outcome = _all_of([*ends, misfit])
    mixed = outcome == FAILS and _all_of(masses) != FAILS and HOLDS in (_all_of(ends), misfit.outcome)
    if described.outcome != HOLDS or mixed:
        outcome = OPEN  # nothing describes the scores, or they are neither quite smooth nor mostly of two kinds
    least = min(masses, key=lambda test: test.value)
    return Clause("dichotomous", outcome, *least[:3], images, networks, details)


def _decisions_or_counts(given: ArrayLike) -> tuple[np.ndarray | None, np.ndarray]:
    if np.ndim(given) == 1:
        return None, as_counts(given)
    correct = as_correct(given)
    return correct, score_counts(scores(correct), len(correct))


def _abilities(correct: np.ndarray) -> np.ndarray:
    """Fit an ability to each network, whatever the images' difficulties are: log odds (networks,) around 0."""
    abilities = rasch_abilities(tables_by_score(correct))[0, 1]
    finite = np.isfinite(abilities)
    return abilities - abilities[finite].mean() if finite.any() else np.zeros(len(correct))


def _least(found: Mapping[str, Excess], what: str, end: int) -> _Test:
    """Take the smallest mass (or part) that a family leaves, and its interval over draws of images."""
    value = min(getattr(excess, what)[end] for excess in found.values())
    draws = np.min([getattr(excess, f"{what}_draws")[:, end] for excess in found.values()], axis=0)
    low, high = percentiles(draws)
    return _Test(float(value), min(low, float(value)), max(high, float(value)), f"extra_{what}")


def _misfits(found: Mapping[str, Excess], counts: np.ndarray) -> tuple[_Test, _Test]:
    """Share of images the best smooth family misplaces beyond chance, and 1 less the same with both kinds beside it."""
    chance, sd = misplaced_by_chance(int(counts.sum()), counts / counts.sum())
    alone = min(excess.misplaced for excess in found.values()) - chance
    described = 1 + chance - min(excess.misplaced_with for excess in found.values())
    return (
        _Test(alone, alone - 1.96 * sd, alone + 1.96 * sd, "misfit"),
        _Test(described, described - 1.96 * sd, described + 1.96 * sd, "described"),
    )


def _by_family(found: Mapping[str, Excess]) -> dict[str, float]:
    details = {"blur": min(found.values(), key=lambda excess: excess.misplaced_with).blur}
    for name, excess in found.items():
        details |= {f"misplaced_{name}": excess.misplaced, f"misplaced_with_kinds_{name}": excess.misplaced_with}
        details |= {f"impossible_mass_{name}": float(excess.mass[0]), f"trivial_mass_{name}": float(excess.mass[1])}
    return details


def falls_in_between(given: ArrayLike, tolerance: int, draws: int = 1000, seed: int = 0) -> Clause:
    """
    *Agreement falls on the in-between images*: arithmetic, from which nothing is to be concluded.

    Fleiss' kappa, on all images and in between, follows from the number of images of each score alone; in between it
    cannot leave the limits of `nulls.selection_band`, however alike or different the networks are.

    ``given`` holds decisions or counts, as in `dichotomous`; the tolerance is the number of deviating networks up to
    which an image counts as trivial or impossible. The effect is the fall of Fleiss' kappa. Details: ``all``,
    ``in_between``, ``lowest`` and ``highest`` (the limits), ``smooth_all`` and ``smooth_in_between`` (what a
    beta-binomial fitted to the counts expects), ``in_between_share`` and ``tolerance``.
    """
    _, counts = _decisions_or_counts(given)
    images, networks = int(counts.sum()), len(counts) - 1
    lowest, highest = nulls.selection_band(networks, tolerance)
    of_all, inside = float(kappa_of_counts(counts)), float(kappa_of_counts(counts, tolerance))
    if np.isnan(of_all - inside):
        return _undecided("falls_in_between", images, networks, "kappa is undefined on all or on in-between images")
    again = redraw(counts, draws, seed)
    limits = percentiles(kappa_of_counts(again) - kappa_of_counts(again, tolerance))
    test = _Test(of_all - inside, *limits, "falls_in_between")
    smooth = fit_beta_binomial(counts)
    details = {"all": of_all, "in_between": inside, "lowest": lowest, "highest": highest}
    details |= {"smooth_all": null_kappa(smooth), "smooth_in_between": null_kappa(smooth, tolerance)}
    kept = counts[tolerance + 1 : networks - tolerance].sum() / images
    details |= {"in_between_share": float(kept), "tolerance": float(tolerance)}
    return Clause("falls_in_between", test.outcome, *test[:3], images, networks, details)


def models_differ(
    correct: ArrayLike,
    tolerance: int,
    draws: int | None = None,
    seed: int = 0,
    fitted: tuple[nulls.NullKappa, nulls.NullKappa] | None = None,
) -> Clause:
    """
    *Models differ*: in between, some pairs agree more than others by more than ability and chance bring.

    The paper concludes that trivial and impossible images mask differences between models. Two things are meant. First,
    there is something to mask: some pairs agree more than others although both models' abilities, at every score, are
    taken into account. That is tested: the spread (standard deviation) over pairs of kappa's excess over the
    score-stratified expectation, against the same spread in data drawn from that null. The clause holds if this is so
    on the in-between images. Their mean excess is zero by construction and says nothing.

    Second, the differences show less on all images than in between. That is arithmetic: an image on which all agree, or
    all but one, has no excess at any abilities, so the same excess is divided by more images (`dilution`). This lowers
    signal and noise alike, so that what is seen in between is seen on all images; ``seen_on_all`` says whether it was.
    Where it was not, while the one in between was, differences were hidden.

    ``draws`` data sets are drawn from the null (by default 30, and 20 for more than sixty networks). ``seed`` is that
    of the draws and of the groups of images left out for the intervals. ``fitted`` is the result of
    `nulls.stratified_kappas` for the same decisions, if it is at hand. The effect is the spread in between beyond the
    null's, ``sqrt(observed^2 - null^2)``, negative where the null's is larger. Details: for ``all`` and ``in_between``
    the ``_spread``, ``_null``, ``_beyond`` with limits and ``_p``; ``dilution`` (spread on all images through spread in
    between), ``seen_on_all`` (1 or 0), ``tolerance``.
    """
    correct = as_correct(correct)
    networks, images = correct.shape
    if networks < 4:
        reason = "the null fits abilities at each score, which takes 4 networks"
        return _undecided("models_differ", images, networks, reason)
    if (difficulty.classify(correct, tolerance) == "in-between").sum() < FEWEST_IN_BETWEEN:
        return _undecided("models_differ", images, networks, f"fewer than {FEWEST_IN_BETWEEN} images are in between")
    draws = draws or (30 if networks <= FEW_NETWORKS else 20)
    simulated = simulated_spreads(correct, [None, tolerance], draws, seed)
    details, tests = {"tolerance": float(tolerance)}, {}
    found = fitted or nulls.stratified_kappas(correct, tolerance, seed)
    for key, null, spread in zip(("all", "in_between"), simulated.T, (each.spread for each in found), strict=True):
        p = (1 + (null >= spread.value).sum()) / (draws + 1)
        beyond = _Test(*_beyond([spread.value, spread.lower, spread.upper], null), "models_differ")
        tests[key] = [beyond, _Test(1 - p, 1 - p, 1.0, "differ_chance")]
        details |= {f"{key}_spread": spread.value, f"{key}_null": float(null.mean()), f"{key}_p": float(p)}
        details |= beyond.named(f"{key}_beyond")
    details["dilution"] = details["all_spread"] / details["in_between_spread"]
    details["seen_on_all"] = float(tests["all"][0].low > 0 and tests["all"][1].outcome == HOLDS)
    return Clause("models_differ", _all_of(tests["in_between"]), *tests["in_between"][0][:3], images, networks, details)


def _beyond(spreads: list[float], null: np.ndarray) -> tuple[float, float, float]:
    squares = np.square(np.maximum(spreads, 0)) - np.mean(null**2)
    value, low, high = np.sign(squares) * np.sqrt(np.abs(squares))
    return float(value), float(low), float(high)


def beyond_label_errors(correct: ArrayLike, accepted: ArrayLike, tolerance: int = 0) -> Clause:
    """
    *Beyond label errors*: impossible images remain among those whose label is accepted.

    ``accepted``, bool (images,), marks the images whose label a second look accepts (ReaL: Beyer et al., 2020). The
    effect is the share of impossible images among them, with Wilson's interval. Details: for ``impossible`` and
    ``trivial`` the share among ``_all`` images and the ``_accepted`` ones with limits, and ``_kept``, the part of them
    whose label is accepted; ``accepted`` (share of images), ``tolerance``.
    """
    correct, accepted = as_correct(correct), np.asarray(accepted, bool)
    networks, images = correct.shape
    if accepted.shape != (images,):
        raise InputError(f"there must be one mark an image: {accepted.shape} for {images} images")
    if not accepted.any():
        return _undecided("beyond_label_errors", images, networks, "no label is accepted")
    kinds = difficulty.classify(correct, tolerance)
    details = {"accepted": float(accepted.mean()), "tolerance": float(tolerance)}
    tests = {}
    for kind in ("impossible", "trivial"):
        of_kind = kinds == kind
        share = float(of_kind[accepted].mean())
        low, high = map(float, wilson(of_kind[accepted].sum(), accepted.sum()))
        tests[kind] = _Test(share, low, high, "beyond_label_errors")
        kept = float(accepted[of_kind].mean()) if of_kind.any() else np.nan
        details |= {f"{kind}_all": float(of_kind.mean()), f"{kind}_kept": kept}
        details |= tests[kind].named(f"{kind}_accepted")
    test = tests["impossible"]
    return Clause("beyond_label_errors", test.outcome, *test[:3], int(accepted.sum()), networks, details)
