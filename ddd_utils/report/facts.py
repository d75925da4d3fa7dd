"""Facts of ImageNet: figures from published answers that every report opens with, read from facts.yaml."""

from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from ddd_utils.files import read_own_yaml, write_text

SCHEMA = 1
DIGITS = 5  # kept of every figure
NAME = "facts.yaml"
HEADING = "# Facts of ImageNet's validation images. Written by `python -m ddd_utils facts`, never by hand.\n"


class _Plain(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Difficulty(_Plain):
    """Shares of images at one tolerance, and Fleiss' kappa on the in-between ones: found, and of a beta-binomial."""

    trivial: float
    impossible: float
    in_between: float
    kappa: float
    expected: float


class Scores(_Plain):
    """How many models are right about an image (`analysis.facts.score_facts`)."""

    images: int
    accuracy: float
    histogram: list[int]
    kappa: float
    expected: float
    by_tolerance: dict[int, Difficulty]


class Size(_Plain):
    """Mean kappa of subsets of so many models (`analysis.facts.agreement_by_size`)."""

    tolerance: int | None  # None: on all images
    models: int
    subsets: int
    kappa: float
    lower: float
    upper: float
    expected: float


class Source(_Plain):
    """What the figures come from: the files by name with the SHA-256 of their bytes."""

    origin: str
    files: dict[str, str]


class ModelSet(_Plain):
    """A set of models, on all images and on those whose label ReaL accepts, or the authors do not question."""

    title: str
    models: int
    names: list[str] = []
    scores: dict[str, Scores]  # of "all" images, by label "accepted" and "unquestioned"
    label_error_rates: dict[str, float]  # share of label errors (the authors' list) by difficulty, tolerance 0
    clauses: dict[str, dict[str, Any]] = {}  # of the verdict, by name (`analysis.verdict.Clause`)
    sizes: list[Size] = []

    def curve(self, tolerance: int | None) -> pd.DataFrame:
        """Return kappa by the number of models at one tolerance; None: on all images."""
        return pd.DataFrame([size.model_dump() for size in self.sizes if size.tolerance == tolerance])

    def of_size(self, models: int, tolerance: int | None) -> Size:
        """Return the figures of subsets of so many models."""
        return next(size for size in self.sizes if (size.models, size.tolerance) == (models, tolerance))


class Labels(_Plain):
    """How many labels are wrong or questioned, and what becomes of images that all published models get wrong."""

    errors: int  # in the authors' list
    not_accepted: int  # by ReaL
    impossible_by_real: dict[str, int]  # impossible images of the published set, tolerance 0, when ReaL judges


class Facts(_Plain):
    """All of facts.yaml."""

    schema_: Literal[1] = Field(alias="schema")
    seed: int
    subsets: int
    fitted: int
    sources: list[Source]
    eleven: ModelSet
    published: ModelSet
    labels: Labels


@cache
def facts() -> Facts:
    """Read the facts that this version of the package brings along."""
    return Facts.model_validate(read_own_yaml(Path(__file__).with_name(NAME)))


def write(raw: dict[str, Any], path: Path) -> None:
    """Check facts, round them and write them down, one line a row."""
    import yaml

    checked = Facts.model_validate({"schema": SCHEMA, **raw})
    plain = _rounded(checked.model_dump(by_alias=True, exclude_defaults=True))
    text = yaml.safe_dump(plain, sort_keys=False, default_flow_style=None, width=10_000, allow_unicode=True)
    write_text(path, HEADING + text)


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_rounded(part) for part in value]
    return float(np.round(value, DIGITS)) if isinstance(value, float) else value
