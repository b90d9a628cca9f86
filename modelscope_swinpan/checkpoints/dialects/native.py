"""Our own dialect: a safetensors file of weights under our keys.

Its header holds, as JSON, what no shape tells: our entries of ``configuration.json``, ``model`` and ``preprocessor``.
"""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...config import Mask2FormerConfig
from ...errors import CheckpointError
from ...models.keys import Rule
from .registry import Dialect, Notes, Writer

if TYPE_CHECKING:
    from torch import Tensor

    from ...models.backbones import Backbone

HEADER = "modelscope_swinpan"
"""The entry of the header."""
MAX_HEADER = 8 * 2**20
"""Its largest size in bytes. As objects it takes up to 30 times the memory."""


def describe(config: Mask2FormerConfig) -> dict[str, Any]:
    """Our entries of ``configuration.json``: together with the weights they give ``config`` back.

    Raises:
        CheckpointError: the two decoders have different numbers of heads, which the entries cannot say.
    """
    from ...models.backbones import backbone_of  # imports PyTorch

    architecture: dict[str, Any] = {
        "num_heads": config.transformer_decoder.num_heads,
        "num_points": config.pixel_decoder.num_points,
    }
    if config.pixel_decoder.num_heads != config.transformer_decoder.num_heads:
        raise CheckpointError(
            f"Cannot save a model whose pixel decoder has {config.pixel_decoder.num_heads} heads and whose transformer "
            f"decoder has {config.transformer_decoder.num_heads}: a checkpoint has one number for both."
        )
    for name in backbone_of(config.backbone).options:
        architecture[name] = getattr(config.backbone, name)
    return {
        "model": {
            "task": config.task,
            "architecture": architecture,
            "postprocess": dataclasses.asdict(config.postprocess),
            "categories": [dataclasses.asdict(category) for category in config.categories],
        },
        "preprocessor": dataclasses.asdict(config.preprocess),
    }


def to_header(config: Mask2FormerConfig) -> dict[str, str]:
    """The metadata of our safetensors file. ``format`` tells other programs that it holds PyTorch's tensors."""
    return {"format": "pt", HEADER: json.dumps(describe(config), separators=(",", ":"))}


def _notes(path: Path, meta: Mapping[str, Any], backbone: "Backbone") -> Notes:
    """What :func:`to_header` wrote, if the header has it. The caller checks the values."""
    text = meta.get(HEADER, "{}")
    if len(text) > MAX_HEADER:
        raise CheckpointError(f"{path}: the description in its header is larger than {MAX_HEADER / 2**20:g} MiB.")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: the description in its header is damaged ({error}). Fetch it again.") from None
    if not isinstance(found, dict) or not all(isinstance(entry, dict) for entry in found.values()):
        raise CheckpointError(f"{path}: the description in its header is no JSON object of objects. Fetch it again.")
    return Notes(configuration=found)


def _write(path: Path, tensors: "Mapping[str, Tensor]", config: Mask2FormerConfig) -> None:
    from ..files.safetensors import write_safetensors  # imports PyTorch

    write_safetensors(path, tensors, to_header(config))


NATIVE = Dialect(
    name="native",
    title="this package",
    rules=tuple(
        Rule(f"{part}.{{rest}}", f"{part}.{{rest}}") for part in ("backbone", "pixel_decoder", "transformer_decoder")
    ),
    notes=_notes,
    writer=Writer(purpose="safetensors, which load fastest", weights="model.safetensors", write=_write),
)
