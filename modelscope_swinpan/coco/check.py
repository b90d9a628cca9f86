"""Look over a dataset's files before hours of work: quickly, as only headers are read."""

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


def check_files(dataset: Checkable, number: int | None = None) -> None:
    """Look for the files of the first ``number`` examples, by default of all, and read their headers.

    Warns of photos whose EXIF leaves a question.

    Raises:
        DatasetError: files are missing, no images, or of other sizes than the truth. The message says how many examples
            are wrong, and what is wrong with the first ten.
    """
    with ThreadPoolExecutor(_THREADS) as pool:
        found = list(pool.map(dataset.problem, range(len(dataset) if number is None else number)))
    raise_problems([problem for problem in found if isinstance(problem, str)], len(found))
    remarks = Remarks()
    remarks.add(remark for remark in found if isinstance(remark, Remark))
    remarks.warn()
