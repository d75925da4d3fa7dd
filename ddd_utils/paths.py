"""Where things are: the repository and the one folder in which everything is made."""

import os
from pathlib import Path


def _is_checkout(folder: Path) -> bool:
    return all((folder / part).is_dir() for part in ("notebooks", "params", "ddd_utils"))


_CALLED = Path.cwd()
# The checkout this package lies in, or else the one it is called in; outside any, where it is called.
ROOT = next(filter(_is_checkout, [Path(__file__).resolve().parents[1], _CALLED, *_CALLED.parents]), _CALLED)
PARAMS = ROOT / "params"
NOTEBOOKS = ROOT / "notebooks"
PARENT = "DDD_PACKAGE"  # names, in the environment of a kernel of the report, the package that its parent has imported
DIGESTS = "digests.json"  # in a report's folder: the digest of each section's parameters


def from_root(path: Path) -> Path:
    """Name a path in the repository from there, any other as it stands."""
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path


def in_checkout() -> bool:
    """Say whether there are notebooks and presets."""
    return _is_checkout(ROOT)


def build() -> Path:
    """Return the folder that holds everything made: ``build/``, or the folder that ``DDD_BUILD`` names."""
    return Path(os.environ.get("DDD_BUILD") or ROOT / "build").resolve()


def pairs(report: Path, section: str) -> Path:
    """Return the file in a report's folder in which a section keeps pairs of images, for people to choose from."""
    return Path(report) / "pairs" / f"{section}.json"


def results() -> Path:
    """Return the folder of cached experiments, shared by all presets."""
    return build() / "results"
