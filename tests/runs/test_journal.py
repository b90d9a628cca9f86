"""Whose folder it is, what a killed process leaves, and lists."""

import io
import json

import pytest

from modelscope_swinpan.errors import ConfigError, DatasetError
from modelscope_swinpan.runs.journal import Lines, claim, json_list

RUN = {"dtype": "float32", "sizes": (1, 2)}


def test_a_new_folder_and_the_same_run_again(tmp_path):
    for _ in range(2):
        claim(tmp_path / "a" / "b", RUN, files=["lines"])
    assert json.loads((tmp_path / "a" / "b" / "run.json").read_text()) == {"dtype": "float32", "sizes": [1, 2]}


def test_another_run(tmp_path):
    claim(tmp_path, RUN, files=[])
    with pytest.raises(ConfigError, match=r'dtype was "float32", is "float16"; new was null, is "x{78}…\.') as caught:
        claim(tmp_path, {**RUN, "dtype": "float16", "new": "x" * 200}, files=[])
    assert "sizes" not in str(caught.value)


def test_something_else(tmp_path):
    (tmp_path / "lines").touch()
    with pytest.raises(ConfigError, match=r"holds lines, but not the run\.json"):
        claim(tmp_path, RUN, files=["other", "lines"])
    assert [path.name for path in tmp_path.iterdir()] == ["lines"]


def test_a_damaged_run_json(tmp_path):
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(DatasetError, match=r"run\.json: damaged"):
        claim(tmp_path, RUN, files=[])


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
    with pytest.raises(DatasetError, match=r"lines: damaged .*; remove"):
        list(Lines(tmp_path / "lines"))


@pytest.mark.parametrize("items", [[], [1], [{"a": [1, 2]}, None, "é"]])
def test_json_list(items):
    file = io.StringIO()
    with json_list(file) as add:
        for item in items:
            add(item)
    assert json.loads(file.getvalue()) == items
