"""CVAT's XML, read by its documented form and by hotcoco."""

from itertools import groupby
from xml.etree import ElementTree

import numpy as np
import pytest

from modelscope_swinpan.categories import COCO_PANOPTIC, Category
from modelscope_swinpan.runs.cvat import CvatSink
from tests.runs.annotated import filled, iou, item, write


def masks(image):
    """Label and mask of each <mask>: runs along the rows of its box, the first without."""
    size = int(image.get("height")), int(image.get("width"))
    for element in image.iter("mask"):
        left, top, width, height = (int(element.get(name)) for name in ("left", "top", "width", "height"))
        runs = [int(run) for run in element.get("rle").split(",")]
        pixels = np.arange(len(runs)).repeat(runs) % 2
        mask = np.zeros(size, bool)
        mask[top : top + height, left : left + width] = pixels.reshape(height, width)
        yield element.get("label"), mask


def test_masks(tmp_path):
    found = write(tmp_path, "cvat", item(0), item(1, "b\x01 <&>.png"))
    root = ElementTree.parse(tmp_path / "annotations.xml").getroot()
    assert (root.tag, root.findtext("version"), root.findtext("meta/task/size")) == ("annotations", "1.1", "2")
    labels = [(label.findtext("name"), label.findtext("color")) for label in root.iter("label")]
    assert labels == [(category.name, f"#{bytes(category.color).hex()}") for category in COCO_PANOPTIC]
    images = list(root.iter("image"))
    assert [(image.get("id"), image.get("name")) for image in images] == [
        ("0", "some/cat.jpg"),
        ("1", "b\\u0001 <&>.png"),
    ]
    for image in images:
        for (label, mask), segment in zip(masks(image), found.segments, strict=True):
            assert label == segment.label
            assert np.array_equal(mask, found.mask(segment))


def test_polygons(tmp_path):
    found = write(tmp_path, "cvat-polygons")
    elements = list(ElementTree.parse(tmp_path / "annotations.xml").getroot().iter("polygon"))
    parts = [list(group) for _, group in groupby(elements, key=lambda one: (one.get("label"), one.get("group_id")))]
    for group, segment in zip(parts, found.segments, strict=True):
        assert {one.get("label") for one in group} == {segment.label}
        assert (group[0].get("group_id") is not None) == (segment.label == "cat")
        polygons = [[point.split(",") for point in one.get("points").split(";")] for one in group]
        assert iou(filled(found.shape, *polygons), found.mask(segment)) > 0.95


def test_hotcoco_reads_polygons(tmp_path):
    hotcoco = pytest.importorskip("hotcoco")
    found = write(tmp_path, "cvat-polygons")
    content = hotcoco.COCO.from_cvat(str(tmp_path / "annotations.xml"))
    names = {category["id"]: category["name"] for category in content.load_cats(content.get_cat_ids())}
    assert sorted(names.values()) == sorted(category.name for category in COCO_PANOPTIC)
    united = {}
    for annotation in content.load_anns(content.get_ann_ids()):
        label = names[annotation["category_id"]]
        united[label] = united.get(label, 0) | content.ann_to_mask(annotation)
    assert set(united) == {segment.label for segment in found.segments}
    for segment in found.segments:
        if segment.area > 1:
            assert iou(united[segment.label], found.mask(segment)) > 0.95


def test_classes_of_one_name(tmp_path):
    """Their ids tell them apart."""
    CvatSink().finish(
        tmp_path, lambda: iter(()), [Category(id_, "weld\n\x01seam 🙂\ud800", True, (id_, 2, 3)) for id_ in (4, 7)]
    )
    labels = ElementTree.parse(tmp_path / "annotations.xml").getroot().iter("label")
    assert [label.findtext("name") for label in labels] == ["weld _seam 🙂_ (4)", "weld _seam 🙂_ (7)"]
