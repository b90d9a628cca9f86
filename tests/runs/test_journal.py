"""Lines that survive their process."""

import pytest

from modelscope_swinpan.errors import DatasetError
from modelscope_swinpan.runs.journal import Lines


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
