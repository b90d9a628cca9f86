"""Trade time for memory: compute layers again for the gradient (Chen et al., arXiv 1604.06174)."""

from functools import partial

from torch.utils.checkpoint import checkpoint

from ..models.mask2former import Mask2Former


def recompute_layers(model: Mask2Former) -> None:
    """Make every repeated layer keep only its input for the gradient. Results and names of weights do not change."""
    for layer in model.repeated_layers():
        layer.forward = partial(checkpoint, layer.forward, use_reentrant=False)
