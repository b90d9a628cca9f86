"""A photo and its result, as the server keeps them for a visitor, and the downloads made from them.

The photo itself lies in a file: those of many visitors would fill the memory.
"""

import re
import tempfile
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path, PurePath

import numpy as np
from PIL import Image

from ..categories import Category
from ..coco.encoding import PackedIds
from ..coco.writer import CocoPanopticWriter
from ..images.decode import decode_file
from ..images.encode import encode_png
from ..inference.results import PanopticResult
from ..structures import Segment

THINGS, STUFF = "Things", "Stuff"
KINDS = (THINGS, STUFF)
"""The kinds of segments that a visitor can show or hide."""


@dataclass(frozen=True, kw_only=True)
class SegmentedPhoto:
    """The path of a photo, and its result in a compressed form. The visitor calls it ``file_name``."""

    file_name: str
    photo: Path
    ids: PackedIds
    segments: tuple[Segment, ...]
    void_id: int
    categories: tuple[Category, ...]

    @classmethod
    def of(cls, file_name: str, photo: Path, result: PanopticResult) -> "SegmentedPhoto":
        """Compress a result."""
        return cls(
            file_name=file_name,
            photo=photo,
            ids=PackedIds.pack(result.panoptic_seg),
            segments=result.segments,
            void_id=result.void_id,
            categories=result.categories,
        )

    @property
    def name(self) -> str:
        """A name for downloads: that of the photo, without suffix and without characters of paths."""
        return re.sub(r"[^\w ()-]", "_", PurePath(self.file_name).stem)[:60] or "photo"

    def select(self, kinds: Collection[str], threshold: float) -> PanopticResult:
        """The segments of the given :data:`KINDS` with a score of at least ``threshold`` (0–1). The rest is void."""
        selected = tuple(
            segment
            for segment in self.segments
            if (THINGS if segment.isthing else STUFF) in kinds and segment.score >= threshold
        )
        ids = self.ids.unpack()
        ids = np.where(np.isin(ids, [segment.id for segment in selected]), ids, np.int32(self.void_id))
        return PanopticResult(ids, selected, self.void_id, categories=self.categories)

    def overlay(self, kinds: Collection[str], threshold: float) -> bytes:
        """A PNG file of the photo with the selected segments drawn over it."""
        photo = Image.fromarray(decode_file(self.photo.read_bytes(), self.file_name))
        return encode_png(self.select(kinds, threshold).to_pil(photo))

    def coco_json(self, kinds: Collection[str], threshold: float) -> bytes:
        """The selected segments as a COCO panoptic JSON file, which names the file of :meth:`coco_png` NAME.png."""
        return self._coco(kinds, threshold)[0]

    def coco_png(self, kinds: Collection[str], threshold: float) -> bytes:
        """The PNG file of the selected segments, whose colours are segment ids."""
        return self._coco(kinds, threshold)[1]

    def _coco(self, kinds: Collection[str], threshold: float) -> tuple[bytes, bytes]:
        with tempfile.TemporaryDirectory(dir=self.photo.parent) as folder:
            with CocoPanopticWriter(Path(folder, "panoptic.json"), self.categories) as writer:
                writer.add(self.file_name, f"{self.name}.png", self.select(kinds, threshold))
            return writer.json_path.read_bytes(), (writer.png_folder / f"{self.name}.png").read_bytes()
