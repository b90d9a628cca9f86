"""hotcoco through our functions, against cases worked by hand and against pycocotools."""

import contextlib
import io
import json
import sys

import numpy as np
import pytest
from hotcoco import mask
from PIL import Image
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from modelscope_swinpan.coco.encoding import colors_from_ids
from modelscope_swinpan.errors import ConfigError, DatasetError
from modelscope_swinpan.evaluation.metrics import (
    Quality,
    evaluate_instances,
    instance_errors,
    panoptic_quality,
    precision_figures,
)

CATS = [{"id": 1, "name": "sky", "isthing": 0}, {"id": 7, "name": "cat", "isthing": 1}]
CATS += [{"id": 9, "name": "dog", "isthing": 1}]


def side(folder, ids, categories, crowds=()):
    """One image's map as a PNG in ``folder``, and its JSON."""
    folder.mkdir(exist_ok=True)
    Image.fromarray(colors_from_ids(ids)).save(folder / "1.png")
    infos = [
        {"id": id_, "category_id": category, "iscrowd": int(id_ in crowds), "area": int((ids == id_).sum())}
        for id_, category in categories.items()
    ]
    return {
        "images": [{"id": 1, "file_name": "1.jpg", "height": ids.shape[0], "width": ids.shape[1]}],
        "annotations": [{"image_id": 1, "file_name": "1.png", "segments_info": infos}],
        "categories": CATS,
    }


def quality(tmp_path, truth, predicted):
    return panoptic_quality(
        side(tmp_path / "truth", *truth), tmp_path / "truth", side(tmp_path / "found", *predicted), tmp_path / "found"
    )


def canvas(**rows):
    """10 × 10 pixels; ``_3=(0, 5)`` gives rows 0 to 5 the id 3, ``_3=(0, 5, 2, 4)`` only their columns 2 to 4."""
    ids = np.zeros((10, 10), np.int32)
    for name, (top, bottom, *columns) in rows.items():
        ids[top:bottom, slice(*columns) if columns else slice(None)] = int(name[1:])
    return ids


def test_a_match_and_its_overlap(tmp_path):
    """50 true pixels within 60 predicted ones, none void: 50 / 60. The cat: 10 of 15."""
    truth = canvas(_1=(0, 5), _2=(5, 8, 0, 5), _3=(5, 10, 5, 10), _4=(8, 10, 0, 5))
    found = canvas(_1=(0, 6), _2=(6, 8, 0, 5))
    answer = quality(tmp_path, (truth, {1: 1, 2: 7, 3: 9, 4: 9}), (found, {1: 1, 2: 7}))
    assert answer.per_class[1] == Quality(pq=pytest.approx(100 * 5 / 6), sq=pytest.approx(100 * 5 / 6), rq=100)
    assert answer.per_class[7].pq == pytest.approx(100 * 2 / 3)
    assert answer.per_class[9] == Quality(pq=0, sq=0, rq=0)  # two misses
    assert answer.stuff == Quality(pq=pytest.approx(100 * 5 / 6), sq=pytest.approx(100 * 5 / 6), rq=100, classes=1)
    assert answer.things.pq == pytest.approx(100 / 3)
    assert answer.things.classes == 2
    assert answer.all.pq == pytest.approx((100 * 5 / 6 + 100 * 2 / 3) / 3)


def test_half_an_overlap_is_no_match(tmp_path):
    truth, found = canvas(_1=(0, 6), _2=(6, 10)), canvas(_1=(0, 3), _2=(6, 10))
    answer = quality(tmp_path, (truth, {1: 1, 2: 7}), (found, {1: 1, 2: 7}))
    assert answer.per_class[1].pq == 0
    assert answer.per_class[7].pq == 100


def test_another_class_is_no_match(tmp_path):
    """A miss of the one and an error of the other: each gets 0, and both count in the mean."""
    truth = canvas(_1=(0, 10))
    answer = quality(tmp_path, (truth, {1: 7}), (truth, {1: 9}))
    assert answer.per_class.keys() == {7, 9}
    assert answer.all == Quality(pq=0, sq=0, rq=0, classes=2)


def test_void_is_not_part_of_a_union(tmp_path):
    """Of 60 predicted pixels 10 lie in void: 50 / 50."""
    answer = quality(tmp_path, (canvas(_1=(0, 5)), {1: 7}), (canvas(_1=(0, 6)), {1: 7}))
    assert answer.per_class[7].pq == 100


@pytest.mark.parametrize(("rows", "errors"), [(4, 1), (6, 0)])
def test_what_lies_mostly_in_void_is_no_error(tmp_path, rows, errors):
    """``rows`` of ten lie in void. With one match: RQ = 1 / (1 + errors / 2)."""
    truth = canvas(_1=(0, 3, 0, 5), _2=(0, 10 - rows, 5, 10))
    found = canvas(_1=(0, 3, 0, 5), _2=(0, 10, 5, 10))
    answer = quality(tmp_path, (truth, {1: 7, 2: 1}), (found, {1: 7, 2: 7}))
    assert answer.per_class[7].rq == pytest.approx(100 / (1 + errors / 2))


@pytest.mark.parametrize(("category", "errors"), [(7, 0), (9, 1)])
def test_a_crowd_excuses_its_own_class_alone(tmp_path, category, errors):
    truth = canvas(_1=(0, 3), _2=(3, 6), _3=(6, 10))
    predicted = canvas(_1=(0, 3), _2=(3, 6), _3=(6, 10, 0, 4))
    answer = quality(tmp_path, (truth, {1: 7, 2: 9, 3: 7}, (3,)), (predicted, {1: 7, 2: 9, 3: category}))
    assert answer.per_class[category].rq == pytest.approx(100 / (1 + errors / 2))
    assert answer.per_class[7].rq == 100  # nobody has to find a crowd


def test_nothing(tmp_path):
    empty = (canvas(), {})
    answer = quality(tmp_path, empty, empty)
    assert (answer.all, answer.things, answer.stuff, answer.per_class) == (None, None, None, {})


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ((canvas(_1=(0, 5)), {1: 55}), "unknown category_id 55"),
        ((canvas(_1=(0, 5), _2=(5, 6)), {1: 7}), "segment 2 is in the PNG"),
        ((np.ones((5, 5), np.int32), {1: 7}), "5"),
    ],
)
def test_predictions_that_do_not_fit(tmp_path, found, message):
    with pytest.raises(DatasetError, match=message):
        quality(tmp_path, (canvas(_1=(0, 5)), {1: 7}), found)


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
    content |= {"annotations": truth, "categories": CATS[1:]}
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
    truth = {"images": [{"id": 1, "height": 100, "width": 100}], "categories": CATS[1:], "annotations": []}
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
    with pytest.raises(DatasetError, match=r"^The instance truth lacks 2 of the images, image 77 for one"):
        evaluate_instances(truth, found["bbox"], "bbox", (1, 78, 77))
    (tmp_path / "torn.json").write_text("[{")
    with pytest.raises(DatasetError, match="Instances cannot be scored"):
        evaluate_instances(truth, tmp_path / "torn.json", "bbox")


def test_without_hotcoco(monkeypatch):
    monkeypatch.setitem(sys.modules, "hotcoco", None)
    with pytest.raises(ConfigError, match=r"pip install 'modelscope_swinpan\[eval\]'"):
        evaluate_instances({}, [], "bbox")
