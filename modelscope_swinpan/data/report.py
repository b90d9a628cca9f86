"""What happened in an import: how much came in, and each thing that was left out or odd, with its file and place."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..categories import Category
from ..coco.annotation import Annotation
from ..coco.remarks import Remark
from ..errors import DatasetError, SwinPanError
from ..words import number_of

MISSING = "missing image"
UNREADABLE = "unreadable image"
OTHER_SIZE = "image of another size"
NO_SEGMENTS = "no segments"
UNANNOTATED = "not annotated"
NO_AREA = "no area (points, lines)"
BOX = "a box without an outline"
NO_PIXELS = "no pixels"
COVERED = "covered by other shapes"
UNKNOWN_CLASS = "unknown class"
BAD_OUTLINE = "unusable outline"
OVERLAP = "overlap"
TURNED = "turned by EXIF in a way that its size does not show"
REPEATED = "the same photo as before"
ALIKE = "classes that differ by spaces or capitals alone"
RECTANGLES = "rectangles taken as outlines"
CLOSED = "a folder that cannot be read, left out"
UNSOUND = "a photo that training refuses, copied as it is"
"""Reasons and kinds, in the words that the report shows."""


class Dropped(SwinPanError):  # noqa: N818 (not an error: the shape is counted, the import goes on)
    """A shape or an image cannot be used, for a ``reason`` of this module; ``detail`` says more."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail = reason, detail


@dataclass(frozen=True)
class Note:
    """One line of the report: ``kind``, the file and place, and what was found there."""

    kind: str
    where: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.kind}" + (f": {self.detail}" if self.detail else "")


class Report:
    """Counts of what came in or was rearranged, and notes in the order of the source."""

    def __init__(self) -> None:
        self.images = 0
        self.segments: Counter[str] = Counter()  # by class
        self.left_out: Counter[str] = Counter()  # images, by reason
        self.dropped: Counter[str] = Counter()  # shapes, by reason
        self.others: Counter[str] = Counter()  # other notes, by kind
        self.notes: list[Note] = []

    def count(self, where: str, annotation: Annotation, categories: Sequence[Category]) -> bool:
        """Count an image and its segments. One without a segment is left out, and the answer is False."""
        if not annotation.segments:
            self.leave_out(where, Dropped(NO_SEGMENTS))
            return False
        self.images += 1
        self.segments.update(categories[segment.label_id].name for segment in annotation.segments)
        return True

    def check(self, source: Path) -> None:
        """Raise a DatasetError with what was left out if no image is there."""
        if not self.images:
            told = [f"{source}: no image with a segment", *self._left_out()]
            first = [f"The first: {self.notes[0]}"] if self.notes else []
            raise DatasetError(". ".join([*told, *first]) + ".")

    def leave_out(self, where: str, dropped: Dropped) -> None:
        """An image is left out."""
        self.left_out[dropped.reason] += 1
        self.notes.append(Note(dropped.reason, where, dropped.detail))

    def drop(self, where: str, dropped: Dropped) -> None:
        """A shape is left out."""
        self.dropped[dropped.reason] += 1
        self.notes.append(Note(dropped.reason, where, dropped.detail))

    def note(self, kind: str, where: str, detail: str = "") -> None:
        """Something is odd, and nothing is left out for it."""
        self.others[kind] += 1
        self.notes.append(Note(kind, where, detail))

    def note_alike(self, where: str, categories: Sequence[Category]) -> None:
        """Classes whose names may mean one class are noted, each group once, with the line that joins them."""
        groups: dict[str, list[str]] = {}
        for category in categories:
            groups.setdefault(" ".join(category.name.split()).casefold(), []).append(category.name)
        for names in groups.values():
            if len(names) > 1:
                line = json.dumps({" ".join(names[0].split()): names}, ensure_ascii=False)[1:-1]
                self.note(
                    ALIKE,
                    where,
                    f"they stay apart; a file for swinpan dataset remap --classes joins them by the line {line}",
                )

    def note_remarks(self, remarks: Iterable[Remark]) -> None:
        """What the reader of a dataset found odd."""
        for remark in remarks:
            self.others[remark.kind] += remark.number
            self.notes.append(Note(remark.kind, remark.where, str(remark.number)))

    def to_json(self) -> Mapping[str, Any]:
        """The report as JSON."""
        return {
            "images": self.images,
            "segments": dict(self.segments.most_common()),
            "images_left_out": dict(self.left_out.most_common()),
            "shapes_dropped": dict(self.dropped.most_common()),
            "notes_by_kind": dict(self.others.most_common()),
            "notes": [{"kind": note.kind, "where": note.where, "detail": note.detail} for note in self.notes],
        }

    def summary(self) -> str:
        """The counts, in some lines."""
        lines = [f"{number_of(self.images, 'image')}, {number_of(self.segments.total(), 'segment')}"]
        lines += [f"  {number:>7} {name}" for name, number in self.segments.most_common()]
        return "\n".join([*lines, *self._left_out()])

    def _left_out(self) -> list[str]:
        """The counts of what did not come in, or is odd, with their reasons."""
        kinds = (("image", " left out", self.left_out), ("shape", " dropped", self.dropped), ("note", "", self.others))
        return [
            f"{number_of(counts.total(), noun)}{fate}: "
            + ", ".join(f"{number} × {reason}" for reason, number in counts.most_common())
            for noun, fate, counts in kinds
            if counts
        ]
