"""Memory for time: layers are computed again for the gradient (Chen et al., arXiv 1604.06174)."""

from functools import partial

from torch import nn
from torch.utils.checkpoint import checkpoint

from ..models.backbones.swin import Block
from ..models.pixel_decoder import EncoderLayer
from ..models.transformer_decoder import DecoderLayer


def recompute_layers(model: nn.Module) -> None:
    """Have every layer that repeats keep only its input for the gradient. Results and weights' names stay the same."""
    for layer in model.modules():
        if isinstance(layer, Block | EncoderLayer | DecoderLayer):
            layer.forward = partial(checkpoint, layer.forward, use_reentrant=False)  # type: ignore[method-assign]
