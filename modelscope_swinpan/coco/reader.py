"""Read a COCO panoptic dataset: the JSON file at once, images and PNGs on access."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from torch.utils.data import Dataset

from ..categories import Category
from ..errors import DatasetError, ImageError
from ..images.decode import MAX_PIXELS, decode_image
from ..structures import Size
from .annotation import Annotation, Example, annotate
from .encoding import ids_from_colors
from .json import ImageEntry, read_categories, read_images, read_json
from .layout import CocoLayout, find_layout, path_inside

_SHOWN = 10


class CocoPanoptic(Dataset[Example]):
    """The annotated images of a COCO panoptic dataset, in the order of the JSON's annotations.

    A label is an index into ``categories``, and ``labels`` has the label of every category id. Areas and boxes are
    measured in the PNGs; those in the JSON are not read.
    """

    def __init__(self, layout: CocoLayout, *, categories: Sequence[Category] | None = None) -> None:
        """Read the JSON file of ``layout``.

        Args:
            layout: Where the dataset's parts are.
            categories: The classes to use instead of the JSON's. They may be more, or in another order.

        Raises:
            DatasetError: the JSON file cannot be read, or one of its fields is wrong.
        """
        content = read_json(layout.json_path)
        self.layout = layout
        self.categories = read_categories(content) if categories is None else tuple(categories)
        self.entries: tuple[ImageEntry, ...] = read_images(content)
        self.labels = {category.id: label for label, category in enumerate(self.categories)}

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        images: Path | None = None,
        panoptic: Path | None = None,
        split: str | None = None,
        categories: Sequence[Category] | None = None,
    ) -> "CocoPanoptic":
        """Open the dataset of a folder or of a JSON file; for the options see :func:`~.layout.find_layout`.

        Raises:
            DatasetError: a part is missing, or the JSON file is wrong.
        """
        return cls(find_layout(path, images=images, panoptic=panoptic, split=split), categories=categories)

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, index: int) -> Example:
        """Read the image and the annotation at ``index``.

        Raises:
            DatasetError: a file is missing, damaged or contradicts the JSON.
        """
        entry = self.entries[index]
        truth = self.annotation(index)
        path = self.image_path(entry)
        try:
            image = decode_image(path)
        except ImageError as error:
            raise DatasetError(f"{self.where(entry)}: {error}") from None
        _check_size(path, Size(*image.shape[:2]), entry)
        return Example(segment_ids=truth.segment_ids, segments=truth.segments, image=image)

    def annotation(self, index: int) -> Annotation:
        """Read the annotation at ``index`` alone. The image may be missing.

        Raises:
            DatasetError: the PNG is missing or damaged, a field of a segment is wrong, or the two contradict.
        """
        entry = self.entries[index]
        labels, crowds = entry.segments(self.labels)
        path = self.png_path(entry)
        ids = _read_ids(path, entry, f"{entry.annotation.where}.file_name")
        found = set(np.unique(ids).tolist()) - {0}
        if stray := found - labels.keys():
            raise DatasetError(f"{path}: ids {_listed(stray)} are not in {entry.annotation.where}.segments_info.")
        if missing := labels.keys() - found:
            raise DatasetError(f"{entry.annotation.where}.segments_info: no pixel of {path} has id {_listed(missing)}.")
        return annotate(ids, labels, crowds)

    def image_path(self, entry: ImageEntry) -> Path:
        """The file of an image. It may be missing.

        Raises:
            DatasetError: its name leads out of the folder of the images.
        """
        return path_inside(self.layout.images, entry.name, self.where(entry))

    def png_path(self, entry: ImageEntry) -> Path:
        """The file of an image's annotation. Raises as :meth:`image_path`."""
        return path_inside(self.layout.panoptic, entry.png_name, f"{entry.annotation.where}.file_name")

    def where(self, entry: ImageEntry) -> str:
        """The place of an image's name, for error messages."""
        return f"{self.layout.json_path}: file_name of image {entry.id}"

    def validate(self) -> None:
        """Read every image and every PNG.

        Raises:
            DatasetError: some are wrong. The message says how many, and what is wrong with the first ten.
        """
        problems = [problem for index in range(len(self)) if (problem := self._problem(index))]
        if problems:
            raise DatasetError("\n".join([f"{len(problems)} of {len(self)} examples are wrong.", *problems[:_SHOWN]]))

    def _problem(self, index: int) -> str | None:
        try:
            self[index]
        except DatasetError as error:
            return str(error)
        return None


def _read_ids(path: Path, entry: ImageEntry, where: str) -> npt.NDArray[np.int32]:
    try:
        with Image.open(path, formats=("PNG",)) as png:
            if png.mode != "RGB":
                raise DatasetError(f"{path}: mode {png.mode}, expected an RGB PNG with segment ids as colours.")
            _check_size(path, Size(png.height, png.width), entry)
            return ids_from_colors(np.asarray(png))
    except DatasetError:
        raise
    except FileNotFoundError:
        raise DatasetError(f"{where}: no such file: {path}") from None
    except Exception as error:  # damaged files make Pillow raise many error types
        raise DatasetError(f"{where}: {path} cannot be read as a PNG: {error or type(error).__name__}") from None


def _check_size(path: Path, size: Size, entry: ImageEntry) -> None:
    if size != entry.size:
        raise DatasetError(
            f"{path}: {size.width} × {size.height} pixels, but width and height of image {entry.id} in the JSON are "
            f"{entry.size.width} × {entry.size.height}."
        )
    if size.width * size.height > MAX_PIXELS:
        raise DatasetError(f"{path}: {size.width} × {size.height} pixels, expected at most {MAX_PIXELS} in total.")


def _listed(ids: set[int]) -> str:
    more = ", …" if len(ids) > _SHOWN else ""
    return ", ".join(map(str, sorted(ids)[:_SHOWN])) + more
