import os

import pytest
import torch


@pytest.fixture
def many_threads():
    """All processors, for full-size models."""
    before = torch.get_num_threads()
    torch.set_num_threads(os.cpu_count() or 1)
    yield
    torch.set_num_threads(before)
