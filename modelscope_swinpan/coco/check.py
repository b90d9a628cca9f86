"""A quick look at a dataset's files before hours of work: only headers are read."""

from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, runtime_checkable

from ..errors import DatasetError
from ..words import number_of
from .json import ListedSegments
from .remarks import Remark, raise_or_warn

_THREADS = 8  # they mostly wait for the disk


@runtime_checkable
class Checkable(Protocol):
    """A dataset whose files can be looked over."""

    def __len__(self) -> int: ...

    def problem(self, index: int) -> str | Remark | None:
        """What the headers of an example's files show to be wrong, or a remark about it, or None."""

    def listed(self, index: int) -> ListedSegments:
        """The segments that an example's annotation lists. Raises a DatasetError if a field is wrong."""


def check_files(dataset: Checkable, number: int | None = None) -> None:
    """Look for the files of the first ``number`` examples, by default of all, and read their headers.

    One of the examples must list a segment (:func:`check_segments`).

    Warns of photos whose EXIF leaves a question.

    Raises:
        DatasetError: files are missing, no images, or of other sizes than the truth. The message says how many examples
            are wrong, and what is wrong with the first ten.
    """
    number = len(dataset) if number is None else number
    with ThreadPoolExecutor(_THREADS) as pool:
        raise_or_warn(pool.map(dataset.problem, range(number)), number)
    check_segments(dataset, number)


def check_segments(dataset: Checkable, number: int) -> None:
    """Raise a DatasetError if none of the first ``number`` examples lists a segment, crowds aside."""
    if not any(found.labels.keys() - found.crowds for found in map(dataset.listed, range(number))):
        raise DatasetError(
            f"{number_of(number, 'example')}, and not one segment in the annotations (crowds do not count): there is "
            "nothing to learn or to measure. Look at the dataset with swinpan dataset check."
        )
