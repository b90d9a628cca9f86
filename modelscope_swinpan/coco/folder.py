"""The files of a dataset's folder, found by the names that its JSON file gives them, and kept inside the folder."""

import os
import re
import warnings
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path, PurePath, PureWindowsPath

from ..errors import DatasetError
from ..files import is_url, leads_to_file, unicode_forms
from .json import image_nodes
from .layout import path_inside
from .values import Node

_CITYSCAPES = ("_gtFine_leftImg8bit", "_leftImg8bit")
"""The end of an image's name as createPanopticImgs.py writes it, and as it is."""

_ESCAPED = re.compile(r"\\u(dc[89a-f][0-9a-f]|00[0189][0-9a-f]|007f)")
"""How swinpan batch writes, in an image's name, a byte that is not Unicode or, for CVAT, a control character."""


class Folder:
    """A folder of images or PNGs. The folder ``without`` is not searched: for images, that of the PNGs."""

    def __init__(self, path: Path, *, without: Path | None = None) -> None:
        self.path = path
        self._without = without
        self._moved: dict[PurePath, str] = {}  # absolute paths of another machine, by the files that they stand for

    def find(self, name: str, where: str, *, suffix: str | None = None) -> Path:
        """The file that a JSON file calls ``name``; the path as written if there is none.

        Where no file has the name as written, the file's own name may differ. The written name

        * may be Windows', with backslashes,
        * may have accents in the other form of Unicode, as files from a Mac do,
        * may have escapes for bytes that are not Unicode, or for control characters,
        * may begin with the folder's own name,
        * may stand for the only file of this name further below, as Cityscapes' do,
        * may have its suffix in capitals, or not, or have another ``suffix``.

        The absolute path of another machine stands for the only file of its name, or the only one whose path it ends
        with, folder included. A warning names the first such path.

        Raises:
            DatasetError: the name is empty, leads out of the folder, or stands for several files; or two paths of
                another machine stand for one file.
        """
        inside = PurePath(name)
        if inside.is_absolute() and ".." not in inside.parts and inside.is_relative_to(self.path.absolute()):
            name = str(inside.relative_to(self.path.absolute()))
        elif (moved := PureWindowsPath(name)).root and moved.name and ".." not in moved.parts:
            return self._of_another_machine(moved, name, where)
        written = path_inside(self.path, name, where)
        if leads_to_file(written):
            return written
        names = list(self._spellings(name, suffix))
        for spelling in names:
            if os.path.isfile(path := self.path / spelling):  # noqa: PTH113 (takes names that are too long)
                return path
        for spelling in names:
            if below := self._ending(spelling):
                return self.path / self._only(below, name, where)
        return written

    def _of_another_machine(self, moved: PurePath, name: str, where: str) -> Path:
        missing = path_inside(self.path, moved.name, where)
        end = PurePath(*moved.parts[1:])
        found = self._ending(PurePath(end.name))
        if not found:
            return missing
        ends = (PurePath(*end.parts[start:]) for start in range(len(end.parts)))
        fitting = [path for path in ends if path in self._ending(path)]
        sure = len(fitting) == 1 and (fitting[0].parent.name or self.path.absolute().name) == end.parent.name
        here = self._only(fitting if sure else found, name, where)
        if not self._moved:
            warnings.warn(
                f"{where}: {name[:200]!r} is a path of another machine; such files are looked for by their names in "
                f"{self.path}.",
                stacklevel=2,
            )
        if (other := self._moved.setdefault(here, name)) != name:
            raise DatasetError(
                f"{where}: both {name[:200]!r} and {other[:200]!r} would be {here} in {self.path}. Write the names "
                "relative to the folder of the images."
            )
        return self.path / here

    def _only(self, found: Sequence[PurePath], name: str, where: str) -> PurePath:
        if len(found) > 1:
            raise DatasetError(f"{where}: {name[:200]!r} may be {found[0]} or {found[1]} in {self.path}.")
        return found[0]

    def _spellings(self, name: str, suffix: str | None) -> Iterator[PurePath]:
        """What a name may stand for, itself first."""
        own = self.path.absolute().parts
        forms = (*unicode_forms(name), _ESCAPED.sub(_unescaped, name))
        paths = [PurePath(form.replace("\\", "/")) for form in dict.fromkeys(forms)]
        for path, shared in ((one, shared) for one in paths for shared in range(len(one.parts))):
            if shared and path.parts[:shared] != own[-shared:]:
                continue
            shortened = PurePath(*path.parts[shared:])
            yield shortened
            yield shortened.with_name(shortened.name.replace(*_CITYSCAPES))
            yield shortened.with_suffix(shortened.suffix.swapcase())
            if suffix is not None:
                yield shortened.with_suffix(suffix)
                yield shortened.with_name(shortened.name + suffix)

    def _ending(self, end: PurePath) -> list[PurePath]:
        """The first two of the files below whose paths end with ``end``, the shortest first."""
        begin = end.parts[::-1]
        below, key = self._below, lambda parts: parts[: len(begin)]
        first, last = bisect_left(below, begin, key=key), bisect_right(below, begin, key=key)
        return [PurePath(*parts[::-1]) for parts in below[first : min(last, first + 2)]]

    @cached_property
    def _below(self) -> list[tuple[str, ...]]:
        """The parts of the paths of all files of the folders below, the last first, in sorted order.

        Linked folders are followed, each once.
        """
        files = []
        seen = {os.path.realpath(path) for path in (self.path, self._without) if path is not None}
        for parent, folders, names in os.walk(self.path, followlinks=True):
            real = {name: os.path.realpath(os.path.join(parent, name)) for name in folders}  # noqa: PTH118
            folders[:] = [name for name in sorted(folders) if real[name] not in seen]
            seen.update(real.values())
            inside = PurePath(parent).relative_to(self.path).parts[::-1]
            files += [(name, *inside) for name in names]
        return sorted(files)


def image_sources(content: Node, folder: Path) -> Iterator[tuple[int, str, str]]:
    """The images that any COCO JSON file lists: the number that we use for each, its name, and its path or URL.

    Raises:
        DatasetError: a field is missing or wrong, an id occurs twice, or a name leads out of the folder.
    """
    files = Folder(folder)
    for number, node in image_nodes(content).values():
        name = node.field("file_name", str)
        yield number, name, name if is_url(name) else str(files.find(name, f"{node.where}.file_name"))


def _unescaped(escaped: re.Match[str]) -> str:
    """The character itself; or the one that stands for a byte in Python's names of files."""
    return chr(int(escaped[1], 16))
