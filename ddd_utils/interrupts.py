"""Ctrl+C at any moment, also while the program is being imported: one line, exit status 130."""

import os
import signal
import sys
import threading
from typing import Any, NoReturn

EXIT = 130
LINE = "interrupted; what was finished is kept, the same command goes on from there"
PATIENCE_S = 4.0  # for an orderly end; workers end with this process
SIGNALS = (signal.SIGINT, signal.SIGTERM)


def at_once(*_: Any) -> NoReturn:
    """End without cleaning up: before anything has begun, or when an orderly end takes too long."""
    os.write(2, f"{LINE}\n".encode())
    os._exit(EXIT)


def orderly(*_: Any) -> NoReturn:
    """Raise KeyboardInterrupt, once; whatever keeps that from ending the program, it ends soon."""
    for each in SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    end = threading.Timer(PATIENCE_S, at_once)
    end.daemon = True
    end.start()
    raise KeyboardInterrupt


def answer(how: Any) -> None:
    """Answer interrupts, and polite requests to end, in this way."""
    for each in SIGNALS:
        if signal.getsignal(each) is not signal.SIG_IGN:
            signal.signal(each, how)


# The program imports this module first; a test or a notebook that imports it keeps its own ways.
_spec = getattr(sys.modules.get("__main__"), "__spec__", None)
if sys.argv[0].endswith(f"{os.sep}ddd") or getattr(_spec, "name", "") == "ddd_utils.__main__":
    answer(at_once)
