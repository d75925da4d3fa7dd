"""Ctrl+C at any moment, also while the program is being imported or deep in a library: one line, exit status 130."""

import logging
import os
import signal
import socket
import sys
import threading
from contextlib import suppress
from typing import Any, NoReturn

EXIT = 130
LINE = "interrupted; what was finished is kept, the same command goes on from there"
PATIENCE_S = 4.0  # for an orderly end; workers end with this process
SIGNALS = (signal.SIGINT, signal.SIGTERM)
_untold = threading.Lock()  # the line is written once, by whoever comes first


class Interrupt(KeyboardInterrupt):
    """Ctrl+C. A plain KeyboardInterrupt in an executed string has Python end by the signal, though it was caught."""


def tell() -> int:
    """Write the line, whole and only once, and return the exit status."""
    if _untold.acquire(blocking=False):
        os.write(2, f"{LINE}\n".encode())
    return EXIT


def at_once(*_: Any) -> NoReturn:
    """End without cleaning up: before anything has begun, or when an orderly end takes too long."""
    os._exit(tell())


def orderly(*_: Any) -> NoReturn:
    """Raise KeyboardInterrupt, once; whoever ends for its sake need not tell."""
    logging.disable()
    for each in SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    raise Interrupt


def end_soon() -> None:
    """End after the first Ctrl+C, whatever keeps it from being answered, and at the second that is not answered."""
    # Python calls no handler while a library computes, but writes down at once which signal came.
    written, told = socket.socketpair()
    told.setblocking(False)
    signal.set_wakeup_fd(told.detach(), warn_on_full_buffer=False)

    def wait() -> None:
        if hasattr(signal, "pthread_sigmask"):  # where the main thread holds them back, they do not come here instead
            signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        while written.recv(1)[0] not in SIGNALS:
            pass
        written.settimeout(PATIENCE_S)
        with suppress(TimeoutError):
            written.recv(1)
        at_once()

    threading.Thread(target=wait, daemon=True).start()


def answer(how: Any) -> None:
    """Answer interrupts, and polite requests to end, in this way."""
    for each in SIGNALS:
        if signal.getsignal(each) is not signal.SIG_IGN:
            signal.signal(each, how)


# The program imports this module first; a test or a notebook that imports it keeps its own ways.
_spec = getattr(sys.modules.get("__main__"), "__spec__", None)
if sys.argv[0].endswith(f"{os.sep}ddd") or getattr(_spec, "name", "") == "ddd_utils.__main__":
    answer(at_once)
