import csv
import json

import pytest

from modelscope_swinpan.categories import Category
from modelscope_swinpan.evaluation.metrics import AveragePrecision, PanopticQuality, Quality
from modelscope_swinpan.evaluation.report import Report

CATEGORIES = (
    Category(3, "cat, wild", True, (0, 0, 0)),
    Category(5, "sky", False, (9, 9, 9)),
    Category(8, "snow", False, (1, 1, 1)),
)


def precision(ap):
    names = [name for name in AveragePrecision.__annotations__ if name not in ("ap", "per_class")]
    return AveragePrecision(ap=ap, **dict.fromkeys(names, 1.0), per_class={3: ap})


@pytest.fixture
def report():
    panoptic = PanopticQuality(
        all=Quality(pq=57.64, sq=80, rq=70, classes=2),
        things=Quality(pq=60, sq=81.25, rq=71, classes=1),
        stuff=None,
        per_class={3: Quality(pq=60, sq=81.25, rq=71), 5: Quality(pq=0, sq=0, rq=0)},
    )
    return Report(
        panoptic=panoptic, box_ap=precision(12.3456), mask_ap=None, categories=CATEGORIES, evaluated={"images": 4}
    )


def test_table(report):
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in report.table().splitlines()]
    assert cells[0] == ["box mAP", "mask mAP", "PQ"]
    assert cells[2] == ["12.3", "–", "57.6"]
    assert cells[4:] == [
        ["", "PQ", "SQ", "RQ", "classes"],
        [":--:"] * 5,
        ["all", "57.6", "80.0", "70.0", "2"],
        ["things", "60.0", "81.2", "71.0", "1"],
    ]


def test_json(report, tmp_path):
    report.save(tmp_path / "new")
    content = json.loads((tmp_path / "new" / "report.json").read_text())
    assert content["evaluated"] == {"images": 4}
    assert content["panoptic"]["all"] == {"pq": 57.64, "sq": 80, "rq": 70, "classes": 2}
    assert content["box_ap"]["ap"] == 12.3456
    assert content["mask_ap"] is None


def test_per_class(report, tmp_path):
    report.save(tmp_path)
    with (tmp_path / "per_class.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [
        ["category_id", "name", "isthing", "pq", "sq", "rq", "box_ap", "mask_ap"],
        ["3", "cat, wild", "1", "60.000", "81.250", "71.000", "12.346", ""],
        ["5", "sky", "0", "0.000", "0.000", "0.000", "", ""],
        ["8", "snow", "0", "", "", "", "", ""],
    ]
