"""Results are named by hashes of their configuration: a field that is added from now on must not rename them."""

from pathlib import Path
from typing import Annotated

import pytest
import yaml
from pydantic import Field

from ddd_utils.config.blocks import Strict, later
from ddd_utils.config.image_sets import Digits
from ddd_utils.config.params import Config
from ddd_utils.config.schema import Variants

FIELDS = yaml.safe_load((Path(__file__).parent / "fields.yaml").read_text("utf-8"))


def blocks(annotation):
    """Yield the blocks that a configuration is made of, each with those inside it."""
    if isinstance(annotation, type) and issubclass(annotation, Strict):
        yield annotation
        for field in annotation.model_fields.values():
            yield from blocks(field.annotation)
    for inner in getattr(annotation, "__args__", ()):
        yield from blocks(inner)


HASHED = {kind.__name__: kind for kind in blocks(Config)}


def later_fields(kind):
    return {name for name, field in kind.model_fields.items() if (field.json_schema_extra or {}).get("later")}


@pytest.mark.parametrize("name", HASHED)
def test_a_new_field_is_declared_with_later(name):
    """Else results of earlier versions would have another name, and everybody would train again."""
    assert name in FIELDS, f"{name} is new: write its fields into tests/golden/fields.yaml, once"
    unmarked = sorted(set(HASHED[name].model_fields) - set(FIELDS[name]) - later_fields(HASHED[name]))
    assert not unmarked, f"declare {name}.{unmarked[0]} as `= later(default)`, see ddd_utils.blocks"


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_that_was_always_hashed_still_is(name):
    """Taking one away, or marking it, changes hashes as much as adding one."""
    assert set(FIELDS[name]) <= set(HASHED[name].model_fields) - later_fields(HASHED[name])


class NewDigits(Digits):
    """A data set with a field of a later version."""

    blur: Annotated[float, Field(ge=0)] = later(0.0)


class NewVariants(Variants):
    """The same one level higher; it holds the data set."""

    dataset: NewDigits
    others: list[NewDigits] = later([])


def test_a_later_field_stays_out_of_the_hash_at_its_default_only():
    assert NewDigits(noise=96.0).hashed() == Digits(noise=96.0).hashed()
    assert NewDigits(blur=1.0).hashed() == {**Digits().hashed(), "blur": 1.0}
    assert NewDigits().model_dump()["blur"] == 0.0


def test_so_does_one_in_a_block_within():
    old, new = Variants(dataset=Digits()), NewVariants(dataset=NewDigits())
    assert new.hashed(exclude={"instances"}) == old.hashed(exclude={"instances"})
    assert new.hashed(include={"dataset"}) == {"dataset": Digits().hashed()}
    changed = NewVariants(dataset=NewDigits(blur=2.0), others=[NewDigits()]).hashed()
    assert changed["dataset"]["blur"] == 2.0
    assert changed["others"] == [Digits().hashed()]


def test_today_a_hash_is_made_of_all_fields():
    configuration = Variants(dataset=Digits())
    assert configuration.hashed() == configuration.model_dump(mode="json")
