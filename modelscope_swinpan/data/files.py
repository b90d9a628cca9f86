"""The files of a source: annotation files and photos in its folders, and label pictures read as numbers or colours."""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from .. import files
from ..coco.encoding import ids_from_colors
from ..coco.id_maps import read_label_file
from ..errors import DatasetError, SwinPanError
from ..images.decode import MAX_PIXELS
from ..runs.own_names import own_name
from ..runs.tree import Folder, folders, image_files
from ..structures import Size
from .report import BAD_OUTLINE, CLOSED, OTHER_SIZE, Dropped, Report

Values = npt.NDArray[np.int32]
_NUMBERS = ("1", "L", "P", "I", "I;16", "I;16B", "I;16L")


def read_small(path: Path, expected: str, error: type[SwinPanError], most: int = 2**20) -> bytes:
    """The content of a file of at most ``most`` bytes. An ``error`` says what was ``expected`` if it is larger."""
    try:
        with files.open_file(path) as file:
            content = file.read(most + 1)
    except OSError as problem:
        raise error(f"{path}: cannot be read: {problem.strerror}") from None
    if len(content) > most:
        raise error(f"{path}: over {most} bytes, expected {expected}.")
    return content


def read_lines(path: Path, expected: str, error: type[SwinPanError], most: int = 2**20) -> list[str]:
    """The lines of such a file, a text in UTF-8."""
    try:
        return read_small(path, expected, error, most).decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise error(f"{path}: not a text in UTF-8, expected {expected}.") from None


def files_below(folder: Path, suffix: str, report: Report | None = None) -> Iterator[Path]:
    """The files of a suffix in a folder and those below it, in sorted order; hidden ones are passed over.

    Folders that cannot be read are noted in the ``report``.
    """
    for below in _folders(folder, Counter(), report):
        yield from (path for path in below.files if path.suffix.lower() == suffix)


def photos_below(folder: Path, report: Report | None = None) -> Iterator[Path]:
    """The images in a folder and those below it, in sorted order. The ``report`` is :func:`files_below`'s."""
    left_out: Counter[str] = Counter()
    for below in _folders(folder, left_out, report):
        yield from image_files(below.files, left_out=left_out)


def _folders(folder: Path, left_out: "Counter[str]", report: Report | None) -> Iterator[Folder]:
    def note(closed: Path) -> None:
        if report is not None:
            report.note(CLOSED, str(closed))

    return folders(folder, left_out=left_out, closed=note)


def by_stem(paths: Iterable[Path], folder: Path) -> dict[str, Path]:
    """Files by their path in ``folder`` without the suffix.

    Raises:
        DatasetError: two files have the same.
    """
    found: dict[str, Path] = {}
    for path in paths:
        stem = path.relative_to(folder).with_suffix("").as_posix()
        if stem in found:
            raise DatasetError(f"{path} and {found[stem]} differ in their suffixes alone; move one away.")
        found[stem] = path
    return found


def stems(photo: Path, folder: Path) -> list[str]:
    """The paths without suffix that a file of the same name may have below another folder.

    They are the photo's own in ``folder``, and the one that ``swinpan batch`` takes where some disk cannot hold that.
    """
    name = photo.relative_to(folder).as_posix()
    return [PurePosixPath(name).with_suffix("").as_posix(), own_name(name) or ""]


def path_ends(path: str) -> list[str]:
    """The ends of a path of any system, the longest first: all of it, then without its first folder, and so on.

    Its root and ``..`` in it are left out.
    """
    windows = PureWindowsPath(path)
    parts = [part for part in windows.relative_to(windows.anchor).parts if part != ".."]
    return ["/".join(parts[start:]) for start in range(len(parts))]


def content_digest(path: Path) -> str:
    """A digest of a file's whole content.

    Raises:
        DatasetError: it cannot be read.
    """
    try:
        return files.content_digest(path)
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror}") from None


def first_folder(folder: Path, names: Iterable[str]) -> Path | None:
    """The first of ``names`` that is a folder in ``folder``. Capitals do not count."""
    there = {path.name.lower(): path for path in sorted(folder.iterdir()) if path.is_dir()} if folder.is_dir() else {}
    return next((there[name.lower()] for name in names if name.lower() in there), None)


def read_values(path: Path, size: Size | None = None) -> Values:
    """The numbers (H, W) in a label picture: grey values, or places in its palette.

    Raises:
        DatasetError: it is missing, damaged, or has colours.
        Dropped: it has another ``size``.
    """

    def values(picture: Image.Image) -> Values:
        _check_size(picture, size)
        if picture.mode in _NUMBERS:
            return np.asarray(picture).astype(np.int32)
        pixels = np.asarray(picture.convert("RGB"))
        if picture.mode == "LA" or (pixels == pixels[..., :1]).all():
            return pixels[..., 0].astype(np.int32)
        raise DatasetError(f"{path}: a picture in colours; --classes must give the colour of each class (name r g b).")

    return read_label_file(path, values)


def read_colors(path: Path, size: Size | None = None) -> Values:
    """The colours (H, W) of a label picture as numbers, R + 256 · G + 256² · B. Raises as :func:`read_values`."""

    def colors(picture: Image.Image) -> Values:
        _check_size(picture, size)
        mode = "RGBA" if "transparency" in picture.info else "RGB"
        return ids_from_colors(np.asarray(picture.convert(mode))[..., :3])

    return read_label_file(path, colors)


def read_label_picture(path: Path, size: Size | None = None) -> tuple[Values, bool]:
    """The colours of a label picture, or its numbers if it has no colours of its own; and whether they are colours.

    Raises as :func:`read_values`.
    """
    colored = picture_kind(path) == "colors"
    return (read_colors if colored else read_values)(path, size), colored


def picture_kind(path: Path) -> Literal["grey", "palette", "colors"]:
    """What the pixels of a label picture are. Raises as :func:`read_values`."""
    mode = read_label_file(path, lambda picture: picture.mode)
    if mode == "P":
        return "palette"
    return "grey" if mode in (*_NUMBERS, "LA") else "colors"


def read_bitmap(content: bytes, where: str, size: Size) -> npt.NDArray[np.uint8]:
    """The pixels, (H, W) or (H, W, C), of a picture in an annotation file. It shows a part of a photo of ``size``.

    Raises:
        DatasetError: it is damaged.
        Dropped: it is larger than the photo.
    """

    def pixels(picture: Image.Image) -> npt.NDArray[np.uint8]:
        if picture.width > size.width or picture.height > size.height:  # before it is decoded
            raise Dropped(BAD_OUTLINE, f"a mask of {picture.width} × {picture.height} pixels is larger than the image")
        if picture.mode == "P" and "transparency" in picture.info:
            picture = picture.convert("RGBA")
        return np.asarray(picture if picture.mode not in ("P", "1") else picture.convert("L")).astype(np.uint8)

    return read_label_file(content, pixels, where)


def _check_size(picture: Image.Image, size: Size | None) -> None:
    if picture.width * picture.height > MAX_PIXELS:
        raise Dropped(OTHER_SIZE, f"{picture.width} × {picture.height} pixels, expected at most {MAX_PIXELS} in total")
    if size is not None and (picture.height, picture.width) != size:
        found = f"its label picture has {picture.width} × {picture.height} pixels"
        raise Dropped(OTHER_SIZE, f"{found}, the photo {size.width} × {size.height}")
