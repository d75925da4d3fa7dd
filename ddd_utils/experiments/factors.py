"""What people have marked on images: the factors of ImageNet-X, or those of a user's own table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.json as pajson

from ddd_utils import headings
from ddd_utils.errors import InputError, nearest, package_folder
from ddd_utils.files import find
from ddd_utils.responses import Responses
from ddd_utils.responses.classes import TRUTH
from ddd_utils.responses.columns import Column, Sheet

PACKAGE, IMAGE = "imagenet_x", "image"
MARKS, TOP = "imagenet_x_val_multi_factor.jsonl", "imagenet_x_val_top_factor.jsonl"
PROTOTYPES, SUPERCLASSES = "prototypical_paths.csv", "imagenet_1k_classes_to_100_metaclasses.csv"
FACTORS = (
    *("multiple_objects", "background", "color", "brighter", "darker", "style", "larger", "smaller"),
    *("object_blocking", "person_blocking", "partial_view", "pattern", "pose", "shape", "subcategory", "texture"),
)
HOW_TO_GET = (
    "People's marks on ImageNet's validation images (ImageNet-X, CC BY-NC 4.0) are not at hand: "
    '`pip install ".[factors]"` brings them.'
)


@dataclass(frozen=True)
class Marks:
    """Factors marked on the images of some responses."""

    factors: tuple[str, ...]
    marked: np.ndarray  # bool (images, factors), False where nothing is known
    known: np.ndarray  # bool (images,): somebody looked, and the image is none with which the others were compared
    source: str
    prototypes: int = 0  # images left out for that
    top: np.ndarray | None = None  # bool (images, factors): the main factor of each
    superclasses: np.ndarray | None = None  # str (classes,) by label


def marks(answers: Responses, table: str | None = None) -> Marks | str:
    """
    Look up which factors people have marked on the images of some responses.

    Parameters
    ----------
    answers : Responses
    table : str, optional
        A table (.csv, .csv.gz or .parquet) with a column ``image``, names as in the responses, and one for each
        factor, 1 where it is marked, else 0. Without it, the marks of ImageNet-X on ImageNet's validation images.

    Returns
    -------
    Marks or str
        A line that says why there are none.

    Raises
    ------
    ddd_utils.errors.InputError
        If the table is faulty, or has none of the images.
    """
    if table is not None:
        return own_marks(find(table, "table"), answers.image_ids)
    if not answers.info.get("on_imagenet"):
        return (
            "Nobody's marks on these images are known. A table `image, factor, ...` of your own, 1 where a factor is "
            "marked, else 0, shows what impossible images have in common: `why_impossible.marks: my_marks.csv`."
        )
    folder = _annotations()
    return HOW_TO_GET if folder is None else imagenet_x(folder, answers.image_ids)


def own_marks(path: Path, image_ids: Sequence[str] | np.ndarray) -> Marks:
    """Read a user's table; images that it lacks are not known, and further ones do not matter."""
    sheet = Sheet(path)
    names = sheet.names
    image = next((names[place] for place in headings.candidates(IMAGE, names)), None)
    factors = [name for name in names if name != image]
    if image is None:
        raise InputError(f"{path}: there is no column '{IMAGE}'{nearest(IMAGE, names)}")
    if not factors:
        raise InputError(f"{path}: there is no column beside '{IMAGE}'; each further one is a factor")
    if twice := [name for name in names if names.count(name) > 1]:
        raise InputError(f"{path}: there are {names.count(twice[0])} columns '{twice[0]}'")
    columns = sheet.read(names)
    rows = _rows(_names(sheet, columns[image]), image_ids)
    if (rows < 0).all():
        first = str(columns[image].values[0])
        raise InputError(f"{path}: none of its images is among these, such as '{first}'{nearest(first, image_ids)}")
    marked = np.stack([_truth(sheet, columns[name]) for name in factors], axis=1)
    return Marks(tuple(factors), marked[rows] & (rows >= 0)[:, None], rows >= 0, path.name)


def _names(sheet: Sheet, column: Column) -> dict[str, int]:
    """Return the row of each image; no image may have two."""
    if (again := pd.Series(column.codes).duplicated().to_numpy()).any():
        row = int(again.argmax())
        raise sheet.fault(row, f"a second row for image '{column.values[column.codes[row]]}'")
    return {str(column.values[code]): row for row, code in enumerate(column.codes)}


def _truth(sheet: Sheet, column: Column) -> np.ndarray:
    known = [TRUTH.get(value.lower()) for value in column.values]
    column.refuse(sheet, [value is None for value in known], lambda value: f"{value!r}; a factor is marked 1 or 0")
    return np.array(known, bool)[column.codes]


def _rows(rows: Mapping[str, int], image_ids: Sequence[str] | np.ndarray) -> np.ndarray:
    """Find each image by its name or, where it lies in a folder, by its file's name; -1 where there is none."""
    named = [(str(name), str(name).replace("\\", "/").rpartition("/")[2]) for name in image_ids]
    return np.array([rows.get(name, rows.get(file, -1)) for name, file in named])


def _annotations() -> Path | None:
    """Find the annotation files of the installed package, without importing it."""
    folder = package_folder(PACKAGE)
    return folder and folder / "annotations"


def imagenet_x(folder: Path, image_ids: Sequence[str] | np.ndarray) -> Marks:
    """Read the annotations of Idrissi et al. (2022); the prototypes, with which others were compared, are not known."""
    try:
        rows, marked = _read_factors(folder / MARKS, image_ids)
        main, top = _read_factors(folder / TOP, image_ids)
        prototypes = (folder / PROTOTYPES).read_text("utf-8").split()
        superclasses = [line.split(",")[1] for line in (folder / SUPERCLASSES).read_text("utf-8").splitlines()[1:]]
        if not (prototypes and superclasses):
            raise ValueError("a list is empty")
    except (OSError, ValueError, LookupError) as error:  # ValueError: pyarrow's among them
        reason = getattr(error, "strerror", None) or str(error).partition("\n")[0]
        raise InputError(f"{folder}: cannot be read ({reason}); install the package imagenet-x again") from None
    prototype = _rows(dict.fromkeys(prototypes, 0), image_ids) == 0
    known = (rows >= 0) & ~prototype
    return Marks(
        tuple(name.replace("_", " ").replace("color", "colour") for name in FACTORS),
        marked[rows] & known[:, None],
        known,
        "ImageNet-X",
        int((prototype & (rows >= 0)).sum()),
        top[main] & known[:, None],
        np.array(superclasses),
    )


def _read_factors(path: Path, image_ids: Sequence[str] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Read which row is about each image, and which factors are marked in each row, bool (rows, factors)."""
    schema = pa.schema([("file_name", pa.string()), *((name, pa.int64()) for name in FACTORS)])
    options = pajson.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")
    table = pajson.read_json(path, parse_options=options)
    names = {name: row for row, name in enumerate(table["file_name"].to_pylist())}
    return _rows(names, image_ids), np.stack([table[name].to_numpy() == 1 for name in FACTORS], axis=1)
