"""A dataset's images as the inputs of a run."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from ..coco.id_maps import check_size
from ..coco.photo import Exif, read_photo
from ..coco.reader import CocoPanoptic
from ..errors import DatasetError, ImageError
from ..inference.predictor import Pixels
from ..runs.inputs import Entry, Inputs, Source
from ..structures import Size


def dataset_inputs(dataset: CocoPanoptic) -> Inputs:
    """The annotated images of ``dataset``, in its order. They keep their ids, which also name their result files.

    An image that has another size than the JSON says cannot be read.

    Raises:
        DatasetError: the name of an image leads out of the dataset's folder.
    """
    entries: list[Entry] = []
    sizes: dict[str, tuple[str, Size]] = {}
    for entry in dataset.entries:
        path = str(dataset.image_path(entry).absolute())
        entries.append(Entry(entry.name, path, entry.id, f"{entry.id:012d}"))
        sizes[path] = (dataset.where(entry), entry.size)
    return Inputs(entries=lambda: iter(entries), read=partial(_read, sizes, dataset.exif))


def _read(sizes: Mapping[str, tuple[str, Size]], exif: Exif | None, source: Source) -> Pixels:
    """The image at a path, (H, W, 3) BGR, if its size is that of the JSON."""
    where, expected = sizes[str(source)]
    try:
        image = read_photo(source, expected, exif)
        check_size(Path(str(source)), Size(*image.shape[:2]), expected)
    except (ImageError, DatasetError) as error:
        raise ImageError(f"{where}: {error}") from None
    return image[..., ::-1]
