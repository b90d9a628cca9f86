"""Sample masks at points instead of all pixels (PointRend, Kirillov et al., arXiv 1912.08193).

Points are (x, y) in fractions of width and height, 0–1.
"""

import torch
from torch import Tensor
from torch.nn import functional as F


def random_points(masks: int, points: int, generator: torch.Generator) -> Tensor:
    """Draw ``points`` uniform points for each of ``masks`` masks: (masks, points, 2), on the generator's device."""
    return torch.rand(masks, points, 2, generator=generator, device=generator.device)


def sample_at(maps: Tensor, points: Tensor) -> Tensor:
    """Sample maps (N, h, w) bilinearly, with zeros outside: (N, P).

    ``points`` is (N, P, 2), or (1, P, 2) for the same points in every map.
    """
    images = maps[None] if len(points) == 1 else maps[:, None]
    sampled = F.grid_sample(images, 2 * points[:, :, None] - 1, mode="bilinear", align_corners=False)
    return sampled.flatten(0, 1)[:, :, 0]


@torch.no_grad()
def uncertain_points(
    logits: Tensor, count: int, *, oversample: float, importance: float, generator: torch.Generator
) -> Tensor:
    """Draw ``count`` points for each of N mask logits (N, h, w), most of them where the mask is uncertain.

    A fraction ``importance`` (0–1) of the points are those whose logits are nearest to 0 among ``oversample * count``
    random candidates. The other points are uniform.

    Returns:
        The points (N, count, 2).
    """
    chosen = int(importance * count)
    candidates = random_points(len(logits), int(oversample * count), generator)
    nearest = sample_at(logits, candidates).abs().topk(chosen, dim=1, largest=False).indices
    kept = candidates.gather(1, nearest[..., None].expand(-1, -1, 2))
    return torch.cat((kept, random_points(len(logits), count - chosen, generator)), 1)
