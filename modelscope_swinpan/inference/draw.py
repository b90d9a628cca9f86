"""Overlays: a result drawn over its image, and masks in ModelScope's colours."""

import colorsys
from collections import Counter
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from ..categories import COCO_PANOPTIC, Category
from ..errors import ConfigError, ImageError
from ..structures import Segment
from .labels import Color, Label, add_labels

OPACITY = 0.45  # opacity of a segment's colour over the image, 0–1
READABLE_SIDE = 640  # smaller images are enlarged by a whole factor, up to a long side of this many pixels
_GRID = 256  # the most points along a side of a segment's box at which its middle is searched
Indices = npt.NDArray[np.uint16 | np.int32]


def draw(
    image: npt.NDArray[np.uint8],
    panoptic_seg: npt.NDArray[np.int32],
    segments: Sequence[Segment],
    categories: Sequence[Category],
    *,
    scores: bool = True,
) -> npt.NDArray[np.uint8]:
    """An overlay: the image under translucent segments with outlines and labels.

    Stuff has its category's colour. Things have shades of it, so that neighbours of one class differ. Void is not
    coloured. A label with class and, by default, score stands where its segment is widest; the largest segments are
    labelled first, until labels would cover a quarter of the picture. Lines and letters grow with the image.

    Args:
        image: (H, W, 3), RGB, uint8.
        panoptic_seg: (H, W), the segments' ids.
        segments: The segments to draw.
        categories: The model's classes, in label order.
        scores: Whether labels show the scores.

    Returns:
        (n·H, n·W, 3), RGB, uint8. The factor n exceeds 1 if the long side is at most half of :data:`READABLE_SIDE`.

    Raises:
        ImageError: ``image`` and ``panoptic_seg`` differ in size.
    """
    if image.shape != (*panoptic_seg.shape, 3):
        raise ImageError(
            f"Image of shape {image.shape} does not fit a result of size {panoptic_seg.shape}. Give the image that the "
            "result is for, as (height, width, 3)."
        )
    indices = _segment_indices(panoptic_seg, segments)
    points = _inner_points(indices, segments)
    factor = max(1, READABLE_SIDE // max(indices.shape))
    if factor > 1:
        image = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
        indices = cv2.resize(indices, None, fx=factor, fy=factor, interpolation=cv2.INTER_NEAREST)
    colors = segment_colors(segments, categories)
    blended = cv2.addWeighted(image, 1 - OPACITY, _painted(indices, colors), OPACITY, 0)
    picture = np.where(indices[..., np.newaxis] > 0, blended, image)
    width = max(1, round(min(picture.shape[:2]) / 400))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width + 1, width + 1))
    if indices.dtype != np.uint16:
        indices = indices.astype(np.float32)  # OpenCV finds edges in no array of int32
    picture[cv2.morphologyEx(indices, cv2.MORPH_GRADIENT, kernel) > 0] = 255  # white outlines
    labels = [
        Label(f"{segment.label} {segment.score:.2f}" if scores else segment.label, (x * factor, y * factor), color)
        for segment, (x, y), color in zip(segments, points, colors, strict=True)
    ]
    return add_labels(picture, [labels[i] for i in sorted(range(len(labels)), key=lambda i: -segments[i].area)])


def paint(
    panoptic_seg: npt.NDArray[np.int32], segments: Sequence[Segment], categories: Sequence[Category]
) -> npt.NDArray[np.uint8]:
    """The colours of :func:`draw` without an image: (H, W, 3), RGB, uint8, black for void."""
    return _painted(_segment_indices(panoptic_seg, segments), segment_colors(segments, categories))


def masks_to_image(masks: Sequence[npt.NDArray[np.generic]]) -> npt.NDArray[np.float64]:
    """Masks (H, W) as one image (H, W, 3), RGB, float64, 0–255: later masks on top, black where there is none.

    As in ModelScope's ``panoptic_seg_masks_to_image``, mask i has the colour of COCO's label i, whatever its class.
    After the 133rd mask, where ModelScope fails, the colours start again.

    Raises:
        ConfigError: There are no masks, so the image would have no size.
    """
    if len(masks) == 0:
        raise ConfigError("No masks to draw: nothing was found in the image. Check result['masks'] before drawing it.")
    image = np.zeros((*masks[0].shape, 3))
    for number, mask in enumerate(masks):
        image[mask.astype(bool)] = COCO_PANOPTIC[number % len(COCO_PANOPTIC)].color
    return image


def segment_colors(segments: Sequence[Segment], categories: Sequence[Category]) -> list[Color]:
    """One RGB colour (0–255) per segment: the category's, or a shade of it from a category's second thing on."""
    seen: Counter[int] = Counter()
    colors = []
    for segment in segments:
        color = categories[segment.label_id].color
        colors.append(_shade(color, seen[segment.label_id]) if segment.isthing else color)
        seen[segment.label_id] += 1
    return colors


def _shade(color: Color, number: int) -> Color:
    """Shade ``number`` of a colour. Shade 0 is the colour itself; others differ in lightness and slightly in hue."""
    if number == 0:
        return color
    hue, lightness, saturation = colorsys.rgb_to_hls(*(channel / 255 for channel in color))
    turn = number * 0.618 % 1  # golden-ratio steps never repeat, and neighbours lie far apart
    hue += 0.3 * (turn if turn < 0.5 else turn - 1)
    lightness = 0.35 + 0.45 * ((lightness + turn) % 1)
    red, green, blue = colorsys.hls_to_rgb(hue % 1, lightness, max(saturation, 0.4))
    return round(red * 255), round(green * 255), round(blue * 255)


def _segment_indices(panoptic_seg: npt.NDArray[np.int32], segments: Sequence[Segment]) -> Indices:
    """(H, W): 0 for void, n + 1 for ``segments[n]``."""
    table = np.zeros(int(panoptic_seg.max()) + 1, np.uint16 if len(segments) < 2**16 else np.int32)
    for index, segment in enumerate(segments, start=1):
        table[segment.id] = index
    return table[panoptic_seg]


def _painted(indices: Indices, colors: Sequence[Color]) -> npt.NDArray[np.uint8]:
    """(H, W, 3): black for void, and the colours of the segments."""
    return np.array([(0, 0, 0), *colors], np.uint8)[indices]


def _inner_points(indices: Indices, segments: Sequence[Segment]) -> npt.NDArray[np.float64]:
    """(N, 2): the point (x, y) of each segment that is farthest from its edge, searched on a coarse grid."""
    points = np.empty((len(segments), 2))
    for index, segment in enumerate(segments):
        x1, y1, x2, y2 = segment.box
        step = -(-max(x2 - x1, y2 - y1) // _GRID)
        mask = np.pad(indices[y1:y2:step, x1:x2:step] == index + 1, 1)  # the box's border is an edge, too
        distance = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 5)
        y, x = np.unravel_index(distance.argmax(), distance.shape)
        points[index] = x1 + (x - 0.5) * step, y1 + (y - 0.5) * step
    return points
