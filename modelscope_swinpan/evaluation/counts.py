"""Matches and errors counted by class, and the panoptic quality that follows from the counts.

Counts are an array (…, K, 4) of K classes: matches, predictions without a match, true segments without a match, and the
sum of the matches' intersections over unions. Counts of several photos add up.
"""

from collections.abc import Sequence

import numpy as np

from ..categories import Category
from .matching import Bools, Floats, Matching
from .metrics import PanopticQuality, Quality

MATCHES, UNTRUE, UNFOUND, OVERLAP = range(4)


def count(matching: Matching, classes: int, *, true: Bools | None = None, found: Bools | None = None) -> Floats:
    """The counts (K, 4) of one photo; only of the segments ``true`` (T,) and ``found`` (P,), where they are given.

    A match counts where its true segment does.
    """
    is_true = np.ones(len(matching.truth.ids), bool) if true is None else true
    is_found = np.ones(len(matching.found.ids), bool) if found is None else found
    hits = matching.matched.any(1) & is_true
    true_labels, found_labels = matching.truth.labels, matching.found.labels
    counts = np.empty((classes, 4))
    counts[:, MATCHES] = np.bincount(true_labels[hits], minlength=classes)
    counts[:, UNTRUE] = np.bincount(found_labels[matching.untrue & is_found], minlength=classes)
    counts[:, UNFOUND] = np.bincount(true_labels[matching.unfound & is_true], minlength=classes)
    overlap = (matching.iou * matching.matched).sum(1)[hits]
    counts[:, OVERLAP] = np.bincount(true_labels[hits], overlap, minlength=classes)
    return counts


def qualities(counts: Floats) -> Floats:
    """PQ, SQ and RQ in percent, (…, K, 3), of counts (…, K, 4). Without any segment they are NaN."""
    matches, untrue, unfound, overlap = np.moveaxis(counts, -1, 0)
    segments = matches + (untrue + unfound) / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        sq = np.where(segments > 0, overlap / np.where(matches > 0, matches, 1), np.nan)
        return 100 * np.stack([overlap / segments, sq, matches / segments], axis=-1)


def means(values: Floats) -> Floats:
    """The means over the classes, (…, 3), of qualities (…, K, 3): of the classes that have any segment."""
    known = ~np.isnan(values)
    number = known.sum(-2)
    return np.where(number > 0, np.where(known, values, 0).sum(-2) / np.maximum(number, 1), np.nan)


def panoptic_quality(counts: Floats, categories: Sequence[Category]) -> PanopticQuality:
    """The panoptic quality of counts (K, 4) of these classes."""
    things = np.array([category.isthing for category in categories], bool)
    per_class = {
        category.id: Quality(pq=pq, sq=sq, rq=rq)
        for category, (pq, sq, rq) in zip(categories, qualities(counts).tolist(), strict=True)
        if not np.isnan(pq)
    }
    parts = (mean_quality(part) for part in (counts, counts[things], counts[~things]))
    return PanopticQuality(**dict(zip(("all", "things", "stuff"), parts, strict=True)), per_class=per_class)


def totals(counts: Floats) -> dict[str, int]:
    """The matches and errors of some counts (…, 4) by their names in JSON."""
    matches, untrue, unfound, _ = counts.reshape(-1, 4).sum(0)
    return {"matches": int(matches), "unmatched_predictions": int(untrue), "unmatched_true": int(unfound)}


def mean_quality(counts: Floats) -> Quality | None:
    """The mean quality over the classes of counts (K, 4), or None without any segment."""
    found = qualities(counts)
    number = int((~np.isnan(found[:, 0])).sum())
    pq, sq, rq = means(found).tolist()
    return Quality(pq=pq, sq=sq, rq=rq, classes=number) if number else None


def mean_pq(counts: Floats) -> float | None:
    """The PQ of :func:`mean_quality`."""
    quality = mean_quality(counts)
    return quality.pq if quality else None
