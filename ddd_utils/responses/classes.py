"""Classes of a table of responses: indices as they are, names in alphabetical order, and answers that are missing."""

import re
from collections.abc import Collection, Mapping

import numpy as np

from ddd_utils.errors import InputError, nearest
from ddd_utils.responses.columns import Column, Sheet

WRONG, MISSING = -1, -2
HIGHEST = np.iinfo(np.int16).max
# What stands where there is no answer, unless it is a class.
UNKNOWN = frozenset({"", "na", "n/a", "#n/a", "<na>", "nan", "null", "none", "-", "?"})
_TRUE = "true t yes y 1 1.0 right correct wahr vrai verdadero vero"
_FALSE = "false f no n 0 0.0 wrong incorrect falsch faux falso"
TRUTH = dict.fromkeys(_TRUE.split(), True) | dict.fromkeys(_FALSE.split(), False)
NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?")
_NAME = re.compile(r"[+-]?0\d.*|.*[eE].*|\+.*")  # among numbers: 01 and 1e1 are others' names than 1 and 10
# Models answer with further classes of ImageNet than a part of its images has; who reads on knows which these are.
_SYNSET = re.compile(r"n\d{8}")
_IMAGENET = re.compile(r"(.*[/\\])?ILSVRC2012_val_\d{8}(\.\w+)?")


def numbered(
    sheet: Sheet, columns: Mapping[str, Column], no_answer: frozenset[str]
) -> tuple[np.ndarray, np.ndarray, list[str] | None]:
    """Turn labels and answers into class indices, row by row; also give the names of the classes, if they have any."""
    prediction, label, correct = (columns.get(name) for name in ("prediction", "label", "correct"))
    if label is not None:
        further = all(map(_IMAGENET.fullmatch, columns["image"].values))
        truth, answers, names = _numbered(sheet, label, prediction or label, no_answer, further)
    if correct is None:
        return truth, answers, names
    judged = _judged(sheet, correct)
    if label is None:
        truth, names = np.zeros(len(judged), np.int16), None
    if label is None or prediction is None:
        return truth, np.where(judged == 1, truth, judged), names
    differs = (judged != MISSING) & (answers != MISSING) & ((judged == 1) != (truth == answers))
    if differs.any():
        row = int(differs.argmax())
        said, answer, wanted = (column.values[column.codes[row]] for column in (correct, prediction, label))
        raise sheet.fault(row, f"'correct' is {said!r}, but 'prediction' is {answer!r} and 'label' is {wanted!r}")
    return truth, answers, names


def _judged(sheet: Sheet, column: Column) -> np.ndarray:
    """Read who is right, row by row: 1, `WRONG` or `MISSING`."""
    said = [value.lower() for value in column.values]
    known = [MISSING if value in UNKNOWN else TRUTH.get(value) for value in said]
    column.refuse(sheet, [value is None for value in known], lambda value: f"{value!r}, not true or false")
    return np.array([WRONG if value is False else value for value in known], np.int16)[column.codes]


def _numbered(
    sheet: Sheet, label: Column, prediction: Column, no_answer: frozenset[str], further: bool
) -> tuple[np.ndarray, np.ndarray, list[str] | None]:
    """Keep class indices as they are; number class names in alphabetical order, and give them in that order."""
    _check_labels(sheet, label, prediction)
    classes = set(label.values)
    absent = {value for value in prediction.values if value.lower() in UNKNOWN} - classes - no_answer
    names: list[str] | None = None
    known: dict[str, int | None]
    if _are_indices(label.values, [*{*prediction.values} - absent - no_answer]):
        known = {value: _index(value) for value in {*classes, *prediction.values} - absent - no_answer}
        _check_indices(sheet, label, known, 0)
        _check_indices(sheet, prediction, known, WRONG)
    else:
        further = further or all(map(_SYNSET.fullmatch, (*classes, *prediction.values)))
        names = sorted(classes | {*prediction.values} - absent - no_answer - {"-1"} if further else classes)
        known = {"-1": WRONG, **{name: index for index, name in enumerate(names)}}
        if len(names) > HIGHEST + 1:
            raise InputError(f"{sheet}: '{label.name}' has {len(names):,} classes, more than {HIGHEST + 1:,}")
        _check_names(sheet, prediction, known, absent | no_answer)
    known |= dict.fromkeys(no_answer, WRONG) | dict.fromkeys(absent, MISSING)
    truth, answers = (np.array([known[v] for v in each.values], np.int16)[each.codes] for each in (label, prediction))
    return truth, answers, names


def _check_labels(sheet: Sheet, label: Column, prediction: Column) -> None:
    """Take labels such as NA as a class if models answer it now and then as they do other classes; else refuse them."""

    def is_class(code: int) -> bool:
        answers = prediction.values[np.unique(prediction.codes[label.codes == code])]
        return any(answer.lower() not in UNKNOWN for answer in answers)

    doubtful = [value.lower() in UNKNOWN and not is_class(code) for code, value in enumerate(label.values)]
    label.refuse(sheet, doubtful, lambda value: f"empty ({value!r})")


def _are_indices(labels: Collection[str], answers: Collection[str]) -> bool:
    """Say whether all are numbers, none a name that looks like one (01 beside 1, 1e1 beside 10, 2021013 of a taxon)."""
    if not all(NUMBER.fullmatch(value) for value in (*labels, *answers)):
        return False
    apart = all(len({float(value) for value in each}) == len(each) for each in (labels, answers))
    return apart and not any(map(_NAME.fullmatch, (*labels, *answers))) and max(map(float, labels)) <= HIGHEST


def _index(value: str) -> int | None:
    number = float(value)
    return int(number) if number.is_integer() and WRONG <= number <= HIGHEST else None


def _check_indices(sheet: Sheet, column: Column, known: Mapping[str, int | None], lowest: int) -> None:
    numbers = [known.get(value, lowest) for value in column.values]
    unrecorded = ", or -1 for a wrong answer that is not recorded" if lowest < 0 else ""
    numbers_allowed = f"from 0 to {HIGHEST}{unrecorded}"
    wrong = [number is None or number < lowest for number in numbers]
    column.refuse(sheet, wrong, lambda value: f"{value}; a class index is a whole number {numbers_allowed}")


def _check_names(sheet: Sheet, column: Column, known: Mapping[str, int | None], no_answer: Collection[str]) -> None:
    numbers = [all(NUMBER.fullmatch(name) for name in names) for names in (known.keys() - {"-1"}, column.values)]
    if numbers[0] != numbers[1]:
        kinds = ("numbers", "names") if numbers[0] else ("names", "numbers")
        raise InputError(f"{sheet}: labels are {kinds[0]} and '{column.name}' holds {kinds[1]}: write both in one way")
    column.refuse(
        sheet,
        [value not in known and value not in no_answer for value in column.values],
        lambda name: (
            f"an unknown class, {name!r}, the label of no image{nearest(name, known)}; "
            "models with further classes take class indices or a column 'correct' instead"
        ),
    )
