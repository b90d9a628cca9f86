import pytest

from modelscope_swinpan.cli import progress


@pytest.fixture(autouse=True)
def at_leisure(monkeypatch):
    """However busy a machine is, a command does not begin to tell how long it has been at work."""
    for wait in ("SOON", "SECONDS"):
        monkeypatch.setattr(progress, wait, 3600)
