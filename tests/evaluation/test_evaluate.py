"""From a model to a report."""

import json

import pytest

from modelscope_swinpan.coco.reader import CocoPanoptic
from modelscope_swinpan.coco.writer import write_dataset
from modelscope_swinpan.errors import ConfigError, DatasetError
from modelscope_swinpan.evaluation.evaluate import evaluate, score
from modelscope_swinpan.inference.predictor import PanopticPredictor
from tests.evaluation import painted

FILES = ("panoptic.json", "boxes.json", "masks.json", "report.json", "per_class.csv")


@pytest.fixture
def dataset(tmp_path):
    return painted.dataset(tmp_path / "dataset", count=5)


def predictor(seen=None):
    return PanopticPredictor(painted.reading_model(seen))


def contents(folder):
    return [(folder / name).read_bytes() for name in FILES]


def test_all_right_is_100_percent(dataset, tmp_path):
    report = evaluate(predictor(), dataset, tmp_path / "out", model="reader")
    for quality, classes in ((report.panoptic.all, 3), (report.panoptic.things, 2), (report.panoptic.stuff, 1)):
        assert (quality.pq, quality.sq, quality.rq, quality.classes) == (100, 100, 100, classes)
    for precision in (report.box_ap, report.mask_ap):
        assert precision.ap == pytest.approx(100)
        assert precision.per_class == {1: pytest.approx(100), 18: pytest.approx(100)}
    assert report.evaluated["model"] == "reader"
    assert report.evaluated["images"] == 5
    assert report.evaluated["postprocess"]["instance_threshold"] == 0
    assert report.evaluated["instance_truth"] == "the things of panoptic.json"
    assert set(report.evaluated["versions"]) == {"python", "modelscope_swinpan", "torch", "hotcoco"}
    assert json.loads((tmp_path / "out" / "report.json").read_text())["panoptic"]["all"]["pq"] == 100


def test_its_predictions_are_a_coco_panoptic_folder(dataset, tmp_path):
    evaluate(predictor(), dataset, tmp_path / "out")
    found = CocoPanoptic.open(tmp_path / "out")
    assert [entry.id for entry in found.entries] == [entry.id for entry in dataset.entries]
    for index in range(len(dataset)):
        areas = {segment.area for segment in dataset.annotation(index).segments}
        assert {segment.area for segment in found.annotation(index).segments} == areas


def test_a_stopped_run_goes_on(dataset, tmp_path):
    class StoppedError(Exception):
        pass

    def stop(done, total):
        if done == 2:
            raise StoppedError

    with pytest.raises(StoppedError):
        evaluate(predictor(), dataset, tmp_path / "out", progress=stop)
    kept = len((tmp_path / "out" / "predictions.jsonl").read_text().splitlines())
    assert kept == 2
    assert not (tmp_path / "out" / "panoptic.json").exists()
    seen, told = [], []
    evaluate(predictor(seen), dataset, tmp_path / "out", progress=lambda *counts: told.append(counts))
    assert sum(seen) == 3
    assert told == [(done, 5) for done in range(2, 6)]
    evaluate(predictor(), dataset, tmp_path / "other")
    assert contents(tmp_path / "out") == contents(tmp_path / "other")


def test_limit_may_change(dataset, tmp_path):
    seen = []
    assert evaluate(predictor(seen), dataset, tmp_path, limit=2).evaluated["images"] == 2
    assert sum(seen) == 2
    assert evaluate(predictor(seen), dataset, tmp_path).evaluated["images"] == 5
    assert sum(seen) == 5
    assert evaluate(predictor(seen), dataset, tmp_path, limit=1).evaluated["images"] == 1
    assert sum(seen) == 5
    assert len(json.loads((tmp_path / "panoptic.json").read_text())["annotations"]) == 1


def test_a_crowd_counts_for_nothing(tmp_path):
    dataset = painted.dataset(tmp_path / "dataset", count=2, crowd=True)
    report = evaluate(predictor(), dataset, tmp_path / "out")
    assert report.panoptic.all.pq == 100
    assert report.mask_ap.ap == pytest.approx(100)


def test_score_alone(dataset, tmp_path):
    """Truth as a prediction: perfect, and without instances, which a panoptic folder does not tell."""
    report = score(dataset, dataset.layout.json_path.parent)
    assert report.panoptic.all.pq == 100
    assert (report.box_ap, report.mask_ap) == (None, None)
    assert report.evaluated["predictions"] == str(dataset.layout.json_path)
    assert report.evaluated["instance_truth"] is None


def test_score_what_evaluate_wrote(dataset, tmp_path):
    report = evaluate(predictor(), dataset, tmp_path / "out")
    again = score(dataset, tmp_path / "out")
    assert (again.panoptic, again.box_ap, again.mask_ap) == (report.panoptic, report.box_ap, report.mask_ap)


def test_missing_predictions(dataset, tmp_path):
    evaluate(predictor(), dataset, tmp_path / "out", limit=3)
    with pytest.raises(DatasetError, match="no prediction for 2 of 5 images, image 4 for one"):
        score(dataset, tmp_path / "out")
    assert score(dataset, tmp_path / "out", limit=3).panoptic.all.pq == 100


def test_a_png_elsewhere(dataset, tmp_path):
    evaluate(predictor(), dataset, tmp_path / "out")
    path = tmp_path / "out" / "panoptic.json"
    path.write_text(path.read_text().replace("000000000002.png", "../secret.png"))
    with pytest.raises(DatasetError, match="inside"):
        score(dataset, tmp_path / "out")


def test_mistakes(dataset, tmp_path):
    with pytest.raises(ConfigError, match="limit must be at least 1; got 0"):
        evaluate(predictor(), dataset, tmp_path / "out", limit=0)
    with pytest.raises(ConfigError, match=r"not the run\.json of a run"):
        evaluate(predictor(), dataset, dataset.layout.json_path.parent)
    write_dataset(tmp_path / "empty", [], painted.CATEGORIES)
    with pytest.raises(DatasetError, match="no annotated images"):
        evaluate(predictor(), CocoPanoptic.open(tmp_path / "empty"), tmp_path / "out")
