"""The files of a source."""

import os
import re
from concurrent.futures import ThreadPoolExecutor, wait

import pytest

from modelscope_swinpan.data.files import content_digest, read_values
from modelscope_swinpan.data.formats.registry import peek_json
from modelscope_swinpan.errors import DatasetError


@pytest.mark.parametrize("read", [content_digest, read_values])
def test_a_device_is_never_read(read, tmp_path):
    """A pipe may never answer, and a device never end."""
    (tmp_path / "a.png").symlink_to("/dev/null")
    with pytest.raises(DatasetError, match="a pipe or a device"):
        read(tmp_path / "a.png")


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
