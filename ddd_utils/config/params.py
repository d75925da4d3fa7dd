"""Presets: `params/*.yaml`, read, overridden, checked and resolved."""

import copy
import shlex
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ddd_utils import files, paths
from ddd_utils.config.blocks import Strict, explain
from ddd_utils.config.image_sets import read_images
from ddd_utils.config.model_sets import located
from ddd_utils.config.schema import SECTIONS, Config, Preset, SotaComparison, find_table, read_experiment, section_keys
from ddd_utils.errors import InputError, nearest
from ddd_utils.files import parse_yaml, read_json, read_yaml, short_hash, write_json, write_yaml

# Sections with images to show people; where several have some, the first is taken.
WITH_IMAGES = ("sota_comparison", "training_variants")
# The first line of a preset made by `save`, before the name of the one it is based on.
SAVED = "# Saved from a notebook; what was not changed there is as in: "
# The first line of a preset that was changed in a notebook and not saved, before the one it was changed from.
CHANGED = "# Changed in a notebook; before it was: "


def _locate(preset: str | Path) -> Path:
    path = Path(preset)
    if path.suffix in (".yaml", ".yml"):
        return path if path.exists() or path.is_absolute() else paths.ROOT / path
    return paths.PARAMS / f"{preset}.yaml"


def load(preset: str | Path = "quick", overrides: Sequence[str] = ()) -> Preset:
    """
    Read and check a preset: a name in ``params/`` or a YAML file; a fault raises InputError with the nearest right key.

    An override is a setting such as ``"training_variants.tolerance=1"``; the value is YAML, and a mapping is merged
    into what is there.
    """
    path = _locate(preset)
    if not path.is_file():
        known = sorted(found.stem for found in paths.PARAMS.glob("*.yaml"))
        raise InputError(f"there is no preset '{preset}'{nearest(Path(preset).stem, known)}; known: {', '.join(known)}")
    raw = read_yaml(path)
    if not isinstance(raw, dict):
        raise InputError(f"{path}: a preset is a mapping of sections")
    raw = {section: block if block is not None else {} for section, block in raw.items()}
    for setting in overrides:
        before = copy.deepcopy(raw.get("sota_comparison"))
        _override(raw, setting)
        _prefer_new_images(raw.get("sota_comparison"), before)
    _resolve_paths(raw)
    return _validate(raw, path.stem, str(path))


def _validate(raw: dict, name: str, source: str) -> Preset:
    if misplaced := {"name", "raw"} & set(raw):
        raise InputError(f"{source}: unknown key '{min(misplaced)}'; the sections are {', '.join(SECTIONS)}")
    try:
        return Preset.model_validate({**raw, "name": name, "raw": raw})
    except ValidationError as error:
        raise InputError(f"{source}: {explain(error, Preset)}") from None


def save(name: str | Path, preset: str | Path | None = None, **sections: Mapping[str, Any]) -> None:
    """
    Keep what was changed in a notebook as a preset of one's own, and tell how to run it; one section after the other.

    Parameters
    ----------
    name : str or Path
        What to call it, or a YAML file. A preset that was not made by this function is never overwritten.
    preset : str or Path, optional
        Everything else is as it is there: by default in the notebook's ``preset``, or else in "quick".
    **sections : mapping
        By section, either some of its parameters or a notebook's ``globals()``, of which its parameters are taken.

    Examples
    --------
    >>> params.save("mine", training_variants=globals())  # doctest: +SKIP
    params/mine.yaml has your training_variants, all else is as in quick. Run it: make report PRESET=mine
    """
    path = _locate(name)
    given = (values["preset"] for values in sections.values() if _is_notebook(values) and "preset" in values)
    before = load(_unchanged(preset or next(given, "quick")))
    basis = _basis(path, before.name)
    raw = load(path).raw if path.exists() else copy.deepcopy(before.raw)
    for section, values in sections.items():
        raw[section] = _changed(section, values, raw.get(section))
    shown = paths.from_root(path)
    _resolve_paths(raw)
    _validate(raw, path.stem, str(shown))
    write_yaml(raw, path, f"{SAVED}{basis}")
    run = path.stem if path.parent == paths.PARAMS else shlex.quote(str(shown))
    print(f"{shown} has your {', '.join(sections)}, all else is as in {basis}. Run it: make report PRESET={run}")


def _unchanged(preset: str | Path) -> str | Path:
    """Name the preset that a notebook began with, though its parameters have been changed since."""
    path = _locate(preset)
    first = path.read_text("utf-8").partition("\n")[0] if path.is_file() else ""
    return _unchanged(first.removeprefix(CHANGED)) if first.startswith(CHANGED) else preset


def _is_notebook(values: Mapping[str, Any]) -> bool:
    """Tell a notebook's whole ``globals()`` from parameters that were written down."""
    return "__name__" in values


def _changed(section: str, values: Mapping[str, Any], block: dict[str, Any] | None) -> dict[str, Any]:
    """Change a section's block by what is given; in a notebook, None leaves a parameter as the preset has it."""
    known = section_keys(section)
    notebook = _is_notebook(values)
    given = {key: values[key] for key in known if values.get(key) is not None} if notebook else values
    changed = _merged(block or {}, copy.deepcopy(dict(given)))
    _prefer_new_images(changed, block)
    _resolve_data_paths(changed)
    return changed


def _merged(block: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Change the keys of a block that are named; a mapping of another kind (images, model) replaces what was there."""
    merged = dict(block)
    for key, value in changes.items():
        before = block.get(key)
        if isinstance(value, dict) and isinstance(before, dict) and _kind(value) in (None, _kind(before)):
            value = _merged(before, value)
        merged[key] = value
    return merged


def _basis(path: Path, preset: str) -> str:
    """Return which preset a saved one is based on; refuse to overwrite one of another basis or origin."""
    if not path.exists():
        return preset
    first = path.read_text("utf-8").partition("\n")[0]
    if not first.startswith(SAVED):
        raise InputError(f"{path.name} was not made by params.save and is left as it is; choose another name")
    basis = first.removeprefix(SAVED)
    if preset not in (basis, path.stem):
        raise InputError(f"{path.name} is based on '{basis}', this notebook on '{preset}'; choose another name")
    return basis


def with_stand_in(preset: Preset, absent: str, images: Strict, notice: str) -> Preset:
    """Let other images stand in for a data set that is not to be had, and give the preset a notice that says so."""
    raw = _replaced(preset.raw, absent, images.model_dump(mode="json"))
    return _validate({"notices": [*raw.pop("notices", ()), notice], **raw}, preset.name, preset.name)


def _replaced(block: Any, absent: str, images: dict[str, Any]) -> Any:
    if isinstance(block, list):
        return [_replaced(value, absent, images) for value in block]
    if not isinstance(block, dict):
        return block
    return (
        images if block.get("name") == absent else {k: _replaced(value, absent, images) for k, value in block.items()}
    )


def of_notebook(section: str, values: Mapping[str, Any], others: Mapping[str, Any] | None = None) -> Preset:
    """
    Return a notebook's preset, in which what its first cell says has changed the parameters of its section.

    Values are the notebook's ``globals()``. ``preset`` names the preset; a parameter that is None is as the preset has
    it, and a mapping changes only the keys that it names. A fault raises InputError with the nearest right key.
    ``others`` are blocks of sections that other notebooks have changed.
    """
    preset = load(values["preset"])
    raw = {**copy.deepcopy(preset.raw), **(others or {})}
    raw[section] = _changed(section, values, raw.get(section))
    _resolve_paths(raw)
    return _validate(raw, preset.name, f"parameters of {section}")


def experiment(what: Any, preset: str | Path = "quick") -> Config:
    """
    Find out where responses are meant to come from; an unknown section or a faulty configuration raises InputError.

    `what` is the section of the preset whose experiment is meant, or a configuration: one with ``models`` or
    ``responses`` is read as the block ``sota_comparison`` of a preset, any other as a set of training variants.
    """
    if isinstance(what, Config):
        return what
    if not isinstance(what, str):
        return read_experiment(what)
    loaded = load(preset)
    if what not in loaded.sections:
        known = [*SECTIONS, *loaded.sections]
        raise InputError(f"there is no experiment '{what}'{nearest(what, known)} in preset '{preset}'")
    block = getattr(loaded, what)
    return experiment(block.experiment, preset) if hasattr(block, "experiment") else block


def experiments(preset: Preset, section: str, above: tuple[str, ...] = ()) -> list[Config]:
    """List the experiments a section needs: its own, and those of the sections it names, if not among those above."""
    block, found = getattr(preset, section), []
    if isinstance(block, SotaComparison):
        return [block.experiment]
    for _, value in block:
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, Config):
                found.append(each)
            elif isinstance(each, str) and each in preset.sections and each not in (*above, section):
                found += experiments(preset, each, (*above, section))
    return found


# What is done to a preset before it is checked, while it is plain mappings.


def _prefer_new_images(block: Any, before: Any) -> None:
    """Forget a preset's responses where a setting gives it other images: the responses would win over them."""
    if not (isinstance(block, dict) and isinstance(before, dict)):
        return
    if block.get("images") != before.get("images") and block.get("responses") == before.get("responses"):
        block["responses"] = None


def _resolve_paths(raw: dict) -> None:
    """Write paths of the sections on models so that they hold in the notebooks too, whose working folder is another."""
    if isinstance(why := raw.get("why_impossible"), dict) and isinstance(why.get("marks"), str):
        why["marks"] = str(paths.from_root(files.find(why["marks"], "table")))
    if isinstance(people := raw.get("people"), dict) and isinstance(tables := people.get("tables"), list):
        people["tables"] = [str(paths.from_root(files.find(str(name), "table"))) for name in tables]
    block = raw.get("sota_comparison")
    if not isinstance(block, dict):
        return
    if isinstance(block.get("responses"), str):
        block["responses"] = str(paths.from_root(find_table(block["responses"])))
    if isinstance(models := block.get("models"), str) and Path(models).is_file():
        block["models"] = str(paths.from_root(Path(models).resolve()))
    elif isinstance(models, list):
        block["models"] = [located(entry, Path().resolve()) for entry in models]
    images = read_images(block.get("images"))
    if isinstance(images, dict) and isinstance(images.get("path"), str):
        with suppress(InputError):  # told when they are needed: a preset may name images of another machine
            images["path"] = str(paths.from_root(files.find_images(images["path"])))
        block["images"] = images


def _resolve_data_paths(block: Any) -> None:
    """Write the files of data sets in a block so that they are found from another working folder too."""
    for key, value in list(block.items() if isinstance(block, dict) else enumerate(block)):
        if isinstance(value, dict | list):
            _resolve_data_paths(value)
        elif key in ("train", "test") and isinstance(value, str) and Path(value).exists():
            block[key] = str(paths.from_root(Path(value).resolve()))


def _override(raw: dict, setting: str) -> None:
    """Replace a value by a setting such as ``section.key=value``; of a mapping, only the keys that are named."""
    key, equals, text = setting.partition("=")
    *parents, last = key.strip().split(".")
    if not equals or not all([*parents, last]):
        raise InputError(f"--set {setting}: expected section.key=value")
    value = parse_yaml(text, f"--set {key}")
    block = raw
    for parent in parents:
        block = block.setdefault(parent, {})
        if not isinstance(block, dict):
            raise InputError(f"--set {key}: '{parent}' is a value, not a block of keys")
    block |= _merged(block, {last: value})


def _kind(block: dict) -> str | None:
    """Tell which kind of images or which model a block describes, where it says so."""
    return read_images(block).get("name") or block.get("model")


LENGTH = 64  # hexadecimal digits: all of a SHA-256
SHORT = 8  # of these name a folder
SPEAKS_OF = {"human_results": WITH_IMAGES}  # sections whose answers it shows if they are there, without needing them


def digest(preset: Preset, section: str | None = None) -> str:
    """Return the digest of what a section's figures depend on: its parameters and the experiments it speaks of."""
    if section in (None, "summary"):
        return short_hash({each: digest(preset, each) for each in preset.sections if each != "summary"}, LENGTH)
    others = [each for each in SPEAKS_OF.get(section, ()) if each in preset.sections]
    found = [config for each in (section, *others) for config in experiments(preset, each)]
    block = getattr(preset, section).hashed()
    return short_hash([block, *([type(config).__name__, config.hashed()] for config in found)], LENGTH)


def beside(preset: Preset, before: Preset) -> Preset:
    """Give a preset whose parameters differ from what it was before a folder of its own."""
    changed = digest(preset)
    if changed == digest(before):
        return preset
    return preset.model_copy(update={"name": f"{before.name}-{changed[:SHORT]}"})


def digests(preset: Preset) -> dict[str, str]:
    """Return the digest of each section."""
    return {section: digest(preset, section) for section in preset.sections}


def write(preset: Preset, heading: str = "") -> Path:
    """Write the resolved preset to where its notebooks look for it, and the digests of its sections beside it."""
    file, found = preset.folder / paths.DIGESTS, digests(preset)
    if not file.exists() or read_json(file) != found:
        write_json(file, found)
    return preset.write(heading)
