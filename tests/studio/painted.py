"""A predictor that finds the same in every photo: sky above, grass below, two cars between them."""

import io
import threading

import numpy as np
from PIL import Image

from modelscope_swinpan.categories import Category
from modelscope_swinpan.config import Mask2FormerConfig
from modelscope_swinpan.inference.results import PanopticResult
from modelscope_swinpan.structures import Segment
from tests.builders import random_image

CATEGORIES = (
    Category(3, "car", True, (220, 20, 60)),
    Category(7, "<b>${1 + 1}</b> `", True, (0, 0, 142)),  # a name to be read as it stands, not as HTML or JavaScript
    Category(187, "sky", False, (70, 130, 180)),
    Category(193, "grass", False, (152, 251, 152)),
)
STRANGE = CATEGORIES[1].name
VOID = 4


def make_png(height, width) -> bytes:
    """A photo's file."""
    png = io.BytesIO()
    Image.fromarray(random_image(height, width)).save(png, "PNG")
    return png.getvalue()


def painted_result(height: int, width: int) -> PanopticResult:
    """Sky 0.95 and grass 0.6, a row of void between them; on it a car 0.8 and a strange thing 0.3."""
    ids = np.full((height, width), VOID, np.int32)
    middle = height // 2
    ids[:middle] = 2
    ids[middle + 1 :] = 3
    for id_, left in ((1000, width // 8), (1001, 5 * width // 8)):
        ids[height // 3 : 2 * height // 3, left : left + width // 4] = id_
    found = [(3, 3, 0.6), (2, 2, 0.95), (1001, 1, 0.3), (1000, 0, 0.8)]
    return PanopticResult(ids, tuple(_segment(ids, *what) for what in found), VOID, categories=CATEGORIES)


def _segment(ids, id_, label, score):
    ys, xs = np.nonzero(ids == id_)
    category = CATEGORIES[label]
    box = (int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1)
    return Segment(id_, label, category.id, category.name, category.isthing, len(ys), box, score)


class PaintedPredictor:
    """Answers with :func:`painted_result`, as soon as ``gate`` is open.

    Counts the photos, and how many were there at the same time at most.
    """

    def __init__(self, config: Mask2FormerConfig | None = None) -> None:
        self.categories = config.categories if config else CATEGORIES
        self.gate = threading.Event()
        self.gate.set()
        self.count = 0
        self.most = 0
        self._active = 0

    def predict(self, images):
        self._active += 1
        self.most = max(self.most, self._active)
        assert self.gate.wait(60)
        self._active -= 1
        self.count += len(images)
        return [painted_result(*image.shape[:2]) for image in images]
