"""Without Chromium the tests in it are skipped, but never in CI."""

import shutil

import pytest

from tests.studio.chromium import require_chromium


@pytest.fixture
def no_chromium(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda _: None)


def test_skipped_with_a_way_out(no_chromium, monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="apt-get install chromium chromium-driver"):
        require_chromium()


def test_failed_in_ci(no_chromium, monkeypatch):
    monkeypatch.setenv("CI", "1")
    with pytest.raises(pytest.fail.Exception, match="apt-get install chromium chromium-driver"):
        require_chromium()
