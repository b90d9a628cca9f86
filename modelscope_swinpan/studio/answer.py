"""What the page keeps of a photo: little enough to hold it for every visitor, and all that downloads are made of."""

import io
import re
import tempfile
import zlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path, PurePath

import numpy as np
from PIL import Image

from ..categories import Category
from ..coco.writer import CocoPanopticWriter
from ..images.decode import decode_file
from ..inference.results import PanopticResult
from ..structures import Segment

THINGS, STUFF = "Things", "Stuff"
KINDS = (THINGS, STUFF)
"""What a visitor can ask to see."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A photo, as the bytes of its file, and its result. ``file_name`` is the visitor's name for the photo.

    ``packed`` is the result's map, compressed: the 48 MB of a 12-megapixel photo become some tens of kilobytes.
    """

    file_name: str
    photo: bytes
    packed: bytes
    shape: tuple[int, int]
    segments: tuple[Segment, ...]
    void_id: int
    categories: tuple[Category, ...]

    @classmethod
    def of(cls, file_name: str, photo: bytes, result: PanopticResult) -> "Answer":
        """Pack a result."""
        return cls(
            file_name=file_name,
            photo=photo,
            packed=zlib.compress(result.panoptic_seg.tobytes(), level=1),
            shape=result.shape,
            segments=result.segments,
            void_id=result.void_id,
            categories=result.categories,
        )

    @property
    def name(self) -> str:
        """A name for files: the photo's without its suffix, and without anything that a path is made of."""
        return re.sub(r"[^\w ()-]", "_", PurePath(self.file_name).stem)[:60] or "photo"

    def select(self, kinds: Collection[str], threshold: float) -> PanopticResult:
        """The segments of some :data:`KINDS` whose score is at least ``threshold`` (0–1); the rest is void."""
        shown = tuple(
            segment
            for segment in self.segments
            if (THINGS if segment.isthing else STUFF) in kinds and segment.score >= threshold
        )
        ids = np.frombuffer(zlib.decompress(self.packed), np.int32).reshape(self.shape)
        ids = np.where(np.isin(ids, [segment.id for segment in shown]), ids, np.int32(self.void_id))
        return PanopticResult(ids, shown, self.void_id, categories=self.categories)

    def picture(self, kinds: Collection[str], threshold: float) -> bytes:
        """The photo under the selected segments, a PNG file."""
        photo = Image.fromarray(decode_file(self.photo, self.file_name))
        png = io.BytesIO()
        self.select(kinds, threshold).to_pil(photo).save(png, "PNG")
        return png.getvalue()

    def coco(self, kinds: Collection[str], threshold: float) -> tuple[bytes, bytes]:
        """The selected segments in COCO's panoptic format: the JSON file, and the PNG file that it calls NAME.png."""
        with tempfile.TemporaryDirectory() as folder:
            with CocoPanopticWriter(Path(folder, "panoptic.json"), self.categories) as writer:
                writer.add(self.file_name, f"{self.name}.png", self.select(kinds, threshold))
            return writer.json_path.read_bytes(), (writer.png_folder / f"{self.name}.png").read_bytes()
