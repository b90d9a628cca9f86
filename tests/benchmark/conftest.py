from pathlib import Path

import pytest

from modelscope_swinpan.benchmark.random_model import write_random_model
from tests.builders import SMALL


@pytest.fixture(scope="session")
def directory(tmp_path_factory) -> Path:
    """A small random model that finds segments."""
    return write_random_model(tmp_path_factory.mktemp("random"), SMALL)
