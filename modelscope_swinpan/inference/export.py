"""Write the network to a file for other runtimes: ONNX, OpenVINO or PyTorch's exported program.

A file takes any number of images of one fixed size. It holds the network alone: whoever runs it prepares the images and
fuses the answers. What that needs to know is in the file as JSON, under :data:`DESCRIPTION`.
"""

import copy
import io
import json
import logging
import shutil
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from ..checkpoints.dialects.keymap import shorten
from ..checkpoints.dialects.native import describe
from ..checkpoints.finite import find_not_finite
from ..config import Mask2FormerConfig
from ..errors import ConfigError, SwinPanError
from ..extras import require
from ..files import errors_named, refuse_to_replace, temporary_folder
from ..kernels.dispatch import without_grid_sample
from ..models.mask2former import Mask2Former
from ..structures import Size
from ..words import number_of
from .preprocess import padded_size
from .runtimes import DESCRIPTION, INPUT, OUTPUTS, RUNTIMES, open_network

Format = Literal["onnx", "torch", "openvino"]  # docs/export.md tells what each is for
Precision = Literal["float32", "float16"]
WRITERS = {"onnx": ("onnx", "onnxscript")}
"""The packages that are needed to write a file, besides those of its runtime."""
BESIDE = {"openvino": (".bin",)}
"""The suffixes of the files that are written beside the one of that name."""
OPSET = 18  # the oldest that PyTorch writes without conversion: older runtimes read it too
TOLERANCES: Mapping[str, float] = {"float32": 1e-3, "float16": 2e-2}
"""A file with this relative error or more is wrong. Rounding causes up to about 1e-5 in float32, 2e-3 in float16."""
COMMON_PHOTO = Size(2000, 3000)  # a landscape photo of the proportions that most cameras have
STRIDE = 32


class Difference(NamedTuple):
    """How far the logits of a file are from the model's: the larger figure of class logits and mask logits.

    ``absolute`` is the largest difference of two numbers, ``relative`` is ‖file − model‖ / ‖model‖.
    """

    absolute: float
    relative: float


def default_size(config: Mask2FormerConfig) -> Size:
    """The padded size of a 3:2 landscape photo, 800 × 1216 for the usual preprocessing."""
    return padded_size(COMMON_PHOTO, config.preprocess)


def export_model(
    model: Mask2Former,
    path: str | Path,
    *,
    to: Format,
    size: tuple[int, int] | None = None,
    dtype: Precision = "float32",
    force: bool = False,
) -> Difference:
    """Write ``model`` to a file that takes ``pixel_values`` and returns ``class_logits`` and ``mask_logits``.

    The shapes are (B, 3, H, W), RGB, normalised; (B, Q, K+1); and (B, Q, H/4, W/4). All are float32, whatever the
    ``dtype``. The file is run once on random input before it appears at ``path``.

    Args:
        model: float32, on the CPU.
        path: ends in the suffix of the format. A file that is there is replaced. OpenVINO's weights are written beside
            it, with the suffix ``.bin``.
        to: the format.
        size: height and width of the padded input, by default :func:`default_size`.
        dtype: the number format of weights and computation. In an OpenVINO file 'float16' is that of the weights alone:
            its runtime chooses what to compute in.
        force: whether a ``.bin`` that is there is replaced, too.

    Returns:
        How far the file's answers are from the model's.

    Raises:
        ConfigError: the format or the dtype is unknown, a weight is too large for float16, the suffix is another
            format's, the size is no multiple of 32, the model is not float32 on the CPU, a package is not installed, or
            a ``.bin`` is there, without ``force``.
        SwinPanError: the file does not answer as the model does.
        OSError: the file cannot be written.
    """
    path = Path(path)
    check_export(to, path, force=force)
    size = _checked_size(model, size or default_size(model.config))
    if dtype not in TOLERANCES:
        raise ConfigError(f"An exported file has one of the dtypes {', '.join(TOLERANCES)}; got {dtype!r}.")
    with _quiet(), temporary_folder(path.parent) as folder:
        program = _trace(_half(model) if dtype == "float16" and to != "openvino" else model, size, to)
        file = folder / path.name
        with errors_named(path):
            _write(program, file, to, model.config, size, half=dtype == "float16")
        found = _difference(model, file, size)
        if not found.relative < TOLERANCES[dtype]:
            raise SwinPanError(
                f"The exported file does not answer as the model does: its relative error is {found.relative:.1e}, "
                f"expected less than {TOLERANCES[dtype]:.0e}. Nothing was written. Please report this."
            )
        for written in sorted(file.parent.iterdir()):  # .bin before .xml
            written.replace(path.parent / written.name)
    return found


def check_export(to: str, path: Path, *, force: bool = False) -> None:
    """Check the format ``to``, the suffix of ``path``, what lies beside it, and that the packages are installed.

    Raises:
        ConfigError: one of them is wrong, or a file beside ``path`` would have to be replaced, without ``force``.
    """
    if to not in RUNTIMES:
        raise ConfigError(f"The export format must be one of {', '.join(RUNTIMES)}; got {to!r}.")
    if path.suffix != RUNTIMES[to].suffix:
        raise ConfigError(f"A file for {to} must end in {RUNTIMES[to].suffix}; got {path.name!r}.")
    if not force:
        refuse_to_replace(path.with_suffix(suffix) for suffix in BESIDE.get(to, ()))
    require(f"Export to {to}", *WRITERS.get(to, ()), *RUNTIMES[to].needs, extra="export")


def _checked_size(model: Mask2Former, size: tuple[int, int]) -> Size:
    if min(size) < STRIDE or any(side % STRIDE for side in size):
        raise ConfigError(
            f"Height and width must be multiples of {STRIDE} pixels; got {size[0]}x{size[1]}. "
            f"Take {'x'.join(str(max(1, -(-side // STRIDE)) * STRIDE) for side in size)}."
        )
    kinds = {(tensor.device.type, tensor.dtype) for tensor in model.parameters()}
    if kinds != {("cpu", torch.float32)}:
        raise ConfigError("Only a float32 model on the CPU can be exported. Load it anew: load_model(path).")
    return Size(*size)


def _half(model: Mask2Former) -> Mask2Former:
    """A copy in float16. It, too, takes and gives float32."""
    half = copy.deepcopy(model).half()
    if large := find_not_finite(half.state_dict()):
        raise ConfigError(
            f"float16 cannot hold {number_of(len(large), 'weight')} of this model ({shorten(large)}). Export float32."
        )
    return half


class _TupleOutput(nn.Module):
    def __init__(self, model: Mask2Former) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixel_values: Tensor) -> tuple[Tensor, Tensor]:
        output = self.model(pixel_values)
        return output.class_logits, output.mask_logits


@torch.no_grad()
def _trace(model: Mask2Former, size: Size, to: Format) -> torch.export.ExportedProgram:
    example = torch.zeros(2, 3, *size)  # a batch of 1 would become a constant
    elementary = without_grid_sample() if to == "onnx" else nullcontext()
    with sdpa_kernel(SDPBackend.MATH), elementary:
        return torch.export.export(
            _TupleOutput(model).eval(), (example,), dynamic_shapes=({0: torch.export.Dim("batch")},)
        )


def _write(
    program: torch.export.ExportedProgram, file: Path, to: Format, config: Mask2FormerConfig, size: Size, *, half: bool
) -> None:
    description = json.dumps({**describe(config), "input": size._asdict()})
    if to == "torch":
        content = io.BytesIO()  # where PyTorch cannot write to a file, it ends the process
        torch.export.save(program, content, extra_files={DESCRIPTION: description})
        file.write_bytes(content.getbuffer())
    elif to == "onnx":
        _write_onnx(program, file, description)
    else:
        import openvino

        converted = openvino.convert_model(program)
        for port, name in zip((*converted.inputs, *converted.outputs), (INPUT, *OUTPUTS), strict=True):
            port.set_names({name})
        converted.reshape({INPUT: [-1, 3, *size]})
        converted.set_rt_info(description, DESCRIPTION)
        try:
            openvino.save_model(converted, file, compress_to_fp16=half)
        except RuntimeError as error:  # its words for a full disk do not say so
            place, free = file.parent.parent / file.name, shutil.disk_usage(file.parent).free / 2**20
            raise OSError(f"{place}: {str(error).splitlines()[-1]}. There are {free:.0f} MiB free.") from None


def _write_onnx(program: torch.export.ExportedProgram, file: Path, description: str) -> None:
    from onnxscript import optimizer

    with sdpa_kernel(SDPBackend.MATH):  # as in the trace: later views fit only the layout that this attention puts out
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
    # optimize=True would take minutes. Runtimes do the rest of its work when they load the file.
    for improve in (optimizer.inline, optimizer.fold_constants, optimizer.remove_unused_nodes):
        improve(converted.model)
    converted.model.metadata_props[DESCRIPTION] = description
    converted.save(file, external_data=False)


@torch.no_grad()
def _difference(model: Mask2Former, file: Path, size: Size) -> Difference:
    image = torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(0))
    expected = model(image)[: len(OUTPUTS)]
    found = open_network(file, "cpu")[1](image)
    errors = [(ours - theirs, theirs) for ours, theirs in zip(found, expected, strict=True)]
    absolute = torch.stack([error.abs().max() for error, _ in errors])
    relative = torch.stack([error.norm() / theirs.norm() for error, theirs in errors])
    return Difference(float(absolute.max()), float(relative.max()))


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence warnings and log lines of the exporters. Their failures are exceptions."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
