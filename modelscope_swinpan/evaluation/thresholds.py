"""The PQ with other thresholds, from what a run kept of each photo's queries (:class:`~.sinks.ContestsSink`).

Every point of the grid is what a run with these thresholds would give: the rule is the fusion's.
"""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..coco.id_maps import read_ids
from ..coco.layout import path_inside
from ..coco.reader import CocoPanoptic
from ..config import PostprocessConfig
from ..errors import DatasetError
from ..files import open_file
from ..inference.fusion import survives
from ..structures import Size
from .counts import count, mean_pq, totals
from .matching import Floats, Ints, Listed, Matching, overlaps
from .sinks import REGIONS

STEPS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
"""The values of both thresholds in the grid, besides the present ones."""
MOST = 100
"""More values of a threshold are not read."""
WHY_NOT = (
    "Not computed: a panoptic map does not tell what other thresholds would have left. swinpan eval --thresholds keeps "
    "what does while the model runs."
)


def with_present(threshold: float) -> tuple[float, ...]:
    """The values of a threshold in the grid."""
    return tuple(sorted({*STEPS, threshold}))


class Query(NamedTuple):
    """A query that takes part in a contest: its number, its class, and the pixels that it won and that it covers."""

    number: int
    category_id: int
    isthing: int
    won_area: int
    mask_area: int


class Thresholds:
    """The grid of the first photos of a dataset: M values of ``object_mask_threshold``, N of ``overlap_threshold``."""

    def __init__(self, path: Path, dataset: CocoPanoptic, number: int) -> None:
        """Read the lines that a run left at ``path``; the PNGs are read photo by photo.

        Raises:
            DatasetError: it is damaged, of other photos, or of photos with several thresholds.
        """
        self._path, self._dataset = path, dataset
        try:
            with open_file(path) as file:
                lines = {int(line["image_id"]): line for line in map(json.loads, file)}
            self._lines: list[Mapping[str, Any]] = [lines[entry.id] for entry in dataset.entries[:number]]
            grids = {
                (
                    float(line["object_mask_threshold"]),
                    float(line["overlap_threshold"]),
                    tuple(map(float, line["object_mask_thresholds"])),
                )
                for line in self._lines
            }
            ((object_mask, overlap, self.object_mask_thresholds),) = grids
            self._present = self.object_mask_thresholds.index(object_mask)
            self.present = PostprocessConfig(object_mask_threshold=object_mask, overlap_threshold=overlap)
            if len(self.object_mask_thresholds) > MOST:
                raise ValueError(f"{len(self.object_mask_thresholds)} thresholds")
        except _DAMAGED as error:
            raise self._damaged(error) from None
        self.overlap_thresholds = with_present(overlap)
        shape = (len(self.object_mask_thresholds), len(self.overlap_thresholds), len(dataset.categories), 4)
        self._counts = np.zeros(shape)

    def counts(self, index: int, matching: Matching) -> Floats:
        """The counts (M, N, K, 4) of a photo whose matching is known. Any thread may call it.

        Raises:
            DatasetError: the photo's line or PNG is damaged.
        """
        line = self._lines[index]
        try:
            contests = [[Query(*map(int, query)) for query in contest] for contest in line["contests"]]
            winners = np.array(line["winners"], np.int64).reshape(-1, len(contests))
            shared = self._shared(line, matching, len(winners))
            found = [
                self._of_contest(contest, winners[:, number], shared, matching)
                for number, contest in enumerate(contests)
            ]
            counts = np.stack([found[number] for number in line["contest"]])
        except _DAMAGED as error:
            raise self._damaged(error) from None
        if counts.shape != self._counts.shape:
            raise self._damaged(ValueError(f"line {index + 1} has {len(counts)} thresholds"))
        return counts

    def add(self, counts: Floats) -> None:
        """Add a photo's :meth:`counts`."""
        self._counts += counts

    def figures(self) -> dict[str, Any]:
        """The grid as JSON: PQ in percent, and the numbers of segments, by ``object_mask_threshold``, then the other.

        ``best`` is the point of the highest PQ; of several the one nearest to ``present``. ``steps`` are the points
        that differ from the present one by one value of one threshold.
        """
        pq = [[mean_pq(counts) for counts in row] for row in self._counts]
        present = (self._present, self.overlap_thresholds.index(self.present.overlap_threshold))

        def point(row: int, column: int) -> dict[str, Any]:
            return {
                "object_mask_threshold": self.object_mask_thresholds[row],
                "overlap_threshold": self.overlap_thresholds[column],
                "pq": pq[row][column],
                **totals(self._counts[row, column]),
            }

        points = [(row, column) for row in range(len(pq)) for column in range(len(pq[0]))]
        distance = {there: abs(there[0] - present[0]) + abs(there[1] - present[1]) for there in points}
        best = max(points, key=lambda there: (pq[there[0]][there[1]] or 0, -distance[there]))
        return {
            "computed": True,
            "object_mask_thresholds": list(self.object_mask_thresholds),
            "overlap_thresholds": list(self.overlap_thresholds),
            "pq": pq,
            "present": point(*present),
            "best": point(*best),
            "steps": [point(*there) for there in points if distance[there] == 1],
        }

    def _shared(self, line: Mapping[str, Any], matching: Matching, number: int) -> Ints:
        """The pixels (T+1, R) that each true segment, void first, shares with each of ``number`` regions."""
        path = path_inside(self._path.with_name(REGIONS), line["file_name"], str(self._path))
        size = Size(*matching.true_map.shape)
        if number > 1 + size.height * size.width:
            raise ValueError(f"{number} regions")
        regions = read_ids(path, size, range(number), str(self._path))
        if int(regions.max(initial=0)) >= number:
            raise ValueError(f"{path} has regions that are not listed")
        return overlaps(matching.true_map, len(matching.truth.ids) + 1, regions, number)

    def _of_contest(self, contest: Sequence[Query], winners: Ints, shared: Ints, matching: Matching) -> Floats:
        """The counts (N, K, 4) of a contest, whose ``winners`` (R) have the regions."""
        of_map = cache(lambda staying: self._of_map(staying, winners, shared, matching))
        maps = (
            tuple(query for query in contest if survives(query.won_area, query.mask_area, threshold))
            for threshold in self.overlap_thresholds
        )
        return np.stack([of_map(staying) for staying in maps])

    def _of_map(self, queries: Sequence[Query], winners: Ints, shared: Ints, matching: Matching) -> Floats:
        """The counts (K, 4) of the map that some queries leave: each thing is a segment, and each class of stuff."""
        labels = self._dataset.labels
        numbers: dict[tuple[int, int], int] = {}  # of the segments, from 1
        of_query = {
            one.number: numbers.setdefault((one.category_id, one.number if one.isthing else -1), len(numbers) + 1)
            for one in queries
            if one.category_id in labels  # others are void
        }
        of_region = [of_query.get(winner, 0) for winner in winners.tolist()]
        pixels = np.zeros((len(numbers) + 1, len(shared)), np.int64)
        np.add.at(pixels, of_region, shared.T)
        seen = pixels[1:].any(1)
        found = Listed(np.flatnonzero(seen) + 1, np.array([labels[id_] for id_, _ in numbers], np.int64)[seen])
        kept = pixels[np.append(True, seen)].T
        return count(Matching(kept, matching.true_map, matching.truth, found), len(labels))

    def _damaged(self, error: Exception) -> DatasetError:
        return DatasetError(
            f"{self._path} is damaged, or of other photos than {self._dataset.layout.json_path} has "
            f"({type(error).__name__}: {str(error)[:80]}). Remove it, or evaluate into another folder."
        )


_DAMAGED = (OSError, AttributeError, LookupError, TypeError, ValueError, OverflowError, RecursionError)
