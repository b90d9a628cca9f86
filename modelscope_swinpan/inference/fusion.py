"""The fusion rules: from one image's logits to its panoptic, instance or semantic result, at the photo's size.

Each function reads top to bottom and follows mmdetection 2.x. The work below does not change a result: :mod:`.bands`
upsamples masks, :mod:`.queries` leaves out queries that cannot matter, :mod:`.regions` counts pixels.
"""

from collections.abc import Callable, Sequence
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
from .contests import Contender, Contest, Contests
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
    contested: Sequence[float] = (),
) -> PanopticResult | InstanceResult:
    """The result of one image for a task; a panoptic one with its instances, if they are wanted.

    With thresholds in ``contested``, a panoptic one also has the contests with each as ``object_mask_threshold``. Other
    arguments as in :func:`panoptic`.
    """
    what: dict[str, Any] = {"resized": resized, "original": original, "categories": categories}
    if task == "semantic":
        return semantic(class_logits, mask_logits, **what)
    what["config"] = config
    if task == "instance":
        return instances(class_logits, mask_logits, **what)
    result = panoptic(class_logits, mask_logits, **what)
    if with_instances:
        result = replace(result, instances=instances(class_logits, mask_logits, **what))
    if contested:
        result = replace(result, contests=contests(class_logits, mask_logits, **what, thresholds=contested))
    return result


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
    kept, scores, labels = sure_queries(class_logits, config.object_mask_threshold)
    if len(kept) == 0:
        return PanopticResult(np.full(original, void, np.int32), (), void, categories=tuple(categories))

    # Each pixel goes to the query of the highest class × mask probability.
    regions = Regions(len(kept), original, mask_logits.device)
    areas = contest(
        scores, mask_logits[kept], resized, original, filter_low_score=config.filter_low_score, add=regions.add
    )

    # Drop a query if stronger ones take too much of its mask. Number the things; stuff of one class is one segment.
    ids = []
    things = ThingIds(len(categories))
    found = torch.stack((labels, *areas), 1).tolist()
    for label, won, own in found:
        if not survives(won, own, config.overlap_threshold):
            ids.append(void)
        else:
            ids.append(things.add(label) if categories[label].isthing else label)
    return regions.result(ids, [label for label, *_ in found], scores, categories)


def sure_queries(class_logits: Tensor, threshold: float) -> tuple[Tensor, Tensor, Tensor]:
    """The N queries whose class probability is above a threshold, of any class but no-object.

    Their positions (N) among the queries of ``class_logits`` (Q, K+1), their probabilities (N) and labels (N).
    """
    scores, labels = class_logits.softmax(-1).max(-1)
    kept = ((labels != class_logits.shape[-1] - 1) & (scores > threshold)).nonzero()[:, 0]
    return kept, scores[kept], labels[kept]


def contest(
    scores: Tensor,
    mask_logits: Tensor,
    resized: Size,
    original: Size,
    *,
    filter_low_score: bool,
    add: Callable[[slice, Tensor, Tensor], None],
) -> tuple[Tensor, Tensor]:
    """Give each pixel to one of N queries, band by band, and return the areas (N) that they won and that they cover.

    Args:
        scores: (N), class probabilities.
        mask_logits: (N, h, w).
        resized: The image in the model's input, without padding.
        original: The photo.
        filter_low_score: Whether a pixel outside the winner's own mask is nobody's; it counts as won.
        add: Receives rows of the photo, and for their pixels (rows, width) the winner, N for nobody, and its mask
            probability.
    """
    won_area, mask_area = torch.zeros(2, len(scores), dtype=torch.int64, device=mask_logits.device)
    for rows, queries, probabilities, best in contested_bands(mask_logits, resized, original, scores):
        probability = probabilities.gather(0, best[None])[0]
        winner = queries[best]
        mask_area[queries] += (probabilities >= 0.5).sum((1, 2))
        won_area += counts(winner.flatten(), len(scores))
        if filter_low_score:
            winner = torch.where(probability >= 0.5, winner, len(scores))
        add(rows, winner, probability)
    return won_area, mask_area


def survives(won_area: int, mask_area: int, overlap_threshold: float) -> bool:
    """Whether stronger queries leave a query enough of the pixels that its mask covers."""
    return won_area > 0 and mask_area > 0 and won_area / mask_area >= overlap_threshold


def contests(
    class_logits: Tensor,
    mask_logits: Tensor,
    *,
    resized: Size,
    original: Size,
    categories: Sequence[Category],
    config: PostprocessConfig,
    thresholds: Sequence[float],
) -> Contests:
    """Who has each pixel with each of ``thresholds`` as ``object_mask_threshold``; others as in :func:`panoptic`."""

    def hold(queries: Tensor, scores: Tensor, labels: Tensor) -> Contest:
        winners = torch.full(original, -1, dtype=torch.int32, device=mask_logits.device)
        names = torch.cat([queries, queries.new_tensor([-1])]).int()

        def add(rows: slice, winner: Tensor, _: Tensor) -> None:
            winners[rows] = names[winner]

        areas = contest(
            scores, mask_logits[queries], resized, original, filter_low_score=config.filter_low_score, add=add
        )
        found = torch.stack((queries, labels, *areas), 1).tolist()
        contenders = tuple(Contender(query, categories[label], won, own) for query, label, won, own in found)
        return Contest(winners=winners.cpu().numpy(), queries=contenders)

    kept = {threshold: sure_queries(class_logits, threshold) for threshold in thresholds}
    held = {len(sure[0]): sure for sure in kept.values()}  # the number of queries tells which ones they are
    found = {number: hold(*sure) for number, sure in held.items()}
    return Contests(config=config, by_threshold={threshold: found[len(sure[0])] for threshold, sure in kept.items()})


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
