import io
import json
import os

import pytest

from modelscope_swinpan.errors import DatasetError
from modelscope_swinpan.runs.inputs import Entry, Inputs, as_it_is


def written(*entries):
    file = io.BytesIO()
    described = Inputs(entries=lambda: iter(entries)).write(file)
    return described, [json.loads(line) for line in file.getvalue().splitlines()]


def test_what_is_written():
    described, lines = written(Entry("a.png", "/x/a.png"), Entry("row/7", 7), Entry("b.png", "http://b", 42, "b"))
    assert lines == [
        {"index": 0, "image_id": 1, "name": "a.png", "source": "/x/a.png", "stem": "00000000-a", "stamp": None},
        {"index": 1, "image_id": 2, "name": "row/7", "source": 7, "stem": "00000001-7", "stamp": None},
        {"index": 2, "image_id": 42, "name": "b.png", "source": "http://b", "stem": "b", "stamp": None},
    ]
    assert described["count"] == 3


def test_the_digest_tells_lists_apart():
    one, other = Entry("a.png", "/x/a.png"), Entry("b.png", "/x/b.png")
    lists = [[one, other], [other, one], [one], [one._replace(source="/y/a.png")], [one._replace(image_id=5)]]
    assert len({written(*entries)[0]["sha256"] for entries in lists}) == len(lists)
    assert written(one, other)[0] == written(one, other)[0]


def test_a_file_that_was_changed(tmp_path):
    """Its stamp tells; it is the same list all the same."""
    photo = tmp_path / "a.png"
    photo.write_bytes(b"1234")
    first, (line,) = written(Entry("a.png", str(photo)))
    found = photo.stat()
    assert line["stamp"] == [4, found.st_mtime_ns, found.st_ctime_ns]
    os.utime(photo, (1, 1))
    assert written(Entry("a.png", str(photo))) == (first, [{**line, "stamp": [4, 10**9, photo.stat().st_ctime_ns]}])


def test_a_file_name_that_is_no_unicode():
    """The source stays as it is, to be found; the name must fit into any file."""
    _, lines = written(Entry("\udcff.png", "/x/\udcff.png"))
    assert (lines[0]["name"], lines[0]["source"]) == ("\\udcff.png", "/x/\udcff.png")
    assert lines[0]["stem"] == "00000000-_udcff"


def test_no_inputs():
    with pytest.raises(DatasetError, match="no images"):
        written()


def test_a_source_is_read_as_it_is_unless_told_otherwise():
    assert Inputs(entries=lambda: iter(())).read is as_it_is
    assert as_it_is("a.png") == "a.png"
