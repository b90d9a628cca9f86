"""Checkpoints of a run."""

import dataclasses

import pytest
import torch

from modelscope_swinpan.errors import CheckpointError
from modelscope_swinpan.training.state import CHECKPOINT, State, read_state, write_state
from tests.full_disk import full_disk

OPTIONS = {"steps": 3, "phases": [{"share": 1.0}]}


def state(step):
    data = {"a.jpg": ("1", "2")}
    kept = {"options": OPTIONS, "data": data, "validation": {}}
    return State(step=step, skipped=0, **kept, model={"x": torch.ones(2)}, optimizer={}, ema=None)


def test_what_is_written_is_read(tmp_path):
    assert read_state(tmp_path) is None
    write_state(state(2), tmp_path)
    found = read_state(tmp_path)
    assert (found.step, found.skipped, found.options, found.ema) == (2, 0, OPTIONS, None)
    assert found.data == {"a.jpg": ("1", "2")}
    assert torch.equal(found.model["x"], torch.ones(2))


def test_a_full_disk_keeps_the_former_state_and_is_told(tmp_path):
    write_state(state(1), tmp_path)
    large = dataclasses.replace(state(2), model={"x": torch.ones(10**5)})
    with full_disk(10_000), pytest.raises(OSError, match=rf"File too large: '.*{CHECKPOINT}'$"):
        write_state(large, tmp_path)
    assert read_state(tmp_path).step == 1
    assert [path.name for path in tmp_path.iterdir()] == [CHECKPOINT]


@pytest.mark.parametrize("content", [b"", b"half a file", b"PK\x03\x04"])
def test_a_damaged_file(tmp_path, content):
    (tmp_path / CHECKPOINT).write_bytes(content)
    with pytest.raises(CheckpointError, match=r"cannot be read .*Remove it to start anew"):
        read_state(tmp_path)


def test_a_file_that_would_run_code(tmp_path):
    class Bad:
        def __reduce__(self):
            return (print, ("executed",))

    torch.save(Bad(), tmp_path / CHECKPOINT)
    with pytest.raises(CheckpointError):
        read_state(tmp_path)
