"""Polygons of masks, for tools that know no other shapes.

Corners are those of pixels: the polygon of an image's first pixel is (0, 0), (0, 1), (1, 1), (1, 0).
A polygon of these formats is one closed line. So a cut joins a hole to the line around it: the polygon follows the cut
twice, once in each direction, and the cut encloses nothing.
"""

from collections import defaultdict
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.spatial import Delaunay

TOLERANCE = 0.5
"""How far a polygon may lie from the edges of the pixels, in pixels. At this distance a slope needs no steps."""
_CANDIDATES = 100_000
"""The most corners that are tried as ends of cuts, besides one of each line."""
_SHAKE = 0.1
"""How far corners are moved before neighbours are sought, in pixels. Unmoved corners that lie on two straight lines, as
those of a fence, would take quadratic time."""
Polygon = npt.NDArray[np.float64]
"""Corners (N, 2), x and y; the last one is joined to the first."""


def polygons(mask: npt.NDArray[np.bool_], origin: tuple[int, int] = (0, 0)) -> list[Polygon]:
    """A polygon for each part of a mask (H, W), whose first pixel lies at ``origin`` (x, y) of the image.

    Pixels that touch at a corner belong to one part.
    """
    corners = _corners(mask)
    outlines, _ = cv2.findContours(corners, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)  # a tree takes quadratic time
    _, numbers = cv2.connectedComponents(corners, connectivity=8)
    parts: defaultdict[int, list[Polygon]] = defaultdict(list)
    for outline in outlines:
        x, y = outline[0, 0]
        parts[numbers[y, x]].append(_simplified(outline) / 2 + origin)
    return [joined(lines) for lines in parts.values()]


def joined(lines: Sequence[Polygon]) -> Polygon:
    """Several closed lines as one: short cuts from corner to corner join them."""
    if len(lines) == 1:
        return lines[0]
    corners, ends = np.concatenate(lines), np.cumsum([len(line) for line in lines])
    following = np.arange(1, len(corners) + 1)
    following[ends - 1] = [0, *ends[:-1]]
    corner_at, after = list(range(len(corners))), following.tolist()
    for start, end in _cuts(corners, ends):  # a copy of each goes on where the line at its end went on
        corner_at += [start, end]
        after += [after[start], after[end]]
        after[start], after[end] = len(after) - 1, len(after) - 2
    walk = [0]
    while place := after[walk[-1]]:
        walk.append(place)
    whole: Polygon = corners[np.array(corner_at)[walk]]
    return whole


def _cuts(corners: Polygon, ends: npt.NDArray[np.int64]) -> list[list[int]]:
    """The pairs of ``corners`` (N, 2) that cuts join, so that the lines become one; ``ends`` are those of the lines.

    They are the edges of a minimum spanning tree, which are among those of the Delaunay triangulation.
    """
    tried = np.union1d(np.arange(0, len(corners), -(-len(corners) // _CANDIDATES)), ends - 1)
    lines = np.searchsorted(ends, tried, side="right")
    shaken = corners[tried] + np.random.default_rng(0).uniform(-_SHAKE, _SHAKE, (len(tried), 2))
    mesh = Delaunay(shaken)  # its "coplanar" points are those too close to others
    starts = np.append(mesh.simplices, mesh.coplanar[:, 0])
    stops = np.append(np.roll(mesh.simplices, 1, axis=1), mesh.coplanar[:, 2])
    between = lines[starts] != lines[stops]
    starts, stops = starts[between], stops[between]
    lengths = np.square(corners[tried[starts]] - corners[tried[stops]]).sum(axis=1)
    along = np.flatnonzero(lines[1:] == lines[:-1])  # these edges cost almost nothing: 0 would be no edge
    weights = np.append(lengths + 1, np.full(len(along), 0.5))
    pairs = [np.append(starts, along), np.append(stops, along + 1)]
    rows, columns = np.array(pairs, np.int32)  # SciPy 1.13 takes no int64
    edges = coo_array((weights, (rows, columns)), shape=(len(tried),) * 2)
    tree = minimum_spanning_tree(edges.tocsr()).tocoo()
    cuts = lines[tree.row] != lines[tree.col]
    return tried[np.column_stack([tree.row, tree.col])[cuts]].tolist()  # type: ignore[no-any-return]


def _corners(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """(2H + 1, 2W + 1): the corners, edges and middles of pixels, 1 where one of the mask's pixels has them.

    OpenCV's contours go from middle to middle of these, so they lie on the edges of the mask's pixels.
    """
    height, width = mask.shape
    doubled = np.zeros((2 * height + 1, 2 * width + 1), np.uint8)
    doubled[:-1, :-1] = mask.repeat(2, axis=0).repeat(2, axis=1)
    return np.asarray(cv2.dilate(doubled, np.ones((2, 2), np.uint8), anchor=(1, 1)))


def _simplified(outline: npt.NDArray[np.int32]) -> Polygon:
    """An outline without the corners that it does not need; in halves of pixels."""
    fewer = cv2.approxPolyDP(outline, 2 * TOLERANCE, closed=True)
    return np.asarray(fewer if len(fewer) >= 3 else outline).reshape(-1, 2).astype(np.float64)
