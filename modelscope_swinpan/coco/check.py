"""Look over a dataset's files before hours of work: quickly, as only headers are read."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

from ..errors import DatasetError, ImageError
from ..images.header import read_header
from .id_maps import check_size, read_size
from .json import ImageEntry
from .photo import annotated_size, is_undecided
from .reader import CocoPanoptic, raise_problems
from .remarks import TURNED, Remark, Remarks

_THREADS = 8  # they mostly wait for the disk


def check_files(dataset: CocoPanoptic) -> None:
    """Look for every file, read its header, and warn of photos whose EXIF leaves a question.

    Raises:
        DatasetError: files are missing, no images, or of other sizes than the JSON says. The message says how many
            examples are wrong, and what is wrong with the first ten.
    """
    found = list(_look_over(dataset, len(dataset)))
    raise_problems([problem for problem in found if isinstance(problem, str)], len(dataset))
    _warn(found)


def warn_of_exif(dataset: CocoPanoptic, number: int) -> None:
    """Warn if nothing tells how the truth of some of the first ``number`` photos was annotated."""
    _warn(list(_look_over(dataset, number)))


def _warn(found: list[str | Remark | None]) -> None:
    remarks = Remarks()
    remarks.add(remark for remark in found if isinstance(remark, Remark))
    remarks.warn()


def _look_over(dataset: CocoPanoptic, number: int) -> Iterator[str | Remark | None]:
    """What is wrong with an example's files, a remark about its photo, or None, for each of the first ``number``."""

    def problem(entry: ImageEntry) -> str | Remark | None:
        try:
            path, png = dataset.image_path(entry), dataset.png_path(entry)
            check_size(png, read_size(png, f"{entry.annotation.where}.file_name"), entry.size)
            if (header := read_header(path)) is not None:
                check_size(path, annotated_size(header, entry.size, dataset.exif), entry.size)
        except ImageError as error:
            return f"{dataset.where(entry)}: {error}"
        except DatasetError as error:
            return str(error)
        return Remark(TURNED, dataset.where(entry)) if is_undecided(header, dataset.exif) else None

    with ThreadPoolExecutor(_THREADS) as pool:
        yield from pool.map(problem, islice(dataset.entries, number))
