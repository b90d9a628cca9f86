"""A model's identity: a digest of everything that decides what it answers."""

import dataclasses
import hashlib
from importlib import metadata
from typing import Any

import torch

from ..config import PostprocessConfig
from ..models.mask2former import Mask2Former


def describe_model(model: Mask2Former, config: PostprocessConfig) -> dict[str, Any]:
    """A model by a digest of weights and architecture, its number format and its options, as JSON."""
    return {
        "weights_sha256": weights_digest(model, repr(model.config)),
        "dtype": str(next(model.parameters()).dtype).removeprefix("torch."),
        "preprocess": dataclasses.asdict(model.config.preprocess),
        "postprocess": dataclasses.asdict(config),
        "version": metadata.version("modelscope_swinpan"),
    }


def weights_digest(model: Mask2Former, text: str = "") -> str:
    """SHA-256 of ``text`` and of the weights with their names."""
    digest = hashlib.sha256(text.encode())
    for name, tensor in model.state_dict().items():
        digest.update(name.encode())
        digest.update(tensor.cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()
