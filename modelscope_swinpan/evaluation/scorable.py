"""Which models can be scored on a dataset."""

import warnings
from collections.abc import Mapping, Sequence

from ..categories import Category
from ..coco.reader import CocoPanoptic
from ..coco.values import SHOWN
from ..config import Task
from ..errors import ConfigError, DatasetError

NAMED = 10
"""How many classes a warning names."""


def check_scorable(task: Task, categories: Sequence[Category], dataset: CocoPanoptic) -> dict[int, int]:
    """The dataset's category id for each of the model's categories that it has.

    Ids are the same, unless the two number classes of the same names differently: then ids say nothing, and names do.
    Classes of the dataset that the model lacks are named in a warning.

    Raises:
        ConfigError: the task is not panoptic.
        DatasetError: no class is shared, or an id means one class to the model and another to the dataset, which would
            give a wrong figure.
    """
    if task != "panoptic":
        raise ConfigError(f"Evaluation needs a panoptic model; this one's task is {task!r}.")
    known = {category.id: category.name for category in categories}
    by_name = {category.name: category.id for category in categories}
    if any(one.name in by_name and known.get(one.id) != one.name for one in dataset.categories):
        ids = {by_name[one.name]: one.id for one in dataset.categories if one.name in by_name}
    else:
        check_class_names(known, dataset, "the model", "the model's configuration.json")
        ids = {one.id: one.id for one in dataset.categories if one.id in known}
    if not ids:
        raise DatasetError(f"{dataset.layout.json_path}: none of its classes is one of the model's.")
    if lacking := [one.name[:SHOWN] for one in dataset.categories if one.id not in ids.values()]:
        warnings.warn(
            f"{dataset.layout.json_path}: the model lacks classes, whose segments count as missed: "
            f"{', '.join(lacking[:NAMED])}{' …' if len(lacking) > NAMED else ''}",
            stacklevel=2,
        )
    return ids


def check_class_names(names: Mapping[int, str], dataset: CocoPanoptic, whose: str, file: str) -> None:
    """Raise a DatasetError if a category id has one name in ``names`` and another in the dataset.

    ``whose`` tells whose names they are, and ``file`` where they may be changed.
    """
    for category in dataset.categories:
        if (name := names.get(category.id, category.name)) != category.name:
            raise DatasetError(
                f"{dataset.layout.json_path}: category {category.id} is {category.name[:SHOWN]!r}, and "
                f"{name[:SHOWN]!r} to {whose}. If they are the same, name them alike: here, or in {file}."
            )
