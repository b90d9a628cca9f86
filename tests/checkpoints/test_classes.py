import pytest

from modelscope_swinpan.categories import COCO_PANOPTIC
from modelscope_swinpan.checkpoints.classes import COCO_THINGS, Classes, from_meta, resolve
from modelscope_swinpan.errors import CheckpointError

COCO = tuple(category.name for category in COCO_PANOPTIC)
THINGS = tuple(category.name for category in COCO_THINGS)
CONFIGURED = "model = dict(panoptic_head=dict(num_things_classes={}, num_stuff_classes={}, loss=dict()))"


def certain(told, count):
    categories, task, remark = resolve(told, count, "file")
    assert remark is None
    return categories, task


@pytest.mark.parametrize(
    ("meta", "expected"),
    [
        ({}, Classes()),
        ({"CLASSES": ["person", " truck"]}, Classes(("person", "truck"))),
        ({"CLASSES": "person"}, Classes()),
        ({"CLASSES": [1, 2]}, Classes()),
        ({"dataset_meta": {"classes": ("a", "b"), "palette": [(1, 2, 3)]}}, Classes(("a", "b"))),
        ({"dataset_meta": {"CLASSES": ("a", "b")}}, Classes(("a", "b"))),
        ({"dataset_meta": {"classes": ["a", "b"], "thing_classes": ["b"]}}, Classes(("a", "b"), frozenset("b"))),
        ({"dataset_meta": "text", "CLASSES": ["a"]}, Classes(("a",))),
        ({"CLASSES": ["a", "b"], "config": CONFIGURED.format(1, 1)}, Classes(("a", "b"), frozenset("a"), "panoptic")),
        ({"CLASSES": ["a", "b"], "config": CONFIGURED.format(2, 0)}, Classes(("a", "b"), frozenset("ab"), "instance")),
        ({"CLASSES": ["a", "b"], "cfg": CONFIGURED.format(0, 2)}, Classes(("a", "b"), frozenset(), "semantic")),
        ({"CLASSES": ["a", "b"], "cfg": CONFIGURED.format(80, 53)}, Classes(("a", "b"))),
    ],
)
def test_from_meta(meta, expected):
    assert from_meta(meta) == expected


def test_coco_by_name():
    assert certain(Classes(COCO), 133) == (COCO_PANOPTIC, "panoptic")
    assert certain(Classes(THINGS), 80) == (COCO_THINGS, "instance")
    assert certain(Classes(("dog", "cat")), 2)[1] == "panoptic"
    assert certain(Classes(("dog", "cat"), task="instance"), 2)[1] == "instance"


def test_coco_by_number():
    remark = "file names no classes; taking the 133 of COCO panoptic."
    assert resolve(Classes(), 133, "file") == (COCO_PANOPTIC, "panoptic", remark)
    remark = "file names no classes; taking the 80 of COCO's things, for instance segmentation."
    assert resolve(Classes(), 80, "file") == (COCO_THINGS, "instance", remark)
    with pytest.raises(CheckpointError, match="class head of 150 classes, but no classes are named"):
        resolve(Classes(), 150, "file")


def test_things_that_are_told():
    categories, task = certain(Classes(("cell", "glass"), frozenset(["cell"])), 2)
    assert [(c.id, c.name, c.isthing) for c in categories] == [(1, "cell", True), (2, "glass", False)]
    assert task == "panoptic"


def test_things_that_are_not():
    categories, _, remark = resolve(Classes(("cell", "road")), 2, "file")
    assert "unknown ones are taken as things" in remark
    assert [(c.name, c.isthing) for c in categories] == [("cell", True), ("road", False)]


@pytest.mark.parametrize(("task", "isthing"), [("instance", True), ("semantic", False)])
def test_the_task_tells_things(task, isthing):
    categories, found = certain(Classes(("cell", "glass"), task=task), 2)
    assert found == task
    assert {category.isthing for category in categories} == {isthing}


@pytest.mark.parametrize(
    ("first", "count", "task"),
    [("wall", 150, "semantic"), ("Bird", 65, "semantic"), ("road", 19, "semantic"), ("person", 8, "instance")],
)
def test_other_data_sets(first, count, task):
    told = Classes((first, *(f"class {i}" for i in range(1, count))))
    found = resolve(told, count, "file")
    assert found.task == task
    assert f"taking it for {task} segmentation" in found.remark


def test_miscounted():
    with pytest.raises(CheckpointError, match="class head of 2 classes, but 133 classes are named"):
        resolve(Classes(COCO), 2, "file")
