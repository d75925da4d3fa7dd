"""Numbers as text, and names as readers see them."""

import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

from ddd_utils import logs
from ddd_utils.analysis.statistics import Estimate
from ddd_utils.charts.names_and_colours import model_name
from ddd_utils.config.schema import Architecture

ACRONYMS = {"kl": "KL", "sota": "SOTA"}
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class Prose(str):
    """Text that a notebook shows as Markdown when it is the last line of a cell."""

    def _repr_markdown_(self) -> str:
        return str(self)


class Absence(Prose):
    """Why there is nothing to show; it does with what introduces the missing results, too."""

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/markdown": str(self), **({logs.ABSENT: ""} if self else {})}


def written(value: float, form: str = ".2f") -> str:
    """Write a number as all of the page does: zero has no sign, a negative number a real minus, 10 its power above."""
    if pd.isna(value):
        return "undefined"
    digits, e, power = f"{value:{form if form.startswith('+') else f'z{form}'}}".partition("e")
    scale = f" × 10{str(int(power)).translate(RAISED)}" if e else ""
    return digits.replace("-", "−") + scale


def percent(share: float) -> str:
    """Write a share as a percentage with one decimal."""
    return written(share, ".1%")


def span(values: pd.Series, form: str = ".2f") -> str:
    """Write the least and the largest of some numbers: "0.41 to 0.56"."""
    return f"{written(values.min(), form)} to {written(values.max(), form)}"


def with_interval(value: float, lower: float, upper: float, form: str = ".3f") -> str:
    """Write a number with its interval, ``0.480 (0.476 to 0.484)``: alone without limits, empty where it is NaN."""
    if pd.isna(value):
        return ""
    limits = "" if pd.isna(lower) or pd.isna(upper) else f" ({written(lower, form)} to {written(upper, form)})"
    return f"{written(value, form)}{limits}"


def estimated(found: Estimate, form: str = ".3f") -> str:
    """Write an estimate with its interval."""
    return with_interval(found.value, found.lower, found.upper, form)


def p_value(value: float) -> str:
    """Write a p-value with two digits, "< 0.0001" for less, empty where there is none."""
    if pd.isna(value):
        return ""
    return "< 0.0001" if value < 1e-4 else f"{value:.2g}"


def readable(table: pd.DataFrame, form: str = ".3f") -> pd.DataFrame:
    """
    Put every number of a table that has limits into one cell with them, and write p-values as such.

    Columns ``x``, ``x_lower`` and ``x_upper`` become one; those that start with ``p_`` are p-values. The others stay as
    they are, in the same order; underscores in names become spaces.
    """
    columns: dict[Any, Any] = {}
    for name in table:
        base, _, limit = str(name).rpartition("_")
        if limit in ("lower", "upper") and base in table:
            continue
        if {f"{name}_lower", f"{name}_upper"} <= set(table):
            cells = zip(table[name], table[f"{name}_lower"], table[f"{name}_upper"], strict=True)
            columns[name] = [with_interval(*cell, form) for cell in cells]
        else:
            columns[name] = table[name].map(p_value) if str(name).startswith("p_") else table[name]
    return pd.DataFrame(columns, index=table.index).rename(columns=lambda name: str(name).replace("_", " "))


def literal(text: str) -> str:
    """Write a name from outside so that Markdown shows it as it stands: all but letters and digits as references."""
    return re.sub(r"[^\w ]|_", lambda found: f"&#{ord(found[0])};", text)


def section_label(name: str) -> str:
    """Give a section (``kl_divergence``) the name that readers see, such as ``KL divergence``."""
    words = [ACRONYMS.get(word, word) for word in name.split("_")]
    return " ".join([words[0][:1].upper() + words[0][1:], *words[1:]])


def described(architecture: Architecture) -> str:
    """Name a network of a preset with what makes it other than its usual form: "ResNet-18 (width 16)"."""
    name = model_name(architecture.model.rpartition(".")[2])
    numbers = {
        key: value for key, value in architecture.arguments.items() if not isinstance(value, list | tuple | dict)
    }
    arguments = ", ".join(f"{section_label(key).lower()} {value}" for key, value in numbers.items())
    return f"{name} ({arguments})" if arguments else name


def class_choices(info: Mapping[str, Any]) -> dict[str, str]:
    """Name what pretrained models choose from, by `images.among`; empty if they know no more classes than there are."""
    present, known = info.get("classes_present", 0), info.get("classes_all", 0)
    if known <= present:
        return {}
    return {"present": f"among the {present:,} classes present", "all": f"among all {known:,} classes"}
