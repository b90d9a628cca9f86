import pytest

from modelscope_swinpan.checkpoints.save import save_pretrained
from modelscope_swinpan.cli import progress
from tests.runs.fakes import small_model


@pytest.fixture(autouse=True)
def at_leisure(monkeypatch):
    """However busy a machine is, a command does not begin to tell how long it has been at work."""
    for wait in ("SOON", "SECONDS"):
        monkeypatch.setattr(progress, wait, 3600)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A quick model that knows nothing."""
    directory = tmp_path_factory.mktemp("model")
    save_pretrained(small_model(), directory)
    return directory
