"""What all tests share: hypothesis draws the same examples every time, and what is logged goes to standard error."""

import logging

import pytest
from hypothesis import settings

from ddd_utils import logs

settings.register_profile("steady", derandomize=True, deadline=None)
settings.load_profile("steady")
logs.install()


class Lines(list):
    """What is logged, line by line; ``heard`` is called with each."""

    def __init__(self):
        super().__init__()
        self.heard = lambda line: None

    def handle(self, record):
        self.append(record.getMessage())
        self.heard(self[-1])


@pytest.fixture
def lines():
    """The lines of progress that are logged from here on, in whichever thread."""
    found, handler, ours = Lines(), logging.Handler(), logging.getLogger("ddd_utils")
    handler.emit = found.handle
    ours.addHandler(handler)
    yield found
    ours.removeHandler(handler)
