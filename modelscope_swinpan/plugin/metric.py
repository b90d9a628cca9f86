"""ModelScope's metric of panoptic segmentation."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from modelscope.metrics.base import Metric

from ..categories import COCO_PANOPTIC, Category
from ..coco.remarks import Remark, Remarks
from ..errors import ConfigError, DatasetError
from ..evaluation.callback import panoptic_figures
from ..evaluation.counts import count, panoptic_quality
from ..evaluation.matching import Listed, match
from ..structures import Segment
from .compat import METRIC
from .rows import parse_categories, read_annotation


class PanopticMetric(Metric):
    """Panoptic quality of the pipeline's answers, by panopticapi's protocol.

    Call ``metric.add(answer, row)`` for every image, then ``metric.evaluate()``. There is no average
    precision: it needs instances that a panoptic answer has dropped. The trainer's ``evaluate()`` computes it.
    """

    def __init__(self, categories: Sequence[Category | Mapping[str, Any]] = COCO_PANOPTIC) -> None:
        """``categories`` are the dataset's, in a form that :func:`~.rows.parse_categories` takes.

        Raises:
            DatasetError: a field of a category is missing or wrong.
        """
        self.categories = parse_categories(categories)
        self._images, self._counts = 0, np.zeros((len(self.categories), 4))
        self._remarks: list[Remark] = []

    def add(self, outputs: Mapping[str, Any], inputs: Mapping[str, Any]) -> None:
        """Add the pipeline's answer (``outputs``) to one image, and the image's row as of :class:`~.rows.RowDataset`.

        Segments of classes that the dataset does not have count as void.

        Raises:
            ConfigError: ``outputs`` is not an answer of the panoptic pipeline, or of another size than the row's label.
            DatasetError: the row is wrong.
        """
        truth = read_annotation(inputs, self.categories, f"row {self._images}")
        labels = {category.id: label for label, category in enumerate(self.categories)}
        try:
            ids = np.asarray(outputs["panoptic_seg"], np.int32)
            segments = [
                one for one in (Segment(**one) for one in outputs["segments_info"]) if one.category_id in labels
            ]
            if int(ids.min(initial=0)) < 0 or any(segment.id < 0 for segment in segments):
                raise ValueError("ids are negative")
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigError(
                "The metric takes the pipeline's answer, a dict with panoptic_seg and segments_info; got "
                f"{outputs!r:.100} ({error})."
            ) from None
        if ids.shape != truth.segment_ids.shape:
            raise ConfigError(
                f"panoptic_seg has the shape {ids.shape}, but the row's label has {truth.segment_ids.shape}."
            )
        found = Listed([segment.id for segment in segments], [labels[segment.category_id] for segment in segments])
        matching = match(truth.segment_ids, Listed.of(truth.segments), ids, found)
        if not matching.found_areas.all():
            raise ConfigError("segments_info lists a segment twice, or one that has no pixel in panoptic_seg.")
        self._images += 1
        self._counts += count(matching, len(labels))
        self._remarks += truth.remarks

    def merge(self, other: "PanopticMetric") -> None:
        """Add the images of another process's metric."""
        self._images += other._images
        self._counts += other._counts
        self._remarks += other._remarks

    def evaluate(self) -> dict[str, float]:
        """The figures (0–100): pq, sq and rq of all classes, pq_things, pq_stuff; NaN where there is nothing to score.

        Raises:
            DatasetError: no image was added.
        """
        if not self._images:
            raise DatasetError("No image was added, so there is nothing to evaluate.")
        remarks = Remarks()
        remarks.add(self._remarks)
        remarks.warn()
        return panoptic_figures(panoptic_quality(self._counts, self.categories))


METRIC.register(PanopticMetric)
