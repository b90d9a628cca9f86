"""Which models can be scored on a dataset."""

from collections.abc import Mapping, Sequence

from ..categories import Category
from ..coco.reader import CocoPanoptic
from ..coco.values import SHOWN
from ..config import Task
from ..errors import ConfigError, DatasetError


def check_scorable(task: Task, categories: Sequence[Category], dataset: CocoPanoptic) -> None:
    """Raise a ConfigError unless the task is panoptic, and a DatasetError unless the classes are the dataset's.

    A category id that means one class to the model and another to the dataset would give a wrong figure with no error.
    """
    if task != "panoptic":
        raise ConfigError(f"Evaluation needs a panoptic model; this one's task is {task!r}.")
    known = {category.id: category.name for category in categories}
    if not any(category.id in known for category in dataset.categories):
        raise DatasetError(f"{dataset.layout.json_path}: none of its category ids is one of the model's.")
    check_names(known, dataset, "the model", "the model's configuration.json")


def check_names(names: Mapping[int, str], dataset: CocoPanoptic, whose: str, file: str) -> None:
    """Raise a DatasetError if a category id has one name in ``names``, which are those of ``whose``, and another in the
    dataset. ``file`` is where they may be changed.
    """
    for category in dataset.categories:
        if (name := names.get(category.id, category.name)) != category.name:
            raise DatasetError(
                f"{dataset.layout.json_path}: category {category.id} is {category.name[:SHOWN]!r}, and "
                f"{name[:SHOWN]!r} to {whose}. If they are the same, name them alike: here, or in {file}."
            )
