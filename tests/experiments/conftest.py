"""What several of these test files need."""

import pytest


@pytest.fixture
def one_thread():
    """Compute as a training process does: two threads on a busy machine wait for each other."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
