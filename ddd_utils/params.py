"""Presets: `params/*.yaml`, read, overridden, checked and resolved."""

import copy
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, model_validator

from ddd_utils import local_files, paths
from ddd_utils.errors import InputError, nearest
from ddd_utils.explain import explain
from ddd_utils.image_sets import read_images
from ddd_utils.schema import (
    Cluster,
    Controls,
    HumanResults,
    KlDivergence,
    ModelSet,
    PretrainedSet,
    Published,
    SotaComparison,
    Strict,
    Subsetting,
    Summary,
    Table,
    TrainingVariants,
    Variants,
    find_table,
)
from ddd_utils.yaml_files import located, read_file, read_yaml, save

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
        return save(self.raw, self.folder / f"{self.name}.yaml")


SECTIONS = tuple(name for name in Preset.model_fields if name not in ("name", "cluster", "raw"))
# Sections with images to show people; where several have some, the first is taken.
WITH_IMAGES = ("sota_comparison", "training_variants")


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
        _override(raw, override)
        _prefer_what_was_asked_for(raw.get("sota_comparison"), before)
    _settle(raw)
    return _validate(raw, path.stem, str(path))


def _prefer_what_was_asked_for(block: Any, before: Any) -> None:
    """Forget a preset's responses where a setting gives it other images to show: they would win over them."""
    if not (isinstance(block, dict) and isinstance(before, dict)):
        return
    if block.get("images") != before.get("images") and block.get("responses") == before.get("responses"):
        block["responses"] = None


def _settle(raw: dict) -> None:
    """Write the paths of `sota_comparison` so that they hold in the notebooks too, whose working folder is another."""
    block = raw.get("sota_comparison")
    if not isinstance(block, dict):
        return
    if isinstance(block.get("responses"), str):
        block["responses"] = _portable(find_table(block["responses"]))
    if isinstance(models := block.get("models"), str) and Path(models).is_file():
        block["models"] = _portable(Path(models).resolve())
    elif isinstance(models, list):
        block["models"] = [located(entry, Path().resolve()) for entry in models]
    images = read_images(block.get("images"))
    if isinstance(images, dict) and isinstance(images.get("path"), str):
        with suppress(InputError):  # told when they are needed: a preset may name images of another machine
            images["path"] = _portable(local_files.find_images(images["path"]))
        block["images"] = images


def _portable(path: Path) -> str:
    """Name a path in the repository from there, any other in full."""
    return str(path.relative_to(paths.ROOT) if path.is_relative_to(paths.ROOT) else path)


def _validate(raw: dict, name: str, source: str) -> Preset:
    if misplaced := {"name", "raw"} & set(raw):
        raise InputError(f"{source}: unknown key '{min(misplaced)}'; the sections are {', '.join(SECTIONS)}")
    try:
        return Preset.model_validate({**raw, "name": name, "raw": raw})
    except ValidationError as error:
        raise InputError(f"{source}: {explain(error, Preset)}") from None


def _override(raw: dict, override: str) -> None:
    key, equals, text = override.partition("=")
    *parents, last = key.strip().split(".")
    if not equals or not all([*parents, last]):
        raise InputError(f"--set {override}: expected section.key=value")
    value = read_yaml(text, f"--set {key}")
    block = raw
    for parent in parents:
        block = block.setdefault(parent, {})
        if not isinstance(block, dict):
            raise InputError(f"--set {key}: '{parent}' is a value, not a block of keys")
    if isinstance(value, dict) and isinstance(block.get(last), dict) and _kind(value) in (None, _kind(block[last])):
        value = {**block[last], **value}
    block[last] = value


def _kind(block: dict) -> str | None:
    """Tell which kind of block this is, where there are several: another kind replaces what was there."""
    return read_images(block).get("name")


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
