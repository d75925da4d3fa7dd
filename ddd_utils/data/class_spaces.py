"""Classes: what the images are of, what a model's outputs stand for, and how the two belong together."""

import functools
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ddd_utils.errors import InputError, nearest, needs_extra, package_folder

# ImageNet's classes in the order of a model's outputs: WordNet id, and its names in WordNet.
CLASSES = Path(__file__).with_name("imagenet_classes.tsv")
# timm's lists of WordNet ids for larger versions of ImageNet, by the number of outputs of models trained on them.
LARGER = {
    11_221: "imagenet21k_miil_synsets.txt",
    11_821: "imagenet12k_synsets.txt",
    21_841: "imagenet22k_synsets.txt",
    21_842: "imagenet22k_ms_synsets.txt",
    21_843: "imagenet21k_goog_synsets.txt",
}
MOST = np.iinfo(np.int16).max  # answers are kept in 16 bits
SHARED = 10  # names that several of ImageNet's classes have, such as crane, or that others write otherwise
NEVER = -1  # an output that stands for none of the answers


@functools.cache
def synsets(outputs: int = 1_000) -> tuple[str, ...]:
    """List the WordNet ids of a version of ImageNet, in the order of the outputs of models trained on it."""
    if outputs == 1_000:
        return tuple(synset for synset, _ in _classes())
    needs_extra("models", f"the list of ImageNet's {outputs:,} classes")
    lists = timm_lists()
    assert lists is not None, "timm is one of the extra's packages"
    return tuple((lists / LARGER[outputs]).read_text("utf-8").split())


def timm_lists() -> Path | None:
    """Find timm's lists about ImageNet, if it is installed, without importing it: that would import torch."""
    timm = package_folder("timm")
    return timm and timm / "data" / "_info"


@functools.cache
def _classes() -> tuple[tuple[str, tuple[str, ...]], ...]:
    rows = (line.split("\t") for line in CLASSES.read_text("utf-8").splitlines())
    return tuple((synset, tuple(names.split(", "))) for synset, names in rows)


@functools.cache
def imagenet_names() -> tuple[str, ...]:
    """Name ImageNet's 1,000 classes by their first name; the WordNet id follows where two share one (crane)."""
    first = [names[0] for _, names in _classes()]
    return tuple(
        f"{name} ({synset})" if first.count(name) > 1 else name for name, synset in zip(first, synsets(), strict=True)
    )


@functools.cache
def _by_name() -> dict[str, int]:
    """Map WordNet ids, indices and all names that only one class has to the class's index."""
    names = [(_folded(name), index) for index, (_, names) in enumerate(_classes()) for name in names]
    counts = Counter(name for name, _ in names)
    found = {name: index for name, index in names if counts[name] == 1}
    # Hugging Face and others write all names of a class: "tench, Tinca tinca".
    found |= {_folded(", ".join(names)): index for index, (_, names) in enumerate(_classes()) if len(names) > 1}
    found |= {str(index): index for index in range(1_000)}
    return found | {synset: index for index, synset in enumerate(synsets())}


def _folded(name: str) -> str:
    return " ".join(name.replace("_", " ").replace("-", " ").casefold().split())


def unknown(key: str) -> str:
    """Say why a key is no class of ImageNet, and what was probably meant."""
    several = [synset for synset, names in _classes() if _folded(key) in map(_folded, names)]
    if len(several) > 1:
        return f"'{key}' may be any of ImageNet's {' and '.join(several)}"
    if key.isdecimal():
        if int(key) > 999:
            return f"'{key}' is no index of ImageNet's 1,000 classes, which are counted from 0"
        return (
            f"'{key}' is a number, which may be anyone's; if numbers are ImageNet's indices, counted from 0 in the "
            "order of WordNet ids, give images.mapping: indices"
        )
    ids = re.fullmatch(r"n\d+", key) is not None
    known = synsets() if ids else [name for name in _by_name() if not re.fullmatch(r"n?\d+", name)]
    return f"'{key}' is no class of ImageNet{nearest(_folded(key) if not ids else key, known)}"


def by_number(names: Sequence[str]) -> list[str] | None:
    """Sort names that differ by a number alone, such as "7" or "class 7", by that number; None for other names."""
    parts = [re.fullmatch(r"(\D*)(\d+)(\D*)", name) for name in names]
    found = [part.groups() for part in parts if part]
    if len(found) < len(names) or len({(before, after) for before, _, after in found}) > 1:
        return None
    return sorted(names, key=lambda name: int(re.sub(r"\D", "", name)))


def imagenet_index(key: str) -> int | None:
    """Find the index of an ImageNet class by its WordNet id, any name that no other class has, or its index."""
    return _by_name().get(key, _by_name().get(_folded(key)))


@dataclass(frozen=True)
class ClassSpace:
    """The answers that models choose from, and what they are called."""

    names: tuple[str, ...]  # of the answers, by label
    keys: tuple[str, ...]  # the same as the images call them: WordNet ids, or their own classes
    own: np.ndarray  # int (classes of the images,): labels of the images' classes, in their own order
    labels: np.ndarray  # int16 (images,)
    synsets: Mapping[str, int] | None = None  # label by WordNet id; none = the classes are not ImageNet's

    @property
    def present(self) -> np.ndarray:
        """Whether some image has this label, bool (answers,)."""
        return np.isin(np.arange(len(self.names)), self.labels)

    def answers_of(self, outputs: int, stated: Sequence[str] | str | None = None) -> np.ndarray:
        """Return the label of each output, `NEVER` for none; `stated` gives classes, "imagenet" or "images"."""
        if isinstance(stated, tuple | list):
            return self._stated(outputs, stated)
        if stated != "images" and (outputs == 1_000 or outputs in LARGER) and self.synsets is not None:
            return np.array([self.synsets.get(synset, NEVER) for synset in synsets(outputs)])
        if stated != "imagenet" and outputs == len(self.own):
            return self._in_order(stated)
        if stated != "images" and (outputs == 1_000 or outputs in LARGER):
            strange = next((key for key in self.keys if imagenet_index(key) is None), self.keys[0])
            more = "" if "images.mapping" in (why := unknown(strange)) else "; give images.mapping"
            raise InputError(f"has ImageNet's {outputs:,} outputs, but {why}{more}")
        raise InputError(f"has {outputs:,} outputs, but the images have {len(self.own):,} classes; give `classes`")

    def meaning(self, answer_of: np.ndarray) -> str:
        """Say which classes the outputs of a model stand for, in their order."""
        return _some([self.names[answer] if answer != NEVER else "none" for answer in answer_of.tolist()])

    def _in_order(self, stated: object) -> np.ndarray:
        """Take outputs in the order of the images' classes, which must be beyond doubt or stated."""
        order = [self.keys[label] for label in self.own]
        counted = by_number(order)
        if counted is None or counted == order or stated == "images":
            return self.own
        if stated == "numbers":
            return np.array([self.keys.index(key) for key in counted])
        raise InputError(
            f"has {len(order):,} outputs, and the images' classes are numbers: state the order of outputs, `classes: "
            f"images` for the order of text ({_some(order)}), as in torchvision's ImageFolder, or `classes: numbers` "
            f"({_some(counted)})"
        )

    def _stated(self, outputs: int, stated: Sequence[str]) -> np.ndarray:
        if len(stated) != outputs:
            raise InputError(f"has {outputs:,} outputs, but `classes` names {len(stated):,}")
        known = {**{key: label for label, key in enumerate(self.keys)}, **(self.synsets or {})}
        known |= {name: label for label, name in enumerate(self.names) if name not in known}
        found = np.array([known.get(name, NEVER) for name in stated])
        missing = sorted(self.keys[label] for label in np.flatnonzero(self.present) if label not in found)
        if missing:
            raise InputError(f"none of its `classes` is the images' '{missing[0]}'{nearest(missing[0], stated)}")
        return found


def _some(names: Sequence[str]) -> str:
    """List some names, at most the first three and the last."""
    return ", ".join(names if len(names) < 5 else [*names[:3], "...", names[-1]])


def class_space(
    keys: Sequence[str], order: Sequence[str], mapping: Mapping[str, str | list[str]] | str | None = None
) -> ClassSpace:
    """Find the classes of images: ImageNet's if names or ``mapping`` lead to them, else the images' own ``order``."""
    mapping = dict(zip(order, order, strict=True)) if isinstance(mapping, str) else mapping or _all_in_order(order)
    for name in mapping:
        if name not in order:
            raise InputError(f"images.mapping: the images have no class '{name}'{nearest(name, order)}")
    groups = {key: _group(mapping.get(key, key)) for key in order}
    seen = set(keys)
    if all(groups[key] for key in seen):
        # Folders without images, such as those that archivers leave behind, are no classes of ImageNet's.
        groups = {key: group for key, group in groups.items() if group}
    # Numbers may be anybody's labels: they are ImageNet's indices if they are 0 to 999, or with a mapping.
    numbers = all(map(str.isdecimal, order)) and set(order) != set(map(str, range(1_000)))
    known = all(groups.values()) and (bool(mapping) or not numbers)
    if known:
        return _imagenet_space(keys, groups)
    if mapping:
        strange = next(key for key, group in groups.items() if not group)
        given = mapping.get(strange, strange)
        names = [given] if isinstance(given, str) else given
        bad = next(name for name in names if imagenet_index(name) is None)
        raise InputError(f"images.mapping: {unknown(bad)}")
    if len(order) > MOST:
        raise InputError(f"the images have {len(order):,} classes; no more than {MOST:,} can be told apart")
    label = {key: index for index, key in enumerate(order)}
    labels = np.array([label[key] for key in keys], np.int16)
    return ClassSpace(tuple(order), tuple(order), np.arange(len(order)), labels)


def _all_in_order(order: Sequence[str]) -> dict[str, str | list[str]]:
    """Map 1,000 names that are ImageNet's in its order to their numbers, though two classes share a name or two."""
    known = [imagenet_index(name) for name in order]
    as_numbered = all(index in (None, number) for number, index in enumerate(known))
    few = len(known) == 1_000 and known.count(None) <= SHARED
    return {name: str(number) for number, name in enumerate(order)} if few and as_numbered else {}


def _group(given: str | list[str]) -> tuple[int, ...]:
    """Find the ImageNet classes that a class of the images stands for; nothing if one of them is unknown."""
    # ObjectNet has "ballpoint, ballpoint pen; fountain pen".
    found = [imagenet_index(name) for name in (given.split("; ") if isinstance(given, str) else given)]
    return () if None in found else tuple(index for index in found if index is not None)


def _imagenet_space(keys: Sequence[str], groups: Mapping[str, tuple[int, ...]]) -> ClassSpace:
    owner: dict[int, str] = {}
    for key, group in groups.items():
        for index in group:
            if owner.setdefault(index, key) != key:
                raise InputError(f"'{owner[index]}' and '{key}' both stand for ImageNet's class {synsets()[index]}")
    # Every class that the images do not have is an answer of its own; all in ImageNet's order.
    answers = dict.fromkeys(owner.get(index, synset) for index, synset in enumerate(synsets()))
    label = {answer: index for index, answer in enumerate(answers)}
    labels = np.array([label[key] for key in keys], np.int16)
    named = {key: imagenet_names()[group[0]] for key, group in groups.items() if len(group) == 1}
    named |= {synset: imagenet_names()[index] for index, synset in enumerate(synsets()) if index not in owner}
    return ClassSpace(
        names=tuple(named.get(answer, answer) for answer in answers),
        keys=tuple(answers),
        own=np.array([label[key] for key in groups]),
        labels=labels,
        synsets={synset: label[owner.get(index, synset)] for index, synset in enumerate(synsets())},
    )
