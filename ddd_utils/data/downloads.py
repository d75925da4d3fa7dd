"""Public files: a local copy where there is one, else a download; checked either way."""

import logging
import os
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ddd_utils import paths
from ddd_utils.errors import InputError
from ddd_utils.files import atomic, read_own_yaml, sha256

log = logging.getLogger(__name__)

HOST = "https://raw.githubusercontent.com"
REGISTRY = Path(__file__).with_name("registry.yaml")


class Unavailable(InputError):
    """A file that is not here and cannot be downloaded; the message says what to fetch and where to put it."""


@dataclass(frozen=True)
class PublicFile:
    """A file that someone has published."""

    name: str  # its path under DDD_DATA or build/data/published
    repository: str
    commit: str
    path: str
    licence: str
    sha256: str | None  # None where it is not known

    @property
    def url(self) -> str:
        """Where its bytes are."""
        return f"{HOST}/{self.repository}/{self.commit}/{self.path}"

    @property
    def origin(self) -> str:
        """The repository at the commit, to be shown."""
        return f"https://github.com/{self.repository}/tree/{self.commit} (licence: {self.licence})"


@cache
def registry() -> dict[str, PublicFile]:
    """Return all public files that the project knows, by name."""
    files = []
    for folder, source in read_own_yaml(REGISTRY).items():
        about = {key: source[key] for key in ("repository", "commit", "licence")}
        for part in source["parts"]:
            place = "/".join([folder, *([part["to"]] if "to" in part else [])])
            for name, digest in part["files"].items():
                files.append(PublicFile(f"{place}/{name}", path=f"{part['from']}/{name}", sha256=digest, **about))
    return {file.name: file for file in files}


def copies() -> Path | None:
    """Return the folder that ``DDD_DATA`` names."""
    named = os.environ.get("DDD_DATA")
    if named and not Path(named).is_dir():
        raise InputError(f"DDD_DATA: there is no folder '{named}'")
    return Path(named) if named else None


def local_copy(name: str) -> Path | None:
    """Find a file in the folder that ``DDD_DATA`` names."""
    folder = copies()
    return folder / name if folder and (folder / name).is_file() else None


def at_hand(name: str) -> bool:
    """Say whether a public file is on this machine: in the folder that ``DDD_DATA`` names, or downloaded before."""
    return local_copy(name) is not None or _downloaded(name).is_file()


def _downloaded(name: str) -> Path:
    return paths.build() / "data" / "published" / name


def place_for(name: str) -> str:
    """Tell people where to put a file."""
    return f"DDD_DATA/{name}" + ("" if os.environ.get("DDD_DATA") else ", where DDD_DATA is a folder of your choice")


def fetch(name: str) -> Path:
    """Return a public file of the registry: the copy in ``DDD_DATA``, or one downloaded before or now."""
    file = registry()[name]
    return fetch_from(file.url, file.sha256, name, f" (all files: ddd_utils/data/{REGISTRY.name})")


def fetch_from(url: str, digest: str | None, name: str, hint: str = "") -> Path:
    """Return what is at an address: the copy in ``DDD_DATA``, or one with this SHA-256 downloaded before or now."""
    if copy := local_copy(name):
        if digest not in (None, sha256(copy)):
            raise InputError(f"{copy}: differs from the published file, {url} (SHA-256); move it away")
        return copy
    if digest is None:
        raise Unavailable(
            f"{name}: not downloaded, as its SHA-256 is not known; put a copy of {url} at {place_for(name)}"
        )
    return _download(url, digest, name, hint)


def _download(url: str, digest: str, name: str, hint: str) -> Path:
    """Download to a temporary name, check and rename; what is there and right is kept."""
    import pooch
    import requests
    from tqdm import tqdm

    target = _downloaded(name)
    if target.is_file() and sha256(target) == digest:
        return target
    live = sys.stderr.isatty()
    if not live:
        log.info("downloading %s", url)
    try:
        # tqdm needs a total from the start; pooch puts in the real one.
        with tqdm(total=1, desc=target.name, unit="B", unit_scale=True, leave=False, disable=not live) as bar:
            downloader = pooch.HTTPDownloader(progressbar=bar if live else False, chunk_size=1 << 16)
            with atomic(target) as partial:
                downloader(url, str(partial), None)
                if sha256(partial) != digest:
                    raise InputError(f"{url}: differs from the published file (SHA-256); not kept, try again later")
    except requests.RequestException as error:
        raise Unavailable(
            f"{name}: {_reason(error)} while downloading {url}; put a copy at {place_for(name)}{hint}"
        ) from None
    return target


def _reason(error: Exception) -> str:
    """Say in a few words why a download failed."""
    import requests

    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"HTTP error {error.response.status_code}"
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    return "no connection" if isinstance(error, requests.ConnectionError) else "connection lost"
