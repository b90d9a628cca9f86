"""The fusion rules: from one image's logits to its panoptic, instance or semantic result, at the photo's size.

Each function reads top to bottom and follows mmdetection 2.x. The work below does not change a result: :mod:`.bands`
upsamples masks, :mod:`.queries` leaves out queries that cannot matter, :mod:`.regions` counts pixels.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..categories import Category
from ..config import PostprocessConfig, Task
from ..kernels.dispatch import widest_float
from ..structures import Size, ThingIds
from .bands import upsampled_bands
from .queries import contested_bands, mask_bands
from .regions import Regions, counts, extent, make_segment
from .results import InstanceResult, PanopticResult


def fuse(
    class_logits: Tensor,
    mask_logits: Tensor,
    resized: Size,
    original: Size,
    *,
    categories: Sequence[Category],
    config: PostprocessConfig,
    task: Task,
    with_instances: bool,
) -> PanopticResult | InstanceResult:
    """The result of one image for a task; a panoptic one with its instances, if they are wanted.

    Other arguments as in :func:`panoptic`.
    """
    what: dict[str, Any] = {"resized": resized, "original": original, "categories": categories}
    if task == "semantic":
        return semantic(class_logits, mask_logits, **what)
    what["config"] = config
    if task == "instance":
        return instances(class_logits, mask_logits, **what)
    result = panoptic(class_logits, mask_logits, **what)
    return replace(result, instances=instances(class_logits, mask_logits, **what)) if with_instances else result


def panoptic(
    class_logits: Tensor,
    mask_logits: Tensor,
    *,
    resized: Size,
    original: Size,
    categories: Sequence[Category],
    config: PostprocessConfig,
) -> PanopticResult:
    """Every pixel belongs to one thing, to one class of stuff, or to void.

    Args:
        class_logits: (Q, K+1), no-object last.
        mask_logits: (Q, h, w), with the input's padding.
        resized: The image in the model's input, without padding.
        original: The photo, and so the result.
        categories: The K classes, in label order.
        config: The thresholds.
    """
    # Keep the queries that are sure of a class other than no-object.
    void = len(categories)
    scores, labels = class_logits.softmax(-1).max(-1)
    kept = ((labels != void) & (scores > config.object_mask_threshold)).nonzero()[:, 0]
    scores, labels, mask_logits = scores[kept], labels[kept], mask_logits[kept]
    if len(kept) == 0:
        return PanopticResult(np.full(original, void, np.int32), (), void, categories=tuple(categories))

    # Each pixel goes to the query of the highest class × mask probability.
    regions = Regions(len(kept), original, mask_logits.device)
    mask_area = torch.zeros(len(kept), dtype=torch.int64, device=mask_logits.device)
    won_area = torch.zeros_like(mask_area)
    for rows, queries, probabilities, best in contested_bands(mask_logits, resized, original, scores):
        probability = probabilities.gather(0, best[None])[0]
        winner = queries[best]
        mask_area[queries] += (probabilities >= 0.5).sum((1, 2))
        won_area += counts(winner.flatten(), len(kept))
        if config.filter_low_score:  # a pixel outside the winner's own mask becomes void
            winner = torch.where(probability >= 0.5, winner, len(kept))
        regions.add(rows, winner, probability)

    # Drop a query if stronger ones take too much of its mask. Number the things; stuff of one class is one segment.
    ids = []
    things = ThingIds(len(categories))
    for label, won, own in torch.stack((labels, won_area, mask_area), 1).tolist():
        if won == 0 or own == 0 or won / own < config.overlap_threshold:
            ids.append(void)
        else:
            ids.append(things.add(label) if categories[label].isthing else label)
    return regions.result(ids, labels.tolist(), scores, categories)


def instances(
    class_logits: Tensor,
    mask_logits: Tensor,
    *,
    resized: Size,
    original: Size,
    categories: Sequence[Category],
    config: PostprocessConfig,
) -> InstanceResult:
    """The best things, which may overlap. A query may give several, of different classes.

    Arguments as in :func:`panoptic`.
    """
    # Take the max_instances most probable (query, class) pairs, and of these the things.
    probabilities = class_logits.softmax(-1)[:, :-1]
    best, pair = probabilities.flatten().topk(min(config.max_instances, probabilities.numel()))
    queries, labels = pair // len(categories), pair % len(categories)
    things = torch.tensor([category.isthing for category in categories], device=best.device)[labels]
    # The mask can only lower a score: what is below the threshold already needs no mask.
    possible = (things & (best >= config.instance_threshold)).nonzero()[:, 0]
    best, labels = best[possible], labels[possible]
    queries, position = torch.unique(queries[possible], return_inverse=True)

    # A mask is where the logits are above 0. Pairs of one query share it.
    masks = torch.zeros(len(queries), *original, dtype=torch.bool, device=best.device)
    area = torch.zeros(len(queries), dtype=torch.int64, device=best.device)
    probability = torch.zeros(len(queries), dtype=widest_float(best.device), device=best.device)
    for rows, some, logits in mask_bands(mask_logits[queries], resized, original):
        inside = logits > 0
        masks[some, rows] = inside
        area[some] += inside.sum((1, 2))
        probability[some] += (logits.sigmoid_() * inside).sum((1, 2), dtype=probability.dtype)

    # Score = class probability × mean probability of the mask's own pixels.
    scores = best * (probability / (area + 1e-6)).to(best.dtype)[position]
    order = scores.argsort(descending=True, stable=True)
    order = order[scores[order] >= config.instance_threshold]
    position = position[order]
    chosen = masks.cpu().numpy()[position.cpu().numpy()]
    segments = tuple(
        make_segment(number, label, categories, pixels, extent(mask.any(0), mask.any(1)), score)
        for number, (label, pixels, mask, score) in enumerate(
            zip(labels[order].tolist(), area[position].tolist(), chosen, scores[order].tolist(), strict=True), start=1
        )
    )
    return InstanceResult(chosen, segments, categories=tuple(categories))


def semantic(
    class_logits: Tensor, mask_logits: Tensor, *, resized: Size, original: Size, categories: Sequence[Category]
) -> PanopticResult:
    """The best class of every pixel: one segment per class, whose id is the label, and no void.

    Arguments as in :func:`panoptic`. Classes are compared as by Mask2Former's authors (arXiv 2112.01527). A segment's
    score is the mean share of the votes that its class has.
    """
    probabilities = class_logits.softmax(-1)[:, :-1]  # (Q, K)
    regions = Regions(len(categories), original, class_logits.device)
    for rows, logits in upsampled_bands(mask_logits, resized, original, planes=len(categories)):
        # Each query votes for each class with class × mask probability.
        votes = torch.einsum("qk,qhw->khw", probabilities, logits.sigmoid_())
        most, best = votes.max(0)
        total = votes.sum(0)
        # Where no query votes, all classes have the same share.
        regions.add(rows, best, torch.where(total > 0, most / total, 1 / len(categories)))
    labels = range(len(categories))
    return regions.result(labels, labels, probabilities.new_ones(len(categories)), categories)
