"""The claims of the paper, as paper.yaml lists them."""

from functools import cache
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict

from ddd_utils.errors import InputError, nearest

PAPER = Path(__file__).with_name("paper.yaml")


class Claim(BaseModel):
    """One claim of the paper; paper.yaml explains the fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    section: str
    statement: str
    where: str
    value: float | None = None
    reading_error: float
    format: str
    dataset: Literal["imagenet", "cifar100", "gaussian", "human", "any"]
    networks: Literal["resnet18_variants", "sota", "vgg11", "densenet121", "observers", "none"]
    kind: Literal["measured", "sign", "arithmetic"] = "measured"
    sign: Literal["positive", "negative"] | None = None
    holds_on: Literal["own", "any"] = "own"
    headline: bool = False


@cache
def registry() -> dict[str, Claim]:
    """Return every claim of the paper by its id, in the order of paper.yaml."""
    entries = [(section, entry) for section, entries in paper()["claims"].items() for entry in entries]
    claims = [Claim(section=section, **item) for section, entry in entries for item in _items(entry)]
    return {claim.id: claim for claim in claims}


@cache
def paper() -> dict:
    """Return paper.yaml as plain data: claims, printed figures and slips."""
    return yaml.safe_load(PAPER.read_text("utf-8"))


def claim(claim_id: str) -> Claim:
    """
    Look a claim up.

    Parameters
    ----------
    claim_id : str
        Its id in paper.yaml; ``<id>.<key>`` where the entry has several values.

    Returns
    -------
    Claim

    Raises
    ------
    InputError
        If there is none; names the nearest.
    """
    if claim_id not in registry():
        raise InputError(f"the paper has no claim '{claim_id}'{nearest(claim_id, registry())}")
    return registry()[claim_id]


def paper_values(entry_id: str) -> dict[str, float]:
    """
    Return the paper's figures of an entry with several values, to draw beside our own.

    Parameters
    ----------
    entry_id : str
        Such as ``kappa_imagenet``.

    Returns
    -------
    dict of str to float
        Empty if there is no such entry.
    """
    prefix = f"{entry_id}."
    return {key.removeprefix(prefix): found.value for key, found in registry().items() if key.startswith(prefix)}


def _items(entry: dict) -> list[dict]:
    if "values" not in entry:
        return [entry]
    common = {key: value for key, value in entry.items() if key != "values"}
    return [
        {
            **common,
            "id": f"{entry['id']}.{key}",
            "value": value,
            "statement": entry["statement"].format(item=key.replace("_", " ")),
        }
        for key, value in entry["values"].items()
    ]
