"""Mask logits of queries over a feature map."""

import torch
from torch import Tensor

from . import dispatch


@dispatch.operation
def predict_masks(embeddings: Tensor, mask_features: Tensor) -> Tensor:
    """Mask logits (B, Q, h, w), float32, of ``embeddings`` (B, Q, C) over ``mask_features`` (B, C, h, w)."""
    logits = embeddings @ mask_features.flatten(2)
    return logits.float().view(*logits.shape[:2], *mask_features.shape[2:])


@dispatch.fast_form(predict_masks, when=dispatch.on_cpu)
def predict_masks_by_image(embeddings: Tensor, mask_features: Tensor) -> Tensor:
    """By a product an image: a batched product would first copy channels-last features."""
    logits = torch.stack([one @ pixels for one, pixels in zip(embeddings, mask_features.flatten(2), strict=True)])
    return logits.float().view(*logits.shape[:2], *mask_features.shape[2:])
