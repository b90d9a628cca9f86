"""COCO's instance annotations, read by pycocotools and hotcoco."""

import json

import numpy as np
import pytest
from pycocotools.coco import COCO

from modelscope_swinpan.categories import COCO_PANOPTIC
from tests.runs.annotated import iou, item, write


@pytest.mark.parametrize("form", ["coco-instances", "coco-instances-polygons"])
def test_pycocotools_reads_it(tmp_path, form):
    found = write(tmp_path, form, item(0), item(41, "b.png"))
    content = COCO(str(tmp_path / "annotations.json"))
    assert content.loadImgs([42]) == [{"id": 42, "file_name": "b.png", "height": 96, "width": 128}]
    assert [category["name"] for category in content.loadCats(content.getCatIds())] == [c.name for c in COCO_PANOPTIC]
    assert sorted(content.getAnnIds()) == [1, 2, 3, 4, 5, 6]
    for image in (1, 42):
        annotations = content.loadAnns(content.getAnnIds([image]))
        for segment, annotation in zip(found.segments, annotations, strict=True):
            assert (annotation["category_id"], annotation["score"]) == (segment.category_id, segment.score)
            assert (annotation["area"], annotation["iscrowd"]) == (segment.area, 0)
            x1, y1, x2, y2 = segment.box
            assert annotation["bbox"] == [x1, y1, x2 - x1, y2 - y1]
            mask = content.annToMask(annotation)
            if form == "coco-instances":
                assert np.array_equal(mask, found.mask(segment))
            elif segment.area > 1:
                assert iou(mask, found.mask(segment)) > 0.95
            else:
                assert mask.sum() == 1


def test_hotcoco_finds_nothing_wrong(tmp_path):
    hotcoco = pytest.importorskip("hotcoco")
    found = write(tmp_path, "coco-instances")
    content = hotcoco.COCO(str(tmp_path / "annotations.json"))
    health = content.healthcheck()
    assert health["errors"] == [], health
    for segment, annotation in zip(found.segments, content.load_anns([1, 2, 3]), strict=True):
        assert np.array_equal(content.ann_to_mask(annotation), found.mask(segment))


def test_parts_are_polygons(tmp_path):
    write(tmp_path, "coco-instances-polygons")
    annotations = json.loads((tmp_path / "annotations.json").read_text())["annotations"]
    assert sorted(len(one["segmentation"]) for one in annotations) == [1, 1, 2]
