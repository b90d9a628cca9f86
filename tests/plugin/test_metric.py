"""The metric, by itself and as ModelScope builds it."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelscope_swinpan.coco.reader import CocoPanoptic
from modelscope_swinpan.errors import ConfigError, DatasetError
from modelscope_swinpan.evaluation.callback import measure
from tests.evaluation.painted import dataset, reading_model

from .test_rows import rows_of

pytest.importorskip("hotcoco")
NAME = "image-panoptic-segmentation-metric"


@pytest.fixture(scope="module")
def painted(tmp_path_factory: pytest.TempPathFactory) -> CocoPanoptic:
    return dataset(tmp_path_factory.mktemp("painted"), count=3, crowd=True)


def answers(segmentor: Any, model: Any, data: CocoPanoptic) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """What the pipeline would answer with this model to the images of ``data``, and their rows."""
    before = segmentor.predictor
    segmentor.predictor = type(before)(model)
    try:
        return [(segmentor(row["image"]), row) for row in rows_of(data)]
    finally:
        segmentor.predictor = before


@pytest.fixture(scope="module")
def answered(painted: CocoPanoptic, segmentor: Any) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """The pipeline's answers, one of them wrong in part, and the rows."""
    pairs = answers(segmentor, reading_model(), painted)
    lost = pairs[0][0]
    lost["segments_info"] = lost["segments_info"][1:]
    return pairs


@pytest.fixture
def metric(painted: CocoPanoptic) -> Any:
    from modelscope.metrics.builder import build_metric

    return build_metric(NAME, default_args={"categories": painted.categories})


def test_the_pipelines_answers_are_scored_as_evaluate_scores_them(
    painted: CocoPanoptic, segmentor: Any, metric: Any, tmp_path: Path
) -> None:
    model = reading_model()
    for answer, row in answers(segmentor, model, painted):
        metric.add(answer, row)
    expected = measure(model, painted, tmp_path, name="")
    assert metric.evaluate() == {name: expected[name] for name in ("pq", "pq_things", "pq_stuff", "sq", "rq")}


def test_a_lost_segment_counts(answered: Any, metric: Any) -> None:
    for answer, row in answered:
        metric.add(answer, row)
    found = metric.evaluate()
    assert found == metric.evaluate()
    assert found["rq"] < 100
    assert found["sq"] > 90


def test_parts_are_merged(answered: Any, metric: Any, painted: CocoPanoptic) -> None:
    other = type(metric)(painted.categories)
    whole = type(metric)(painted.categories)
    for number, (answer, row) in enumerate(answered):
        (metric if number else other).add(answer, row)
        whole.add(answer, row)
    metric.merge(pickle.loads(pickle.dumps(other)))
    assert metric.evaluate() == whole.evaluate()


def test_classes_that_the_dataset_lacks_are_void(answered: Any, metric: Any) -> None:
    for answer, row in answered:
        extra = {**answer["segments_info"][0], "id": 77, "category_id": 15}
        ids = np.where(answer["panoptic_seg"] == answer["segments_info"][-1]["id"], 77, answer["panoptic_seg"])
        metric.add({"panoptic_seg": ids, "segments_info": [*answer["segments_info"][:-1], extra]}, row)
    assert 0 < metric.evaluate()["pq"] < 100


def test_what_is_odd_is_told(answered: Any, metric: Any) -> None:
    answer, row = answered[1]
    metric.add(answer, {**row, "segments_info": [*row["segments_info"], {"id": 9, "category_id": 18}]})
    with pytest.warns(UserWarning, match="1 segment .* without a pixel was left out"):
        metric.evaluate()


def test_mistakes(answered: Any, metric: Any) -> None:
    answer, row = answered[0]
    with pytest.raises(ConfigError, match="takes the pipeline's answer"):
        metric.add({"masks": []}, row)
    with pytest.raises(ConfigError, match=r"panoptic_seg has the shape \(2, 2\), but the row.s label has \(64, 96\)"):
        metric.add({**answer, "panoptic_seg": [[1, 1], [1, 1]]}, row)
    with pytest.raises(DatasetError, match="row 0 has no column 'label'"):
        metric.add(answer, {})
    for segments in (answer["segments_info"] * 2, [{**answer["segments_info"][0], "id": 99}]):
        with pytest.raises(ConfigError, match="lists a segment twice, or one that has no pixel"):
            metric.add({**answer, "segments_info": segments}, row)
    with pytest.raises(ConfigError, match="ids are negative"):
        metric.add({**answer, "panoptic_seg": -answer["panoptic_seg"]}, row)
    with pytest.raises(DatasetError, match="No image was added"):
        metric.evaluate()
