"""YOLO's labels, read by their documented form and by supervision."""

import numpy as np
import yaml
from PIL import Image

from modelscope_swinpan.categories import COCO_PANOPTIC
from tests.runs.annotated import filled, iou, item, write

NAMES = [category.name for category in COCO_PANOPTIC]


def test_a_line_per_segment(tmp_path):
    found = write(tmp_path, "yolo", item(0), item(1, "b.png"))
    assert (tmp_path / "classes.txt").read_text().splitlines() == NAMES
    assert yaml.safe_load((tmp_path / "data.yaml").read_text())["names"] == dict(enumerate(NAMES))
    text = (tmp_path / "labels" / "some" / "cat.txt").read_text()
    assert text == (tmp_path / "labels" / "b.txt").read_text()
    for segment, line in zip(found.segments, text.splitlines(), strict=True):
        label, *corners = line.split()
        assert int(label) == segment.label_id
        polygon = np.array(corners, float).reshape(-1, 2)
        assert (polygon.min(), polygon.max()) >= (0, 0)
        assert polygon.max() <= 1
        assert iou(filled(found.shape, polygon * (128, 96)), found.mask(segment)) > 0.95


def test_supervision_reads_them(tmp_path):
    import supervision as sv

    found = write(tmp_path, "yolo", item(0, "cat.png"))
    (tmp_path / "images").mkdir()
    Image.new("RGB", (128, 96)).save(tmp_path / "images" / "cat.png")
    places = (tmp_path / "images", tmp_path / "labels", tmp_path / "data.yaml")
    dataset = sv.DetectionDataset.from_yolo(*map(str, places), force_masks=True)
    assert dataset.classes == NAMES
    ((_, _, detections),) = list(dataset)
    assert detections.class_id.tolist() == [segment.label_id for segment in found.segments]
    for segment, mask in zip(found.segments, detections.mask, strict=True):
        if segment.area > 1:
            assert iou(mask, found.mask(segment)) > 0.9  # it rounds corners, and fills their pixels as well
