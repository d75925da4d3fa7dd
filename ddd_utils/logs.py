"""Lines of progress on standard error, and the kinds of output that notebooks have and the report must know."""

import logging
import sys

from tqdm import tqdm

PACKAGE = logging.getLogger("ddd_utils")
PROGRESS = "application/vnd.ddd.progress+json"  # how far the networks are: of no interest once they are done
PARAMETERS = "application/vnd.ddd.parameters+json"  # a section's parameters: the page has them at the section's end
ABSENT = "application/vnd.ddd.absent+json"  # why a part is empty: the page leaves out what introduces it


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
