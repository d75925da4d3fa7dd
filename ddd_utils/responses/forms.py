"""The forms that tables of responses come in, each turned into columns: model, image, prediction, label, correct."""

import logging
import re
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ddd_utils import headings
from ddd_utils.errors import InputError, nearest
from ddd_utils.responses.classes import TRUTH
from ddd_utils.responses.columns import Column, Sheet, distinct, with_pandas

log = logging.getLogger(__name__)

# The per-trial format of the model-vs-human toolbox (Geirhos et al., 2021): a row for each trial of an observer.
TRIAL_COLUMNS = ("subj", "imagename", "object_response", "category")
CONDITION = "condition"
# A person who did not answer in time; models always answer.
NO_ANSWER = frozenset({"na", "NA", "NaN", "nan"})
EMPTY = frozenset({"NA", "NaN", "nan"})  # no names
# Stimulus files are named <trial>_<experiment>_<observer>_..._<image>, where only the image is the same for everyone:
# 0056_cl_s01_bw_chair_40_n04429376_21865.png is n04429376_21865.png, shown to observer s01 in trial 56.
_STIMULUS = re.compile(r"\d+_[^_]+_(?:s\d+|dnn)_.*?(?P<image>(?:n\d{8}_)?[^_]+)")

FORMATS = (("model", "image", "prediction", "label"), ("model", "image", "correct"))
FORM = (
    "a row for each model and image, with the columns model, image, prediction and label, or model, image and correct"
)
_OBJECT = re.compile(r"<.* object at 0x\w+>")
BESIDE = "beside the column of a model called x may stand x_probability, x_margin and x_probability_label"
# A conformer is a model.
_NO_MODEL = re.compile(r"\s*(Unnamed: \d+|index|(prob(s|abilit(y|ies))?|conf(idences?)?|scores?)(_\w*)?)?\s*")


def read_form(sheet: Sheet) -> tuple[dict[str, Column], frozenset[str], dict[str, np.ndarray]]:
    """Read the columns of the format that fits; also which answers mean "no answer", and the numbers beside answers."""
    plain = [headings.plain(name) for name in sheet.names]
    if set(TRIAL_COLUMNS) <= set(plain):
        wanted = [*TRIAL_COLUMNS, *([CONDITION] if CONDITION in plain else [])]
        columns = _trials_as_responses(_renamed(sheet, {name: headings.exact(name, sheet.names) for name in wanted}))
        no_answer, wide = NO_ANSWER, False
    else:
        at = {role: found for role in headings.ROLES if (found := headings.candidates(role, sheet.names))}
        models, numbers = _models(sheet, at) if _may_be_wide(sheet, at) else ([], {})
        wide = len(models) > 1
        columns = _wide(sheet, at, models) if wide else _renamed(sheet, _fitting(sheet, at))
        if all(
            map(_OBJECT.fullmatch, columns["image"].values)
        ):  # a picture, as W&B exports it: another column names it
            sheet.names[at["image"][0]] = ""
            return read_form(sheet)
        no_answer = frozenset()
    for key in ("model", "image", "label"):
        if column := columns.get(key):
            empty = no_answer if key == "label" else EMPTY
            wrong = [value == "" or value in empty for value in column.values]
            column.refuse(sheet, wrong, lambda cell: f"empty ({cell!r})" if cell else "empty")
    return columns, no_answer, _beside_models(sheet, models, numbers) if wide else _beside(sheet)


def _beside(sheet: Sheet) -> dict[str, np.ndarray]:
    """Read the columns of numbers beside the answers, by role; of two that may have one role, neither."""
    places = {role: headings.candidates(role, sheet.names) for role in headings.BESIDE}
    names = {role: sheet.names[found[0]] for role, found in places.items() if len(found) == 1}
    numbers = sheet.numbers([*names.values()])
    return {role: numbers[name] for role, name in names.items() if name in numbers}


def _renamed(sheet: Sheet, places: Mapping[str, list[int]]) -> dict[str, Column]:
    """Read columns, and call each as its role is; of two that may have one role, neither is chosen."""
    for role, several in places.items():
        names = [f"'{sheet.names[place].strip()}'" for place in several]
        if len({*map(headings.plain, names)}) < len(names):
            raise InputError(f"{sheet}: there are {len(names)} columns {names[0]}")
        if len(names) > 1:
            raise InputError(f"{sheet}: any of {', '.join(names)} may be '{role}': call one of them so")
    own = {role: sheet.names[place] for role, (place,) in places.items()}
    others = [f"'{name.strip()}' as {role}" for role, name in own.items() if headings.plain(name) != role]
    if others and set(places) <= set(headings.ROLES):
        log.info("%s: read %s", sheet.path.name, ", ".join(others))
    columns = sheet.read(list(own.values()))
    return {role: columns[name] for role, name in own.items()}


def _fitting(sheet: Sheet, places: Mapping[str, list[int]]) -> dict[str, list[int]]:
    """Choose the columns that are read; a table that has not what it takes is refused, with the way to convert it."""
    clear = {role for role, found in places.items() if len(found) == 1}
    kind = min(FORMATS, key=lambda needed: len(set(needed) - clear))
    if absent := [name for name in kind if name not in places]:
        names = [name.strip() for name in sheet.names]
        kind = min((*FORMATS, TRIAL_COLUMNS), key=lambda needed: len(set(needed) - set(names) - set(places)))
        absent = [name for name in kind if name not in places and name not in names] or absent
        taken = {name for found in places.values() for place in found if (name := names[place])}
        near = nearest(absent[0], set(names) - taken - {*kind}) if len(absent) == 1 else ""
        meant = {near.split("'")[1]: absent[0]} if near else {f"<{name}>": name for name in absent}
        shown = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
        said = f"there is no column '{absent[0]}'{near} in [{shown}]; needed is {FORM}"
        raise InputError(f"{sheet}: {said}{with_pandas(sheet.path, f'.rename(columns={meant})')}")
    beside = {role: at for role in ("correct", "label") if (at := headings.exact(role, sheet.names))}
    return {role: places[role] for role in kind} | beside


def _may_be_wide(sheet: Sheet, places: Mapping[str, list[int]]) -> bool:
    """Say whether columns may be models: then an image has one row, and no model or answer a column of its own."""
    trial = set(TRIAL_COLUMNS[::2]) & {headings.plain(name) for name in sheet.names}
    return not trial and {"image"} <= set(places) <= {"image", "label"}


def _models(sheet: Sheet, places: Mapping[str, list[int]]) -> tuple[list[str], dict[str, np.ndarray]]:
    """Tell the columns that are models from those of numbers that are called as what may stand beside one."""
    fixed = {place for found in places.values() for place in found}
    others = [name for index, name in enumerate(sheet.names) if index not in fixed]
    numbers = sheet.numbers([name for name in others if headings.parted(name, headings.BESIDE)[1]])
    return [name for name in others if name not in numbers and not _NO_MODEL.fullmatch(name)], numbers


def _beside_models(sheet: Sheet, models: list[str], numbers: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Find the model of each column of numbers; by role, they have the order of a row a model and image."""
    stems = [{headings.plain(name), headings.parted(name, ("prediction", "correct"))[0]} for name in models]
    found: dict[str, np.ndarray] = {}
    for name, values in numbers.items():
        stem, role = headings.parted(name, headings.BESIDE)
        table = found.setdefault(role, np.full((len(models), len(values)), np.nan))
        of = [row for row, names in enumerate(stems) if stem in names and np.isnan(table[row]).all()]
        if len(of) == 1 and (values % 1 > 0).any():  # whole numbers may be classes that a model answers
            table[of[0]] = values
        elif not _NO_MODEL.fullmatch(name):
            raise InputError(f"{sheet}: '{name}' may be a model, or the {role} of one: {BESIDE}")
    return {role: table.ravel() for role, table in found.items() if not np.isnan(table).all()}


def _wide(sheet: Sheet, places: Mapping[str, list[int]], models: list[str]) -> dict[str, Column]:
    """Read a row an image and a column a model: answers where there are labels, else who is right."""
    columns = _renamed(sheet, places)
    if twice := next((name for name in models if models.count(name) > 1), None):
        raise InputError(f"{sheet}: there are {models.count(twice)} columns '{twice}'")
    read = sheet.read(models)
    images = sheet.folded = len(columns["image"].codes)
    name = columns["image"].name
    columns = {role: replace(each, codes=np.tile(each.codes, len(models))) for role, each in columns.items()}
    answers = [read[name] for name in models]
    starts = np.cumsum([0, *(len(each.values) for each in answers[:-1])])
    codes = np.concatenate([each.codes + start for each, start in zip(answers, starts, strict=True)])
    role = "prediction" if "label" in places else "correct"
    columns[role] = distinct(role, codes, [value for each in answers for value in each.values])
    if role == "correct" and any(value.lower() not in TRUTH for value in columns[role].values if value):
        said = f"without labels the columns {', '.join(models[:6])} must say who is right; needed is {FORM}"
        melt = f".melt({name!r}, var_name='model', value_name='prediction')"
        raise InputError(f"{sheet}: {said}{with_pandas(sheet.path, melt)}")
    columns["model"] = Column("model", np.repeat(np.arange(len(models)), images), np.array(models, object))
    return columns


def _trials_as_responses(columns: dict[str, Column]) -> dict[str, Column]:
    """Rename columns; images are told apart without trial and observer, by condition if one has several."""
    subject, image, response, category = (columns[name] for name in TRIAL_COLUMNS)
    image = distinct(image.name, image.codes, [shown_image(name) for name in image.values])
    if CONDITION in columns:
        image = _by_condition(image, columns[CONDITION])
    return {"model": subject, "image": image, "prediction": response, "label": category}


def shown_image(name: str) -> str:
    """Return the part of a stimulus file's name that is the same for every observer; other names stay."""
    stimulus = _STIMULUS.fullmatch(name)
    return stimulus["image"] if stimulus else name


def _by_condition(image: Column, condition: Column) -> Column:
    """Tell apart the conditions of an image; a condition left out (models often have none) is not one more."""
    pairs, codes = np.unique(
        image.codes.astype(np.int64) * len(condition.values) + condition.codes, return_inverse=True
    )
    images, conditions = np.divmod(pairs, len(condition.values))
    stated = ~np.isin(condition.values[conditions], ["", *NO_ANSWER])
    several = np.bincount(images[stated], minlength=len(image.values)) > 1
    names = [
        f"{image.values[i]} ({condition.values[c]})" if several[i] and s else image.values[i]
        for i, c, s in zip(images, conditions, stated, strict=True)
    ]
    return distinct(image.name, codes, names)
