"""Which run a figure belongs to: the digest of a section's parameters, and the folder of a preset that was changed."""

from pathlib import Path

from ddd_utils import paths
from ddd_utils.config.params import WITH_IMAGES, experiments
from ddd_utils.config.schema import Preset
from ddd_utils.files import read_json, short_hash, write_json

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


def by_section(preset: Preset) -> dict[str, str]:
    """Return the digest of each section."""
    return {section: digest(preset, section) for section in preset.sections}


def write(preset: Preset, heading: str = "") -> Path:
    """Write the resolved preset to where its notebooks look for it, and the digests of its sections beside it."""
    file, digests = preset.folder / paths.DIGESTS, by_section(preset)
    if not file.exists() or read_json(file) != digests:
        write_json(file, digests)
    return preset.write(heading)
