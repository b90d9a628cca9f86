"""One file for each format that annotations are read from. A new one is such a file, and its name below."""

from . import coco_instances, coco_panoptic, cvat, label_studio, labelme, roboflow, semantic, supervisely, voc, yolo
from .registry import FORMATS, DatasetFormat, Given, find_format

for module in (
    coco_instances, coco_panoptic, semantic, labelme, label_studio, cvat, yolo, voc, supervisely, roboflow
):  # fmt: skip
    FORMATS.register(module.FORMAT)

__all__ = ["FORMATS", "DatasetFormat", "Given", "find_format"]
