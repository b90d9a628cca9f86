"""Mask2Former's losses (Cheng et al., arXiv 2112.01527): class, mask and dice, for the prediction of every layer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from ..errors import ConfigError
from ..structures import Mask2FormerOutput
from .matcher import class_costs, dice_costs, mask_costs, match
from .points import at_points, draw, draw_uncertain


@dataclass(frozen=True, kw_only=True)
class CriterionConfig:
    """Weights of the losses, of the no-object class among the classes, and how points are drawn. Defaults: upstream's.

    ``num_points`` of a mask count. ``importance`` (0–1) is the part of them that is drawn where the mask is undecided,
    from ``oversample`` times as many.
    """

    class_weight: float = 2.0
    mask_weight: float = 5.0
    dice_weight: float = 5.0
    no_object_weight: float = 0.1
    num_points: int = 12544
    oversample: float = 3.0
    importance: float = 0.75

    def __post_init__(self) -> None:
        if self.num_points < 1:
            raise ConfigError(f"num_points must be at least 1; got {self.num_points}.")
        if self.oversample < 1:
            raise ConfigError(f"oversample must be at least 1; got {self.oversample}.")
        if not 0 <= self.importance <= 1:
            raise ConfigError(f"importance must lie between 0 and 1; got {self.importance}.")
        for name in ("class_weight", "mask_weight", "dice_weight", "no_object_weight"):
            if getattr(self, name) < 0:
                raise ConfigError(f"{name} must be 0 or more; got {getattr(self, name)}.")


class Target(NamedTuple):
    """What is true of one image: ``labels`` (n,) int64, ``masks`` (n, H, W) bool; ``seed`` decides its points."""

    labels: Tensor
    masks: Tensor
    seed: int


class Totals(NamedTuple):
    """What the sums of losses are divided by: the number of true masks, and the weight of all queries' classes."""

    masks: Tensor
    classes: Tensor


class Losses(NamedTuple):
    """The parts of the loss, summed over the predictions of all layers, not yet weighted; scalars."""

    classes: Tensor
    masks: Tensor
    dice: Tensor


class Criterion:
    """The loss of a model's output. Its randomness is the targets' seeds alone."""

    def __init__(self, config: CriterionConfig) -> None:
        self.config = config

    def totals(self, targets: Sequence[Target], num_queries: int) -> Totals:
        """Of some images. What is divided by the totals of more images than it was made of may simply be added up."""
        matched = [min(len(target.labels), num_queries) for target in targets]
        free = len(targets) * num_queries - sum(matched)
        return Totals(
            torch.tensor(float(sum(len(target.labels) for target in targets))),
            torch.tensor(sum(matched) + self.config.no_object_weight * free),
        )

    def weighted(self, losses: Losses) -> Tensor:
        """One number to be minimised."""
        config = self.config
        return (
            config.class_weight * losses.classes + config.mask_weight * losses.masks + config.dice_weight * losses.dice
        )

    def __call__(self, output: Mask2FormerOutput, targets: Sequence[Target], totals: Totals | None = None) -> Losses:
        """Losses of an output with its ``aux_outputs``, divided by ``totals``, or else by those of its own images."""
        predictions = [*output.aux_outputs, (output.class_logits, output.mask_logits)]
        totals = totals or self.totals(targets, output.class_logits.shape[1])
        images = [
            self._image([logits[i] for logits, _ in predictions], [logits[i] for _, logits in predictions], target)
            for i, target in enumerate(targets)
        ]
        classes, masks, dice = (torch.stack(parts).sum() for parts in zip(*images, strict=True))
        count = totals.masks.clamp(min=1)
        return Losses(classes / totals.classes, masks / count, dice / count)

    def _image(self, class_logits: Sequence[Tensor], mask_logits: Sequence[Tensor], target: Target) -> Losses:
        """Sums over one image, of D predictions (Q, K+1) and (Q, h, w) each."""
        config, device = self.config, mask_logits[0].device
        generator = torch.Generator(device).manual_seed(target.seed)
        classes, masks = torch.stack(list(class_logits)).float(), target.masks.float()
        pairs = self._match(classes, mask_logits, target.labels, masks, generator)

        labels = torch.full(classes.shape[:2], classes.shape[2] - 1, device=device)  # (D, Q), no object
        for row, (queries, segments) in zip(labels, pairs, strict=True):
            row[queries] = target.labels[segments]
        weight = torch.ones(classes.shape[2], device=device)
        weight[-1] = config.no_object_weight
        class_loss = F.cross_entropy(classes.flatten(0, 1), labels.flatten(), weight, reduction="sum")

        logits = torch.cat([maps[queries] for maps, (queries, _) in zip(mask_logits, pairs, strict=True)]).float()
        segments = torch.cat([segments for _, segments in pairs])
        points = draw_uncertain(
            logits,
            config.num_points,
            oversample=config.oversample,
            importance=config.importance,
            generator=generator,
        )
        return Losses(class_loss, *mask_losses(at_points(logits, points), at_points(masks[segments], points)))

    @torch.no_grad()
    def _match(
        self,
        classes: Tensor,
        mask_logits: Sequence[Tensor],
        labels: Tensor,
        masks: Tensor,
        generator: torch.Generator,
    ) -> list[tuple[Tensor, Tensor]]:
        """Matched queries and segments of each prediction; all predictions are compared at the same points."""
        config = self.config
        points = draw(1, config.num_points, generator)
        logits = torch.stack([at_points(maps.float(), points) for maps in mask_logits])  # (D, Q, P)
        truth = at_points(masks, points)
        costs = (
            config.class_weight * class_costs(classes, labels)
            + config.mask_weight * mask_costs(logits, truth)
            + config.dice_weight * dice_costs(logits, truth)
        )
        pairs = [match(cost) for cost in costs.cpu()]
        return [(queries.to(labels.device), segments.to(labels.device)) for queries, segments in pairs]


def mask_losses(logits: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
    """Binary cross-entropy and dice loss of masks at points, (N, P) each, summed over N."""
    cross_entropy = F.binary_cross_entropy_with_logits(logits, masks, reduction="none").mean(1).sum()
    probabilities = logits.sigmoid()
    total = probabilities.sum(1) + masks.sum(1)
    dice = (1 - (2 * (probabilities * masks).sum(1) + 1) / (total + 1)).sum()
    return cross_entropy, dice
