"""What all tests share: the same examples of hypothesis every time, the order of files, and what is logged."""

import logging

import pytest
import warm_processes
from hypothesis import settings

from ddd_utils import logs
from ddd_utils.experiments import launch

settings.register_profile("steady", derandomize=True, deadline=None)
settings.load_profile("steady")
logs.install()
launch.CONTEXT = warm_processes.CONTEXT


# The files that take longest begin first: a worker that begins one at the end works on alone. (By itself pytest-xdist
# takes the files with the fewest tests last, and these are among them.)
SLOWEST = [
    "test_report.py",
    "test_killing.py",
    "test_kills.py",
    "test_own_models.py",
    "test_train_on_slurm.py",
    "test_photographs_report.py",
    "test_lab.py",
    "test_store.py",
    "test_large_page.py",
    "test_page.py",
    "test_run.py",
    "test_light_install.py",
    "test_validate.py",
]


def pytest_configure(config):
    config.option.loadscopereorder = False


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: SLOWEST.index(item.path.name) if item.path.name in SLOWEST else len(SLOWEST))


class Lines(list):
    """What is logged, line by line; ``heard`` is called with each."""

    def __init__(self):
        super().__init__()
        self.heard = lambda line: None

    def handle(self, record):
        self.append(record.getMessage())
        self.heard(self[-1])


@pytest.fixture
def build(tmp_path, monkeypatch):
    """A folder of one's own for all that is made."""
    monkeypatch.setenv("DDD_BUILD", str(tmp_path))
    return tmp_path


@pytest.fixture
def lines():
    """The lines of progress that are logged from here on, in whichever thread."""
    found, handler, ours = Lines(), logging.Handler(), logging.getLogger("ddd_utils")
    handler.emit = found.handle
    ours.addHandler(handler)
    yield found
    ours.removeHandler(handler)
