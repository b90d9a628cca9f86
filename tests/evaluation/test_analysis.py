"""The whole analysis, against hotcoco and by hand."""

import numpy as np
import pytest

from modelscope_swinpan.evaluation.evaluate import score

from .maps import CAT, CATEGORIES, DOG, SKY, canvas, dataset, predictions

pytest.importorskip("hotcoco")


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
def test_the_classes_have_hotcocos_quality(tmp_path, seed, crowds):
    """With several crowds of one class as well."""
    truths, found = random_maps(seed)
    data = dataset(tmp_path / "data", truths, crowds=crowds)
    report = score(data, predictions(tmp_path / "found", found))
    classes = report.analysis.figures["classes"]
    assert {row["category_id"] for row in classes} == set(report.panoptic.per_class)
    for row in classes:
        theirs = report.panoptic.per_class[row["category_id"]]
        assert (row["pq"], row["sq"], row["rq"]) == pytest.approx((theirs.pq, theirs.sq, theirs.rq))
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
