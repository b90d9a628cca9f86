"""The whole analysis, against hotcoco and by hand."""

import json

import hotcoco
import numpy as np
import pytest
from PIL import Image

from modelscope_swinpan.coco.encoding import colors_from_ids
from modelscope_swinpan.coco.reader import CocoPanoptic
from modelscope_swinpan.errors import DatasetError
from modelscope_swinpan.evaluation.evaluate import score
from tests.coco import datasets

from .maps import CAT, CATEGORIES, DOG, SKY, canvas, dataset, predictions


def random_maps(seed, count=8):
    """Maps of blocks with void, and the same moved, with other classes here and there."""
    rng = np.random.default_rng(seed)
    truths, found = [], []
    for _ in range(count):
        blocks = rng.integers(0, 9, (6, 6)).repeat(8, 0).repeat(8, 1).astype(np.int32)
        labels = {id_: int(rng.integers(0, 3)) for id_ in np.unique(blocks).tolist() if id_}
        truths.append((blocks, labels))
        moved = np.roll(blocks, tuple(rng.integers(0, 3, 2)), (0, 1))
        found.append(
            (moved, {id_: label if rng.random() > 0.3 else int(rng.integers(0, 3)) for id_, label in labels.items()})
        )
    return truths, found


@pytest.mark.parametrize(("seed", "crowds"), [(0, ()), (1, (1, 5)), (2, range(1, 9, 2))])
def test_the_quality_is_hotcocos(tmp_path, seed, crowds):
    """With several crowds of one class as well."""
    truths, found = random_maps(seed)
    data = dataset(tmp_path / "data", truths, crowds=crowds)
    folder = predictions(tmp_path / "found", found)
    truth, answers = (
        json.loads((one / "panoptic.json").read_bytes()) for one in (data.layout.json_path.parent, folder)
    )
    evaluation = hotcoco.panoptic.PanopticEval(
        truth, answers, gt_folder=data.layout.panoptic, pred_folder=folder / "panoptic"
    )
    evaluation.evaluate()
    theirs = evaluation.results()
    report = score(data, folder)
    for ours, name in (
        (report.panoptic.all, "All"),
        (report.panoptic.things, "Things"),
        (report.panoptic.stuff, "Stuff"),
    ):
        expected = theirs[name]
        assert [ours.pq, ours.sq, ours.rq] == pytest.approx([100 * expected[figure] for figure in ("pq", "sq", "rq")])
        assert ours.classes == expected["n"]
    classes = report.analysis.figures["classes"]
    for row in classes:
        expected = theirs["per_class"][row["category_id"]]
        assert [row[name] for name in ("pq", "sq", "rq")] == pytest.approx(
            [100 * expected[name] for name in ("pq", "sq", "rq")]
        )
        numbers = [row[name] for name in ("matches", "unmatched_predictions", "unmatched_true")]
        assert numbers == [expected[name] for name in ("tp", "fp", "fn")]
    assert report.analysis.figures["errors"]["pq"] == pytest.approx(report.panoptic.all.pq)
    lost = [row["lost"] for row in classes]
    assert lost == sorted(lost, reverse=True)
    errors = report.analysis.figures["errors"]["kinds"].values()
    assert sum(kind["true_segments"] for kind in errors) == sum(row["unmatched_true"] for row in classes)
    assert sum(kind["predictions"] for kind in errors) == sum(row["unmatched_predictions"] for row in classes)


def test_every_figure_of_two_photos(tmp_path):
    """One is right. In the other the cat is taken for a dog, and the sky matches with 40 of 50 pixels."""
    truth = (canvas(_1=(0, 5), _2=(5, 10)), {1: SKY, 2: CAT})
    wrong = (canvas(_1=(0, 4), _2=(5, 10)), {1: SKY, 2: DOG})
    data = dataset(tmp_path / "data", [truth, truth])
    analysis = score(data, predictions(tmp_path / "found", [truth, wrong])).analysis
    figures = analysis.figures
    assert [(row["name"], row["pq"]) for row in figures["classes"]] == [
        ("dog", 0),
        ("cat", pytest.approx(200 / 3)),
        ("sky", pytest.approx(90)),
    ]
    assert figures["classes"][1]["errors"] == {"wrong class": 1}
    assert [(pair["true"]["name"], pair["predicted"]["name"], pair["segments"]) for pair in figures["confusion"]] == [
        ("sky", "sky", 2),
        ("cat", "cat", 1),
        ("cat", "dog", 1),
    ]
    assert figures["errors"]["kinds"]["wrong class"]["pq_without"] == pytest.approx(95)
    assert figures["by_size"][0]["matches"] == 3
    assert figures["by_number"][0]["photos"] == 2
    assert figures["calibration"]["expected_error"] == 0  # three of four predictions, all of them with 0.75, match
    assert [photo["file_name"] for photo in figures["worst_photos"]] == ["000002.png"]
    assert figures["worst_photos"][0]["pq"] == pytest.approx(80 / 3)
    assert "swinpan eval --thresholds" in figures["thresholds"]["why"]
    assert figures["instances"] is None
    assert len(analysis.photos) == 2


def test_predictions_of_others_have_no_scores(tmp_path):
    truth = (canvas(_1=(0, 10)), {1: CAT})
    data = dataset(tmp_path / "data", [truth])
    assert score(data, data.layout.json_path).analysis.figures["calibration"] is None


def test_only_the_first(tmp_path):
    truth = (canvas(_1=(0, 10)), {1: CAT})
    data = dataset(tmp_path / "data", [truth] * 3, CATEGORIES)
    assert len(score(data, data.layout.json_path, limit=2).analysis.photos) == 2


@pytest.mark.parametrize(
    ("ids", "labels", "message"),
    [
        (canvas(_1=(0, 5), _2=(5, 6)), {1: CAT}, r"panoptic/000001\.png: .* same ids; only one of both has 2"),
        (canvas(_1=(0, 5)), {1: CAT, 5: DOG}, "only one of both has 5"),
        (np.ones((5, 5), np.int32), {1: CAT}, "5 × 5 pixels"),
    ],
)
def test_predictions_that_contradict_their_pngs(tmp_path, ids, labels, message):
    data = dataset(tmp_path / "data", [(canvas(_1=(0, 5)), {1: CAT})])
    folder = predictions(tmp_path / "found", [(canvas(_1=(0, 5)), {1: CAT})])
    content = json.loads((folder / "panoptic.json").read_bytes())
    content["annotations"][0]["segments_info"] = [
        {"id": id_, "category_id": CATEGORIES[label].id} for id_, label in labels.items()
    ]
    (folder / "panoptic.json").write_text(json.dumps(content))
    Image.fromarray(colors_from_ids(ids)).save(folder / "panoptic" / "000001.png")
    with pytest.raises(DatasetError, match=message):
        score(data, folder)


def test_truth_of_another_form(tmp_path):
    """A grey PNG, ids of two categories, which become void, and segments without pixels: told once each."""
    content = datasets.content()
    content["annotations"][0]["segments_info"] = [
        {"id": 70, "category_id": 17, "iscrowd": None},
        {"id": 5, "category_id": 193},
        {"id": 5, "category_id": 17},
        {"id": 9, "category_id": 17},
    ]
    datasets.write(tmp_path, content)
    ids = np.array([[0, 70, 70, 5], [0, 70, 0, 5]], np.uint8)
    Image.fromarray(ids).save(tmp_path / "annotations" / "panoptic_val2017" / "42.png")
    found = [{"id": 1, "category_id": 17}]
    annotations = [{"image_id": 42, "file_name": "42.png", "segments_info": found}]
    (tmp_path / "found").mkdir()
    (tmp_path / "found.json").write_text(json.dumps({"annotations": annotations}))
    Image.fromarray(np.uint8(ids == 70)).save(tmp_path / "found" / "42.png")
    with pytest.warns(UserWarning, match="segments") as caught:
        report = score(CocoPanoptic.open(tmp_path), tmp_path / "found.json")
    assert len(caught) == 2
    assert report.panoptic.per_class.keys() == {17}
    assert report.panoptic.all.pq == 100
