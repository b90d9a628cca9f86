"""PQ by both thresholds as the page shows it, of the figures of :class:`~.thresholds.Thresholds`."""

from collections.abc import Mapping
from operator import itemgetter
from typing import Any

from .tables import figure

NAMES = ("object_mask_threshold", "overlap_threshold")
DARKEST = 0.6
_values = itemgetter(*NAMES)


def heatmap(found: Mapping[str, Any]) -> dict[str, Any] | None:
    """Words on the present and the best point, rows of cells with their shade (0–1), and the steps with their names.

    None where no other thresholds were looked at.
    """
    if not found["computed"]:
        return None
    known = [pq for row in found["pq"] for pq in row if pq is not None] or [0.0]
    lowest, spread = min(known), (max(known) - min(known)) or 1.0

    def cell(point: tuple[float, float], pq: float | None) -> dict[str, Any]:
        shade = 0.0 if pq is None else DARKEST * (pq - lowest) / spread
        marks = {which: point == _values(found[which]) for which in ("present", "best")}
        return {"pq": pq, "shade": shade, **marks}

    rows = [
        (threshold, [cell((threshold, value), pq) for value, pq in zip(found["overlap_thresholds"], row, strict=True)])
        for threshold, row in zip(found["object_mask_thresholds"], found["pq"], strict=True)
    ]
    return {"words": _words(found), "rows": rows, "steps": [(_step(found, point), point) for point in found["steps"]]}


def _words(found: Mapping[str, Any]) -> str:
    present, best = found["present"], found["best"]
    with_values = [f"{NAMES[0]} {one[NAMES[0]]} and {NAMES[1]} {one[NAMES[1]]}" for one in (present, best)]
    now = f"PQ is {figure(present['pq'])} with {with_values[0]}"
    if present == best:
        return f"{now}, and no other pair in this table gives more."
    return f"{now}. The best of this table is {figure(best['pq'])}, with {with_values[1]}."


def _step(found: Mapping[str, Any], point: Mapping[str, Any]) -> str:
    """What was done to one threshold, as in "overlap_threshold raised to 0.9"."""
    name = next(name for name in NAMES if point[name] != found["present"][name])
    return f"{name} {'raised' if point[name] > found['present'][name] else 'lowered'} to {point[name]}"
