"""What is said where a package is missing."""

import sys

import pytest

from modelscope_swinpan.errors import ConfigError
from modelscope_swinpan.extras import require


def test_what_is_there_is_imported():
    assert require("A test", "json", "os.path", extra="eval") is sys.modules["os.path"]


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ("serve", "A server needs absent and absent.part: pip install 'modelscope_swinpan[serve]'."),
        (None, "A server needs absent and absent.part: pip install absent absent.part."),
    ],
)
def test_what_is_missing_is_named(monkeypatch, extra, message):
    monkeypatch.setitem(sys.modules, "absent", None)
    monkeypatch.setitem(sys.modules, "absent.part", None)
    with pytest.raises(ConfigError) as error:
        require("A server", "absent", "json", "absent.part", extra=extra)
    assert str(error.value) == message


def test_what_is_there_and_broken_is_not_called_missing(monkeypatch, tmp_path):
    (tmp_path / "broken_package.py").write_text("raise ImportError('libsome.so.1: cannot open shared object file')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigError, match=r"^A test needs broken_package, which cannot be imported: libsome\.so\.1: "):
        require("A test", "broken_package", extra="eval")
