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
from ..files import safetensors
from .registry import Dialect, Notes, Writer

if TYPE_CHECKING:
    from ...models.backbones import Backbone

HEADER = "modelscope_swinpan"
"""The entry of the header."""
MAX_CHARACTERS = 8 * 2**20
"""The most of a description as JSON. As objects it takes up to 30 times the memory. For 1,203 classes it has about
100,000."""


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


def parse(text: str) -> dict[str, Any]:
    """What :func:`describe` gave, from its JSON. Only the caller checks the values.

    Raises:
        ValueError, RecursionError: it is too long, or no object of objects.
    """
    if len(text) > MAX_CHARACTERS:
        raise ValueError(f"it is larger than {MAX_CHARACTERS / 2**20:g} MiB")
    found = json.loads(text)
    if not isinstance(found, dict) or not all(isinstance(entry, dict) for entry in found.values()):
        raise ValueError("it is no JSON object of objects")
    return found


def to_header(config: Mask2FormerConfig) -> dict[str, str]:
    """The metadata of our safetensors file. ``format`` tells other programs that it holds PyTorch's tensors."""
    return {"format": "pt", HEADER: json.dumps(describe(config), separators=(",", ":"))}


def _notes(path: Path, meta: Mapping[str, Any], backbone: "Backbone") -> Notes:
    """What :func:`to_header` wrote, if the header has it."""
    try:
        return Notes(configuration=parse(meta.get(HEADER, "{}")))
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: the description in its header is damaged ({error}). Fetch it again.") from None


NATIVE = Dialect(
    name="native",
    title="this package",
    rules=tuple(
        Rule(f"{part}.{{rest}}", f"{part}.{{rest}}") for part in ("backbone", "pixel_decoder", "transformer_decoder")
    ),
    notes=_notes,
    writer=Writer(
        purpose="safetensors, which load fastest",
        weights="model.safetensors",
        write=lambda path, tensors, config: safetensors.write_safetensors(path, tensors, to_header(config)),
    ),
)
