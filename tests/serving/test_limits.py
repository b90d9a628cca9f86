import unicodedata
from pathlib import Path
from typing import Literal

import pytest

from modelscope_swinpan.errors import ConfigError
from modelscope_swinpan.serving.limits import Limits

Form = Literal["NFC", "NFD"]


def test_defaults_are_closed() -> None:
    assert Limits.from_environment({}) == Limits(folder=None, private_addresses=False, megabytes=32)
    assert Limits.from_environment({"SWINPAN_SERVE_FOLDER": "", "SWINPAN_SERVE_PRIVATE_ADDRESSES": "0"}) == Limits()


def test_environment_is_read(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "photos")
    environment = {
        "SWINPAN_SERVE_FOLDER": str(tmp_path / "link"),
        "SWINPAN_SERVE_PRIVATE_ADDRESSES": "1",
        "SWINPAN_SERVE_MEGABYTES": "64",
        "SWINPAN_SERVE_WORKERS": "2",
    }

    found = Limits.from_environment(environment)

    assert found == Limits(folder=(tmp_path / "photos").resolve(), private_addresses=True, megabytes=64, workers=2)


@pytest.mark.parametrize(("there", "written"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_a_folder_in_the_other_form_of_unicode(tmp_path: Path, there: Form, written: Form) -> None:
    folder = tmp_path / unicodedata.normalize(there, "é")
    folder.mkdir()
    found = Limits.from_environment({"SWINPAN_SERVE_FOLDER": str(tmp_path / unicodedata.normalize(written, "é"))})
    assert found.folder is not None
    assert found.folder.samefile(folder)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("FOLDER", "/no/such/folder", "a folder that exists"),
        ("FOLDER", __file__, "a folder that exists"),
        ("PRIVATE_ADDRESSES", "yes", "0 or 1"),
        ("MEGABYTES", "0", "a whole number of at least 1"),
        ("WORKERS", "0", "a whole number of at least 1"),
        ("MEGABYTES", "32 MB", "a whole number of at least 1"),
    ],
)
def test_bad_values_are_named(name: str, value: str, expected: str) -> None:
    with pytest.raises(ConfigError) as raised:
        Limits.from_environment({f"SWINPAN_SERVE_{name}": value})
    assert str(raised.value) == f"SWINPAN_SERVE_{name} must be {expected}; got {value!r}."
