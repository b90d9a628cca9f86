"""One file for each format that annotations are read from. A new one is such a file, and its line below."""

from . import coco_instances, coco_panoptic, cvat, label_studio, labelme, roboflow, semantic, supervisely, voc, yolo
from .registry import FORMATS, DatasetFormat, Given, find_format

for form in (
    coco_instances.FORMAT,
    coco_panoptic.FORMAT,
    semantic.FORMAT,
    labelme.FORMAT,
    label_studio.FORMAT,
    cvat.FORMAT,
    yolo.FORMAT,
    voc.FORMAT,
    supervisely.FORMAT,
    roboflow.FORMAT,
):
    FORMATS.register(form)

__all__ = ["FORMATS", "DatasetFormat", "Given", "find_format"]
