"""One region of an image, as every result lists it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Segment:
    """One region of a panoptic map, or an instance.

    ``id`` is its value in the map, ``label_id`` the model's class (0 … K-1), ``category_id`` the dataset's.
    ``score`` (0–1) is class probability × mask probability, averaged over the segment's pixels. ``box`` is
    ``(x1, y1, x2, y2)`` in pixels of the original image, right and bottom edges exclusive.
    """

    id: int
    label_id: int
    category_id: int
    label: str
    isthing: bool
    area: int
    box: tuple[int, int, int, int]
    score: float
