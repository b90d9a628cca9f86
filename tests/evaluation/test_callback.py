"""Figures during training."""

import dataclasses
import math

import pytest

from modelscope_swinpan.categories import COCO_PANOPTIC
from modelscope_swinpan.errors import ConfigError, SwinPanError
from modelscope_swinpan.evaluation import callback, metrics
from modelscope_swinpan.evaluation.callback import evaluator, figures, measure
from modelscope_swinpan.evaluation.evaluate import evaluate
from modelscope_swinpan.inference.network import PanopticPredictor
from tests.runs.fakes import contents

from .painted import dataset, reading_model

pytest.importorskip("hotcoco")


def test_a_model_is_measured_as_evaluate_does(tmp_path):
    data, model = dataset(tmp_path / "data"), reading_model()
    report = evaluate(PanopticPredictor(model), data, tmp_path / "report")
    found = measure(model, data, tmp_path / "run", name="mine")
    assert found == figures(report)
    assert list(found) == ["pq", "pq_things", "pq_stuff", "sq", "rq", "box_ap", "mask_ap"]
    assert found["pq"] == report.panoptic.all.pq > 90
    assert found["mask_ap"] == report.mask_ap.ap > 90
    assert '"model": "mine"' in (tmp_path / "run" / "evaluation" / "report.json").read_text()


def test_a_later_step_replaces_the_former(tmp_path):
    seen = []
    measured = evaluator(reading_model().config, dataset(tmp_path / "data", count=2), tmp_path)
    for step in (1, 2):
        measured(reading_model(seen), step)
    assert sum(seen) == 4  # nothing of the former was kept
    assert '"model": "step 2"' in (tmp_path / "evaluation" / "report.json").read_text()


def test_an_evaluation_of_others_stays(tmp_path):
    """Also one that a user made of the trained model, in the place where ours would be."""
    data = dataset(tmp_path / "data", count=1)
    for make in (
        lambda folder: evaluate(PanopticPredictor(reading_model()), data, folder),
        lambda folder: folder.mkdir() or (folder / "truth.png").write_text("mine"),
    ):
        run = tmp_path / f"run-{len(list(tmp_path.iterdir()))}"
        run.mkdir()
        make(run / "evaluation")
        before = contents(run)
        for begin in (
            lambda: evaluator(reading_model().config, data, run),  # noqa: B023
            lambda: measure(reading_model(), data, run, name="mine"),  # noqa: B023
        ):
            with pytest.raises(ConfigError, match="holds files that are no results of such a run"):
                begin()
        assert contents(run) == before


def test_what_cannot_be_scored_is_nan():
    quality = metrics.PanopticQuality(all=None, things=None, stuff=None, per_class={})
    assert all(map(math.isnan, callback.panoptic_figures(quality).values()))


def test_without_hotcoco_training_does_not_start(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "hotcoco", None)
    with pytest.raises(ValueError, match="Evaluation needs hotcoco: pip install"):
        evaluator(reading_model().config, dataset(tmp_path / "data", count=1), tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"task": "instance"}, "needs a panoptic model; this one's task is 'instance'"),
        ({"categories": COCO_PANOPTIC[80:81]}, "none of its classes is one of the model's"),
    ],
)
def test_a_model_that_cannot_be_scored_is_not_trained_first(tmp_path, change, message):
    config = dataclasses.replace(reading_model().config, **change)
    with pytest.raises(SwinPanError, match=message):
        evaluator(config, dataset(tmp_path / "data", count=1), tmp_path)
