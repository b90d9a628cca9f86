"""What an evaluation keeps of each image besides the panoptic map: the instances that average precision looks at."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from ..categories import Category
from ..coco.encoding import encode_mask, segment_entry
from ..coco.writer import json_list
from ..errors import ConfigError
from ..inference.predictor import Pixels, Result
from ..runs.inputs import Item
from ..runs.sinks import Encoded, Entries, Sink

BOXES, MASKS = "boxes.json", "masks.json"


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
