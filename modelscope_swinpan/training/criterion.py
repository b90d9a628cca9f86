"""Mask2Former's losses (Cheng et al., arXiv 2112.01527): class, mask and dice, for the predictions of every layer."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from ..structures import Mask2FormerOutput
from .config import CriterionConfig
from .matcher import class_costs, dice_costs, mask_costs, match
from .points import random_points, sample_at, uncertain_points

PIECE = 100
"""How many of an image's true masks are floating-point numbers at a time; these take four times the memory."""


class Target(NamedTuple):
    """The truth of one image: ``labels`` (n,) int64 and ``masks`` (n, H, W) bool. ``seed`` decides the points."""

    labels: Tensor
    masks: Tensor
    seed: int


class Normalizers(NamedTuple):
    """The divisors of the summed losses: the number of true masks, and the summed class weights of all queries."""

    masks: Tensor
    classes: Tensor


class Losses(NamedTuple):
    """The three losses, summed over the predictions of all layers and not yet weighted; scalars."""

    classes: Tensor
    masks: Tensor
    dice: Tensor


class Criterion:
    """The loss of a model's output. The seeds of the targets are its only randomness."""

    def __init__(self, config: CriterionConfig) -> None:
        self.config = config

    def normalizers(self, targets: Sequence[Target], num_queries: int) -> Normalizers:
        """The divisors for some images.

        Losses of parts of a batch that are divided by the divisors of the whole batch add up to the loss of the batch.
        """
        matched = sum(min(len(target.labels), num_queries) for target in targets)
        unmatched = len(targets) * num_queries - matched
        return Normalizers(
            torch.tensor(float(sum(len(target.labels) for target in targets))),
            torch.tensor(matched + self.config.no_object_weight * unmatched),
        )

    def weighted(self, losses: Losses) -> Tensor:
        """The weighted sum of the losses, a scalar to minimise."""
        config = self.config
        return (
            config.class_weight * losses.classes + config.mask_weight * losses.masks + config.dice_weight * losses.dice
        )

    def __call__(
        self, output: Mask2FormerOutput, targets: Sequence[Target], normalizers: Normalizers | None = None
    ) -> Losses:
        """Compute the losses of an output and its ``aux_outputs``.

        Args:
            output: The model's output for B images.
            targets: The truth of these images.
            normalizers: The divisors, by default those of these images.
        """
        predictions = [*output.aux_outputs, (output.class_logits, output.mask_logits)]
        normalizers = normalizers or self.normalizers(targets, output.class_logits.shape[1])
        images = [
            self._image([logits[i] for logits, _ in predictions], [logits[i] for _, logits in predictions], target)
            for i, target in enumerate(targets)
        ]
        classes, masks, dice = (torch.stack(parts).sum() for parts in zip(*images, strict=True))
        count = normalizers.masks.clamp(min=1)
        return Losses(classes / normalizers.classes, masks / count, dice / count)

    def _image(self, class_logits: Sequence[Tensor], mask_logits: Sequence[Tensor], target: Target) -> Losses:
        """The sums over one image and its D predictions, (Q, K+1) and (Q, h, w) each."""
        config, device = self.config, mask_logits[0].device
        generator = torch.Generator(device).manual_seed(target.seed)
        classes, masks = torch.stack(list(class_logits)).float(), target.masks
        pairs = self._match(classes, mask_logits, target.labels, masks, generator)

        labels = torch.full(classes.shape[:2], classes.shape[2] - 1, device=device)  # (D, Q), no object
        for row, (queries, segments) in zip(labels, pairs, strict=True):
            row[queries] = target.labels[segments]
        weight = torch.ones(classes.shape[2], device=device)
        weight[-1] = config.no_object_weight
        class_loss = F.cross_entropy(classes.flatten(0, 1), labels.flatten(), weight, reduction="sum")

        logits = torch.cat([maps[queries] for maps, (queries, _) in zip(mask_logits, pairs, strict=True)]).float()
        points = uncertain_points(
            logits, config.num_points, oversample=config.oversample, importance=config.importance, generator=generator
        )
        # One prediction at a time: the true masks are large, and still larger as numbers.
        counts = [len(segments) for _, segments in pairs]
        of_layers = torch.split(points, counts)
        truth = [sample_at(masks[s].float(), at) for (_, s), at in zip(pairs, of_layers, strict=True)]
        return Losses(class_loss, *mask_losses(sample_at(logits, points), torch.cat(truth)))

    @torch.no_grad()
    def _match(
        self, classes: Tensor, mask_logits: Sequence[Tensor], labels: Tensor, masks: Tensor, generator: torch.Generator
    ) -> list[tuple[Tensor, Tensor]]:
        """The matched queries and segments of each prediction. All predictions are compared at the same points."""
        config = self.config
        points = random_points(1, config.num_points, generator)
        logits = torch.stack([sample_at(maps.float(), points) for maps in mask_logits])  # (D, Q, P)
        truth = torch.cat([sample_at(piece.float(), points) for piece in torch.split(masks, PIECE)])
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
