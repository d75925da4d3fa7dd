"""What the notebooks of one JupyterLab tell each other: which sections' parameters were changed, and to what."""

import os
from pathlib import Path
from typing import Any

from ddd_utils.config import digests, params
from ddd_utils.config.schema import Preset
from ddd_utils.files import read_json, write_json


def begin(section: str, values: dict[str, Any]) -> tuple[Preset, str]:
    """
    Return a notebook's preset, and a line that says what was changed in it; ``preset`` becomes its file.

    A changed section is shown to the other notebooks of this JupyterLab until its own begins without the change.
    """
    name = str(values["preset"])
    before, told = params.load(name), _told()
    others = {other: block for other, block in told.get(name, {}).items() if other != section}
    preset = digests.beside(params.of_notebook(section, values, others), before)
    own = preset.raw.get(section)
    _tell({**told, name: others if own == before.raw.get(section) else {**others, section: own}})
    if preset.name == before.name:
        digests.write(preset)
        return preset, ""
    values["preset"] = str(digests.write(preset, f"{params.CHANGED}{name}"))
    changed = [each for each in preset.sections if preset.raw.get(each) != before.raw.get(each)]
    return preset, f"Not as in `{name}`: {', '.join(changed)}. What is recorded goes to `{values['preset']}`'s folder."


def _file() -> Path | None:
    """Return where changes are told; `make lab` names the folder and begins with none."""
    folder = os.environ.get("DDD_LAB")
    return Path(folder) / "changed.json" if folder else None


def _told() -> dict[str, dict[str, Any]]:
    file = _file()
    return read_json(file) if file and file.exists() else {}


def _tell(changes: dict[str, dict[str, Any]]) -> None:
    if (file := _file()) and changes != _told():
        write_json(file, changes)
