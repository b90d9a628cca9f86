"""hotcoco through our functions, against cases worked by hand and against pycocotools."""

import contextlib
import io
import json
import sys

import numpy as np
import pytest
from hotcoco import mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from modelscope_swinpan.errors import ConfigError, DatasetError
from modelscope_swinpan.evaluation.metrics import (
    evaluate_instances,
    instance_errors,
    precision_figures,
)

CATS = [{"id": 7, "name": "cat", "isthing": 1}, {"id": 9, "name": "dog", "isthing": 1}]


def instances(rng, images, per_image):
    """Random truth with crowds, and detections of it, moved, of another class, doubled, empty, or with equal scores."""
    truth, found = [], []
    for image_id in range(1, images + 1):
        for _ in range(per_image):
            shape = np.zeros((120, 140), bool)
            y, x = rng.integers(0, 100, 2)
            shape[y : y + rng.integers(3, 110), x : x + rng.integers(3, 110)] = True
            encoded = mask.encode(shape)
            category = int(rng.choice([7, 9]))
            entry = {"id": len(truth) + 1, "image_id": image_id, "category_id": category, "segmentation": encoded}
            box, area = mask.to_bbox(encoded).tolist(), int(shape.sum())
            truth.append({**entry, "bbox": box, "area": area, "iscrowd": int(rng.random() < 0.2)})
            for _ in range(rng.integers(0, 3)):
                moved = np.roll(shape, tuple(rng.integers(-12, 13, 2)), (0, 1)) & (rng.random() > 0.1)
                category = int(rng.choice([7, 9])) if rng.random() < 0.1 else category
                result = {"image_id": image_id, "category_id": category, "score": round(float(rng.random()), 1)}
                found.append({**result, "segmentation": mask.encode(moved)})
    content = {"images": [{"id": id_, "height": 120, "width": 140} for id_ in range(1, images + 1)]}
    content |= {"annotations": truth, "categories": CATS}
    as_boxes = [{k: v for k, v in result.items() if k != "segmentation"} for result in found]
    for box, result in zip(as_boxes, found, strict=True):
        box["bbox"] = mask.to_bbox(result["segmentation"]).tolist()
    return content, {"segm": found, "bbox": as_boxes}


def in_json(content):
    return json.loads(json.dumps(content, default=bytes.decode))


@pytest.mark.parametrize("kind", ["bbox", "segm"])
@pytest.mark.parametrize("image_ids", [None, (2, 3, 11)])
def test_average_precision_is_that_of_pycocotools(tmp_path, kind, image_ids):
    truth, found = instances(np.random.default_rng(3), images=12, per_image=6)
    with contextlib.redirect_stdout(io.StringIO()):
        theirs = COCO()
        theirs.dataset = in_json(truth)
        theirs.createIndex()
        evaluation = COCOeval(theirs, theirs.loadRes(in_json(found[kind])), kind)
        evaluation.params.imgIds = list(image_ids or evaluation.params.imgIds)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    (tmp_path / "truth.json").write_text(json.dumps(in_json(truth)))
    (tmp_path / "found.json").write_text(json.dumps(in_json(found[kind])))
    for ours in (
        precision_figures(evaluate_instances(truth, found[kind], kind, image_ids)),
        precision_figures(evaluate_instances(tmp_path / "truth.json", tmp_path / "found.json", kind, image_ids)),
    ):
        *figures, per_class = vars(ours).values()
        assert [-1 if figure is None else figure / 100 for figure in figures] == pytest.approx(evaluation.stats)
        assert 0 < ours.ap < 100
        precision = evaluation.eval["precision"][:, :, :, 0, 2]
        assert per_class == {
            7: pytest.approx(100 * precision[..., 0].mean()),
            9: pytest.approx(100 * precision[..., 1].mean()),
        }


def test_what_average_precision_loses():
    """The cat is found; the dog is missed, and a cat is found where nothing is."""
    truth = {"images": [{"id": 1, "height": 100, "width": 100}], "categories": CATS, "annotations": []}
    for id_, (category, box) in enumerate(((7, [0, 0, 20, 20]), (9, [50, 50, 20, 20])), start=1):
        entry = {"id": id_, "image_id": 1, "category_id": category, "bbox": box, "area": 400, "iscrowd": 0}
        truth["annotations"].append(entry)
    found = [{"image_id": 1, "category_id": 7, "bbox": [0, 0, 20, 20], "score": 0.5}]
    found.append({"image_id": 1, "category_id": 7, "bbox": [0, 70, 20, 20], "score": 0.9})
    errors = instance_errors(evaluate_instances(truth, found, "bbox"))
    assert errors["ap50"] == pytest.approx(25)  # the cats' is 50, the dogs' 0
    assert {kind: row["errors"] for kind, row in errors["kinds"].items() if row["errors"]} == {"Bkg": 1, "Miss": 1}
    assert errors["kinds"]["Bkg"]["gain"] == pytest.approx(25)


def test_no_results(tmp_path):
    truth, _ = instances(np.random.default_rng(0), images=2, per_image=2)
    assert precision_figures(evaluate_instances(truth, [], "segm")).ap == 0


def test_instance_files_that_do_not_fit(tmp_path):
    truth, found = instances(np.random.default_rng(0), images=2, per_image=3)
    with pytest.raises(DatasetError, match=r"^The instance truth lacks 2 of the images, for example image 77"):
        evaluate_instances(truth, found["bbox"], "bbox", (1, 78, 77))
    (tmp_path / "torn.json").write_text("[{")
    with pytest.raises(DatasetError, match="Instances cannot be scored"):
        evaluate_instances(truth, tmp_path / "torn.json", "bbox")


def test_without_hotcoco(monkeypatch):
    monkeypatch.setitem(sys.modules, "hotcoco", None)
    with pytest.raises(ConfigError, match=r"pip install 'modelscope_swinpan\[eval\]'"):
        evaluate_instances({}, [], "bbox")
