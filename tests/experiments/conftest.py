"""What several of these test files need."""

import pytest

from ddd_utils.experiments import progress


@pytest.fixture
def one_thread():
    """Compute as a training process does: two threads on a busy machine wait for each other."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def cell(monkeypatch):
    """A kernel's place for output, which keeps all bundles that are shown in it."""
    shown = []

    class Handle:
        def update(self, bundle, raw):
            assert raw
            shown.append(bundle)

    monkeypatch.setattr(progress, "in_notebook", lambda: True)
    monkeypatch.setattr("IPython.display.display", lambda bundle, **_: shown.append(bundle) or Handle())
    monkeypatch.setattr(progress, "REDRAW_SECONDS", 0.01)
    return shown
