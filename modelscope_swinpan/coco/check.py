"""Look over a dataset's files before hours of work: quickly, as only headers are read."""

from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, runtime_checkable

from .remarks import Remark, raise_or_warn

_THREADS = 8  # they mostly wait for the disk


@runtime_checkable
class Checkable(Protocol):
    """A dataset whose files can be looked over."""

    def __len__(self) -> int: ...

    def problem(self, index: int) -> str | Remark | None:
        """What the headers of an example's files show to be wrong, or a remark about it, or None."""


def check_files(dataset: Checkable, number: int | None = None) -> None:
    """Look for the files of the first ``number`` examples, by default of all, and read their headers.

    Warns of photos whose EXIF leaves a question.

    Raises:
        DatasetError: files are missing, no images, or of other sizes than the truth. The message says how many examples
            are wrong, and what is wrong with the first ten.
    """
    number = len(dataset) if number is None else number
    with ThreadPoolExecutor(_THREADS) as pool:
        raise_or_warn(pool.map(dataset.problem, range(number)), number)
