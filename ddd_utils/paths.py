"""Where things are: the repository and the one folder in which everything is made."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PARAMS = ROOT / "params"
NOTEBOOKS = ROOT / "notebooks"


def from_root(path: Path) -> Path:
    """Name a path in the repository from there, any other as it stands."""
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path


def build() -> Path:
    """Return the folder that holds everything made: ``build/``, or the folder that ``DDD_BUILD`` names."""
    return Path(os.environ.get("DDD_BUILD", ROOT / "build")).resolve()


def results() -> Path:
    """Return the folder of cached experiments, shared by all presets."""
    return build() / "results"
