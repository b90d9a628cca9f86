"""What got better and what worse between two evaluations of the same photos.

Whether a change is more than chance is judged by a paired bootstrap over photos: both evaluations are scored again on
photos that are drawn with repetition, as many as there are, and the middle 95 % of the changes are the interval.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..coco.reader import CocoPanoptic
from ..errors import ConfigError, DatasetError
from .counts import means, qualities
from .matching import Floats
from .photos import PER_PHOTO, Photos

RESAMPLES, CONFIDENCE, SEED = 1000, 0.95, 0
FEWEST = 5
"""With fewer photos there is no interval: they say too little about other photos."""
SHOWN = 10
"""Photos that gained most, and that lost most."""
_AT_ONCE = 64  # resamples that are computed together


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """Another evaluation of a dataset's first photos, and the folder that it was read from."""

    folder: Path
    photos: Photos


def read_baseline(path: Path, dataset: CocoPanoptic, number: int) -> Baseline:
    """Read an evaluation of the first ``number`` photos: its folder, or the ``report.json`` in it.

    Raises:
        ConfigError: it is none, or was made by a version that wrote no ``per_photo.jsonl``.
        DatasetError: it is of other photos or classes, or damaged.
    """
    folder = path if path.is_dir() else path.parent
    file = folder / PER_PHOTO
    try:
        photos = Photos.read(file.read_bytes().splitlines(), dataset.labels)
    except OSError:
        raise ConfigError(
            f"{path}: no {PER_PHOTO} there. Give a folder that swinpan eval wrote, or evaluate again if an earlier "
            "version wrote it."
        ) from None
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise DatasetError(
            f"{file} is damaged, or of a dataset with other classes ({type(error).__name__}: {error}). Compare "
            "evaluations of one dataset."
        ) from None
    ours = [(entry.id, entry.name) for entry in dataset.entries[:number]]
    theirs = list(zip(photos.ids, photos.names, strict=True))
    if len(ours) != len(theirs) and ours[: len(theirs)] == theirs[: len(ours)]:
        raise DatasetError(
            f"{folder} evaluates {len(theirs)} photos, this evaluation {len(ours)}: both must look at the same. Use "
            "--limit for the larger one."
        )
    if ours != theirs:
        other = next((name for (id_, name) in theirs if (id_, name) not in set(ours)), "the order")
        raise DatasetError(
            f"{folder} evaluates other photos than {dataset.layout.json_path} has (for example {other:.80}). Compare "
            "evaluations of one dataset."
        )
    return Baseline(folder=folder, photos=photos)


def compare(baseline: Baseline, lines: Sequence[str], dataset: CocoPanoptic) -> dict[str, Any]:
    """JSON of the changes from ``baseline`` to another evaluation, whose photos are ``lines`` (:mod:`.photos`).

    Raises:
        DatasetError: the truth of a photo was another one.
    """
    before, after = baseline.photos, Photos.read(lines, dataset.labels)
    changed = [name for name, was, is_ in zip(after.names, before.truths, after.truths, strict=True) if was != is_]
    if changed:
        raise DatasetError(
            f"{baseline.folder} evaluates other truth: {len(changed)} of {len(lines)} photos were annotated otherwise, "
            f"for example {changed[0]:.80}. Evaluate it again on {dataset.layout.json_path}; new predictions are kept."
        )
    things = np.array([category.isthing for category in dataset.categories], bool)
    intervals = _intervals(before, after, things)
    values = [_summary(np.asarray(photos.counts.sum(0)).reshape(-1, 4), things) for photos in (before, after)]
    number = len(lines)
    named = {
        name: _change([value[index] for value in values], intervals[:, index], number)
        for index, name in enumerate(("all", "things", "stuff"))
    }
    return {
        "other": str(baseline.folder),
        "resamples": RESAMPLES,
        "confidence": CONFIDENCE,
        "seed": SEED,
        "fewest": FEWEST,
        **named,
        "classes": _classes(before, after, values, intervals, dataset),
        "photos": _photos(before, after),
    }


def _summary(counts: Floats, things: Any) -> Floats:
    """PQ of all, things and stuff, then of each class: (…, 3 + K) of counts (…, K, 4)."""
    found = qualities(counts)
    parts = (found, found[..., things, :], found[..., ~things, :])
    grouped = np.stack([means(part)[..., 0] for part in parts], axis=-1)
    return np.concatenate([grouped, found[..., 0]], axis=-1)


def _intervals(before: Photos, after: Photos, things: Any) -> Floats:
    """The lower and upper ends (2, 3 + K) of the changes of :func:`_summary`; NaN where nothing can be drawn."""
    number = len(before.ids)
    rng = np.random.default_rng(SEED)
    changes = []
    for start in range(0, RESAMPLES, _AT_ONCE):
        rows = min(_AT_ONCE, RESAMPLES - start)
        times = rng.multinomial(number, np.full(number, 1 / number), size=rows).astype(np.float64)
        first, second = (
            _summary((photos.counts.T @ times.T).T.reshape(rows, -1, 4), things) for photos in (before, after)
        )
        changes.append(second - first)
    drawn = np.concatenate(changes)
    outside = (1 - CONFIDENCE) / 2
    known = ~np.isnan(drawn).all(0)
    ends = np.full((2, drawn.shape[1]), np.nan)
    ends[:, known] = np.nanquantile(drawn[:, known], [outside, 1 - outside], axis=0)
    return ends


def _change(values: Sequence[float], interval: Floats, photos: int) -> dict[str, float | None]:
    """The change of one figure, None where one of both has none."""
    before, after = values
    low, high = (end if photos >= FEWEST else None for end in map(_number, interval))
    return {
        "before": _number(before),
        "after": _number(after),
        "change": _number(after - before),
        "low": low,
        "high": high,
    }


def _classes(
    before: Photos, after: Photos, values: list[Floats], intervals: Floats, dataset: CocoPanoptic
) -> list[dict[str, Any]]:
    """The changes of the classes that have segments, the greatest gain first."""
    occurs = (before.counts + after.counts) > 0
    rows = []
    for label, category in enumerate(dataset.categories):
        photos = int((occurs[:, 4 * label : 4 * label + 4].sum(1) > 0).sum())
        change = _change([value[3 + label] for value in values], intervals[:, 3 + label], photos)
        if photos:
            rows.append({"category_id": category.id, "name": category.name, **change, "photos": photos})
    return sorted(rows, key=lambda row: -(row["change"] or 0))


def _photos(before: Photos, after: Photos) -> dict[str, Any]:
    """How many photos gained and lost, and those that did most."""
    rows: list[dict[str, Any]] = []
    for index, (id_, name) in enumerate(zip(after.ids, after.names, strict=True)):
        was, is_ = (
            float(means(qualities(photos.counts[[index]].toarray().reshape(-1, 4)))[0]) for photos in (before, after)
        )
        if was != is_ and not np.isnan(was - is_):
            rows.append({"image_id": id_, "file_name": name, "before": was, "after": is_, "change": is_ - was})
    rows.sort(key=lambda row: row["change"])
    better = sum(row["change"] > 0 for row in rows)
    return {
        "better": better,
        "worse": len(rows) - better,
        "same": len(after.ids) - len(rows),
        "gained": [row for row in rows[::-1] if row["change"] > 0][:SHOWN],
        "lost": [row for row in rows if row["change"] < 0][:SHOWN],
    }


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
