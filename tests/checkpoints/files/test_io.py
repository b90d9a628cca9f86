import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from modelscope_swinpan.checkpoints.files.io import check_tensors, read_torch
from modelscope_swinpan.errors import CheckpointError


def mapped_file(tensor):
    """The file that a tensor's memory is mapped from, as Linux tells."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        start, end = (int(part, 16) for part in line.split()[0].split("-"))
        if start <= tensor.data_ptr() < end:
            return line.split(maxsplit=5)[5] if len(line.split()) > 5 else None
    return None


class Attack:
    """Creates a file when unpickled by anything that obeys."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_reads_what_training_frameworks_leave_in_meta(tmp_path):
    meta = {
        "CLASSES": ["person", " truck"],
        "epoch": 50,
        "config": "model = dict()",
        "env_info": {"gpu": "V100"},
        "lr": np.float64(0.1),
        "iter": np.int64(7),
        "loss": np.float32(0.5),
        "seed": None,
        "time": "Tue",
        "flag": np.bool_(True),
    }
    torch.save({"meta": meta, "state_dict": {"a": torch.ones(2)}}, tmp_path / "a.pt")
    content = read_torch(tmp_path / "a.pt")
    assert content["meta"] == meta
    assert torch.equal(content["state_dict"]["a"], torch.ones(2))


def test_reads_the_form_of_before_pytorch_1_6(tmp_path):
    torch.save({"a": torch.ones(2)}, tmp_path / "a.pth", _use_new_zipfile_serialization=False)
    assert torch.equal(read_torch(tmp_path / "a.pth")["a"], torch.ones(2))


def test_tensors_are_memory_mapped(tmp_path):
    torch.save({"a": torch.zeros(1000)}, tmp_path / "a.pt")
    assert mapped_file(read_torch(tmp_path / "a.pt")["a"]) == str(tmp_path / "a.pt")


@pytest.mark.parametrize("zipped", [True, False])
def test_nothing_is_executed(tmp_path, zipped):
    torch.save({"a": Attack(tmp_path / "made")}, tmp_path / "a.pt", _use_new_zipfile_serialization=zipped)
    with pytest.raises(CheckpointError, match="wants to run code or build unknown objects; nothing was executed"):
        read_torch(tmp_path / "a.pt")
    assert not (tmp_path / "made").exists()


def test_a_plain_pickle_is_not_executed_either(tmp_path):
    (tmp_path / "a.pt").write_bytes(pickle.dumps(Attack(tmp_path / "made")))
    with pytest.raises(CheckpointError):
        read_torch(tmp_path / "a.pt")
    assert not (tmp_path / "made").exists()


def test_truncated_anywhere(tmp_path, tiny):
    content = (tiny / "pytorch_model.pt").read_bytes()
    for part in range(0, 100, 7):
        (tmp_path / "a.pt").write_bytes(content[: len(content) * part // 100])
        with pytest.raises(CheckpointError, match=r"truncated|empty"):
            read_torch(tmp_path / "a.pt")


@pytest.mark.parametrize("content", [b"\x89PNG\r\n", b"not a checkpoint at all", b"<!DOCTYPE html><html>", b"\x80\x02"])
def test_other_files(tmp_path, content):
    (tmp_path / "a.pt").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"a\.pt"):
        read_torch(tmp_path / "a.pt")


def test_missing_and_directory(tmp_path):
    with pytest.raises(CheckpointError, match="no such file"):
        read_torch(tmp_path / "a.pt")
    with pytest.raises(CheckpointError, match="a directory"):
        read_torch(tmp_path)


def test_zip_bomb(tmp_path):
    """An archive whose zeros unpack to a thousand times its size."""
    torch.save({"a": torch.zeros(2**22)}, tmp_path / "a.pt")
    with (
        zipfile.ZipFile(tmp_path / "a.pt") as source,
        zipfile.ZipFile(tmp_path / "b.pt", "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for name in source.namelist():
            target.writestr(name, source.read(name))
    assert (tmp_path / "b.pt").stat().st_size < 2**16
    with pytest.raises(CheckpointError, match="compressed inside"):
        read_torch(tmp_path / "b.pt")


def test_one_number_that_poses_as_terabytes(tmp_path):
    torch.save({"a": torch.zeros(1).expand(10**12)}, tmp_path / "a.pt")
    with pytest.raises(CheckpointError, match="stores fewer numbers"):
        check_tensors(read_torch(tmp_path / "a.pt"), "a.pt")


@pytest.mark.parametrize(
    "content",
    [{"a": "text"}, {1: torch.ones(1)}, {"a": torch.ones(3).to_sparse()}, {"a": torch.ones(3, device="meta")}],
)
def test_not_a_state_dict(content):
    with pytest.raises(CheckpointError, match="here: "):
        check_tensors(content, "here")
