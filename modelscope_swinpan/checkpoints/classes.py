"""A checkpoint's classes, which of them are things, and the task that it was trained for.

Files say little. Those of mmdetection and EasyCV name the classes and keep the training configuration, those of
transformers name the classes, those of detectron2 say nothing. The rest follows from the published data sets.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from ..categories import COCO_PANOPTIC, Category
from ..config import Task
from ..errors import CheckpointError

COCO_THINGS = tuple(category for category in COCO_PANOPTIC if category.isthing)


@dataclass(frozen=True)
class Classes:
    """What a file says: class ``names`` by label, which of them are ``things``, the ``task``. None: it does not say."""

    names: tuple[str, ...] | None = None
    things: frozenset[str] | None = None
    task: Task | None = None


class Resolved(NamedTuple):
    """Categories in label order, the task, and a remark if something had to be guessed."""

    categories: tuple[Category, ...]
    task: Task
    remark: str | None = None


# By number of classes and first name: the data set, and the task of most models that were trained on it.
DATASETS: Mapping[tuple[int, str], tuple[str, Task]] = {
    (100, "bed"): ("ADE20K's instances", "instance"),
    (150, "wall"): ("ADE20K", "semantic"),
    (847, "wall"): ("ADE20K-Full", "semantic"),
    (171, "person"): ("COCO-Stuff", "semantic"),
    (8, "person"): ("Cityscapes' instances", "instance"),
    (19, "road"): ("Cityscapes", "semantic"),
    (65, "bird"): ("Mapillary Vistas", "semantic"),
}


def from_meta(meta: Mapping[str, Any]) -> Classes:
    """Read the ``meta`` of mmdetection and EasyCV.

    2.x has ``CLASSES``, 3.x ``dataset_meta`` with ``classes`` and, for panoptic data, ``thing_classes``. Both keep the
    training configuration as text, which gives the numbers of thing and stuff classes; things come first.
    """
    dataset = meta.get("dataset_meta")
    dataset = {str(key).lower(): value for key, value in dataset.items()} if isinstance(dataset, Mapping) else {}
    names = _names(dataset.get("classes")) or _names(meta.get("CLASSES"))
    if names is None:
        return Classes()
    thing_names = _names(dataset.get("thing_classes"))
    things = None if thing_names is None else frozenset(thing_names)
    counts = _counts(meta)
    if counts is None or sum(counts) != len(names):
        return Classes(names, things)
    task: Task = "instance" if counts[1] == 0 else "semantic" if counts[0] == 0 else "panoptic"
    return Classes(names, frozenset(names[: counts[0]]), task)


def resolve(told: Classes, count: int, where: str) -> Resolved:
    """Categories and task of a model with ``count`` classes. ``where`` names the file in messages.

    Raises:
        CheckpointError: the file names another number of classes, or none and COCO's do not fit.
    """
    if told.names is None:
        return _unnamed(count, where)
    if len(told.names) != count:
        raise miscounted(where, count, len(told.names))
    coco = {category.name: category for category in COCO_PANOPTIC}
    if all(name in coco for name in told.names):
        categories = tuple(coco[name] for name in told.names)
        return Resolved(categories, told.task or ("instance" if set(categories) == set(COCO_THINGS) else "panoptic"))
    task, things, remark = told.task, told.things, None
    if task is None and (count, told.names[0].lower()) in DATASETS:
        dataset, task = DATASETS[count, told.names[0].lower()]
        remark = (
            f"{where} does not say what it was trained for. Its classes are {dataset}: taking it for {task} "
            "segmentation. Set model.task in configuration.json to say otherwise."
        )
    if things is None and task in ("instance", "semantic"):
        things = frozenset(told.names) if task == "instance" else frozenset()
    if things is None:
        remark = (
            f"{where}: its classes are not COCO's and it does not tell things from stuff: unknown ones are taken as "
            "things. List them under model.categories in configuration.json to say otherwise."
        )
        things = frozenset(name for name in told.names if name not in coco or coco[name].isthing)
    return Resolved(_numbered(told.names, things), task or "panoptic", remark)


def _unnamed(count: int, where: str) -> Resolved:
    remark = f"{where} names no classes; taking the {count} of COCO"
    if count == len(COCO_PANOPTIC):
        return Resolved(COCO_PANOPTIC, "panoptic", f"{remark} panoptic.")
    if count == len(COCO_THINGS):
        return Resolved(COCO_THINGS, "instance", f"{remark}'s things, for instance segmentation.")
    raise miscounted(where, count, 0)


def _numbered(names: Sequence[str], things: frozenset[str]) -> tuple[Category, ...]:
    """Categories with ids from 1 and COCO's colours in order."""
    return tuple(
        replace(COCO_PANOPTIC[label % len(COCO_PANOPTIC)], id=label + 1, name=name, isthing=name in things)
        for label, name in enumerate(names)
    )


def miscounted(where: str, count: int, named: int) -> CheckpointError:
    """The error for a head of ``count`` classes and another number of names."""
    return CheckpointError(
        f"{where} has a class head of {count} classes, but {named or 'no'} classes are named. List them under "
        "model.categories in configuration.json, each with id, name, isthing and color."
    )


def _names(value: Any) -> tuple[str, ...] | None:
    """Names without blanks around them: upstream writes ' truck'."""
    if isinstance(value, list | tuple) and all(isinstance(name, str) for name in value):
        return tuple(name.strip() for name in value)
    return None


def _counts(meta: Mapping[str, Any]) -> tuple[int, int] | None:
    """Numbers of thing and stuff classes by the training configuration, if it gives both."""
    text = next((meta[name] for name in ("cfg", "config") if isinstance(meta.get(name), str)), "")
    found = [re.search(rf"\bnum_{kind}_classes\s*=\s*(\d{{1,5}})\b", text) for kind in ("things", "stuff")]
    return None if None in found else (int(found[0][1]), int(found[1][1]))  # type: ignore[index]
