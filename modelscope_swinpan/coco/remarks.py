"""Odd things in a dataset that end nothing: one warning for each kind, with counts, not one for each image."""

import warnings
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ..errors import DatasetError
from ..words import number_of

NO_PIXELS = "segments of segments_info without a pixel were left out"
JOINED = "segments that share id and category with another were joined with it"
SHARED = "segments share an id with a segment of another category; what they cover became void"
TURNED = (
    "photos are turned by EXIF in a way that their sizes do not show. They were turned as EXIF says; "
    "give exif: ignore if the truth was annotated without"
)
DAMAGED = "damaged photos were left out"
UNANNOTATED = "images are listed, but not annotated; they are not read"
REPEATED = "photos have the same pixels as an earlier one"
_OF_ONE = {
    NO_PIXELS: "segment of segments_info without a pixel was left out",
    JOINED: "segment that shares id and category with another was joined with it",
    SHARED: "segment shares an id with a segment of another category; what they cover became void",
    TURNED: "photo is turned by EXIF in a way that its size does not show. It was turned as EXIF says; "
    "give exif: ignore if the truth was annotated without",
    DAMAGED: "damaged photo was left out",
    UNANNOTATED: "image is listed, but not annotated; it is not read",
    REPEATED: "photo has the same pixels as an earlier one",
}
_SHOWN = 10


class Remark(NamedTuple):
    """A ``number`` of odd things of a ``kind`` in the image ``where``."""

    kind: str
    where: str
    number: int = 1


def number_of_kind(kind: str, number: int) -> str:
    """A kind and how many there are of it, as words."""
    return f"{number} {_OF_ONE[kind] if number == 1 else kind}"


def raise_or_warn(found: Iterable[str | Remark | None], total: int) -> None:
    """Raise a DatasetError that counts the problems, the texts, of ``total`` examples; or warn of the remarks alone."""
    found = list(found)
    if problems := [one for one in found if isinstance(one, str)]:
        raise DatasetError("\n".join([f"{len(problems)} of {total} examples are wrong.", *problems[:_SHOWN]]))
    remarks = Remarks()
    remarks.add(one for one in found if isinstance(one, Remark))
    remarks.warn()


class Remarks:
    """The remarks about a dataset. An image that is read again counts once."""

    def __init__(self) -> None:
        self._found: dict[str, dict[str, int]] = {}

    def add(self, remarks: Iterable[Remark]) -> None:
        """Count remarks."""
        for kind, where, number in remarks:
            self._found.setdefault(kind, {}).setdefault(where, number)

    def __iter__(self) -> Iterator[tuple[str, dict[str, int]]]:
        """Each kind, with its number in each image."""
        return iter(self._found.items())

    def images(self, kind: str) -> list[str]:
        """The images that have remarks of a kind."""
        return list(self._found.get(kind, ()))

    def warn(self) -> None:
        """Give one warning for each kind. It names the first image, or the first ten if they are damaged."""
        for kind, found in self._found.items():
            images = "" if kind in (DAMAGED, TURNED) else f" (in {number_of(len(found), 'image')})"
            named = "; ".join(list(found)[: _SHOWN if kind == DAMAGED else 1])
            warnings.warn(f"{number_of_kind(kind, sum(found.values()))}{images}. The first: {named}", stacklevel=2)
