"""Presets: `params/*.yaml`, read, overridden, checked and resolved."""

import copy
import shlex
from collections.abc import Mapping
from pathlib import Path
from types import NoneType
from typing import Any, get_args

from pydantic import Field, ValidationError, model_validator

from ddd_utils import paths, raw_presets, yaml_files
from ddd_utils.blocks import Strict, explain
from ddd_utils.errors import InputError, nearest
from ddd_utils.schema import (
    Cluster,
    Controls,
    HumanResults,
    KlDivergence,
    ModelSet,
    PretrainedSet,
    Published,
    SotaComparison,
    Subsetting,
    Summary,
    Table,
    TrainingVariants,
    Variants,
)
from ddd_utils.yaml_files import read_file

Config = Variants | ModelSet | PretrainedSet | Published | Table


class Preset(Strict):
    """A whole preset: one block a notebook, and what SLURM is asked for. A section that is left out is not run."""

    name: str
    summary: Summary | None = Summary()
    training_variants: TrainingVariants | None = None
    sota_comparison: SotaComparison | None = None
    subsetting: Subsetting | None = None
    controls: Controls | None = None
    kl_divergence: KlDivergence | None = None
    human_results: HumanResults | None = None
    cluster: Cluster = Cluster()
    raw: dict[str, dict[str, Any]] = Field(default={}, exclude=True, repr=False)

    @model_validator(mode="after")
    def _references_exist(self):
        for section, block in self._blocks():
            for key, value in block:
                if value in SECTIONS and getattr(self, value) is None:
                    raise ValueError(f"{section}.{key}: the preset has no section '{value}'")
        return self

    def _blocks(self):
        return [(section, block) for section in SECTIONS if (block := getattr(self, section)) is not None]

    @property
    def sections(self) -> list[str]:
        """The sections this preset runs, in page order."""
        return [section for section, _ in self._blocks()]

    @property
    def folder(self) -> Path:
        """Where this preset's notebooks, claims and report go."""
        return paths.build() / self.name

    def parameters(self, section: str) -> dict[str, Any]:
        """Return what the section's notebook is given: its block as written, and the preset's resolved file."""
        return {"preset": str(self.folder / f"{self.name}.yaml"), **copy.deepcopy(self.raw.get(section, {}))}

    def write(self) -> Path:
        """Write the resolved preset, overrides included, to where its notebooks look for it."""
        return yaml_files.save(self.raw, self.folder / f"{self.name}.yaml")


SECTIONS = tuple(name for name in Preset.model_fields if name not in ("name", "cluster", "raw"))
# Sections with images to show people; where several have some, the first is taken.
WITH_IMAGES = ("sota_comparison", "training_variants")
# The first line of a preset made by `save`, before the name of the one it is based on.
SAVED = "# Saved from a notebook; what was not changed there is as in: "


def _locate(preset: str | Path) -> Path:
    path = Path(preset)
    if path.suffix in (".yaml", ".yml"):
        return path if path.exists() or path.is_absolute() else paths.ROOT / path
    return paths.PARAMS / f"{preset}.yaml"


def load(preset: str | Path = "quick", overrides: tuple[str, ...] | list[str] = ()) -> Preset:
    """
    Read and check a preset.

    Parameters
    ----------
    preset : str or Path
        A name in ``params/`` or the path of a YAML file.
    overrides : sequence of str
        Settings such as ``"training_variants.tolerance=1"``; the value is YAML, and a mapping is merged into what is
        there.

    Returns
    -------
    Preset

    Raises
    ------
    InputError
        Names the key at fault and the nearest right one.
    """
    path = _locate(preset)
    if not path.is_file():
        known = sorted(found.stem for found in paths.PARAMS.glob("*.yaml"))
        raise InputError(f"there is no preset '{preset}'{nearest(Path(preset).stem, known)}; known: {', '.join(known)}")
    raw = read_file(path)
    if not isinstance(raw, dict):
        raise InputError(f"{path}: a preset is a mapping of sections")
    raw = {section: block if block is not None else {} for section, block in raw.items()}
    for override in overrides:
        before = copy.deepcopy(raw.get("sota_comparison"))
        raw_presets.override(raw, override)
        raw_presets.prefer_what_was_asked_for(raw.get("sota_comparison"), before)
    raw_presets.settle(raw)
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
    Keep what was changed in a notebook as a preset of one's own, and tell how to run it.

    Several sections may be saved under one name, one after the other.

    Parameters
    ----------
    name : str or Path
        What to call it, or a YAML file. A preset that was not made by this function is never overwritten.
    preset : str or Path, optional
        Everything else is as it is there: by default in the notebook's ``preset``, or else in "quick".
    **sections : mapping
        By section, either some of its parameters or a notebook's ``globals()``, of which its parameters are taken.

    Raises
    ------
    InputError
        For an unknown key (names the nearest right one), a value that cannot be, or a preset that is left alone.

    Examples
    --------
    >>> params.save("mine", training_variants=globals())  # doctest: +SKIP
    params/mine.yaml has your training_variants, all else is as in quick. Run it: make report PRESET=mine
    """
    path = _locate(name)
    given = (values["preset"] for values in sections.values() if _is_notebook(values) and "preset" in values)
    before = load(preset or next(given, "quick"))
    basis = _basis(path, before.name)
    raw = load(path).raw if path.exists() else copy.deepcopy(before.raw)
    for section, values in sections.items():
        known = raw.get(section)
        raw[section] = {**(known or {}), **_changed(section, values)}
        raw_presets.prefer_what_was_asked_for(raw[section], known)
        raw_presets.settle_data(raw[section])
    shown = paths.from_root(path)
    raw_presets.settle(raw)
    _validate(raw, path.stem, str(shown))
    yaml_files.save(raw, path, f"{SAVED}{basis}")
    run = path.stem if path.parent == paths.PARAMS else shlex.quote(str(shown))
    print(f"{shown} has your {', '.join(sections)}, all else is as in {basis}. Run it: make report PRESET={run}")


def _is_notebook(values: Mapping[str, Any]) -> bool:
    """Tell a notebook's whole ``globals()`` from parameters that were written down."""
    return "__name__" in values


def _changed(section: str, values: Mapping[str, Any]) -> dict[str, Any]:
    if section not in SECTIONS:
        raise InputError(f"there is no section '{section}'{nearest(section, SECTIONS)}")
    kind = next(kind for kind in get_args(Preset.model_fields[section].annotation) if kind is not NoneType)
    keys = kind.model_fields if _is_notebook(values) else values
    return copy.deepcopy({key: values[key] for key in keys if key in values})


def _basis(path: Path, preset: str) -> str:
    """Return which preset a saved one is based on, having seen that saving it takes nothing from anybody."""
    if not path.exists():
        return preset
    first = path.read_text("utf-8").partition("\n")[0]
    if not first.startswith(SAVED):
        raise InputError(f"{path.name} was not made by params.save and is left as it is; choose another name")
    basis = first.removeprefix(SAVED)
    if preset not in (basis, path.stem):
        raise InputError(f"{path.name} is based on '{basis}', this notebook on '{preset}'; choose another name")
    return basis


def experiment(what: Any, preset: str | Path = "quick") -> Config:
    """
    Find out where responses are meant to come from.

    Parameters
    ----------
    what : str or dict
        The section whose experiment is meant, or a configuration: one with ``models`` or ``responses`` is read as the
        block ``sota_comparison`` of a preset, any other as a set of training variants.
    preset : str or Path
        Where a section's name is looked up.

    Returns
    -------
    Variants, ModelSet, PretrainedSet, Published or Table

    Raises
    ------
    InputError
        For an unknown section or a faulty configuration.
    """
    if isinstance(what, Config):
        return what
    if isinstance(what, str):
        block = getattr(load(preset), what, None) if what in SECTIONS else None
        if block is None:
            raise InputError(f"there is no experiment '{what}'{nearest(what, SECTIONS)} in preset '{preset}'")
        return experiment(block.experiment, preset) if hasattr(block, "experiment") else block
    root = SotaComparison if {"models", "responses"} & set(what) else Variants
    try:
        block = root.model_validate(what)
    except ValidationError as error:
        raise InputError(explain(error, root)) from None
    return block.experiment if isinstance(block, SotaComparison) else block


def experiments(preset: Preset, section: str) -> list[Config]:
    """
    List the experiments a section needs.

    Parameters
    ----------
    preset : Preset
        Where references to other sections are looked up.
    section : str
        The section.

    Returns
    -------
    list of Variants, ModelSet, PretrainedSet, Published or Table
        The section's own and those of the sections it names.
    """
    block = getattr(preset, section)
    if isinstance(block, SotaComparison):
        return [block.experiment]
    found = []
    for _, value in block:
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, Variants):
                found.append(each)
            elif isinstance(each, str) and each in SECTIONS:
                found += experiments(preset, each)
    return found
