"""What a checkpoint holds, told without reading its weights."""

import hashlib
import json
import struct
import subprocess
import sys

import pytest
import torch

from modelscope_swinpan import save_pretrained
from modelscope_swinpan.checkpoints.dialects import native
from modelscope_swinpan.checkpoints.inspection import inspect_checkpoint
from modelscope_swinpan.errors import CheckpointError
from modelscope_swinpan.models.backbones.swin import swin_large
from modelscope_swinpan.models.mask2former import Mask2Former
from tests.builders import SMALL, random_model
from tests.conftest import ROOT


@pytest.mark.parametrize("form", ["native", "mmdet", "transformers"])
def test_every_form(tmp_path, form):
    model = random_model().to(torch.bfloat16)
    save_pretrained(model, tmp_path, form=form)
    found = inspect_checkpoint(tmp_path)
    assert found.dialect.name == form
    assert found.config == SMALL
    assert found.parameters == sum(parameter.numel() for parameter in model.parameters())
    assert found.dtypes == ("bfloat16",)
    (file,) = found.files
    assert file.path == next(tmp_path.glob("*model.*"))
    assert file.size == file.path.stat().st_size
    assert file.sha256 == hashlib.sha256(file.path.read_bytes()).hexdigest()
    assert inspect_checkpoint(file.path).parameters == found.parameters


def test_several_dtypes(tmp_path):
    model = random_model()
    model.backbone.half()
    save_pretrained(model, tmp_path)
    assert inspect_checkpoint(tmp_path).dtypes == ("float16", "float32")


def test_several_files(tmp_path):
    from transformers import Mask2FormerForUniversalSegmentation

    save_pretrained(random_model(), tmp_path / "one", form="transformers")
    theirs = Mask2FormerForUniversalSegmentation.from_pretrained(tmp_path / "one")
    theirs.save_pretrained(tmp_path / "several", max_shard_size="3MB")
    found = inspect_checkpoint(tmp_path / "several")
    assert found.parameters == inspect_checkpoint(tmp_path / "one").parameters
    assert [file.path for file in found.files] == sorted((tmp_path / "several").glob("*.safetensors"))
    assert len(found.files) > 1


def test_of_another_model(tmp_path):
    torch.save({"fc.weight": torch.ones(3)}, tmp_path / "a.pt")
    with pytest.raises(CheckpointError, match="not a Mask2Former checkpoint"):
        inspect_checkpoint(tmp_path / "a.pt")


MEMORY = """
import re, resource, sys
from pathlib import Path
from modelscope_swinpan.checkpoints.inspection import inspect_checkpoint
path = Path(sys.argv[1])
inspect_checkpoint(path)
used = 1024 * int(re.search(r"VmSize:\\s+(\\d+)", open("/proc/self/status").read())[1])
limit = used + 2 * path.stat().st_size + 50 * 10**6  # safetensors maps a file twice; a copy finds no room
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
path.touch()
print(inspect_checkpoint(path).parameters)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="measures the way Linux does")
def test_a_full_size_model_takes_no_memory(tmp_path):
    """Of 860 MB, in a file that is one hole."""
    with torch.device("meta"):
        tensors = Mask2Former(swin_large()).state_dict()
    header, end = {"__metadata__": native.to_header(swin_large())}, 0
    for key, tensor in tensors.items():
        start, end = end, end + 4 * tensor.numel()
        header[key] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    path = tmp_path / "hole.safetensors"
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + end)
    run = subprocess.run([sys.executable, "-c", MEMORY, path], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout == "215535610\n"
