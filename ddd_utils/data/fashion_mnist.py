"""Fashion-MNIST: its four files from the first source that has them whole, and the images that are drawn from them."""

import gzip
import hashlib
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path

import numpy as np

from ddd_utils import paths
from ddd_utils.config import image_sets
from ddd_utils.data.downloads import Unavailable, copies, place_for
from ddd_utils.errors import InputError
from ddd_utils.files import atomic, short_hash
from ddd_utils.machine import lock

log = logging.getLogger(__name__)

CLASSES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
# SHA-256 of the uncompressed bytes, because Debian has compressed the files anew.
FILES = {
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}
PARTS = {"train": "train", "test": "t10k"}  # our name of a part, and that of its files
# Where the files may be in DDD_DATA: torchvision makes folders of the last name.
FOLDERS = ("fashion-mnist", "fashion_mnist", "FashionMNIST/raw")
PACKAGE, INSTALLED = "dataset-fashion-mnist", Path("/usr/share/datasets/fashion-mnist")
MIRROR = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com"  # torchvision's
LIMIT, SILENCE = 60.0, 10  # seconds that a source may take in all, and without an answer
# A process of its own can be stopped whatever it waits for: a name, a connection, or the next byte.
FETCH = f"""
import socket, sys, urllib.request
socket.setdefaulttimeout({SILENCE})
urllib.request.urlretrieve(*sys.argv[1:])
"""
# Read after the system's own settings. Nothing of the system is changed, and nothing needs its permission.
APT = f"""
#clear APT::Update;
APT::Sandbox::User "root";
Acquire::Retries "0"; Acquire::http::Timeout "{SILENCE}"; Acquire::https::Timeout "{SILENCE}";
Dir::State "{{own}}/state"; Dir::Cache "{{own}}/cache";
"""


def drawn(config: image_sets.FashionMnist) -> tuple[Path, Path]:
    """Return ``.npz`` files of training and of test images: the first of each part, in black margins; made once."""
    folder = paths.build() / "data" / f"fashion_mnist-{short_hash(config.hashed())}"
    train, test = (folder / f"{part}.npz" for part in PARTS)
    if not test.is_file():
        with lock(folder.with_suffix(".lock"), "prepares Fashion-MNIST"):
            if not test.is_file():
                _draw(config, found(), folder)
    return train, test


def found(limit: float = LIMIT) -> dict[str, bytes]:
    """Return the four files' contents by name: from ``DDD_DATA``, Debian's package, a download, or Debian's servers."""
    # Other bytes than the published are refused, and the next source is tried. What the last two bring is kept.
    local = copies()
    kept = paths.build() / "data" / "published" / "fashion-mnist"
    for folder in [*(local / name for name in FOLDERS if local), INSTALLED, kept]:
        if contents := _contents(folder):
            return contents
    reasons = []
    for source, fetch in {MIRROR: _download, f"Debian's package {PACKAGE}": _from_debian}.items():
        log.info("Fashion-MNIST: from %s, at most %.0f s", source, limit)
        try:
            return fetch(kept, time.monotonic() + limit)
        except InputError as error:
            reasons.append(f"{source}: {error}")
    place = place_for(FOLDERS[0])
    raise Unavailable(
        f"Fashion-MNIST is not here and cannot be had ({'; '.join(reasons)}); put its four files into {place}"
    )


def _contents(folder: Path) -> dict[str, bytes] | None:
    """Read the four files, compressed or not, if a folder has them all, each with the published bytes."""
    candidates = {name: [path for path in (folder / f"{name}.gz", folder / name) if path.is_file()] for name in FILES}
    if not all(candidates.values()):
        return None
    try:
        return {name: _whole(path, name) for name, (path, *_) in candidates.items()}
    except InputError as error:
        log.info("%s; not used", error)
        return None


def _whole(path: Path, name: str, shown: str = "") -> bytes:
    """Return the uncompressed bytes of a file if they are the published ones; errors name it, or what is `shown`."""
    try:
        raw = path.read_bytes()
        content = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{shown or path}: not readable ({error})") from None
    if hashlib.sha256(content).hexdigest() != FILES[name]:
        raise InputError(f"{shown or path}: differs from the published file (SHA-256 of its uncompressed bytes)")
    return content


def _download(kept: Path, end: float) -> dict[str, bytes]:
    """Download what is not kept already, from where torchvision has it."""
    contents = {}
    for name in FILES:
        path, url = kept / f"{name}.gz", f"{MIRROR}/{name}.gz"
        try:
            contents[name] = _whole(path, name)
        except InputError:
            with atomic(path) as partial:
                _run([sys.executable, "-c", FETCH, url, str(partial)], end)
                contents[name] = _whole(partial, name, url)
    return contents


def _from_debian(kept: Path, end: float) -> dict[str, bytes]:
    """Let apt fetch the package, with lists and caches of its own, and take the files out without installing it."""
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        raise Unavailable("there is no apt here")
    with tempfile.TemporaryDirectory() as own:
        settings = Path(own, "apt.conf")
        settings.write_text(APT.format(own=own))
        Path(own, "state", "lists", "partial").mkdir(parents=True)
        for command in (["apt-get", "update"], ["apt-get", "download", PACKAGE]):
            _run([*command, "-q", "-c", str(settings)], end, own)
        (package,) = Path(own).glob("*.deb")
        _run(["dpkg", "-x", str(package), own], end)
        unpacked = Path(own, "usr/share/datasets/fashion-mnist")
        contents = {name: _whole(unpacked / f"{name}.gz", name, name) for name in FILES}
        for name in FILES:
            with atomic(kept / f"{name}.gz") as partial:
                shutil.copyfile(unpacked / f"{name}.gz", partial)
    return contents


def _run(command: list[str], end: float, folder: str | None = None) -> None:
    """Run a program until it ends or the time is over; then it and whatever it has started is killed."""
    with tempfile.TemporaryFile("w+") as said:
        child = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True
        )
        try:
            status = child.wait(max(end - time.monotonic(), 0))
        except BaseException as error:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            if isinstance(error, subprocess.TimeoutExpired):
                raise Unavailable("no answer in time") from None
            raise
        said.seek(0)
        if status:
            raise Unavailable(_last_line(said.read()))


def _last_line(said: str) -> str:
    """Return what a program said last, without the kind of error that Python or apt put before it."""
    line = (said.strip() or "no reason given").splitlines()[-1]
    return line.removeprefix("E: ").rpartition("Error: ")[2].strip("<>")


def _draw(config: image_sets.FashionMnist, contents: dict[str, bytes], folder: Path) -> None:
    margin = config.image_size - 28
    around = margin // 2, margin - margin // 2
    for (part, name), count in zip(PARTS.items(), config.sizes, strict=True):
        # The header has a magic number and the length of each dimension, four bytes each.
        pixels = np.frombuffer(contents[f"{name}-images-idx3-ubyte"], np.uint8, offset=16).reshape(-1, 28, 28)
        labels = np.frombuffer(contents[f"{name}-labels-idx1-ubyte"], np.uint8, offset=8)
        with atomic(folder / f"{part}.npz") as partial, partial.open("wb") as file:
            np.savez_compressed(file, x=np.pad(pixels[:count], ((0, 0), around, around)), y=labels[:count])
