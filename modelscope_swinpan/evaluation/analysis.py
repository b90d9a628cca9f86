"""Why the score is what it is: one pass over the true and the predicted maps, and what it finds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..coco.annotation import Annotation
from ..coco.id_maps import read_ids
from ..coco.reader import CocoPanoptic
from ..coco.remarks import Remark, Remarks
from ..errors import DatasetError
from ..inference.prefetch import map_ahead
from ..structures import Size
from .calibration import Calibration
from .confusion import Confusion
from .counts import count, panoptic_quality, totals
from .errors import ErrorKinds
from .groups import Groups
from .matching import Floats, Listed, Matching, match
from .metrics import PanopticQuality
from .photos import photo_line
from .thresholds import WHY_NOT, Thresholds
from .worst import BadPhoto, bad_photo, worst_photos


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """The ``quality`` that an evaluation found, and why it is what it is.

    ``figures`` are JSON. ``photos`` has a line of JSON for each photo, which another evaluation can be compared with
    (:mod:`.photos`). ``worst`` are photos of ``dataset``.
    """

    quality: PanopticQuality
    figures: Mapping[str, Any]
    photos: Sequence[str]
    worst: Sequence[BadPhoto]
    dataset: CocoPanoptic


def analyse(
    dataset: CocoPanoptic, predictions: Sequence[Mapping[str, Any]], thresholds: Thresholds | None = None
) -> Analysis:
    """Compare the maps of the first photos of ``dataset``. Of each photo, no more than a line stays in memory.

    One warning for each kind tells what is odd about the truth.

    Args:
        dataset: The photos, their truth and classes.
        predictions: Those for the first photos in their order, as of :func:`~.predictions.predicted`.
        thresholds: Tells the PQ with other thresholds, where the run kept what that needs.

    Raises:
        DatasetError: a PNG cannot be read or contradicts its JSON, or what ``thresholds`` reads is damaged.
    """
    classes = len(dataset.categories)
    total = np.zeros((classes, 4))
    errors, confusion = ErrorKinds(classes), Confusion(dataset.categories)
    groups, calibration = Groups(classes), Calibration()
    worst: list[BadPhoto] = []
    lines, remarks = list[str](), Remarks()

    def look(index: int) -> tuple[Sequence[Remark], Matching, Floats | None]:
        truth = dataset.annotation(index)
        matching = _matching(truth, predictions[index], dataset.labels)
        return truth.remarks, matching, thresholds.counts(index, matching) if thresholds else None

    for index, (odd, matching, other) in enumerate(map_ahead(look, range(len(predictions)))):
        remarks.add(odd)
        counts = count(matching, classes)
        total += counts
        for collector in (errors, confusion, groups, calibration):
            collector.add(matching)
        if thresholds is not None and other is not None:
            thresholds.add(other)
        worst = worst_photos(filter(None, [*worst, bad_photo(dataset, index, counts, predictions[index])]))
        lines.append(photo_line(dataset.entries[index], counts, matching, dataset.categories))
    remarks.warn()
    quality = panoptic_quality(total, dataset.categories)
    figures = {
        "classes": _classes(dataset, quality, total, errors),
        "confusion": confusion.figures(),
        "errors": errors.figures(total),
        "by_size": groups.by_size(),
        "by_number": groups.by_number(),
        "calibration": calibration.figures(),
        "worst_photos": [photo.figures for photo in worst],
        "thresholds": thresholds.figures() if thresholds else {"computed": False, "why": WHY_NOT},
    }
    return Analysis(quality=quality, figures=figures, photos=lines, worst=worst, dataset=dataset)


def _matching(truth: Annotation, prediction: Mapping[str, Any], labels: Mapping[int, int]) -> Matching:
    """One photo's matching."""
    path, infos = prediction["file_name"], prediction["segments_info"]
    found = Listed(
        [info["id"] for info in infos],
        [labels[info["category_id"]] for info in infos],
        scores=[info.get("score", np.nan) for info in infos],
    )
    ids = read_ids(Path(path), Size(*truth.segment_ids.shape), found.ids.tolist(), path)
    matching = match(truth.segment_ids, Listed.of(truth.segments), ids, found)
    if not matching.found_areas.all() or matching.found_areas.sum() != np.count_nonzero(ids):
        odd = set(found.ids.tolist()) ^ set(np.unique(ids).tolist()) - {0}
        raise DatasetError(
            f"{path}: the PNG and its segments_info must have the same ids; only one of both has "
            f"{', '.join(map(str, sorted(odd))):.80}."
        )
    return matching


def _classes(
    dataset: CocoPanoptic, quality: PanopticQuality, total: Floats, errors: ErrorKinds
) -> list[dict[str, Any]]:
    """The figures of the classes that have any segment, the class that loses most first."""
    rows = [
        {
            "category_id": category.id,
            "name": category.name,
            "isthing": category.isthing,
            "pq": found.pq,
            "sq": found.sq,
            "rq": found.rq,
            "lost": 100 - found.pq,
            **totals(total[label]),
            "errors": errors.of_class(label),
        }
        for label, category in enumerate(dataset.categories)
        if (found := quality.per_class.get(category.id)) is not None
    ]
    return sorted(rows, key=lambda row: -row["lost"])
