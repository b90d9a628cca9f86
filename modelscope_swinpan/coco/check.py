"""Look over a dataset's files before hours of work: quickly, as only headers are read."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, runtime_checkable

from .reader import raise_problems
from .remarks import Remark, Remarks

_THREADS = 8  # they mostly wait for the disk


@runtime_checkable
class Checkable(Protocol):
    """A dataset whose files can be looked over."""

    def __len__(self) -> int: ...

    def problem(self, index: int) -> str | Remark | None:
        """What the headers of an example's files show to be wrong, or a remark about it, or None."""


def check_files(dataset: Checkable) -> None:
    """Look for every file, read its header, and warn of photos whose EXIF leaves a question.

    Raises:
        DatasetError: files are missing, no images, or of other sizes than the truth. The message says how many examples
            are wrong, and what is wrong with the first ten.
    """
    found = list(_look_over(dataset, len(dataset)))
    raise_problems([problem for problem in found if isinstance(problem, str)], len(dataset))
    _warn(found)


def warn_of_exif(dataset: Checkable, number: int) -> None:
    """Warn if nothing tells how the truth of some of the first ``number`` photos was annotated."""
    _warn(list(_look_over(dataset, number)))


def _look_over(dataset: Checkable, number: int) -> Iterator[str | Remark | None]:
    with ThreadPoolExecutor(_THREADS) as pool:
        yield from pool.map(dataset.problem, range(number))


def _warn(found: list[str | Remark | None]) -> None:
    remarks = Remarks()
    remarks.add(remark for remark in found if isinstance(remark, Remark))
    remarks.warn()
