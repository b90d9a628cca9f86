"""Why the score is what it is: one pass over the true and the predicted maps, and what it finds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..coco.id_maps import read_ids
from ..coco.reader import CocoPanoptic
from ..inference.prefetch import map_ahead
from .calibration import Calibration
from .confusion import Confusion
from .counts import MATCHES, UNFOUND, UNTRUE, count, qualities
from .errors import ErrorKinds
from .groups import Groups
from .matching import Floats, Listed, Matching, match
from .photos import photo_line
from .thresholds import WHY_NOT, Thresholds
from .worst import BadPhoto, WorstPhotos


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """What an evaluation found besides its figures.

    ``figures`` are JSON. ``photos`` has a line of JSON for each photo, which another evaluation can be compared with
    (:mod:`.photos`). ``worst`` are photos of ``dataset``.
    """

    figures: Mapping[str, Any]
    photos: Sequence[str]
    worst: Sequence[BadPhoto]
    dataset: CocoPanoptic


def analyse(
    dataset: CocoPanoptic, truth: Mapping[str, Any], found: Mapping[str, Any], thresholds: Thresholds | None = None
) -> Analysis:
    """Compare the maps of the first photos of ``dataset``; all but a line for each photo is of a fixed size.

    Args:
        dataset: The photos and classes.
        truth: A panoptic JSON whose PNGs are absolute paths, as of :func:`~.truth.panoptic_truth`.
        found: The predictions for the same photos in the same order, as of :func:`~.predictions.predicted`.
        thresholds: Where the run kept what tells the PQ with other thresholds.

    Raises:
        DatasetError: a PNG cannot be read, or what ``thresholds`` reads is damaged.
    """
    classes = len(dataset.categories)
    totals = np.zeros((classes, 4))
    errors, confusion, groups, calibration = (
        ErrorKinds(classes),
        Confusion(dataset.categories),
        Groups(classes),
        Calibration(),
    )
    worst, lines = WorstPhotos(dataset), []
    pairs = list(zip(truth["annotations"], found["annotations"], strict=True))

    def look(index: int) -> tuple[Matching, Floats | None]:
        matching = _matching(dataset, index, *pairs[index])
        return matching, thresholds.counts(index, matching) if thresholds else None

    for index, (matching, other) in enumerate(map_ahead(look, range(len(pairs)))):
        counts = count(matching, classes)
        totals += counts
        for collector in (errors, confusion, groups, calibration):
            collector.add(matching)
        if thresholds is not None and other is not None:
            thresholds.add(other)
        worst.add(index, counts, pairs[index][1])
        lines.append(photo_line(dataset.entries[index], counts, matching, dataset.categories))
    figures = {
        "classes": _classes(dataset, totals, errors),
        "confusion": confusion.figures(),
        "errors": errors.figures(totals),
        "by_size": groups.by_size(),
        "by_number": groups.by_number(),
        "calibration": calibration.figures(),
        "worst_photos": [photo.figures() for photo in worst.found()],
        "thresholds": thresholds.figures() if thresholds else {"computed": False, "why": WHY_NOT},
        "instances": None,
        "comparison": None,
    }
    return Analysis(figures=figures, photos=lines, worst=worst.found(), dataset=dataset)


def _matching(dataset: CocoPanoptic, index: int, truth: Mapping[str, Any], found: Mapping[str, Any]) -> Matching:
    """One photo's matching."""
    size = dataset.entries[index].size
    sides = []
    for annotation in (truth, found):
        listed = Listed.read(annotation["segments_info"], dataset.labels)
        path = annotation["file_name"]
        sides.append((read_ids(Path(path), size, listed.ids.tolist(), path), listed))
    (true_ids, true), (found_ids, predicted) = sides
    return match(true_ids, true, found_ids, predicted)


def _classes(dataset: CocoPanoptic, totals: Floats, errors: ErrorKinds) -> list[dict[str, Any]]:
    """The figures of the classes that have any segment, the class that loses most first."""
    rows = [
        {
            "category_id": category.id,
            "name": category.name,
            "isthing": category.isthing,
            **dict(zip(("pq", "sq", "rq"), quality, strict=True)),
            "lost": 100 - quality[0],
            "matches": int(counts[MATCHES]),
            "unmatched_predictions": int(counts[UNTRUE]),
            "unmatched_true": int(counts[UNFOUND]),
            "errors": errors.of_class(label),
        }
        for label, (category, quality, counts) in enumerate(
            zip(dataset.categories, qualities(totals).tolist(), totals, strict=True)
        )
        if not np.isnan(quality[0])
    ]
    return sorted(rows, key=lambda row: -row["lost"])
