"""The network with int8 weights and activations: the exported file, quantized dynamically by ONNX Runtime."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from modelscope_swinpan.benchmark.model import relative
from modelscope_swinpan.benchmark.process import worker
from modelscope_swinpan.benchmark.random_model import write_random_model
from modelscope_swinpan.checkpoints.load import load_model
from modelscope_swinpan.cli.bench import ModelOption, RunsOption
from modelscope_swinpan.inference.export import check_export, default_size, export_model
from modelscope_swinpan.inference.runtimes import INPUT, OUTPUTS

Answer = list[npt.NDArray[np.float32]]
_forward: Callable[[], Answer]


def bench_int8(model: ModelOption = None, runs: RunsOption = 5) -> dict[str, Any]:
    """Time one forward in int8, by turns with our float32, and compare their logits."""
    with tempfile.TemporaryDirectory() as temporary, worker() as ours, worker() as int8:
        directory = model or write_random_model(Path(temporary, "model"))
        file = Path(temporary, "int8.onnx")
        with worker() as writer:  # a process of its own, whose memory is freed
            writer.submit(_write_int8, directory, file).result()
        expected, found = ours.submit(_load_ours, directory).result(), int8.submit(_load_int8, file, directory).result()
        turns = [(ours.submit(_time).result(), int8.submit(_time).result()) for _ in range(runs)]
        size = file.stat().st_size
    seconds = dict(zip(("float32", "int8"), (median(side) for side in zip(*turns, strict=True)), strict=True))
    return {
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
        "seconds_all": [[round(value, 3) for value in turn] for turn in turns],
        "ratio": round(seconds["int8"] / seconds["float32"], 3),
        "file_bytes": size,
        "difference": {
            name: relative(theirs, mine) for name, theirs, mine in zip(OUTPUTS, found, expected, strict=True)
        },
    }


def _write_int8(directory: Path, file: Path) -> None:
    check_export("onnx", file)
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with tempfile.TemporaryDirectory() as temporary:
        exported = Path(temporary, "float32.onnx")
        export_model(load_model(directory), exported, to="onnx")
        quantize_dynamic(exported, file, op_types_to_quantize=["MatMul", "Gemm"], weight_type=QuantType.QInt8)


def _load_ours(directory: Path) -> Answer:
    global _forward
    model = load_model(directory)
    pixel_values = torch.from_numpy(_image(directory))

    @torch.inference_mode()
    def forward() -> Answer:
        output = model(pixel_values)
        return [output.class_logits.numpy(), output.mask_logits.numpy()]

    _forward = forward
    return forward()


def _load_int8(file: Path, directory: Path) -> Answer:
    global _forward
    import onnxruntime

    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    image = _image(directory)
    _forward = lambda: list(session.run(list(OUTPUTS), {INPUT: image}))  # noqa: E731
    return _forward()


def _image(directory: Path) -> npt.NDArray[np.float32]:
    """Random pixels (1, 3, H, W), the same in every process."""
    size = default_size(load_model(directory).config)
    return np.random.default_rng(0).standard_normal((1, 3, *size), np.float32)


def _time() -> float:
    start = time.perf_counter()
    _forward()
    return time.perf_counter() - start
