"""The files of a source."""

import os
import re
from concurrent.futures import ThreadPoolExecutor, wait

import numpy as np
import pytest
from PIL import Image

from modelscope_swinpan.data.files import content_digest, path_ends, read_values
from modelscope_swinpan.data.formats.registry import peek_json
from modelscope_swinpan.data.report import Dropped
from modelscope_swinpan.errors import DatasetError
from modelscope_swinpan.images import opening
from modelscope_swinpan.structures import Size


@pytest.mark.parametrize("read", [content_digest, read_values])
def test_a_device_is_never_read(read, tmp_path):
    """A pipe may never answer, and a device never end."""
    (tmp_path / "a.png").symlink_to("/dev/null")
    with pytest.raises(DatasetError, match="a pipe or a device"):
        read(tmp_path / "a.png")


@pytest.mark.parametrize(
    "path", ["/x/y/a.jpg", "C:\\x\\y\\a.jpg", "../x/./y/a.jpg", "x/y/a.jpg", "\\\\host\\share\\x\\y\\a.jpg"]
)
def test_the_ends_of_a_path_of_any_system(path):
    assert path_ends(path) == ["x/y/a.jpg", "y/a.jpg", "a.jpg"]
    assert path_ends("..") == path_ends("") == []


def test_a_pipe_among_json_files_is_passed_over(tmp_path):
    os.mkfifo(tmp_path / "a.json")
    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(peek_json, tmp_path / "a.json")
        if not wait([found], timeout=5).done:  # let it go
            (tmp_path / "a.json").open("wb").close()
            pytest.fail("it waits for the pipe")
    assert found.result() is None


def test_what_is_no_picture_is_named_by_its_file_alone(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"no picture")
    with pytest.raises(
        DatasetError, match=rf"^{re.escape(str(path))}: cannot be read as a PNG, BMP or TIFF: it is none"
    ):
        read_values(path)


def test_a_picture_of_another_size_is_not_searched_for_damage(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    Image.fromarray(np.zeros((2, 3), np.uint8)).save(path)
    monkeypatch.setattr(opening, "_bare", lambda *_: pytest.fail("read again"))
    assert read_values(path, Size(2, 3)).shape == (2, 3)
    with pytest.raises(Dropped, match=r"another size: its label picture has 3 × 2 pixels, the photo 3 × 4"):
        read_values(path, Size(4, 3))
