"""Read a COCO panoptic dataset: the JSON file at once, images and PNGs on access."""

import dataclasses
import reprlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import get_args

from torch.utils.data import Dataset

from ..categories import Category
from ..errors import DamagedFileError, DatasetError, ImageError
from ..images.header import read_header
from ..structures import Size
from .annotation import Annotation, Example
from .folder import Folder
from .id_maps import annotate_listed, check_size, read_ids, read_size
from .json import ImageEntry, ListedSegments, category_names, check_panoptic, read_categories, read_images, read_json
from .layout import CocoLayout, find_layout
from .photo import Exif, Pixels, annotated_size, is_undecided, read_photo
from .remarks import TURNED, Remark, raise_or_warn
from .values import SHOWN, Node


class CocoPanoptic(Dataset[Example]):
    """The annotated images of a COCO panoptic dataset, in the order of the JSON's annotations.

    A label is an index into ``categories``, and ``labels`` has the label of every category id. Areas and boxes are
    measured in the PNGs; those in the JSON are not read. ``exif`` tells how the truth was annotated, where the dataset
    says it. ``unannotated`` counts the images that the JSON lists without an annotation.
    """

    def __init__(
        self, layout: CocoLayout, *, categories: Sequence[Category] | None = None, exif: Exif | None = None
    ) -> None:
        """Read the JSON file of ``layout``.

        Args:
            layout: Where the dataset's parts are.
            categories: The classes to use instead of the JSON's. They may be more, or in another order.
            exif: ``apply`` if the truth was annotated on photos as EXIF turns them, ``ignore`` if on their stored
                pixels. By default ``info.exif`` of the JSON, else what the photos' sizes show.

        Raises:
            DatasetError: the JSON file cannot be read, or one of its fields is wrong.
        """
        content = read_json(layout.json_path)
        check_panoptic(content)
        self.layout = layout
        self.exif = exif or _read_exif(content)
        self._images, self._pngs = Folder(layout.images, without=layout.panoptic), Folder(layout.panoptic)
        self.categories = read_categories(content, self._things) if categories is None else tuple(categories)
        self.labels = {category.id: label for label, category in enumerate(self.categories)}
        self.entries: tuple[ImageEntry, ...] = tuple(map(self._with_size, read_images(content)))
        self.unannotated = len(content.field("images", list)) - len(self.entries)

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        images: Path | None = None,
        panoptic: Path | None = None,
        split: str | None = None,
        categories: Sequence[Category] | None = None,
        exif: Exif | None = None,
    ) -> "CocoPanoptic":
        """Open the dataset of a folder or of a JSON file.

        For the options see :func:`~.layout.find_layout` and :class:`CocoPanoptic`.

        Raises:
            DatasetError: a part is missing, or the JSON file is wrong.
        """
        layout = find_layout(path, images=images, panoptic=panoptic, split=split)
        return cls(layout, categories=categories, exif=exif)

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, index: int) -> Example:
        """Read the image and the annotation at ``index``.

        Raises:
            DamagedFileError: a file is missing or damaged.
            DatasetError: a file contradicts the JSON.
        """
        truth = self.annotation(index)
        image = self.photo(index)
        return Example(segment_ids=truth.segment_ids, segments=truth.segments, remarks=truth.remarks, image=image)

    def photo(self, index: int) -> Pixels:
        """Read the image at ``index`` alone, (H, W, 3) RGB. Raises as :meth:`__getitem__`."""
        entry = self.entries[index]
        path = self.image_path(entry)
        try:
            image = read_photo(path, entry.size, self.exif)
        except ImageError as error:
            raise DamagedFileError(f"{self.where(entry)}: {error}") from None
        check_size(path, Size(*image.shape[:2]), entry.size)
        return image

    def annotation(self, index: int) -> Annotation:
        """Read the annotation at ``index`` alone. The image may be missing.

        Segments without pixels are left out. Segments that share an id are joined or, if they are of two categories,
        become void. The annotation's ``remarks`` tell of it.

        Raises:
            DamagedFileError: the PNG is missing or damaged.
            DatasetError: a field of a segment is wrong, or the PNG contradicts the JSON.
        """
        entry, listed = self.entries[index], self.listed(index)
        path = self.png_path(entry)
        ids = read_ids(path, entry.size, listed.labels, f"{entry.annotation.where}.file_name")
        return annotate_listed(ids, listed, str(path))

    def listed(self, index: int) -> ListedSegments:
        """The segments that the annotation at ``index`` lists. Raises a DatasetError if a field is wrong."""
        return self.entries[index].segments(self.labels)

    def image_path(self, entry: ImageEntry) -> Path:
        """The file of an image. It may be missing.

        Raises:
            DatasetError: the JSON names none in the folder of the images.
        """
        return self._images.find(entry.name, self.where(entry))

    def png_path(self, entry: ImageEntry) -> Path:
        """The file of an image's annotation. Raises as :meth:`image_path`."""
        return self._pngs.find(entry.png_name, f"{entry.annotation.where}.file_name", suffix=".png")

    def problem(self, index: int) -> str | Remark | None:
        """What the headers of an example's files show to be wrong, or a remark about its photo, or None."""
        entry = self.entries[index]
        try:
            path, png = self.image_path(entry), self.png_path(entry)
            check_size(png, read_size(png, f"{entry.annotation.where}.file_name"), entry.size)
            if (header := read_header(path)) is not None:
                check_size(path, annotated_size(header, entry.size, self.exif), entry.size)
        except ImageError as error:
            return f"{self.where(entry)}: {error}"
        except DatasetError as error:
            return str(error)
        return Remark(TURNED, self.where(entry)) if is_undecided(header, self.exif) else None

    def validate(self) -> None:
        """Read every image and every PNG, and warn of what is odd, with counts.

        Raises:
            DatasetError: some are wrong. The message says how many, and what is wrong with the first ten.
        """
        raise_or_warn((one for index in range(len(self)) for one in self._found(index)), len(self))

    def _found(self, index: int) -> list[str | Remark | None]:
        """What is wrong with an example, or remarks about it."""
        try:
            return [*self[index].remarks, self.problem(index)]
        except DatasetError as error:
            return [str(error)]

    def where(self, entry: ImageEntry) -> str:
        """The place of an image's name, for error messages."""
        return f"{self.layout.json_path}: file_name of image {entry.key[:SHOWN]}"

    def _with_size(self, entry: ImageEntry) -> ImageEntry:
        """An entry whose size is that of the PNG, where the JSON does not tell it."""
        if min(entry.size):
            return entry
        path = self.png_path(entry)
        return dataclasses.replace(entry, size=read_size(path, f"{entry.annotation.where}.file_name"))

    def _things(self) -> Mapping[int, str] | None:
        """Ids and names of the things, from COCO's instance file beside the JSON."""
        path = self.layout.instances
        return None if path is None else category_names(read_json(path))


def _read_exif(content: Node) -> Exif | None:
    """What the JSON says of EXIF, in ``info.exif``."""
    info = content.get("info")
    exif: Exif | None = info.get("exif") if isinstance(info, Mapping) else None
    if exif not in (None, *get_args(Exif)):
        raise DatasetError(
            f"{content.where}.info.exif must be {' or '.join(get_args(Exif))}; got {reprlib.repr(exif)}."
        )
    return exif
