"""The worst photos of an evaluation, and their pictures: the truth beside the answer."""

import heapq
from collections.abc import Mapping, Sequence
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
from ..images.encode import encode_jpeg
from ..inference.draw import draw
from ..inference.regions import make_segment
from .counts import UNFOUND, UNTRUE, means, qualities
from .matching import Floats, Listed

KEPT = 12
SIDE = 420  # the long side of a picture, in pixels
QUALITY = 80  # of its JPEG
Pixels = npt.NDArray[np.uint8]
Ids = npt.NDArray[np.int32]


@dataclass(frozen=True, kw_only=True)
class BadPhoto:
    """A photo by its ``index`` in the dataset, with its own PQ in percent, and its segments without a match.

    ``png`` has the predicted map, whose segments are ``infos``, COCO's ``segments_info``.
    """

    index: int
    image_id: int
    file_name: str
    pq: float
    unmatched_true: int
    unmatched_predictions: int
    png: Path
    infos: Sequence[Mapping[str, Any]]

    def figures(self) -> dict[str, Any]:
        """What the JSON tells of it."""
        kept = ("image_id", "file_name", "pq", "unmatched_true", "unmatched_predictions")
        return {name: getattr(self, name) for name in kept}


class WorstPhotos:
    """The :data:`KEPT` photos of the lowest PQ; of those with the same, the ones with more errors."""

    def __init__(self, dataset: CocoPanoptic) -> None:
        self._dataset = dataset
        self._kept: list[tuple[float, int, int, BadPhoto]] = []

    def add(self, index: int, counts: Floats, prediction: Mapping[str, Any]) -> None:
        """Look at one photo, with counts (K, 4). Those without an error in any segment are not kept."""
        pq = float(means(qualities(counts))[0])
        unfound, untrue = (int(counts[:, column].sum()) for column in (UNFOUND, UNTRUE))
        if np.isnan(pq) or pq >= 100:
            return
        entry = self._dataset.entries[index]
        photo = BadPhoto(
            index=index,
            image_id=entry.id,
            file_name=entry.name,
            pq=pq,
            unmatched_true=unfound,
            unmatched_predictions=untrue,
            png=Path(prediction["file_name"]),
            infos=prediction["segments_info"],
        )
        keep = heapq.heappush if len(self._kept) < KEPT else heapq.heappushpop
        keep(self._kept, (-pq, unfound + untrue, -index, photo))

    def found(self) -> list[BadPhoto]:
        """The worst first."""
        return [photo for *_, photo in sorted(self._kept, key=lambda kept: kept[:3], reverse=True)]


def draw_photo(dataset: CocoPanoptic, photo: BadPhoto) -> tuple[bytes, bytes]:
    """Small pictures of the truth and of the answer over the photo, JPEG files. A missing photo is grey.

    Raises:
        DatasetError: the truth or the prediction can no longer be read.
    """
    entry = dataset.entries[photo.index]
    truth = dataset.annotation(photo.index)
    true = [{"id": segment.id, "category_id": dataset.categories[segment.label_id].id} for segment in truth.segments]
    listed = Listed.read(photo.infos, dataset.labels)
    found_ids = read_ids(photo.png, entry.size, listed.ids.tolist(), str(photo.png))
    try:
        image = read_photo(dataset.image_path(entry), entry.size, dataset.exif)
    except (ImageError, DatasetError):
        image = np.full((1, 1, 3), 160, np.uint8)
    factor = min(1.0, SIDE / max(entry.size))
    size = tuple(max(1, round(side * factor)) for side in (entry.size.width, entry.size.height))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return _overlay(small, truth.segment_ids, true, dataset), _overlay(small, found_ids, photo.infos, dataset)


def _overlay(image: Pixels, ids: Ids, infos: Sequence[Mapping[str, Any]], dataset: CocoPanoptic) -> bytes:
    """The segments that can be seen at the picture's size, over it, as a JPEG file."""
    labels = {info["id"]: dataset.labels[info["category_id"]] for info in infos}
    scores = {info["id"]: info.get("score") for info in infos}
    smaller = cv2.resize(ids, (image.shape[1], image.shape[0]), interpolation=cv2.INTER_NEAREST)
    shown = annotate(smaller, labels)
    segments = [
        make_segment(info.id, info.label_id, dataset.categories, info.area, info.box, scores[info.id] or 0.0)
        for info in shown.segments
    ]
    return encode_jpeg(draw(image, smaller, segments, dataset.categories, scores=any(scores.values())), QUALITY)
