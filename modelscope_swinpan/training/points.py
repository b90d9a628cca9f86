"""Masks at points instead of pixels (PointRend, Kirillov et al., arXiv 1912.08193). Points are x, y in 0–1."""

import torch
from torch import Tensor
from torch.nn import functional as F


def draw(masks: int, points: int, generator: torch.Generator) -> Tensor:
    """Random points, (masks, points, 2), on the generator's device."""
    return torch.rand(masks, points, 2, generator=generator, device=generator.device)


def at_points(maps: Tensor, points: Tensor) -> Tensor:
    """Bilinear samples (N, P) of maps (N, h, w), zero outside: at points (N, P, 2) each, or (1, P, 2) for all."""
    images = maps[None] if len(points) == 1 else maps[:, None]
    sampled = F.grid_sample(images, 2 * points[:, :, None] - 1, mode="bilinear", align_corners=False)
    return sampled.flatten(0, 1)[:, :, 0]


@torch.no_grad()
def draw_uncertain(
    logits: Tensor, count: int, *, oversample: float, importance: float, generator: torch.Generator
) -> Tensor:
    """``count`` points for each of N mask logits (N, h, w): (N, count, 2), most of them where the mask is undecided.

    Of ``oversample`` times as many random points those nearest to 0 are kept, for the part ``importance`` (0–1) of all;
    the others are random.
    """
    chosen = int(importance * count)
    candidates = draw(len(logits), int(oversample * count), generator)
    nearest = at_points(logits, candidates).abs().topk(chosen, dim=1, largest=False).indices
    kept = candidates.gather(1, nearest[..., None].expand(-1, -1, 2))
    return torch.cat((kept, draw(len(logits), count - chosen, generator)), 1)
