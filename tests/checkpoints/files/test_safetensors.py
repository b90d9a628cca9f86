"""Files that the package of that name reads."""

import json
import struct

import torch
from safetensors import safe_open

from modelscope_swinpan.checkpoints.files.safetensors import write_safetensors


def read(path):
    with safe_open(path, "pt") as file:
        return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118


def test_other_programs_read_it(tmp_path):
    """Numbers on multiples of their width, whatever the mixture."""
    tensors = {
        "b": torch.arange(3, dtype=torch.uint8),
        "a": torch.randn(2, 3),
        "empty": torch.zeros(0, 4),
        "one": torch.tensor(2.5, dtype=torch.float64),
        "half": torch.randn(5).to(torch.bfloat16),
        "turned": torch.randn(3, 2).t(),
    }
    write_safetensors(tmp_path / "a.safetensors", tensors, {"format": "pt"})
    found = read(tmp_path / "a.safetensors")
    assert all(
        torch.equal(found[name], tensor) and found[name].dtype == tensor.dtype for name, tensor in tensors.items()
    )
    content = (tmp_path / "a.safetensors").read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    for name, tensor in tensors.items():
        assert (8 + length + header[name]["data_offsets"][0]) % tensor.element_size() == 0
