"""A dataset's images as the inputs of a run."""

from collections.abc import Iterator, Mapping
from functools import partial

from ..coco.layout import path_inside
from ..coco.reader import CocoPanoptic
from ..errors import ImageError
from ..images.decode import decode_image
from ..inference.predictor import Pixels
from ..runs.inputs import Entry, Inputs, Source
from ..structures import Size


def dataset_inputs(dataset: CocoPanoptic) -> Inputs:
    """The annotated images of ``dataset``, in its order. They keep their ids, which also name their result files.

    An image that has another size than the JSON says cannot be read.

    Raises:
        DatasetError: the name of an image leads out of the dataset's folder.
    """
    where = f"{dataset.layout.json_path}: file_name of image"
    paths = [
        str(path_inside(dataset.layout.images, entry.name, f"{where} {entry.id}").absolute())
        for entry in dataset.entries
    ]
    sizes = {path: (f"{where} {entry.id}", entry.size) for path, entry in zip(paths, dataset.entries, strict=True)}

    def entries() -> Iterator[Entry]:
        for path, entry in zip(paths, dataset.entries, strict=True):
            yield Entry(entry.name, path, entry.id, f"{entry.id:012d}")

    return Inputs(entries=entries, read=partial(_read, sizes))


def _read(sizes: Mapping[str, tuple[str, Size]], source: Source) -> Pixels:
    """The image at a path, (H, W, 3) BGR, if its size is that of the JSON."""
    where, expected = sizes[str(source)]
    try:
        image = decode_image(source)
    except ImageError as error:
        raise ImageError(f"{where}: {error}") from None
    size = Size(*image.shape[:2])
    if size != expected:
        raise ImageError(
            f"{where}: {source} has {size.width} × {size.height} pixels, but width and height in the JSON are "
            f"{expected.width} × {expected.height}."
        )
    return image[..., ::-1]
