"""What datasets hold and what is wrong with them: every file is read, and nothing ends the look at the others."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple

from ..categories import Category, check_categories
from ..errors import ConfigError, DatasetError
from ..structures import Size
from .annotation import SegmentInfo
from .reader import CocoPanoptic
from .remarks import REPEATED, UNANNOTATED, Remark, Remarks


@dataclass
class ClassFigures:
    """How often a class occurs: in how many ``images``, and the ``areas`` of its segments in pixels, without crowds."""

    images: int = 0
    crowds: int = 0
    areas: list[int] = field(default_factory=list)


class Photo(NamedTuple):
    """A photo of a dataset by its name in the JSON file."""

    dataset: str
    name: str


class _Look(NamedTuple):
    """What one example is like. ``digest`` is that of the photo's pixels, None if it cannot be read."""

    problems: list[str]
    remarks: list[Remark]
    segments: tuple[SegmentInfo, ...]
    digest: bytes | None


@dataclass(kw_only=True)
class Survey:
    """A dataset: its ``problems``, each of which would end or change training or evaluation, and odd ``remarks``.

    ``classes`` are in the order of ``categories``. ``sizes`` counts the images of each size, ``annotated`` the pixels
    that belong to a segment, of all ``pixels``. ``photos`` has the photos by a digest of their content.
    """

    path: Path
    categories: tuple[Category, ...] = ()
    problems: list[str] = field(default_factory=list)
    remarks: Remarks = field(default_factory=Remarks)
    classes: list[ClassFigures] = field(default_factory=list)
    sizes: Counter[Size] = field(default_factory=Counter)
    annotated: int = 0
    photos: dict[bytes, list[Photo]] = field(default_factory=lambda: defaultdict(list))

    @property
    def images(self) -> int:
        """The number of annotated images."""
        return self.sizes.total()

    @property
    def pixels(self) -> int:
        """The pixels of all images."""
        return sum(size.height * size.width * count for size, count in self.sizes.items())


def survey(
    path: Path, open_dataset: Callable[[Path], CocoPanoptic], threads: int, progress: Callable[..., Iterable[_Look]]
) -> Survey:
    """Read all of the dataset ``path``, in several threads.

    ``progress`` takes what is found and its number, passes it on, and may show how far it is. A dataset that cannot be
    opened has that one problem.
    """
    found = Survey(path=path)
    try:
        dataset = open_dataset(path)
    except DatasetError as error:
        found.problems.append(str(error))
        return found
    found.categories = dataset.categories
    found.classes = [ClassFigures() for _ in dataset.categories]
    found.problems += _problems_of_json(dataset)
    if dataset.unannotated:
        found.remarks.add([Remark(UNANNOTATED, str(dataset.layout.json_path), dataset.unannotated)])
    with ThreadPoolExecutor(threads) as pool:
        for index, look in enumerate(progress(pool.map(partial(_look, dataset), range(len(dataset))), len(dataset))):
            _add(found, dataset, index, look)
    if len(dataset) and not found.problems and not any(figures.areas for figures in found.classes):
        found.problems.append(f"{dataset.layout.json_path}: no image has a segment that is no crowd.")
    for photos in found.photos.values():
        found.remarks.add(Remark(REPEATED, photo.name) for photo in photos[1:])
    return found


def _problems_of_json(dataset: CocoPanoptic) -> list[str]:
    """What the images and categories show that a model cannot be trained with."""
    problems = [] if len(dataset) else ["no image is annotated."]
    try:
        check_categories(dataset.categories)
    except ConfigError as error:
        problems.append(str(error))
    if nameless := [category.id for category in dataset.categories if not category.name.strip()]:
        problems.append(f"a class needs a name; the category of id {nameless[0]} has none.")
    counts = Counter(category.name for category in dataset.categories)
    if twice := [name for name, count in counts.items() if count > 1]:
        problems.append(f"class names must differ; {twice[0]!r:.80} is that of {counts[twice[0]]} categories.")
    return [f"{dataset.layout.json_path}: {problem}" for problem in problems]


def same_photos(surveys: Sequence[Survey]) -> Iterator[list[Photo]]:
    """Photos that occur several times, by the content of their pixels, each with all its places."""
    places: defaultdict[bytes, list[Photo]] = defaultdict(list)
    for found in surveys:
        for digest, photos in found.photos.items():
            places[digest] += photos
    return (photos for photos in places.values() if len(photos) > 1)


def _look(dataset: CocoPanoptic, index: int) -> _Look:
    problems, remarks = list[str](), list[Remark]()
    segments: tuple[SegmentInfo, ...] = ()
    digest = None
    try:
        annotation = dataset.annotation(index)
        segments, remarks = annotation.segments, [*annotation.remarks]
    except DatasetError as error:
        problems.append(str(error))
    try:
        photo = dataset.photo(index)
        digest = hashlib.sha256(repr(photo.shape).encode() + photo.tobytes()).digest()
        if isinstance(about := dataset.problem(index), Remark):
            remarks.append(about)
    except DatasetError as error:
        problems.append(str(error))
    return _Look(problems, remarks, segments, digest)


def _add(found: Survey, dataset: CocoPanoptic, index: int, look: _Look) -> None:
    entry = dataset.entries[index]
    found.problems += look.problems
    found.remarks.add(look.remarks)
    found.sizes[entry.size] += 1
    for segment in look.segments:
        figures = found.classes[segment.label_id]
        found.annotated += segment.area
        if segment.iscrowd:
            figures.crowds += 1
        else:
            figures.areas.append(segment.area)
    for label in {segment.label_id for segment in look.segments}:
        found.classes[label].images += 1
    if look.digest is not None:
        found.photos[look.digest].append(Photo(str(found.path), entry.name))


def problems_between(surveys: Sequence[Survey], same: Sequence[Sequence[Photo]]) -> list[str]:
    """What is wrong with datasets together: photos that are in several of them, and ids that mean different classes."""
    problems = [
        f"The same photo is in several datasets: {', '.join(f'{dataset}: {name}' for dataset, name in photos[:4])}."
        for photos in same
        if len({photo.dataset for photo in photos}) > 1
    ]
    opened = [found for found in surveys if found.categories]
    for other in opened[1:]:
        known = {category.id: category for category in opened[0].categories}
        for category in other.categories:
            same_id = known.get(category.id, category)
            if (category.name, category.isthing) != (same_id.name, same_id.isthing):
                problems.append(
                    f"{other.path}: {_described(category)} has the id {category.id}, which in {opened[0].path} is "
                    f"that of {_described(same_id)}."
                )
    return problems


def _described(category: Category) -> str:
    return f"the {'thing' if category.isthing else 'stuff'} {category.name!r:.80}"
