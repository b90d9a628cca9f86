"""Match queries to true segments (DETR, Carion et al., arXiv 2005.12872)."""

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torch.nn import functional as F

LARGEST = 1e9  # Replaces a cost that is NaN or infinite. Such a pair is matched only if no other is left.


def match(costs: Tensor) -> tuple[Tensor, Tensor]:
    """Find the cheapest pairs, given the ``costs`` (Q, n) of every query and segment.

    Returns:
        The indices of the matched queries, rising, and of their segments; min(Q, n) each.
    """
    finite = torch.nan_to_num(costs, nan=LARGEST, posinf=LARGEST, neginf=LARGEST)
    rows, columns = linear_sum_assignment(finite.cpu().numpy())
    return torch.from_numpy(rows), torch.from_numpy(columns)


def class_costs(class_logits: Tensor, labels: Tensor) -> Tensor:
    """Minus the probability of each segment's class: (…, Q, n) from logits (…, Q, K+1) and labels (n,)."""
    return -class_logits.softmax(-1)[..., labels]


def mask_costs(logits: Tensor, masks: Tensor) -> Tensor:
    """Mean binary cross-entropy of every pair: (…, Q, n) from logits (…, Q, P) and masks (n, P) at points."""
    # The loss of a point is softplus(x) − x·y for y = 0 and y = 1, so one matrix product computes all pairs.
    return (F.softplus(logits).sum(-1, keepdim=True) - logits @ masks.T) / logits.shape[-1]


def dice_costs(logits: Tensor, masks: Tensor) -> Tensor:
    """Dice loss of every pair: (…, Q, n) from logits (…, Q, P) and masks (n, P) at points."""
    probabilities = logits.sigmoid()
    total = probabilities.sum(-1, keepdim=True) + masks.sum(-1)
    return 1 - (2 * (probabilities @ masks.T) + 1) / (total + 1)
