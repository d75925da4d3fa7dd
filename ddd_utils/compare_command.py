"""The command `compare`: from the claims of two reports to the page on which they stand side by side."""

import re
from datetime import datetime
from pathlib import Path

from ddd_utils import paths
from ddd_utils.errors import InputError, nearest
from ddd_utils.files import safe_name, write_text
from ddd_utils.reporting import citation, claims, comparison_page

BUILT = re.compile(r'<time datetime="([^"]+)">')  # the first on a page says when it was built


def write(first: str, second: str, out: Path | None = None) -> Path:
    """
    Write the page that compares two reports.

    Parameters
    ----------
    first, second : str
        Folders of reports, or the names (or YAML files) of their presets.
    out : Path, optional
        The page to be; by default ``build()/compare/<first>-<second>.html``.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    InputError
        If there is no such report, its claims cannot be read, or both are the same.
    """
    folders = [_folder(name) for name in (first, second)]
    if folders[0].resolve() == folders[1].resolve():
        raise InputError(f"{first} and {second} are the same report: two different ones are compared")
    one, other = (_report(folder) for folder in folders)
    target = out or paths.build() / "compare" / f"{safe_name(one.name)}-{safe_name(other.name)}.html"
    write_text(target, comparison_page.page_of(one, other))
    return target


def _folder(name: str) -> Path:
    """Find the folder whose claims are meant."""
    given = Path(name)
    file = given.suffix in (".yaml", ".yml")
    preset = given.stem if file else given.resolve().name
    # Only a bare name may mean a folder elsewhere: a path means that folder.
    places = [given, paths.build() / preset] if file or str(given) == preset else [given]
    if found := next((place for place in places if _has_claims(place)), None):
        return found
    raise InputError(_absent(name, preset, any(place.is_dir() for place in places)))


def _has_claims(folder: Path) -> bool:
    return any((folder / "claims").glob("*.json"))


def _absent(name: str, preset: str, there: bool) -> str:
    known = {path.stem for path in paths.PARAMS.glob("*.yaml")}
    if preset in known:
        return f"{name}: there are no claims yet: run `{citation.command(preset, None, [])}`"
    if there:
        return f"{name}: there are no claims in this folder: `make report` writes them into build/<preset>"
    made = sorted(path.name for path in paths.build().glob("*") if _has_claims(path))
    return f"there is no report '{name}'{nearest(preset, {*made, *known})}; made are: {', '.join(made) or 'none'}"


def _report(folder: Path) -> comparison_page.Report:
    records, damaged = claims.read(folder / "claims")
    name = folder.resolve().name
    for section, path in damaged.items():
        raise InputError(f"{path}: cannot be read: run `{citation.command(name, [section], [])}` again")
    return comparison_page.Report(name, records, _built(folder / "report.html"))


def _built(page: Path) -> datetime | None:
    try:
        found = BUILT.search(page.read_text("utf-8"))
        return datetime.fromisoformat(found[1]) if found else None
    except (OSError, ValueError):
        return None
