"""Write a dataset in our layout, whole or not at all: gathered beside its folder, and put there when all is done."""

import hashlib
import json
import os
import shutil
import time
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PureWindowsPath
from typing import TypeVar

from ..categories import Category
from ..claims import DIGEST, RUN, Claim, TakenError, read_claim
from ..coco.annotation import Annotation
from ..coco.photo import Exif
from ..coco.reader import CocoPanoptic
from ..coco.writer import DATASET_JSON, CocoPanopticWriter
from ..errors import DatasetError, ImageError
from ..files import errors_named, file_stem, is_temporary, temporary_folder
from ..images.header import check_end
from .files import content_digest
from .report import REPEATED, UNSOUND, Report

T = TypeVar("T")
Progress = Callable[[Sequence[T]], Iterable[T]]
"""Goes through a list, and may show how far it is."""


class DatasetOutput:
    """Takes photos with their truth, and counts them. Photos keep their bytes and, where no two have it, their names.

    ``photos`` has the place of the first photo of each content, by its digest.
    """

    def __init__(self, folder: Path, writer: CocoPanopticWriter, report: Report) -> None:
        self.folder, self._writer, self._report = folder, writer, report
        self._stems: set[str] = set()
        self._numbers: dict[str, int] = {}  # the last one of each wanted stem
        self.digests: dict[str, str] = {}
        self.photos: dict[str, str] = {}

    def copy(
        self, dataset: CocoPanoptic, index: int, change: Callable[[Annotation], Annotation] = lambda truth: truth
    ) -> None:
        """Add an example of another dataset, with its truth as ``change`` makes it. Raises as :meth:`add`.

        What is odd about it is noted, and what the photo's header or end shows to be wrong.
        """
        entry = dataset.entries[index]
        where, truth, image = dataset.where(entry), dataset.annotation(index), dataset.image_path(entry)
        self._report.note_remarks(truth.remarks)
        problem = dataset.problem(index)
        if not isinstance(problem, str):
            try:
                check_end(image)
            except ImageError as error:
                problem = str(error)
        if isinstance(problem, str):
            self._report.note(UNSOUND, where, problem.removeprefix(f"{where}: "))
        self.add(where, entry.name, image, change(truth))

    def add(self, where: str, name: str, image: Path | bytes, annotation: Annotation) -> None:
        """Add the photo of a place, a file or its content, called ``name``. One without a segment is left out.

        Raises:
            DatasetError: there is no such photo.
            OSError: it cannot be read, or a file not be written.
        """
        if not self._report.count(where, annotation, self._writer.categories):
            return
        if isinstance(image, Path) and not image.is_file():
            raise DatasetError(f"{image}: no such photo. swinpan dataset check tells all that is wrong with a dataset.")
        stem = self._new_stem(file_stem(name))
        file_name = stem + (PureWindowsPath(name).suffix.lower() or ".jpg")
        target = self.folder / "images" / file_name
        with errors_named(target):
            if isinstance(image, bytes):
                target.write_bytes(image)
            else:
                shutil.copyfile(image, target)
        self._writer.add_annotation(file_name, f"{stem}.png", annotation)
        for path in (target, self._writer.png_folder / f"{stem}.png"):  # while the system has them in memory
            self.digests[path.relative_to(self.folder).as_posix()] = content_digest(path)
        digest = self.digests[f"images/{file_name}"]
        if digest in self.photos:
            self._report.note(REPEATED, where, self.photos[digest])
        self.photos.setdefault(digest, where)

    def _new_stem(self, wanted: str) -> str:
        """A stem that no other photo has, nor its PNG. Some disks do not tell A from a, or é from e + ´."""
        stem, number = wanted, self._numbers.get(wanted, 1)
        while (key := unicodedata.normalize("NFC", stem).casefold()) in self._stems:
            number += 1
            stem = f"{wanted}-{number}"
        self._stems.add(key)
        self._numbers[wanted] = number
        return stem


@contextmanager
def dataset_output(
    claim: Claim, categories: Sequence[Category], report: Report, *, exif: Exif | None = None
) -> Iterator[DatasetOutput]:
    """Write a dataset to the folder of ``claim``; a former one there of the same claim is replaced at the end.

    Args:
        claim: Of :func:`~modelscope_swinpan.coco.writer.dataset_claim`. More files of it may be written to the output's
            own ``folder`` meanwhile.
        categories: The classes of the labels of what is added.
        report: Counts what is added.
        exif: What the truth was annotated on, where that is known.

    Raises:
        ConfigError: the folder holds something else, also photos that were added to a former dataset, or another
            process writes to it.
        OSError: a file cannot be written.
    """
    claim.check()
    _check_former(claim)
    with temporary_folder(claim.folder.absolute().parent) as folder, errors_named(claim.folder, folder):
        (folder / "images").mkdir()
        info = None if exif is None else {"exif": exif}
        with CocoPanopticWriter(folder / DATASET_JSON, categories, info) as writer:
            output = DatasetOutput(folder, writer, report)
            yield output
        texts = {name: content_digest(folder / name) for name in claim.files if (folder / name).is_file()}
        with claim.taken():
            _check_former(claim)
            claim.sign(_joined({**output.digests, **texts}))  # first: there may be no room for it
            _move(folder, claim)
            (claim.folder / RUN).touch()  # the latest file: see _is_changed


def _check_former(claim: Claim) -> None:
    """Raise a TakenError where the files to be replaced are not all of the former dataset as it was written."""
    places = [claim.folder / name for name in claim.files]
    there = [path for place in places for path in (place, *place.rglob("*")) if os.path.lexists(path)]
    there = [path for path in there if (path.is_symlink() or not path.is_dir()) and not is_temporary(path)]
    if not there:
        return
    try:
        former = json.loads((claim.folder / DATASET_JSON).read_bytes())
        listed = {
            claim.folder / place / entry["file_name"]
            for place, kind in (("images", "images"), ("panoptic", "annotations"))
            for entry in former[kind]
        }
    except (OSError, ValueError, KeyError, TypeError):
        listed = set()
    if added := [path for path in there if path not in listed and (path not in places or path.is_symlink())]:
        raise TakenError(
            f"{added[0]} does not belong to the dataset that would be replaced ({len(added)} such files). Move it "
            "away, or choose another folder."
        )
    if _is_changed(claim.folder, there):
        last = max(there, key=lambda path: path.lstat().st_mtime_ns)
        raise TakenError(
            f"{last} was changed since its dataset was written, and would be replaced. Choose another folder."
        )


def _is_changed(folder: Path, files: Sequence[Path]) -> bool:
    """Whether a dataset's files differ from what was written. They are read only if a time says that they may differ.

    A time in the future says so as well: the clock was set back, and later changes would seem to be earlier ones.
    """
    written = _changed_at(folder / RUN)
    if written <= time.time_ns() and all(_changed_at(path) <= written for path in files):
        return False
    found = {path.relative_to(folder).as_posix(): content_digest(path) for path in files}
    return _joined(found) != (read_claim(folder) or {}).get(DIGEST)


def _changed_at(path: Path) -> int:
    """When a file was changed or came to its place, in nanoseconds. A copy can keep the first time, not the second."""
    found = path.lstat()
    return max(found.st_mtime_ns, found.st_ctime_ns)


def _joined(digests: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(sorted(digests.items())).encode()).hexdigest()


def _move(folder: Path, claim: Claim) -> None:
    """Put the finished files in the place of former ones. The JSON file goes first and comes last."""
    (claim.folder / DATASET_JSON).unlink(missing_ok=True)
    for name in sorted(claim.files, key=lambda name: name == DATASET_JSON):
        target = claim.folder / name
        if target.is_dir():
            shutil.rmtree(target)
        shutil.move(folder / name, target)
