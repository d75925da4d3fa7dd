"""Locks between processes. They are the operating system's: a process that dies, however that be, gives them back."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock


@contextmanager
def attempt(path: Path, patience: float = 0) -> Iterator[bool]:
    """
    Take a lock if no other process has it.

    Parameters
    ----------
    path : Path
        The lock's file; it stays, empty, and means nothing by itself.
    patience : float
        Seconds to try: whoever only looks (:func:`held`) has the lock for a moment.

    Yields
    ------
    bool
        Whether the lock is ours for the duration of the block.
    """
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
def waiting(path: Path, say: Callable, what: str) -> Iterator[None]:
    """
    Take a lock, waiting for whoever has it.

    Parameters
    ----------
    path : Path
        The lock's file.
    say : callable
        Takes a line for the terminal if another process is at it.
    what : str
        What that process does, for example "computes imagenet-0123abcd".
    """
    with attempt(path) as free:
        if free:
            yield
            return
    say(f"waiting for another process that {what}")
    with filelock.FileLock(path):
        yield
