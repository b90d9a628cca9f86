"""The network as a file for other runtimes: ONNX, PyTorch's exported program, OpenVINO.

A file takes any number of images of one size: what follows from the size is part of it. Preparing images and reading
the answers stays outside, and what that needs to know stands in the file as JSON, under :data:`DESCRIPTION`.
"""

import importlib.util
import json
import logging
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from ..checkpoints.dialects.native import describe
from ..config import Mask2FormerConfig
from ..errors import ConfigError, SwinPanError
from ..models.mask2former import Mask2Former
from ..models.rolled_windows import with_rolled_windows
from ..structures import Size
from .preprocess import padded_size

Form = Literal["onnx", "torch", "openvino"]
"""A kind of file: what each is for stands in docs/export.md."""

SUFFIXES: dict[str, str] = {"onnx": ".onnx", "torch": ".pt2", "openvino": ".xml"}
PACKAGES: dict[str, tuple[str, ...]] = {
    "onnx": ("onnx", "onnxscript", "onnxruntime"),
    "torch": (),
    "openvino": ("openvino",),
}
"""What writing and checking a file needs."""

DESCRIPTION = "modelscope_swinpan"
"""Name of the metadata entry (for 'torch': of the extra file) that describes the model."""
INPUT, OUTPUTS = "pixel_values", ("class_logits", "mask_logits")
OPSET = 18
"""The oldest that PyTorch writes directly, for the sake of older runtimes."""
TOLERANCE = 1e-3
"""Relative error at which a file counts as wrong. Rounding makes up to some 1e-5."""
COMMON_PHOTO = Size(2000, 3000)
"""Of the proportions of most cameras' photos, upright ones aside."""
STRIDE = 32


class Difference(NamedTuple):
    """How far the answers of a file are from the model's, the larger of class and mask logits.

    ``absolute`` is the largest of any number, ``relative`` is ‖file − model‖ / ‖model‖.
    """

    absolute: float
    relative: float


def default_size(config: Mask2FormerConfig) -> Size:
    """The padded size of a 3:2 landscape photo, 800 × 1216 for the usual preprocessing."""
    return padded_size(COMMON_PHOTO, config.preprocess)


def export_model(model: Mask2Former, path: str | Path, *, to: Form, size: tuple[int, int] | None = None) -> Difference:
    """Write a float32 ``model`` on the CPU to ``path``, for batches of images padded to ``size`` (height, width).

    The file takes ``pixel_values`` (B, 3, H, W), RGB, normalised, and answers ``class_logits`` (B, Q, K+1) and
    ``mask_logits`` (B, Q, H/4, W/4), all float32. It is run once on random input before it takes its place, and the
    difference from the model is returned. OpenVINO's has its weights beside it, in a file of suffix ``.bin``.

    Raises:
        ConfigError: an unknown form, a size that is no multiple of 32, a path of another form's suffix, a model that is
            not float32 on the CPU, or a package that is not installed.
        SwinPanError: the file does not answer as the model does.
        OSError: it cannot be written.
    """
    path = Path(path)
    check_export(to, path)
    size = _checked_size(model, size or default_size(model.config))
    with _own_folder(path.parent) as folder:
        file = folder / path.name
        with _quiet():
            _write(_trace(model, size), file, to, model.config, size)
            found = _difference(model, file, to, size)
        if not found.relative < TOLERANCE:
            raise SwinPanError(
                f"The exported file does not answer as the model does: relative error {found.relative:.1e}, at most "
                f"{TOLERANCE:.0e} was expected. Nothing was written; please report this."
            )
        for written in sorted(folder.iterdir()):  # .bin before .xml
            written.replace(path.parent / written.name)
    return found


def check_export(to: str, path: Path) -> None:
    """Raise a ConfigError unless there is a form ``to``, ``path`` has its suffix, and its packages are installed."""
    if to not in SUFFIXES:
        raise ConfigError(f"An export is to one of {', '.join(SUFFIXES)}; got {to!r}.")
    if path.suffix != SUFFIXES[to]:
        raise ConfigError(f"A file for {to} must end in {SUFFIXES[to]}; got {path.name!r}.")
    missing = [name for name in PACKAGES[to] if importlib.util.find_spec(name) is None]
    if missing:
        raise ConfigError(
            f"Export to {to} needs {' and '.join(missing)}. Install them with: pip install 'modelscope_swinpan[export]'"
        )


def _checked_size(model: Mask2Former, size: tuple[int, int]) -> Size:
    """``size``, if it and the model can be exported."""
    if min(size) < STRIDE or any(side % STRIDE for side in size):
        raise ConfigError(
            f"The size must be multiples of {STRIDE} pixels, to which images are padded; got {size[0]}x{size[1]}. "
            f"Take {'x'.join(str(max(1, -(-side // STRIDE)) * STRIDE) for side in size)}."
        )
    kinds = {(tensor.device.type, tensor.dtype) for tensor in model.parameters()}
    if kinds != {("cpu", torch.float32)}:
        raise ConfigError("Only a float32 model on the CPU can be exported. Load it anew: load_model(path).")
    return Size(*size)


class _Plain(nn.Module):
    """The model with a tuple for an answer."""

    def __init__(self, model: Mask2Former) -> None:
        super().__init__()
        self.model = with_rolled_windows(model)

    def forward(self, pixel_values: Tensor) -> tuple[Tensor, Tensor]:
        output = self.model(pixel_values)
        return output.class_logits, output.mask_logits


@torch.no_grad()
def _trace(model: Mask2Former, size: Size) -> torch.export.ExportedProgram:
    example = torch.zeros(2, 3, *size)  # one image would be taken for a constant
    with sdpa_kernel(SDPBackend.MATH):
        return torch.export.export(_Plain(model).eval(), (example,), dynamic_shapes=({0: torch.export.Dim("batch")},))


def _write(program: torch.export.ExportedProgram, file: Path, to: Form, config: Mask2FormerConfig, size: Size) -> None:
    description = json.dumps({**describe(config), "input": size._asdict()})
    if to == "torch":
        torch.export.save(program, file, extra_files={DESCRIPTION: description})
    elif to == "onnx":
        _write_onnx(program, file, description)
    else:
        import openvino

        converted = openvino.convert_model(program)
        for port, name in zip((*converted.inputs, *converted.outputs), (INPUT, *OUTPUTS), strict=True):
            port.set_names({name})
        converted.reshape({INPUT: [-1, 3, *size]})
        converted.set_rt_info(description, DESCRIPTION)
        openvino.save_model(converted, file, compress_to_fp16=False)


def _write_onnx(program: torch.export.ExportedProgram, file: Path, description: str) -> None:
    from onnxscript import optimizer

    with sdpa_kernel(SDPBackend.MATH):  # as in the trace: views taken of attention's output fit its layout alone
        converted: Any = torch.onnx.export(
            program,
            input_names=[INPUT],
            output_names=list(OUTPUTS),
            dynamic_shapes={INPUT: {0: "batch"}},
            opset_version=OPSET,
            dynamo=True,
            optimize=False,
            verbose=False,
        )
    # A small part of what optimize=True does, which takes minutes; runtimes do the rest when they load the file.
    for improve in (optimizer.inline, optimizer.fold_constants, optimizer.remove_unused_nodes):
        improve(converted.model)
    converted.model.metadata_props[DESCRIPTION] = description
    converted.save(file, external_data=False)


@torch.no_grad()
def _difference(model: Mask2Former, file: Path, to: Form, size: Size) -> Difference:
    """How the file's answers for a random image differ from the model's."""
    image = torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(0))
    expected = model(image)[: len(OUTPUTS)]
    found = [torch.as_tensor(values) for values in _run(file, to, image)]
    errors = [(ours - theirs, theirs) for ours, theirs in zip(found, expected, strict=True)]
    absolute = torch.stack([error.abs().max() for error, _ in errors])
    relative = torch.stack([error.norm() / theirs.norm() for error, theirs in errors])
    return Difference(float(absolute.max()), float(relative.max()))


def _run(file: Path, to: Form, image: Tensor) -> list[Any]:
    """The answers of a file in its own runtime."""
    if to == "torch":
        return list(torch.export.load(file).module()(image))
    if to == "onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
        return list(session.run(list(OUTPUTS), {INPUT: image.numpy()}))
    import openvino

    # Left to itself, OpenVINO computes in bfloat16 where the processor can.
    compiled = openvino.compile_model(file, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    answers = compiled(image.numpy())
    return [answers[name] for name in OUTPUTS]


@contextmanager
def _own_folder(parent: Path) -> Iterator[Path]:
    """A new folder within ``parent``, made where it is missing, that is gone at the end."""
    parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=".", suffix=".part", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _quiet() -> Iterator[None]:
    """No remarks that PyTorch's parts make to one another; what goes wrong is an exception."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
