"""Mask logits of queries over a feature map."""

import torch
from torch import Tensor

from . import dispatch


def predict_masks(embeddings: Tensor, mask_features: Tensor) -> Tensor:
    """Mask logits (B, Q, h, w), float32, of ``embeddings`` (B, Q, C) over ``mask_features`` (B, C, h, w)."""
    if dispatch.cpu_inference(embeddings):
        return predict_masks_by_image(embeddings, mask_features)
    return plain_predict_masks(embeddings, mask_features)


def plain_predict_masks(embeddings: Tensor, mask_features: Tensor) -> Tensor:
    """:func:`predict_masks` by one batched product."""
    logits = embeddings @ mask_features.flatten(2)
    return logits.float().view(*logits.shape[:2], *mask_features.shape[2:])


@dispatch.twin_of(plain_predict_masks)
def predict_masks_by_image(embeddings: Tensor, mask_features: Tensor) -> Tensor:
    """:func:`predict_masks` by a product an image: a batched product would first copy channels-last features."""
    logits = torch.stack([one @ pixels for one, pixels in zip(embeddings, mask_features.flatten(2), strict=True)])
    return logits.float().view(*logits.shape[:2], *mask_features.shape[2:])
