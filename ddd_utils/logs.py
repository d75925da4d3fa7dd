"""Lines of progress on standard error: modules log them, the command line and notebooks show them."""

import logging
import sys

from tqdm import tqdm

PACKAGE = logging.getLogger("ddd_utils")


class _Lines(logging.Handler):
    """Writes bare messages, one line each, above any live bar; the stream is looked up anew, notebooks replace it."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a message."""
        try:
            tqdm.write(self.format(record), file=sys.stderr)
            sys.stderr.flush()
        except Exception:
            self.handleError(record)


def install() -> None:
    """Show what the package logs, from INFO on; doing it twice does no harm."""
    PACKAGE.setLevel(logging.INFO)
    if not any(isinstance(handler, _Lines) for handler in PACKAGE.handlers):
        PACKAGE.addHandler(_Lines())
