"""Which models can be scored on a dataset."""

from collections.abc import Sequence

from ..categories import Category
from ..coco.reader import CocoPanoptic
from ..config import Task
from ..errors import ConfigError, DatasetError


def check_scorable(task: Task, categories: Sequence[Category], dataset: CocoPanoptic) -> None:
    """Raise a ConfigError unless the task is panoptic, and a DatasetError unless the classes are the dataset's.

    A category id that means one class to the model and another to the dataset would give a wrong figure with no error.
    """
    if task != "panoptic":
        raise ConfigError(f"Evaluation needs a panoptic model; this one's task is {task!r}.")
    known = {category.id: category.name for category in categories}
    shared = [category for category in dataset.categories if category.id in known]
    if not shared:
        raise DatasetError(f"{dataset.layout.json_path}: none of its category ids is one of the model's.")
    for category in shared:
        if category.name != known[category.id]:
            raise DatasetError(
                f"{dataset.layout.json_path}: category {category.id} is {category.name!r}, and {known[category.id]!r} "
                "to the model. If they are the same, name them alike: here, or in the model's configuration.json."
            )
