"""What an evaluation keeps of each image besides the panoptic map.

These are the instances that average precision looks at and, if asked for, which queries have the pixels with other
thresholds.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from ..categories import Category
from ..coco.encoding import colors_from_ids, encode_mask, segment_entry
from ..coco.writer import json_list
from ..errors import ConfigError
from ..files import atomic
from ..images.encode import encode_png
from ..inference.contests import Contender, regions
from ..inference.predictor import Pixels, Result
from ..runs.inputs import Item
from ..runs.sinks import Encoded, Entries, Sink, compact

BOXES, MASKS = "boxes.json", "masks.json"
THRESHOLDS, REGIONS = "thresholds.jsonl", "thresholds"


class InstancesSink(Sink):
    """``boxes.json`` and ``masks.json``: the instances of panoptic results, in COCO's result format.

    Two files, since pycocotools takes an instance's size from its box where it has one. Categories get the ids that
    ``ids`` gives for theirs. Instances of categories that it lacks are left out.
    """

    name = "instances"
    files = (BOXES, MASKS)

    def __init__(self, ids: Mapping[int, int]) -> None:
        self._ids = ids

    def encode(self, item: Item, result: Result, pixels: Pixels) -> Encoded:
        """The image's instances."""
        instances = getattr(result, "instances", None)
        if instances is None:
            raise ConfigError("Evaluation needs a predictor whose panoptic results carry instances.")
        return Encoded(
            [
                {
                    "image_id": item.image_id,
                    **segment_entry(segment),
                    "category_id": self._ids[segment.category_id],
                    "segmentation": encode_mask(instances.mask(segment)),
                }
                for segment in instances.segments
                if segment.category_id in self._ids
            ]
        )

    def finish(self, folder: Path, entries: Entries, categories: Sequence[Category]) -> None:
        """Write both files."""
        with ExitStack() as stack:
            add_box, add_mask = (stack.enter_context(json_list(folder / name)) for name in self.files)
            for entry in entries():
                for instance in entry:
                    box, mask = instance.pop("bbox"), instance.pop("segmentation")
                    add_box({**instance, "bbox": box})
                    add_mask({**instance, "segmentation": mask})


class ContestsSink(Sink):
    """``thresholds.jsonl``, a line per image with its contests, and their regions as PNGs in ``thresholds``.

    A region is where each contest has one winner; a pixel has its number, as COCO's PNGs have ids. ``winners`` of a
    line has a list for each region, with the winning query of each contest, or -1. Categories get the ids that ``ids``
    gives for theirs, and those that it lacks -1.
    """

    name = "thresholds"
    files = (THRESHOLDS, REGIONS)

    def __init__(self, ids: Mapping[int, int]) -> None:
        self._ids = ids

    def encode(self, item: Item, result: Result, pixels: Pixels) -> Encoded:
        """The image's line and its PNG."""
        contests = getattr(result, "contests", None)
        if contests is None:
            raise ConfigError("Other thresholds need a predictor whose panoptic results carry contests.")

        def listed(one: Contender) -> list[int]:
            category_id = self._ids.get(one.category.id, -1)
            return [one.query, category_id, int(one.category.isthing), one.won_area, one.mask_area]

        distinct = contests.distinct()
        found, winners = regions(distinct)
        line = {
            "image_id": item.image_id,
            "file_name": f"{item.stem}.png",
            "object_mask_threshold": contests.config.object_mask_threshold,
            "overlap_threshold": contests.config.overlap_threshold,
            "object_mask_thresholds": list(contests.by_threshold),
            "contest": [distinct.index(contest) for contest in contests.by_threshold.values()],
            "contests": [[listed(one) for one in contest.queries] for contest in distinct],
            "winners": winners.tolist(),
        }
        return Encoded(line, {f"{REGIONS}/{item.stem}.png": encode_png(colors_from_ids(found))})

    def finish(self, folder: Path, entries: Entries, categories: Sequence[Category]) -> None:
        """Write ``thresholds.jsonl``."""
        with atomic(folder / THRESHOLDS) as partial, partial.open("wb") as file:
            for line in entries():
                file.write(compact(line) + b"\n")
