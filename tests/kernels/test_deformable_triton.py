"""The kernel without a GPU: Triton's interpreter runs it, and its compiler makes an H100's machine code of it."""

import os
import subprocess
import sys

import pytest
import torch

pytest.importorskip("triton", reason="needs Triton")

from modelscope_swinpan.kernels import deformable, dispatch
from tests.kernels.triton_cases import CASES


def test_interpreted_kernel_samples_as_pytorch_does():
    """In a process of its own: Triton decides on import whether it interprets."""
    environment = {**os.environ, "TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "tests.kernels.triton_cases"]
    run = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert run.stdout.split() == ["same"] * (len(CASES) + 3)


@pytest.mark.parametrize(("dtype", "channels"), [("bf16", 32), ("fp16", 20), ("fp32", 32)])
def test_kernel_compiles_for_an_h100(dtype, channels, tmp_path, monkeypatch):
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource, compile  # noqa: A004

    from modelscope_swinpan.kernels.deformable_triton import _sample_kernel

    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    constants = {"HEADS": 8, "LEVELS": 3, "POINTS": 4, "CHANNELS": channels, "QUERIES": 32, "WIDTH": 32}
    pointers = {"values": dtype, "places": "fp32", "weights": "fp32", "table": "i32", "out": dtype}
    signature = {name: f"*{pointed}" for name, pointed in pointers.items()} | {"n": "i32", "rows": "i32"}
    signature |= dict.fromkeys(constants, "constexpr")
    aligned = {(index,): [["tt.divisibility", 16]] for index in range(len(pointers))}
    source = ASTSource(_sample_kernel, signature, constants, aligned)
    compiled = compile(source, GPUTarget("cuda", 90, 32), {"num_warps": 4, "enable_fp_fusion": True})
    assert len(compiled.asm["cubin"]) > 0
    if channels == 32:
        assert "ld.global.v4.b32" in compiled.asm["ptx"]  # 16 bytes at a time


def test_fallback_where_triton_fails(monkeypatch):
    def fail(*_):
        raise RuntimeError("Failed to find C compiler.")

    monkeypatch.setattr(deformable, "sample_by_triton", fail)
    dispatch.triton_works.cache_clear()
    with pytest.warns(UserWarning, match=r"Triton does not work here \(Failed to find C compiler\.\)"):
        assert not dispatch.triton_works(deformable.try_triton, torch.device("cpu"))
    dispatch.triton_works.cache_clear()


@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("Triton Error [CUDA]: out of memory")]
)
def test_a_full_gpu_says_nothing_of_triton(error):
    answers = [error, None]

    def trial(_):
        if error := answers.pop(0):
            raise error

    dispatch.triton_works.cache_clear()
    with pytest.raises(type(error), match="out of memory"):
        dispatch.triton_works(trial, torch.device("cpu"))
    assert dispatch.triton_works(trial, torch.device("cpu"))
    dispatch.triton_works.cache_clear()
