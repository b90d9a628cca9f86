"""Tensors within the bytes of a file."""

import pytest
import torch

from modelscope_swinpan.checkpoints.files.mapped import mapped, readable, tensor, view
from modelscope_swinpan.checkpoints.files.unpickler import ForbiddenError
from modelscope_swinpan.errors import CheckpointError

FLAT = torch.arange(12.0)


@pytest.mark.parametrize(
    ("offset", "shape", "stride"),
    [
        (0, (3, 4), (4, 1)),
        (2, (2, 3), (1, 2)),
        (11, (), ()),
        (0, (12,), (1,)),
        (5, (3, 1, 2), (2, 99, 1)),
        (3, (0, 9), (9, 1)),
    ],
)
def test_views(offset, shape, stride):
    found = view(FLAT, offset, shape, stride)
    expected = FLAT.as_strided(shape, stride, offset) if 0 not in shape else torch.empty(shape)
    assert torch.equal(found, expected)


@pytest.mark.parametrize(
    ("offset", "shape", "stride"),
    [(1, (12,), (1,)), (0, (3, 4), (5, 1)), (0, (13,), (0,)), (12, (), ()), (0, (10**9, 10**9), (0, 0))],
)
def test_views_that_reach_outside(offset, shape, stride):
    with pytest.raises(ValueError, match="stores fewer numbers"):
        view(FLAT, offset, shape, stride)


@pytest.mark.parametrize(
    ("offset", "shape", "stride"),
    [
        (-1, (1,), (1,)),
        (0, (-1,), (1,)),
        (0, (1,), (-1,)),
        (0, (2**62,), (0,)),
        (0, (1,) * 65, (1,) * 65),
        (0, (1.0,), (1,)),
    ],
)
def test_impossible_views(offset, shape, stride):
    with pytest.raises(ValueError, match="impossible shape"):
        view(FLAT, offset, shape, stride)


def test_bytes_in_place_or_copied(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(bytes(range(16)) * 4)
    with mapped(path) as data:
        in_place, copied = tensor(data[8:16], torch.int32), tensor(data[9:17], torch.int32)
        start = torch.frombuffer(data, dtype=torch.uint8).data_ptr()
    assert in_place.data_ptr() == start + 8
    assert not start <= copied.data_ptr() < start + 64
    assert copied.view(torch.uint8).tolist() == [*range(9, 16), 0]
    assert tensor(b"", torch.float32).shape == (0,)
    with pytest.raises(ValueError, match="multiple"):
        tensor(b"abc", torch.float32)


@pytest.mark.parametrize(
    "error", [ValueError("deep\nand more"), RecursionError(), MemoryError(), KeyError("x"), OSError("disk")]
)
def test_damage_has_one_name(tmp_path, error):
    path = tmp_path / "a.pt"
    path.write_bytes(b"x")
    damaged = rf"Cannot read checkpoint .*a\.pt: {type(error).__name__}: .*Fetch it again"
    with pytest.raises(CheckpointError, match=damaged), readable(path):
        raise error
    with pytest.raises(CheckpointError, match=r"wants to run code.*\(os.system\)"), readable(path):
        raise ForbiddenError("os.system")
