"""The machine this runs on: its cores and GPUs, locks between its processes, and the versions of its packages."""

import errno
import logging
import os
import platform
import re
import shutil
import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

import filelock

from ddd_utils.errors import InputError

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)

SHM = Path("/dev/shm")
SHM_FULL = (
    f"{SHM} is full: processes share images and locks through it; remove what others left there, or make it larger"
)
SHM_FULL += f" (docker run --shm-size=8g, or as root: mount -o remount,size=8g {SHM})"


def cores() -> int:
    """Count the cores that the system, or the job this runs in, lets us have."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def devices() -> list[str]:
    """List the torch devices to compute on: those that DDD_DEVICES names, or every GPU, or else one entry per core."""
    if named := os.environ.get("DDD_DEVICES", "").replace(" ", ""):
        if not re.fullmatch(r"(cpu(,cpu)*|cuda:\d+(,cuda:\d+)*)", named):
            raise InputError(f"DDD_DEVICES: '{named}' is not a list such as cuda:0,cuda:1 or cpu,cpu")
        return named.split(",")
    # Without an NVIDIA driver torch need not be imported.
    if Path("/proc/driver/nvidia").exists() or os.environ.get("CUDA_VISIBLE_DEVICES"):
        import torch

        if torch.cuda.is_available():
            return [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    return ["cpu"] * cores()


def free_memory() -> int:
    """Return the bytes of memory that this process may still take: the system's, or what is left to its job."""
    import psutil

    return min([psutil.virtual_memory().available, *_left_to_the_job()])


def _left_to_the_job() -> Iterator[int]:
    """Read what control groups (containers, SLURM's jobs) leave to this process, where there are any."""
    try:
        own = Path("/proc/self/cgroup").read_text().rpartition("0::/")[2].strip()
    except OSError:
        return
    root = Path("/sys/fs/cgroup")
    for group in (root / own, *(root / own).parents):
        if not group.is_relative_to(root):
            return
        with suppress(OSError, ValueError):  # "max" is no number
            yield int((group / "memory.max").read_text()) - int((group / "memory.current").read_text())


def shm_is_full(error: OSError) -> bool:
    """Say whether a lock or a queue could not be made for lack of shared memory; such an error names no file."""
    nameless = error.errno == errno.ENOSPC and error.filename is None
    return nameless and SHM.exists() and shutil.disk_usage(SHM).free < 2**16


def describe(device: "torch.device") -> str:
    """Name a device as results do: the GPU's product name, or the kind of processor."""
    if device.type != "cuda":
        return f"CPU ({platform.machine()})"
    import torch

    return torch.cuda.get_device_name(device)


@contextmanager
def lock_if_free(path: Path, patience: float = 0) -> Iterator[bool]:
    """Take a lock for the block if it is free within so many seconds; yield whether it was."""
    # It is the operating system's lock: a process gives it back however it dies.
    lock = filelock.FileLock(path)
    while not lock.is_locked:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=patience)
        except filelock.Timeout:
            yield False
            return
        except FileNotFoundError:  # another process, which has finished, has just removed the folder
            continue
    try:
        yield True
    finally:
        lock.release()


def is_locked(path: Path) -> bool:
    """Say whether some process has a lock."""
    if not path.exists():
        return False
    with lock_if_free(path) as free:
        return not free


@contextmanager
def lock(path: Path, what: str) -> Iterator[None]:
    """Take a lock for the block; while another process has it, wait, and say ``what`` that process does."""
    with lock_if_free(path) as free:
        if free:
            yield
            return
    log.info("waiting for another process that %s%s", what, holders([path]))
    with filelock.FileLock(path):
        yield


def holders(paths: Iterable[Path]) -> str:
    """Name the processes that have locks, as far as the system tells: `` (pid 1234)``; a stopped one keeps them."""
    import psutil

    wanted, found = {str(path.resolve()) for path in paths}, []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):  # it has just ended, or is another user's
            if wanted & {each.path for each in process.open_files()}:
                pid, stopped = process.pid, process.status() == psutil.STATUS_STOPPED
                mend = f" is stopped: kill -CONT {pid} lets it go on, kill -9 {pid} ends it" if stopped else ""
                found.append(f"{pid}{mend}")
    return f" (pid {', '.join(found)})" if found else ""


@contextmanager
def environment(values: dict[str, str]) -> Iterator[None]:
    """Change the environment for the block; child processes inherit it."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


@contextmanager
def without_interrupts() -> Iterator[None]:
    """Hold Ctrl+C back for the block; child processes that start in it never get one."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}) if hasattr(signal, "pthread_sigmask") else None
    try:
        yield
    finally:
        if before is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Return the versions of Python and of packages; those that are not installed are left out."""
    found = {"python": platform.python_version()}
    for name in packages:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # a light installation has no torch
            continue
    return found
