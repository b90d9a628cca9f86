import json

import pytest

from modelscope_swinpan.card.figures import check_weights, named_figures, published_json, read_report
from modelscope_swinpan.checkpoints.load import load_model
from modelscope_swinpan.checkpoints.save import save_pretrained
from modelscope_swinpan.errors import ConfigError
from modelscope_swinpan.evaluation.evaluate import evaluate
from modelscope_swinpan.evaluation.report import Report
from modelscope_swinpan.inference.network import PanopticPredictor
from tests.builders import SMALL, random_model
from tests.evaluation import painted


@pytest.fixture
def changed(evaluated, tmp_path):
    """A report with an entry replaced, or taken out."""

    def change(*keys, value=None):
        content = json.loads((evaluated / "report.json").read_text())
        part = content
        for key in keys[:-1]:
            part = part[key]
        if value is None:
            del part[keys[-1]]
        else:
            part[keys[-1]] = value
        (tmp_path / "changed.json").write_text(json.dumps(content))
        return tmp_path / "changed.json"

    return change


def test_a_report_is_read_as_it_was_written(evaluated, tmp_path):
    model = painted.reading_model()
    written = evaluate(PanopticPredictor(model), painted.dataset(tmp_path / "data", count=2), tmp_path / "out")
    read = read_report(tmp_path / "out" / "report.json")
    assert isinstance(read, Report)
    assert (read.panoptic, read.box_ap, read.mask_ap) == (written.panoptic, written.box_ap, written.mask_ap)
    assert read.table() == written.table()
    assert set(named_figures(read)) == {"PQ", "PQ (things)", "PQ (stuff)", "SQ", "RQ", "box mAP", "mask mAP"}


def test_figures_have_two_places_and_only_those_there_are(changed):
    path = changed("panoptic", "all", "pq", value=57.6149)
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "box_ap": None, "mask_ap": None}))
    figures = named_figures(read_report(path))
    assert figures["PQ"] == 57.61
    assert set(figures) == {"PQ", "PQ (things)", "PQ (stuff)", "SQ", "RQ"}


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (("panoptic",), None),
        (("panoptic",), [1]),
        (("panoptic", "all", "pq"), None),
        (("panoptic", "all", "pq"), 157.6),
        (("panoptic", "all", "pq"), "57.6"),
        (("panoptic", "all", "pq"), float("nan")),
        (("panoptic", "per_class"), {"x": {"pq": 1.0, "sq": 1.0, "rq": 1.0}}),
        (("box_ap", "ap"), True),
        (("box_ap", "ap"), "52.2"),
        (("box_ap", "ap50"), None),
        (("mask_ap", "more"), 1.0),
        (("evaluated",), "x"),
    ],
)
def test_what_no_evaluation_wrote(changed, keys, value):
    with pytest.raises(ConfigError, match=r"is no report.json of swinpan eval"):
        read_report(changed(*keys, value=value))


def test_scores_of_foreign_predictions_are_no_models(changed):
    with pytest.raises(ConfigError, match=r"evaluated\.weights_sha256 is missing"):
        read_report(changed("evaluated", "weights_sha256"))
    with pytest.raises(ConfigError, match="Cannot read"):
        read_report(changed("evaluated", "dtype").with_name("none.json"))


def test_figures_are_of_the_weights_in_whatever_form(evaluated, tmp_path):
    report = read_report(evaluated / "report.json")
    check_weights(report, evaluated / "model")
    save_pretrained(load_model(evaluated / "model"), tmp_path / "converted", form="mmdet")
    check_weights(report, tmp_path / "converted")
    save_pretrained(random_model(SMALL, seed=1), tmp_path / "other")
    with pytest.raises(ConfigError, match="another model"):
        check_weights(report, tmp_path / "other")


def test_figures_of_other_classes_are_of_another_model(evaluated, model):
    file = model / "configuration.json"
    file.write_text(file.read_text().replace('"person"', '"robot"'))
    with pytest.raises(ConfigError, match="another model"):
        check_weights(read_report(evaluated / "report.json"), model)


def test_places_are_not_published(evaluated):
    told, published = (
        json.loads((evaluated / "report.json").read_text()),
        json.loads(published_json(evaluated / "report.json")),
    )
    assert told["evaluated"].pop("model") == "/home/me/model"
    assert published == told
