"""The base of every block of a preset: strict, dumped for hashes, and a mistake in it explained in one line."""

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
)

from ddd_utils.errors import nearest

_LATER: dict[str, Any] = {"later": True}


def later(default: Any, **options: Any) -> Any:
    """Declare a field that was added after results existed: at its default it stays out of hashes."""
    return Field(default, json_schema_extra=_LATER, **options)


class Strict(BaseModel):
    """A block of a preset: unknown keys and wrong types are errors."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    def hashed(self, include: Iterable[str] | None = None, exclude: Iterable[str] = ()) -> dict[str, Any]:
        """Return what goes into a hash of results, ready for JSON: all fields but :func:`later` ones at default."""
        wanted = None if include is None else set(include)
        return self.model_dump(mode="json", include=wanted, exclude=set(exclude), context=_LATER)

    @model_serializer(mode="wrap")
    def _without_later_defaults(self, dump: SerializerFunctionWrapHandler, info: SerializationInfo) -> dict[str, Any]:
        dumped: dict[str, Any] = dump(self)
        if info.context is _LATER:
            for name, field in type(self).model_fields.items():
                if field.json_schema_extra == _LATER and getattr(self, name) == field.get_default():
                    dumped.pop(name, None)
        return dumped


LARGEST_ARGUMENT = 100_000  # layers, channels, pixels: no network has more of anything


def _bounded(arguments: Any) -> Any:
    """Refuse whole numbers that would keep a constructor busy for ever."""
    if isinstance(arguments, dict | list):
        for each in arguments.values() if isinstance(arguments, dict) else arguments:
            _bounded(each)
    elif isinstance(arguments, int) and abs(arguments) > LARGEST_ARGUMENT:
        raise ValueError(f"arguments: whole numbers up to {LARGEST_ARGUMENT:,}, not {arguments}")
    return arguments


Arguments = Annotated[dict[str, Any], AfterValidator(_bounded)]


# What is needed where pydantic finds something else, by the type of its error; {} are its own particulars.
NEEDED = {
    "int": "a whole number",
    "string": "a text",
    "bool": "true or false",
    "too_short": "a longer list",
    "too_long": "a shorter list",
    **dict.fromkeys(("float", "finite"), "a number"),
    **dict.fromkeys(("list", "tuple"), "a list"),
    **dict.fromkeys(("dict", "model", "is"), "a block of keys"),
    "union_tag_not_found": "a block with the key {discriminator}",
    "greater_than_equal": "at least {ge:,}",
    "greater_than": "more than {gt:,}",
    "less_than_equal": "at most {le:,}",
    "less_than": "less than {lt:,}",
    r"^https://[^\s]+$": "an address that begins with https://",
    r"^[0-9a-f]{64}$": "a SHA-256 of 64 digits (0 to 9, a to f)",
}


def _needed(problem: Mapping[str, Any]) -> str:
    """Say what a value should be, in a preset's words."""
    kind, about = problem["type"], problem.get("ctx", {})
    form = NEEDED.get(about.get("pattern", kind)) or NEEDED.get(kind.partition("_")[0], "something else")
    return f"{form if 'pattern' in about else form.format(**about)} is needed"


def explain(error: ValidationError, root: type[BaseModel]) -> str:
    """Say in one line what is wrong with the first faulty key of a ``root``, with the nearest right one."""
    # A key that does not exist explains the one that is missing; in a union the longest path is in the best match.
    problem = max(error.errors(), key=lambda found: (found["type"] == "extra_forbidden", len(found["loc"])))
    location = [str(part) for part in problem["loc"] if str(part) not in _TAGS]
    key = ".".join(location) or root.__name__
    if problem["type"] == "extra_forbidden":
        return f"{key}: unknown key{nearest(location[-1], _fields(root, problem['loc'][:-1]))}"
    if problem["type"] == "missing" and isinstance(problem["loc"][-1], int):
        return f"{'.'.join(location[:-1])}: a longer list is needed, not {_brief(problem['input'])}"
    if problem["type"] == "missing":
        return f"{key}: this key is needed"
    given = problem.get("input")
    if problem["type"] in ("literal_error", "union_tag_invalid"):
        expected = str(problem["ctx"].get("expected", "") or problem["ctx"]["expected_tags"])
        options = re.findall(r"'([^']+)'", expected) or re.findall(r"\d+", expected)
        if problem["type"] == "union_tag_invalid":
            key, given = f"{key}.name", given.get("name")
        return f"{key}: '{given}' is not one of {', '.join(options)}{nearest(given, options)}"
    message = problem["msg"].removeprefix("Value error, ")
    return message if problem["type"] == "value_error" else f"{key}: {_needed(problem)}, not {_brief(given)}"


def _brief(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 60 else text[:57] + "..."


# What pydantic puts into the location of an error beside keys.
_TAGS = {"gaussian", "digits", "fashion_mnist", "cifar10", "cifar100", "npz", "imagenet", "folder", "photographs"}
_TAGS |= {"torchvision", "bool", "TorchvisionWeights", "OpenClip", "Checkpoint", "Names", "Literal"}
_TAGS |= {"dict[str,union[str,list[str]]]", "literal['indices']"}
_TAGS |= {"Variants", "literal['training_variants']", "str", "Published", "Model", "literal['all']", "list[str]"}


def _fields(model: Any, location: tuple) -> list[str]:
    """List the keys allowed at a location, following annotations down from the root."""
    for part in location:
        candidates = [kind for kind in _models(model) if str(part) in kind.model_fields]
        if candidates:
            model = candidates[0].model_fields[str(part)].annotation
        elif tagged := [kind for kind in _models(model) if part in (kind.__name__, _tag(kind))]:
            model = tagged[0]
    return [name for kind in _models(model) for name in kind.model_fields if name not in ("raw",)]


def _models(annotation: Any) -> list[type[BaseModel]]:
    """Find the pydantic models inside an annotation such as ``list[A | B] | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in getattr(annotation, "__args__", ()) for model in _models(inner)]


def _tag(model: type[BaseModel]) -> str | None:
    field = model.model_fields.get("name")
    return field.default if field is not None else None
