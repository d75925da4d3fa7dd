"""Locks between processes. They are the operating system's: a process gives them back however it dies."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock

log = logging.getLogger(__name__)


@contextmanager
def attempt(path: Path, patience: float = 0) -> Iterator[bool]:
    """Take a lock for the block if it is free within so many seconds; yield whether it was."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(path)
    try:
        lock.acquire(timeout=patience)
    except filelock.Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def held(path: Path) -> bool:
    """Say whether some process has a lock."""
    if not path.exists():
        return False
    with attempt(path) as free:
        return not free


@contextmanager
def waiting(path: Path, what: str) -> Iterator[None]:
    """Take a lock for the block; while another process has it, wait, and say ``what`` that process does."""
    with attempt(path) as free:
        if free:
            yield
            return
    log.info("waiting for another process that %s", what)
    with filelock.FileLock(path):
        yield
