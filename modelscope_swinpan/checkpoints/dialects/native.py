"""Our own form: weights under our keys in a safetensors file, and in its header, as JSON, what no shape tells.

That JSON is the part of ``configuration.json`` that is ours, its entries ``model`` and ``preprocessor``.
"""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from ...config import Mask2FormerConfig, ResNetConfig
from ...errors import CheckpointError

HEADER = "modelscope_swinpan"
"""Where in the header it stands."""


def describe(config: Mask2FormerConfig) -> dict[str, Any]:
    """The entries of ``configuration.json`` that give ``config`` together with the weights.

    Raises:
        CheckpointError: the two decoders have different numbers of heads, for which it has no words.
    """
    architecture: dict[str, Any] = {
        "num_heads": config.transformer_decoder.num_heads,
        "num_points": config.pixel_decoder.num_points,
    }
    if config.pixel_decoder.num_heads != config.transformer_decoder.num_heads:
        raise CheckpointError(
            f"Cannot save a model whose pixel decoder has {config.pixel_decoder.num_heads} heads and whose transformer "
            f"decoder has {config.transformer_decoder.num_heads}: a checkpoint has one number for both."
        )
    if isinstance(config.backbone, ResNetConfig):
        architecture["stride_in_1x1"] = config.backbone.stride_in_1x1
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
    """The metadata of a safetensors file of ours, which other programs take for one of PyTorch's."""
    return {"format": "pt", HEADER: json.dumps(describe(config), separators=(",", ":"))}


def from_header(metadata: Mapping[str, Any], where: str) -> dict[str, Any]:
    """What :func:`to_header` wrote, empty where nothing of the kind is there; its entries are yet to be checked.

    Raises:
        CheckpointError: it is no JSON object of objects.
    """
    try:
        found = json.loads(metadata.get(HEADER, "{}"))
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{where}: the description in its header is damaged ({error}). Fetch it again.") from None
    if not isinstance(found, dict) or not all(isinstance(entry, dict) for entry in found.values()):
        raise CheckpointError(f"{where}: the description in its header is no JSON object of objects. Fetch it again.")
    return found
