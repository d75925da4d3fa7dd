"""Versions of packages, as far as they are installed: a light installation has no torch."""

from collections.abc import Iterable
from importlib import metadata


def installed(packages: Iterable[str]) -> dict[str, str]:
    """Return the versions by package; those that are not installed are left out."""
    return {name: found for name in packages if (found := version_of(name))}


def version_of(package: str) -> str | None:
    """Return a package's version, None if it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
