"""Exported files in the runtimes that they are for: ONNX Runtime, OpenVINO, PyTorch's exported programs."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..checkpoints.dialects.native import parse
from ..checkpoints.load import parse_device
from ..errors import CheckpointError, ConfigError, DeviceError, SwinPanError, is_short_of_memory
from ..extras import require
from ..words import number_of

DESCRIPTION = "modelscope_swinpan"
"""Name of the metadata entry that describes the model; in a PyTorch program it is an extra file."""
INPUT, OUTPUTS = "pixel_values", ("class_logits", "mask_logits")

OPENVINO_PLACES = ("Exception from ", "Check '")
"""How lines of OpenVINO's errors begin that give no reason."""

Network = Callable[[Tensor], tuple[Tensor, Tensor]]
"""Class logits (B, Q, K+1) and mask logits (B, Q, H/4, W/4), on the CPU, for pixel values (B, 3, H, W)."""


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """What runs the exported files of a ``suffix``; ``needs`` are the packages that it takes.

    ``open`` opens a file on a device, and returns its description and the network.
    """

    suffix: str
    needs: tuple[str, ...]
    open: Callable[[Path, str], tuple[str, Network]]


def open_network(file: Path, device: str) -> tuple[dict[str, Any], Network]:
    """The description of an exported file, as ``swinpan export`` wrote it, and its network on ``device``.

    A PyTorch program may run code while it is read: ask before.

    Raises:
        CheckpointError: the file is damaged, or no file of ``swinpan export``.
        ConfigError: its runtime is not installed or does not have the device.
    """
    runtime = next(runtime for runtime in RUNTIMES.values() if runtime.suffix == file.suffix)
    require(file.name, *runtime.needs, extra="export")
    with _readable(file):
        text, network = runtime.open(file, device)
        return parse(text), _checked(network, file)


def _checked(network: Network, file: Path) -> Network:
    """The ``network``. Where it fails, or its answers have other shapes than ours, the error names the file."""

    def answer(pixel_values: Tensor) -> tuple[Tensor, Tensor]:
        count, _, height, width = pixel_values.shape
        with _readable(file):
            class_logits, mask_logits = _computed(network, pixel_values)
            queries = class_logits.shape[1:2]
            expected = (count, *queries, class_logits.shape[-1]), (count, *queries, height // 4, width // 4)
            shapes = tuple(class_logits.shape), tuple(mask_logits.shape)
            if shapes != expected or {class_logits.dtype, mask_logits.dtype} != {torch.float32}:
                raise ValueError(f"it answers {height}x{width} pixels with {shapes[0]} and {shapes[1]}")
        return class_logits, mask_logits

    return answer


def _computed(network: Network, pixel_values: Tensor) -> tuple[Tensor, Tensor]:
    """What the ``network`` answers, or a DeviceError if memory does not suffice."""
    try:
        return network(pixel_values)
    except Exception as error:
        if not is_short_of_memory(error):
            raise
    count, _, height, width = pixel_values.shape
    raise DeviceError(
        f"The runtime of the exported file ran out of memory for {number_of(count, 'image')} of {width}×{height} "
        "pixels. End what else uses the device, or take a file of a smaller size."
    )


@contextmanager
def _readable(file: Path) -> Iterator[None]:
    try:
        yield
    except SwinPanError:
        raise
    except Exception as error:  # each runtime has its own, for damaged files and for those of others
        lines = str(error).strip().split("\n")
        told = [line for line in lines if not line.startswith(OPENVINO_PLACES)]
        reason = ((told or lines)[0] or type(error).__name__)[:200].rstrip(".!:")
        raise CheckpointError(f"{file} is damaged, or no file that swinpan export wrote: {reason}.") from None


def _onnx(file: Path, device: str) -> tuple[str, Network]:
    import onnxruntime

    kind, _, number = device.partition(":")
    providers = onnxruntime.get_available_providers()
    kinds = [name.removesuffix("ExecutionProvider").lower() for name in providers]
    if kind not in kinds:
        raise ConfigError(f"ONNX Runtime has no device {device!r} here. It has: {', '.join(sorted(kinds))}.")
    # What one cannot compute, the next can: after TensorRT comes CUDA, and the CPU is the last.
    chosen = providers[kinds.index(kind) :]
    options = [{"device_id": number} if number and name != "CPUExecutionProvider" else {} for name in chosen]
    session = onnxruntime.InferenceSession(file, providers=chosen, provider_options=options)
    if session.get_providers()[0] != chosen[0]:  # it goes on without a word, on the CPU
        raise ConfigError(
            f"ONNX Runtime cannot use {device!r} here. What it printed says why; often libraries are missing, or are "
            "those of another version of CUDA. Mend that, or take the device 'cpu'."
        )

    def network(pixel_values: Tensor) -> tuple[Tensor, Tensor]:
        class_logits, mask_logits = session.run(list(OUTPUTS), {INPUT: pixel_values.numpy()})
        return torch.from_numpy(class_logits), torch.from_numpy(mask_logits)

    return session.get_modelmeta().custom_metadata_map[DESCRIPTION], network


def _openvino(file: Path, device: str) -> tuple[str, Network]:
    import openvino

    core = openvino.Core()
    name = device.upper().replace(":", ".")
    if name not in core.available_devices:
        names = ", ".join(sorted(known.lower() for known in core.available_devices))
        raise ConfigError(f"OpenVINO has no device {device!r} here. It has: {names}.")
    model = core.read_model(file)
    description = model.get_rt_info(DESCRIPTION).value
    # By default OpenVINO computes in bfloat16 where the processor can.
    compiled = core.compile_model(model, name, {"INFERENCE_PRECISION_HINT": "f32"})

    def network(pixel_values: Tensor) -> tuple[Tensor, Tensor]:
        answers = compiled({INPUT: pixel_values.numpy()})
        class_logits, mask_logits = (torch.from_numpy(answers[output].copy()) for output in OUTPUTS)
        return class_logits, mask_logits

    return str(description), network


def _torch(file: Path, device: str) -> tuple[str, Network]:
    from torch.export.passes import move_to_device_pass

    place = parse_device(device)  # with its number, which a program's own checks compare
    extra = {DESCRIPTION: ""}
    program = torch.export.load(file, extra_files=extra)
    module = (program if place.type == "cpu" else move_to_device_pass(program, place)).module()

    @torch.inference_mode()
    def network(pixel_values: Tensor) -> tuple[Tensor, Tensor]:
        class_logits, mask_logits = module(pixel_values.to(place))
        return class_logits.cpu(), mask_logits.cpu()

    return extra[DESCRIPTION], network


RUNTIMES: Mapping[str, Runtime] = {
    "onnx": Runtime(suffix=".onnx", needs=("onnxruntime",), open=_onnx),
    "torch": Runtime(suffix=".pt2", needs=("torch",), open=_torch),
    "openvino": Runtime(suffix=".xml", needs=("openvino",), open=_openvino),
}
"""By the name of the export format; docs/export.md tells what each is for."""
