"""The worst photos of an evaluation, and their pictures: the truth beside the answer."""

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from ..coco.annotation import annotate
from ..coco.id_maps import read_ids
from ..coco.photo import read_photo
from ..coco.reader import CocoPanoptic
from ..errors import DatasetError, ImageError
from ..images.encode import jpeg_url
from ..inference.draw import draw
from ..inference.regions import make_segment
from .counts import mean_quality, totals
from .matching import Floats

KEPT = 12
SIDE = 420  # the long side of a picture, in pixels
QUALITY = 80  # of its JPEG
Pixels = npt.NDArray[np.uint8]
Ids = npt.NDArray[np.int32]


@dataclass(frozen=True, kw_only=True)
class BadPhoto:
    """A photo by its ``index`` in the dataset, its ``figures`` as JSON, and its ``prediction``, COCO's annotation."""

    index: int
    figures: Mapping[str, Any]
    prediction: Mapping[str, Any]


def bad_photo(dataset: CocoPanoptic, index: int, counts: Floats, prediction: Mapping[str, Any]) -> BadPhoto | None:
    """A photo with counts (K, 4), its own PQ in percent and its errors; None if no segment has an error."""
    quality, errors = mean_quality(counts), totals(counts)
    if quality is None or quality.pq >= 100:
        return None
    entry = dataset.entries[index]
    names = ("unmatched_true", "unmatched_predictions")
    figures = {
        "image_id": entry.id,
        "file_name": entry.name,
        "pq": quality.pq,
        **{name: errors[name] for name in names},
    }
    return BadPhoto(index=index, figures=figures, prediction=prediction)


def worst_photos(photos: Iterable[BadPhoto]) -> list[BadPhoto]:
    """The :data:`KEPT` photos of the lowest PQ; of those with the same, the ones with more errors."""

    def order(photo: BadPhoto) -> tuple[float, int, int]:
        found = photo.figures
        return found["pq"], -found["unmatched_true"] - found["unmatched_predictions"], photo.index

    return heapq.nsmallest(KEPT, photos, order)


def draw_photo(dataset: CocoPanoptic, photo: BadPhoto) -> tuple[str, str]:
    """Small pictures of the truth and of the answer over the photo, as ``data:`` URLs. A missing photo is grey.

    Raises:
        DatasetError: the truth or the prediction can no longer be read.
    """
    entry = dataset.entries[photo.index]
    truth = dataset.annotation(photo.index)
    true = [{"id": segment.id, "category_id": dataset.categories[segment.label_id].id} for segment in truth.segments]
    png, infos = photo.prediction["file_name"], photo.prediction["segments_info"]
    found_ids = read_ids(Path(png), entry.size, [info["id"] for info in infos], png)
    try:
        image = read_photo(dataset.image_path(entry), entry.size, dataset.exif)
    except (ImageError, DatasetError):
        image = np.full((1, 1, 3), 160, np.uint8)
    factor = min(1.0, SIDE / max(entry.size))
    size = tuple(max(1, round(side * factor)) for side in (entry.size.width, entry.size.height))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return _overlay(small, truth.segment_ids, true, dataset), _overlay(small, found_ids, infos, dataset)


def _overlay(image: Pixels, ids: Ids, infos: Sequence[Mapping[str, Any]], dataset: CocoPanoptic) -> str:
    """The segments that can be seen at the picture's size, over it, as a ``data:`` URL."""
    labels = {info["id"]: dataset.labels[info["category_id"]] for info in infos}
    scores = {info["id"]: info.get("score") for info in infos}
    smaller = cv2.resize(ids, (image.shape[1], image.shape[0]), interpolation=cv2.INTER_NEAREST)
    shown = annotate(smaller, labels)
    segments = [
        make_segment(info.id, info.label_id, dataset.categories, info.area, info.box, scores[info.id] or 0.0)
        for info in shown.segments
    ]
    return jpeg_url(draw(image, smaller, segments, dataset.categories, scores=any(scores.values())), QUALITY)
