"""True and predicted maps made by hand, on 10 × 10 pixels."""

import numpy as np

from modelscope_swinpan.categories import Category
from modelscope_swinpan.coco.annotation import Example, annotate
from modelscope_swinpan.coco.reader import CocoPanoptic
from modelscope_swinpan.coco.writer import CocoPanopticWriter, write_dataset
from modelscope_swinpan.evaluation.matching import Listed, match
from modelscope_swinpan.inference.regions import make_segment
from modelscope_swinpan.inference.results import PanopticResult

SKY, CAT, DOG = range(3)
CATEGORIES = (
    Category(1, "sky", False, (70, 130, 180)),
    Category(7, "cat", True, (220, 20, 60)),
    Category(9, "dog", True, (0, 160, 0)),
)
LABELS = {category.id: label for label, category in enumerate(CATEGORIES)}


def canvas(**rows):
    """``_3=(0, 5)`` gives rows 0 to 5 the id 3, ``_3=(0, 5, 2, 4)`` only their columns 2 to 4."""
    ids = np.zeros((10, 10), np.int32)
    for name, (top, bottom, *columns) in rows.items():
        ids[top:bottom, slice(*columns) if columns else slice(None)] = int(name[1:])
    return ids


def listed(labels, scores=(), crowds=()):
    """Segments by id, each of a label."""
    scores = [dict(scores).get(id_, np.nan) for id_ in labels]
    return Listed(list(labels), list(labels.values()), crowd=[id_ in crowds for id_ in labels], scores=scores)


def matching(truth, found, scores=(), crowds=()):
    """The matching of two pairs of a map and labels by id."""
    (true_ids, true), (found_ids, predicted) = truth, found
    return match(true_ids, listed(true, crowds=crowds), found_ids, listed(predicted, scores))


def dataset(folder, truths, categories=CATEGORIES, crowds=()):
    """Grey photos with these pairs as their truth."""
    annotations = [annotate(ids, labels, crowds) for ids, labels in truths]
    examples = (
        Example(
            segment_ids=one.segment_ids, segments=one.segments, image=np.full((*one.segment_ids.shape, 3), 90, np.uint8)
        )
        for one in annotations
    )
    write_dataset(folder, examples, categories)
    return CocoPanoptic.open(folder)


def predictions(folder, found, score=0.75, categories=CATEGORIES):
    """A folder of predictions in COCO's panoptic format, all of one score."""
    folder.mkdir(parents=True, exist_ok=True)
    with CocoPanopticWriter(folder / "panoptic.json", categories) as writer:
        for number, (ids, labels) in enumerate(found, start=1):
            segments = tuple(
                make_segment(info.id, info.label_id, categories, info.area, info.box, score)
                for info in annotate(ids, labels).segments
            )
            writer.add(f"{number:06d}.png", f"{number:06d}.png", PanopticResult(ids, segments, void_id=0))
    return folder
