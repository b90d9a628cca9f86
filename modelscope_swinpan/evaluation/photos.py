"""The counts of each photo, a line of JSON each: what two evaluations of the same photos are compared by.

A line has the photo's id and name, a digest of its truth, and for each class that occurs, by category id, its counts in
the order of :mod:`.counts`.
"""

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from ..categories import Category
from ..coco.json import ImageEntry
from .matching import Floats, Matching

PER_PHOTO = "per_photo.jsonl"
"""The file of an evaluation that has these lines."""


@dataclass(frozen=True, kw_only=True)
class Photos:
    """The counts of N photos.

    ``ids`` and ``names`` are the dataset's, ``truths`` digests of their truth. ``counts`` (N, 4 · K) has the counts of
    K classes in label order, four for each (:mod:`.counts`); most are 0.
    """

    ids: Sequence[int]
    names: Sequence[str]
    truths: Sequence[str]
    counts: csr_array

    @classmethod
    def read(cls, lines: Sequence[str | bytes], labels: Mapping[int, int]) -> "Photos":
        """Read lines of :func:`photo_line`; ``labels`` has the label of every category id.

        Raises:
            AttributeError, KeyError, TypeError, ValueError, OverflowError: they are no such lines, or of another
                dataset.
        """
        ids, names, truths = [], [], []
        values: list[float] = []
        columns: list[int] = []
        starts = [0]
        for line in lines:
            photo = json.loads(line)
            ids.append(int(photo["image_id"]))
            names.append(str(photo["file_name"]))
            truths.append(str(photo["truth"]))
            for category_id, found in photo["classes"].items():
                given = [float(count) for count in found]
                if len(given) != 4 or not (np.isfinite(given).all() and min(given) >= 0):
                    raise ValueError(f"counts of image {ids[-1]} are no counts: {found!r:.80}")
                values += given
                columns += [4 * labels[int(category_id)] + index for index in range(4)]
            starts.append(len(values))
        counts = csr_array((values, columns, starts), shape=(len(ids), 4 * len(labels)), dtype=np.float64)
        return cls(ids=ids, names=names, truths=truths, counts=counts)


def photo_line(entry: ImageEntry, counts: Floats, matching: Matching, categories: Sequence[Category]) -> str:
    """The line of one photo with ``counts`` (K, 4)."""
    classes = {
        categories[label].id: [_short(count) for count in counts[label].tolist()]
        for label in np.nonzero(counts.any(1))[0].tolist()
    }
    digest = _truth_digest(matching, categories)
    return json.dumps({"image_id": entry.id, "file_name": entry.name, "truth": digest, "classes": classes})


def _truth_digest(matching: Matching, categories: Sequence[Category]) -> str:
    """A checksum of a photo's truth: of the map, and of each segment's class."""
    truth = matching.truth
    named = [
        (categories[label].id, categories[label].name, crowd)
        for label, crowd in zip(truth.labels.tolist(), truth.crowd.tolist(), strict=True)
    ]
    pixels = matching.true_map.astype(np.uint8 if len(named) < 256 else np.uint32)
    return f"{zlib.crc32(pixels.tobytes(), zlib.crc32(json.dumps([named, pixels.shape]).encode())):08x}"


def _short(value: float) -> float | int:
    """A count as an integer; a sum of overlaps with the digits that matter."""
    return int(value) if value.is_integer() else round(value, 9)
