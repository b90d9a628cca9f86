"""Place things in a scene, far ones first. No labelled thing may be tiny or almost hidden."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..categories import Category
from .camera import Camera, Light
from .canvas import VOID, Canvas, Generator, Map
from .props import pole
from .things import Draw

LEAST_AREA = 1 / 750
"""The smallest part of the picture that an unhidden thing covers: 109 of 256 × 320 pixels, if ``far`` is 1."""
LEAST_VISIBLE = 0.4  # the smallest part of a thing that stays visible beside other things and the edge of the picture
_MAX_IDS = 256
_TRIES = 6
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Kind:
    """A kind of object that can be placed in front of the stuff ``on``.

    ``heights`` is the range of its heights. A standing object has heights in metres. ``rows`` is the range of the
    distance of its foot below the horizon, in heights of the picture, and ``post`` is the length of the post under it,
    in metres. An object without ``rows`` hangs or flies, and its heights are fractions of the picture's short side.
    ``name`` is the category; None is clutter, which is void.
    """

    name: str | None
    draw: Draw
    heights: tuple[float, float]
    on: tuple[str, ...]
    rows: tuple[float, float] | None = (0.05, 0.7)
    post: float = 0


@dataclass(frozen=True)
class Plan:
    """A drawn object without a column yet. Its foot goes to ``row``, where a metre is ``scale`` pixels."""

    kind: Kind
    row: int
    scale: float
    colors: Map
    coverage: Map

    @property
    def depth(self) -> int:
        """The order of painting: the row of the foot, or 0 for an object that hangs."""
        return 0 if self.kind.rows is None else self.row


class Stage:
    """A canvas with stuff, on which things are placed.

    The id of stuff is its label + 1. Ids of things follow. ``labels`` holds the label of every id; ``things`` is the
    number of things placed.
    """

    def __init__(
        self, canvas: Canvas, camera: Camera, light: Light, categories: Sequence[Category], ground: Iterable[str]
    ) -> None:
        """Prepare the ids. ``ground`` names the stuff that shadows fall on."""
        self.canvas = canvas
        self.camera = camera
        self.light = light
        self.things = 0
        self.stuff_ids = {item.name: label + 1 for label, item in enumerate(categories) if not item.isthing}
        self.labels = {id_: id_ - 1 for id_ in self.stuff_ids.values()}
        self._thing_labels = {item.name: label for label, item in enumerate(categories) if item.isthing}
        self._first_thing = len(categories) + 1
        self._ground = self._ids_of(ground)
        self._seen = np.zeros(_MAX_IDS)  # visible pixels of every thing
        self._needed = np.full(_MAX_IDS, -np.inf)  # pixels that must stay visible; none of stuff

    def plan(self, kind: Kind, rng: Generator) -> Plan | None:
        """Draw an object at a random distance. Returns None if it would be too small or too large."""
        height, width = self.canvas.size
        size = rng.uniform(*kind.heights)
        near = height / self.camera.far
        least_area = LEAST_AREA * height * width / self.camera.far**2
        for _ in range(_TRIES):
            if kind.rows is None:
                row, scale = int(rng.uniform(0.05, 0.95) * self.camera.horizon), min(height, width) / self.camera.far
            else:
                row = int(min(self.camera.horizon + rng.uniform(*kind.rows) * height, 0.99 * height))
                scale = self.camera.scale(row)
            if not 0.03 * near <= size * scale <= (size + kind.post) * scale <= 0.75 * near:
                continue
            colors, coverage = kind.draw(rng, size * scale).render()
            if kind.name is None or np.count_nonzero(coverage >= 0.5) >= least_area:
                return Plan(kind, row, scale, colors, coverage)
        return None

    def place(self, plan: Plan, rng: Generator) -> bool:
        """Put an object somewhere along its row. Returns False if there is no room."""
        height, width = plan.coverage.shape
        hangs = plan.kind.rows is None
        top = plan.row - (height // 2 if hangs else height + round(plan.kind.post * plan.scale))
        margin = 0 if hangs else 0.3 * width
        allowed = self._ids_of(plan.kind.on)
        for _ in range(_TRIES):
            left = int(rng.uniform(-margin, max(self.canvas.size.width - width + margin, 1)))
            if hangs:
                below = self.canvas.under(plan.coverage, left, top)
            else:
                below = self.canvas.ids[plan.row - 1, max(left, 0) : max(left + width, 0)]
            if below.size and allowed[below].mean() > 0.9 and self._paint(plan, left, top):
                return True
        return False

    def _paint(self, plan: Plan, left: int, top: int) -> bool:
        """Paint an object with its post and shadows. Returns False if it or another thing would be hidden."""
        label = self._thing_labels.get(plan.kind.name or "")
        if label is None:
            id_, needed = self.stuff_ids.get(plan.kind.name or "", VOID), 0.0
        else:
            id_, needed = self._first_thing + self.things, LEAST_VISIBLE * np.count_nonzero(plan.coverage >= 0.5)
        layers = [(plan.colors, plan.coverage, left, top, id_)]
        if plan.kind.post:
            bottom = top + len(plan.coverage)
            colors, coverage = pole(plan.row - bottom, 0.12 * plan.scale).render()
            layers.append((colors, coverage, left + (plan.coverage.shape[1] - coverage.shape[1]) // 2, bottom, VOID))
        covered = [self.canvas.under(coverage, x, y) for _, coverage, x, y, _ in layers]
        hidden = np.bincount(np.concatenate(covered), minlength=_MAX_IDS)
        if covered[0].size < needed or (self._seen - hidden < self._needed).any():
            return False
        self._seen -= hidden
        if label is not None:
            self._seen[id_], self._needed[id_] = covered[0].size, needed
            self.labels[id_] = label
            self.things += 1
        for colors, coverage, x, y, layer_id in layers:
            if plan.kind.rows is not None:
                self.light.cast(self.canvas, coverage, x, y, plan.row, self._ground)
            self.canvas.paint(colors, coverage, x, y, layer_id)
        return True

    def _ids_of(self, names: Iterable[str]) -> Mask:
        """For every id, whether it belongs to the stuff called ``names``."""
        mask = np.zeros(_MAX_IDS, np.bool_)
        mask[[self.stuff_ids[name] for name in names]] = True
        return mask
