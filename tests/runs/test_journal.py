"""Lines that survive their process."""

import pytest

from modelscope_swinpan.errors import DatasetError
from modelscope_swinpan.runs.journal import Lines
from tests.full_disk import full_disk


def test_lines(tmp_path):
    lines = Lines(tmp_path / "lines")
    assert list(lines) == []
    for number in range(3):
        lines.add(b'{"n":%d}' % number)
    assert list(lines) == list(Lines(tmp_path / "lines")) == [{"n": 0}, {"n": 1}, {"n": 2}]


@pytest.mark.parametrize("cut", [1, 5, 7])
def test_a_torn_line_is_dropped(tmp_path, cut):
    path = tmp_path / "lines"
    path.write_bytes(b'{"n":0}\n{"n":1}\n'[:-cut])
    lines = Lines(path)
    assert list(lines) == [{"n": 0}]
    lines.add(b'{"n":2}')
    assert list(lines) == [{"n": 0}, {"n": 2}]


def test_a_damaged_line(tmp_path):
    (tmp_path / "lines").write_bytes(b'{]\n{"n":1}\n')
    with pytest.raises(DatasetError, match=r"lines: damaged .*; choose another folder"):
        list(Lines(tmp_path / "lines"))


def test_lines_are_revised_together(tmp_path):
    lines = Lines(tmp_path / "lines")
    for number in range(3):
        lines.add(b'{"n":%d}' % number)
    lines.revise(lambda found: b'{"n":9}' if found["n"] == 1 else None)
    assert list(lines) == [{"n": 0}, {"n": 9}, {"n": 2}]

    def stop(found):
        if found["n"] == 9:
            raise KeyboardInterrupt
        return b'{"n":8}'

    with pytest.raises(KeyboardInterrupt):
        lines.revise(stop)
    assert list(lines) == [{"n": 0}, {"n": 9}, {"n": 2}]
    assert [path.name for path in tmp_path.iterdir()] == ["lines"]


def test_the_file_is_named_where_the_disk_is_full(tmp_path):
    lines = Lines(tmp_path / "journal")
    lines.add(b'{"a": 1}')
    with full_disk(), pytest.raises(OSError, match=r"journal'$"):
        lines.add(b'{"a": "' + b"x" * 2000 + b'"}')
    assert [*Lines(tmp_path / "journal")] == [{"a": 1}]
