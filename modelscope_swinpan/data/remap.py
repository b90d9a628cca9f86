"""Other classes for a dataset: renamed, joined or left out, by a small YAML file.

::

    vehicle: [car, truck]      # a new name, and the classes that become it
    sidewalk: pavement
    void: [sky, unknown]       # no class any more
    animal:
      from: [cat, grass]
      isthing: true            # where the joined classes are of both kinds

Classes that the file does not name stay as they are.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..categories import Category
from ..coco.annotation import Annotation, annotate
from ..coco.reader import CocoPanoptic
from ..coco.writer import dataset_claim
from ..errors import ConfigError
from .class_list import VOID_NAMES
from .output import Progress, dataset_output
from .report import Report
from .yaml_file import read_yaml

_FLAGS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


@dataclass(frozen=True)
class Target:
    """A new class: the ``names`` of those that become it, and whether it is a thing, if the file says so."""

    names: tuple[str, ...]
    isthing: bool | None = None


def read_mapping(path: Path) -> dict[str, Target]:
    """Read the YAML file of a remapping: new names, and what becomes them.

    Raises:
        ConfigError: it cannot be read, says something else, or gives one class to two.
    """
    content = read_yaml(path, "lines such as 'vehicle: [car, truck]', a new name and the old ones", ConfigError)
    targets = {str(name): _read_target(value, f"{path}: {str(name)[:80]}") for name, value in content.items()}
    given: dict[str, str] = {}
    for name, target in targets.items():
        for old in target.names:
            if old in given:
                raise ConfigError(f"{path}: {old[:80]!r} is to become {given[old][:80]!r} and {name[:80]!r}.")
            given[old] = name
    return targets


def remap_dataset(
    dataset: CocoPanoptic, targets: Mapping[str, Target], output: Path, *, progress: Progress[int] = iter
) -> Report:
    """Write a dataset with other classes to the folder ``output``. Ids and colours are those of the first old class.

    What becomes one class of stuff is one segment, what becomes no class is void. Photos without segments are left out.

    Raises:
        ConfigError: a class is not there, the joined ones are of both kinds, or ``output`` holds something else.
        DatasetError: the dataset is damaged, or nothing is left of it.
        OSError: a file cannot be written.
    """
    categories, labels = remapped(dataset.categories, targets)
    made = {
        "remap_of": str(dataset.layout.json_path.resolve()),
        "classes": {name: [target.names, target.isthing] for name, target in targets.items()},
    }
    report = Report()
    with dataset_output(dataset_claim(output, made), categories, report, exif=dataset.exif) as written:
        for index in progress(range(len(dataset))):
            written.copy(dataset, index, lambda truth: _remap(truth, categories, labels))
        report.check(dataset.layout.json_path)
    return report


def remapped(
    categories: Sequence[Category], targets: Mapping[str, Target]
) -> tuple[tuple[Category, ...], dict[int, int]]:
    """The new categories, and the new label of each old one; those that become void have none.

    Raises:
        ConfigError: a name is no category's, classes of both kinds are joined, or no class is left.
    """
    known = {category.name for category in categories}
    new_names = {old: name for name, target in targets.items() for old in target.names}
    if unknown := [name for name in new_names if name not in known]:
        raise ConfigError(f"No class has the name {unknown[0][:80]!r}; there are: {', '.join(sorted(known))}.")
    names = [new_names.get(category.name, category.name) for category in categories]
    joined: dict[str, list[Category]] = {}
    for name, category in zip(names, categories, strict=True):
        joined.setdefault(name, []).append(category)
    kept = {name: old for name, old in joined.items() if name not in targets or name.lower() not in VOID_NAMES}
    if not kept:
        raise ConfigError("All classes become void; leave at least one.")
    labels = {name: label for label, name in enumerate(kept)}
    new = tuple(_category(name, old, targets.get(name)) for name, old in kept.items())
    return new, {label: labels[name] for label, name in enumerate(names) if name in labels}


def _category(name: str, old: Sequence[Category], target: Target | None) -> Category:
    kinds = {category.isthing for category in old}
    isthing = target.isthing if target is not None else None
    if isthing is None and len(kinds) == 2:
        names = ", ".join(f"{one.name} ({'thing' if one.isthing else 'stuff'})" for one in old)
        raise ConfigError(f"{name}: joins {names}; say which with isthing: true or isthing: false beside from.")
    return dataclasses.replace(old[0], name=name, isthing=old[0].isthing if isthing is None else isthing)


def _remap(annotation: Annotation, categories: Sequence[Category], labels: Mapping[int, int]) -> Annotation:
    """The map with other classes. The segments of a class of stuff become one, under the id of the first."""
    ids: dict[int, int] = {}
    new: dict[int, int] = {}
    crowds = set()
    stuff: dict[int, int] = {}
    for segment in annotation.segments:
        if (label := labels.get(segment.label_id)) is None:
            continue
        isthing = categories[label].isthing
        ids[segment.id] = segment.id if isthing else stuff.setdefault(label, segment.id)
        new[ids[segment.id]] = label
        if isthing and segment.iscrowd:
            crowds.add(segment.id)
    values, places = np.unique(annotation.segment_ids, return_inverse=True)
    table = np.array([ids.get(value, 0) for value in values.tolist()], np.int32)
    return annotate(table[places].reshape(annotation.segment_ids.shape), new, crowds)


def _read_target(value: Any, where: str) -> Target:
    isthing = None
    if isinstance(value, Mapping):
        if unknown := [key for key in value if key not in ("from", "isthing")]:
            raise ConfigError(f"{where}: unknown entry {str(unknown[0])[:80]!r}; expected from and isthing.")
        if (told := value.get("isthing")) is not None:
            isthing = _FLAGS.get(str(told).lower())
            if isthing is None:
                raise ConfigError(f"{where}: isthing must be true or false; got {told!r:.80}.")
        value = value.get("from")
    names = value if isinstance(value, list) else [value]
    if not names or not all(isinstance(name, str | int) and not isinstance(name, bool) for name in names):
        raise ConfigError(f"{where}: expected the name of a class or a list of names; got {value!r:.80}.")
    return Target(tuple(str(name) for name in names), isthing)
