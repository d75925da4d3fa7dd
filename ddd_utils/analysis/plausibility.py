"""Answers that are unlikely to be what they are taken for: told before anyone draws a conclusion from them."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import bdtr, bdtrc, ndtri

from ddd_utils.analysis.difficulty import NOT_RECORDED

FEWEST = 20  # images; of fewer, even answers that are all right may be luck
ABOVE_CHANCE = 2.33  # standard deviations above guessing that a network should be: 99 guessers of 100 are not
MANY, HARDLY = 0.01, 3  # of many classes (chance is low) a few may be right where all others have changed places
UNTRAINED = "Nothing was learned that can be told from guessing: train it for longer, or leave it out."
IN_ORDER = "Name the classes in the order of the outputs."
SURE = 5.0  # how many another reading of its answers must be, of the dozen that are tried,
TWICE = 2  # and how many times as many right answers it must give
PERMUTED, SHUFFLES = 0.2, 3  # the commonest answers to the classes must exceed those to shuffled labels by this
ONE_ANSWER = 0.9  # share of the images
# Of the images that either gets wrong, both give the same wrong answer to at most .51 (any two of 30 published models)
# or .62 (one architecture trained twice). Where wrong answers are not recorded, the errors alone must coincide. All
# answers were the same, among 100 draws of 30 images, only of pairs with at most 7 wrong, and 15 if not recorded.
ALIKE, IDENTICAL = {True: 0.7, False: 0.9}, {True: 8, False: 20}
FALSE_ALARM = 0.01  # for all pairs of networks together
DECODED = 0.005  # by how much decoding, resizing and rounding move the share right: some .001, with a margin
SAMPLE = 2_000  # images that tell which pairs need not be compared on all of them


@dataclass(frozen=True)
class Finding:
    """Something that is unlikely in right answers: its kind, whose answers, what was found and what would mend it."""

    kind: str
    networks: tuple[str, ...]
    found: str
    mend: str

    def __str__(self) -> str:
        return f"{self.found}. {self.mend}"


@dataclass(frozen=True)
class _Fault:
    """A fault of one network's answers; of its right answers, and of those there would be, shares go into ``said``."""

    kind: str
    said: str
    mend: str
    share: float
    other: float = 0.0


def examine(
    predictions: ArrayLike,
    labels: ArrayLike,
    networks: Sequence[str],
    info: Mapping[str, Any] | None = None,
    trained: bool = False,
) -> list[Finding]:
    """
    Look for answers, (networks, images) with -1 where not recorded, that are unlikely to be right as they stand.

    ``info`` is as of `Responses`: labels_known; classes, their names; notes on the images, with what would mend it;
    by_file_name, how many labels "differ" from ImageNet's, by which the shares "right" are right; probabilities, the
    lowest and the highest; missing, in words; expected, by network, the share that is right by who published its
    weights. Networks that were trained with these labels cannot number them otherwise, and variants of one may well
    answer alike. A few classes that have changed places cannot be told from confusion. Of fewer than 20 images little
    is said.
    """
    answers, truth, info = np.asarray(predictions), np.asarray(labels), info or {}
    found = [Finding(kind, tuple(networks), said, mend) for kind, said, mend in _told(info)]
    if len(truth) < FEWEST:
        doubtful = not trained and (answers != truth).mean() > 0.5
        return [*found, *_sorted_as_text(info, networks)] if doubtful else found
    found += _unexpected((answers == truth).mean(axis=1), len(truth), info.get("expected", {}), networks)
    faults = [_fault(each, truth, info, trained) for each in answers]
    likely = frozenset(fault.said for fault in faults if fault and fault.kind != "chance")
    for index, fault in enumerate(faults):
        if likely and fault and fault.kind == "chance":  # what is surely the fault of others may be its own
            faults[index] = _fault(answers[index], truth, info, trained, likely)
    sound = [] if trained else [index for index, fault in enumerate(faults) if fault is None]
    twice = _same_models(answers[sound], truth, [networks[index] for index in sound]) if len(sound) > 1 else ()
    order = _sorted_as_text(info, networks) if not trained and len(sound) < len(faults) else ()
    return [*found, *_by_fault(faults, networks), *twice, *order]


def _by_fault(faults: Sequence[_Fault | None], networks: Sequence[str]) -> Iterator[Finding]:
    """Tell each fault once, for all networks that have it."""
    groups: dict[tuple[str, str, str], list[tuple[str, float, float]]] = defaultdict(list)
    for name, fault in zip(networks, faults, strict=True):
        if fault:
            groups[fault.kind, fault.said, fault.mend].append((name, fault.share, fault.other))
    for (kind, said, mend), members in groups.items():
        named, *shares = zip(*members, strict=True)
        said = said.format(*map(_span, shares))
        yield Finding(kind, named, f"{_who(named, len(networks))}: {said}", mend)


def _who(named: Sequence[str], of: int, most: int = 3) -> str:
    if len(named) == of > 1:
        return f"All {of} models"
    return ", ".join(named[:most]) + (f" and {len(named) - most} more" if len(named) > most else "")


def _span(shares: Sequence[float]) -> str:
    low, high = f"{min(shares):.1%}", f"{max(shares):.1%}"
    return low if low == high else f"{low} to {high}"


def _fault(
    answers: np.ndarray, labels: np.ndarray, info: Mapping[str, Any], trained: bool, likely: Set[str] = frozenset()
) -> _Fault | None:
    """Find what is wrong with one network's answers, if anything is: the cause, or else the symptom."""
    right = float((answers == labels).mean())
    if not info.get("labels_known", True):
        mend = "Look whether 'correct' says what it should."
        return None if right else _Fault("chance", "is right about no image", mend, right)
    classes = max(int(labels.max()) + 1, int(answers.max()) + 1, len(info.get("classes") or ()))
    given, true = np.bincount(answers[answers >= 0], minlength=classes), np.bincount(labels, minlength=classes)
    share, usual = given.max() / len(labels), true.max() / len(labels)
    if share >= ONE_ANSWER and share > usual + SURE * np.sqrt(usual * (1 - usual) / len(labels)):
        mend = UNTRAINED if trained else "Were the weights loaded, and the images normalised as in training?"
        return _Fault("one answer", "gives one and the same answer to {0} of the images", mend, float(share))
    if not trained and right < 1 / TWICE and (cause := _cause(answers, labels, classes, right, likely)):
        return cause
    chance, above = _above_chance(answers, labels, classes)
    if above >= ABOVE_CHANCE and (chance > MANY or right > HARDLY * chance):
        return None
    said = "{0} right, not above chance ({1})" if above < ABOVE_CHANCE else "{0} right, hardly above chance ({1})"
    return _Fault("chance", said, UNTRAINED if trained else _unlike(labels), right, chance)


def _unlike(labels: np.ndarray) -> str:
    """Say what to look at where no cause was found, and which could not have been."""
    said = "Do labels and answers speak of the same images, and number the classes alike?"
    if _commonest(labels, labels) - _by_shuffled(labels, labels) > PERMUTED:
        return said
    return f"{said} With so few images of each class, another order of the classes cannot be checked."


def _above_chance(answers: np.ndarray, labels: np.ndarray, classes: int) -> tuple[float, float]:
    """Return the share that would be right by chance, and by how many standard deviations more are."""
    n, recorded = len(labels), answers[answers != NOT_RECORDED]
    # Of an answer that is not recorded nothing is known: it counts as a part of each.
    given = np.bincount(recorded, minlength=classes) + (n - len(recorded)) / classes
    true = np.bincount(labels, minlength=classes)
    both = given @ true
    variance = (both - given @ true**2 / n - given**2 @ true / n + (both / n) ** 2) / (n - 1)
    right = int((answers == labels).sum())
    if variance <= 1e-9:  # a single class: only who is never right has no luck
        return float(both) / n**2, np.inf if right else -np.inf
    return float(both) / n**2, float((right - both / n) / np.sqrt(variance))


def _cause(answers: np.ndarray, labels: np.ndarray, classes: int, right: float, likely: Set[str]) -> _Fault | None:
    """Find another reading of the answers by which far more are right, or that the classes are in another order."""
    order = _another_order(answers, labels, right)
    least = max(TWICE * right, order.other / TWICE if order else 0)
    best = None
    for kind, said, mend, read in _readings(answers, labels, classes):
        other = float((read == labels).mean())
        told = f"{{0}} right, but {{1}} {said}"
        if other > least and _above_chance(read, labels, classes)[1] > (ABOVE_CHANCE if told in likely else SURE):
            least, best = other, _Fault(kind, told, mend, right, other)
    return best or order


def _another_order(answers: np.ndarray, labels: np.ndarray, right: float) -> _Fault | None:
    share = _commonest(answers, labels)
    if share <= max(TWICE * right, PERMUTED) or share <= _by_shuffled(answers, labels) + PERMUTED:
        return None
    said = "{0} right, but {1} would be if each class were called by the commonest answer to it"
    mend = "Its classes are in another order: name them in the order of its outputs."
    return _Fault("order of classes", said, mend, right, share)


def _readings(answers: np.ndarray, labels: np.ndarray, classes: int) -> Iterator[tuple[str, str, str, np.ndarray]]:
    """Yield the answers as they might be meant: kind of the fault, what it is, what mends it, and the answers."""
    recorded = answers != NOT_RECORDED

    def renumbered(order: np.ndarray) -> np.ndarray:
        return np.where(recorded, order[answers], NOT_RECORDED)

    numbers = np.arange(classes)
    if classes == 2:
        yield "order of classes", "if its two classes change places", "Swap them.", renumbered(1 - numbers)
        return
    for kind, step, high, low in (("shifted", -1, "answers", "labels"), ("shifted", 1, "labels", "answers")):
        said = f"if the {high} were one lower"
        mend = f"Subtract 1 from the {high} if they are counted from 1, and the {low} from 0."
        yield kind, said, mend, renumbered((numbers + step) % classes)
    for first in (0, 1):
        order = np.array(sorted(range(first, classes + first), key=str)) - first
        said = "if classes are numbered as text is sorted (1, 10, 2)"
        for each in (order, np.argsort(order)):
            yield "string order", said, IN_ORDER, renumbered(each)
    for step, where in ((1, "before"), (-1, "after")):
        said = f"if each answer is to the image {where} it"
        yield "images moved", said, "Sort answers and labels by image.", np.roll(answers, step)


def _commonest(answers: np.ndarray, labels: np.ndarray) -> float:
    """Return the share of the images that get the commonest answer to their class, which is commonest to no other."""
    known = answers != NOT_RECORDED
    pairs, counts = np.unique(labels[known].astype(np.int64) << 16 | answers[known], return_counts=True)
    table = np.stack([pairs >> 16, pairs & 0xFFFF])
    most = np.zeros((2, int(table.max(initial=0)) + 1), int)  # of a class, and of an answer
    for row, values in zip(most, table, strict=True):
        np.maximum.at(row, values, counts)
    both = (counts > 1) & (counts == most[0, table[0]]) & (counts == most[1, table[1]])
    return float(counts[both].sum() / len(labels))


def _by_shuffled(answers: np.ndarray, labels: np.ndarray) -> float:
    """Return what the share of the commonest answers is where answers know nothing of the classes."""
    generator = np.random.default_rng(0)
    return float(np.mean([_commonest(answers, generator.permutation(labels)) for _ in range(SHUFFLES)]))


def _same_models(answers: np.ndarray, labels: np.ndarray, networks: Sequence[str]) -> Iterator[Finding]:
    """Tell of networks that share more wrong answers than different ones do."""
    pairs = list(_doubles(answers, labels))
    group = np.arange(len(answers))
    for one, other, _ in pairs:
        group[group == group[other]] = group[one]
    for each in np.unique(group[[one for one, _, _ in pairs]]) if pairs else ():
        named = tuple(networks[row] for row in np.flatnonzero(group == each).tolist())
        shares = _span([share for one, _, share in pairs if group[one] == each])
        said = f"{_who(named, 0)}: the same wrong answer to {shares} of the images that either of two gets wrong"
        yield Finding("same model", named, said, "Is this one model under several names? Then it counts several times.")


def _doubles(answers: np.ndarray, labels: np.ndarray) -> Iterator[tuple[int, int, float]]:
    """Yield pairs of networks that share more wrong answers than different ones do, and the share of these."""
    wrong = answers != labels
    recorded = bool(wrong.any() and (answers[wrong] != NOT_RECORDED).mean() > 0.5)
    alike, pairs = ALIKE[recorded], len(answers) * (len(answers) - 1) / 2
    some = np.random.default_rng(0).permutation(len(labels))[:SAMPLE]
    few, few_wrong = answers[:, some], wrong[:, some]
    for one in range(len(answers) - 1):
        same, either = _shared(few[one], few[one + 1 :], few_wrong[one], few_wrong[one + 1 :])
        for other in one + 1 + np.flatnonzero(bdtr(same, either, alike) > FALSE_ALARM / pairs):
            same, either = _shared(answers[one], answers[[other]], wrong[one], wrong[[other]])
            if not same[0] or (not recorded and either[0] > len(labels) / 2):
                continue  # of networks that are hardly ever right errors alone tell little
            identical = same[0] == either[0] >= IDENTICAL[recorded]
            if identical or bdtrc(same[0] - 1, either[0], alike) < FALSE_ALARM / pairs:
                yield one, int(other), float(same[0] / either[0])


def _shared(
    one: np.ndarray, others: np.ndarray, wrong: np.ndarray, wrong_others: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Count images with the same wrong answer, and those that either gets wrong."""
    return ((one == others) & wrong & wrong_others).sum(axis=1), (wrong | wrong_others).sum(axis=1)


def _unexpected(
    right: np.ndarray, images: int, expected: Mapping[str, float], networks: Sequence[str]
) -> Iterator[Finding]:
    """Tell of shares right that are further from the published ones than another draw of images would explain."""
    known = [(name, share, expected[name]) for name, share in zip(networks, right, strict=True) if name in expected]
    many = ndtri(1 - FALSE_ALARM / 2 / max(1, len(known)))
    far = [
        (name, share, told)
        for name, share, told in known
        if abs(share - told) > DECODED + many * np.sqrt(told * (1 - told) / images)
    ]
    if far:
        named, shares, told = zip(*far, strict=True)
        said = f"{_span(shares)} right, but these weights are published with {_span(told)}"
        mend = "Are the images whole, and the weights, size and crop theirs?"
        yield Finding("published accuracy", named, f"{_who(named, len(networks))}: {said}", mend)


def _sorted_as_text(info: Mapping[str, Any], networks: Sequence[str]) -> Iterator[Finding]:
    names = list(info.get("classes") or ())
    if all(map(str.isdecimal, names)) and names == sorted(names) != sorted(names, key=int):
        said = f"Few answers are right, and classes named by numbers are sorted as text ({', '.join(names[:4])}, ...)"
        yield Finding("string order", tuple(networks), said, IN_ORDER)


def _told(info: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield what is known before any answer is looked at: kind of the finding, what was found, what would mend it."""
    yield from (("images", said, mend) for said, mend in info.get("notes", {}).items() if mend)
    if said := info.get("missing"):
        yield "missing answers", said, "Complete the table, or mind that."
    if (known := info.get("by_file_name")) and known["differ"]:
        said = f"{known['differ']:,} labels are not those of ImageNet's images of these names"
        right = _span(known["right"])
        mend = f"By ImageNet's labels {right} would be right: are rows moved, or classes numbered otherwise?"
        yield "labels", said, mend
    low, high = info.get("probabilities", (0, 1))
    if low < 0 or high > 1:
        said = f"what is called probability ranges from {low:.4g} to {high:.4g}"
        yield "probabilities", said, "Are these logits, or percent?"
